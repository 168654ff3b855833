"""Resize a crop to a prior's size from its known pixels only, and the prior's picture back."""

from __future__ import annotations

import cv2
import numpy as np

from inpaint.errors import ImageError, MaskError

_KNOWN_SHARE = 0.1  # A shrunk pixel is hole if less of its area is known.


def shrink(image: np.ndarray, mask: np.ndarray, size: int) -> tuple[np.ndarray, np.ndarray]:
    """Resize a crop to the prior's square from its known pixels only.

    A crop that is not square is first padded, evenly on both sides, with hole: the aspect ratio
    stays and nothing is invented. Then small = area(image * known) / area(known), with known =
    1 - mask, so no hole content bleeds in. A crop smaller than ``size`` is enlarged instead,
    after each hole pixel has taken the nearest known colour.

    Parameters
    ----------
    image : ndarray (h, w, 3), float in [0, 1]
        Its values inside the hole are not read.
    mask : ndarray (h, w) of bool
        True = hole.
    size : int
        Side of the result.

    Returns
    -------
    small : ndarray (size, size, 3), float32
        In [0, 1], and 0 inside the hole. Known pixels are identical where sizes are equal.
    small_mask : ndarray (size, size) of bool
        True where less than a tenth of the pixel's area is known.

    Raises
    ------
    ImageError, MaskError
        The shapes do not agree, or the mask is not boolean.
    """
    if image.ndim != 3 or image.shape[2] != 3:
        raise ImageError(f"crop has shape {image.shape}; expected (h, w, 3)")
    if mask.dtype != np.bool_ or mask.shape != image.shape[:2]:
        raise MaskError(f"mask is {mask.dtype} {mask.shape}; expected bool {image.shape[:2]}")
    side, rows, cols = _square(mask.shape)
    square, hole = np.zeros((side, side, 3), dtype=np.float32), np.ones((side, side), dtype=bool)
    square[rows, cols] = np.where(mask[..., None], np.float32(0), image)
    hole[rows, cols] = mask
    if side > size:
        share = cv2.resize((~hole).astype(np.float32), (size, size), interpolation=cv2.INTER_AREA)
        small = cv2.resize(square, (size, size), interpolation=cv2.INTER_AREA)
        hole = share < _KNOWN_SHARE
        small = small / np.maximum(share, _KNOWN_SHARE)[..., None]
    elif side < size:
        square = fill_nearest(square, hole)
        small = cv2.resize(square, (size, size), interpolation=cv2.INTER_CUBIC)
        # Plain INTER_NEAREST is off by up to a pixel; the exact one keeps pixel centres.
        exact = cv2.INTER_NEAREST_EXACT
        hole = cv2.resize(hole.view(np.uint8), (size, size), interpolation=exact).astype(bool)
    else:
        small = square
    small = np.clip(small, 0.0, 1.0)
    small[hole] = 0.0
    return small, hole


def enlarge(guide: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """Bring a prior's square picture to a crop's size and shape: the inverse of `shrink`.

    Parameters
    ----------
    guide : ndarray (size, size, 3), float in [0, 1]
        The prior's picture.
    shape : (h, w)
        Size of the crop; the padding that `shrink` added around it is cut off.

    Returns
    -------
    ndarray (h, w, 3), float32
        In [0, 1]; bicubic when growing, area means when shrinking, equal when neither.

    Raises
    ------
    ImageError
        The guide is not square.
    """
    if guide.ndim != 3 or guide.shape[0] != guide.shape[1]:
        raise ImageError(f"guide has shape {guide.shape}; expected (size, size, 3)")
    side, rows, cols = _square(shape)
    full: np.ndarray = guide.astype(np.float32)
    if side != guide.shape[0]:
        method = cv2.INTER_CUBIC if side > guide.shape[0] else cv2.INTER_AREA
        full = cv2.resize(full, (side, side), interpolation=method)
    return np.clip(full[rows, cols], 0.0, 1.0)


def _square(shape: tuple[int, ...]) -> tuple[int, slice, slice]:
    """Return the padded square's side and where a crop of this shape lies in it."""
    height, width = shape[:2]
    side = max(height, width)
    top, left = (side - height) // 2, (side - width) // 2
    return side, slice(top, top + height), slice(left, left + width)


def fill_nearest(image: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Give each hole pixel of ``image`` (H, W, C) the colour of (nearly) its nearest known pixel.

    ``mask`` is (H, W) bool, True = hole. Type and range stay; without a known pixel all is zero.
    """
    if mask.all():
        return np.zeros_like(image)
    # Each pixel gets the label of its nearest zero pixel, here a known one, in one pass and with
    # 8 bytes a pixel; SciPy's exact transform takes seconds.
    zeros, metric = np.ascontiguousarray(mask).view(np.uint8), (cv2.DIST_L2, cv2.DIST_MASK_5)
    _, nearest = cv2.distanceTransformWithLabels(zeros, *metric, labelType=cv2.DIST_LABEL_PIXEL)
    known = ~mask
    source = np.zeros(int(nearest.max()) + 1, dtype=np.int64)
    source[nearest[known]] = np.flatnonzero(known)
    filled = image.copy()
    filled[mask] = image.reshape(-1, image.shape[2])[source[nearest[mask]]]
    return filled

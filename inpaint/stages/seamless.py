"""OpenCV's seamlessClone, made safe: no shift, no bleeding, any border, inputs untouched."""

from __future__ import annotations

import cv2
import numpy as np

from inpaint.errors import ImageError, MaskError
from inpaint.patch import Patch
from inpaint.resize import fill_nearest

# seamlessClone erodes the mask three times and takes the destination's gradients, one pixel
# wide, outside the rest: with a mask four pixels larger than the hole they are all known.
_RING = 4
_FRAME = 2  # the clone keeps the outermost pixels, so the mask must stay off them


def apply(patch: Patch) -> Patch:
    """Blend the guide into the hole with OpenCV's seamlessClone (8-bit, approximate edges)."""
    return patch.with_filled(clone(patch.image, patch.guide, patch.mask))


def clone(image: np.ndarray, guide: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Fill each hole by ``cv2.seamlessClone`` (NORMAL_CLONE) of the guide onto the image.

    It solves Poisson's equation on the hole's whole rectangle (Pérez, Gangnet and Blake 2003),
    so a pixel just outside the hole is matched through its gradients only: `poisson.blend` is
    exact and keeps more than 8 bits. A hole at the image's border is mirrored there first,
    which makes the border a free edge, as `poisson.blend` has it.

    Parameters
    ----------
    image : ndarray (H, W, 3), float in [0, 1]
        Known image; its values inside the hole are not read.
    guide : ndarray (H, W, 3), float in [0, 1]
        Picture whose gradients the hole takes.
    mask : ndarray (H, W) of bool
        True = hole.

    Returns
    -------
    ndarray (H, W, 3), float32
        ``image`` outside the hole; multiples of 1/255 inside. A mask without any known pixel
        gives the guide.

    Raises
    ------
    ImageError, MaskError
        The shapes do not agree, or the mask is not boolean.
    """
    if image.ndim != 3 or image.shape[2] != 3 or guide.shape != image.shape:
        raise ImageError(f"image {image.shape} and guide {guide.shape} must share one (H, W, 3)")
    if mask.dtype != np.bool_ or mask.shape != image.shape[:2]:
        raise MaskError(f"mask is {mask.dtype} {mask.shape}; expected bool {image.shape[:2]}")
    if mask.all():
        return guide.astype(np.float32)
    # A neighbour's hole may lie in a hole's rectangle and needs a colour that disturbs little.
    target = _to_bytes(fill_nearest(image, mask))
    source = _to_bytes(guide)
    kernel = np.ones((2 * _RING + 1, 2 * _RING + 1), dtype=np.uint8)
    grown = cv2.dilate(mask.astype(np.uint8), kernel)
    count, labels, stats, _ = cv2.connectedComponentsWithStats(grown, connectivity=8)
    result = image.astype(np.float32)
    for label in range(1, count):
        x, y, w, h, _ = stats[label].tolist()
        box = slice(max(y - _FRAME, 0), y + h + _FRAME), slice(max(x - _FRAME, 0), x + w + _FRAME)
        own = labels[box] == label
        pads = (
            (h if y == 0 else 0, h if y + h == mask.shape[0] else 0),
            (w if x == 0 else 0, w if x + w == mask.shape[1] else 0),
        )
        cloned = _clone_one(source[box], target[box], own, pads)
        hole = own & mask[box]
        result[box][hole] = cloned[hole] / np.float32(255)
    return result


def _clone_one(
    source: np.ndarray, target: np.ndarray, own: np.ndarray, pads: tuple[tuple[int, int], ...]
) -> np.ndarray:
    """Clone one component, mirrored by ``pads`` at the image's borders; its box comes back."""
    frame = ((_FRAME, _FRAME), (_FRAME, _FRAME))
    region = np.pad(np.pad(own, pads, mode="symmetric"), frame).astype(np.uint8) * 255
    colours = [
        np.pad(np.pad(a, (*pads, (0, 0)), mode="symmetric"), (*frame, (0, 0)), mode="edge")
        for a in (source, target)
    ]
    # OpenCV puts the centre of the mask's bounding box, not of the picture, at this point.
    x, y, w, h = cv2.boundingRect(region)
    point = (x + w // 2, y + h // 2)
    # It also writes into the mask it is given; `region` is ours.
    cloned = cv2.seamlessClone(colours[0], colours[1], region, point, cv2.NORMAL_CLONE)
    top, left = pads[0][0] + _FRAME, pads[1][0] + _FRAME
    return cloned[top : top + own.shape[0], left : left + own.shape[1]]


def _to_bytes(image: np.ndarray) -> np.ndarray:
    return np.rint(np.clip(image, 0.0, 1.0) * 255).astype(np.uint8)

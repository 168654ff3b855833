"""Masks: (H, W) bool arrays in which True (white in a file) is the hole to fill."""

from __future__ import annotations

import os

import cv2
import numpy as np

from inpaint import images
from inpaint.errors import MaskError
from inpaint.images.picture import Picture

HALF = 128  # of 255: from here on a value counts as white, or as opaque


def load(
    path: str | os.PathLike[str],
    *,
    shape: tuple[int, ...] | None = None,
    invert: bool = False,
    allow_empty: bool = False,
    allow_full: bool = False,
) -> np.ndarray:
    """Read a mask file: white (luma of at least 128 of 255) is the hole.

    With an alpha channel a hole must also be opaque (alpha of at least 128), so that what a
    brush erased does not count. Where all colours are the same and only alpha differs, as for
    strokes in one colour on a transparent layer, the opaque pixels are the hole, whatever the
    colour.

    Parameters
    ----------
    path : str or path
        Any image that ``images.read`` reads; its EXIF orientation is applied.
    shape : (H, W) or (H, W, C), optional
        Shape of the image that the mask is for; checked.
    invert : bool
        Black is the hole.
    allow_empty, allow_full : bool
        Accept a mask without hole, or one that is all hole.

    Returns
    -------
    ndarray (H, W) of bool
        True = hole.

    Raises
    ------
    ImageError
        If the file cannot be read.
    MaskError
        If the size is another than the image's, or the mask is empty or full.
    """
    mask = from_picture(images.read(path), invert=invert)
    try:
        check(
            mask,
            mask.shape if shape is None else shape,
            allow_empty=allow_empty,
            allow_full=allow_full,
        )
    except MaskError as error:
        raise MaskError(f"{str(path)!r}: {error}") from None
    return mask


def from_picture(picture: Picture, *, invert: bool = False) -> np.ndarray:
    """Return the hole that a mask's picture shows, by the rules of ``load``, as (H, W) bool."""
    light = images.luma(picture)
    white = light >= _half(picture) * 1000
    opaque = None if picture.alpha is None else picture.alpha >= _half(picture)
    if opaque is not None:
        colours = picture.pixels[..., :-1]
        one_colour = bool((colours == colours[0, 0]).all())
        white = opaque if one_colour and not opaque.all() else white & opaque
    return ~white if invert else white


def from_alpha(picture: Picture) -> np.ndarray:
    """Return the erased part of a picture (alpha below 128 of 255) as (H, W) bool, True = hole.

    Raises
    ------
    MaskError
        If the picture has no alpha channel. An alpha channel without erased pixels gives an
        empty mask, which ``check`` reports.
    """
    if picture.alpha is None:
        raise MaskError(
            f"the image ({picture.format}) has no alpha channel to take the hole from; "
            "erase the hole and save as PNG, or give a mask"
        )
    return picture.alpha < _half(picture)


def _half(picture: Picture) -> int:
    return HALF * (picture.peak // 255)


def as_mask(array: np.ndarray, shape: tuple[int, ...] | None = None) -> np.ndarray:
    """Turn what people call a mask into a new (H, W) bool array, True = hole.

    Parameters
    ----------
    array : ndarray (H, W) or (H, W, 1)
        bool; integers 0 and 1, or 0 to 255 (uint16 also 0 to 65535), or floats in [0, 1]; from
        half of white on a value is a hole.
    shape : (H, W) or (H, W, C), optional
        Shape of the image that the mask is for; checked.

    Raises
    ------
    MaskError
        If shape or values leave open what is meant.
    """
    if not isinstance(array, np.ndarray):
        raise MaskError(
            f"the mask is {type(array).__name__}, expected a numpy array; "
            "use masks.load for a path, np.asarray for anything else"
        )
    flat = array[..., 0] if array.ndim == 3 and array.shape[2] == 1 else array
    if flat.ndim != 2 or 0 in flat.shape:
        raise MaskError(
            f"the mask has shape {array.shape}, expected (H, W) or (H, W, 1); "
            "pass one channel, for instance mask[..., 0]"
        )
    mask = _white(flat)
    if shape is not None:
        _check_size(mask, shape)
    return mask


def _white(values: np.ndarray) -> np.ndarray:
    if values.dtype == np.bool_:
        return values.copy()
    kinds = (np.integer, np.floating)
    low, high = (
        (float(values.min()), float(values.max()))
        if any(np.issubdtype(values.dtype, kind) for kind in kinds)
        else (np.nan, np.nan)
    )
    if np.issubdtype(values.dtype, np.floating):
        if low >= 0 and high <= 1:
            return values >= 0.5
    elif low >= 0 and high <= 1:
        return values == 1
    elif low >= 0 and HALF <= high <= 255:
        return values >= HALF
    elif values.dtype.kind == "u" and values.dtype.itemsize == 2 and high >= HALF * 257:
        return values >= HALF * 257
    raise MaskError(
        f"the mask is {values.dtype} with values from {low:g} to {high:g}, expected bool, "
        "0 and 1, 0 and 255, or floats in [0, 1]; compare it, for instance mask > 0"
    )


def check(
    mask: np.ndarray,
    shape: tuple[int, ...],
    *,
    allow_empty: bool = False,
    allow_full: bool = False,
) -> None:
    """Raise MaskError if a (H, W) bool mask does not fit an image of shape (H, W) or (H, W, C).

    It fits if sizes agree, and if there is a hole as well as something known around it.
    """
    _check_size(mask, shape)
    if not allow_empty and not mask.any():
        raise MaskError(
            "the mask marks no hole, expected some white pixels (128 of 255 or more); "
            "paint the hole white, or invert the mask if black marks it"
        )
    if not allow_full and mask.all():
        raise MaskError(
            "the mask marks everything as hole, expected some known pixels; "
            "paint only the hole white, or invert the mask if black marks it"
        )


def _check_size(mask: np.ndarray, shape: tuple[int, ...]) -> None:
    height, width = shape[:2]
    if mask.shape == (height, width):
        return
    hint = (
        "one of them lies on its side, turn it"
        if mask.shape == (width, height)
        else "make the mask from the image at its full size"
    )
    size = "x".join(str(side) for side in reversed(mask.shape))
    raise MaskError(f"the mask is {size}, the image is {width}x{height} (width x height); {hint}")


def grow(mask: np.ndarray, px: float) -> np.ndarray:
    """Return the mask plus every pixel within a Euclidean distance of ``px`` of its hole.

    Parameters
    ----------
    mask : ndarray (H, W) of bool
        True = hole; not modified.
    px : float
        Distance between pixel centres, 0 or more.

    Raises
    ------
    MaskError
        If ``px`` is negative or no number.
    """
    _check_distance(px)
    grown = mask.copy()
    if mask.any():
        window = _window(mask, int(np.ceil(min(px, max(mask.shape)))))
        grown[window] = _distance(~mask[window]) <= px
    return grown


def feather(mask: np.ndarray, px: float) -> np.ndarray:
    """Return a weight for blending: 0 at known pixels, 1 deep in the hole, smooth between.

    With d the distance to the nearest known pixel and t = min(d / (px + 1), 1), the weight is
    3 t^2 - 2 t^3. Known pixels have d = 0, so they can never change; ``px`` = 0 gives the mask
    itself. The edge of the image is no known pixel: a hole that touches it stays 1 there.

    Parameters
    ----------
    mask : ndarray (H, W) of bool
        True = hole; not modified.
    px : float
        Width of the ramp inside the hole, 0 or more.

    Returns
    -------
    ndarray (H, W) of float32
        In [0, 1].

    Raises
    ------
    MaskError
        If ``px`` is negative or no number.
    """
    _check_distance(px)
    if mask.all():
        return np.ones(mask.shape, np.float32)
    weight = np.zeros(mask.shape, np.float32)
    if mask.any():
        window = _window(mask, 1)  # the ring around the box is known, and nearer than all beyond
        t = np.minimum(_distance(mask[window]) / np.float32(px + 1), np.float32(1))
        weight[window] = t * t * (3 - 2 * t)
    return weight


def _window(mask: np.ndarray, margin: int) -> tuple[slice, slice]:
    """Return the box of the holes and a margin: photos are large, holes are mostly small."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    return (
        slice(max(int(rows[0]) - margin, 0), int(rows[-1]) + margin + 1),
        slice(max(int(columns[0]) - margin, 0), int(columns[-1]) + margin + 1),
    )


def _check_distance(px: float) -> None:
    if not (px >= 0 and np.isfinite(px)):  # this way round, so that NaN fails too
        raise MaskError(f"a distance of {px} pixels was asked for, expected 0 or more; use 0")


def _distance(inside: np.ndarray) -> np.ndarray:
    """Return float32 distances to the nearest pixel that is not inside (there must be one)."""
    return cv2.distanceTransform(inside.astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)


def inward(mask: np.ndarray) -> np.ndarray:
    """How deep each pixel lies in the hole of ``mask`` (H, W) bool: (H, W) float32, in pixels.

    The (nearly exact) distance to what is known; the image's border is no edge of a hole.
    """
    padded = np.pad(mask.astype(np.uint8), 1, mode="edge")
    return cv2.distanceTransform(padded, cv2.DIST_L2, cv2.DIST_MASK_5)[1:-1, 1:-1]


def components(mask: np.ndarray) -> list[tuple[int, int, int, int]]:
    """Return the box (y0, x0, y1, x1), ends excluded, of each hole; corners connect.

    Sorted from top to bottom, then left to right, so that results never depend on the
    labelling; (H, W) bool in, an empty list for an empty mask.
    """
    count, _, stats, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8), connectivity=8)
    boxes = []
    for left, top, width, height, _ in stats[1:count].tolist():
        boxes.append((top, left, top + height, left + width))
    return sorted(boxes)

"""Holes from arrays: which pixels of an array are the hole, and whether it fits an image."""

from __future__ import annotations

import numpy as np

from inpaint.errors import MaskError
from inpaint.masks import judge
from inpaint.masks.labels import in_values, parse

HALF = 128  # of 255: the lowest value that counts as white, or as opaque


def as_mask(
    array: np.ndarray, shape: tuple[int, ...] | None = None, *, labels: str | None = None
) -> np.ndarray:
    """Turn an array that marks a hole in any usual way into a new (H, W) bool array, True = hole.

    The rules are those of ``masks.load`` for files: label maps are read only with ``labels``, and
    photos are refused.

    Parameters
    ----------
    array : ndarray (H, W) or (H, W, 1)
        bool; integers 0 and 1, or 0 to 255 (uint16 also 0 to 65535), or floats in [0, 1]. Values
        of at least half of white are hole.
    shape : (H, W) or (H, W, C), optional
        Shape of the image that the mask is for; checked.
    labels : str, optional
        Read integers as a label map: "any" for all but 0, or numbers and ranges as "1,15".

    Raises
    ------
    MaskError
        If the shape or the values do not tell what is the hole.
    SelectionError
        If ``labels`` cannot be understood.
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
    if labels is not None:
        if not np.issubdtype(flat.dtype, np.integer):
            raise MaskError(f"the mask is {flat.dtype}, which holds no labels; pass integers")
        mask = in_values(flat, parse(labels))
    else:
        mask = _white(flat)
        _judge(flat)
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
        "0 and 1, 0 and 255, or floats in [0, 1]; compare it, for instance mask > 0, or read a "
        "label map with as_mask(mask, labels='any')"
    )


def _judge(values: np.ndarray) -> None:
    """Refuse a label map or photo among values that ``_white`` accepts."""
    if values.dtype == np.bool_:
        return
    if np.issubdtype(values.dtype, np.floating):
        levels = np.rint(values.astype(np.float64) * 65535).astype(np.uint16)
    else:
        levels = values.astype(np.uint16 if values.max() > 255 else np.uint8)
    kind = judge.kind_of_values(levels, int(np.iinfo(levels.dtype).max))
    if kind != judge.MASK:
        held = f"with values from {values.min():g} to {values.max():g}"
        text = judge.refusal(kind, held)
        how = "; pass as_mask(mask, labels='any'), or compare it, for instance mask > 0"
        raise MaskError(text.partition(";")[0] + how if kind == judge.LABELS else text)


def check(
    mask: np.ndarray,
    shape: tuple[int, ...],
    *,
    allow_empty: bool = False,
    allow_full: bool = False,
) -> None:
    """Raise MaskError if a (H, W) bool mask does not fit an image of shape (H, W) or (H, W, C).

    It fits if the sizes agree, and if some pixels are hole and others are known.
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

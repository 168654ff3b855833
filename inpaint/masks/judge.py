"""Tells a mask, which has two values and perhaps soft or noisy edges, from label maps and photos.

A threshold alone would silently take a part of whatever is given instead of a mask: of a label map
(a number for each class, often with 255 for "ignore"), a coloured export, or a photo. They
differ in their values between black and white. Those of antialiasing are one pixel wide. Those of a
feathered edge change little from pixel to pixel. Those of JPEG's noise stay near black or white.
Labels fill areas with hard borders, and photos are rough everywhere.
"""

from __future__ import annotations

import numpy as np

MASK, LABELS, PHOTO = "a mask", "a label map", "a photo"

_COLOURED = 64  # of 255: channels that differ by so much are colour and not the noise of JPEG
_SPECK = 3  # more coloured pixels than this are an object
# Share of the pixels between black and white that lie in constant 2x2 blocks, in a label map.
_AREA = 0.5
_SOFT_VALUES = 8  # an antialiased edge whose pixels were repeated has fewer values than this
_STEP = 6  # of 255: the largest difference of neighbours in a feathered edge
_SMOOTH = 0.9  # share of neighbours, or of pixels, that must be as alike as this
_NEAR, _MOSTLY = 12, 0.75  # levels of 255, share of pixels: so near to two values stays noise
_ROUGH = 4.0  # of 255: how far a pixel of a feathered edge lies from the mean of its neighbours
_APART = 64  # of 255: two values nearer than this are shades of a photo
_PLAIN, _FAIRLY = 0.4, 0.6  # of a steep feather: shares of two values, and of smooth ones
_PHOTO_VALUES, _PHOTO_PIXELS = 32, 256  # with fewer pixels a photo cannot be told


def kind_of_values(values: np.ndarray, peak: int, seen: np.ndarray | None = None) -> str:
    """Tell what an image of one channel is: MASK, LABELS or PHOTO.

    Parameters
    ----------
    values : ndarray (H, W) of unsigned integers
        At least one pixel.
    peak : int
        The value of white, 255 or 65535.
    seen : ndarray (H, W) of bool, optional
        The pixels that count, at least one: the opaque ones.
    """
    seen = np.ones(values.shape, bool) if seen is None else seen
    counts = np.bincount(values[seen], minlength=2)
    present = np.flatnonzero(counts)
    half = peak // 2 + 1
    if 1 < present[-1] < half:
        return LABELS  # no white at all
    if present.size <= 2:
        return MASK
    if present.size >= _SOFT_VALUES:
        values, seen = _unscaled(values, seen)
    dark, light = present[present < half], present[present >= half]
    ends = [part[counts[part].argmax()] for part in (dark, light) if part.size]
    between = ~np.isin(values, ends) & seen
    if _in_areas(values, between) >= _AREA and not _feathered(values, between, present, peak):
        return LABELS
    if present.size < _PHOTO_VALUES or between.sum() < _PHOTO_PIXELS:
        return MASK
    level = values.astype(np.float32) * np.float32(255 / peak)
    near = [np.abs(level - end * 255 / peak) <= _NEAR for end in ends]
    apart = len(ends) == 2 and (ends[1] - ends[0]) * 255 >= _APART * peak
    if apart and np.logical_or.reduce(near)[seen].mean() >= _MOSTLY:
        return MASK
    smooth = float((_deviation(level)[between] <= _ROUGH).mean())
    plain = float(1 - between[seen].mean())
    return MASK if smooth >= _SMOOTH or (plain >= _PLAIN and smooth >= _FAIRLY) else PHOTO


def refusal(kind: str, found: str) -> str:
    """Return the refusal of an image of some kind that was given as a mask; "" for a mask."""
    if kind == LABELS:
        return (
            f"the mask is not black and white but a label map or coloured export, {found}; "
            "give --mask-labels any for all that is not background, or the numbers to fill, "
            "as in 1,15"
        )
    if kind == PHOTO:
        return (
            f"the mask seems to be a photo, {found}, expected black and white; give a mask that "
            "is white where the hole is, or, if the hole is erased in it, give it as the image "
            "with --mask alpha"
        )
    return ""


def kind_of_colours(colours: np.ndarray) -> str:
    """Tell what a coloured image (H, W, 3) of uint8 is: LABELS or PHOTO.

    Areas of one colour beside the most frequent one make it a coloured export of labels.
    """
    packed = pack(colours)
    seen, counts = np.unique(packed, return_counts=True)
    other = packed != seen[counts.argmax()]
    return LABELS if _in_areas(packed, other) >= _AREA else PHOTO


def is_coloured(colours: np.ndarray) -> bool:
    """Whether an RGB image (H, W, 3) of uint8 holds colours and not only greys with noise."""
    spread = colours.max(axis=2) - colours.min(axis=2)
    return int((spread > _COLOURED).sum()) > _SPECK


def pack(colours: np.ndarray) -> np.ndarray:
    """Colours (H, W, 3) of uint8 as one number 0xRRGGBB each, (H, W) int32."""
    packed = colours[..., 0].astype(np.int32) << 16
    packed |= colours[..., 1].astype(np.int32) << 8
    packed |= colours[..., 2]
    return packed


def _unscaled(values: np.ndarray, seen: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Undo an enlargement that repeated pixels, whose blocks would look like areas of labels."""
    factors = [2, 3]
    while factors:
        k = factors[-1]
        small = values[::k, ::k]
        if (
            min(values.shape) >= 8 * k
            and all(side % k == 0 for side in values.shape)
            and all((values[y::k, x::k] == small).all() for y in range(k) for x in range(k))
        ):
            values, seen = small, seen[::k, ::k]
        else:
            factors.pop()
    return values, seen


def _in_areas(values: np.ndarray, chosen: np.ndarray) -> float:
    """Share of the chosen pixels (H, W) of bool that lie in a 2x2 block of one value."""
    count = int(chosen.sum())
    if not count or min(values.shape) < 2:
        return 0.0
    beside = values[:, 1:] == values[:, :-1]
    block = beside[1:] & beside[:-1] & (values[1:, :-1] == values[:-1, :-1])
    inside = np.zeros(values.shape, bool)
    for rows in (slice(None, -1), slice(1, None)):
        for columns in (slice(None, -1), slice(1, None)):
            inside[rows, columns] |= block
    return float((inside & chosen).sum() / count)


def _feathered(values: np.ndarray, between: np.ndarray, present: np.ndarray, peak: int) -> bool:
    """Return whether areas of one value can be the steps of a very soft edge: many small ones."""
    if present.size < _SOFT_VALUES or np.diff(present).max() * 255 > _APART * peak:
        return False
    return _alike(values, between, peak) >= _SMOOTH


def _alike(values: np.ndarray, chosen: np.ndarray, peak: int) -> float:
    """Return which share of unequal neighbours differ by a small step; one of them is chosen.

    The share is 0 if no neighbours are unequal.
    """
    unequal = small = 0
    limit = _STEP * peak / 255
    for axis in (0, 1):
        a, b = (np.moveaxis(values, axis, 0)[s] for s in (slice(1, None), slice(None, -1)))
        x, y = (np.moveaxis(chosen, axis, 0)[s] for s in (slice(1, None), slice(None, -1)))
        step = np.abs(a.astype(np.int32) - b.astype(np.int32))[x | y]
        unequal += int((step > 0).sum())
        small += int(((step > 0) & (step <= limit)).sum())
    return small / unequal if unequal else 0.0


def _deviation(level: np.ndarray) -> np.ndarray:
    """How far each pixel (H, W) lies from the mean of its four neighbours."""
    padded = np.pad(level, 1, mode="edge")
    around = padded[:-2, 1:-1] + padded[2:, 1:-1] + padded[1:-1, :-2] + padded[1:-1, 2:]
    deviation: np.ndarray = np.abs(level - around / 4)
    return deviation

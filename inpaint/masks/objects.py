"""Boxes and polygons as masks, and the margin that the mask of an object needs.

Coordinates are pixels of the picture as shown (EXIF orientation applied), x to the right and y
down from the top left corner. This makes the mask of a box, and widens it by a margin:

>>> hole = box((60, 80), 20, 10, 30, 40)  # of a picture 60 high and 80 wide
>>> int(hole.sum()), int(widen(hole, grow=3).sum())
(1200, 1636)

The pixel in column x and row y covers [x, x + 1) x [y, y + 1), and
belongs to a shape when its centre does; so the box 2,1,3,4 is columns 2 to 4 and rows 1 to 4, and
equals the polygon through its corners.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from inpaint import masks
from inpaint.errors import SelectionError
from inpaint.masks import edge

Point = tuple[float, float]
# A margin of 3 % of the object's size covers the mixed pixels, blur and glow at its edge. JPEG and
# demosaicing smear at least 2 px; beyond 32 px the hole would only become harder to fill.
MARGIN_SHARE, LEAST_MARGIN, MOST_MARGIN = 0.03, 2.0, 32.0
SHADOW_SHARE = 0.15  # of the object's height
_FAR = 1e6  # a coordinate beyond this is a typing error


def parse_box(text: str) -> tuple[float, float, float, float]:
    """Read ``X,Y,W,H``: left edge, top edge, width, height in pixels.

    Raises
    ------
    SelectionError
        If there are not four numbers, or the width or height is not above 0.
    """
    numbers = _numbers(text)
    if numbers is None or len(numbers) != 4:
        raise SelectionError(f"box {text!r} is not X,Y,W,H; write it like 120,80,200,150")
    x, y, w, h = numbers
    if w <= 0 or h <= 0:
        raise SelectionError(
            f"box {text!r} is {w:g} wide and {h:g} high, expected more than 0; "
            "the last two numbers are width and height"
        )
    return x, y, w, h


def parse_polygon(text: str) -> list[Point]:
    """Read ``X,Y X,Y X,Y ...``, three points or more.

    Raises
    ------
    SelectionError
        If a point is not two numbers, or there are fewer than three.
    """
    points: list[Point] = []
    for word in text.split():
        numbers = _numbers(word)
        if numbers is None or len(numbers) != 2:
            raise SelectionError(
                f"polygon point {word!r} is not X,Y; write points like 10,20 80,25 60,90"
            )
        points.append((numbers[0], numbers[1]))
    check_polygon(points)
    return points


def check_polygon(points: Sequence[Point]) -> None:
    """Raise SelectionError unless there are three points or more."""
    if len(points) < 3:
        plural = "" if len(points) == 1 else "s"
        raise SelectionError(
            f"a polygon of {len(points)} point{plural} holds no area; give at least 3 points"
        )


def _numbers(text: str) -> list[float] | None:
    try:
        numbers = [float(part) for part in text.split(",")]
    except ValueError:
        return None
    return numbers if all(abs(n) <= _FAR for n in numbers) else None  # NaN fails too


def box(shape: tuple[int, int], x: float, y: float, w: float, h: float) -> np.ndarray:
    """Return the pixels of a box as (H, W) bool; what lies beyond the picture is cut off.

    Raises
    ------
    SelectionError
        If no pixel's centre lies inside.
    """
    mask = np.zeros(shape, bool)
    rows, columns = (
        slice(max(_first(start), 0), max(_first(start + side), 0))
        for start, side in ((y, h), (x, w))
    )
    mask[rows, columns] = True
    if not mask.any():
        raise SelectionError(
            f"the box {x:g},{y:g},{w:g},{h:g} covers no pixel of the picture, which is "
            f"{shape[1]}x{shape[0]} as shown; boxes are X,Y,W,H from the top left corner"
        )
    return mask


def polygon(shape: tuple[int, int], points: Sequence[Point]) -> np.ndarray:
    """Return the pixels inside a closed polygon as (H, W) bool, by the even-odd rule.

    Each edge that crosses a row's centre line flips all pixels to the right of the crossing.

    Parameters
    ----------
    shape : (H, W)
        Of the picture; what lies beyond it is cut off.
    points : sequence of (x, y)
        At least three; the last is joined to the first.

    Raises
    ------
    SelectionError
        If there are fewer than three points, or no pixel's centre lies inside.
    """
    check_polygon(points)
    height, width = shape
    xs, ys = zip(*points, strict=True)
    left, top = (min(max(_first(min(v)), 0), side) for v, side in ((xs, width), (ys, height)))
    right, bottom = (min(max(_first(max(v)), 0), side) for v, side in ((xs, width), (ys, height)))
    mask = np.zeros(shape, bool)
    if left < right and top < bottom:
        flips = np.zeros((bottom - top, right - left + 1), bool)
        for (x0, y0), (x1, y1) in zip(points, [*points[1:], points[0]], strict=True):
            first, last = (_first(f(y0, y1)) for f in (min, max))  # equal for a level edge
            rows = np.arange(max(first, top), min(last, bottom))
            if rows.size == 0:
                continue
            crossing = x0 + (rows + 0.5 - y0) * ((x1 - x0) / (y1 - y0))
            columns = np.ceil(crossing - 0.5).astype(np.int64)
            flips[rows - top, np.clip(columns, left, right) - left] ^= True
        inside = np.logical_xor.accumulate(flips, axis=1)
        mask[top:bottom, left:right] = inside[:, :-1]
    if not mask.any():
        low, high = (f"{f(xs):g},{f(ys):g}" for f in (min, max))
        raise SelectionError(
            f"the polygon from {low} to {high} covers no pixel of the picture, which is "
            f"{width}x{height} as shown; points are X,Y from the top left corner"
        )
    return mask


def _first(edge: float) -> int:
    """Return the first pixel whose centre lies at or beyond an edge."""
    return math.ceil(edge - 0.5)


def margin(mask: np.ndarray) -> float:
    """Return how many pixels to grow an object's mask (H, W) of bool, so that no halo stays.

    margin = 0.03 sqrt(area), at least 2 and at most 32: a mask drawn along the visible edge
    leaves the pixels in which object and background are mixed, and a fill continues them.
    """
    return float(np.clip(MARGIN_SHARE * math.sqrt(mask.sum()), LEAST_MARGIN, MOST_MARGIN))


def with_shadow(mask: np.ndarray) -> np.ndarray:
    """Return an object's mask drawn out downwards by 15 % of its height, for a soft shadow.

    A pixel joins when the object has one above it within that distance; (H, W) bool in and out,
    the input is not modified.
    """
    rows = np.flatnonzero(mask.any(axis=1))
    if rows.size == 0:
        return mask.copy()
    top, bottom = int(rows[0]), int(rows[-1]) + 1
    reach = math.ceil(SHADOW_SHARE * (bottom - top))
    window = mask[top : bottom + reach]
    count = window.cumsum(axis=0, dtype=np.int32)
    recent = count.copy()
    recent[reach + 1 :] -= count[: -reach - 1]
    drawn = mask.copy()
    drawn[top : bottom + reach] = recent > 0
    return drawn


def widen(
    mask: np.ndarray,
    *,
    grow: float | None = None,
    shadow: bool = False,
    image: np.ndarray | None = None,
    ignore: np.ndarray | None = None,
) -> np.ndarray:
    """Return an object's mask with its margin: the hole to fill.

    Parameters
    ----------
    mask : ndarray (H, W) of bool
        One object; not modified.
    grow : float, optional
        Pixels to grow by; 0 keeps the mask, None takes ``margin``, or the width of the object's
        edge where that is more.
    shadow : bool
        Draw it out downwards first (``with_shadow``).
    image : ndarray (H, W, 3) of uint8, RGB, optional
        What the edge's width is measured in (``edge.width``); without it ``margin`` alone counts.
    ignore : ndarray (H, W) of bool, optional
        Pixels whose colours do not count: transparent ones, and those of other objects.

    Raises
    ------
    MaskError
        If ``grow`` is negative or no number.
    ImageError
        If ``image`` has another shape or type.
    """
    px = margin(mask) if grow is None else grow
    if grow is None and image is not None:
        px = max(px, float(edge.width(image, mask, ignore=ignore)))
    return masks.grow(with_shadow(mask) if shadow else mask, px)


def hole_of(
    found: Sequence[np.ndarray],
    *,
    grow: float | None = None,
    shadow: bool = False,
    image: np.ndarray,
    unseen: np.ndarray,
) -> tuple[np.ndarray, int]:
    """Return the hole of several objects, each with its own margin, and how many still show.

    Parameters
    ----------
    found : sequence of ndarray (H, W) of bool
        The objects; not modified.
    grow, shadow, image
        As for ``widen``.
    unseen : ndarray (H, W) of bool
        Where the colours of the image are unknown.

    Returns
    -------
    ndarray (H, W) of bool, int
        The hole, and how many objects still show in the ring outside it (``edge.is_left``). With
        ``grow`` that number is 0, because the margin was chosen by the user.

    Raises
    ------
    MaskError, ImageError
        As ``widen``.
    """
    hole = np.zeros(image.shape[:2], bool)
    if grow is not None:
        for mask in found:
            hole |= widen(mask, grow=grow, shadow=shadow)
        return hole, 0
    every = unseen.copy()
    for mask in found:
        every |= mask
    left = 0
    for mask in found:
        own = widen(mask, shadow=shadow, image=image, ignore=every & ~mask)
        left += edge.is_left(image, mask, own, ignore=every & ~own)
        hole |= own
    return hole, left

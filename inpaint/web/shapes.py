"""Turns what was drawn on the page into a mask: strokes, boxes, and regions found by snapping.

The page sends vectors in pixels of the photo as shown, from its top left corner, so that the
mask has the photo's own resolution whatever the page could display.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import cv2
import numpy as np

from inpaint import masks
from inpaint.errors import InpaintError
from inpaint.images import Picture
from inpaint.masks import edge, objects, rle
from inpaint.masks.preview import as_seen

MOST_SHAPES, MOST_POINTS = 2000, 50_000
_FAR = 1e6  # pixels; no photo is so large
_BITS = 4  # of a pixel's fraction, as OpenCV's drawing takes it
_THICKEST = 32767  # of OpenCV
# Pixels that the shapes of one request may cover together, those that lie on each other counted
# each time; drawing so many takes a second or two.
MOST_DRAWN = 1 << 31
# The same for the surroundings in which the edges of drawn objects are measured.
MOST_MEASURED = 1 << 28

Check = Callable[[], None]  # raises when nobody waits for the result any more


def unwatched() -> None:
    """A ``Check`` that always lets the work go on."""


class ShapeError(InpaintError):
    """Something in the list of shapes is no shape, or there is too much of it."""


def mask_of(shapes: Any, size: tuple[int, int], check: Check = unwatched) -> np.ndarray:
    """Draw shapes one after the other; ``erase`` takes away what lies below.

    Parameters
    ----------
    shapes : list of dict
        ``{"kind": "stroke", "points": [[x, y], ...], "size": diameter}``,
        ``{"kind": "box", "box": [x, y, w, h]}``, or
        ``{"kind": "region", "box": [x, y, w, h], "counts": run lengths within the box}``;
        each may have ``"erase": true``.
    size : (H, W)
        Of the photo. What lies beyond it is cut off.
    check : callable
        Called before each shape; what it raises ends the drawing.

    Returns
    -------
    ndarray (H, W) of bool
        True = hole.

    Raises
    ------
    ShapeError
        For anything that is no shape, for too many, and for shapes that cover too much together.
    MaskError
        When nothing, or all of the photo, is left to fill.
    """
    if not isinstance(shapes, list) or len(shapes) > MOST_SHAPES:
        raise ShapeError(f"shapes is no list of at most {MOST_SHAPES}; draw fewer strokes at once")
    mask = np.zeros(size, np.uint8)
    points, left = 0, float(MOST_DRAWN)
    for shape in shapes:
        check()
        if not isinstance(shape, dict) or str(shape.get("kind")) not in _DRAW:
            raise ShapeError(f"a shape's kind is none of {', '.join(_DRAW)}")
        points += len(shape["points"]) if isinstance(shape.get("points"), list) else 0
        if points > MOST_POINTS:
            raise ShapeError(f"more than {MOST_POINTS} points; draw fewer strokes at once")
        left = _DRAW[str(shape["kind"])](mask, shape, 0 if shape.get("erase") is True else 1, left)
    hole: np.ndarray = mask.view(bool)
    masks.check(hole, size)
    return hole


def over_edge(
    hole: np.ndarray, shapes: Any, picture: Picture, check: Check = unwatched
) -> np.ndarray:
    """Widen what strokes and boxes drew by the width of the edge around it (``edge.width``).

    Parameters
    ----------
    hole : ndarray (H, W) of bool
        As ``mask_of`` drew ``shapes``; not modified.
    shapes : list of dict
        As for ``mask_of``. Regions have their margin already, and what was erased stays erased.
    picture : Picture
        With the fills so far.
    check : callable
        Called before each object; what it raises ends the work.

    Raises
    ------
    ShapeError
        If the surroundings of the objects are too large together.
    """
    size = hole.shape[0], hole.shape[1]
    drawn, erased = np.zeros(size, np.uint8), np.zeros(size, np.uint8)
    for shape in shapes:
        check()
        if shape.get("erase") is True:
            _DRAW[str(shape["kind"])](erased, shape, 1, math.inf)
        elif shape["kind"] != "region":
            _DRAW[str(shape["kind"])](drawn, shape, 1, math.inf)
    image, unseen, wider = as_seen(picture), picture.unseen, hole.copy()
    kept = erased.view(bool) & ~hole
    brushed = drawn.view(bool) & hole
    left = float(MOST_MEASURED)
    for y0, x0, y1, x1 in masks.components(brushed):
        check()
        # One object at a time: each has a blur and a size of its own.
        most = edge.bound(brushed[y0:y1, x0:x1])
        if most < 1:
            continue
        # All that its edge may be measured in, and no more: a photo may have many small objects.
        around = 2 * most + 8
        top, start = max(y0 - around, 0), max(x0 - around, 0)
        window = slice(top, y1 + around), slice(start, x1 + around)
        left -= brushed[window].size
        if left < 0:
            raise ShapeError(
                f"the surroundings of what was drawn have more than {MOST_MEASURED >> 20} million "
                "pixels together; draw fewer or smaller objects at once"
            )
        own = np.zeros(brushed[window].shape, bool)
        inside = slice(y0 - top, y1 - top), slice(x0 - start, x1 - start)
        own[inside] = brushed[y0:y1, x0:x1]
        px = edge.width(image[window], own, ignore=unseen[window] | (hole[window] & ~own))
        wider[window] |= masks.grow(own, px) & ~kept[window]
    return hole if wider.all() else wider


def box_of(values: Any) -> tuple[float, float, float, float]:
    """Check ``[x, y, w, h]``; raises ShapeError."""
    x, y, w, h = _numbers(values, 4, "a box")
    if w <= 0 or h <= 0:
        raise ShapeError(f"a box is {w:g} wide and {h:g} high, expected more than 0")
    return x, y, w, h


def point_of(values: Any) -> tuple[float, float]:
    """Check ``[x, y]``; raises ShapeError."""
    x, y = _numbers(values, 2, "a point")
    return x, y


def _numbers(values: Any, count: int, what: str) -> list[float]:
    """Check a list of ``count`` finite numbers; raises ShapeError."""
    if (
        not isinstance(values, list)
        or len(values) != count
        or not all(type(v) in (int, float) and abs(v) <= _FAR for v in values)  # NaN fails too
    ):
        raise ShapeError(f"{what} is not {count} numbers between -{_FAR:g} and {_FAR:g}")
    return [float(v) for v in values]


def _spent(left: float, pixels: float) -> float:
    """What is left of the pixels that may be drawn; raises ShapeError when it does not suffice."""
    if pixels > left:
        raise ShapeError(
            f"the shapes cover more than {MOST_DRAWN >> 20} million pixels together; draw fewer or "
            "smaller ones at once"
        )
    return left - pixels


def _stroke(mask: np.ndarray, shape: dict[str, Any], value: int, left: float) -> float:
    """Fill all within half the size of the line through the points."""
    points = shape.get("points")
    if not isinstance(points, list) or not points:
        raise ShapeError("a stroke has no points")
    places = np.array([_numbers(point, 2, "a point") for point in points])
    diameter = _numbers([shape.get("size")], 1, "a stroke's size")[0]
    if diameter <= 0:
        raise ShapeError(f"a stroke's size is {diameter:g}, expected more than 0")
    # OpenCV draws odd widths a pixel wider than asked, and counts from the first pixel's middle.
    width = min(max(int(diameter) // 2 * 2, 1), _THICKEST)
    steps = np.hypot(*np.diff(places, axis=0, prepend=places[:1]).T)
    covered = np.minimum((steps + width) * width, mask.size).sum()
    left = _spent(left, float(covered))
    places = np.rint((places - 0.5) * (1 << _BITS)).astype(np.int32)
    if len(places) == 1:
        radius = round(width / 2 * (1 << _BITS))
        cv2.circle(mask, places[0].tolist(), radius, value, cv2.FILLED, cv2.LINE_8, _BITS)
    else:
        cv2.polylines(mask, [places], False, value, width, cv2.LINE_8, _BITS)
    return left


def _box(mask: np.ndarray, shape: dict[str, Any], value: int, left: float) -> float:
    size = mask.shape[0], mask.shape[1]
    inside = objects.box(size, *box_of(shape.get("box")))
    left = _spent(left, mask[inside].size)
    mask[inside] = value
    return left


def _region(mask: np.ndarray, shape: dict[str, Any], value: int, left: float) -> float:
    """A mask within a box, as ``region_of`` made it."""
    x, y, w, h = (int(v) for v in box_of(shape.get("box")))
    height, width = mask.shape
    if not (0 <= x < x + w <= width and 0 <= y < y + h <= height):
        raise ShapeError("a region lies beyond the photo")
    counts = shape.get("counts")
    if not isinstance(counts, str):
        raise ShapeError("a region's counts are no text")
    left = _spent(left, w * h)
    mask[y : y + h, x : x + w][rle.decode(counts, (h, w))] = value
    return left


def region_of(mask: np.ndarray) -> dict[str, Any]:
    """Return a mask (H, W) of bool that is not empty as a shape, the inverse of ``mask_of``."""
    rows, columns = (np.flatnonzero(mask.any(axis=axis)) for axis in (1, 0))
    top, left = int(rows[0]), int(columns[0])
    inside = mask[top : int(rows[-1]) + 1, left : int(columns[-1]) + 1]
    height, width = inside.shape
    box = [left, top, width, height]
    return {"kind": "region", "box": box, "counts": rle.encode(inside)}


# Each draws a shape with a value, and returns what is left of the pixels that may be drawn.
_DRAW: dict[str, Callable[[np.ndarray, dict[str, Any], int, float], float]] = {
    "stroke": _stroke,
    "box": _box,
    "region": _region,
}

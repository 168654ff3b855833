"""From what was drawn on the page to a mask: strokes, boxes, and regions that were snapped to.

The page sends vectors in pixels of the photo as shown, from its top left corner, so that the
mask has the photo's own resolution whatever the page could display.
"""

from __future__ import annotations

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
_FAR = 1e6  # pixels; a coordinate beyond this is no place in a photo
_BITS = 4  # of a pixel's fraction, as OpenCV's drawing takes it
_THICKEST = 32767  # of OpenCV


class ShapeError(InpaintError):
    """Something in the list of shapes is none."""


def mask_of(shapes: Any, size: tuple[int, int]) -> np.ndarray:
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

    Returns
    -------
    ndarray (H, W) of bool
        True = hole.

    Raises
    ------
    ShapeError
        For anything that is no shape, and for too many.
    MaskError
        When nothing, or all of the photo, is left to fill.
    """
    if not isinstance(shapes, list) or len(shapes) > MOST_SHAPES:
        raise ShapeError(f"shapes is no list of at most {MOST_SHAPES}; draw fewer strokes at once")
    mask = np.zeros(size, np.uint8)
    points = 0
    for shape in shapes:
        if not isinstance(shape, dict) or str(shape.get("kind")) not in _DRAW:
            raise ShapeError(f"a shape's kind is none of {', '.join(_DRAW)}")
        points += len(shape["points"]) if isinstance(shape.get("points"), list) else 0
        if points > MOST_POINTS:
            raise ShapeError(f"more than {MOST_POINTS} points; draw fewer strokes at once")
        _DRAW[str(shape["kind"])](mask, shape, 0 if shape.get("erase") is True else 1)
    hole: np.ndarray = mask.view(bool)
    masks.check(hole, size)
    return hole


def over_edge(hole: np.ndarray, shapes: Any, picture: Picture) -> np.ndarray:
    """Widen what strokes and boxes drew by the width of the edge around it (``edge.width``).

    Parameters
    ----------
    hole : ndarray (H, W) of bool
        As ``mask_of`` drew ``shapes``; not modified.
    shapes : list of dict
        As for ``mask_of``. Regions have their margin already, and what was erased stays erased.
    picture : Picture
        With the fills so far.
    """
    size = hole.shape[0], hole.shape[1]
    drawn, erased = np.zeros(size, np.uint8), np.zeros(size, np.uint8)
    for shape in shapes:
        if shape.get("erase") is True:
            _DRAW[str(shape["kind"])](erased, shape, 1)
        elif shape["kind"] != "region":
            _DRAW[str(shape["kind"])](drawn, shape, 1)
    image, unseen, wider = as_seen(picture), picture.unseen, hole.copy()
    kept = erased.view(bool) & ~hole
    brushed = drawn.view(bool) & hole
    for y0, x0, y1, x1 in masks.components(brushed):
        # One object at a time: each has a blur and a size of its own.
        own = np.zeros(size, bool)
        own[y0:y1, x0:x1] = brushed[y0:y1, x0:x1]
        px = edge.width(image, own, ignore=unseen | (hole & ~own))
        wider |= masks.grow(own, px) & ~kept
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
    """So many finite numbers."""
    if (
        not isinstance(values, list)
        or len(values) != count
        or not all(type(v) in (int, float) and abs(v) <= _FAR for v in values)  # NaN fails too
    ):
        raise ShapeError(f"{what} is not {count} numbers between -{_FAR:g} and {_FAR:g}")
    return [float(v) for v in values]


def _stroke(mask: np.ndarray, shape: dict[str, Any], value: int) -> None:
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
    places = np.rint((places - 0.5) * (1 << _BITS)).astype(np.int32)
    if len(places) == 1:
        radius = round(width / 2 * (1 << _BITS))
        cv2.circle(mask, places[0].tolist(), radius, value, cv2.FILLED, cv2.LINE_8, _BITS)
    else:
        cv2.polylines(mask, [places], False, value, width, cv2.LINE_8, _BITS)


def _box(mask: np.ndarray, shape: dict[str, Any], value: int) -> None:
    size = mask.shape[0], mask.shape[1]
    mask[objects.box(size, *box_of(shape.get("box")))] = value


def _region(mask: np.ndarray, shape: dict[str, Any], value: int) -> None:
    """A mask within a box, as ``region_of`` made it."""
    x, y, w, h = (int(v) for v in box_of(shape.get("box")))
    height, width = mask.shape
    if not (0 <= x < x + w <= width and 0 <= y < y + h <= height):
        raise ShapeError("a region lies beyond the photo")
    counts = shape.get("counts")
    if not isinstance(counts, str):
        raise ShapeError("a region's counts are no text")
    mask[y : y + h, x : x + w][rle.decode(counts, (h, w))] = value


def region_of(mask: np.ndarray) -> dict[str, Any]:
    """Return a mask (H, W) of bool that is not empty as a shape, the inverse of ``mask_of``."""
    rows, columns = (np.flatnonzero(mask.any(axis=axis)) for axis in (1, 0))
    top, left = int(rows[0]), int(columns[0])
    inside = mask[top : int(rows[-1]) + 1, left : int(columns[-1]) + 1]
    height, width = inside.shape
    box = [left, top, width, height]
    return {"kind": "region", "box": box, "counts": rle.encode(inside)}


_DRAW: dict[str, Callable[[np.ndarray, dict[str, Any], int], None]] = {
    "stroke": _stroke,
    "box": _box,
    "region": _region,
}

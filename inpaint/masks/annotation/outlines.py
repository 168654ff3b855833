"""Outlines as annotation tools write them, drawn as masks; without area they raise NoAreaError."""

from __future__ import annotations

import math
from collections.abc import Sequence

import cv2
import numpy as np

from inpaint.errors import SelectionError
from inpaint.masks import objects
from inpaint.masks.annotation.model import NoAreaError, finite

Shape = tuple[int, int]
Point = tuple[float, float]


def points_of(values: object) -> list[Point]:
    """Points from [[x, y], ...] or [x, y, x, y, ...]; numbers may be texts.

    Raises
    ------
    ValueError, TypeError
        If it is neither.
    """
    if not isinstance(values, (list, tuple)):
        raise TypeError("its points are no list")
    if all(isinstance(value, (list, tuple)) for value in values):
        if any(len(value) != 2 for value in values):
            raise ValueError("a point is not two numbers")
        return [(finite(x), finite(y)) for x, y in values]
    if len(values) % 2:
        raise ValueError("a polygon has an odd number of coordinates")
    numbers = [finite(value) for value in values]
    return list(zip(numbers[::2], numbers[1::2], strict=True))


def polygon(shape: Shape, points: Sequence[Point]) -> np.ndarray:
    """Draw a polygon as (H, W) bool; raises NoAreaError."""
    try:
        return objects.polygon(shape, points)
    except SelectionError as error:
        raise NoAreaError(str(error)) from None


def polygons(shape: Shape, parts: Sequence[Sequence[Point]]) -> np.ndarray:
    """Draw the parts of one object together, (H, W) bool; parts without area do not count.

    Raises
    ------
    NoAreaError
        If no part has any.
    """
    mask, reason = np.zeros(shape, bool), "it has no outline"
    for points in parts:
        try:
            mask |= polygon(shape, points)
        except NoAreaError as error:
            reason = str(error)
    if not mask.any():
        raise NoAreaError(reason)
    return mask


def box(shape: Shape, x: float, y: float, w: float, h: float) -> np.ndarray:
    """Draw a box as (H, W) bool; raises NoAreaError."""
    if w <= 0 or h <= 0:
        raise NoAreaError(f"its box is {w:g} wide and {h:g} high and holds no area")
    try:
        return objects.box(shape, x, y, w, h)
    except SelectionError as error:
        raise NoAreaError(str(error)) from None


def around(shape: Shape, points: Sequence[Point]) -> np.ndarray:
    """Draw the box around points, as (H, W) bool; raises NoAreaError."""
    if len(points) < 2:
        raise NoAreaError(f"a rectangle of {len(points)} points holds no area")
    xs, ys = zip(*points, strict=True)
    return box(shape, min(xs), min(ys), max(xs) - min(xs), max(ys) - min(ys))


def hull(shape: Shape, points: Sequence[Point]) -> np.ndarray:
    """Draw the convex hull of points, such as a cuboid's corners, (H, W) bool.

    Raises
    ------
    NoAreaError
        If they lie on one line, or outside.
    """
    if len(points) < 3:
        raise NoAreaError(f"a solid of {len(points)} points holds no area")
    corners = cv2.convexHull(np.array(points, np.float32))[:, 0]
    return polygon(shape, [(float(x), float(y)) for x, y in corners])


def crossings(points: Sequence[Point]) -> int:
    """How often sides of a closed outline of N points cross; 0 for an outline of a simple shape."""
    start = np.array(points, float)
    end = np.roll(start, -1, axis=0)

    def turn(a: np.ndarray, b: np.ndarray, c: np.ndarray) -> np.ndarray:
        side: np.ndarray = np.sign(
            (b[..., 0] - a[..., 0]) * (c[..., 1] - a[..., 1])
            - (b[..., 1] - a[..., 1]) * (c[..., 0] - a[..., 0])
        )
        return side

    a, b, c, d = start[:, None], end[:, None], start[None], end[None]
    apart = (turn(a, b, c) * turn(a, b, d) < 0) & (turn(c, d, a) * turn(c, d, b) < 0)
    return int(apart.sum()) // 2


def turned_box(
    shape: Shape, x: float, y: float, w: float, h: float, *, degrees: float, pivot: Point
) -> np.ndarray:
    """Draw a box that is turned clockwise about a point, as (H, W) bool; raises NoAreaError."""
    if not degrees % 360:
        return box(shape, x, y, w, h)
    turn = math.radians(degrees)
    cos, sin = math.cos(turn), math.sin(turn)
    corners = [(x, y), (x + w, y), (x + w, y + h), (x, y + h)]
    moved = [(a - pivot[0], b - pivot[1]) for a, b in corners]
    return polygon(
        shape, [(pivot[0] + a * cos - b * sin, pivot[1] + a * sin + b * cos) for a, b in moved]
    )


def ellipse(
    shape: Shape, cx: float, cy: float, rx: float, ry: float, *, degrees: float = 0.0
) -> np.ndarray:
    """Draw an ellipse that is turned clockwise, as (H, W) bool; raises NoAreaError."""
    mask = np.zeros(shape, bool)
    if rx > 0 and ry > 0:
        rows, columns = np.ogrid[: shape[0], : shape[1]]
        x, y = columns + 0.5 - cx, rows + 0.5 - cy
        turn = math.radians(degrees)
        cos, sin = math.cos(turn), math.sin(turn)
        mask = ((x * cos + y * sin) / rx) ** 2 + ((y * cos - x * sin) / ry) ** 2 <= 1
    return with_area(mask, "circle" if rx == ry else "ellipse")


def paste(shape: Shape, stamp: np.ndarray, x: int, y: int) -> np.ndarray:
    """Lay a small mask (h, w) of bool over an empty one (H, W) at a place; raises NoAreaError."""
    mask = np.zeros(shape, bool)
    part = stamp[max(-y, 0) :, max(-x, 0) :]
    target = mask[max(y, 0) :, max(x, 0) :]
    height, width = min(part.shape[0], target.shape[0]), min(part.shape[1], target.shape[1])
    target[:height, :width] = part[:height, :width]
    return with_area(mask, "mask")


def with_area(mask: np.ndarray, what: str) -> np.ndarray:
    """Return a mask (H, W) of bool; raises NoAreaError for an empty one."""
    if not mask.any():
        raise NoAreaError(f"the {what} covers no pixel of the picture")
    return mask

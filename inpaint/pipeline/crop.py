"""Plans crops around holes: which holes share a crop, and where it lies."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise

import cv2
import numpy as np

from inpaint.errors import MaskError
from inpaint.pipeline.groups import MERGE_LIMIT, Box, Group, components, merge_down, merge_near

LEAST_KNOWN = 0.25  # known pixels in a crop for each pixel that it fills
# Crops of at most so many pixels a side are never cut.
LARGEST = 1024
# A hole that is longer than so many times its depth is long: a piece of it is half as large.
LONG = 16
SPARSE = 0.25  # share of a square around it that a long hole fills at most
PIECE = 384  # pixels, least side of a cell of the grid along which a long hole is cut
BESIDE = 128  # pixels that a crop of a thin piece is larger than it


@dataclass(frozen=True)
class Crop:
    """A box to fill, with what is unknown in it and what it must fill.

    ``mask`` (height, width) bool marks all unknown pixels inside the box, which are those of any
    hole and, after ``seeing``, transparent ones; their values must not be read. ``own`` marks the
    pixels that this crop fills. Each pixel of a hole is filled by one crop. ``earlier`` marks the
    pixels that crops before this one filled and that it must read, so that the pieces of a long
    hole continue each other; they are not in ``mask``. None: there are none.
    """

    box: Box
    mask: np.ndarray
    own: np.ndarray
    earlier: np.ndarray | None = None


def plan_crops(
    mask: np.ndarray, *, context: float = 1.0, min_side: int = 64, max_crops: int = 16
) -> list[Crop]:
    """Cover all holes with square crops, one for each hole or group of near holes.

    A group's crop is a square of side ``max(min_side, (1 + context) * longer side)`` around its
    holes, moved inward at the image's borders and cut where the image is smaller. Two groups
    become one when the smaller crop reaches the other's hole, which spoils its context, and the
    merged side stays within twice the crop of their largest single hole. So specks join a hole
    beside them, and a long row of letters stays in pieces that a small prior can still resolve.

    A group that is long and thin, such as a wire or a frame, would make a crop of much of a large
    picture. Where that is larger than ``LARGEST`` pixels and than ``LONG`` times the depth of the
    hole, the group is cut along a grid, and each piece sees what the pieces before it filled. A
    group that was merged for its number alone, or fills much of a square around it, is not cut.

    Parameters
    ----------
    mask : ndarray (H, W) of bool
        True = hole.
    context : float
        Known surroundings, relative to the hole: 1 makes the crop twice the hole's side.
    min_side : int
        Smallest side of a crop, normally the prior's size.
    max_crops : int
        Groups beyond this number are merged, those first that then stay smallest. A long group is
        cut after that, whatever the number.

    Returns
    -------
    list of Crop
        From top to bottom, then left to right, the pieces of a group one after the other; empty
        for a mask without a hole.

    Raises
    ------
    MaskError
        The mask is not a two-dimensional boolean array.
    ValueError
        ``context`` is negative, or ``min_side`` or ``max_crops`` is below 1.
    """
    if mask.dtype != np.bool_ or mask.ndim != 2:
        raise MaskError(f"mask is {mask.dtype} {mask.shape}; expected bool (H, W), True = hole")
    if not 0 <= context < math.inf or min_side < 1 or max_crops < 1:
        raise ValueError(
            f"context is {context}, min_side {min_side}, max_crops {max_crops}; "
            "expected a finite number >= 0, and at least 1 for the others"
        )

    def side(hole: Box) -> int:
        return max(min_side, math.ceil((1 + context) * max(hole.height, hole.width)))

    labels, cell, boxes = components(mask)
    groups = [Group(hole, (i + 1,), side(hole)) for i, hole in enumerate(boxes)]
    found = []
    for group in merge_down(merge_near(groups, side), side, max_crops):
        large = min(side(group.hole), max(mask.shape))
        # A group that was merged for its number alone is scattered, and would make many pieces.
        if large > LARGEST and side(group.hole) <= MERGE_LIMIT * group.lone_side:
            deep, share = _depth(group, labels, cell, mask.shape)
            if large > LONG * deep and share < SPARSE:
                found.append(
                    _pieces(group, mask, labels, cell, deep, context=context, min_side=min_side)
                )
                continue
        box = _around(group.hole, side(group.hole), mask.shape)
        own = _own(group, mask, labels, cell, box)
        found.append([Crop(box, mask[box.slices].copy(), own)])
    found.sort(key=lambda crops: min((crop.box.y0, crop.box.x0) for crop in crops))
    return [crop for crops in found for crop in crops]


def whole_crop(mask: np.ndarray) -> Crop:
    """Return the whole picture as a crop, for a prior that knows whole pictures only.

    ``mask`` is (H, W) bool.
    """
    return Crop(Box(0, 0, *mask.shape), mask, mask)


def seeing(crop: Crop, unknown: np.ndarray) -> Crop:
    """Return a crop with its unknown pixels, drawn out until enough known pixels are around.

    Parameters
    ----------
    crop : Crop
        From ``plan_crops``, or of the whole picture.
    unknown : ndarray (H, W) of bool
        All holes and transparent pixels of the whole picture.

    Returns
    -------
    Crop
        Its ``own`` pixels are those of ``crop``. The sides of its box are doubled until it holds
        one known pixel for each four that it fills, or the whole picture.
    """
    height, width = unknown.shape
    box, needed = crop.box, np.count_nonzero(crop.own) * LEAST_KNOWN
    while np.count_nonzero(~unknown[box.slices]) < needed:
        if (box.height, box.width) == (height, width):
            break
        y0, y1 = _inside(box.y0, box.y1, 2 * box.height, height)
        x0, x1 = _inside(box.x0, box.x1, 2 * box.width, width)
        box = Box(y0, x0, y1, x1)
    own = np.zeros((box.height, box.width), bool)
    top, left = crop.box.y0 - box.y0, crop.box.x0 - box.x0
    within = slice(top, top + crop.box.height), slice(left, left + crop.box.width)
    own[within] = crop.own
    mask, earlier = unknown[box.slices].copy(), None
    if crop.earlier is not None:
        earlier = np.zeros_like(own)
        earlier[within] = crop.earlier
        mask &= ~earlier
    return Crop(box, mask, own, earlier)


def _around(hole: Box, side: int, shape: tuple[int, ...]) -> Box:
    """The square of a side around a hole, moved inward at the borders of the picture."""
    y0, y1 = _inside(hole.y0, hole.y1, side, shape[0])
    x0, x1 = _inside(hole.x0, hole.x1, side, shape[1])
    return Box(y0, x0, y1, x1)


def _own(group: Group, mask: np.ndarray, labels: np.ndarray, cell: int, box: Box) -> np.ndarray:
    """Mark the pixels of a group in a box, (height, width) of bool."""
    rows, columns = np.arange(box.y0, box.y1), np.arange(box.x0, box.x1)
    cells = labels[rows[:, None] // cell, columns[None] // cell]
    own: np.ndarray = mask[box.slices] & np.isin(cells, group.labels)
    return own


def _depth(
    group: Group, labels: np.ndarray, cell: int, shape: tuple[int, ...]
) -> tuple[float, float]:
    """Return how deep a group is in pixels, to a cell, and its share of a square around it.

    The picture's border is no edge of a hole.
    """
    hole = group.hole
    rows = slice(hole.y0 // cell, -(-hole.y1 // cell))
    columns = slice(hole.x0 // cell, -(-hole.x1 // cell))
    within = np.isin(labels[rows, columns], group.labels)
    edges = (int(hole.y0 > 0), int(hole.y1 < shape[0])), (int(hole.x0 > 0), int(hole.x1 < shape[1]))
    padded = np.pad(within, edges).view(np.uint8)
    if padded.all():
        return float(max(shape)), 1.0
    depth = cv2.distanceTransform(padded, cv2.DIST_L2, cv2.DIST_MASK_5)
    return float(depth.max()) * cell, within.sum() / max(within.shape) ** 2


def _pieces(
    group: Group,
    mask: np.ndarray,
    labels: np.ndarray,
    cell: int,
    deep: float,
    *,
    context: float,
    min_side: int,
) -> list[Crop]:
    """Cut a group along a grid, row by row; each piece sees what those before it filled."""
    hole, most = group.hole, max(PIECE, math.ceil(LONG * deep / 2))
    rows, columns = (
        np.linspace(start, stop, -(-(stop - start) // most) + 1).astype(int).tolist()
        for start, stop in ((hole.y0, hole.y1), (hole.x0, hole.x1))
    )
    crops, done = [], np.zeros_like(mask)
    for y0, y1 in pairwise(rows):
        for x0, x1 in pairwise(columns):
            part = _own(group, mask, labels, cell, Box(y0, x0, y1, x1))
            if not part.any():
                continue
            ys, xs = (np.flatnonzero(part.any(axis)).tolist() for axis in (1, 0))
            piece = Box(y0 + ys[0], x0 + xs[0], y0 + ys[-1] + 1, x0 + xs[-1] + 1)
            longer = max(piece.height, piece.width)
            # What is known lies beside it, and beside a corner as far as the hole is deep.
            seen = longer + math.ceil(context * min(longer, max(BESIDE, LONG * deep / 4)))
            box = _around(piece, max(min_side, seen, math.ceil(LONG * deep / 2)), mask.shape)
            earlier = done[box.slices].copy()
            own = np.zeros_like(earlier)
            top, left = y0 - box.y0, x0 - box.x0
            here = part[max(-top, 0) : box.y1 - y0, max(-left, 0) : box.x1 - x0]
            top, left = max(top, 0), max(left, 0)
            own[top : top + here.shape[0], left : left + here.shape[1]] = here
            done[y0:y1, x0:x1] |= part
            crops.append(Crop(box, mask[box.slices] & ~earlier, own, earlier))
    return crops


def _inside(start: int, stop: int, side: int, limit: int) -> tuple[int, int]:
    """Centre ``side`` pixels on an interval, move them inward, cut them at the limit."""
    side = min(side, limit)
    first = min(max((start + stop - side) // 2, 0), limit - side)
    return first, first + side

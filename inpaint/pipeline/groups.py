"""Groups the components of a hole that share a crop."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import combinations
from typing import NamedTuple

import cv2
import numpy as np

_MAX_GROUPS = 64  # Merging compares pairs, so more components than this are first joined on a grid.
_START_CELLS = 4_000_000  # masks with more pixels start on a coarser grid, for time
MERGE_LIMIT = 2.0  # how much coarser the largest hole of a group may be seen than alone


@dataclass(frozen=True)
class Box:
    """A half-open rectangle of pixels: rows y0 to y1 - 1, columns x0 to x1 - 1."""

    y0: int
    x0: int
    y1: int
    x1: int

    @property
    def height(self) -> int:
        """Number of rows."""
        return self.y1 - self.y0

    @property
    def width(self) -> int:
        """Number of columns."""
        return self.x1 - self.x0

    @property
    def slices(self) -> tuple[slice, slice]:
        """Index for arrays: ``image[box.slices]``."""
        return slice(self.y0, self.y1), slice(self.x0, self.x1)

    def union(self, other: Box) -> Box:
        """Return the smallest box that holds both."""
        low = min(self.y0, other.y0), min(self.x0, other.x0)
        return Box(*low, max(self.y1, other.y1), max(self.x1, other.x1))


class Group(NamedTuple):
    """Components that share a crop: their box, labels, and the largest lone one's crop side."""

    hole: Box
    labels: tuple[int, ...]
    lone_side: int

    def join(self, other: Group) -> Group:
        """Return the group of both."""
        side = max(self.lone_side, other.lone_side)
        return Group(self.hole.union(other.hole), self.labels + other.labels, side)


def components(mask: np.ndarray) -> tuple[np.ndarray, int, list[Box]]:
    """Label the components of holes, on the finest grid on which there are few enough of them.

    Cells of the grid have 1, 2, 4 and more pixels. A cell is hole when any of its pixels is, so
    coarse cells join specks that are close together.

    Parameters
    ----------
    mask : ndarray (H, W) of bool
        True = hole.

    Returns
    -------
    labels : ndarray (h, w) of int32
        Of the cells; 0 = no hole.
    cell : int
        The size of a cell in pixels.
    boxes : list of Box
        That of each label, in pixels.
    """
    cell, cells = 1, np.ascontiguousarray(mask).view(np.uint8)
    while True:
        if cells.size <= _START_CELLS:
            count, labels, stats, _ = cv2.connectedComponentsWithStats(cells, connectivity=8)
            if count - 1 <= _MAX_GROUPS:
                break
        even = np.pad(cells, ((0, cells.shape[0] % 2), (0, cells.shape[1] % 2)))
        rows = even[0::2] | even[1::2]
        cell, cells = cell * 2, np.ascontiguousarray(rows[:, 0::2] | rows[:, 1::2])
    boxes = []
    for x, y, w, h, _ in stats[1:].tolist():
        y1, x1 = min((y + h) * cell, mask.shape[0]), min((x + w) * cell, mask.shape[1])
        boxes.append(Box(y * cell, x * cell, y1, x1))
    return labels, cell, boxes


def merge_near(groups: list[Group], side: Callable[[Box], int]) -> list[Group]:
    """Merge until no pair satisfies the rule of ``crop.plan_crops``."""

    def near(pair: tuple[Group, Group]) -> bool:
        small, large = sorted((g.hole for g in pair), key=side)
        s = side(small)
        y0, x0 = (small.y0 + small.y1 - s) // 2, (small.x0 + small.x1 - s) // 2
        rows, cols = y0 < large.y1 and large.y0 < y0 + s, x0 < large.x1 and large.x0 < x0 + s
        # Relative to single components: relative to groups, a long row would grow into one group.
        limit = MERGE_LIMIT * max(g.lone_side for g in pair)
        return rows and cols and side(small.union(large)) <= limit

    while pair := next(filter(near, combinations(groups, 2)), None):
        groups = _joined(groups, pair)
    return groups


def merge_down(groups: list[Group], side: Callable[[Box], int], max_crops: int) -> list[Group]:
    """Merge until there are at most ``max_crops``, those first that then stay smallest."""

    def merged_side(pair: tuple[Group, Group]) -> int:
        return side(pair[0].hole.union(pair[1].hole))

    while len(groups) > max_crops:
        groups = _joined(groups, min(combinations(groups, 2), key=merged_side))
    return groups


def _joined(groups: list[Group], pair: tuple[Group, Group]) -> list[Group]:
    return [g for g in groups if g not in pair] + [pair[0].join(pair[1])]

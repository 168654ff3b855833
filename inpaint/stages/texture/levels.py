"""The picture at halved sizes, and where each hole pixel's colour is taken from."""

from __future__ import annotations

from typing import NamedTuple

import cv2
import numpy as np

from inpaint.stages.texture.features import SIDE

_FEWEST_SOURCES = 100  # with fewer, the coarsest level has no choice to make
_EVEN = np.ones((SIDE, SIDE), dtype=np.uint8)


class Level(NamedTuple):
    """One size of the picture.

    image : (h, w, 3) float32 RGB in [0, 1]; inside ``todo`` its values mean nothing.
    todo : (h, w) bool, what is to be filled.
    unknown : (h, w) bool, what no patch may be taken from; holds ``todo``.
    """

    image: np.ndarray
    todo: np.ndarray
    unknown: np.ndarray


def sources(unknown: np.ndarray) -> np.ndarray:
    """Return where a whole patch inside the picture is known: (h, w) bool."""
    clean = cv2.dilate(
        unknown.astype(np.uint8), _EVEN, borderType=cv2.BORDER_CONSTANT, borderValue=1
    )
    return clean == 0


def innermost(mask: np.ndarray) -> float:
    """How deep the hole of ``mask`` (H, W) is: its innermost pixel's distance from the known ones.

    In pixels; 0 without a hole.
    """
    return float(cv2.distanceTransform(mask.astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_5).max())


def pyramid(finest: Level, deepest: float, largest: int) -> list[Level]:
    """Halve to a hole ``deepest`` pixels deep in ``largest`` pixels of picture; finest first.

    Sooner where too little would be known.

    A coarse pixel is hole when any of its four pixels is, so whatever is known at a coarse level
    is known at every finer one. Known pixels are means of known pixels.
    """
    levels = [finest]
    while levels[-1].todo.size > largest or innermost(levels[-1].todo) > deepest:
        image, todo, unknown = levels[-1]
        coarse = Level(_mean(image), _any(todo), _any(unknown))
        if np.count_nonzero(sources(coarse.unknown)) < _FEWEST_SOURCES:
            break
        levels.append(coarse)
    return levels


def _quarters(a: np.ndarray) -> list[np.ndarray]:
    pad = ((0, a.shape[0] % 2), (0, a.shape[1] % 2)) + ((0, 0),) * (a.ndim - 2)
    even = np.pad(a, pad, mode="edge")
    return [even[i::2, j::2] for i in (0, 1) for j in (0, 1)]


def _mean(a: np.ndarray) -> np.ndarray:
    q = _quarters(a)
    return (q[0] + q[1] + q[2] + q[3]) * np.float32(0.25)


def _any(a: np.ndarray) -> np.ndarray:
    q = _quarters(a)
    return q[0] | q[1] | q[2] | q[3]


class Map:
    """For each hole pixel, in row-major order, the known pixel whose colour it takes.

    Attributes
    ----------
    y, x : ndarray (n,) of int32
        The hole's pixels.
    row, column : ndarray (n,) of int32
        Their sources.
    index : ndarray (h, w) of int32
        Position of a hole pixel in the four others; -1 elsewhere.
    """

    def __init__(self, todo: np.ndarray) -> None:
        self.y, self.x = (c.astype(np.int32) for c in np.nonzero(todo))
        self.row, self.column = self.y.copy(), self.x.copy()
        self.index: np.ndarray = np.full(todo.shape, -1, dtype=np.int32)
        self.index[self.y, self.x] = np.arange(len(self.y), dtype=np.int32)

    def composed(self, image: np.ndarray) -> np.ndarray:
        """Return a copy of ``image`` (h, w, ...) in which the hole shows its sources."""
        out = image.copy()
        out[self.y, self.x] = image[self.row, self.column]
        return out

    def carried(self, todo: np.ndarray) -> Map:
        """Return the map for the next finer level: doubled shifts, so that patches stay whole."""
        fine = Map(todo)
        h, w = todo.shape
        parent = self.index[fine.y // 2, fine.x // 2]
        fine.row = np.minimum(2 * self.row[parent] + fine.y % 2, h - 1)
        fine.column = np.minimum(2 * self.column[parent] + fine.x % 2, w - 1)
        return fine

    def within(self, todo: np.ndarray) -> Map:
        """Return the map of some of its pixels only, those of ``todo`` (h, w) bool."""
        part = Map(todo)
        at = self.index[part.y, part.x]
        part.row, part.column = self.row[at], self.column[at]
        return part

"""Smooth maps that lead a search: expected colour and roughness, and harmonic interpolation."""

from __future__ import annotations

import cv2
import numpy as np

from inpaint.images.resize import fill_nearest
from inpaint.stages.poisson import harmonic
from inpaint.stages.texture.features import SIDE, gradients
from inpaint.stages.texture.levels import Level

_GRID = 512  # of the smooth colours, along the longer side
_CELLS = 64  # of the grid of expected roughness, along the longer side
_KNOWN_SHARE = 0.1  # a cell with less known area than this takes its nearest neighbour's
_BLUR = 1.0  # of that grid, in cells


def calmed(levels: list[Level], shape: tuple[int, ...]) -> np.ndarray:
    """By how much harmonic interpolation of the hole differs from the fill: (h, w, 3), 0 outside.

    It knows no structure, and in flat places it is nearer the truth than any guess.
    """
    level = next((x for x in levels if max(x.todo.shape) <= _GRID), levels[-1])
    change = np.zeros_like(level.image)
    change[level.todo] = harmonic(level.image, level.todo) - level.image[level.todo]
    return resized(change, shape)


def structure(level: Level, smooth: float) -> np.ndarray:
    """What belongs where: blurred colour, expected roughness; (h, w, 5) float32, a small grid.

    A cell of the roughness, mean absolute gradients across and down, is the mean over its known
    pixels; one without any takes its nearest neighbour's.
    """
    image, _, unknown = level
    # A gradient needs the pixels around it, so those beside the hole are not known either.
    near = np.ones((SIDE + 2, SIDE + 2), dtype=np.uint8)
    known = cv2.erode((~unknown).astype(np.float32), near)
    share = _shrunk(known, _CELLS)
    total = _shrunk(gradients(image) * known[..., None], _CELLS)
    cells: np.ndarray = total / np.maximum(share, np.float32(1e-6))[..., None]
    cells = cv2.GaussianBlur(fill_nearest(cells, share < _KNOWN_SHARE), (0, 0), _BLUR)
    colour = _shrunk(image, _GRID)
    colour = cv2.GaussianBlur(colour, (0, 0), max(1.0, smooth * max(colour.shape)))
    return np.dstack([colour, resized(cells, colour.shape)])


def _shrunk(a: np.ndarray, longer: int) -> np.ndarray:
    """Area means on a grid whose longer side is at most ``longer``."""
    scale = min(1.0, longer / max(a.shape))
    size = max(1, round(a.shape[1] * scale)), max(1, round(a.shape[0] * scale))
    small: np.ndarray = cv2.resize(a, size, interpolation=cv2.INTER_AREA)
    return small


def resized(a: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Resize a map (h, w, C) that is too smooth to alias to ``shape``, bilinearly."""
    resized: np.ndarray = cv2.resize(a, shape[1::-1], interpolation=cv2.INTER_LINEAR)
    return resized

"""Wide masks for the training of a completion network: 5 to 75 % of the picture, True = hole.

There are strokes, boxes, round shapes, half-planes and borders, like what people erase and what
outpainting needs, and some masks of the published protocols.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import cv2
import numpy as np

from inpaint.evaluate import protocols

LEAST, MOST = 0.03, 0.78  # share of the picture that a mask may cover
PUBLISHED = 0.2  # share of the masks that are those of published protocols
TRIES = 20


def draw(count: int, size: int, *, seed: int, published: float = PUBLISHED) -> np.ndarray:
    """``count`` masks (N, S, S) of bool; mask i is a function of (size, seed, i) alone.

    A share ``published`` of them are masks of published protocols.
    """
    masks = np.empty((count, size, size), bool)
    for i in range(count):
        masks[i] = _one(np.random.default_rng([seed, 17, i]), size, published)
    return masks


def _one(rng: np.random.Generator, size: int, published: float) -> np.ndarray:
    """One mask; a shape that covers too little or too much is drawn again."""
    kinds = [*_SHAPES, _protocol]
    shares = np.array([*_SHAPES.values()])
    kind = kinds[rng.choice(len(kinds), p=[*shares / shares.sum() * (1 - published), published])]
    for _ in range(TRIES):
        mask = kind(rng, size)
        if LEAST <= mask.mean() <= MOST:
            break
    else:
        mask = protocols.make("center", (size, size))
    mask = np.rot90(mask, int(rng.integers(4))) if kind is not _protocol else mask
    return mask[:, :: rng.choice([-1, 1])]


def _strokes(rng: np.random.Generator, size: int) -> np.ndarray:
    """Free-form strokes until a share of the picture is covered."""
    low = int(rng.integers(5, 71))
    seed = int(rng.integers(2**31))
    return protocols.make(f"bucket:{low:02d}-{low + 5:02d}", (size, size), seed=seed)


def _boxes(rng: np.random.Generator, size: int) -> np.ndarray:
    mask = np.zeros((size, size), bool)
    for _ in range(int(rng.integers(1, 4))):
        h, w = (int(size * rng.uniform(0.12, 0.8)) for _ in range(2))
        y, x = (int(rng.integers(-side // 4, size - 3 * side // 4)) for side in (h, w))
        mask[max(y, 0) : y + h, max(x, 0) : x + w] = True
    return mask


def _rounds(rng: np.random.Generator, size: int) -> np.ndarray:
    """Return one or two star-shaped outlines like those of objects."""
    canvas = np.zeros((size, size), np.uint8)
    for _ in range(int(rng.integers(1, 3))):
        angles = np.linspace(0, 2 * math.pi, 48, endpoint=False)
        radius = np.ones_like(angles)
        for k in range(1, 6):
            phase, height = rng.uniform(0, 2 * math.pi), rng.uniform(0, 0.5 / k)
            radius += height * np.cos(k * angles + phase)
        radius *= size * rng.uniform(0.1, 0.38) / radius.mean()
        centre = rng.uniform(0.1, 0.9, 2) * size
        stretch = rng.uniform(0.6, 1.0)
        points = centre + radius[:, None] * np.stack([np.cos(angles), stretch * np.sin(angles)], 1)
        cv2.fillPoly(canvas, [points.round().astype(np.int32)], 1)
    return canvas > 0


def _plane(rng: np.random.Generator, size: int) -> np.ndarray:
    """Return a mask of all pixels on one side of a straight line."""
    angle, share = rng.uniform(0, 2 * math.pi), rng.uniform(0.1, 0.65)
    y, x = np.mgrid[:size, :size]
    along = np.cos(angle) * x + np.sin(angle) * y
    return along <= np.quantile(along, share)


def _border(rng: np.random.Generator, size: int) -> np.ndarray:
    """Return a mask along one to four sides of the picture, as in outpainting."""
    mask = np.ones((size, size), bool)
    cuts = [0, 0, 0, 0]
    for side in rng.permutation(4)[: int(rng.integers(1, 5))]:
        cuts[side] = int(size * rng.uniform(0.08, 0.35))
    mask[cuts[0] : size - cuts[1], cuts[2] : size - cuts[3]] = False
    return mask


def _protocol(rng: np.random.Generator, size: int) -> np.ndarray:
    """Return a mask of the 2017 paper or of LaMa; its place matters, so it is not turned."""
    names = ("center", "center", "center", "half", "half", "thick", "medium", "random80", "pattern")
    name = names[int(rng.integers(len(names)))]
    return protocols.make(name, (size, size), seed=int(rng.integers(2**31)))


_Kind = Callable[[np.random.Generator, int], np.ndarray]
_SHAPES: dict[_Kind, float] = {
    _strokes: 0.40,
    _boxes: 0.13,
    _rounds: 0.13,
    _plane: 0.07,
    _border: 0.07,
}

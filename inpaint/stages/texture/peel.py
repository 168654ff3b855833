"""A first fill: layer by layer from the edge of the hole inward."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np

from inpaint.kernels import Flag2, Int1, Short1, Short2, Short3, inner, kernel
from inpaint.stages.texture.features import RADIUS, SIDE, UNIT, opponent
from inpaint.stages.texture.levels import Map
from inpaint.stages.texture.nearest import NEVER

_AREA = SIDE * SIDE
_CONSTANTS = 7


def peel(
    image: np.ndarray,
    fixed: np.ndarray,
    places: Map,
    allowed: tuple[np.ndarray, np.ndarray],
) -> None:
    """Fill the hole from its edge inward, each layer from what is known or filled by then.

    A pixel p of the outermost layer takes the source q that minimises, over the part K of its
    patch that is known by then, Σ_{o in K} |I(p + o) - I(q + o)|² + |c_p - c_q|², in whole
    numbers; of equal ones the first.

    Parameters
    ----------
    image : ndarray (h, w, 3)
        RGB in [0, 1]; not read inside the hole.
    fixed : ndarray (h, w, 7)
        The constant part c of the descriptions.
    places : Map
        Changed in place.
    allowed : (rows, columns)
        The sources to choose from.
    """
    border = ((RADIUS, RADIUS), (RADIUS, RADIUS), (0, 0))
    colours = np.pad(np.rint(opponent(image) * np.float32(UNIT)).astype(np.int16), border)
    constants = np.rint(fixed * np.float32(UNIT)).astype(np.int16)
    known = np.pad(places.index < 0, RADIUS)
    inside = slice(RADIUS, -RADIUS), slice(RADIUS, -RADIUS)
    sources = _windows(colours, constants, known, *allowed)[0]
    near = np.ones((3, 3), dtype=np.uint8)
    while not known[inside].all():
        layer = ~known[inside] & (cv2.dilate(known[inside].astype(np.uint8), near) > 0)
        y, x = (c.astype(np.int32) for c in np.nonzero(layer))
        found = np.empty(len(y), dtype=np.int32)
        _nearest(*_windows(colours, constants, known, y, x), sources, found)
        row, column = allowed[0][found], allowed[1][found]
        colours[y + RADIUS, x + RADIUS] = colours[row + RADIUS, column + RADIUS]
        at = places.index[y, x]
        places.row[at], places.column[at] = row, column
        known[inside] |= layer


def _windows(
    colours: np.ndarray, constants: np.ndarray, known: np.ndarray, y: np.ndarray, x: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Patches and constants around pixels, and which entries count (all bits set or none).

    Both (n, 3 · SIDE² + 7) int16, pixel by pixel.
    """
    f = np.empty((len(y), 3 * _AREA + _CONSTANTS), dtype=np.int16)
    weight = np.empty_like(f)
    _cut(colours, constants, known, y, x, f, weight)
    return f, weight


@kernel
def _cut(
    colours: Short3,
    constants: Short3,
    known: Flag2,
    y: Int1,
    x: Int1,
    f: Short2,
    weight: Short2,
) -> None:
    for p in range(len(y)):
        k = 0
        for a in range(SIDE):
            for b in range(SIDE):
                for c in range(3):
                    f[p, k] = colours[y[p] + a, x[p] + b, c]
                    weight[p, k] = -1 if known[y[p] + a, x[p] + b] else 0
                    k += 1
        for c in range(_CONSTANTS):
            f[p, k + c], weight[p, k + c] = constants[y[p], x[p], c], -1


@kernel
def _nearest(target: Short2, weight: Short2, sources: Short2, found: Int1) -> None:
    """The argmin of ``peel`` for the pixels of a layer."""
    for p in range(len(target)):
        best = np.int32(NEVER)
        for q in range(len(sources)):
            d = _masked(target[p], weight[p], sources[q])
            if d < best:
                best, found[p] = d, q


@inner
def _masked(f: Short1, weight: Short1, g: Short1) -> Any:
    """|f - g|² where the weight is set, as ``apart``."""
    total = np.int32(0)
    for k in range(len(f)):
        step = np.int16(np.int16(f[k] - g[k]) & weight[k])
        total = np.int32(total + np.int32(np.int32(step) * np.int32(step)))
    return total

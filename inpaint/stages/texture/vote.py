"""What overlapping patches say together: a weighted mean, to look for the next sources with.

The patch around a hole pixel q has its source around s_q, so a pixel p within that patch should
look like I(s_q + p - q). With all q of the hole whose patch holds p (Wexler et al., *Space-Time
Completion of Video*, 2007),

    v_p = Σ_q w_q I(s_q + p - q) / Σ_q w_q,    w_q = γ^-depth(q) exp(-d_q / 2σ²)

where depth is the distance to what is known, d_q the distance of the patch and its source, and σ²
the upper quartile of all d. A mean is no texture: it leads the search and is never shown.
"""

from __future__ import annotations

import numpy as np

from inpaint import masks
from inpaint.kernels import Float1, Float2, Float3, Int1, Int2, kernel
from inpaint.stages.texture.features import RADIUS
from inpaint.stages.texture.levels import Map

_TRUST = np.float32(1.3)  # γ: how much more a patch counts than one a pixel deeper in the hole
_QUARTILE = 75


def confidence(places: Map, todo: np.ndarray) -> np.ndarray:
    """Return γ^-depth of each pixel of ``places`` in the hole ``todo`` (h, w): (n,) float32."""
    deep = masks.inward(todo)
    # A hole without an edge has no depth; beyond 60 pixels only the order would be left.
    weight: np.ndarray = _TRUST ** -np.minimum(deep[places.y, places.x], np.float32(60))
    return weight


def likeness(distances: np.ndarray) -> np.ndarray:
    """Return exp(-d / 2σ²) of squared distances: (n,) float32."""
    spread = np.float32(2 * np.percentile(distances, _QUARTILE) + 1)
    return np.exp(-distances / spread)


def vote(image: np.ndarray, places: Map, weight: np.ndarray) -> np.ndarray:
    """Return v at the hole's pixels, (n, C) float32.

    Parameters
    ----------
    image : ndarray (h, w, C), float32
        Anything that is known around all sources.
    places : Map
        Sources whose whole patches lie inside the picture.
    weight : ndarray (n,), float32
        w, above 0.
    """
    out = np.zeros((len(places.y), image.shape[2]), dtype=np.float32)
    _vote(image, places.y, places.x, places.row, places.column, places.index, weight, out)
    return out


@kernel
def _vote(
    image: Float3,
    y: Int1,
    x: Int1,
    row: Int1,
    column: Int1,
    index: Int2,
    weight: Float1,
    out: Float2,
) -> None:
    h, w = index.shape
    channels = image.shape[2]
    for p in range(len(y)):
        norm = np.float32(0)
        for a in range(max(y[p] - RADIUS, 0), min(y[p] + RADIUS + 1, h)):
            for b in range(max(x[p] - RADIUS, 0), min(x[p] + RADIUS + 1, w)):
                q = index[a, b]
                if q < 0:
                    continue
                r, c = row[q] + y[p] - a, column[q] + x[p] - b
                for k in range(channels):
                    out[p, k] += weight[q] * image[r, c, k]
                norm += weight[q]
        for k in range(channels):
            out[p, k] /= norm

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
    w = image.shape[1]
    flat = image.reshape(-1, image.shape[2])
    # A pixel that is not hole has the last entry: weight 0, and any source inside.
    index = np.pad(places.index, RADIUS, constant_values=-1)
    source = places.row.astype(np.intp) * w + places.column
    source, weight = np.append(source, source[0]), np.append(weight, np.float32(0))
    at = (places.y.astype(np.intp) + RADIUS) * index.shape[1] + places.x + RADIUS
    index = index.ravel()
    total = np.zeros((len(at), flat.shape[1]), dtype=np.float32)
    norm = np.zeros((len(at), 1), dtype=np.float32)
    for down in range(-RADIUS, RADIUS + 1):
        for across in range(-RADIUS, RADIUS + 1):
            q = index[at + down * (w + 2 * RADIUS) + across]
            share = weight[q][:, None]
            total += share * flat[source[q] - (down * w + across)]
            norm += share
    return total / norm

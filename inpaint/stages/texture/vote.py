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
from inpaint.kernels import Float1, Int1, kernel
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
    at = len(distances) * _QUARTILE // 100
    spread = np.float32(2 * np.partition(distances, at)[at] + 1)
    return np.exp(-distances.astype(np.float32) / spread)


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
    top, left = int(places.y.min()) - RADIUS, int(places.x.min()) - RADIUS
    h, w = int(places.y.max()) + RADIUS + 1 - top, int(places.x.max()) + RADIUS + 1 - left
    total = np.zeros((h, w, image.shape[2]), dtype=np.float32)
    norm = np.zeros((h, w), dtype=np.float32)
    y, x = places.y - np.int32(top), places.x - np.int32(left)
    _spread(
        image.ravel(),
        *image.shape,
        y,
        x,
        places.row,
        places.column,
        weight,
        total.ravel(),
        norm.ravel(),
        w,
    )
    voted: np.ndarray = total[y, x] / norm[y, x][:, None]
    return voted


@kernel
def _spread(
    image: Float1,
    h: int,
    w: int,
    channels: int,
    y: Int1,
    x: Int1,
    row: Int1,
    column: Int1,
    weight: Float1,
    total: Float1,
    norm: Float1,
    width: int,
) -> None:
    """Add the patch around each source in the image (h, w, channels), weighted, around its pixel.

    ``total`` and ``norm`` are of a box ``width`` pixels wide, row by row; ``y`` and ``x`` lie in it
    with a whole patch around them.
    """
    for q in range(len(y)):
        share = weight[q]
        left, right = max(-RADIUS, -column[q]), min(RADIUS, w - 1 - column[q])
        for down in range(max(-RADIUS, -row[q]), min(RADIUS, h - 1 - row[q]) + 1):
            at = (y[q] + down) * width + x[q] + left
            source = ((row[q] + down) * w + column[q] + left) * channels
            for k in range(right + 1 - left):
                norm[at + k] += share
            at *= channels
            for k in range((right + 1 - left) * channels):
                total[at + k] += share * image[source + k]

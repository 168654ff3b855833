"""Copied pieces put together: the smooth fill's colours, the copies' gradients, no seams.

With sources s_p, picture I, smooth fill m and a blur B over the hole alone, a hole pixel starts as

    c_p = I(s_p) + o_p,    o = k B(m - I(s)),

the copied texture with a share k of the smooth fill's low frequencies. Where neighbours p and
q = p + d come from different places, or q is known, c has a seam. The result f = c + e minimises

    Σ_pq |f_p - f_q - v_pq|² + λ Σ_p |f_p - c_p|²

with v_pq the stronger of the steps from p to q in the two sources, since their mean would be
weaker than either (in p's source alone where q is known): the screened Poisson equation (Bhat et
al., *Fourier Analysis of the 2D Screened Poisson Equation*, 2008) on copied gradients (Darabi et
al., *Image Melding*, 2012). λ keeps e near the seams.
"""

from __future__ import annotations

import cv2
import numpy as np

from inpaint.kernels import Float1, Float2, Float3, Int1, Int2, kernel
from inpaint.stages.texture.levels import Map

_GRID = 6.0  # a blur of more pixels than twice this is made on a coarser grid
_FOUR = np.array(((0, 1), (0, -1), (1, 0), (-1, 0)))


def join(
    places: Map,
    image: np.ndarray,
    smooth: np.ndarray,
    *,
    sigma: float,
    keep: float,
    screen: float,
    steps: int,
) -> np.ndarray:
    """Return the picture with its hole filled from ``places``: (H, W, 3) float32 in [0, 1].

    Parameters
    ----------
    places : Map
        The source of each hole pixel.
    image : ndarray (H, W, 3), float32 in [0, 1]
        The known picture; not read inside the hole.
    smooth : ndarray (H, W, 3), float32 in [0, 1]
        The smooth fill, read inside the hole.
    sigma, keep : float
        Sigma of B in pixels, and the share k of ``smooth``.
    screen : float
        λ; e reaches about 1/√λ pixels.
    steps : int
        Jacobi iterations; 0 leaves the seams.
    """
    h, w = places.index.shape
    margin = 1
    y0, x0 = (max(int(c.min()) - margin, 0) for c in (places.y, places.x))
    y1, x1 = (int(c.max()) + margin + 1 for c in (places.y, places.x))
    box = slice(y0, min(y1, h)), slice(x0, min(x1, w))
    at = places.y - y0, places.x - x0
    hole = places.index[box] >= 0
    colours = image[places.row, places.column]
    offset = _offset(colours, smooth[places.y, places.x], hole, at, sigma, keep)
    result: np.ndarray = image.copy()
    result[places.y, places.x] = colours + offset
    if steps:
        e = _melted(places, image, colours, offset, screen, steps)
        result[places.y, places.x] += e
    return np.clip(result, 0.0, 1.0)


def _offset(
    colours: np.ndarray,
    wanted: np.ndarray,
    hole: np.ndarray,
    at: tuple[np.ndarray, np.ndarray],
    sigma: float,
    keep: float,
) -> np.ndarray:
    """Return o at the hole's pixels, (n, 3): blurred over the hole alone."""
    parts = np.zeros((*hole.shape, 4), dtype=np.float32)
    parts[at] = np.concatenate([wanted - colours, np.ones_like(colours[:, :1])], axis=1)
    # A wide blur needs no fine grid.
    factor = max(1, int(sigma / _GRID))
    size = -(-hole.shape[1] // factor), -(-hole.shape[0] // factor)
    small = cv2.resize(parts, size, interpolation=cv2.INTER_AREA) if factor > 1 else parts
    # Outside the box there is no hole: zeros, not mirrored values.
    small = cv2.GaussianBlur(small, (0, 0), sigma / factor, borderType=cv2.BORDER_CONSTANT)
    small = small[..., :3] / np.maximum(small[..., 3:], np.float32(1e-6))
    if factor > 1:
        small = cv2.resize(small, hole.shape[::-1], interpolation=cv2.INTER_LINEAR)
    offset: np.ndarray = np.float32(keep) * small[at]
    return offset


def _melted(
    places: Map,
    image: np.ndarray,
    colours: np.ndarray,
    offset: np.ndarray,
    screen: float,
    steps: int,
) -> np.ndarray:
    """Return e at the hole's pixels, (n, 3), by Jacobi's iterations."""
    n = len(places.y)
    right, weight = np.zeros((n, 3), dtype=np.float32), np.empty(n, dtype=np.float32)
    near = np.empty((n, 4), dtype=np.int32)
    at = places.y, places.x, places.row, places.column, places.index
    _seams(*at, image, colours, offset, screen, right, weight, near)
    e, new = (np.zeros((n + 1, 3), dtype=np.float32) for _ in range(2))
    for _ in range(steps):
        _melt(e, near, right, weight, new)
        e, new = new, e
    return e[:n]


@kernel
def _seams(
    y: Int1,
    x: Int1,
    row: Int1,
    column: Int1,
    index: Int2,
    image: Float3,
    colours: Float2,
    offset: Float2,
    screen: float,
    right: Float2,
    weight: Float1,
    near: Int2,
) -> None:
    """Σ_q (v_pq - c_p + c_q) over the neighbours q inside the picture, 1 / (their number + λ).

    ``near`` (n, 4) are those in the hole, n where there is none.
    """
    h, w = index.shape
    n = len(y)
    for p in range(n):
        degree = np.float32(0)
        for k in range(4):
            near[p, k] = n
            down, across = _FOUR[k, 0], _FOUR[k, 1]
            a, b = y[p] + down, x[p] + across
            if a < 0 or a >= h or b < 0 or b >= w:
                continue
            degree += np.float32(1)
            q = index[a, b]
            r, c = row[p] + down, column[p] + across
            if q >= 0:
                near[p, k] = q
                if row[q] == r and column[q] == c:
                    continue  # equal shifts have no seam
            r, c = min(max(r, 0), h - 1), min(max(c, 0), w - 1)
            if q < 0:
                for i in range(3):
                    right[p, i] += image[a, b, i] - image[r, c, i] - offset[p, i]
                continue
            s, t = min(max(row[q] - down, 0), h - 1), min(max(column[q] - across, 0), w - 1)
            ours, theirs = np.float32(0), np.float32(0)
            for i in range(3):
                ours += (colours[p, i] - image[r, c, i]) ** 2
                theirs += (image[s, t, i] - colours[q, i]) ** 2
            for i in range(3):
                v = image[s, t, i] - colours[q, i]
                if ours >= theirs:
                    v = colours[p, i] - image[r, c, i]
                right[p, i] += v - colours[p, i] + colours[q, i]
        weight[p] = np.float32(1) / (degree + screen)


@kernel
def _melt(e: Float2, near: Int2, right: Float2, weight: Float1, new: Float2) -> None:
    """One iteration; the last row of ``e`` stays 0 and stands for what is no hole."""
    for p in range(len(near)):
        a, b, c, d = near[p, 0], near[p, 1], near[p, 2], near[p, 3]
        for i in range(3):
            around = (e[a, i] + e[b, i]) + (e[c, i] + e[d, i])
            new[p, i] = (around + right[p, i]) * weight[p]

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

from inpaint.stages.texture.levels import Map

_GRID = 6.0  # a blur of more pixels than twice this is made on a coarser grid
_FOUR = ((0, 1), (0, -1), (1, 0), (-1, 0))
_CROSS = np.array([[0, 1, 0], [1, 0, 1], [0, 1, 0]], dtype=np.float32)


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
        right, degree = _seams(places, image, colours, offset)
        e = np.zeros((*hole.shape, 3), dtype=np.float32)
        b, weight = e.copy(), np.zeros(hole.shape, dtype=np.float32)
        b[at], weight[at] = right, 1 / (degree + np.float32(screen))
        for _ in range(steps):
            near = cv2.filter2D(e, cv2.CV_32F, _CROSS, borderType=cv2.BORDER_CONSTANT)
            e = (near + b) * weight[..., None]
        result[places.y, places.x] += e[at]
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


def _seams(
    places: Map, image: np.ndarray, colours: np.ndarray, offset: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Σ_q (v_pq - c_p + c_q) and the number of neighbours q inside the picture: (n, 3), (n,)."""
    h, w = places.index.shape
    total, degree = np.zeros_like(colours), np.zeros(len(colours), dtype=np.float32)

    def shown(row: np.ndarray, column: np.ndarray) -> np.ndarray:
        found: np.ndarray = image[np.clip(row, 0, h - 1), np.clip(column, 0, w - 1)]
        return found

    for down, across in _FOUR:
        y, x = places.y + down, places.x + across
        inside = (y >= 0) & (y < h) & (x >= 0) & (x < w)
        degree += inside
        q = np.full(len(y), -1, dtype=np.int32)
        q[inside] = places.index[y[inside], x[inside]]
        p = np.flatnonzero(inside & (q < 0))
        beyond = shown(places.row[p] + down, places.column[p] + across)
        total[p] += image[y[p], x[p]] - beyond - offset[p]
        other = (places.row[q] != places.row + down) | (places.column[q] != places.column + across)
        p = np.flatnonzero((q >= 0) & other)  # equal shifts have no seam
        q = q[p]
        beyond = shown(places.row[p] + down, places.column[p] + across)
        before = shown(places.row[q] - down, places.column[q] - across)
        ours, theirs = colours[p] - beyond, before - colours[q]
        strength = [np.einsum("ij,ij->i", v, v)[:, None] for v in (ours, theirs)]
        v = np.where(strength[0] >= strength[1], ours, theirs)
        total[p] += v - colours[p] + colours[q]
    return total, degree

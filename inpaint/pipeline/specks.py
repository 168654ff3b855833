"""Interpolates dust and scratches, which are small thin holes, in place and before all else.

A speck is a connected piece of the hole that is at most ``DEEPEST`` pixels deep and ``WIDEST``
pixels wide and high, with mostly known pixels around it. Its surroundings determine what belongs in
it, so it needs neither prior nor texture. It is filled by the biharmonic equation (Damelin and
Hoang 2018),

    laplacian(laplacian(u)) = 0 in the hole,    u = image around it,

which is solved for each speck in its own window. The cost is linear in the number of specks and
does not depend on the size of the photo.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np
from scipy import sparse

DEEPEST = 4.0  # pixels, from the border of a speck to its middle
WIDEST = 24  # pixels, longer side of a speck's box
MARGIN = 5  # pixels around a speck's box: the equation reads two, the rest is for others nearby
MOST_UNKNOWN = 0.3  # share of a speck's window; denser holes are one thing, and not specks


@dataclass(frozen=True)
class Speck:
    """One speck: its window in the picture, and its own pixels there.

    Attributes
    ----------
    window : (slice, slice)
        Rows and columns: the box of the speck with ``MARGIN`` pixels around it.
    own : ndarray (h, w) of bool
        The speck's pixels in the window.
    """

    window: tuple[slice, slice]
    own: np.ndarray


def find_specks(mask: np.ndarray, unknown: np.ndarray) -> list[Speck]:
    """Return the specks of a hole, from top to bottom.

    Pieces at the border of the picture are not specks, because the equation would extrapolate.

    Parameters
    ----------
    mask : ndarray (H, W) of bool
        True = hole.
    unknown : ndarray (H, W) of bool
        All that may not be read, the hole among it.
    """
    _, labels, stats, _ = cv2.connectedComponentsWithStats(mask.view(np.uint8), connectivity=8)
    found = []
    for label, (x, y, w, h, _) in enumerate(stats.tolist()):
        inside = x > 0 and y > 0 and x + w < mask.shape[1] and y + h < mask.shape[0]
        if label == 0 or not inside or max(w, h) > WIDEST:
            continue
        window = (
            slice(max(y - MARGIN, 0), y + h + MARGIN),
            slice(max(x - MARGIN, 0), x + w + MARGIN),
        )
        own = labels[window] == label
        depth = cv2.distanceTransform(own.view(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_5).max()
        if depth <= DEEPEST and unknown[window].mean() <= MOST_UNKNOWN:
            found.append(Speck(window, own))
    return found


def fill_speck(image: np.ndarray, own: np.ndarray, unknown: np.ndarray) -> np.ndarray:
    """Fill one speck.

    Parameters
    ----------
    image : ndarray (h, w, 3), float in [0, 1]
        The speck's window; values at ``unknown`` are not read.
    own, unknown : ndarray (h, w) of bool
        The speck's pixels, and all that may not be read.

    Returns
    -------
    ndarray (h, w, 3), float32
        In [0, 1]; equal to ``image`` outside ``own``.
    """
    return np.where(own[..., None], _solved(image, unknown), image).astype(np.float32)


def _solved(window: np.ndarray, hole: np.ndarray) -> np.ndarray:
    """The biharmonic fill of a window (h, w, 3) at ``hole``.

    The solution may exceed the values around it, so it is clipped to the range of the known pixels
    beside the hole.
    """
    operator = _biharmonic(*hole.shape)
    inside = hole.ravel()
    values = np.where(hole[..., None], 0, window).reshape(-1, window.shape[2]).astype(np.float64)
    rows = operator[inside]
    u = np.linalg.solve(rows[:, inside].toarray(), -(rows @ values))
    beside = cv2.dilate(hole.view(np.uint8), np.ones((5, 5), np.uint8)).astype(bool) & ~hole
    if beside.any():
        low, high = window[beside].min(0), window[beside].max(0)
        u = u.clip(low, high)
    values[inside] = u
    return np.asarray(values.reshape(window.shape), np.float32)


@lru_cache(maxsize=512)
def _biharmonic(height: int, width: int) -> sparse.csr_matrix:
    """The squared Laplacian on a window, no flow through its border: (hw, hw)."""

    def second(n: int) -> sparse.csr_matrix:
        diagonal = np.full(n, 2.0)
        diagonal[[0, -1]] = 1.0
        return sparse.diags([-np.ones(n - 1), diagonal, -np.ones(n - 1)], [-1, 0, 1], format="csr")

    laplacian = sparse.kron(second(height), sparse.eye(width)) + sparse.kron(
        sparse.eye(height), second(width)
    )
    return sparse.csr_matrix(laplacian @ laplacian)

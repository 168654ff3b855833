"""Poisson blending: the hole takes the guide's gradients and the image's colours at its edge."""

from __future__ import annotations

import cv2
import numpy as np
from scipy import sparse
from scipy.sparse.linalg import splu

from inpaint.errors import ImageError, MaskError
from inpaint.stages.patch import Patch

# With fewer unknowns than this, a factorisation is exact and takes milliseconds. With more,
# multigrid is faster; it uses no BLAS, whose sums change with the number of threads.
_DIRECT_LIMIT = 4096
_TOLERANCE = 1e-6  # estimated error in [0, 1] units: 1/4000 of one 8-bit step
_MAX_ITERATIONS = 200  # an upper bound; about 10 iterations are used
_DAMPING = 0.8  # the best damping of Jacobi for the high frequencies of a 5-point Laplacian


def apply(patch: Patch) -> Patch:
    """Blend the guide into the hole so that no seam remains (Poisson, Pérez et al. 2003)."""
    return patch.with_filled(blend(patch.image, patch.guide, patch.mask))


def blend(image: np.ndarray, guide: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Fill the hole with the guide's gradients and the image's boundary values.

    Pérez, Gangnet and Blake, *Poisson Image Editing*, 2003. Equation 7 reads, for a hole pixel
    p with the neighbours N_p inside the image, hole Ω, known image f* and guide g,

        |N_p| f_p - Σ_{q in N_p, q in Ω} f_q = Σ_{q in N_p, q not in Ω} f*_q + Σ_{q in N_p} v_pq

    with v_pq = g_p - g_q. With f = g + e the guide drops out, and e is the harmonic
    interpolation of f* - g:

        |N_p| e_p - Σ_{q in N_p, q in Ω} e_q = Σ_{q in N_p, q not in Ω} (f*_q - g_q).

    Parameters
    ----------
    image : ndarray (H, W, C), float in [0, 1]
        Known image; its values inside the hole are not read.
    guide : ndarray (H, W, C), float in [0, 1]
        Picture whose gradients the hole takes; read in the hole and one pixel around it.
    mask : ndarray (H, W) of bool
        True = hole. Any number of holes, at any border.

    Returns
    -------
    ndarray (H, W, C), float32
        ``image`` outside the hole, and inside it the blend, clipped to [0, 1]. If no pixel is
        known, the guide is returned.

    Raises
    ------
    ImageError, MaskError
        The shapes do not agree, or the mask is not boolean.
    """
    if image.ndim != 3 or guide.shape != image.shape:
        raise ImageError(f"image {image.shape} and guide {guide.shape} must share one (H, W, C)")
    _check_mask(mask, image)
    result = image.astype(np.float32)
    if not mask.any():
        return result
    box = _hole_box(mask)
    hole, inner_guide = mask[box], guide[box].astype(np.float64)
    e = harmonic(image[box] - inner_guide, hole)
    result[box][hole] = np.clip(inner_guide[hole] + e, 0.0, 1.0)
    return result


def harmonic(values: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Interpolate known values into the hole harmonically: Δe = 0, e = values at the edge.

    A hole pixel becomes the mean of its (up to four) neighbours inside the image, so the image
    border is a free edge, and no value exceeds the extremes on the known edge.

    Parameters
    ----------
    values : ndarray (H, W, C), float
        Known values, any range; those inside the hole are not read.
    mask : ndarray (H, W) of bool
        True = hole.

    Returns
    -------
    ndarray (n, C), float64
        The values of the n hole pixels in the order of ``values[mask]``; zero when no pixel is
        known. Exact below a few thousand pixels, within about 1e-6 above.

    Raises
    ------
    ImageError, MaskError
        The shapes do not agree, or the mask is not boolean.
    """
    if values.ndim != 3:
        raise ImageError(f"values have shape {values.shape}; expected (H, W, C)")
    _check_mask(mask, values)
    n = int(np.count_nonzero(mask))
    if n == 0 or n == mask.size:
        # Maximal 4-connected holes end at known pixels, so only a full mask has no edge.
        return np.zeros((n, values.shape[2]))
    A, b = _system(values, mask)
    return _solve_direct(A, b) if n <= _DIRECT_LIMIT else _solve_multigrid(A, b, mask)


def _check_mask(mask: np.ndarray, image: np.ndarray) -> None:
    if mask.dtype != np.bool_ or mask.shape != image.shape[:2]:
        raise MaskError(
            f"mask is {mask.dtype} {mask.shape}; expected bool {image.shape[:2]}, True = hole"
        )


def _hole_box(mask: np.ndarray) -> tuple[slice, slice]:
    """Return the hole's bounding box and one pixel more, clipped to the image.

    The extra pixel keeps the known edge inside, so that the box's border is the image's border
    wherever a hole touches it, and work and memory follow the hole, not the photo.
    """
    x, y, w, h = cv2.boundingRect(np.ascontiguousarray(mask).view(np.uint8))
    return slice(max(y - 1, 0), y + h + 1), slice(max(x - 1, 0), x + w + 1)


def _system(values: np.ndarray, mask: np.ndarray) -> tuple[sparse.csr_matrix, np.ndarray]:
    """Write the equation of `harmonic` as A e = b over the hole pixels in row-major order."""
    n = int(np.count_nonzero(mask))
    index = np.full(mask.shape, -1, dtype=np.int32)
    index[mask] = np.arange(n, dtype=np.int32)
    degree = np.zeros(n)
    b = np.zeros((n, values.shape[2]))
    rows, cols = [np.arange(n, dtype=np.int32)], [np.arange(n, dtype=np.int32)]
    first, last, every = slice(None, -1), slice(1, None), slice(None)
    for near, far in (
        ((first, every), (last, every)),
        ((last, every), (first, every)),
        ((every, first), (every, last)),
        ((every, last), (every, first)),
    ):
        p, q = index[near], index[far]  # p and its neighbour q in one of the four directions
        degree[p[p >= 0]] += 1
        inside = (p >= 0) & (q >= 0)
        rows.append(p[inside])
        cols.append(q[inside])
        edge = (p >= 0) & (q < 0)
        b[p[edge]] += values[far][edge]
    weights = np.concatenate([degree, np.full(sum(map(len, rows)) - n, -1.0)])
    at = (np.concatenate(rows), np.concatenate(cols))
    return sparse.csr_matrix((weights, at), shape=(n, n)), b


def _solve_direct(A: sparse.csr_matrix, b: np.ndarray) -> np.ndarray:
    return splu(A.tocsc(), permc_spec="MMD_AT_PLUS_A").solve(b)


def _solve_multigrid(A: sparse.csr_matrix, b: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Solve A x = b by conjugate gradients, preconditioned by one multigrid V-cycle.

    Tatebe, *The multigrid preconditioned conjugate gradient method*, 1993; each column of b is
    its own system. The preconditioned residual estimates the error itself, which gives the stop
    its unit. ``einsum`` adds in one fixed order, unlike a threaded BLAS.
    """
    cycle = _VCycle(A, mask)
    x = cycle(b)
    r = b - A @ x
    z = cycle(r)
    p = z.copy()
    rz = np.einsum("ij,ij->j", r, z)
    for _ in range(_MAX_ITERATIONS):
        if np.abs(z).max() < _TOLERANCE:
            break
        Ap = A @ p
        # A channel that is solved already has p = 0, which would give 0/0; it must stay as it is.
        pAp = np.einsum("ij,ij->j", p, Ap)
        alpha = rz / np.where(pAp > 0, pAp, 1.0)
        x += alpha * p
        r -= alpha * Ap
        z = cycle(r)
        rz, previous = np.einsum("ij,ij->j", r, z), rz
        p = z + rz / np.where(previous > 0, previous, 1.0) * p
    return x


class _VCycle:
    """One symmetric V-cycle: damped Jacobi, bilinear interpolation, Galerkin coarse grids."""

    def __init__(self, A: sparse.csr_matrix, mask: np.ndarray) -> None:
        self.levels: list[tuple[sparse.csr_matrix, np.ndarray, sparse.csr_matrix]] = []
        while A.shape[0] > _DIRECT_LIMIT // 4:
            P, mask = _interpolation(mask)
            self.levels.append((A, _DAMPING / A.diagonal()[:, None], P))
            A = (P.T.tocsr() @ (A @ P)).tocsr()
        self.coarsest = splu(A.tocsc(), permc_spec="MMD_AT_PLUS_A")

    def __call__(self, r: np.ndarray, level: int = 0) -> np.ndarray:
        """Return an approximation of A⁻¹ r."""
        if level == len(self.levels):
            return self.coarsest.solve(r)
        A, relax, P = self.levels[level]
        x = relax * r
        x += relax * (r - A @ x)
        x += P @ self(P.T @ (r - A @ x), level + 1)
        x += relax * (r - A @ x)
        x += relax * (r - A @ x)
        return x


def _interpolation(mask: np.ndarray) -> tuple[sparse.csr_matrix, np.ndarray]:
    """Return the bilinear interpolation from the 2x2-coarser hole, and that hole's mask.

    A coarse pixel is hole when any of its four pixels is. Known coarse pixels have no error and
    drop out of the sum. Beyond the image's border the nearest coarse pixel is used, because the
    border is a free edge. Weights are (9, 3, 3, 1)/16.
    """
    y, x = (c.astype(np.int32) for c in np.nonzero(mask))
    coarse = np.zeros(((mask.shape[0] + 1) // 2, (mask.shape[1] + 1) // 2), dtype=bool)
    coarse[y // 2, x // 2] = True
    index = np.full(coarse.shape, -1, dtype=np.int32)
    m = int(np.count_nonzero(coarse))
    index[coarse] = np.arange(m, dtype=np.int32)
    # An even pixel lies on the near side of its coarse pixel, an odd one on the far side.
    side_y = np.clip(y // 2 + 2 * (y % 2) - 1, 0, coarse.shape[0] - 1)
    side_x = np.clip(x // 2 + 2 * (x % 2) - 1, 0, coarse.shape[1] - 1)
    rows, cols, weights = [], [], []
    for cy, cx, weight in (
        (y // 2, x // 2, 9 / 16),
        (side_y, x // 2, 3 / 16),
        (y // 2, side_x, 3 / 16),
        (side_y, side_x, 1 / 16),
    ):
        col = index[cy, cx]
        row = np.flatnonzero(col >= 0).astype(np.int32)
        rows.append(row)
        cols.append(col[row])
        weights.append(np.full(len(row), weight))
    at = (np.concatenate(rows), np.concatenate(cols))
    P = sparse.csr_matrix((np.concatenate(weights), at), shape=(len(y), m))
    return P, coarse

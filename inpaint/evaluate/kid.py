"""KID (AlexNet): a distance between two sets of images, for priors and for many fills.

The kernel inception distance of Bińkowski et al. (ICLR 2018, section 4) with another network:
the globally pooled last convolution of the AlexNet that LPIPS uses, because it is shipped here
and Inception (90 MB) is not. **Compare these values with each other only, never with a published
KID**: even the scale differs (64 px faces: two halves of a set about 0, Telea's fills 36). Unlike
FID it is unbiased, so a few hundred images are enough to rank.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
import torch

from inpaint.errors import ImageError
from inpaint.evaluate.lpips import Lpips, cached, to_tensor

NAME = "KID (AlexNet)"


class Kid(NamedTuple):
    """Mean and standard deviation of the squared MMD over subsets."""

    mean: float
    std: float


def pooled(images: Iterable[np.ndarray], *, model: Lpips | None = None) -> np.ndarray:
    """Return the features to compare, one image at a time, so that batches have no influence.

    Parameters
    ----------
    images : iterable of ndarray (H, W, 3) of uint8, RGB
        Compare sets of one size only: the features see the scale.
    model : Lpips, optional
        Default: the shipped weights on the CPU.

    Returns
    -------
    ndarray (N, 256) of float32
        Spatial means of the fifth activation.
    """
    net = model or cached()
    with torch.no_grad():
        rows = [net.features(to_tensor(im))[-1].mean(dim=(2, 3))[0].cpu().numpy() for im in images]
    return np.stack(rows) if rows else np.zeros((0, 256), np.float32)


def mmd2(x: np.ndarray, y: np.ndarray) -> float:
    """Return the unbiased squared MMD with the kernel k(x, y) = (x·y / d + 1)³.

    Bińkowski et al. 2018, eq. 4, for m samples each (Gretton et al. 2012, lemma 6)::

        Σ_{i≠j} k(x_i, x_j) / m(m-1)  +  Σ_{i≠j} k(y_i, y_j) / n(n-1)  -  2 Σ_ij k(x_i, y_j) / mn

    Parameters
    ----------
    x, y : ndarray (m, d), (n, d)
        Features of two sets; m and n at least 2.

    Returns
    -------
    float
        Slightly negative for about half of all pairs of equal sets, since it is unbiased.
    """
    x, y = x.astype(np.float64), y.astype(np.float64)
    m, n = len(x), len(y)

    def within(v: np.ndarray) -> float:
        k = _kernel(v, v)
        return float(k.sum() - np.trace(k))

    cross = float(_kernel(x, y).sum())
    return within(x) / (m * (m - 1)) + within(y) / (n * (n - 1)) - 2 * cross / (m * n)


def kid(
    x: np.ndarray,
    y: np.ndarray,
    *,
    subsets: int = 50,
    subset_size: int | None = None,
    seed: int = 0,
) -> Kid:
    """Return mean and standard deviation of the squared MMD over random subsets.

    Parameters
    ----------
    x, y : ndarray (N, d), (M, d)
        Features of two sets, from :func:`pooled`.
    subsets : int
        How many pairs of subsets are drawn.
    subset_size : int, optional
        Images in each; default: half of the smaller set, at most 1,000. With whole sets every
        draw would be the same and the deviation a false 0.
    seed : int
        The same seed and features give the same value.

    Raises
    ------
    ImageError
        If a set is smaller than the subsets, or than 4 images.
    """
    smaller = min(len(x), len(y))
    if smaller < 4:
        raise ImageError(f"{NAME} needs at least 4 images in each set, got {len(x)} and {len(y)}")
    size = min(1000, smaller // 2) if subset_size is None else subset_size
    if not 2 <= size <= smaller:
        raise ImageError(f"{NAME} subsets must hold 2 to {smaller} images here, got {size}")
    rng = np.random.default_rng(seed)
    values = [
        mmd2(x[rng.choice(len(x), size, replace=False)], y[rng.choice(len(y), size, replace=False)])
        for _ in range(subsets)
    ]
    return Kid(float(np.mean(values)), float(np.std(values)))


def _kernel(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    return (x @ y.T / x.shape[1] + 1) ** 3

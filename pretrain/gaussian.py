"""Fits the Gaussian prior: the covariance in one pass, then its leading eigenvectors.

With the mirror image of every picture in the set, the covariance splits into an even and an odd
block of half the size: with l and r the left half and the mirrored right half of a picture,
(l + r)/sqrt 2 and (l - r)/sqrt 2 are uncorrelated. The memory is that of the two blocks for any
number of images, and the time that of one matrix product over the data.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from inpaint.errors import ImageError
from inpaint.priors.gaussian import Gaussian, pack
from pretrain import data
from pretrain.options import GaussianOptions, fold

MOST = 1000  # components, if no number is asked for and there are enough images


def train(
    images: data.Images,
    options: GaussianOptions,
    *,
    callback: Callable[[int, int], None] | None = None,
) -> Gaussian:
    """Fit mean, components and their variances (Tipping and Bishop 1999, eq. 15).

    ``callback(done, total)`` is called after every batch. Raises ImageError when the images, their
    mirror images and their cuts are fewer than the components that were asked for.
    """
    o = options
    if left_out := fold(o.leave_out):
        k, n = left_out
        images = images.take(np.arange(len(images)) % n != k)
    # Every image and its mirror image; random cuts differ from pass to pass, whole images do not.
    carried = 2 * len(images) * (o.views if o.min_scale < 1 else 1)
    if o.components > carried:
        raise ImageError(
            f"{len(images)} images cannot carry {o.components} components; "
            f"give more images, more --views with a --min-scale below 1, or --components {carried}"
        )
    components = o.components or min(MOST, carried)
    mean, even, odd = moments(images, o, callback)
    shape = (3, o.size, o.size // 2)
    values_e, vectors_e = leading(even, min(components, len(even)), seed=o.seed)
    values_o, vectors_o = leading(odd, min(components, len(odd)), seed=o.seed)
    values = torch.cat([values_e, values_o])
    order = values.argsort(descending=True)[:components]
    total = float(even.trace() + odd.trace())
    kept = values[order]
    rest = max(1, 2 * len(even) - len(kept))
    discarded = max(1e-6, (total - float(kept.sum())) / rest)
    # W = U (Lambda - sigma² I)^(1/2); each half carries 1/sqrt 2 of its even or odd component.
    strength = (kept - discarded).clamp_min(1e-12).sqrt() / 2**0.5
    vectors = torch.cat([vectors_e, vectors_o], dim=1)[:, order] * strength
    is_odd = order >= len(values_e)
    packed = pack(mean.reshape(shape), vectors.T.reshape(-1, *shape), is_odd, bits8=o.bits8)
    return Gaussian(o.size, packed, noise=o.noise, residual=discarded)


def moments(
    images: data.Images, o: GaussianOptions, callback: Callable[[int, int], None] | None
) -> tuple[Tensor, Tensor, Tensor]:
    """Mean of the left half (D,), covariance of the even and of the odd part (D, D)."""
    half = 3 * o.size * (o.size // 2)
    even, odd = torch.zeros(half, half), torch.zeros(half, half)
    total = torch.zeros(half, dtype=torch.float64)
    count, rows = 0, 512
    # Subtracted before squaring, because float32 sums would lose the variance beside a large mean.
    offset = float(np.mean(images.pixels[:: max(1, len(images) // 256)])) / 255
    steps = -(-len(images) * o.views // rows)
    for step in range(steps):
        n = min(rows, len(images) * o.views - step * rows)
        chosen = (np.arange(n) + step * rows) % len(images)
        x = data.views(images, chosen, o.size, seed=o.seed, step=step, min_scale=o.min_scale)
        x = x - offset
        left, right = x[..., : o.size // 2], x.flip(3)[..., : o.size // 2]
        e, d = (left + right).flatten(1) / 2**0.5, (left - right).flatten(1) / 2**0.5
        even.addmm_(e.T, e)
        odd.addmm_(d.T, d)
        total += e.double().sum(0)
        count += n
        if callback:
            callback(step + 1, steps)
    centre = (total / count).float()
    even /= count
    even.addr_(centre, centre, alpha=-1)
    return centre / 2**0.5 + offset, even, odd / count


def leading(covariance: Tensor, k: int, *, seed: int, rounds: int = 4) -> tuple[Tensor, Tensor]:
    """The ``k`` largest eigenvalues (k,) and their vectors (D, k) by randomised iteration.

    Subspace iteration from a random start with some spare columns (Halko, Martinsson and Tropp
    2011, algorithm 4.4), which is far cheaper than all eigenvectors. If the spectrum falls off, it
    is exact to about 1e-6 of the largest value; the last few vectors are the least exact.
    """
    spare = min(len(covariance), k + max(20, k // 10))
    generator = torch.Generator().manual_seed(seed)
    basis = torch.linalg.qr(torch.randn((len(covariance), spare), generator=generator))[0]
    for _ in range(rounds):
        basis = torch.linalg.qr(covariance @ basis)[0]
    values, vectors = torch.linalg.eigh(basis.T @ covariance @ basis)
    return values.flip(0)[:k], (basis @ vectors).flip(1)[:, :k]

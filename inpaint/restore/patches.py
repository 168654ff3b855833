"""Small patches of a Gaussian prior: the distribution of a few pixels, wherever they lie.

If x ~ N(mu, C), a patch of x is Gaussian too, and its covariance is a diagonal block of C. A prior
of crops does not know where its window lies in the photo, so the blocks of all places are averaged.
This loses what the prior knows about distant pixels. It gains a scale g for each patch, which
matters because flat and textured places differ by orders of magnitude within one window.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import torch
from torch import Tensor

from inpaint.priors.gaussian import Gaussian

# Side in pixels. Sides of 8, 12 and 16 are within 0.15 dB of each other.
SIDE = 12
# Pixels from one patch to the next. Each pixel is the mean of nine answers, which hides borders.
STEP = 4


@dataclass(frozen=True, eq=False)
class Patches:
    """Mean (3 * S * S,) and components W (3 * S * S, K) of patches, as ``Posterior`` reads them."""

    size: int
    mean: Tensor
    W: Tensor
    noise: float
    residual: float


@lru_cache(maxsize=4)
def of(prior: Gaussian, side: int = SIDE) -> Patches:
    """Return the patches of ``side`` pixels, or of the prior's own side where that is smaller."""
    side, whole = min(side, prior.size), prior.size
    W = prior.W.unflatten(0, (3, whole, whole))
    starts = [*range(0, whole - side, side // 2), whole - side]
    C = torch.zeros((3 * side * side,) * 2, dtype=torch.float64, device=W.device)
    for y in starts:
        for x in starts:
            rows = W[:, y : y + side, x : x + side].flatten(0, 2)
            C += (rows @ rows.T).double()
    values, vectors = torch.linalg.eigh(C / len(starts) ** 2)
    components = (vectors * values.clamp_min(0).sqrt()).float()
    colour = prior.mean.unflatten(0, (3, -1)).mean(1)
    mean = colour.repeat_interleave(side * side)
    return Patches(side, mean, components, prior.noise, prior.residual)

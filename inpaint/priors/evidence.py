"""Computes how likely the known pixels of a picture are under a Gaussian prior, at low resolution.

    log N(x_k; mu_k, W_k W_k^T + noise I)

where W holds the leading components at a small side. It is computed by the matrix inversion and
determinant lemmas (the symbols are those of ``inpaint.priors.gaussian``). By the chain rule it is
the sum of log p(pixel | pixels before it), so it measures how well known pixels predict each other.

The resolution is low on purpose. At the full side, and with the small noise of a fit, the sharpness
of a file would decide between families. At 32 pixels, with a noise of a fifth of the range, the
content of the picture decides: sharpening, blur, JPEG, noise and framing change little
(``benchmarks/choosing.py`` measures this; the table is in decision 59).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor
from torch.nn.functional import adaptive_avg_pool2d

from inpaint.priors.gaussian import unpack

SIDE = 32  # of the view, in pixels
LEADING = 96  # components
NOISE = 0.04  # variance, for values in [0, 1]


@dataclass(frozen=True)
class Coarse:
    """The leading components of a Gaussian at a small side.

    Attributes
    ----------
    side : int
        Side s in pixels.
    mean : Tensor (3 s², )
        In [0, 1].
    W : Tensor (3 s², K)
        Components, strongest first.
    """

    side: int
    mean: Tensor
    W: Tensor

    def log_density(self, image: Tensor, mask: Tensor, *, noise: float = NOISE) -> float:
        """Return the log density per known value, in nats; 0 if no pixel is known.

        image (3, s, s) in [0, 1], of which only the known pixels are read; mask (s, s), True =
        hole. The constant log 2 pi / 2 is left out, because it is the same for all priors.
        """
        known = (~mask).expand(3, -1, -1).flatten()
        n, latent = int(known.sum()), self.W.shape[1]
        if not n:
            return 0.0
        # Zeros in the hole have the effect of removing the hole's rows from W, without a copy.
        r = torch.where(known, image.flatten() - self.mean, 0)
        # As in ``Gaussian``: from the product that all masks share, where less is unknown.
        few = 2 * n > len(known)
        W = self.W[~known if few else known]
        M = self.product - W.T @ W if few else W.T @ W
        M.diagonal().add_(noise)
        factor, projected = torch.linalg.cholesky(M), self.W.T @ r
        z = torch.cholesky_solve(projected[:, None], factor)[:, 0]
        # |r|² - r^T W M^-1 W^T r, and log det C_kk = (n - K) log noise + log det M.
        quadratic = float(r @ r - projected @ z) / noise
        log_det = (n - latent) * math.log(noise) + 2 * float(factor.diagonal().log().sum())
        return -(quadratic + log_det) / (2 * n)

    @cached_property
    def product(self) -> Tensor:
        """W^T W, (K, K)."""
        return self.W.T @ self.W


def coarse(size: int, packed: dict[str, Tensor], *, side: int) -> Coarse:
    """Make this of the Gaussian of side ``size`` with tensors ``packed``.

    Only the leading components are unpacked. ``side`` is at most ``size``.
    """
    eight = len(packed["codes8"])
    first = min(LEADING, eight)
    few = min(LEADING, len(packed["odd"])) - first
    rows = torch.cat([torch.arange(first), eight + torch.arange(few)])
    part = {
        "mean": packed["mean"],
        "codes8": packed["codes8"][:first],
        "codes4": packed["codes4"][:few],
        "scale": packed["scale"][rows],
        "odd": packed["odd"][rows],
    }
    mean, W = unpack(size, part)
    planes = torch.cat([mean[None], W.whole().T]).unflatten(1, (3, size, size))
    small = adaptive_avg_pool2d(planes, side).flatten(1)
    return Coarse(side, small[0], small[1:].T.contiguous())

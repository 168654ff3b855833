"""How likely the known pixels of a picture are under a Gaussian prior, seen coarsely.

    log N(x_k; mu_k, W_k W_k^T + noise I)

with W the leading components at a small side, by the matrix inversion and determinant lemmas
(``inpaint.priors.gaussian`` has the symbols). By the chain rule this is the sum of the logarithms
of how well each known pixel is foretold from those before it: a predictive error over all orders
at once, in one solution.

It is coarse on purpose. At the full side and with the small noise of a fit, the evidence of a
family of pictures is decided by how sharp a file is; at 32 pixels with a noise of a seventh of the
range, only by what is in the picture. Sharpening, blur, JPEG, noise and other framing then
change little (measured by ``benchmarks/choosing.py``).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor
from torch.nn.functional import adaptive_avg_pool2d

from inpaint.priors.gaussian import log_density, unpack

SIDE = 32  # of the view, in pixels
LEADING = 96  # components
NOISE = 0.02  # variance, for values in [0, 1]


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
        """Log density of the known pixels for each of their values, in nats; 0 if none is known.

        image (3, s, s) in [0, 1], of which only the known pixels are read; mask (s, s), True =
        hole. The constant log 2 pi / 2 is left out: it is the same for all.
        """
        known = (~mask).expand(3, -1, -1).flatten()
        r = (image.flatten() - self.mean)[known]
        if not len(r):
            return 0.0
        W = self.W[known]
        # As in ``Gaussian``: from the product that all masks share, where less is unknown.
        few = 2 * len(r) > len(known)
        M = self.product - self.W[~known].T @ self.W[~known] if few else W.T @ W
        M.diagonal().add_(noise)
        return log_density(r, W.T @ r, torch.linalg.cholesky(M), noise)

    @cached_property
    def product(self) -> Tensor:
        """W^T W, (K, K)."""
        return self.W.T @ self.W


def coarse(size: int, packed: dict[str, Tensor], *, side: int) -> Coarse:
    """The coarse view of the Gaussian of side ``size`` with tensors ``packed``.

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
    planes = torch.cat([mean[None], W.T]).unflatten(1, (3, size, size))
    small = adaptive_avg_pool2d(planes, side).flatten(1)
    return Coarse(side, small[0], small[1:].T.contiguous())

"""The exact answer under a Gaussian prior: the mean of x given y = A x + n, in closed form.

    x = sqrt(g) (W z + eps) + mu,   y = A x + n,   eps ~ N(0, r I),   n ~ N(0, sigma² I)

With B = A W, d = y - A mu, A A^T = e I, and s = e g r + sigma² for the variance of y given z, the
mean of sqrt(g) z given y is

    g (s I + g B^T B)^-1 B^T d = V g / (s + g lambda) V^T B^T d,   B^T B = V diag(lambda) V^T

The scale g makes the prior a Gaussian scale mixture (Portilla et al. 2003), because a window of sky
varies far less than the average window, and a window of leaves far more. For each window, the g of
highest likelihood on a grid is taken. Without noise g cancels in the mean.

One factorisation of B^T B serves all pictures and any noise.
"""

from __future__ import annotations

import math
from functools import lru_cache

import torch
from torch import Tensor

from inpaint.priors.gaussian import Gaussian
from inpaint.restore.patches import Patches
from inpaint.restore.task import Task

SCALES = torch.logspace(-3, 1, 25, dtype=torch.float64)
# Eigenvalues below this share of the largest one carry no coefficient.
NEGLIGIBLE = 1e-7


@lru_cache(maxsize=4)
def _factorised(prior: Gaussian | Patches, task: Task) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Return A mu, B, lambda and V. It takes seconds, and is the same for all pictures."""
    shape = (-1, 3, prior.size, prior.size)
    mean = task.operator(prior.mean.reshape(shape)).flatten()
    B = task.operator(prior.W.T.reshape(shape)).flatten(1).T.contiguous()
    values, V = torch.linalg.eigh((B.T @ B).double())
    return mean, B, values, V


class Posterior:
    """Computes E[x | y] under a Gaussian prior.

    Parameters
    ----------
    prior : Gaussian or Patches
        Its ``residual`` is r, or its ``noise`` where the task predicts what A cannot see.
    task : Task
        Gives A and e.
    sigma : float
        Standard deviation of n, in [0, 1] units.
    scales : Tensor (G,), optional
        The grid of g; ``torch.ones(1)`` for the plain Gaussian.
    """

    def __init__(
        self, prior: Gaussian | Patches, task: Task, sigma: float, *, scales: Tensor | None = None
    ) -> None:
        self.prior, self.sigma = prior, sigma
        self.mean, self.B, self.values, self.V = _factorised(prior, task)
        self.residual = task.energy * prior.residual
        self.rest = task.energy * prior.noise if task.predicts else self.residual
        grid = SCALES if scales is None else scales
        self.scales = grid.to(self.values)

    def __call__(self, y: Tensor) -> tuple[Tensor, Tensor]:
        """Return images E[W z + mu | y] (n, 3, S, S), unclipped, and e g r (n, 1, 1, 1)."""
        d = y.flatten(1) - self.mean
        seen = (d @ self.B).double() @ self.V
        g = self.scales[self._likelihoods(d, seen, self.rest).argmax(1)][:, None]
        z = seen * g / (self.rest * g + self.sigma**2 + g * self.values) @ self.V.T
        x = self.prior.mean + z.float() @ self.prior.W.T
        side = self.prior.size
        return x.unflatten(1, (3, side, side)), (self.rest * g).float()[:, :, None, None]

    def evidence(self, y: Tensor) -> Tensor:
        """Return log p(y) per value of y in nats, (n,), at the likeliest g of each window.

        It always uses the prior's residual, because the noise that was tuned for filling does not
        tell how well the prior explains y.
        """
        d = y.flatten(1) - self.mean
        seen = (d @ self.B).double() @ self.V
        return self._likelihoods(d, seen, self.residual).amax(1) / d.shape[1]

    def _likelihoods(self, d: Tensor, seen: Tensor, rest: float) -> Tensor:
        """Return log N(d; 0, g B B^T + s I) for each scale, (n, G).

        In the basis of the eigenvectors of B B^T, the coefficients c² = seen² / lambda have the
        variance g lambda + s, and the rest of |d|² is spread over the other dimensions, each of
        which has the variance s.
        """
        kept = self.values > NEGLIGIBLE * self.values[-1]
        values, power = self.values[kept], seen[:, kept].square() / self.values[kept]
        others = d.shape[1] - len(values)
        outside = (d.double().square().sum(1) - power.sum(1)).clamp_min(0)
        found = []
        for g in self.scales:
            s = rest * g + self.sigma**2
            variance = g * values + s
            quadratic = (power / variance).sum(1) + outside / s
            log_det = variance.log().sum() + others * s.log()
            found.append(-(quadratic + log_det + d.shape[1] * math.log(2 * math.pi)) / 2)
        return torch.stack(found, dim=1)

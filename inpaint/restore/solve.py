"""How windows are answered: exactly under a Gaussian prior, under others by a latent search."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d

from inpaint.priors import Prior
from inpaint.priors.gaussian import Gaussian
from inpaint.restore import patches
from inpaint.restore.posterior import Posterior
from inpaint.restore.task import Task
from inpaint.search import search as latent_search

SEARCHED = 8  # windows that are searched at once
# Side of the neighbourhood in which what a network leaves out is measured.
AROUND = 9


def solver(
    model: Prior,
    job: Task,
    sigma: float,
    whole: bool,
    seed: int,
    options: dict[str, Any],
) -> tuple[int, int, Callable[[Tensor, int], Tensor]]:
    """Choose how windows of y are answered: exactly where the prior is Gaussian, else by search.

    Parameters
    ----------
    model : Prior
        The prior.
    job : Task
        The operator A and what becomes of the answer.
    sigma : float
        Standard deviation of the noise, in [0, 1] units.
    whole : bool
        Whether the prior knows whole pictures only, so that windows are not cut smaller.
    seed : int
        Of the first window; the others count on from it.
    options : dict
        Search options. A Gaussian prior is solved exactly without any, and searched with some.

    Returns
    -------
    (int, int, callable)
        Side of the windows of y, the step from one to the next, and a solver. The solver takes
        windows (n, C, s, s) and the index of the first, and returns windows of the result.
    """
    side = model.size // job.scale
    step = max(1, side // 2)
    if isinstance(model, Gaussian) and not options:
        seen: Gaussian | patches.Patches = model
        if job.local and not whole:
            seen = patches.of(model)
            side, step = seen.size, patches.STEP
        posterior = Posterior(seen, job, sigma)

        def exact(y: Tensor, first: int) -> Tensor:
            x, left_out = posterior(y)
            return job.assemble(y, x, _gain(left_out, sigma))

        return side, step, exact

    def searched(y: Tensor, first: int) -> Tensor:
        lots = [
            _search(model, job, lot, seed + first + SEARCHED * i, options)
            for i, lot in enumerate(y.split(SEARCHED))
        ]
        x = torch.cat(lots)
        # A network has no variance for what it leaves out, so it is measured: the mean square of
        # y - A x around each pixel, less the variance of the noise (Lee 1980).
        power = (y - job.operator(x)).square().mean(1, keepdim=True)
        power = avg_pool2d(power, AROUND, 1, AROUND // 2, count_include_pad=False)
        return job.assemble(y, x, _gain((power - sigma**2).clamp_min(0), sigma))

    return side, step, searched


def _gain(left_out: Tensor, sigma: float) -> Tensor:
    """Return Wiener's gain r / (r + sigma²) for r = ``left_out``; 1 without noise."""
    if not sigma:
        return torch.ones_like(left_out)
    return left_out / (left_out + sigma**2)


def _search(model: Prior, job: Task, y: Tensor, seed: int, options: dict[str, Any]) -> Tensor:
    """Return the best image (n, 3, S, S) that a search finds for each window of y (n, C, s, s)."""
    # There is no hole, so all known values weigh the same instead of more near a hole's border.
    settings = {**model.search_defaults, "window": 1, "base": 1.0, **options}
    nothing = torch.zeros(y[:, 0].shape, dtype=torch.bool, device=y.device)
    found = latent_search(
        model,
        y,
        nothing,
        seeds=[seed + i for i in range(len(y))],
        operator=job.operator,
        guess=job.guess(y),
        **settings,
    )
    return found.x[:, 0]

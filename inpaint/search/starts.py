"""Where a search begins: the prior's own guesses, samples, or an image encoded; the best of many.

Every image draws from a generator of its own, so that its starts do not depend on its batch.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import torch
from torch import Tensor

from inpaint.priors import Prior
from inpaint.search.objective import Objective

Start = Literal["prior", "sample"]
STARTS = ("prior", "sample")


def draw(
    prior: Prior,
    image: Tensor,
    mask: Tensor,
    *,
    seeds: Sequence[int],
    count: int,
    start: Start,
    guess: Tensor | None = None,
) -> Tensor:
    """``count`` starts for every image, (B, count, D).

    Parameters
    ----------
    prior : Prior
        Whose latents.
    image, mask : Tensor (B, 3, S, S) in [0, 1] and (B, S, S) of bool
        What the prior's own starts are asked about. Where ``image`` has another shape, because
        an operator changes it, there is nothing to ask about and the starts are samples.
    seeds : sequence of int
        One an image.
    count : int
        Starts an image.
    start : {"prior", "sample"}
        ``prior.start_z`` (amortised or closed form), or ``prior.sample_z``.
    guess : Tensor (B, 3, S, S), optional
        Whole images to ask about instead: an encoder then sees no hole at all.
    """
    if guess is not None:
        image, mask = guess, torch.zeros_like(guess[:, 0], dtype=torch.bool)
    elif image.shape[1:] != (3, prior.size, prior.size):
        start = "sample"
    rows = []
    for one, hole, seed in zip(image, mask, seeds, strict=True):
        generator = torch.Generator().manual_seed(seed)
        if start == "sample":
            rows.append(prior.sample_z(count, generator))
        else:
            rows.append(prior.start_z(one, hole, count, generator))
    return torch.stack(rows).detach()


@torch.no_grad()
def best_of(prior: Prior, objective: Objective, z: Tensor, keep: int) -> Tensor:
    """The ``keep`` starts of every image with the smallest losses, (B, keep, D), best first.

    A look at a start is a forward pass, a third of what a step costs.

    Parameters
    ----------
    prior : Prior
        Whose latents.
    objective : Objective
        A row an image.
    z : Tensor (B, N, D)
        N starts for every image.
    keep : int
        At most N.
    """
    count, n = z.shape[:2]
    rows = torch.arange(count, device=z.device).repeat_interleave(n)
    flat = z.flatten(0, 1)
    loss = objective.take(rows)(flat, prior.generate(flat)).loss.view(count, n)
    order = loss.nan_to_num(torch.inf).argsort(dim=1, stable=True)[:, :keep]
    return z.gather(1, order[..., None].expand(-1, -1, z.shape[2]))

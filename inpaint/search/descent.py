"""Descend from many starts at once and keep the best iterate of each."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from inpaint.priors import Prior
from inpaint.search.objective import Objective, Terms
from inpaint.search.optimizers import Rule

Tell = Callable[[int, Tensor, Terms], None]


@dataclass
class Best:
    """The best iterate of every row: latents (N, D), images (N, 3, S, S) and their losses (N,)."""

    z: Tensor
    x: Tensor
    terms: Terms


def descend(
    prior: Prior,
    objective: Objective,
    z: Tensor,
    *,
    rule: Rule,
    steps: int,
    rate: Callable[[int], float],
    tell: Tell | None = None,
) -> Best:
    """Take ``steps`` steps from ``z`` and return, for every row, the iterate of least loss.

    Parameters
    ----------
    prior : Prior
        Decodes the latents, and brings them back where it was trained after every step.
    objective : Objective
        The loss of the same rows.
    z : Tensor (N, D)
        Where to start; not changed.
    rule : Rule
        How a step follows from the loss and its gradient.
    steps : int
        0 evaluates the starts and returns them.
    rate : callable
        The step size of each step.
    tell : callable, optional
        ``tell(step, x, terms)`` after every evaluation, the last step's result included.
    """
    z = z.detach()
    best: Best | None = None
    least = torch.full((len(z),), math.inf, device=z.device)
    for step in range(steps + 1):
        last = step == steps
        with torch.set_grad_enabled(not last):
            z.requires_grad_(not last)
            x = prior.generate(z)
            terms = objective(z, x)
        if not last:
            (gradient,) = torch.autograd.grad(terms.loss.sum(), z)
        with torch.no_grad():
            z, x, terms = z.detach(), x.detach(), Terms(*(t.detach() for t in terms))
            if tell:
                tell(step, x, terms)
            # A broken iterate is never kept, neither NaN nor -inf.
            better = (terms.loss < least) & terms.loss.isfinite()
            least = torch.where(better, terms.loss, least)
            found = Best(z, x, terms)
            best = found if best is None else _chosen(better, found, best)
            if not last:
                z = prior.constrain_z(rule.step(z, terms.loss, gradient, rate(step)))
    assert best is not None
    return best


def _chosen(better: Tensor, new: Best, old: Best) -> Best:
    """The rows of ``new`` where ``better`` (N,) is True, else those of ``old``."""
    terms = Terms(*(torch.where(better, n, o) for n, o in zip(new.terms, old.terms, strict=True)))
    x = torch.where(better.view(-1, 1, 1, 1), new.x, old.x)
    return Best(torch.where(better[:, None], new.z, old.z), x, terms)


def cosine(lr: float, steps: int, anneal: bool) -> Callable[[int], float]:
    """The step size by step: constant, or falling to zero along a cosine."""
    if not anneal:
        return lambda step: lr
    return lambda step: lr * (1 + math.cos(math.pi * step / steps)) / 2

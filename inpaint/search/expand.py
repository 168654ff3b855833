"""Beyond the generator's range: its features within a small ball, then its weights.

What is known is often not quite in the range of G; forced to stay there, a search spoils the
hole to please the known pixels. Two ways out, after z is found:

    intermediate layers (ILO, Daras et al. 2021, eq. 4-5)
        G = G2 o G1,  h = G1(z),  min_u L(A G2(h + rms(h) u))   over  |u| <= radius * sqrt(dim u)

    image-adaptive tuning (IAGAN, Hussein et al. 2020; PTI, Roich et al. 2021)
        min_theta L(A G_theta(z)),  few and small steps from the trained weights

Both can fit anything if they are let; known pixels held back say when they begin to.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Callable
from typing import Protocol, runtime_checkable

import torch
from torch import Tensor, nn

from inpaint.errors import SearchError
from inpaint.priors import Prior
from inpaint.search.descent import EVERY, STRIKES, Best, Descent, Tell, cosine, has_risen
from inpaint.search.objective import Objective, Terms
from inpaint.search.optimizers import Adam


@runtime_checkable
class Layered(Protocol):
    """A prior whose generator can be cut in two, and whose weights can be tuned."""

    @property
    def levels(self) -> int:
        """Layers behind which the generator can be cut."""
        ...

    def features(self, z: Tensor, level: int) -> Tensor:
        """G1: the map (N, C, H, W) after ``level`` layers, 1 ... ``levels``."""
        ...

    def from_features(self, h: Tensor, z: Tensor, level: int) -> Tensor:
        """G2: the image (N, 3, S, S) in [0, 1] of such a map; ``z`` for what enters above it."""
        ...

    def network(self) -> nn.Module:
        """The module that ``generate`` uses."""
        ...


def layered(prior: Prior, level: int) -> Layered:
    """``prior`` itself; SearchError when it has no layers, or not this one."""
    if not isinstance(prior, Layered):
        raise SearchError(f"a {prior.kind} prior has no layers to expand; set expand and tune to 0")
    if not 1 <= level <= prior.levels:
        raise SearchError(f"level is {level}; this prior has levels 1 to {prior.levels}")
    return prior


def features(
    prior: Layered,
    objective: Objective,
    z: Tensor,
    *,
    level: int,
    steps: int,
    radius: float = 0.1,
    lr: float = 0.01,
    tell: Tell | None = None,
) -> Best:
    """Fit the features of ``level`` within a ball around those of ``z``.

    Parameters
    ----------
    prior : Layered
        Its weights do not change.
    objective : Objective
        Of the rows of ``z``.
    z : Tensor (N, D)
        Found latents.
    level : int
        Behind which layer G is cut, from 1.
    steps : int
        Adam steps, annealed along a cosine.
    radius : float
        Of the ball, as a share of the length of a row's features.
    lr : float
        Step size, as a share of a row's root mean square feature.
    tell : callable, optional
        ``tell(step, x, terms)`` at every step.

    Returns
    -------
    Best
        ``v`` is u. Never worse than u = 0, by the hidden error where there is one, else the loss.
    """
    with torch.no_grad():
        h = prior.features(z, level)
    size = h.square().mean((1, 2, 3), keepdim=True).sqrt()
    longest = radius * math.sqrt(h[0].numel())

    def decode(u: Tensor) -> tuple[Tensor, Tensor]:
        return z, prior.from_features(h + size * u, z, level)

    def into_ball(u: Tensor) -> Tensor:
        length = u.flatten(1).norm(dim=1).clamp_min(1e-12).view(-1, 1, 1, 1)
        return u * (longest / length).clamp_max(1)

    u = torch.zeros_like(h)
    descent = Descent(u, decode, objective, rule=Adam(u), constrain=into_ball)
    descent.run(steps, cosine(lr, steps, anneal=True), tell)
    return descent.finish(tell)


def weights(
    prior: Layered,
    objective: Objective,
    found: Best,
    *,
    level: int,
    steps: int,
    lr: float = 3e-4,
) -> Best:
    """Tune a copy of the weights to every row, z and its features held still.

    Parameters
    ----------
    prior : Layered
        Its own weights do not change.
    objective : Objective
        Of the rows of ``found``.
    found : Best
        From ``features``, or from a search, whose ``v`` is z.
    level : int
        As ``features`` had it.
    steps : int
        Adam steps at most; fewer where the hidden error rises.
    lr : float
        Adam's step size for the weights.

    Returns
    -------
    Best
        ``found`` with better images where there are any. One row after the other: each has
        weights of its own.
    """
    rows = [
        _tune(prior, objective.take(row), found.take(row), level=level, steps=steps, lr=lr)
        for row in torch.arange(len(found.z), device=found.z.device)[:, None]
    ]
    terms = Terms(*map(torch.cat, zip(*(row.terms for row in rows), strict=True)))
    x, score = torch.cat([row.x for row in rows]), torch.cat([row.score for row in rows])
    return Best(found.v, found.z, x, terms, score)


def _tune(
    prior: Layered, objective: Objective, best: Best, *, level: int, steps: int, lr: float
) -> Best:
    tuned = copy.deepcopy(prior)
    parameters = [p.requires_grad_(True) for p in tuned.network().parameters()]
    rules = [Adam(p.data) for p in parameters]
    decode = _decoder(tuned, best, level)
    strikes, recent = 0, math.inf
    rate = cosine(lr, steps, anneal=True)
    for step in range(steps + 1):
        with torch.set_grad_enabled(step < steps):
            x = decode()
            terms = objective(best.z, x)
        best = _better(best, x.detach(), Terms(*(t.detach() for t in terms)))
        if step == steps:
            break
        if objective.hidden is not None:
            recent = min(recent, float(terms.hidden))
            if step % EVERY == 0:
                risen = bool(has_risen(torch.tensor(recent), best.score.cpu()))
                strikes, recent = (strikes + 1 if risen else 0), math.inf
                if strikes == STRIKES:
                    break
        grads = torch.autograd.grad(terms.loss.sum(), parameters, allow_unused=True)
        with torch.no_grad():
            for parameter, rule, grad in zip(parameters, rules, grads, strict=True):
                if grad is not None:
                    parameter.copy_(rule.step(parameter, terms.loss, grad, rate(step)))
    return best


def _decoder(prior: Layered, best: Best, level: int) -> Callable[[], Tensor]:
    """Images of a row at the place that was found, as the weights change."""
    if best.v.ndim == best.z.ndim:  # a latent: nothing was expanded
        return lambda: prior.from_features(prior.features(best.z, level), best.z, level)
    with torch.no_grad():
        h = prior.features(best.z, level)
        size = h.square().mean((1, 2, 3), keepdim=True).sqrt()
    shift = size * best.v
    return lambda: prior.from_features(prior.features(best.z, level) + shift, best.z, level)


def _better(best: Best, x: Tensor, terms: Terms) -> Best:
    score = terms.loss if terms.hidden.isnan().all() else terms.hidden
    if not bool((score < best.score) & terms.loss.isfinite()):
        return best
    return Best(best.v, best.z, x, terms, score)

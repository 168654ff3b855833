"""Descend on many rows at once, keep the best iterate of each, and stop what begins to overfit."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from inpaint.search.objective import Objective, Terms
from inpaint.search.optimizers import Rule

Decode = Callable[[Tensor], tuple[Tensor, Tensor]]
Tell = Callable[[int, Tensor, Terms], None]

# A row stops when its hidden error stays above its best for STRIKES times EVERY steps: by the
# factor RISE and by more than rounding to 8 bits makes. A plateau is no reason, since the best
# step may lie beyond it.
EVERY, RISE, STRIKES = 10, 1.02, 2
ROUNDING = 1 / 12 / 255**2


@dataclass
class Best:
    """The best iterate of every row so far: variables, latents, images and their terms."""

    v: Tensor
    z: Tensor
    x: Tensor
    terms: Terms
    score: Tensor

    def take(self, rows: Tensor) -> Best:
        """Some rows, by their indices (n,)."""
        terms = Terms(*(t[rows] for t in self.terms))
        return Best(self.v[rows], self.z[rows], self.x[rows], terms, self.score[rows])


class Descent:
    """A descent on v (N, ...), to be run in one go or in parts with fewer rows each.

    Parameters
    ----------
    v : Tensor (N, ...)
        Where to start; not changed.
    decode : callable
        ``decode(v) -> (z, x)``: latents (N, D) and images (N, 3, S, S) of variables.
    objective : Objective
        Of the same rows.
    rule : Rule
        How to step.
    constrain : callable
        Brings v back where it may be, after every step.

    With known pixels held back, the best iterate is the one with the smallest error there; else
    the one with the smallest loss.
    """

    def __init__(
        self,
        v: Tensor,
        decode: Decode,
        objective: Objective,
        *,
        rule: Rule | None,
        constrain: Callable[[Tensor], Tensor],
    ) -> None:
        self.v, self.decode, self.objective = v.detach(), decode, objective
        self.rule, self.constrain = rule, constrain
        self.best: Best | None = None
        self.strikes = torch.zeros(len(v), device=v.device)
        self.recent = torch.full_like(self.strikes, math.inf)  # least since the last check
        self.step = 0

    @property
    def watching(self) -> bool:
        """Whether known pixels are held back."""
        return self.objective.hidden is not None

    def run(self, steps: int, rate: Callable[[int], float], tell: Tell | None = None) -> bool:
        """Take ``steps`` steps, each after an evaluation; False when every row has stopped."""
        for _ in range(steps):
            v = self.v.requires_grad_(True)
            with torch.enable_grad():
                z, x = self.decode(v)
                terms = self.objective(z, x)
            (grad,) = torch.autograd.grad(terms.loss.sum(), v)
            with torch.no_grad():
                self.v = v.detach()
                self._keep(z.detach(), x.detach(), Terms(*(t.detach() for t in terms)), tell)
                assert self.rule is not None
                moved = self.rule.step(self.v, terms.loss.detach(), grad, rate(self.step))
                self.v = self.constrain(moved)
            self.step += 1
            if self.watching and self.step % EVERY == 0 and bool((self.strikes >= STRIKES).all()):
                return False
        return True

    @torch.no_grad()
    def finish(self, tell: Tell | None = None) -> Best:
        """Evaluate the last step's result and return the best iterate of every row."""
        z, x = self.decode(self.v)
        self._keep(z, x, self.objective(z, x), tell)
        assert self.best is not None
        return self.best

    def take(self, rows: Tensor) -> None:
        """Go on with some rows, by their indices (n,)."""
        self.v = self.v[rows]
        self.strikes, self.recent = self.strikes[rows], self.recent[rows]
        self.objective = self.objective.take(rows)
        if self.rule is not None:
            self.rule.take(rows)
        if self.best is not None:
            self.best = self.best.take(rows)

    def _keep(self, z: Tensor, x: Tensor, terms: Terms, tell: Tell | None) -> None:
        if tell:
            tell(self.step, x, terms)
        score = terms.hidden.nan_to_num(math.inf) if self.watching else terms.loss
        if self.best is None:
            worst = torch.full_like(score, math.inf)
            self.best = Best(self.v, z, x, Terms(*(t.clone() for t in terms)), worst)
        # A broken iterate is never kept, nor one of a row that has stopped.
        finite = terms.loss.isfinite() & (self.strikes < STRIKES)
        better = (score < self.best.score) & finite
        kept = self.best
        self.best = Best(
            _choose(better, self.v, kept.v),
            _choose(better, z, kept.z),
            _choose(better, x, kept.x),
            Terms(*(_choose(better, n, o) for n, o in zip(terms, kept.terms, strict=True))),
            _choose(better, score, kept.score),
        )
        self.recent = torch.minimum(self.recent, score)
        if self.watching and self.step % EVERY == 0:
            risen = has_risen(self.recent, self.best.score)
            strikes = torch.where(risen, self.strikes + 1, torch.zeros_like(self.strikes))
            self.strikes = torch.where(self.strikes >= STRIKES, self.strikes, strikes)
            self.recent = torch.full_like(self.recent, math.inf)


def _choose(better: Tensor, new: Tensor, old: Tensor) -> Tensor:
    return torch.where(better.view(-1, *[1] * (new.ndim - 1)), new, old)


def has_risen(error: Tensor, best: Tensor) -> Tensor:
    """Whether a hidden error (N,) speaks for overfitting."""
    return error > RISE * best + ROUNDING


def cosine(lr: float, steps: int, anneal: bool) -> Callable[[int], float]:
    """The step size by step: constant, or falling to zero along a cosine."""
    if not anneal:
        return lambda step: lr
    return lambda step: lr * (1 + math.cos(math.pi * step / steps)) / 2

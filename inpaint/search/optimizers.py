"""Optimizers for many small problems at once: row i of v (N, ...) is a problem of its own.

    rule = Adam(v)
    while ...: v = rule.step(v, loss, grad, lr)          # loss (N,), grad like v

Every call needs one evaluation of the loss, and no rule waits for the device: where rows differ,
such as in the steps of a line search, masks choose what happens to each. The result of a row does
not depend on the other rows.

We do not use ``torch.optim`` because its constructors import torch's compiler, which takes longer
than a whole fill; and its L-BFGS minimises one problem, not one in each row.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Literal, Protocol

import torch
from torch import Tensor

Optimizer = Literal["adam", "momentum", "lbfgs"]
OPTIMIZERS = ("adam", "momentum", "lbfgs")


class Rule(Protocol):
    """Chooses the next point from the loss and its gradient at the last one."""

    def step(self, v: Tensor, loss: Tensor, grad: Tensor, lr: float) -> Tensor:
        """The next v, given the loss (N,) and its gradient at ``v``; ``v`` is not changed."""
        ...


def make(name: Optimizer, v: Tensor, *, momentum: float = 0.9) -> Rule:
    """The rule called ``name`` for variables like ``v``."""
    rules: dict[str, Callable[[], Rule]] = {
        "adam": lambda: Adam(v),
        "momentum": lambda: Momentum(v, momentum),
        "lbfgs": lambda: LBFGS(v),
    }
    return rules[name]()


class Adam:
    """Kingma and Ba 2015, algorithm 1.

    Parameters
    ----------
    v : Tensor (N, ...)
        Only its shape, type and device are used.
    """

    betas = (0.9, 0.999)

    def __init__(self, v: Tensor) -> None:
        self.mean, self.square = torch.zeros_like(v), torch.zeros_like(v)
        self.count = 0

    def step(self, v: Tensor, loss: Tensor, grad: Tensor, lr: float) -> Tensor:
        """Return the next v; ``lr`` is about how far each coordinate moves."""
        self.count += 1
        self.mean.lerp_(grad, 1 - self.betas[0])
        self.square.lerp_(grad.square(), 1 - self.betas[1])
        mean = self.mean / (1 - self.betas[0] ** self.count)
        square = self.square / (1 - self.betas[1] ** self.count)
        return v.addcdiv(mean, square.sqrt() + 1e-8, value=-lr)


class Momentum:
    """Gradient descent with Nesterov's momentum, as Sutskever et al. 2013 write it."""

    def __init__(self, v: Tensor, momentum: float) -> None:
        self.mean, self.momentum = torch.zeros_like(v), momentum

    def step(self, v: Tensor, loss: Tensor, grad: Tensor, lr: float) -> Tensor:
        """Return the next v; ``lr`` multiplies the gradient."""
        self.mean.mul_(self.momentum).add_(grad)
        return v.add(grad + self.momentum * self.mean, alpha=-lr)


class LBFGS:
    """L-BFGS (Nocedal and Wright 2006, algorithms 7.4 and 7.5) with a line search for each row.

    The line search is that of Lewis and Overton 2013 (algorithm 4.6), which suits losses with
    kinks such as ours: a step t along d is too long when

        f(v + t d) > f(v) + c1 t g^T d                     (Armijo)

    too short when g(v + t d)^T d < c2 g^T d (weak Wolfe), else taken. While every step so far was
    too long, the next one goes to the minimum of the parabola through f(v), g(v)^T d and the last
    loss; once a step was too short, bisection follows. Where v is constrained after a step, t d
    is the step that remains. A row whose line search fails forgets its history and starts again
    along -g with a step of a tenth.

    Parameters
    ----------
    v : Tensor (N, D)
        Only its shape, type and device are used.
    history : int
        Number of pairs (s, y) that are kept for each row.
    """

    c1, c2 = 1e-4, 0.9
    tries = 8

    def __init__(self, v: Tensor, history: int = 10) -> None:
        n, d = v.shape
        self.history = history
        self.s, self.y = v.new_zeros(0, n, d), v.new_zeros(0, n, d)  # oldest first
        self.rho = v.new_zeros(0, n)  # 0 = empty: adds nothing to the recursion
        self.gamma = v.new_zeros(n)
        self.base, self.grad, self.way = torch.zeros_like(v), torch.zeros_like(v), v.clone()
        self.loss = v.new_full((n,), math.inf)  # so that the first point is accepted
        self.t, self.low, self.high = v.new_ones(n), v.new_zeros(n), v.new_full((n,), math.inf)
        self.failed, self.short = v.new_zeros(n), v.new_ones(n)
        self.started = False

    def step(self, v: Tensor, loss: Tensor, grad: Tensor, lr: float) -> Tensor:
        """Return the next v; ``lr`` is the root mean square move of the first step."""
        s = v - self.base
        before, after = (self.grad * s).sum(1), (grad * s).sum(1)
        low_enough = loss <= self.loss + self.c1 * before  # False for NaN
        steep = low_enough & (after < self.c2 * before)
        self.failed = self.failed + 1
        spent = self.failed >= self.tries
        taken = low_enough & (~steep | spent)
        if not self.started:
            taken, self.started = torch.ones_like(taken), True
        else:
            self._remember(taken, s, grad - self.grad)

        parabola = -before * self.t / (2 * (loss - self.loss - before))
        self.low = torch.where(steep, self.t, self.low)
        self.high = torch.where(low_enough, self.high, self.t)
        middle = (self.low + self.high) / 2
        shorter = torch.where(
            (self.low == 0) & parabola.isfinite(),
            parabola.clamp(0.1 * self.t, 0.5 * self.t),
            middle,
        )
        self.t = torch.where(self.high.isfinite(), shorter, 2 * self.t)

        # Rows that take the step, and rows that must start again from their last point.
        self.base = torch.where(taken[:, None], v, self.base)
        self.grad = torch.where(taken[:, None], grad, self.grad)
        self.loss = torch.where(taken, loss, self.loss)
        lost = spent & ~taken
        self.rho = self.rho.masked_fill(lost, 0)
        self.short = torch.where(lost, 0.1 * self.short, self.short)
        fresh = taken | lost
        way = self._direction()
        uphill = fresh & ~((way * self.grad).sum(1) < 0)
        self.rho = self.rho.masked_fill(uphill, 0)
        way = torch.where(uphill[:, None], -self.grad, way)
        self.way = torch.where(fresh[:, None], way, self.way)
        blank = (self.rho == 0).all(0)
        first = lr * math.sqrt(v.shape[1]) * self.short / self.way.norm(dim=1).clamp_min(1e-30)
        self.t = torch.where(fresh, torch.where(blank, first, torch.ones_like(first)), self.t)
        self.low = self.low.masked_fill(fresh, 0)
        self.high = self.high.masked_fill(fresh, math.inf)
        self.failed = self.failed.masked_fill(fresh, 0)
        return self.base + self.t[:, None] * self.way

    def _remember(self, taken: Tensor, s: Tensor, y: Tensor) -> None:
        """Append the pair (s, y) to the rows of ``taken`` where its curvature is positive."""
        sy, yy = (s * y).sum(1), y.square().sum(1)
        good = taken & (sy > 1e-10 * yy.sqrt() * s.norm(dim=1)) & yy.isfinite()
        for name, new in (("s", s), ("y", y), ("rho", 1 / sy)):
            old = getattr(self, name)
            chosen = good[:, None] if new.ndim == 2 else good
            blank, new = torch.zeros_like(new)[None], new[None]
            both = torch.where(chosen, torch.cat([old, new]), torch.cat([blank, old]))
            setattr(self, name, both[-self.history :])
        self.gamma = torch.where(good, sy / yy, self.gamma)

    def _direction(self) -> Tensor:
        """-H g by the two-loop recursion (algorithm 7.4); -g where there is no history."""
        q = self.grad
        alphas = []
        for s, y, rho in reversed(list(zip(self.s, self.y, self.rho, strict=True))):
            alpha = rho * (s * q).sum(1)
            q = q - alpha[:, None] * y
            alphas.append(alpha)
        blank = (self.rho == 0).all(0)
        r = torch.where(blank, torch.ones_like(self.gamma), self.gamma)[:, None] * q
        for s, y, rho, alpha in zip(self.s, self.y, self.rho, reversed(alphas), strict=True):
            beta = rho * (y * r).sum(1)
            r = r + (alpha - beta)[:, None] * s
        return -r

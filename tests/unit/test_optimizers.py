"""The step rules on problems with known answers, row by row."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import scipy.optimize
import torch
from torch import Tensor

from inpaint.search.optimizers import LBFGS, OPTIMIZERS, make

ROWS, DIM = 5, 12


def quadratics(condition: float = 100.0) -> tuple[Tensor, Tensor]:
    """A (N, D, D) and optimum (N, D) of f_i(v) = (v - c_i)' A_i (v - c_i) / 2, in float64."""
    generator = torch.Generator().manual_seed(0)
    q, _ = torch.linalg.qr(torch.randn(ROWS, DIM, DIM, generator=generator).double())
    values = torch.logspace(0, np.log10(condition), DIM).double()
    return q @ (values[:, None] * q.mT), torch.randn(ROWS, DIM, generator=generator).double()


def parabola(v: Tensor, A: Tensor, c: Tensor) -> tuple[Tensor, Tensor]:
    grad = torch.einsum("nij,nj->ni", A, v - c)
    return ((v - c) * grad).sum(1) / 2, grad


def rosenbrock(v: Tensor) -> tuple[Tensor, Tensor]:
    x = v.clone().requires_grad_(True)
    loss = (100 * (x[:, 1:] - x[:, :-1] ** 2) ** 2 + (1 - x[:, :-1]) ** 2).sum(1)
    (grad,) = torch.autograd.grad(loss.sum(), x)
    return loss.detach(), grad


def minimise(
    f: Callable[[Tensor], tuple[Tensor, Tensor]], v: Tensor, steps: int, name: str, lr: float
) -> tuple[Tensor, Tensor]:
    """The last point, and the smallest loss of every row after each evaluation."""
    rule = make(name, v)  # type: ignore[arg-type]
    lowest = []
    for _ in range(steps):
        loss, grad = f(v)
        lowest.append(loss if not lowest else torch.minimum(loss, lowest[-1]))
        v = rule.step(v, loss, grad, lr)
    return v, torch.stack(lowest)


@pytest.mark.parametrize(
    ("name", "lr", "steps"), [("adam", 0.05, 800), ("momentum", 3e-3, 800), ("lbfgs", 0.1, 60)]
)
def test_every_rule_finds_the_optimum_of_a_quadratic(name: str, lr: float, steps: int) -> None:
    A, c = quadratics()
    v, _ = minimise(lambda v: parabola(v, A, c), torch.zeros(ROWS, DIM).double(), steps, name, lr)
    assert (v - c).abs().max() < 1e-3


def test_lbfgs_needs_no_more_evaluations_than_dimensions_on_a_gentle_quadratic() -> None:
    A, c = quadratics(condition=5.0)
    f = lambda v: parabola(v, A, c)  # noqa: E731
    _, lowest = minimise(f, torch.zeros(ROWS, DIM).double(), DIM + 1, "lbfgs", 0.3)
    assert (lowest[-1] < 1e-3 * lowest[0]).all()


def test_lbfgs_keeps_up_with_scipy() -> None:
    """On Rosenbrock's valley in 4 dimensions, counted in evaluations."""
    starts = torch.randn(ROWS, 4, generator=torch.Generator().manual_seed(1)).double()
    _, lowest = minimise(rosenbrock, starts, 200, "lbfgs", 0.1)
    for i, start in enumerate(starts.numpy()):
        found = scipy.optimize.minimize(
            scipy.optimize.rosen, start, jac=scipy.optimize.rosen_der, method="L-BFGS-B"
        )
        ours = int((lowest[:, i] > found.fun + 1e-6).sum())
        assert ours <= 1.2 * found.nfev + 5


def test_lbfgs_survives_kinks() -> None:
    """On |A (v - c)|_1, which has no gradient where it matters."""
    A, c = quadratics(condition=10.0)

    def kinked(v: Tensor) -> tuple[Tensor, Tensor]:
        x = v.clone().requires_grad_(True)
        loss = torch.einsum("nij,nj->ni", A, x - c).abs().sum(1)
        return loss.detach(), torch.autograd.grad(loss.sum(), x)[0]

    _, lowest = minimise(kinked, torch.zeros(ROWS, DIM).double(), 200, "lbfgs", 0.1)
    assert (lowest[-1] < 0.05 * lowest[0]).all()


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_rows_do_not_meet(name: str) -> None:
    A, c = quadratics()
    start = torch.randn(ROWS, DIM, generator=torch.Generator().manual_seed(2)).double()
    together, _ = minimise(lambda v: parabola(v, A, c), start, 25, name, 0.01)
    for i in range(ROWS):
        row = slice(i, i + 1)
        alone, _ = minimise(lambda v, r=row: parabola(v, A[r], c[r]), start[row], 25, name, 0.01)  # type: ignore[misc]
        torch.testing.assert_close(together[row], alone, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_a_broken_row_does_not_spoil_the_others(name: str) -> None:
    A, c = quadratics()
    start = torch.zeros(ROWS, DIM).double()
    healthy, _ = minimise(lambda v: parabola(v, A, c), start, 15, name, 0.01)
    start[2] = torch.nan
    found, _ = minimise(lambda v: parabola(v, A, c), start, 15, name, 0.01)
    others = torch.tensor([0, 1, 3, 4])
    torch.testing.assert_close(found[others], healthy[others], rtol=1e-9, atol=1e-12)


def test_lbfgs_shortens_a_first_step_that_is_far_too_long() -> None:
    A, c = quadratics()
    _, lowest = minimise(
        lambda v: parabola(v, A, c), torch.zeros(ROWS, DIM).double(), 60, "lbfgs", 1e4
    )
    assert (lowest[-1] < 1e-4 * lowest[0]).all()


def test_lbfgs_shortens_a_step_that_is_too_long_to_the_minimum_of_a_parabola() -> None:
    """On v² from v = 1, whose parabola is the function itself: after -2 it must be at 0.

    Bisection would be at -0.5. The first step, of length 3, is shortened to a third.
    """
    v = torch.tensor([[1.0], [2.0]]).double()
    rule, seen = LBFGS(v), []
    for _ in range(3):
        seen.append(v)
        v = rule.step(v, v.square().sum(1), 2 * v, 3.0)
    torch.testing.assert_close(seen[1], torch.tensor([[-2.0], [-1.0]]).double())
    torch.testing.assert_close(seen[2][0], torch.zeros(1).double())


def test_lbfgs_holds_at_most_its_history() -> None:
    rule = LBFGS(torch.zeros(2, 3), history=4)
    for step in range(9):
        v = torch.full((2, 3), 0.5**step)
        rule.step(v, v.square().sum(1), 2 * v, 0.1)
    assert rule.s.shape == (4, 2, 3)

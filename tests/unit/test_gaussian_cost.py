"""What a fill by a Gaussian costs: the hole's pixels, not the picture's; it stays exact."""

from __future__ import annotations

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from inpaint.priors.evidence import NOISE, coarse
from inpaint.priors.gaussian import Gaussian
from inpaint.zoo.registry import load_prior


@pytest.fixture(scope="module")
def prior() -> Gaussian:
    made = load_prior("scenes64-gaussian")
    assert isinstance(made, Gaussian)
    return Gaussian(made.size, made.packed, noise=made.noise, residual=made.residual)


def square(size: int, side: int) -> torch.Tensor:
    mask = torch.zeros(size, size, dtype=torch.bool)
    mask[3 : 3 + side, 3 : 3 + side] = True
    return mask


@pytest.mark.parametrize("side", [0, 1, 13, 15, 17, 44, 46, 61])
def test_a_fill_is_the_conditional_mean(prior: Gaussian, side: int) -> None:
    """Holes on both sides of the sizes where the way to it changes; errors below 0.1 of 255."""
    mask = square(prior.size, side)
    image = torch.rand((1, 3, prior.size, prior.size), generator=torch.Generator().manual_seed(2))
    W, known = prior.W.double(), (~mask).expand(3, -1, -1).flatten()
    M = W[known].T @ W[known]
    M.diagonal().add_(prior.noise)
    r = (image.flatten() - prior.mean).double()[known]
    exact = W @ torch.linalg.solve(M, W[known].T @ r)
    found = W @ prior.means(image, mask)[0].double()
    assert float((found - exact).abs().max()) < 0.1 / 255


def test_halves_stand_for_the_whole_matrix(prior: Gaussian) -> None:
    W, parts = prior.W, prior._components
    rng = torch.Generator().manual_seed(3)
    z = torch.randn((2, prior.latent), generator=rng)
    x = torch.rand((2, 3, prior.size, prior.size), generator=rng)
    close = {"rtol": 1e-4, "atol": 1e-4}
    torch.testing.assert_close(parts.images(z).flatten(1), z @ W.T, **close)
    torch.testing.assert_close(parts.products(x), x.flatten(1) @ W, **close)
    mask = square(prior.size, 40)
    rows, expected = parts.rows(mask), W[mask.expand(3, -1, -1).flatten()]
    torch.testing.assert_close(rows.T @ rows, expected.T @ expected, **close)


def test_a_second_mask_costs_products_of_its_hole_alone(prior: Gaussian) -> None:
    """Those of a pixel with each other, and none of a component with each other."""
    image = torch.rand((1, 3, prior.size, prior.size))
    prior.means(image, square(prior.size, 5))
    mask = square(prior.size, 8)
    with FlopCounterMode(display=False) as counted:
        prior._condition(mask)
    values = 3 * int(mask.sum())
    assert 0 < counted.get_total_flops() <= 2 * values**2 * prior.latent
    assert values**2 * prior.latent < values * prior.latent**2 / 3


def test_the_order_of_masks_does_not_show(prior: Gaussian) -> None:
    """The product that all masks share is made by the first of them."""
    first, second = square(prior.size, 20), square(prior.size, 9)
    image = torch.rand((1, 3, prior.size, prior.size), generator=torch.Generator().manual_seed(0))
    means = {}
    for order in ((first, second), (second, first)):
        other = Gaussian(prior.size, prior.packed, noise=prior.noise, residual=prior.residual)
        for mask in order:
            means.setdefault(int(mask.sum()), []).append(other.means(image, mask))
    assert all(torch.equal(*pair) for pair in means.values())


@pytest.mark.parametrize("side", [0, 9, 22, 29])
def test_the_evidence_is_that_of_the_known_pixels(prior: Gaussian, side: int) -> None:
    model = coarse(prior.size, prior.packed, side=32)
    mask = square(32, side)
    image = torch.rand((3, 32, 32), generator=torch.Generator().manual_seed(1))
    known = (~mask).expand(3, -1, -1).flatten()
    W, r = model.W.double()[known], (image.flatten() - model.mean).double()[known]
    factor = torch.linalg.cholesky(W @ W.T + NOISE * torch.eye(len(r)))
    whitened = torch.linalg.solve_triangular(factor, r[:, None], upper=False)
    exact = -(float(whitened.square().sum()) + 2 * float(factor.diagonal().log().sum()))
    assert model.log_density(image, mask) == pytest.approx(exact / (2 * len(r)), rel=1e-4)

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


@pytest.mark.parametrize("side", [0, 1, 17, 44, 46, 61])
def test_the_factor_is_that_of_the_known_pixels(prior: Gaussian, side: int) -> None:
    """Holes on both sides of the half, where the way to it changes."""
    mask = square(prior.size, side)
    known = prior.W.double()[(~mask).expand(3, -1, -1).flatten()]
    exact = known.T @ known
    exact.diagonal().add_(prior.noise)
    factor = prior._factor(mask, prior.noise)
    torch.testing.assert_close(factor @ factor.T, exact, rtol=1e-5, atol=2e-4)


def test_a_second_mask_costs_products_of_its_hole_alone(prior: Gaussian) -> None:
    prior._factor(square(prior.size, 5), prior.noise)
    mask = square(prior.size, 16)
    with FlopCounterMode(display=False) as counted:
        prior._factor(mask, prior.noise)
    direct = 2 * 3 * int((~mask).sum()) * prior.latent**2
    assert 0 < counted.get_total_flops() < direct / 10


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

"""What the search must reach: the closed form on a Gaussian, a good fit elsewhere."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
import torch
from scipy.linalg import cho_factor, cho_solve
from scipy.stats import multivariate_normal
from torch import Tensor

from inpaint.priors import Prior
from inpaint.priors.evidence import Coarse
from inpaint.priors.gaussian import Gaussian
from inpaint.search import search
from inpaint.zoo import registry

SIZE = 16  # of the tiny priors


def masks() -> dict[str, Tensor]:
    blank = torch.zeros(SIZE, SIZE, dtype=torch.bool)
    center, half, two = blank.clone(), blank.clone(), blank.clone()
    center[4:12, 4:12] = True
    half[:, 8:] = True
    two[:5, :5] = two[9:14, 6:] = True
    random = torch.rand(SIZE, SIZE, generator=torch.Generator().manual_seed(0)) < 0.8
    return {"center": center, "half": half, "two": two, "random80": random}


every_mask = pytest.mark.parametrize("mask", masks().values(), ids=masks().keys())


@pytest.fixture
def gaussian(tiny: Callable[..., Prior]) -> Gaussian:
    prior = tiny("gaussian")
    assert isinstance(prior, Gaussian)
    return prior


def sampled(prior: Prior, seed: int = 3) -> Tensor:
    """An image of the prior's own, kept off the clip at 0 and 1."""
    z = prior.sample_z(1, torch.Generator().manual_seed(seed)) / 2
    with torch.no_grad():
        return prior.generate(z)[0]


def conditional_mean(prior: Gaussian, image: Tensor, mask: Tensor) -> np.ndarray:
    """mu_u + C_uk C_kk^-1 (x_k - mu_k), the textbook's, in float64."""
    W, mu = prior.W.double().numpy(), prior.mean.double().numpy()
    known = (~mask).expand(3, -1, -1).flatten().numpy()
    C_kk = W[known] @ W[known].T + prior.noise * np.eye(int(known.sum()))
    C_uk = W[~known] @ W[known].T
    residual = image.flatten().double().numpy()[known] - mu[known]
    return mu[~known] + C_uk @ cho_solve(cho_factor(C_kk), residual)


@every_mask
def test_the_closed_form_is_the_conditional_mean(gaussian: Gaussian, mask: Tensor) -> None:
    image = sampled(gaussian) + 0.03 * torch.randn(
        (3, SIZE, SIZE), generator=torch.Generator().manual_seed(1)
    )
    z = gaussian.start_z(image, mask, 1, torch.Generator().manual_seed(0))[0]
    unclipped = (gaussian.mean + gaussian.W @ z).unflatten(0, (3, SIZE, SIZE))
    expected = conditional_mean(gaussian, image, mask)
    np.testing.assert_allclose(unclipped[:, mask].flatten(), expected, rtol=0, atol=1e-4)


@pytest.mark.parametrize(
    "name", [name for name in registry.priors() if registry.load_prior(name).kind == "gaussian"]
)
def test_shipped_gaussians_agree_with_the_conditional_mean(name: str) -> None:
    prior = registry.load_prior(name)
    assert isinstance(prior, Gaussian)
    side = prior.size
    mask = torch.rand(side, side, generator=torch.Generator().manual_seed(0)) < 0.85
    image = sampled(prior)
    z = prior.start_z(image, mask, 1, torch.Generator().manual_seed(0))[0]
    unclipped = (prior.mean + prior.W @ z).unflatten(0, (3, side, side))
    expected = conditional_mean(prior, image, mask)
    np.testing.assert_allclose(unclipped[:, mask].flatten(), expected, rtol=0, atol=1e-3)


@pytest.mark.parametrize(("optimizer", "steps"), [("adam", 400), ("lbfgs", 60)])
@every_mask
def test_the_search_agrees_with_the_closed_form(
    gaussian: Gaussian, mask: Tensor, optimizer: str, steps: int
) -> None:
    image = sampled(gaussian)[None]
    exact = search(gaussian, image, mask[None], seeds=[0], **gaussian.search_defaults)
    options = {**gaussian.search_defaults, "restarts": 3, "steps": steps, "lr": 0.3}
    options["optimizer"] = optimizer
    found = search(gaussian, image, mask[None], seeds=[0], start="sample", **options)
    assert (found.x - exact.x).abs().max() < 1e-3
    assert exact.loss[0, 0] <= found.loss[0, 0] * (1 + 1e-4)


@every_mask
def test_posterior_samples_have_the_posterior_mean_and_covariance(
    gaussian: Gaussian, mask: Tensor
) -> None:
    z = gaussian.start_z(sampled(gaussian), mask, 20_001, torch.Generator().manual_seed(0)).double()
    W = gaussian.W[(~mask).expand(3, -1, -1).flatten()].double()
    M = gaussian.noise * torch.eye(gaussian.latent, dtype=torch.double) + W.T @ W
    expected = gaussian.noise * torch.linalg.inv(M)
    covariance = z[1:].T.cov()
    assert (covariance - expected).norm() < 0.05 * expected.norm()
    deviation = expected.diagonal().sqrt()
    assert ((z[1:].mean(0) - z[0]) / deviation).abs().max() < 5 / math.sqrt(20_000)


@every_mask
def test_the_evidence_is_the_density_of_the_known_pixels(gaussian: Gaussian, mask: Tensor) -> None:
    W, mu = gaussian.W.double().numpy(), gaussian.mean.double().numpy()
    known = (~mask).expand(3, -1, -1).flatten().numpy()
    covariance = W[known] @ W[known].T + gaussian.residual * np.eye(int(known.sum()))
    image = torch.rand((3, SIZE, SIZE), generator=torch.Generator().manual_seed(2))
    for x in (sampled(gaussian), image):
        density = multivariate_normal(mu[known], covariance).logpdf(x.flatten().numpy()[known])
        expected = density / known.sum() + math.log(2 * math.pi) / 2  # which is left out
        found = Coarse(SIZE, gaussian.mean.double(), gaussian.W.double()).log_density(
            x.double(), mask, noise=gaussian.residual
        )
        assert found == pytest.approx(expected, rel=1e-3)


def test_the_evidence_prefers_the_prior_that_made_the_image(tiny: Callable[..., Prior]) -> None:
    for mask in masks().values():
        for seed in (0, 1):
            x = sampled(tiny("gaussian", seed))
            values = []
            for other in (0, 1):
                prior = tiny("gaussian", other)
                assert isinstance(prior, Gaussian)
                values.append(Coarse(SIZE, prior.mean, prior.W).log_density(x, mask))
            assert int(np.argmax(values)) == seed


def known_error(prior: Prior, image: Tensor, mask: Tensor, x: Tensor) -> Tensor:
    return (x - image).abs()[..., ~mask].mean((-2, -1))


@pytest.mark.parametrize("kind", ["dcgan", "vae"])
@every_mask
def test_the_search_fits_far_better_than_its_start_and_random_latents(
    tiny: Callable[..., Prior], kind: str, mask: Tensor
) -> None:
    prior = tiny(kind)
    image = sampled(prior)
    options = prior.search_defaults
    start = search(prior, image[None], mask[None], seeds=[0], **{**options, "steps": 0})
    found = search(prior, image[None], mask[None], seeds=[0], **options)
    random = prior.generate(prior.sample_z(100, torch.Generator().manual_seed(5)))
    error = known_error(prior, image, mask, found.x[0, 0])
    assert error < known_error(prior, image, mask, start.x[0, 0]) / 2
    assert error < known_error(prior, image, mask, random).min() / 2


@pytest.mark.parametrize("name", registry.priors())
def test_shipped_priors_fill_the_hole_better_than_random_latents(name: str) -> None:
    """On images of the prior's own, with its own settings, measured where nothing was known."""
    prior = registry.load_prior(name)
    image = prior.generate(prior.sample_z(4, torch.Generator().manual_seed(3)))
    random = prior.generate(prior.sample_z(20, torch.Generator().manual_seed(5)))
    mask = torch.zeros(4, prior.size, prior.size, dtype=torch.bool)
    quarter = prior.size // 4
    mask[:, quarter:-quarter, quarter:-quarter] = True
    found = search(prior, image, mask, seeds=[0, 1, 2, 3], **prior.search_defaults)
    error = (found.x[:, 0] - image).abs()[..., mask[0]].mean()
    by_chance = (random - image[:, None]).abs()[..., mask[0]].mean()
    assert error < 0.8 * by_chance

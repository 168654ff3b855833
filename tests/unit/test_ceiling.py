from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor

from inpaint.priors import Prior
from inpaint.priors.gaussian import Gaussian
from inpaint.zoo.classes import Steerable
from pretrain.ceiling import ceiling, projected, psnr

Tiny = Callable[..., Prior]


def own(prior: Prior, n: int, seed: int = 3) -> Tensor:
    with torch.no_grad():
        return prior.generate(prior.sample_z(n, torch.Generator().manual_seed(seed)))


def test_psnr_of_a_constant_error() -> None:
    x = torch.full((2, 3, 8, 8), 0.5)
    y = torch.stack([x[0] + 0.1, x[1]])
    np.testing.assert_allclose(psnr(x, y), [20, 100], atol=1e-4)


def test_a_gaussian_draws_its_own_samples_all_but_exactly(tiny: Tiny) -> None:
    prior = tiny("gaussian")
    assert ceiling(prior, own(prior, 16)).psnr.min() > 60


def test_a_gaussian_meets_the_least_squares_solution(tiny: Tiny) -> None:
    """Far inside the range the clip does nothing, and numpy's own solver is right."""
    prior = tiny("gaussian")
    assert isinstance(prior, Gaussian)
    y = 0.5 + 0.05 * torch.randn((4, 3, 16, 16), generator=torch.Generator().manual_seed(0))
    W, mean = prior.W.double().numpy(), prior.mean.double().numpy()
    flat = y.flatten(1).double().numpy() - mean
    best = np.linalg.lstsq(W, flat.T, rcond=None)[0].T @ W.T + mean
    np.testing.assert_allclose(projected(prior, y).flatten(1).numpy(), best, atol=1e-5)


def test_saturated_pixels_cost_a_gaussian_nothing(tiny: Tiny) -> None:
    """Samples of twice the strength are clipped; the plain projection would miss them."""
    prior = tiny("gaussian")
    assert isinstance(prior, Gaussian)
    z = 4 * prior.sample_z(8, torch.Generator().manual_seed(1))
    y = prior.generate(z)
    assert ((y == 0) | (y == 1)).float().mean() > 0.02
    plain = torch.linalg.lstsq(prior.W, (y.flatten(1) - prior.mean).T).solution.T
    gain = psnr(projected(prior, y), y) - psnr(prior.generate(plain), y)
    assert gain.min() >= -1e-6
    assert gain.mean() > 1


@pytest.mark.parametrize(("kind", "least"), [("dcgan", 30), ("vae", 40)])
def test_networks_find_their_own_samples(tiny: Tiny, kind: str, least: float) -> None:
    prior = tiny(kind)
    images = own(prior, 4)
    found = ceiling(prior, images, steps=200)
    assert found.images.shape == images.shape
    np.testing.assert_allclose(found.psnr, psnr(found.images, images))
    assert found.psnr.mean() > least


def test_an_image_has_its_figure_whatever_comes_after_it(tiny: Tiny) -> None:
    prior = tiny("dcgan")
    images = own(prior, 6)
    few, many = (ceiling(prior, images[:n], steps=5).psnr for n in (5, 6))
    np.testing.assert_array_equal(few, many[:5])


def test_an_image_is_drawn_as_its_class(tiny: Tiny) -> None:
    prior = tiny("cgan")
    assert isinstance(prior, Steerable)
    images = torch.cat([own(prior.with_class("day"), 2), own(prior.with_class("night"), 2)])
    right = ceiling(prior, images, ["day", "day", "night", "night"], steps=100).psnr
    wrong = ceiling(prior, images, ["night", "night", "day", "day"], steps=100).psnr
    assert right.mean() > wrong.mean() + 3
    unknown = ceiling(prior, images, ["dusk"] * 4, steps=5).psnr
    np.testing.assert_array_equal(unknown, ceiling(prior, images, steps=5).psnr)


def test_progress_runs_to_the_end(tiny: Tiny) -> None:
    seen: list[tuple[int, int]] = []
    prior = tiny("vae")
    ceiling(prior, own(prior, 5), steps=3, callback=lambda done, total: seen.append((done, total)))
    done = [d for d, _ in seen]
    assert done == sorted(done)
    assert seen[-1][0] == seen[-1][1]
    assert len({total for _, total in seen}) == 1

"""What every prior promises: each kind's ``tiny`` and each shipped prior."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import Tensor

from inpaint.priors import Prior, vae
from inpaint.search import search
from inpaint.zoo import registry, weights

# Second forms of a kind, each with its own tiny.
VARIANTS: dict[str, Callable[[], Prior]] = {"vae, spatial": vae.tiny_spatial}


@pytest.fixture(scope="module", params=[*registry.kinds(), *VARIANTS, *registry.priors()])
def prior(request: pytest.FixtureRequest, tiny: Callable[..., Prior]) -> Prior:
    if request.param in VARIANTS:
        return VARIANTS[request.param]()
    shipped = request.param in registry.priors()
    return registry.load_prior(request.param) if shipped else tiny(request.param)


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def scene(prior: Prior) -> tuple[Tensor, Tensor]:
    """An image of the prior's own and a mask that touches a border."""
    with torch.no_grad():
        image = prior.generate(prior.sample_z(1, seeded(7)))[0]
    mask = torch.zeros(prior.size, prior.size, dtype=torch.bool)
    mask[prior.size // 4 : prior.size // 2, : prior.size // 2] = True
    return image, mask


def test_it_satisfies_the_protocol(prior: Prior) -> None:
    assert isinstance(prior, Prior)
    assert prior.kind in registry.kinds()
    assert prior.config()["kind"] == prior.kind


def test_its_search_defaults_are_options_of_the_search(prior: Prior) -> None:
    assert {"restarts", "steps"} <= set(prior.search_defaults)
    assert set(prior.search_defaults) <= set(inspect.signature(search).parameters)


def test_it_generates_different_rgb_images_in_range(prior: Prior) -> None:
    with torch.no_grad():
        x = prior.generate(prior.sample_z(5, seeded()))
    assert x.shape == (5, 3, prior.size, prior.size)
    assert x.dtype == torch.float32
    assert x.min() >= 0
    assert x.max() <= 1
    assert x.std(0).mean() > 0.01


def test_images_stay_in_range_far_outside_the_distribution(prior: Prior) -> None:
    with torch.no_grad():
        x = prior.generate(prior.sample_z(3, seeded()) * 100)
    assert x.min() >= 0
    assert x.max() <= 1


def test_rows_of_a_batch_do_not_meet(prior: Prior) -> None:
    z = prior.sample_z(4, seeded())
    with torch.no_grad():
        together, alone = prior.generate(z), torch.cat([prior.generate(row[None]) for row in z])
        losses = prior.perceptual_loss(z, together)
        lone = torch.cat(
            [prior.perceptual_loss(r[None], x[None]) for r, x in zip(z, alone, strict=True)]
        )
    torch.testing.assert_close(together, alone, rtol=0, atol=1e-5)
    torch.testing.assert_close(losses, lone, rtol=1e-4, atol=1e-4)


def test_gradients_flow_to_each_row_of_z(prior: Prior) -> None:
    z = prior.sample_z(3, seeded()).requires_grad_(True)
    x = prior.generate(z)
    for loss in (x.square().sum(), prior.perceptual_loss(z, x).sum()):
        (gradient,) = torch.autograd.grad(loss, z, retain_graph=True)
        assert gradient.isfinite().all()
        assert (gradient.abs().sum(1) > 0).all()


def test_weights_ask_for_no_gradient(prior: Prior) -> None:
    assert not prior.generate(prior.sample_z(1, seeded())).requires_grad


def test_gradients_agree_with_finite_differences(prior: Prior) -> None:
    """Along the gradient itself, where a small step changes the loss most."""
    z = (prior.sample_z(1, seeded(3)) / 2).requires_grad_(True)
    target = torch.full((1, 3, prior.size, prior.size), 0.5)
    (gradient,) = torch.autograd.grad((prior.generate(z) - target).square().sum(), z)
    step = 0.02 * gradient / gradient.norm()
    with torch.no_grad():
        up, down = ((prior.generate(z + s) - target).square().sum() for s in (step, -step))
    assert float(up - down) == pytest.approx(0.04 * float(gradient.norm()), rel=0.05)


def test_samples_follow_their_generator_alone(prior: Prior) -> None:
    torch.manual_seed(1)
    state = torch.get_rng_state()
    first = prior.sample_z(4, seeded(5))
    assert torch.equal(torch.get_rng_state(), state)
    torch.manual_seed(2)
    assert torch.equal(first, prior.sample_z(4, seeded(5)))
    assert not torch.equal(first, prior.sample_z(4, seeded(6)))
    assert first.shape == (4, prior.latent)
    assert len(first.unique(dim=0)) == 4


def test_samples_are_centred_and_of_unit_scale(prior: Prior) -> None:
    z = prior.sample_z(4000, seeded())
    assert z.mean().abs() < 0.05
    assert 0.5 < z.std() < 1.1  # a uniform latent in [-1, 1] has 0.58


def test_constrain_is_idempotent_and_finite(prior: Prior) -> None:
    for z in (prior.sample_z(50, seeded()), prior.sample_z(50, seeded()) * 1e4, torch.zeros(1, 1)):
        z = z.expand(-1, prior.latent)
        once = prior.constrain_z(z)
        assert once.shape == z.shape
        assert once.isfinite().all()
        torch.testing.assert_close(prior.constrain_z(once), once, rtol=1e-5, atol=1e-6)


def test_constrain_leaves_samples_mostly_alone(prior: Prior) -> None:
    z = prior.sample_z(500, seeded())
    moved = (prior.constrain_z(z) - z).norm(dim=1) / z.norm(dim=1)
    assert moved.mean() < 0.15
    assert moved.median() < 0.1


def test_perceptual_loss_is_one_finite_number_a_row(prior: Prior) -> None:
    z = prior.sample_z(6, seeded())
    with torch.no_grad():
        loss = prior.perceptual_loss(z, prior.generate(z))
    assert loss.shape == (6,)
    assert loss.isfinite().all()


def test_starts_follow_their_generator_alone(prior: Prior) -> None:
    image, mask = scene(prior)
    torch.manual_seed(1)
    state = torch.get_rng_state()
    first = prior.start_z(image, mask, 3, seeded(5))
    assert torch.equal(torch.get_rng_state(), state)
    torch.manual_seed(2)
    assert torch.equal(first, prior.start_z(image, mask, 3, seeded(5)))
    assert first.shape == (3, prior.latent)
    assert first.dtype == torch.float32
    assert first.isfinite().all()
    assert len(first.unique(dim=0)) == 3
    assert not torch.equal(first[1:], prior.start_z(image, mask, 3, seeded(6))[1:])


@pytest.mark.parametrize("garbage", [0.0, 1.0, 1e9, float("inf"), float("nan")])
def test_starts_read_nothing_from_the_hole(prior: Prior, garbage: float) -> None:
    image, mask = scene(prior)
    spoiled = torch.where(mask, torch.tensor(garbage), image)
    expected = prior.start_z(image, mask, 2, seeded())
    assert torch.equal(prior.start_z(spoiled, mask, 2, seeded()), expected)


def test_starts_are_finite_when_nothing_is_known(prior: Prior) -> None:
    """A crop that is nearly all hole can lose its last known pixels when it is shrunk."""
    image, mask = scene(prior)
    z = prior.start_z(image, torch.ones_like(mask), 2, seeded())
    assert z.isfinite().all()


def test_arguments_are_left_untouched(prior: Prior) -> None:
    image, mask = scene(prior)
    z = prior.sample_z(2, seeded()) * 3
    x = image.repeat(2, 1, 1, 1)
    before = [t.clone() for t in (image, mask, z, x)]
    prior.start_z(image, mask, 2, seeded())
    prior.constrain_z(z)
    prior.generate(z)
    prior.perceptual_loss(z, x)
    assert all(torch.equal(a, b) for a, b in zip((image, mask, z, x), before, strict=True))


def test_a_search_does_not_change_the_weights(prior: Prior) -> None:
    image, mask = scene(prior)
    before = {k: v.clone() for k, v in prior.tensors().items()}
    search(prior, image[None], mask[None], seeds=[0], restarts=2, steps=2)
    assert all(torch.equal(v, before[k]) for k, v in prior.tensors().items())


def test_it_comes_back_from_its_folder(prior: Prior, tmp_path: Path) -> None:
    """Within half precision the first time, exactly the second."""
    z = prior.sample_z(3, seeded())
    images = [prior.generate(z)]
    current = prior
    for trip in ("first", "second"):
        weights.save(tmp_path / trip, current.config(), current.tensors())
        current = registry.load_prior(str(tmp_path / trip))
        assert (current.size, current.latent) == (prior.size, prior.latent)
        images.append(current.generate(z))
    torch.testing.assert_close(images[1], images[0], rtol=0, atol=5e-3)
    assert torch.equal(images[2], images[1])


def test_perceptual_loss_survives_saving(prior: Prior, tmp_path: Path) -> None:
    z = prior.sample_z(3, seeded())
    x = prior.generate(z)
    weights.save(tmp_path, prior.config(), prior.tensors())
    again = registry.load_prior(str(tmp_path))
    torch.testing.assert_close(
        again.perceptual_loss(z, x), prior.perceptual_loss(z, x), rtol=5e-3, atol=5e-3
    )

"""The terms of the VAE's and VAE-GAN's loss, and what their options refuse."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from inpaint.errors import InpaintError
from inpaint.priors.vae import VAE
from inpaint.zoo import registry, weights
from pretrain import data, vae
from pretrain.options import VaeOptions
from pretrain.run import Plan


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def images(size: int = 16) -> data.Images:
    rough = np.random.default_rng(0).integers(40, 216, (12, 4, 4, 3), dtype=np.uint8)
    pixels = rough.repeat(size // 4, 1).repeat(size // 4, 2)
    return data.Images(pixels, np.zeros(12, np.int64), (".",))


def train(out: Path, **changes: object) -> VAE:
    sizes = {"size": 16, "latent": 16, "width": 4, "encoder_cap": 8, "decoder_cap": 8}
    options = VaeOptions(
        **{**sizes, "batch": 4, "warmup": 2, "critic_width": 4, **changes}  # type: ignore[arg-type]
    )
    return vae.train(images(options.size), options, Plan(out, 2, batch=4))[0]


def test_the_kl_has_its_analytic_values() -> None:
    mu = torch.tensor([[0.0, 2.0, 0.0]])
    log_variance = torch.tensor([[0.0, 0.0, 1.0]])
    expected = torch.tensor([[0.0, 2.0, (torch.e - 2) / 2]])
    torch.testing.assert_close(vae.kl_divergence(mu, log_variance), expected)


def test_the_rate_is_the_kl_where_no_bits_are_free() -> None:
    kl = torch.rand((5, 3), generator=seeded())
    torch.testing.assert_close(vae.rate(kl, 0.0), kl.sum(1).mean())


def test_free_bits_charge_a_dimension_for_what_its_mean_lies_above() -> None:
    kl = torch.tensor([[0.0, 3.0], [0.2, 1.0]], requires_grad=True)
    rate = vae.rate(kl, 0.5)
    assert rate.item() == pytest.approx(0.5 + 2.0)
    rate.backward()
    assert kl.grad is not None
    assert kl.grad.tolist() == [[0.0, 0.5], [0.0, 0.5]]


@pytest.mark.parametrize("adversarial", [0.0, 0.5])
def test_the_kl_term_is_divided_by_the_numbers_of_an_image(
    adversarial: float, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """L = ... + KL / D with D = 3 * 16 * 16, and in the first of two warm-up steps half of that."""
    kl = torch.ones((), requires_grad=True)
    monkeypatch.setattr(vae, "rate", lambda *_: kl)
    train(tmp_path, warmup=2, adversarial=adversarial)
    assert kl.grad is not None
    assert kl.grad.item() == pytest.approx((0.5 + 1.0) / (3 * 16 * 16))


@pytest.mark.parametrize("strength", [0.0, 0.3, 2.0])
def test_the_game_pulls_with_the_strength_asked_for(strength: float) -> None:
    """Whatever the scale of its loss."""
    images = torch.rand((2, 3, 4, 4), generator=seeded(), requires_grad=True)
    ours = torch.autograd.grad(images.square().sum(), images)[0]
    for scale in (1e-3, 1e3):
        game = scale * (images * torch.randn(images.shape, generator=seeded(1))).sum()
        added = vae.pulled(images, images.square().sum(), game, strength) - ours
        assert float(added.norm() / ours.norm()) == pytest.approx(strength, rel=1e-4, abs=1e-6)


def test_a_silent_critic_does_not_break_the_step() -> None:
    images = torch.rand((2, 3, 4, 4), generator=seeded(), requires_grad=True)
    pull = vae.pulled(images, images.sum(), 0 * images.sum(), 0.5)
    assert torch.equal(pull, torch.ones_like(images))


def test_a_step_of_the_critic_tells_real_from_made_better() -> None:
    options = VaeOptions(size=16, critic_width=8, critic_lr=1e-2, policy="")
    critic = vae.Critic(options, torch.device("cpu"))
    real, fake = torch.full((4, 3, 16, 16), 0.5), torch.full((4, 3, 16, 16), -0.5)
    losses = [float(critic.step(real, fake, seeded())[0]) for _ in range(20)]
    assert losses[0] == pytest.approx(2, abs=0.2), "the hinge of a critic that knows nothing"
    assert losses[-1] < 0.5
    wanted = fake.clone().requires_grad_(True)
    _, game = critic.step(real, wanted, seeded())
    (slope,) = torch.autograd.grad(game, wanted)
    assert slope.sum() < 0, "the decoder's loss falls towards the real images"


def test_the_losses_that_are_asked_for_are_logged(tmp_path: Path) -> None:
    train(tmp_path / "plain")
    train(tmp_path / "all", size=32, lpips=0.5, adversarial=0.3, free_bits=0.1, spatial=4)
    heads = [(tmp_path / n / "log.csv").read_text().splitlines()[0] for n in ("plain", "all")]
    assert heads == ["step,seconds,psnr,kl", "step,seconds,psnr,kl,lpips,d,g"]


@pytest.mark.parametrize("spatial", [0, 2, 4])
@pytest.mark.parametrize("adversarial", [0.0, 0.3])
def test_what_was_trained_comes_back_from_its_folder(
    tmp_path: Path, spatial: int, adversarial: float
) -> None:
    prior = train(tmp_path / "run", spatial=spatial, adversarial=adversarial)
    weights.save(tmp_path, prior.config(), prior.tensors())
    again = registry.load_prior(str(tmp_path))
    z = prior.sample_z(2, seeded())
    x = prior.generate(z)
    assert x.shape == (2, 3, 16, 16)
    torch.testing.assert_close(again.generate(z), x, rtol=0, atol=5e-3)
    loss = again.perceptual_loss(z, x)
    torch.testing.assert_close(loss, prior.perceptual_loss(z, x), rtol=5e-3, atol=5e-3)
    if adversarial:
        assert not torch.allclose(loss, z.square().sum(1) / 2), "the critic judges"
        assert again.constrain_z(100 * z).norm(dim=1).max() < 4.001
    else:
        torch.testing.assert_close(loss, z.square().sum(1) / 2)
        assert torch.equal(again.constrain_z(100 * z), 100 * z)


def test_the_judge_is_a_key_of_the_config(tmp_path: Path) -> None:
    prior = train(tmp_path / "run", adversarial=0.3)
    config = {**prior.config(), "judge": "prior"}
    weights.save(tmp_path, config, prior.tensors())
    again = registry.load_prior(str(tmp_path))
    z = prior.sample_z(2, seeded())
    torch.testing.assert_close(again.perceptual_loss(z, again.generate(z)), z.square().sum(1) / 2)
    assert again.search_defaults["lam"] != prior.search_defaults["lam"]


def test_a_place_of_the_code_is_a_place_of_the_image(tmp_path: Path) -> None:
    """What it says, it says most strongly around itself."""
    prior = train(tmp_path, spatial=4)
    z = torch.zeros(1, 16)
    moved = z.clone()
    moved[0, 0] = 3.0
    change = (prior.generate(moved) - prior.generate(z)).abs().mean(1)[0]
    assert change[:8, :8].mean() > 2 * change[8:, 8:].mean()


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"spatial": 3}, "--spatial is 3"),
        ({"spatial": 16}, "--spatial is 16"),
        ({"spatial": 8}, "divide --latent 16"),
        ({"lpips": 1.0}, "--lpips needs --size 32"),
        ({"lpips": -1.0}, "--lpips is -1"),
        ({"free_bits": -0.1}, "--free-bits is -0.1"),
        ({"adversarial": float("nan")}, "--adversarial is nan"),
        ({"adversarial": 1.0, "batch": 1}, "--batch 2 or more"),
    ],
)
def test_options_that_do_not_fit_are_refused(changes: dict[str, float], said: str) -> None:
    with pytest.raises(InpaintError, match=said) as error:
        VaeOptions(**{"size": 16, "latent": 16, **changes})  # type: ignore[arg-type]
    assert "\n" not in str(error.value)


def test_a_vae_gan_that_stopped_early_goes_on_to_the_same_weights(tmp_path: Path) -> None:
    sizes = {"size": 16, "latent": 16, "width": 4, "encoder_cap": 8, "decoder_cap": 8}
    options = VaeOptions(**sizes, batch=4, critic_width=4, adversarial=0.5, spatial=4)
    whole = vae.train(images(), options, Plan(tmp_path / "a", 5, batch=4))[0]
    stopped = Plan(tmp_path / "b", 5, batch=4, minutes=1e-9)
    assert vae.train(images(), options, stopped)[1].step == 1
    resumed = vae.train(images(), options, Plan(tmp_path / "b", 5, batch=4, resume=True))[0]
    for name, value in whole.tensors().items():
        assert torch.equal(value, resumed.tensors()[name]), name

"""What a few steps of training must bring: it learns, and does not only run."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from inpaint.priors.vae import VAE
from pretrain import data, gan, vae
from pretrain.options import GanOptions, VaeOptions
from pretrain.run import Plan

SIZE = 16


def ramps(count: int, seed: int = 0) -> data.Images:
    """Pictures of five numbers: two colours, blended along a direction."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:SIZE, :SIZE] / (SIZE - 1) - 0.5
    angle = rng.uniform(0, 2 * np.pi, (count, 1, 1))
    ramp = (np.cos(angle) * x + np.sin(angle) * y + 0.7)[..., None] / 1.4
    first = rng.uniform(0.5, 1.0, (count, 1, 1, 1)) * np.array([1.0, 0.6, 0.3])
    second = rng.uniform(0.0, 0.5, (count, 1, 1, 1)) * np.array([0.2, 0.6, 1.0])
    pixels = (ramp * first + (1 - ramp) * second) * 255
    return data.Images(pixels.round().astype(np.uint8), np.zeros(count, np.int64), (".",))


def as_tensor(images: data.Images) -> Tensor:
    return torch.from_numpy(np.array(images.pixels)).permute(0, 3, 1, 2).float() / 255


def psnr(x: Tensor, y: Tensor) -> float:
    return float(-10 * (x - y).square().mean().log10())


def log(out: Path) -> dict[str, np.ndarray]:
    with (out / "log.csv").open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    return {name: np.array([float(row[name]) for row in rows]) for name in rows[0]}


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> tuple[VAE, Path]:
    options = VaeOptions(
        size=SIZE, latent=8, width=16, encoder_cap=32, decoder_cap=32, lr=3e-3, batch=32,
        warmup=50, ema=0.95,
    )  # fmt: skip
    out = tmp_path_factory.mktemp("vae")
    return vae.train(ramps(200), options, Plan(out, 150, batch=32))[0], out


def test_a_vae_reconstructs_unseen_images_far_better_than_their_mean(
    trained: tuple[VAE, Path],
) -> None:
    prior = trained[0]
    seen, unseen = as_tensor(ramps(200)), as_tensor(ramps(64, seed=1))
    for x in (seen, unseen):
        by_mean = psnr(seen.mean(0).expand_as(x), x)
        assert psnr(prior.generate(prior.encode(x)[0]), x) > by_mean + 6


def test_a_vae_uses_its_latents(trained: tuple[VAE, Path]) -> None:
    prior = trained[0]
    mu, log_variance = prior.encode(as_tensor(ramps(200)))
    certain = log_variance.exp().mean(0) < 0.3
    assert certain.sum() >= 3, "the data has five numbers"
    assert (mu[:, certain].std(0) > 0.5).all()


def test_the_log_of_a_vae_tells_the_psnr_that_it_has(trained: tuple[VAE, Path]) -> None:
    prior, out = trained
    table = log(out)
    assert table["step"].tolist() == [25, 50, 75, 100, 125, 150]
    assert table["psnr"][-1] > table["psnr"][0] + 3
    x = as_tensor(ramps(200))
    mu, log_variance = prior.encode(x)
    noise = torch.randn(mu.shape, generator=torch.Generator().manual_seed(0))
    measured = psnr(prior.generate(mu + (log_variance / 2).exp() * noise), x)
    assert table["psnr"][-1] == pytest.approx(measured, abs=2)


def test_the_kl_is_its_integral() -> None:
    generator = torch.Generator().manual_seed(0)
    mu, log_variance = torch.randn((2, 4, 3), generator=generator)
    q = torch.distributions.Normal(mu, (log_variance / 2).exp())
    expected = torch.distributions.kl_divergence(q, torch.distributions.Normal(0, 1))
    torch.testing.assert_close(vae.kl_divergence(mu, log_variance), expected)


def moments_apart(x: Tensor, y: Tensor) -> tuple[float, float]:
    """Distance of the mean pictures and of the deviations."""
    apart_mean = (x.mean(0) - y.mean(0)).square().mean().sqrt()
    return float(apart_mean), float((x.std(0) - y.std(0)).square().mean().sqrt())


@pytest.mark.parametrize(
    ("loss", "distribution"), [("hinge", "normal"), ("nonsaturating", "uniform")]
)
def test_a_gan_s_samples_come_nearer_to_the_data(
    tmp_path: Path, loss: str, distribution: str
) -> None:
    options = GanOptions(
        size=SIZE, latent=8, width=16, critic_width=16, lr=1e-3, critic_lr=1e-3, batch=32,
        ema=0.95, policy="translation", loss=loss, distribution=distribution,
    )  # fmt: skip
    images = ramps(200)
    x = as_tensor(images)
    at: dict[int, tuple[float, float]] = {}
    for steps in (1, 160):
        out = tmp_path / str(steps)
        prior, outcome = gan.train(images, options, Plan(out, steps, batch=32))
        assert outcome.finished
        samples = prior.generate(prior.sample_z(400, torch.Generator().manual_seed(1)))
        at[steps] = moments_apart(samples, x)
    assert at[160][0] < 0.7 * at[1][0], "mean"
    assert at[160][1] < 0.7 * at[1][1], "deviation"
    table = log(tmp_path / "160")
    assert all(np.isfinite(column).all() for column in table.values())
    assert {"d", "g", "real", "fake"} < table.keys()
    assert (np.abs(table["real"]) < 20).all()
    apart = (samples[:50, None] - samples[None, 50:100]).abs().mean()
    assert apart > 0.03, "all samples are alike"


def test_the_exported_critic_tells_data_from_noise(tmp_path: Path) -> None:
    """It was trained with the spectral norm, which the prior no longer has."""
    options = GanOptions(
        size=SIZE, latent=8, width=4, critic_width=16, critic_lr=2e-3, batch=32, policy=""
    )
    prior, _ = gan.train(ramps(200), options, Plan(tmp_path, 60, batch=32))
    real = as_tensor(ramps(64, seed=1))
    made = prior.generate(prior.sample_z(64, torch.Generator().manual_seed(1)))
    z = torch.zeros(64, 8)
    assert prior.perceptual_loss(z, real).mean() < prior.perceptual_loss(z, made).mean() - 0.1

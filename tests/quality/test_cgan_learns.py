"""What a class-conditional GAN must learn: its classes, and that "any" lies between them."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from inpaint.priors.cgan import CGAN
from inpaint.search import search
from pretrain import data, gan
from pretrain.options import GanOptions
from pretrain.run import Plan

SIZE = 8
CLASSES = ("bright", "dark", "unlabelled")
MEANS = {"bright": 0.8, "dark": 0.2}


def two_kinds(count: int = 120) -> data.Images:
    """Flat pictures with a little noise, bright or dark; every third one has no label."""
    rng = np.random.default_rng(0)
    kind = np.arange(count) % 2
    level = np.array([MEANS["bright"], MEANS["dark"]])[kind]
    level = level[:, None, None, None] + rng.uniform(-0.1, 0.1, (count, 1, 1, 3))
    pixels = level + rng.normal(0, 0.02, (count, SIZE, SIZE, 3))
    labels = np.where(np.arange(count) % 3 == 0, 2, kind)
    return data.Images((pixels * 255).round().astype(np.uint8), labels, CLASSES)


@pytest.fixture(scope="module", params=["hinge", "r3"])
def trained(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> CGAN:
    options = GanOptions(
        size=SIZE, latent=4, width=16, critic_width=16, batch=32, loss=request.param, gamma=1.0,
        beta1=0.0, lr=2e-3, critic_lr=2e-3, policy="", ema=0.95, classes=True, penalty_every=2,
    )  # fmt: skip
    out = tmp_path_factory.mktemp("cgan")
    prior, outcome = gan.train(two_kinds(), options, Plan(out, 300, batch=32))
    assert outcome.finished
    assert isinstance(prior, CGAN)
    return prior


def brightness(prior: CGAN, name: str | None) -> torch.Tensor:
    one = prior.with_class(name)
    z = one.sample_z(200, torch.Generator().manual_seed(0))
    return one.generate(z).mean((1, 2, 3))


def test_each_class_has_the_brightness_of_its_images(trained: CGAN) -> None:
    assert trained.classes == ("bright", "dark")
    for name, mean in MEANS.items():
        assert float(brightness(trained, name).mean()) == pytest.approx(mean, abs=0.12), name


def test_without_a_class_samples_lie_between_both_and_spread_wider(trained: CGAN) -> None:
    any_class, bright, dark = (brightness(trained, name) for name in (None, "bright", "dark"))
    assert dark.mean() + 0.05 < any_class.mean() < bright.mean() - 0.05
    assert any_class.std() > max(bright.std(), dark.std())


def test_the_discriminator_knows_the_classes(trained: CGAN) -> None:
    """Dark pictures are less likely as bright ones than as what they are, on average over many.

    One flat picture would ask about a single point, where processors that round bfloat16
    differently end their trainings with different values.
    """
    images = two_kinds()
    x = torch.from_numpy(images.pixels.astype(np.float32) / 255).permute(0, 3, 1, 2)
    z = torch.zeros(len(x), 4)
    bright = x.mean((1, 2, 3)) > 0.5
    loss = {c: trained.with_class(c).perceptual_loss(z, x) for c in MEANS}
    assert (loss["dark"] - loss["bright"])[bright].mean() > 0.05
    assert (loss["bright"] - loss["dark"])[~bright].mean() > 0.05


def test_a_class_steers_what_an_empty_context_becomes(trained: CGAN) -> None:
    """With nearly nothing known, the class decides what the search fills in."""
    image = torch.full((1, 3, SIZE, SIZE), 0.5)
    mask = torch.ones(1, SIZE, SIZE, dtype=torch.bool)
    mask[0, 0, 0] = False
    means = {
        name: float(
            search(
                trained.with_class(name), image, mask, seeds=[0], restarts=4, steps=10, lam=1.0
            ).x[:, 0].mean()
        )
        for name in MEANS
    }  # fmt: skip
    assert means["bright"] > means["dark"] + 0.15

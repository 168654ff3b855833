"""The amortised start: searches that begin with it begin better, and end better after few steps."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from inpaint.errors import InpaintError, WeightsError
from inpaint.priors import Prior, cgan, dcgan, gaussian, vae
from inpaint.priors.convnets import halved
from inpaint.priors.start import Start, shapes_of
from inpaint.search import search
from inpaint.zoo import registry, weights
from pretrain import data, encoder
from pretrain.options import EncoderOptions
from pretrain.run import Plan

OPTIONS: dict[str, Any] = {"width": 16, "cap": 32, "batch": 16, "lr": 3e-3, "ema": 0.9}
MAKERS = {"dcgan": dcgan.tiny, "cgan": cgan.tiny, "vae": vae.tiny, "spatial": vae.tiny_spatial}
each_kind = pytest.mark.parametrize("kind", MAKERS)


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def of(prior: Prior, count: int, seed: int) -> data.Images:
    """Images that the prior can draw: half of each of two classes, day and night."""
    with torch.no_grad():
        x = prior.generate(prior.sample_z(count, seeded(seed)))
    pixels = (x * 255).round().byte().permute(0, 2, 3, 1).contiguous().numpy()
    return data.Images(pixels, np.arange(count) % 2, ("day", "night"))


def as_tensor(images: data.Images) -> Tensor:
    return torch.from_numpy(np.array(images.pixels)).permute(0, 3, 1, 2).float() / 255


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> tuple[Any, Start]:
    """A DCGAN whose images are known, and a start network of 120 steps."""
    prior = dcgan.tiny()
    plan = Plan(tmp_path_factory.mktemp("start"), 120, batch=16)
    options = EncoderOptions(**OPTIONS, masks="center,half,pattern")
    return prior, encoder.train(of(prior, 200, 1), prior, options, plan)[0]


def test_it_beats_samples_before_and_after_a_few_steps(trained: tuple[Any, Start]) -> None:
    prior, start = trained
    x = as_tensor(of(prior, 12, 99))
    mask = torch.zeros(12, 16, 16, dtype=torch.bool)
    mask[:, 4:12, 4:12] = True
    for steps in (0, 8):
        loss = {}
        for name, network in (("samples", None), ("network", start)):
            prior.start = network
            found = search(prior, x, mask, seeds=range(12), restarts=1, steps=steps)
            loss[name] = float(found.contextual.mean())
        prior.start = None
        assert loss["network"] < 0.75 * loss["samples"], (steps, loss)


def test_more_known_pixels_make_it_more_certain(trained: tuple[Any, Start]) -> None:
    prior, start = trained
    x = as_tensor(of(prior, 32, 99))
    spread = []
    for side in (4, 8, 16):
        mask = torch.zeros(32, 16, 16, dtype=torch.bool)
        mask[:, :, 16 - side :] = True
        spread.append(float(start(x, mask)[1].mean()))
    assert spread[0] < spread[2]


def test_the_prior_is_left_as_it_was(tmp_path: Path) -> None:
    prior = dcgan.tiny()
    before = {k: v.clone() for k, v in prior.tensors().items()}
    encoder.train(of(prior, 8, 1), prior, EncoderOptions(**OPTIONS), Plan(tmp_path, 2, batch=16))
    assert prior.start is None
    assert all(torch.equal(v, before[k]) for k, v in prior.tensors().items())


@each_kind
def test_every_network_prior_can_have_one(tmp_path: Path, kind: str) -> None:
    prior: Any = MAKERS[kind]()
    images = of(prior, 8, 1)
    options = EncoderOptions(width=4, cap=8, batch=4)
    plan = Plan(tmp_path / "run", 4, batch=4, report_every=1)
    prior.start = encoder.train(images, prior, options, plan)[0]
    weights.save(tmp_path, prior.config(), prior.tensors())
    again: Any = registry.load_prior(str(tmp_path))
    assert again.start.shapes == shapes_of(prior.config())
    x, mask = as_tensor(images)[0], torch.zeros(prior.size, prior.size, dtype=torch.bool)
    mask[4:9, :7] = True
    z = again.start_z(x, mask, 4, seeded(3))
    assert z.shape == (4, prior.latent)
    assert len(z.unique(dim=0)) == 4
    torch.testing.assert_close(z[:3], again.constrain_z(z[:3]))
    assert torch.equal(z[:1], again.start_z(x, mask, 1, seeded(8))), "the first is the mean"
    torch.testing.assert_close(z, prior.start_z(x, mask, 4, seeded(3)), rtol=0, atol=0.05)
    spoiled = torch.where(mask, torch.nan, x)
    assert torch.equal(again.start_z(spoiled, mask, 4, seeded(3)), z)
    nothing = again.start_z(x, torch.ones_like(mask), 2, seeded())
    assert nothing.isfinite().all()
    # The last one owes nothing to the network.
    last = torch.zeros_like(z[3]) if kind in ("vae", "spatial") else None
    assert last is None or torch.equal(z[3], last)


def test_a_class_reaches_the_start(tmp_path: Path) -> None:
    prior: Any = cgan.tiny()
    options = EncoderOptions(width=4, cap=8, batch=4)
    prior.start = encoder.train(of(prior, 8, 1), prior, options, Plan(tmp_path, 4, batch=4))[0]
    x, mask = as_tensor(of(prior, 1, 2))[0], torch.zeros(16, 16, dtype=torch.bool)
    mask[:8] = True
    starts = [
        prior.with_class(name).start_z(x, mask, 1, seeded()) for name in (None, "day", "night")
    ]
    assert len(torch.cat(starts).unique(dim=0)) == 3


def test_steps_with_a_class_show_images_of_that_class_alone() -> None:
    prior: Any = cgan.tiny()
    images = of(prior, 10, 1)
    classes = encoder.Classes(prior, images, seed=0)
    seen = set()
    for step in range(20):
        one, chosen = classes.at(step, 6)
        seen.add(one.chosen)
        if one.chosen:
            assert {images.classes[i] for i in images.labels[chosen]} == {one.chosen}
    assert seen == {None, "day", "night"}


def test_a_gaussian_needs_none(tmp_path: Path) -> None:
    with pytest.raises(InpaintError, match="closed form"):
        encoder.check(gaussian.tiny(), tmp_path, tmp_path / "out")
    with pytest.raises(InpaintError, match="is the prior itself"):
        encoder.check(dcgan.tiny(), tmp_path, tmp_path / ".")


@pytest.mark.parametrize(
    "changes", [{"shapes": [[8, 3]]}, {"shapes": [[9, 1]]}, {"width": 5}, {"cap": 0}, {"x": 1}]
)
def test_sizes_that_do_not_fit_are_refused(tmp_path: Path, changes: dict[str, Any]) -> None:
    prior = dcgan.tiny()
    prior.start = Start(size=16, shapes=[(8, 1)], width=4, cap=8)
    config = prior.config()
    config["start"] |= changes
    weights.save(tmp_path, config, prior.tensors())
    with pytest.raises(WeightsError, match="do not fit together"):
        registry.load_prior(str(tmp_path))


def test_the_negative_log_likelihood_is_that_of_a_normal() -> None:
    z, mu, log_variance = torch.randn((3, 5, 4), generator=seeded())
    normal = torch.distributions.Normal(mu, (log_variance / 2).exp())
    expected = -normal.log_prob(z).mean(1) - np.log(2 * np.pi) / 2
    found = encoder.negative_log_likelihood(z, mu, log_variance)
    torch.testing.assert_close(found, expected)


def test_pixel_weights_are_shares_of_one() -> None:
    mask = encoder.draw_masks(["center", "thick"], 6, 32, seed=0, step=0)
    v = encoder.pixel_weights(mask, base=0.2, hole=0.3)
    torch.testing.assert_close(v.sum((1, 2)), torch.ones(6))
    torch.testing.assert_close((v * mask).sum((1, 2)), torch.full((6,), 0.3))
    full = encoder.pixel_weights(torch.ones(1, 8, 8, dtype=torch.bool), base=0.2, hole=0.5)
    assert full.isfinite().all()


def test_masks_follow_seed_and_step() -> None:
    names = ["center", "half", "thin"]
    first = encoder.draw_masks(names, 20, 32, seed=0, step=4)
    assert torch.equal(first, encoder.draw_masks(names, 20, 32, seed=0, step=4))
    assert not torch.equal(first, encoder.draw_masks(names, 20, 32, seed=0, step=5))
    halves = encoder.draw_masks(["half"], 40, 32, seed=0, step=0)
    assert len(halves.flatten(1).unique(dim=0)) == 4, "any of the four sides"


def test_the_weights_of_a_network_are_its_start_entries() -> None:
    prior = dcgan.tiny()
    prior.start = Start(size=16, shapes=[(8, 1)], width=4, cap=8)
    names = {k for k in prior.tensors() if k.startswith("start.")}
    assert names == set(halved(start=prior.start))
    assert json.loads(json.dumps(prior.config()))["start"] == prior.start.config()


def test_a_run_that_stopped_early_goes_on_to_the_same_network(tmp_path: Path) -> None:
    prior = dcgan.tiny()
    images, options = of(prior, 8, 1), EncoderOptions(width=4, cap=8, batch=4)
    whole = encoder.train(images, prior, options, Plan(tmp_path / "a", 5, batch=4))[0]
    stopped = Plan(tmp_path / "b", 5, batch=4, minutes=1e-9)
    assert encoder.train(images, prior, options, stopped)[1].step == 1
    again = Plan(tmp_path / "b", 5, batch=4, resume=True)
    resumed = encoder.train(images, prior, options, again)[0]
    for name, value in whole.state_dict().items():
        assert torch.equal(value, resumed.state_dict()[name]), name

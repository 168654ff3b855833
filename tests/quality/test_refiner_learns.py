"""Refiners: what they learn from, and that they learn."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
import torch

from inpaint.errors import InpaintError
from inpaint.priors import gaussian
from pretrain import crossfit, fills, refiner
from pretrain.data import Images
from pretrain.options import RefinerOptions
from pretrain.run import Plan

SIDE = 32


@pytest.fixture(scope="module")
def discs() -> Images:
    """White discs on a dark ground: what a blurred fill lacks is plain to see."""
    rng = np.random.default_rng(0)
    y, x = np.mgrid[0:SIDE, 0:SIDE]
    pixels = np.full((48, SIDE, SIDE, 3), 40, np.uint8)
    for image in pixels:
        cy, cx, radius = *rng.uniform(10, 22, 2), rng.uniform(6, 12)
        image[(y - cy) ** 2 + (x - cx) ** 2 < radius**2] = 220
    return Images(pixels, np.zeros(48, np.int64), (".",))


@pytest.fixture(scope="module")
def pairs(discs: Images, tmp_path_factory) -> fills.Fills:
    cache = tmp_path_factory.mktemp("fills")
    return fills.make(
        discs, lambda: [gaussian.tiny()], count=1, name="tiny", size=SIDE, cache=cache, group=4
    )


def test_fills_keep_what_is_known(pairs: fills.Fills) -> None:
    for row in range(0, len(pairs), 7):
        known = ~pairs.masks[pairs.mask_of[row]]
        truth = pairs.images.pixels[pairs.image_of[row]]
        assert np.array_equal(pairs.filled[row][known], truth[known])
        assert not np.array_equal(pairs.filled[row], truth)


def test_every_image_is_filled_as_often(pairs: fills.Fills) -> None:
    assert set(np.bincount(pairs.image_of).tolist()) == {2}


def test_two_priors_share_the_images(discs: Images, tmp_path: Path) -> None:
    asked: list[float] = []

    class Told(gaussian.Gaussian):
        def means(self, images: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
            asked.append(float(images.sum()))
            return super().means(images, mask)

    def told() -> Told:
        plain = gaussian.tiny()
        return Told(plain.size, plain.packed, noise=plain.noise, residual=plain.residual)

    two = fills.make(
        discs, lambda: [told(), told()], count=2, name="2", size=SIDE, cache=tmp_path, group=4
    )
    assert len(asked) == len(two.masks)
    for m in range(len(two.masks)):
        assert len(set((two.image_of[two.mask_of == m] % 2).tolist())) == 1


def fill_tiny(images: Images, cache: Path, calls: list[int]) -> None:
    """Fill by an untrained prior, noting each group that is really filled."""
    fills.make(
        images,
        lambda: [gaussian.tiny()],
        count=1,
        name="tiny",
        size=SIDE,
        cache=cache,
        group=8,
        callback=lambda done, total: calls.append(done),
    )


def test_made_once(discs: Images, tmp_path: Path) -> None:
    calls: list[int] = []
    for _ in range(2):
        fill_tiny(discs, tmp_path, calls)
    assert calls == list(range(1, len(calls) + 1))


def test_cross_fitted_gaussians_have_not_seen_what_they_fill(discs: Images) -> None:
    options = {"size": SIDE, "components": 6, "bits8": 6, "views": 1, "seconds": 3}
    config = {"kind": "gaussian", "training": options}
    changed = discs.pixels.copy()
    changed[1::3] = 255 - changed[1::3]
    one = crossfit.priors(discs, config, 3)
    other = crossfit.priors(dataclasses.replace(discs, pixels=changed), config, 3)
    same = [torch.equal(a.mean, b.mean) for a, b in zip(one, other, strict=True)]
    assert same == [False, True, False]


def test_only_gaussians_are_cross_fitted() -> None:
    with pytest.raises(InpaintError, match="kind 'vae'; leave --folds away"):
        crossfit.check({"kind": "vae", "training": {"size": 64}})


def test_other_images_are_filled_anew(discs: Images, tmp_path: Path) -> None:
    changed = discs.pixels.copy()
    changed[len(changed) // 2] += 1
    calls: list[int] = []
    for images in (discs, dataclasses.replace(discs, pixels=changed)):
        fill_tiny(images, tmp_path, calls)
    assert len(calls) == 2 * max(calls)


def test_mirrored_together(pairs: fills.Fills) -> None:
    x, filled, mask = fills.batch(pairs, 8, seed=0, step=0, proxy=0.5)
    known = ~mask[:, None].expand_as(x)
    assert torch.equal(x[known], filled[known])
    assert x.shape == (8, 3, SIDE, SIDE)


@pytest.mark.parametrize("cell", ["attention", "lstm", "rnn"])
def test_a_refiner_beats_its_input(pairs: fills.Fills, tmp_path: Path, cell: str) -> None:
    options = RefinerOptions(
        cell=cell, size=SIDE, width=8, batch=8, lr=6e-3, passes=2, proxy=0.0, ema=0.9
    )
    plan = Plan(out=tmp_path, steps=120, batch=8)
    network, outcome = refiner.train(pairs, options, plan)
    assert outcome.finished
    x, filled, mask = fills.batch(pairs, 48, seed=9, step=0, proxy=0.0)
    with torch.no_grad():
        refined = network(filled, mask, torch.zeros(48))[-1]
    before, after = ((y - x).square().mean() for y in (filled, refined))
    assert after < 0.8 * before


def test_the_discriminator_takes_part(pairs: fills.Fills, tmp_path: Path) -> None:
    options = RefinerOptions(size=SIDE, width=4, batch=4, adversarial=1.0)
    refiner.train(pairs, options, Plan(out=tmp_path, steps=2, batch=4, report_every=1))
    header, *rows = (tmp_path / "log.csv").read_text().splitlines()
    assert header.split(",")[-1] == "d"
    assert 0 < float(rows[0].split(",")[-1]) < 4


def test_windows_hold_the_hole() -> None:
    mask = torch.zeros(1, 128, 128, dtype=torch.bool)
    mask[0, 5:25, 100:126] = True
    assert refiner.windows(mask[:, None].float(), mask, 96).sum() == mask.sum()

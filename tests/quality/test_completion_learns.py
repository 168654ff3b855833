"""The completion network: its promises, what it learns from, and that it learns."""

from __future__ import annotations

import csv
import dataclasses
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from inpaint.priors import dcgan, gaussian, vae
from inpaint.stages.completion import Completion, build
from pretrain import completion, critic, guided, holes
from pretrain.data import Images
from pretrain.options import CompletionOptions
from pretrain.run import Plan

SIDE = 32
OPTIONS = CompletionOptions(size=SIDE, width=8, per_image=2, batch=8, lr=2e-3)


@pytest.fixture(scope="module")
def discs() -> Images:
    """White discs on a dark ground: what a smooth guide lacks is plain to see."""
    rng = np.random.default_rng(0)
    y, x = np.mgrid[0:SIDE, 0:SIDE]
    pixels = np.full((64, SIDE, SIDE, 3), 40, np.uint8)
    for image in pixels:
        cy, cx, radius = *rng.uniform(10, 22, 2), rng.uniform(6, 12)
        image[(y - cy) ** 2 + (x - cx) ** 2 < radius**2] = 220
    return Images(pixels, np.zeros(64, np.int64), (".",))


@pytest.fixture(scope="module")
def items(discs: Images, tmp_path_factory) -> guided.Guided:
    cache = tmp_path_factory.mktemp("guides")
    return guided.make(
        discs, lambda: [gaussian.tiny()], count=1, name="tiny", size=SIDE, cache=cache, per_image=2
    )


def test_items_keep_what_is_known_and_guide_what_is_not(items: guided.Guided) -> None:
    truth, filled, mask = items.batch(np.arange(0, len(items), 5))
    known = ~mask[:, None].expand(-1, 3, -1, -1)
    torch.testing.assert_close(filled[known], truth[known], rtol=0, atol=0)
    assert (filled[~known] - truth[~known]).abs().mean() > 0.01


def test_guides_are_made_once_and_items_stay_the_same(discs: Images, tmp_path: Path) -> None:
    asked = []

    def priors() -> list[gaussian.Gaussian]:
        asked.append(1)
        return [gaussian.tiny()]

    options = {"count": 1, "name": "t", "size": SIDE, "cache": tmp_path, "per_image": 1}
    one, two = (guided.make(discs, priors, pose=True, **options) for _ in range(2))  # type: ignore[arg-type]
    assert asked == [1]
    numbers = np.array([3, 0, 40])
    for a, b in zip(one.batch(numbers), two.batch(numbers), strict=True):
        assert torch.equal(a, b)


def test_a_picture_is_filled_by_the_prior_that_has_not_seen_it(
    discs: Images, tmp_path: Path
) -> None:
    """Prior k of N is fitted without the images k mod N, and fills those."""
    base = gaussian.tiny()
    wave = 0.5 + 0.4 * torch.sin(torch.arange(base.size) * 1.5)

    def drawing(rows: bool) -> gaussian.Gaussian:
        """A prior that draws stripes whatever is known: lying for even images, else standing."""
        half = wave[:, None].expand(-1, base.size // 2) if rows else wave[: base.size // 2]
        mean = half.expand(3, base.size, -1).clone()
        return gaussian.Gaussian(base.size, {**base.packed, "mean": mean}, noise=1e6, residual=1.0)

    two = guided.make(
        discs, lambda: [drawing(True), drawing(False)], count=2, name="2", size=SIDE,
        cache=tmp_path, per_image=1,
    )  # fmt: skip
    lying = []
    for item in range(len(two)):
        inner = cv2.erode(two.masks[two.mask_of[item]].astype(np.uint8), np.ones((5, 5))) > 0
        down, across = np.gradient(two.fills[item].astype(float).mean(2))
        if inner.sum() > 20:
            lying.append((np.abs(down)[inner].mean() > np.abs(across)[inner].mean(), item))
    assert len(lying) > 20
    assert all(found == (two.views.image_of[item] % 2 == 0) for found, item in lying)


def test_every_fourth_group_is_filled_by_another_prior(discs: Images, tmp_path: Path) -> None:
    options = {"count": 1, "size": SIDE, "cache": tmp_path, "per_image": 4}
    alone = guided.make(discs, lambda: [gaussian.tiny()], name="alone", **options)  # type: ignore[arg-type]
    mixed = guided.make(
        discs,
        lambda: [gaussian.tiny()],
        name="mixed",
        others=[vae.tiny(), dcgan.tiny()],
        **options,  # type: ignore[arg-type]
    )
    other = (alone.fills != mixed.fills).reshape(len(alone), -1).any(1)
    groups = np.unique(alone.mask_of)
    assert len(groups) >= 8
    for group in groups:
        assert other[alone.mask_of == group].all() == (group % guided.SHARED == 0)


def test_published_masks_are_drawn_as_often_as_asked() -> None:
    centre = np.zeros((SIDE, SIDE), bool)
    centre[SIDE // 4 : -(SIDE // 4), SIDE // 4 : -(SIDE // 4)] = True

    def centred(share: float) -> int:
        masks = holes.draw(200, SIDE, seed=1, published=share)
        return int((masks == centre).all((1, 2)).sum())

    assert centred(0.0) == 0
    assert centred(1.0) > 2 * centred(0.3) > 0


@pytest.mark.parametrize("side", [32, 48, 80])
def test_one_set_of_weights_serves_every_side(side: int) -> None:
    torch.manual_seed(0)
    network = Completion(size=32, width=8)
    torch.nn.init.normal_(network.out.weight, std=0.1)
    x = torch.rand(2, 3, side, side)
    mask = torch.zeros(2, side, side, dtype=torch.bool)
    mask[:, 8:20, 8:20] = True
    (y,) = network(x, mask, torch.tensor([0.0, 1.0]))
    known = ~mask[:, None].expand(-1, 3, -1, -1)
    assert torch.equal(y[known], x[known])
    assert (y - x)[~known].abs().mean() > 1e-3
    assert build(network.config()).state_dict().keys() == network.state_dict().keys()


def test_every_part_of_the_known_region_can_matter() -> None:
    """The global view: a far corner changes what is drawn in the opposite one."""
    torch.manual_seed(1)
    network = Completion(size=64, width=8)
    for attend in (network.look16, network.look16_again, network.look8):
        torch.nn.init.normal_(attend.merge.weight, std=0.3)
    torch.nn.init.normal_(network.out.weight, std=0.1)
    x = torch.rand(1, 3, 64, 64, requires_grad=True)
    mask = torch.zeros(1, 64, 64, dtype=torch.bool)
    mask[:, :8, :8] = True
    network(x, mask, torch.ones(1))[0][:, :, :8, :8].sum().backward()
    assert x.grad is not None
    assert x.grad[:, :, -8:, -8:].abs().max() > 0


def test_only_patches_with_hole_count_for_the_discriminator() -> None:
    hole = torch.zeros(2, 1, 64, 64)
    hole[0, :, :16, :16] = 1
    share = critic.weights(hole, torch.zeros(2, 1, 8, 8))
    assert float(share.sum()) == pytest.approx(1)
    assert (share[0, 0, 4:] == 0).all()
    assert (share[1] == 0).all()
    assert (share[0, 0, :2, :2] > 0).all()


def test_r1_comes_every_so_often_and_as_much_stronger() -> None:
    """At a step with the penalty, D's gradient differs by EVERY times that of gamma/2 |grad|²."""
    device = torch.device("cpu")
    real, fake = torch.rand(2, 3, 32, 32), torch.rand(2, 3, 32, 32)
    hole = torch.ones(2, 1, 32, 32)

    def gradient(gamma: float, t: int) -> torch.Tensor:
        opponent = critic.Opponent(lr=0.0, gamma=gamma, seed=0, device=device)
        opponent.step(fake, real, hole, t=t)
        found = [p.grad.flatten() for p in opponent.network.parameters() if p.grad is not None]
        return torch.cat(found)

    without, between, at = gradient(0, 0), gradient(5, 1), gradient(5, 0)
    assert torch.allclose(between, without)
    twice = gradient(10, 0)
    assert (at - without).norm() > 0
    torch.testing.assert_close(twice - without, 2 * (at - without), rtol=1e-2, atol=1e-5)


@pytest.mark.slow
def test_it_learns_to_draw_discs(items: guided.Guided, tmp_path: Path) -> None:
    """After 300 small steps the hole is closer than the guide, in decibels and in LPIPS."""
    plan = Plan(out=tmp_path, steps=300, batch=OPTIONS.batch)
    network, outcome = completion.train(items, OPTIONS, plan, held_out=items)
    assert outcome.finished
    rows = list(csv.DictReader((tmp_path / "held_out.csv").open()))
    assert float(rows[-1]["psnr"]) > float(rows[-1]["guide"]) + 1
    assert float(rows[-1]["lpips"]) < 0.8 * float(rows[-1]["guide_lpips"])
    assert not any(p.requires_grad for p in network.parameters())


def test_larger_views_come_in_smaller_batches(
    items: guided.Guided, discs: Images, tmp_path: Path
) -> None:
    twice = guided.make(
        discs, lambda: [gaussian.tiny()], count=1, name="f", size=64, cache=tmp_path, per_image=1
    )
    asked: list[tuple[int, int]] = []

    class Told(guided.Guided):
        def batch(self, chosen: np.ndarray):  # type: ignore[no-untyped-def]
            asked.append((self.views.size, len(chosen)))
            return super().batch(chosen)

    def told(g: guided.Guided) -> Told:
        return Told(g.views, g.masks, g.mask_of, g.fills)

    options = dataclasses.replace(OPTIONS, fine_share=0.5)
    plan = Plan(out=tmp_path / "run", steps=8, batch=8)
    completion.train(told(items), options, plan, fine=told(twice))
    assert {(32, 8), (64, 2)} <= set(asked)

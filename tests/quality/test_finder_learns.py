"""What the finder of faces learns from, and that it learns."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
import torch

from inpaint.faces.network import Finder
from pretrain import finder
from pretrain.composed import Composer, _put
from pretrain.data import Images
from pretrain.options import FinderOptions
from pretrain.run import Plan


def images(draw: str) -> Images:
    """Discs with two dark eyes on grey, or stripes: portraits and places for a test."""
    rng = np.random.default_rng(0)
    pixels = np.empty((24, 128, 128, 3), np.uint8)
    y, x = np.mgrid[:128, :128]
    for image in pixels:
        image[:] = rng.integers(60, 120, 3)
        if draw == "face":
            image[np.hypot(x - 64, (y - 68) / 1.2) < 36] = (230, 180, 150)
            for eye in (48, 80):
                image[np.hypot(x - eye, y - 60) < 7] = 20
        else:
            image[np.sin(x / rng.uniform(4, 20) + y / rng.uniform(-20, 20)) > 0] = 200
    return Images(pixels, np.zeros(24, np.int64), (".",))


@pytest.fixture(scope="module")
def composer() -> Composer:
    return Composer.make(images("face"), (images("place"),), size=32, seed=0)


def test_a_picture_is_a_function_of_its_number(composer: Composer) -> None:
    for face in (True, False):
        one, two = (composer.batch(4, step=3, face=face) for _ in range(2))
        assert (one.x == two.x).all()
        assert (one.wanted == two.wanted).all()
        assert (composer.one(14, face=face)[0] == one.x[2]).all()
        assert (composer.one(15, face=face)[0] != one.x[2]).any()


def test_faces_are_wanted_where_they_are_and_nowhere_else(composer: Composer) -> None:
    batch = composer.batch(64, step=0, face=True)
    here = batch.wanted[..., 0] == 1
    assert 0.3 < here.any((1, 2)).mean() < 0.95, "some faces have another size or turn"
    dx, dy = (batch.wanted[here][:, k] * 0.1 * 32 for k in (1, 2))
    assert (np.hypot(dx, dy) < 0.09 * 32 * 2**0.35 + 1e-3).all()
    assert (batch.wanted[here][:, 5] == 1).all()
    assert (composer.batch(16, step=0, face=False).wanted[..., 0] == 0).all()


def test_holes_hide_a_part_of_the_faces(composer: Composer) -> None:
    x = composer.batch(64, step=1, face=True).x
    unknown = (x[..., 3] < 0.5).mean((1, 2))
    assert (unknown > 0.01).mean() > 0.7
    assert (x[..., :3][x[..., 3] == 0] == 0).all()


@pytest.mark.parametrize(("y", "x", "pixels"), [(-3, 2, 5), (9, 9, 1), (-9, 0, 0), (12, 0, 0)])
def test_a_mask_is_cut_at_the_borders(y: int, x: int, pixels: int) -> None:
    canvas = np.zeros((10, 10), np.uint8)
    _put(canvas, np.ones((4, 5), np.uint8), y, x)
    assert canvas.sum() == pixels


def test_the_surest_pictures_are_the_hardest() -> None:
    class Bright(torch.nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return x[:, :1].expand(-1, 5, -1, -1)

    x = torch.zeros(5, 4, 8, 8)
    x[3, 0, 2, 2], x[1, 0, 7, 7] = 0.9, 0.5
    assert finder.hardest(Bright(), x, 2).tolist() == [3, 1]


def test_the_loss_is_small_for_what_is_wanted_and_blind_where_nothing_is(
    composer: Composer,
) -> None:
    _, wanted = finder.on(composer.batch(16, step=0, face=True), torch.device("cpu"))
    sure = torch.where(wanted[:, :1] > 0, 12.0, -12.0)
    answers = torch.cat([sure, wanted[:, 1:5]], 1)
    assert [float(v) for v in finder.losses(answers, wanted)] == pytest.approx([0, 0], abs=1e-4)
    assert float(finder.losses(-answers, wanted)[0]) > 10
    either = (wanted[:, :1] < 0).expand(-1, 5, -1, -1).clone()
    either[:, 1:] = wanted[:, 5:] == 0
    assert either.any()
    other = torch.where(either, torch.randn(answers.shape) * 5, answers)
    assert [float(v) for v in finder.losses(other, wanted)] == pytest.approx([0, 0], abs=1e-4)


def test_it_learns_and_resumes(composer: Composer, tmp_path: Path) -> None:
    options = FinderOptions(width=8, batch=8, mined=2, lr=1e-2, ema=0.9)
    plan = Plan(tmp_path, steps=150, batch=8)
    network, _ = finder.train(composer, options, plan, held_out=composer)
    assert isinstance(network, Finder)
    rows = list(csv.DictReader((tmp_path / "log.csv").open()))
    assert float(rows[-1]["face"]) < 0.7 * float(rows[0]["face"])
    assert set(next(csv.DictReader((tmp_path / "held_out.csv").open()))) == {
        "step", "found", "threshold", "pose",
    }  # fmt: skip
    cpu = torch.device("cpu")
    x, wanted = finder.on(composer.batch(48, step=900, face=True), cpu)
    other, _ = finder.on(composer.batch(48, step=900, face=False), cpu)
    with torch.no_grad():
        here = network(x)[:, 0][wanted[:, 0] == 1]
        nowhere = network(other)[:, 0].flatten(1).amax(1)
    assert here.median() > nowhere.median(), "no surer at faces than anywhere else"
    again, outcome = finder.train(
        composer, options, Plan(tmp_path, steps=150, batch=8, resume=True)
    )
    assert outcome.finished
    for one, two in zip(network.parameters(), again.parameters(), strict=True):
        assert torch.equal(one, two)

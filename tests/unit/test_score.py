from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from score_fakes import SIZE, Drawer, cuts, pictures

from inpaint.errors import ImageError, OutputError
from inpaint.priors import Prior
from inpaint.priors.gaussian import tiny as tiny_gaussian
from inpaint.zoo import weights
from inpaint.zoo.weights import read_config
from pretrain import card
from pretrain.cuts import CHUNK, Cuts
from pretrain.data import Images
from pretrain.score import Score, score

TRAIN, HELD_OUT = pictures(300, 0), pictures(60, 1)
BUDGET = {"steps": 2, "starts": 2, "count": 4}


def scored(pixels: np.ndarray) -> Score:
    return score(Drawer(pixels), cuts(HELD_OUT), cuts(TRAIN), samples=80, **BUDGET)


@pytest.fixture(scope="module")
def copier() -> Score:
    return scored(TRAIN[:100])


@pytest.fixture(scope="module")
def honest() -> Score:
    return scored(pictures(400, 7))


def test_a_prior_that_returns_its_training_images_is_flagged(copier: Score, honest: Score) -> None:
    assert copier.facts["memory"]["copied"]
    assert copier.facts["memory"]["share"] == 1
    assert copier.facts["memory"]["samples"] < 0.01
    assert not honest.facts["memory"]["copied"]
    assert honest.facts["memory"]["samples"] > 0.1


def test_kid_is_the_floor_for_the_same_kind_and_more_for_another(honest: Score) -> None:
    kid, floor = honest.facts["kid"], honest.facts["kid_floor"]
    assert abs(kid["mean"] - floor["mean"]) < floor["std"]
    other = scored(np.random.default_rng(0).integers(0, 256, (100, SIZE, SIZE, 3), dtype=np.uint8))
    assert other.facts["kid"]["mean"] > 20 * floor["std"]
    assert other.facts["kid_floor"] == floor


def test_sheets_show_what_they_should(copier: Score) -> None:
    assert set(copier.sheets) == {"samples", "ceiling", "neighbours"}
    assert copier.sheets["samples"].shape == (8 * (SIZE + 2) + 2, 8 * (SIZE + 2) + 2, 3)
    # Sample and nearest training image of the first row are the same picture, or its mirror.
    row = copier.sheets["neighbours"][18 : 18 + 96].astype(int)
    sample, neighbour = row[:, :96], row[:, 102 : 102 + 96]
    gap = min(np.abs(sample - n).max() for n in (neighbour, neighbour[:, ::-1]))
    assert gap <= 1


def test_a_prior_with_classes_has_a_row_for_each(tiny: Callable[..., Prior]) -> None:
    labels = np.arange(60) % 2
    found = score(tiny("cgan"), cuts(HELD_OUT, labels, "day", "night"), samples=8, **BUDGET)
    assert "memory" not in found.facts
    assert "kid_floor" not in found.facts
    rows = np.split(found.sheets["classes"], 3)
    assert not np.array_equal(rows[1], rows[2]), "day and night look alike"


def test_the_same_seed_gives_the_same_figures() -> None:
    prior = tiny_gaussian()
    first, again = (score(prior, cuts(HELD_OUT), samples=20, **BUDGET).facts for _ in range(2))
    assert first == again
    assert score(prior, cuts(HELD_OUT), samples=20, seed=1, **BUDGET).facts["kid"] != first["kid"]


def test_too_few_images_or_samples_are_refused() -> None:
    with pytest.raises(ImageError, match="7 held-out images and 80 samples; expected 8 or more"):
        score(tiny_gaussian(), cuts(HELD_OUT[:7]), samples=80)
    with pytest.raises(ImageError, match="expected 8"):
        score(tiny_gaussian(), cuts(HELD_OUT), samples=7)


# Cuts


def test_cuts_are_the_same_one_by_one_and_in_chunks() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (CHUNK + 9, 32, 32, 3), dtype=np.uint8)
    images = Images(pixels, np.zeros(len(pixels), np.int64), (".",))
    some = Cuts(images, 16, 0.5)
    every = np.concatenate(list(some.chunks()))
    assert every.shape == (CHUNK + 9, 16, 16, 3)
    index = np.array([CHUNK + 8, 0, CHUNK, 5, 0])
    np.testing.assert_array_equal(some.take(index), every[index])
    means = pixels[3].reshape(16, 2, 16, 2, 3).mean((1, 3))
    np.testing.assert_allclose(some.whole()[3], means, atol=0.51)


# The card


FACTS = {
    "sha256": "",
    "held_out": {"data": ["val.tar"], "images": 60},
    "ceiling": {"psnr": 21.5, "std": 1.25, "images": 4},
    "kid": {"mean": 3.25, "std": 0.5, "images": 80},
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    prior = tiny_gaussian()
    weights.save(tmp_path / "mine", {**prior.config(), "family": "x"}, prior.tensors())
    return tmp_path / "mine"


def test_a_card_keeps_its_text_and_gets_its_figures_once(folder: Path) -> None:
    path = folder / card.CARD
    path.write_text("# mine\n\n- **Data**: own.\n")
    before = read_config(folder)
    card.record(folder, FACTS)
    first = path.read_text(), (folder / "config.json").read_bytes()
    assert first[0].startswith("# mine\n\n- **Data**: own.\n\n<!-- ")
    assert "21.50 dB" in first[0]
    assert "3.25 ± 0.50 (80 samples)" in first[0]
    card.record(folder, FACTS)
    assert (path.read_text(), (folder / "config.json").read_bytes()) == first
    assert read_config(folder) == {**before, "measured": FACTS}
    weights.load(folder)
    path.write_text(first[0] + "\nWritten below by hand.\n")
    card.record(folder, {**FACTS, "ceiling": {**FACTS["ceiling"], "psnr": 30}})  # type: ignore[dict-item]
    text = path.read_text()
    assert "30.00 dB" in text
    assert "21.50 dB" not in text
    assert text.endswith("Written below by hand.\n")


def test_a_prior_without_a_card_gets_one(folder: Path) -> None:
    card.record(folder, FACTS)
    assert (folder / card.CARD).read_text().startswith("# mine\n\n<!-- ")


@pytest.mark.parametrize(
    "torn", [card.BEGIN, card.END, card.END + card.BEGIN, 2 * (card.BEGIN + card.END)]
)
def test_a_torn_block_is_left_alone(folder: Path, torn: str) -> None:
    (folder / card.CARD).write_text(torn)
    config = (folder / "config.json").read_bytes()
    with pytest.raises(OutputError, match="repair or delete the block"):
        card.record(folder, FACTS)
    assert (folder / card.CARD).read_text() == torn
    assert (folder / "config.json").read_bytes() == config


def test_copying_is_said_in_words(copier: Score) -> None:
    facts = {**FACTS, **copier.facts}
    assert "it copies" in card.block(facts)
    json.dumps(facts)

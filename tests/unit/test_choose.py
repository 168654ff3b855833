"""The automatic choice: the family under which the known pixels are most likely."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from skimage import data

from inpaint import images
from inpaint.errors import WeightsError
from inpaint.pipeline.choose import OVERVIEW, choose_prior, families, overview, sees_whole
from inpaint.priors import dcgan, gaussian
from inpaint.zoo import registry, weights


@pytest.fixture
def zoo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two families, of which the second sees whole pictures, a prior without one, a lone GAN."""
    for seed, family, view in ((0, "first", "crop"), (1, "second", "whole")):
        prior = gaussian.tiny(seed)
        config = {**prior.config(), "family": family, "view": view}
        weights.save(tmp_path / f"{family}-gaussian", config, prior.tensors())
    lone = dcgan.tiny()
    weights.save(tmp_path / "lone-dcgan", {**lone.config(), "family": "lone"}, lone.tensors())
    prior = gaussian.tiny(2)
    weights.save(tmp_path / "stray-gaussian", prior.config(), prior.tensors())
    monkeypatch.setattr(registry, "ZOO", tmp_path)
    return tmp_path


def image_of(seed: int) -> np.ndarray:
    z = torch.randn((1, 12), generator=torch.Generator().manual_seed(5))
    small = gaussian.tiny(seed).generate(z)[0].permute(1, 2, 0).numpy()
    return np.ascontiguousarray(small)


def hole(side: int = 16) -> np.ndarray:
    mask = np.zeros((side, side), dtype=bool)
    mask[side // 4 : side // 2, side // 4 : side // 2] = True
    return mask


def test_families_are_those_with_a_gaussian_member(zoo: Path) -> None:
    assert families() == {
        "first": {"gaussian": "first-gaussian"},
        "second": {"gaussian": "second-gaussian"},
    }


@pytest.mark.parametrize(("seed", "name"), [(0, "first-gaussian"), (1, "second-gaussian")])
def test_the_most_likely_family_is_chosen(zoo: Path, seed: int, name: str) -> None:
    choice = choose_prior(image_of(seed), hole())
    assert choice.name == name
    assert choice.whole == (seed == 1)
    assert max(choice.evidence, key=choice.evidence.__getitem__) == name.partition("-")[0]
    assert all(np.isfinite(value) for value in choice.evidence.values())


@pytest.mark.parametrize(("width", "asked"), [(64, True), (85, True), (96, False)])
def test_a_long_picture_is_no_aligned_one(zoo: Path, width: int, asked: bool) -> None:
    mask = np.zeros((64, width), dtype=bool)
    mask[20:30, 20:30] = True
    choice = choose_prior(np.full((64, width, 3), 0.5, np.float32), mask)
    assert ("second" in choice.evidence) == asked


@pytest.mark.parametrize("garbage", [0.0, 1.0, np.nan])
def test_the_choice_does_not_look_into_the_hole(zoo: Path, garbage: float) -> None:
    image = image_of(0)
    expected = choose_prior(image, hole())
    spoiled = np.where(hole()[..., None], np.float32(garbage), image)
    assert choose_prior(spoiled, hole()) == expected


@pytest.mark.parametrize("shape", [(200, 200), (16, 300), (3, 2)])
def test_a_choice_is_made_even_if_next_to_nothing_is_known(
    zoo: Path, shape: tuple[int, int]
) -> None:
    mask = np.ones(shape, dtype=bool)
    mask[0, 0] = False
    image = np.full((*shape, 3), 0.5, dtype=np.float32)
    assert choose_prior(image, mask).name in registry.priors()


def test_the_choice_does_not_depend_on_what_was_chosen_before(zoo: Path) -> None:
    first = choose_prior(image_of(0), hole())
    choose_prior(image_of(1), hole().T[::-1].copy())
    assert choose_prior(image_of(0), hole()) == first


def test_an_empty_zoo_is_an_error_with_advice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(registry, "ZOO", tmp_path)
    with pytest.raises(WeightsError, match="--prior"):
        choose_prior(image_of(0), hole())


def test_the_view_is_read_from_the_config(zoo: Path) -> None:
    assert sees_whole("second-gaussian")
    assert not sees_whole("first-gaussian")
    assert not sees_whole("stray-gaussian")


def test_every_shipped_family_recognises_its_own_images() -> None:
    for family, kinds in families().items():
        prior = registry.load_prior(kinds["gaussian"])
        assert isinstance(prior, gaussian.Gaussian)
        rng = torch.Generator().manual_seed(1)
        x = prior.mean + prior.W @ prior.sample_z(1, rng)[0]
        x = x + prior.residual**0.5 * torch.randn(x.shape, generator=rng)
        image = x.unflatten(0, (3, prior.size, prior.size)).permute(1, 2, 0).numpy()
        choice = choose_prior(np.ascontiguousarray(image), hole(prior.size))
        assert choice.evidence[family] == max(choice.evidence.values())


@pytest.mark.parametrize("name", ["coffee", "chelsea", "rocket"])
def test_photos_without_a_face_are_not_given_to_the_faces(name: str) -> None:
    image = getattr(data, name)()[..., :3].astype(np.float32) / 255
    mask = np.zeros(image.shape[:2], dtype=bool)
    mask[100:180, 150:230] = True
    evidence = choose_prior(image, mask).evidence
    assert max(evidence, key=evidence.__getitem__) == "scenes64"


def test_a_face_is_given_to_the_faces() -> None:
    """Framed as the training faces are: eyes to mouth in the middle half."""
    image = data.astronaut()[80:180, 180:280].astype(np.float32) / 255
    choice = choose_prior(np.ascontiguousarray(image), hole(100))
    assert choice.name.startswith("faces64")
    assert choice.whole


# What files go through on their way here. A picture (H, W, 3) of uint8 -> one of the same shape.
def _jpeg(image: np.ndarray) -> np.ndarray:
    return cv2.imdecode(cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, 40])[1], 1)


TREATMENTS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "sharpened": lambda x: cv2.addWeighted(x, 2, cv2.GaussianBlur(x, (0, 0), 1), -1, 0),
    "blurred": lambda x: cv2.GaussianBlur(x, (0, 0), 1.5),
    "jpeg 40": _jpeg,
    "from 48 px": lambda x: cv2.resize(cv2.resize(x, (48, 48)), x.shape[1::-1], interpolation=0),
    "grey": lambda x: np.repeat(cv2.cvtColor(x, cv2.COLOR_RGB2GRAY)[..., None], 3, 2),
    "dark": lambda x: (x * 0.6).astype(np.uint8),
    "mirrored": lambda x: x[:, ::-1],
    "noisy": lambda x: cv2.add(x, cv2.randn(np.zeros_like(x), 0, 12)),
}


@pytest.mark.parametrize("name", TREATMENTS)
def test_what_a_file_has_gone_through_does_not_change_the_choice(name: str) -> None:
    """What the picture shows decides, not its sharpness (benchmarks/choosing.py has many)."""
    face = np.ascontiguousarray(data.astronaut()[80:180, 180:280])
    place = np.ascontiguousarray(data.coffee()[:, 100:500])
    for image, family in ((face, "faces64"), (place, "scenes64")):
        treated = np.ascontiguousarray(TREATMENTS[name](image)).astype(np.float32) / 255
        choice = choose_prior(treated, hole(image.shape[0])[:, : image.shape[1]])
        assert choice.name == f"{family}-gaussian"


def test_a_smooth_landscape_is_no_face() -> None:
    """Sky, haze and hills: likely under any prior of smooth pictures, faces included."""
    y, x = np.mgrid[0:128, 0:128] / 128
    light = np.where(y < 0.45 + 0.08 * np.sin(5 * x), 0.85 - 0.5 * y, 0.45 - 0.25 * y)
    image = np.stack([0.9 * light, 0.95 * light, light + 0.05], axis=2).astype(np.float32)
    choice = choose_prior(image, hole(128))
    assert choice.name == "scenes64-gaussian"


def test_a_large_photo_is_chosen_for_by_the_means_of_its_known_pixels() -> None:
    factor = 2
    height, width = 2 * OVERVIEW + 1, 60  # a row is left over
    rng = np.random.default_rng(0)
    picture = images.from_array(rng.integers(0, 256, (height, width, 3), dtype=np.uint8))
    mask = rng.random((height, width)) < 0.6
    mask[:4, :4] = True  # four blocks without a known pixel
    small, hole_of_small = overview(picture, mask)
    assert small.shape == (OVERVIEW, width // factor, 3)
    values = images.rgb01(picture)
    for row, column in [(5, 7), (OVERVIEW - 1, 29), (100, 0)]:
        block = np.s_[2 * row : 2 * row + 2, 2 * column : 2 * column + 2]
        known = ~mask[block]
        assert hole_of_small[row, column] == (not known.any())
        if known.any():
            np.testing.assert_allclose(small[row, column], values[block][known].mean(0), rtol=1e-5)
    assert hole_of_small[:2, :2].all()
    spoiled = images.with_hole(picture, mask, np.zeros((height, width, 3)))
    np.testing.assert_array_equal(overview(spoiled, mask)[0], small)


def test_a_photo_below_two_overviews_is_chosen_for_as_it_is() -> None:
    picture = images.from_array(np.zeros((2 * OVERVIEW - 1, 8, 3), np.uint8))
    mask = np.zeros((2 * OVERVIEW - 1, 8), bool)
    assert overview(picture, mask)[0].shape == (2 * OVERVIEW - 1, 8, 3)

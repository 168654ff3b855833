"""What restoration must reach on pictures that ship with the project."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from inpaint import images
from inpaint.evaluate.metrics import psnr
from inpaint.restore import restore, restore_picture

SAMPLES = Path(__file__).parents[2] / "samples"


@pytest.fixture(scope="module")
def face() -> np.ndarray:
    pixels = images.read(SAMPLES / "face.png").pixels[..., :3]
    return cv2.resize(pixels, (64, 64), interpolation=cv2.INTER_AREA)


@pytest.fixture(scope="module")
def coffee() -> np.ndarray:
    pixels = images.read(SAMPLES / "coffee.jpg").pixels[..., :3]
    return cv2.resize(pixels, (192, 128), interpolation=cv2.INTER_AREA)


def noisy(truth: np.ndarray, sigma: float = 25) -> np.ndarray:
    noise = sigma * np.random.default_rng(0).standard_normal(truth.shape)
    return np.clip(np.rint(truth + noise), 0, 255).astype(np.uint8)


def best_blur(y: np.ndarray, truth: np.ndarray) -> float:
    return max(psnr(cv2.GaussianBlur(y, (0, 0), s), truth) for s in (0.6, 0.8, 1.0, 1.3))


def best_nlm(y: np.ndarray, truth: np.ndarray) -> float:
    means = (cv2.fastNlMeansDenoisingColored(y, None, h, h, 5, 15) for h in (10, 15, 20))
    return max(psnr(m, truth) for m in means)


def test_a_noisy_face_is_recognised_and_restored_better_than_by_nlm(face: np.ndarray) -> None:
    y = noisy(face)
    done = restore_picture(images.from_array(y), task="denoise")
    assert done.prior == "faces64-gaussian"
    value = psnr(done.picture.pixels, face)
    assert value > best_nlm(y, face) + 1.5
    assert value > best_blur(y, face) + 1.5


def test_a_noisy_photo_is_restored_better_than_by_a_blur_or_nlm(coffee: np.ndarray) -> None:
    y = noisy(coffee)
    done = restore_picture(images.from_array(y), task="denoise")
    assert done.prior == "scenes64-gaussian"
    assert done.noise == pytest.approx(25, abs=2)
    value = psnr(done.picture.pixels, coffee)
    assert value > best_blur(y, coffee) + 0.3
    assert value > best_nlm(y, coffee) + 1


def test_a_face_of_16_px_gains_a_decibel_over_bicubic(face: np.ndarray) -> None:
    y = cv2.resize(face, (16, 16), interpolation=cv2.INTER_AREA)
    ours = restore(y, task="superres", scale=4)
    assert (
        psnr(ours, face) > psnr(cv2.resize(y, (64, 64), interpolation=cv2.INTER_CUBIC), face) + 0.8
    )


@pytest.mark.parametrize("scale", [2, 4])
def test_an_enlarged_photo_is_not_worse_than_bicubic(coffee: np.ndarray, scale: int) -> None:
    y = cv2.resize(coffee, None, fx=1 / scale, fy=1 / scale, interpolation=cv2.INTER_AREA)
    bicubic = cv2.resize(y, coffee.shape[1::-1], interpolation=cv2.INTER_CUBIC)
    ours = restore(y, task="superres", scale=scale)
    assert psnr(ours, coffee) > psnr(bicubic, coffee) - 0.05


def test_a_coloured_face_is_nearer_the_truth_than_grey(face: np.ndarray) -> None:
    grey = cv2.cvtColor(face, cv2.COLOR_RGB2GRAY)
    coloured = restore(grey, task="colorize", prior="faces64-gaussian")
    assert psnr(coloured, face) > psnr(np.repeat(grey[..., None], 3, 2), face) + 2
    assert coloured[16:48, 16:48, 0].mean() > coloured[16:48, 16:48, 2].mean() + 10  # skin


def test_a_photo_is_coloured_as_a_place_and_not_far_from_grey(coffee: np.ndarray) -> None:
    grey = cv2.cvtColor(coffee, cv2.COLOR_RGB2GRAY)
    done = restore_picture(images.from_array(grey), task="colorize")
    assert done.prior == "scenes64-gaussian"
    plain = np.repeat(grey[..., None], 3, 2)
    assert psnr(done.picture.pixels, coffee) > psnr(plain, coffee) - 1
    assert np.ptp(done.picture.pixels.astype(int), axis=2).mean() > 1


def test_a_network_prior_restores_a_face_too(face: np.ndarray) -> None:
    y = noisy(face)
    done = restore(y, task="denoise", prior="faces64-vae", search={"steps": 30})
    assert psnr(done, face) > psnr(y, face) + 5

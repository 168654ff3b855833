"""Restoration: operators, windows, noise, and what a picture keeps."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch
from PIL import Image
from skimage import data

from inpaint import images
from inpaint.errors import ImageError, InpaintError, UnknownNameError
from inpaint.images.extras import Extras
from inpaint.priors import Prior
from inpaint.restore import colorize as colorize_task
from inpaint.restore import denoise as denoise_task
from inpaint.restore import patches, restore, restore_picture, windows
from inpaint.restore import superres as superres_task
from inpaint.restore.noise import estimate
from inpaint.restore.posterior import Posterior
from inpaint.search import search
from inpaint.zoo import registry

TASKS = {"denoise": denoise_task, "superres": superres_task, "colorize": colorize_task}


def photo(height: int = 30, width: int = 45, channels: int = 3) -> np.ndarray:
    y, x = np.mgrid[:height, :width]
    planes = [x * 4, y * 6, 255 - x * 3 - y, np.full_like(x, 200)][:channels]
    return np.stack(planes, axis=2).astype(np.uint8)


def luma(image: np.ndarray) -> np.ndarray:
    return image[..., :3].astype(float) @ [0.299, 0.587, 0.114]


def test_every_file_of_a_task_is_listed() -> None:
    assert registry.tasks() == ["colorize", "denoise", "superres"]


@pytest.mark.parametrize("grey", [False, True])
@pytest.mark.parametrize("name", registry.tasks())
def test_operators_are_linear_and_have_the_shape_that_they_say(name: str, grey: bool) -> None:
    task = TASKS[name].task(scale=2, grey=grey)
    a, b = torch.rand((2, 5, 3, 16, 16), generator=torch.Generator().manual_seed(0))
    assert task.operator(a).shape == (5, task.channels, 16 // task.scale, 16 // task.scale)
    torch.testing.assert_close(
        task.operator(2 * a - 3 * b), 2 * task.operator(a) - 3 * task.operator(b)
    )
    assert task.guess(task.operator(a)).shape == a.shape


# Windows


@pytest.mark.parametrize("shape", [(5, 3), (16, 16), (17, 40), (64, 33)])
@pytest.mark.parametrize("scale", [1, 2])
def test_windows_that_are_not_changed_blend_to_the_picture(
    shape: tuple[int, int], scale: int
) -> None:
    y = np.random.default_rng(0).random((*shape, 3), dtype=np.float32)

    def solve(some: torch.Tensor, first: int) -> torch.Tensor:
        return some.repeat_interleave(scale, 2).repeat_interleave(scale, 3)

    blended = windows.over(y, 16, 8, scale, solve)
    expected = y.repeat(scale, 0).repeat(scale, 1)
    np.testing.assert_allclose(blended, expected, rtol=0, atol=1e-6)


def test_windows_are_counted_as_they_are_solved(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(windows, "CHUNK", 5 * 16**2)
    seen: list[tuple[int, int]] = []

    def solve(some: torch.Tensor, first: int) -> torch.Tensor:
        seen.append((first, len(some)))
        return some

    windows.over(np.zeros((40, 50, 1), np.float32), 16, 8, 1, solve)
    total = windows.count((40, 50, 1), 16, 8)
    assert total == 4 * 6
    assert [first for first, _ in seen] == [0, 5, 10, 15, 20]
    assert sum(n for _, n in seen) == total


def test_blending_has_no_seam_between_windows_that_disagree() -> None:
    blended = windows.over(
        np.zeros((16, 200, 1), np.float32),
        16,
        8,
        1,
        lambda some, first: torch.arange(len(some))[:, None, None, None].expand_as(some).float(),
    )
    assert np.abs(np.diff(blended[8, :, 0])).max() < 0.2


# Noise


@pytest.mark.parametrize("sigma", [2, 10, 25])
@pytest.mark.parametrize("floor", [0, 60])
def test_white_noise_is_estimated_within_a_tenth_even_where_black_cuts_it(
    sigma: float, floor: int
) -> None:
    noisy = photo(100, 60) - floor + sigma * np.random.default_rng(0).standard_normal((100, 60, 3))
    values = np.clip(noisy / 255, 0, 1).astype(np.float32)
    assert 255 * estimate(values) == pytest.approx(sigma, rel=0.1)


def test_clean_planes_and_tiny_pictures_have_no_noise() -> None:
    assert 255 * estimate(photo(40, 40).astype(np.float32) / 255) < 0.05
    assert estimate(np.zeros((2, 9, 3), np.float32)) == 0
    assert estimate(np.zeros((9, 9, 3), np.float32)) == 0


# The closed form


def rest(prior: Any, name: str) -> float:
    """Colours and detail are predicted, with the noise that is tuned for it."""
    return float(prior.residual if name == "denoise" else prior.noise)


@pytest.mark.parametrize("name", registry.tasks())
def test_the_search_with_the_operator_finds_the_closed_form(
    tiny: Callable[..., Prior], name: str
) -> None:
    prior: Any = tiny("gaussian")
    task, sigma = TASKS[name].task(scale=2, grey=False), 0.05
    generator = torch.Generator().manual_seed(2)
    with torch.no_grad():
        clean = task.operator(prior.generate(prior.sample_z(2, generator) / 2))
    y = clean + sigma * torch.randn(clean.shape, generator=generator)
    expected, _ = Posterior(prior, task, sigma, scales=torch.ones(1).double())(y)
    variance = task.energy * rest(prior, name) + sigma**2
    found = search(
        prior,
        y,
        torch.zeros(y[:, 0].shape, dtype=torch.bool),
        seeds=[0, 1],
        operator=task.operator,
        guess=task.guess(y),
        restarts=1,
        start="sample",
        steps=600,
        lr=0.1,
        norm="l2",
        window=1,
        base=1.0,
        normalise=False,
        lam=2 * variance,
    )
    torch.testing.assert_close(found.x[:, 0], expected.clamp(0, 1), rtol=0, atol=2e-3)


@pytest.mark.parametrize("name", registry.tasks())
def test_the_closed_form_and_its_evidence_are_the_textbook_ones(
    tiny: Callable[..., Prior], name: str
) -> None:
    """mu + W B^T (B B^T + s I)^-1 d, and log N(d; 0, B B^T + s I), densely in float64."""
    prior: Any = tiny("gaussian")
    task, sigma = TASKS[name].task(scale=2, grey=False), 0.1
    shape = (-1, 3, prior.size, prior.size)
    W, mu = prior.W.double(), prior.mean.double()
    B = task.operator(W.T.reshape(shape)).flatten(1).T
    y = task.operator(torch.rand((1, *shape[1:]), generator=torch.Generator().manual_seed(0)))
    d = y.flatten().double() - task.operator(mu.reshape(shape)).flatten()
    C = B @ B.T + (task.energy * rest(prior, name) + sigma**2) * torch.eye(len(d)).double()
    expected = mu + W @ B.T @ torch.linalg.solve(C, d)
    posterior = Posterior(prior, task, sigma, scales=torch.ones(1).double())
    x, left_out = posterior(y)
    np.testing.assert_allclose(x.flatten(), expected, rtol=0, atol=1e-4)
    assert float(left_out) == pytest.approx(task.energy * rest(prior, name))
    C = B @ B.T + (task.energy * prior.residual + sigma**2) * torch.eye(len(d)).double()
    density = torch.distributions.MultivariateNormal(torch.zeros_like(d), C).log_prob(d)
    assert float(posterior.evidence(y)) == pytest.approx(float(density) / len(d), abs=1e-4)


def test_the_scale_follows_how_much_a_window_varies(tiny: Callable[..., Prior]) -> None:
    prior: Any = tiny("gaussian")
    posterior = Posterior(prior, TASKS["denoise"].task(scale=1, grey=False), 0.01)
    z = prior.sample_z(1, torch.Generator().manual_seed(0))
    shape = (1, 3, prior.size, prior.size)
    calm, wild = (prior.mean + k * z @ prior.W.T for k in (0.2, 2.0))
    _, left_out = posterior(torch.cat([calm, wild]).reshape(-1, *shape[1:]))
    assert left_out[0] < left_out[1] / 10


def test_patches_have_the_covariance_of_the_priors_own_blocks(tiny: Callable[..., Prior]) -> None:
    prior: Any = tiny("gaussian")
    small = patches.of(prior, 8)
    C = (prior.W @ prior.W.T).reshape(3, 16, 16, 3, 16, 16)
    expected = sum(
        C[:, y : y + 8, x : x + 8, :, y : y + 8, x : x + 8].reshape(192, 192)
        for y in (0, 4, 8)
        for x in (0, 4, 8)
    )
    torch.testing.assert_close(small.W @ small.W.T, expected / 9, rtol=0, atol=1e-6)
    assert patches.of(prior, 99).size == 16


# The choice of a prior

SEEDING = Path(__file__).parents[2] / "samples" / "seeding.jpg"


@pytest.mark.parametrize("name", ["superres", "colorize"])
def test_a_tiny_smooth_photo_is_no_face(name: str) -> None:
    field = images.read(SEEDING).pixels
    corner = field[: min(field.shape[:2]) // 2, : min(field.shape[:2]) // 2]
    side = 32 if name == "superres" else 64
    small = cv2.resize(corner, (side, side), interpolation=cv2.INTER_AREA)
    done = restore_picture(images.from_array(small), task=name)
    assert done.prior == "scenes64-gaussian"


@pytest.mark.parametrize("name", registry.tasks())
def test_a_small_face_is_one(name: str) -> None:
    """Framed as the training faces are: eyes to mouth in the middle half."""
    side = 32 if name == "superres" else 64
    face = data.astronaut()[80:180, 180:280]
    small = cv2.resize(face, (side, side), interpolation=cv2.INTER_AREA)
    assert restore_picture(images.from_array(small), task=name).prior == "faces64-gaussian"


@pytest.mark.parametrize(("width", "asked"), [(85, True), (86, False)])
def test_what_is_too_long_to_be_aligned_is_so_for_filling_and_for_restoring(
    width: int, asked: bool
) -> None:
    done = restore_picture(images.from_array(photo(64, width)), task="colorize")
    assert ("faces64" in done.evidence) == asked


# What a picture keeps


@pytest.fixture
def prior(tiny_folders: dict[str, str]) -> str:
    return tiny_folders["gaussian"]


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("name", registry.tasks())
def test_depth_and_alpha_are_kept(prior: str, name: str, dtype: Any, channels: int) -> None:
    image = photo(channels=4)[..., [0, 3] if channels == 2 else range(channels)]
    image = image.astype(dtype) * (257 if dtype == np.uint16 else 1)
    before = image.copy()
    result = restore_picture(images.from_array(image), task=name, prior=prior, noise=10).picture
    scale = 2 if name == "superres" else 1
    colours = 3 if name == "colorize" or channels > 2 else 1
    alpha = channels in (2, 4)
    assert result.pixels.shape == (30 * scale, 45 * scale, colours + alpha)
    assert result.pixels.dtype == dtype
    if alpha:
        assert (result.pixels[..., -1] == image[0, 0, -1]).all()
    np.testing.assert_array_equal(image, before)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_floats_come_back_as_floats(prior: str, dtype: Any) -> None:
    image = (photo()[..., 0] / 255).astype(dtype)
    result = restore(image, task="denoise", prior=prior, noise=5)
    assert result.shape == image.shape
    assert result.dtype == dtype
    assert np.abs(result - image).max() < 0.3


@pytest.mark.parametrize("side", [(1, 1), (3, 50), (16, 16), (61, 40)])
@pytest.mark.parametrize("name", registry.tasks())
def test_any_size_works(prior: str, name: str, side: tuple[int, int]) -> None:
    result = restore(photo(*side), task=name, prior=prior)
    scale = 2 if name == "superres" else 1
    assert result.shape == (side[0] * scale, side[1] * scale, 3)


def test_no_noise_changes_nothing(prior: str) -> None:
    np.testing.assert_array_equal(restore(photo(), task="denoise", prior=prior, noise=0), photo())


@pytest.mark.parametrize("size", [(16, 16), (40, 100)])
def test_colours_keep_the_luma_within_half_a_level(prior: str, size: tuple[int, int]) -> None:
    grey = np.random.default_rng(0).integers(0, 256, size).astype(np.uint8)
    coloured = restore(grey, task="colorize", prior=prior)
    assert np.abs(luma(coloured) - grey).max() <= 0.5 + 1e-9
    assert np.ptp(coloured.astype(int), axis=2).max() > 0
    # An input's own colours are not read.
    again = restore(np.repeat(grey[..., None], 3, 2), task="colorize", prior=prior)
    np.testing.assert_array_equal(again, coloured)


@pytest.mark.parametrize("scale", [2, 4])
def test_an_enlarged_picture_shrinks_back_to_what_was_given(prior: str, scale: int) -> None:
    image = photo(24, 32)
    large = restore(image, task="superres", prior=prior, scale=scale).astype(float)
    small = large.reshape(24, scale, 32, scale, 3).mean((1, 3))
    assert np.abs(small - image)[2:-2, 2:-2].mean() < 1.5


def test_a_grey_picture_stays_grey(prior: str) -> None:
    grey = np.repeat(photo()[..., :1], 3, axis=2)
    for name in ("denoise", "superres"):
        assert np.ptp(restore(grey, task=name, prior=prior, noise=8), axis=2).max() == 0


@pytest.mark.parametrize("name", registry.tasks())
@pytest.mark.parametrize("kind", ["gaussian", "vae", "dcgan"])
def test_the_same_seed_gives_the_same_pixels(
    tiny_folders: dict[str, str], name: str, kind: str
) -> None:
    options = {"task": name, "prior": tiny_folders[kind], "noise": 12, "seed": 3}
    if kind != "gaussian":
        options["search"] = {"steps": 3, "restarts": 2}
    first, second = (restore(photo(), **options) for _ in range(2))  # type: ignore[arg-type]
    np.testing.assert_array_equal(first, second)


# What is refused


@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        ({"task": "denoize"}, UnknownNameError, "did you mean 'denoise'"),
        ({"task": "superres", "scale": 3}, InpaintError, "expected 2 or 4"),
        ({"task": "denoise", "noise": float("nan")}, InpaintError, "from 0 to 255"),
        ({"task": "denoise", "noise": -1}, InpaintError, "from 0 to 255"),
        (
            {"task": "denoise", "prior": "faces64-gaussian"},
            ImageError,
            "only whole pictures of 64x64 px",
        ),
        ({"task": "denoise", "device": "cuba"}, UnknownNameError, "cuda"),
    ],
)
def test_what_cannot_be_done_is_said(
    options: dict[str, Any], error: type[Exception], words: str
) -> None:
    with pytest.raises(error, match=words):
        restore(photo(), **options)


def test_results_beyond_what_can_be_read_again_are_refused() -> None:
    huge = images.Picture(np.broadcast_to(np.uint8(0), (4000, 4000, 1)))
    with pytest.raises(ImageError, match="256 million pixels"):
        restore_picture(huge, task="superres", scale=4)


def test_an_enlarged_picture_says_its_own_size() -> None:
    """EXIF tells the new size, and tags that place it on a map are dropped with the scale."""
    exif = Image.Exif()
    exif.get_ifd(0x8769)[0xA002] = 40
    extras = Extras(tags=((33550, 12, (1.0, 1.0, 0.0)), (271, 2, "Maker")))
    grey = np.full((40, 40, 3), 99, np.uint8)
    picture = images.Picture(grey, exif=exif.tobytes(), extras=extras)
    larger = restore_picture(picture, task="superres", prior="scenes64-gaussian").picture
    told = Image.Exif()
    told.load(larger.exif)
    assert told.get_ifd(0x8769)[0xA002] == 80
    assert larger.extras.tags == ((271, 2, "Maker"),)

"""Poisson blending against cases whose answer is known."""

from __future__ import annotations

import numpy as np
import pytest

from inpaint.errors import ImageError, MaskError
from inpaint.stages import poisson
from inpaint.stages.patch import Patch

SHAPE = (40, 50)


def hole(*slices: slice | tuple[slice, slice], shape: tuple[int, int] = SHAPE) -> np.ndarray:
    mask = np.zeros(shape, dtype=bool)
    for where in slices:
        mask[where] = True
    return mask


HOLES = {
    "middle": hole(np.s_[10:30, 12:40]),
    "top": hole(np.s_[:15, 10:30]),
    "bottom": hole(np.s_[25:, 10:30]),
    "left": hole(np.s_[10:30, :20]),
    "right": hole(np.s_[10:30, 30:]),
    "corner": hole(np.s_[:20, :20]),
    "far corner": hole(np.s_[20:, 30:]),
    "several": hole(np.s_[:9, :9], np.s_[12:20, 5:45], np.s_[21:39, 20:30], np.s_[39:, 49:]),
    "one known pixel": ~hole(np.s_[17:18, 23:24]),
    "one known column": ~hole(np.s_[:, 30:31]),
    "one hole pixel": hole(np.s_[0:1, 0:1]),
    "scattered": np.random.default_rng(3).random(SHAPE) < 0.8,
}
every_hole = pytest.mark.parametrize("mask", HOLES.values(), ids=HOLES.keys())


def picture(shape: tuple[int, int] = SHAPE, seed: int = 0) -> np.ndarray:
    """Noise within [0.3, 0.7], so that no clipping hides an error."""
    noise = np.random.default_rng(seed).random((*shape, 3))
    return (0.3 + 0.4 * noise).astype(np.float32)


def frozen(*arrays: np.ndarray) -> None:
    for array in arrays:
        array.flags.writeable = False


@every_hole
def test_constant_offset_vanishes(mask: np.ndarray) -> None:
    image = picture()
    guide = image.astype(np.float64) + 40 / 255
    assert np.abs(poisson.blend(image, guide, mask) - image).max() < 1e-6


@pytest.mark.parametrize("name", ["middle", "several", "scattered"])
def test_linear_offset_vanishes_away_from_the_border(name: str) -> None:
    mask = HOLES[name].copy()
    mask[[0, -1]] = mask[:, [0, -1]] = False  # a slope does not meet a free edge at rest
    image = picture()
    y, x = np.mgrid[: SHAPE[0], : SHAPE[1]]
    guide = image + (0.1 + 0.003 * x - 0.002 * y)[..., None]
    assert np.abs(poisson.blend(image, guide, mask) - image).max() < 1e-6


@pytest.mark.parametrize("wide", [True, False])
def test_free_edge_takes_a_slope_along_it(wide: bool) -> None:
    y, x = np.mgrid[: SHAPE[0], : SHAPE[1]]
    along = x if wide else y
    mask = hole(np.s_[:, 10:40]) if wide else hole(np.s_[10:30])
    image = picture()
    guide = image + (0.003 * along)[..., None]
    assert np.abs(poisson.blend(image, guide, mask) - image).max() < 1e-6


@every_hole
def test_equation_holds_at_every_hole_pixel(mask: np.ndarray) -> None:
    values = picture().astype(np.float64)
    e = values.copy()
    e[mask] = poisson.harmonic(values, mask)
    for y, x in np.argwhere(mask):
        near = [(y - 1, x), (y + 1, x), (y, x - 1), (y, x + 1)]
        near = [(j, i) for j, i in near if 0 <= j < SHAPE[0] and 0 <= i < SHAPE[1]]
        mean = np.mean([e[j, i] for j, i in near], axis=0)
        np.testing.assert_allclose(e[y, x], mean, atol=1e-10)


@every_hole
def test_correction_stays_between_the_extremes_of_the_known(mask: np.ndarray) -> None:
    values = picture(seed=4).astype(np.float64)
    e = poisson.harmonic(values, mask)
    assert (e >= values[~mask].min(axis=0) - 1e-9).all()
    assert (e <= values[~mask].max(axis=0) + 1e-9).all()


def test_gradients_of_the_guide_are_kept_deep_inside() -> None:
    image, guide = np.full((101, 101, 3), 0.5, np.float32), picture((101, 101), seed=2)
    mask = hole(np.s_[1:-1, 1:-1], shape=(101, 101))
    filled = poisson.blend(image, guide, mask)
    middle = np.s_[40:60, 40:60]
    for axis in (0, 1):
        change = np.diff(filled[middle], axis=axis) - np.diff(guide[middle], axis=axis)
        assert np.abs(change).max() < 2e-3


@every_hole
def test_known_pixels_are_identical_and_inputs_untouched(mask: np.ndarray) -> None:
    image, guide = picture(seed=5), picture(seed=6)
    frozen(image, guide)
    patch = Patch(image=image, mask=mask, filled=image, guide=guide)
    before = mask.copy(), image.copy(), guide.copy()
    result = poisson.apply(patch)
    assert np.array_equal(result.filled[~mask], image[~mask])
    assert result.filled.dtype == np.float32
    assert result.image is image
    assert result.guide is guide
    for now, then in zip((mask, image, guide), before, strict=True):
        assert np.array_equal(now, then)


@every_hole
def test_hole_content_of_the_image_does_not_matter(mask: np.ndarray) -> None:
    image, guide = picture(seed=5), picture(seed=6)
    erased = np.where(mask[..., None], np.float32(np.nan), image)
    assert np.array_equal(poisson.blend(erased, guide, mask), poisson.blend(image, guide, mask))


def test_result_is_clipped() -> None:
    mask = HOLES["middle"]
    guide = picture(seed=7) * 4 - 1
    filled = poisson.blend(picture(), guide, mask)
    assert filled.min() >= 0
    assert filled.max() <= 1


def test_a_hole_without_known_pixels_keeps_the_guide() -> None:
    full = np.ones(SHAPE, dtype=bool)
    guide = picture(seed=8)
    assert np.array_equal(poisson.blend(picture(), guide, full), guide)


def test_a_mask_without_hole_changes_nothing() -> None:
    image = picture()
    result = poisson.blend(image, picture(seed=1), np.zeros(SHAPE, dtype=bool))
    assert np.array_equal(result, image)
    assert result is not image


LARGE = (300, 300)
LARGE_HOLES = {
    "square": hole(np.s_[1:-1, 1:-1], shape=LARGE),
    "three borders": hole(np.s_[:, 1:], shape=LARGE),
    "one known pixel": ~hole(np.s_[0:1, 0:1], shape=LARGE),
    "comb": hole(np.s_[::2], np.s_[:, 150:151], shape=LARGE),
    "several": hole(np.s_[20:150, 20:170], np.s_[201:, 201:], np.s_[7:8, 250:251], shape=LARGE),
    # Factorising scattered holes is slow: fill-in has no order to exploit.
    "scattered": np.random.default_rng(1).random((90, 90)) < 0.8,
}


@pytest.mark.parametrize("mask", LARGE_HOLES.values(), ids=LARGE_HOLES.keys())
def test_multigrid_equals_factorisation(mask: np.ndarray) -> None:
    values = picture(mask.shape, seed=9).astype(np.float64) - 0.5
    A, b = poisson._system(values, mask)
    assert A.shape[0] > poisson._DIRECT_LIMIT
    x = poisson._solve_multigrid(A, b, mask)
    assert np.abs(x - poisson._solve_direct(A, b)).max() < 1e-5
    assert np.array_equal(x, poisson._solve_multigrid(A, b, mask))


def test_large_offset_vanishes_with_one_channel_already_right() -> None:
    image = picture(LARGE)
    guide = image + np.array([40, 0, -20]) / 255
    mask = LARGE_HOLES["three borders"]
    assert np.abs(poisson.blend(image, guide, mask) - image).max() < 5e-6


def test_errors_say_what_is_wrong() -> None:
    image, mask = picture(), HOLES["middle"]
    with pytest.raises(ImageError, match="must share"):
        poisson.blend(image, image[:-1], mask)
    with pytest.raises(MaskError, match="expected bool"):
        poisson.blend(image, image, mask.astype(np.uint8))
    with pytest.raises(MaskError, match="True = hole"):
        poisson.harmonic(image, mask[:-1])
    with pytest.raises(ImageError, match="expected"):
        poisson.harmonic(image[..., 0], mask)

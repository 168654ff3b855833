"""The wrapped seamlessClone: in place, at any border, without bleeding or side effects."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from inpaint.errors import ImageError, MaskError
from inpaint.patch import Patch
from inpaint.stages import poisson, seamless

SHAPE = (60, 70)
STEP = 1 / 255


def hole(*slices: slice | tuple[slice, slice]) -> np.ndarray:
    mask = np.zeros(SHAPE, dtype=bool)
    for where in slices:
        mask[where] = True
    return mask


HOLES = {
    "odd by even": hole(np.s_[20:41, 20:50]),
    "even by odd": hole(np.s_[20:40, 20:51]),
    "ell": hole(np.s_[20:40, 20:30], np.s_[30:40, 20:50]),
    "top": hole(np.s_[:20, 20:40]),
    "bottom": hole(np.s_[40:, 20:40]),
    "left": hole(np.s_[20:40, :20]),
    "right": hole(np.s_[20:40, 50:]),
    "corner": hole(np.s_[:25, :25]),
    "far corner": hole(np.s_[35:, 45:]),
    "beside the border": hole(np.s_[2:20, 20:40]),
    "several": hole(np.s_[:9, :9], np.s_[20:30, 10:30], np.s_[25:45, 45:60], np.s_[59:, 69:]),
    "one pixel": hole(np.s_[30:31, 30:31]),
}
every_hole = pytest.mark.parametrize("mask", HOLES.values(), ids=HOLES.keys())


def picture(seed: int = 0) -> np.ndarray:
    noise = np.random.default_rng(seed).random((*SHAPE, 3)).astype(np.float32)
    smooth = cv2.GaussianBlur(noise, (0, 0), 2)
    return np.rint(255 * np.clip(smooth, 0.25, 0.75)).astype(np.float32) / np.float32(255)


@every_hole
def test_the_true_guide_lands_in_place(mask: np.ndarray) -> None:
    image = picture()
    erased = np.where(mask[..., None], np.float32(0), image)
    assert np.abs(seamless.clone(erased, image, mask) - image).max() <= 2.5 * STEP


@every_hole
def test_constant_offset_vanishes(mask: np.ndarray) -> None:
    image = picture()
    filled = seamless.clone(image, image + np.float32(40 * STEP), mask)
    assert np.abs(filled - image).max() <= 2.5 * STEP


@every_hole
def test_hole_content_of_the_image_does_not_bleed_in(mask: np.ndarray) -> None:
    image, guide = picture(), picture(seed=1)
    black = np.where(mask[..., None], np.float32(0), image)
    white = np.where(mask[..., None], np.float32(1), image)
    results = [seamless.clone(a, guide, mask)[mask] for a in (black, white)]
    assert np.array_equal(*results)


@every_hole
def test_known_pixels_are_identical_and_inputs_untouched(mask: np.ndarray) -> None:
    image, guide = picture(seed=2), picture(seed=3)
    mask = mask.copy()
    before = mask.copy(), image.copy(), guide.copy()
    for array in (image, guide, mask):
        array.flags.writeable = False
    result = seamless.apply(Patch(image=image, mask=mask, filled=image, guide=guide))
    assert np.array_equal(result.filled[~mask], image[~mask])
    assert result.filled.dtype == np.float32
    for now, then in zip((mask, image, guide), before, strict=True):
        assert np.array_equal(now, then)


@pytest.mark.parametrize("name", ["odd by even", "ell", "corner", "left"])
def test_it_is_close_to_the_exact_blend(name: str) -> None:
    mask = HOLES[name]
    y, x = np.mgrid[: SHAPE[0], : SHAPE[1]]
    image = picture()
    guide = image + (0.1 + 0.001 * x - 0.001 * y)[..., None].astype(np.float32)
    exact = poisson.blend(image, guide, mask)
    assert np.abs(seamless.clone(image, guide, mask) - exact).max() < 8 * STEP


def test_full_and_empty_masks() -> None:
    image, guide = picture(), picture(seed=1)
    assert np.array_equal(seamless.clone(image, guide, np.ones(SHAPE, dtype=bool)), guide)
    assert np.array_equal(seamless.clone(image, guide, np.zeros(SHAPE, dtype=bool)), image)


def test_a_hole_from_border_to_border_stays_finite() -> None:
    mask = hole(np.s_[20:40])
    filled = seamless.clone(picture(), picture() + np.float32(20 * STEP), mask)
    assert np.abs(filled - picture()).mean() < 20 * STEP


def test_errors_say_what_is_wrong() -> None:
    image, mask = picture(), HOLES["ell"]
    with pytest.raises(ImageError, match="must share"):
        seamless.clone(image, image[:-1], mask)
    with pytest.raises(MaskError, match="expected bool"):
        seamless.clone(image, image, mask.astype(np.uint8))

"""What every stage promises: each file in ``inpaint/stages``."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
import pytest

from inpaint.stages.patch import Patch
from inpaint.zoo import registry

SHAPE = (40, 52)
Stage = Callable[[Patch], Patch]


def hole(*slices: tuple[slice, slice]) -> np.ndarray:
    mask = np.zeros(SHAPE, dtype=bool)
    for where in slices:
        mask[where] = True
    return mask


HOLES = {
    "inside": hole(np.s_[10:25, 14:31]),
    "top": hole(np.s_[:12, 14:31]),
    "bottom": hole(np.s_[28:, 14:31]),
    "left": hole(np.s_[10:25, :15]),
    "right": hole(np.s_[10:25, 37:]),
    "corner": hole(np.s_[:15, :15]),
    "across": hole(np.s_[15:25, :]),
    "several": hole(np.s_[:6, :6], np.s_[10:20, 10:20], np.s_[12:30, 30:40], np.s_[39:, 51:]),
    "one pixel": hole(np.s_[20:21, 20:21]),
    "one corner pixel": hole(np.s_[:1, :1]),
}
EXTREMES = {
    "all but one pixel": ~hole(np.s_[20:21, 20:21]),
    "all but a corner": ~hole(np.s_[:1, :1]),
    "all but a frame": hole(np.s_[1:-1, 1:-1]),
}
every_hole = pytest.mark.parametrize(
    "mask", [*HOLES.values(), *EXTREMES.values()], ids=[*HOLES, *EXTREMES]
)


@pytest.fixture(params=registry.stages())
def stage(request: pytest.FixtureRequest) -> Stage:
    return registry.stage(request.param)


def picture(seed: int) -> np.ndarray:
    noise = np.random.default_rng(seed).random((*SHAPE, 3)).astype(np.float32)
    smooth = cv2.GaussianBlur(noise, (0, 0), 2)
    return np.rint(255 * smooth.clip(0.25, 0.75)).astype(np.float32) / np.float32(255)


def patch_of(mask: np.ndarray, guide: np.ndarray, image: np.ndarray | None = None) -> Patch:
    """A patch whose arrays cannot be written to."""
    image = picture(0) if image is None else image
    filled = np.where(mask[..., None], guide, image)
    arrays = [a.copy() for a in (image, mask, filled, guide)]
    for array in arrays:
        array.flags.writeable = False
    return Patch(*arrays, seed=3)


@every_hole
def test_it_changes_only_the_hole_of_filled(stage: Stage, mask: np.ndarray) -> None:
    patch = patch_of(mask, picture(1))
    before = [a.copy() for a in (patch.image, patch.mask, patch.filled, patch.guide)]
    after = stage(patch)
    for name in ("image", "mask", "guide", "seed"):
        assert getattr(after, name) is getattr(patch, name)
    np.testing.assert_array_equal(after.filled[~mask], patch.image[~mask])
    for array, kept in zip(
        (patch.image, patch.mask, patch.filled, patch.guide), before, strict=True
    ):
        np.testing.assert_array_equal(array, kept)


@every_hole
def test_its_result_is_a_float32_picture(stage: Stage, mask: np.ndarray) -> None:
    """Also where the guide's gradients would lead far out of range."""
    extreme = np.where(np.random.default_rng(0).random((*SHAPE, 1)) < 0.5, 0.0, 1.0)
    for guide in (picture(1), np.repeat(extreme, 3, axis=2).astype(np.float32)):
        filled = stage(patch_of(mask, guide)).filled
        assert filled.shape == (*SHAPE, 3)
        assert filled.dtype == np.float32
        assert np.isfinite(filled).all()
        assert filled.min() >= 0
        assert filled.max() <= 1


@every_hole
def test_it_gives_the_same_twice(stage: Stage, mask: np.ndarray) -> None:
    patch = patch_of(mask, picture(1))
    np.testing.assert_array_equal(stage(patch).filled, stage(patch).filled)


@every_hole
@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("garbage", [0.0, 1.0, np.nan])
def test_it_does_not_read_the_image_inside_the_hole(
    stage: Stage, mask: np.ndarray, garbage: float
) -> None:
    spoiled = np.where(mask[..., None], np.float32(garbage), picture(0))
    expected = stage(patch_of(mask, picture(1)))
    after = stage(patch_of(mask, picture(1), spoiled))
    np.testing.assert_array_equal(after.filled[mask], expected.filled[mask])


@pytest.mark.parametrize("mask", HOLES.values(), ids=HOLES.keys())
def test_a_constant_offset_of_the_guide_vanishes(mask: np.ndarray) -> None:
    image = picture(0)
    after = registry.stage("poisson")(patch_of(mask, image + np.float32(40 / 255)))
    assert np.abs(after.filled - image).max() <= 1e-5


@pytest.mark.parametrize("mask", EXTREMES.values(), ids=EXTREMES.keys())
def test_poisson_removes_an_offset_from_a_single_known_pixel(mask: np.ndarray) -> None:
    image = picture(0)
    after = registry.stage("poisson")(patch_of(mask, image + np.float32(40 / 255)))
    assert np.abs(after.filled - image).max() <= 1e-5

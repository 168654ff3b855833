"""What lies below transparent pixels is unknown: read by nobody, and left as it is."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from image_samples import smooth

import inpaint
from inpaint import images, masks
from inpaint.errors import ImageError, MaskError
from inpaint.images import Picture
from inpaint.masks.preview import as_seen
from inpaint.pipeline import complete
from inpaint.pipeline.crop import plan_crops, seeing
from inpaint.restore import restore_picture
from inpaint.restore.noise import estimate

SIDE = 96
BELOW = [0, 255, None]  # what a program may have left there; None: noise


def band() -> np.ndarray:
    mask = np.zeros((SIDE, SIDE), bool)
    mask[34:62] = True
    return mask


def sticker(below: int | None, *, alpha: int = 0, channels: int = 4) -> np.ndarray:
    """An opaque band of one look; around it ``alpha``, and below that anything."""
    rng = np.random.default_rng(3)
    colours = np.empty((SIDE, SIDE, channels - 1), np.uint8)
    colours[:] = ((210, 120, 60) if channels == 4 else (150,)) + rng.integers(
        -9, 10, (SIDE, SIDE, 1)
    )
    hidden = rng.integers(0, 256, colours.shape) if below is None else below
    colours = np.where(band()[..., None], colours, hidden).astype(np.uint8)
    return np.dstack([colours, np.where(band(), 255, alpha).astype(np.uint8)])


def hole() -> np.ndarray:
    mask = np.zeros((SIDE, SIDE), bool)
    mask[34:62, 36:60] = True
    return mask


@pytest.mark.parametrize("alpha", [0, 100, 254])
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"mode": "psnr"},
        {"prior": "scenes64-gaussian", "stages": ("texture",)},
        {"prior": "scenes64-gaussian", "stages": ("poisson", "completion")},
        {"prior": "faces64-gaussian"},
    ],
    ids=str,
)
def test_a_fill_does_not_depend_on_what_lies_below_transparent_pixels(
    options: dict[str, Any], alpha: int
) -> None:
    fills = []
    for below in BELOW:
        image = sticker(below, alpha=alpha)
        filled = inpaint.fill(image, hole(), **options)
        np.testing.assert_array_equal(filled[~hole()], image[~hole()])
        fills.append(filled[hole()])
    for other in fills[1:]:
        np.testing.assert_array_equal(fills[0], other)


@pytest.mark.parametrize("below", BELOW, ids=str)
def test_a_hole_in_a_sticker_is_filled_with_the_sticker(below: int | None) -> None:
    filled = inpaint.fill(sticker(below), hole())[hole()]
    far = np.abs(filled[:, :3].astype(int) - (210, 120, 60)).max(1) > 30
    assert far.mean() < 0.02
    assert (filled[:, 3] == 255).all()


def test_a_crop_is_drawn_out_until_something_is_known() -> None:
    mask = np.zeros((400, 400), bool)
    mask[190:210, 190:210] = True
    unknown = np.ones((400, 400), bool)
    unknown[:30] = False  # the only opaque strip, far from the hole
    (crop,) = plan_crops(mask, min_side=64)
    wide = seeing(crop, unknown)
    assert (~unknown[wide.box.slices]).sum() >= mask.sum() / 4
    placed = np.zeros_like(mask)
    placed[wide.box.slices] = wide.own
    np.testing.assert_array_equal(placed, mask)
    np.testing.assert_array_equal(wide.mask, unknown[wide.box.slices])
    assert seeing(crop, mask).box == crop.box


def test_a_picture_without_an_opaque_pixel_around_the_hole_is_refused() -> None:
    image = sticker(0)
    with pytest.raises(MaskError, match="nothing is known to fill it from"):
        inpaint.fill(image, band())
    image[..., 3] = 0
    with pytest.raises(ImageError, match="no pixel is opaque"):
        restore_picture(images.from_array(image), task="denoise")


def test_a_picture_that_is_translucent_all_over_is_known() -> None:
    image = sticker(90)
    image[..., 3] = 180
    filled = inpaint.fill(image, hole())
    opaque = inpaint.fill(np.ascontiguousarray(image[..., :3]), hole())
    np.testing.assert_array_equal(filled[..., :3], opaque)
    assert (filled[..., 3] == 180).all()


def test_all_that_the_eraser_touched_is_the_hole_and_ends_opaque() -> None:
    image = np.dstack([smooth(SIDE, SIDE), np.full((SIDE, SIDE), 255, np.uint8)])
    y, x = np.mgrid[:SIDE, :SIDE] - SIDE // 2
    soft = np.clip(np.hypot(y, x) * 16 - 200, 0, 255).astype(np.uint8)  # a brush of 16 px of rim
    image[..., 3] = soft
    touched = soft < 255
    results = []
    for below in BELOW:
        erased = image.copy()
        erased[touched, :3] = 128 if below is None else below
        picture = images.from_array(erased)
        mask = masks.from_alpha(picture)
        np.testing.assert_array_equal(mask, touched)
        results.append(complete(picture, mask, opaque=True).pictures[0].pixels)
    assert (results[0][..., 3] == 255).all()
    np.testing.assert_array_equal(results[0], results[1])
    np.testing.assert_array_equal(results[0], results[2])
    error = np.abs(results[0][..., :3].astype(float) - image[..., :3])[touched].mean()
    assert error < 12  # a smooth picture comes back, no dark ring


@pytest.mark.parametrize("channels", [2, 4])
@pytest.mark.parametrize("task", ["denoise", "superres", "colorize"])
def test_restoring_reads_opaque_pixels_only(task: str, channels: int) -> None:
    known = None
    for below in BELOW:
        picture = images.from_array(sticker(below, alpha=90, channels=channels))
        result = restore_picture(picture, task=task)
        pixels, opaque, scale = result.picture.pixels, band(), 2 if task == "superres" else 1
        opaque = opaque.repeat(scale, 0).repeat(scale, 1)
        seen = pixels[opaque], result.noise, result.prior
        known = known or seen
        np.testing.assert_array_equal(seen[0], known[0])
        assert seen[1:] == known[1:]
        if scale == 1:
            colours = picture.pixels[~opaque][:, : channels - 1]
            np.testing.assert_array_equal(
                pixels[~opaque][:, :-1], np.broadcast_to(colours, pixels[~opaque][:, :-1].shape)
            )


def test_noise_is_estimated_from_opaque_pixels() -> None:
    rng = np.random.default_rng(0)
    values = (0.5 + 0.05 * rng.standard_normal((80, 80, 3))).astype(np.float32)
    unknown = np.zeros((80, 80), bool)
    unknown[:50] = True
    hidden = values.copy()
    hidden[:50] = 0.5
    assert estimate(hidden, unknown) == pytest.approx(0.05, rel=0.1)
    assert estimate(hidden, np.ones((80, 80), bool)) == 0


def test_snapping_sees_what_people_see(tmp_path: Path) -> None:
    looks = [as_seen(images.from_array(sticker(below))) for below in BELOW]
    np.testing.assert_array_equal(looks[0], looks[1])
    np.testing.assert_array_equal(looks[0], looks[2])
    opaque = Picture(sticker(0)[..., :3].copy())
    np.testing.assert_array_equal(as_seen(opaque), opaque.pixels)
    deep = replace(opaque, pixels=opaque.pixels.astype(np.uint16) * 257)
    np.testing.assert_array_equal(as_seen(deep), opaque.pixels)


def test_a_scratch_beside_transparent_pixels_is_interpolated() -> None:
    """Transparent pixels are not filled, so that they make no deep hole of a thin one."""
    colours = np.linspace(40, 220, SIDE)[:, None, None] + np.zeros((SIDE, SIDE, 3))
    alpha = np.full((SIDE, SIDE, 1), 255)
    alpha[:, 60:] = 0
    image = np.concatenate([colours, alpha], 2).astype(np.uint8)
    mask = np.zeros((SIDE, SIDE), bool)
    mask[40:43, 5:58] = True
    report = complete(images.from_array(image), mask).reports[0]
    assert report.method in {"biharmonic", "ns"}
    assert report.hidden_errors

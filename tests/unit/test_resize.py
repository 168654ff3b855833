"""The way to a prior's size and back."""

from __future__ import annotations

import numpy as np
import pytest

from inpaint.errors import ImageError, MaskError
from inpaint.images.resize import enlarge, fill_nearest, shrink


def masked(shape: tuple[int, int], *boxes: tuple[int, int, int, int]) -> np.ndarray:
    mask = np.zeros(shape, dtype=bool)
    for y0, x0, y1, x1 in boxes:
        mask[y0:y1, x0:x1] = True
    return mask


def ramp(height: int, width: int) -> np.ndarray:
    y, x = (np.mgrid[:height, :width] + 0.5) / max(height, width)
    return np.stack([x, y, (x + y) / 2], axis=-1).astype(np.float32)


NO_HOLE = np.zeros((200, 200), dtype=bool)


@pytest.mark.parametrize("side", [40, 50, 64, 100, 128, 200, 333])
def test_there_and_back_keeps_a_ramp_in_place(side: int) -> None:
    image = ramp(side, side)
    small, hole = shrink(image, np.zeros((side, side), dtype=bool), 64)
    assert not hole.any()
    inner = np.s_[3:-3, 3:-3]
    assert np.abs(small - ramp(64, 64))[inner].max() < 2e-3  # a half-pixel shift would be 8e-3
    back = enlarge(small, (side, side))
    margin = max(3, side // 16)
    inner = np.s_[margin:-margin, margin:-margin]
    assert np.abs(back - image)[inner].max() < 2e-3
    assert np.abs(back - image).mean() < 2e-3


@pytest.mark.parametrize("shape", [(100, 60), (61, 100), (40, 23), (64, 21)])
def test_crops_that_are_not_square_keep_their_aspect(shape: tuple[int, int]) -> None:
    image = ramp(*shape)
    small, hole = shrink(image, np.zeros(shape, dtype=bool), 64)
    assert small.shape == (64, 64, 3)
    share = min(shape) / max(shape)
    assert hole.mean() == pytest.approx(1 - share, abs=0.04)
    assert hole[32, 32] == False  # noqa: E712
    filled = fill_nearest(small, hole)
    back = enlarge(filled, shape)
    assert back.shape == image.shape
    assert np.abs(back - image)[4:-4, 4:-4].max() < 0.01


def test_equal_sizes_are_exact() -> None:
    image = np.random.default_rng(0).random((64, 64, 3), dtype=np.float32)
    mask = masked((64, 64), (10, 10, 30, 40))
    small, hole = shrink(image, mask, 64)
    assert np.array_equal(hole, mask)
    assert np.array_equal(small[~mask], image[~mask])
    assert np.array_equal(enlarge(image, (64, 64)), image)


@pytest.mark.parametrize("side", [30, 64, 150])
def test_hole_content_never_bleeds(side: int) -> None:
    rng = np.random.default_rng(1)
    image, mask = rng.random((side, side, 3), dtype=np.float32), rng.random((side, side)) < 0.5
    other = np.where(mask[..., None], np.float32(np.nan), image)
    first, second = shrink(image, mask, 64), shrink(other, mask, 64)
    assert np.array_equal(first[0], second[0])
    assert np.array_equal(first[1], second[1])


def test_means_are_over_known_pixels_only() -> None:
    image = np.full((128, 128, 3), 0.25, dtype=np.float32)
    mask = np.ones((128, 128), dtype=bool)
    mask[::2, ::2] = False  # a quarter of every small pixel is known
    mask[:64] = True
    small, hole = shrink(image, mask, 64)
    assert hole[:32].all()
    assert not hole[32:].any()
    np.testing.assert_allclose(small[32:], 0.25, atol=1e-6)
    assert (small[:32] == 0).all()


def test_a_tenth_of_the_area_makes_a_pixel_known() -> None:
    image, mask = np.full((40, 40, 3), 0.5, np.float32), np.ones((40, 40), dtype=bool)
    mask[0, :1] = False  # 1 of 16
    mask[0, 4:6] = False  # 2 of 16
    _, hole = shrink(image, mask, 10)
    assert hole[0, 0]
    assert not hole[0, 1]


def test_inputs_are_not_modified_and_results_are_in_range() -> None:
    image = np.random.default_rng(3).integers(0, 2, (50, 40, 3)).astype(np.float32)
    mask = masked((50, 40), (10, 10, 30, 30))
    image.flags.writeable = mask.flags.writeable = False
    for size in (16, 50, 64):
        small, _ = shrink(image, mask, size)
        assert small.dtype == np.float32
        small.flags.writeable = False
        for picture in (small, enlarge(small, (50, 40)), enlarge(small, (9, 12))):
            assert picture.min() >= 0
            assert picture.max() <= 1


def test_fill_nearest() -> None:
    image = np.zeros((20, 20, 3), dtype=np.uint8)
    image[:, :10], image[:, 10:] = 50, 200
    mask = masked((20, 20), (0, 4, 20, 9), (5, 12, 15, 20))
    filled = fill_nearest(np.where(mask[..., None], np.uint8(7), image), mask)
    assert np.array_equal(filled, image)
    assert not fill_nearest(image, np.ones((20, 20), dtype=bool)).any()


def test_resizing_refuses_what_it_cannot_use() -> None:
    image = np.zeros((20, 30, 3), dtype=np.float32)
    with pytest.raises(ImageError, match="expected"):
        shrink(image[..., 0], np.zeros((20, 30), dtype=bool), 8)
    with pytest.raises(MaskError, match="expected bool"):
        shrink(image, np.zeros((20, 20), dtype=bool), 8)
    with pytest.raises(ImageError, match="size, size, 3"):
        enlarge(image, (20, 30))

"""Dust: which pieces of a hole are specks, and that they are filled where they lie."""

from __future__ import annotations

import time

import cv2
import numpy as np
import pytest

from inpaint import complete, images
from inpaint.pipeline.specks import DEEPEST, WIDEST, fill_speck, find_specks


def discs(shape: tuple[int, int], count: int, *, radius: int, seed: int = 0) -> np.ndarray:
    rng, canvas = np.random.default_rng(seed), np.zeros(shape, np.uint8)
    for _ in range(count):
        centre = [int(rng.integers(radius + 2, n - radius - 2)) for n in shape[::-1]]
        cv2.circle(canvas, centre, radius, 1, -1)
    return canvas > 0


def photo(height: int, width: int) -> np.ndarray:
    """Smooth shading with soft noise, like sky or skin; uint8."""
    noise = np.random.default_rng(1).normal(0, 6, (height, width, 3)).astype(np.float32)
    y, x = np.mgrid[:height, :width] / max(height, width)
    shade = 90 + 90 * np.sin(3 * x + 2 * y)[..., None] + cv2.GaussianBlur(noise, (0, 0), 1)
    return np.rint(shade.clip(0, 255)).astype(np.uint8)


def test_small_thin_pieces_are_specks_and_others_are_not() -> None:
    mask = np.zeros((200, 200), bool)
    mask[20:24, 20:24] = True  # a speck
    mask[50:53, 50 : 50 + WIDEST] = True  # a scratch of the largest length
    mask[80:83, 50 : 51 + WIDEST] = True  # a longer one
    side = 2 * int(DEEPEST) + 4
    mask[120 : 120 + side, 40 : 40 + side] = True  # deep
    mask[:3, 100:103] = True  # at the border
    assert [one.window[0].start + 5 for one in find_specks(mask, mask)] == [20, 50]


def test_dense_dots_are_one_hole_and_no_specks() -> None:
    dense = np.random.default_rng(0).random((100, 100)) < 0.5
    assert not find_specks(dense, dense)


def test_linear_shades_are_continued_exactly() -> None:
    y, x = np.mgrid[:24, :30].astype(np.float32)
    image = np.stack([0.2 + 0.02 * x, 0.1 + 0.03 * y, 0.9 - 0.01 * (x + y)], 2)
    mask = np.zeros((24, 30), bool)
    mask[10:15, 12:18] = True
    spoiled = np.where(mask[..., None], np.float32(np.nan), image)
    filled = fill_speck(spoiled, mask, mask)
    np.testing.assert_allclose(filled, image, atol=2e-3)


def test_a_fill_beyond_what_is_around_does_not_happen() -> None:
    """A step beside the hole would make the equation swing over it."""
    image = np.zeros((20, 20, 3), np.float32)
    image[:, 10:] = 1
    mask = np.zeros((20, 20), bool)
    mask[8:12, 6:10] = True
    filled = fill_speck(image, mask, mask)
    assert filled.min() >= 0
    assert filled.max() <= 1


def test_dust_on_a_photo_is_filled_better_than_by_telea_and_nothing_else_changes() -> None:
    clean = photo(300, 420)
    mask = discs(clean.shape[:2], 40, radius=2)
    dusty = np.where(mask[..., None], np.uint8(255), clean)
    result = complete(images.from_array(dusty), mask)
    filled = result.pictures[0].pixels
    np.testing.assert_array_equal(filled[~mask], clean[~mask])

    def error(x: np.ndarray) -> float:
        return float(np.square(x[mask].astype(float) - clean[mask]).mean())

    telea = cv2.inpaint(dusty, mask.astype(np.uint8), 3, cv2.INPAINT_TELEA)
    assert error(filled) < error(telea)
    (report,) = result.reports
    assert report.method == "biharmonic"
    assert "specks" in report.why


def test_a_hole_beside_specks_is_filled_by_the_prior_and_both_are_told() -> None:
    clean = photo(200, 260)
    mask = discs(clean.shape[:2], 6, radius=1, seed=3)
    mask[80:130, 100:150] = True
    result = complete(images.from_array(clean), mask)
    assert [r.method for r in result.reports] == ["biharmonic", "prior"]
    changed = (result.pictures[0].pixels != clean).any(2)
    assert not (changed & ~mask).any()


@pytest.mark.parametrize("count", [400])
def test_the_time_is_that_of_the_specks_and_not_of_the_photo(count: int) -> None:
    clean = photo(1200, 1600)
    picture = images.from_array(clean)
    mask = discs(clean.shape[:2], count, radius=2)
    started = time.process_time()
    complete(picture, mask)
    assert time.process_time() - started < 4  # 66 s before specks were told from holes


def test_deep_colours_and_alpha_stay() -> None:
    clean = photo(120, 120).astype(np.uint16) * 257
    picture = images.from_array(np.dstack([clean, np.full((120, 120), 65535, np.uint16)]))
    mask = discs((120, 120), 5, radius=2)
    filled = complete(picture, mask).pictures[0].pixels
    assert filled.dtype == np.uint16
    np.testing.assert_array_equal(filled[~mask], picture.pixels[~mask])
    assert (filled[mask][:, :3] % 257 != 0).any(), "filled in 16 bits"

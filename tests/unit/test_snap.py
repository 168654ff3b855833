"""GrabCut inside a rough outline: what it finds, and when it says that it found nothing."""

from __future__ import annotations

import numpy as np
import pytest

from inpaint.errors import ImageError, MaskError
from inpaint.masks import objects
from inpaint.masks.snap import snap


def scene(height: int = 90, width: int = 120) -> tuple[np.ndarray, np.ndarray]:
    """A bright ellipse with a dark stripe and a pin hole on noisy green, and its mask."""
    y, x = np.mgrid[:height, :width]
    generator = np.random.default_rng(0)
    image = np.stack([40 + y * 0.2, 90 + x * 0.2, np.full((height, width), 60.0)], axis=2)
    mask = ((x - 0.5 * width) / (0.2 * width)) ** 2 + ((y - 0.5 * height) / (0.3 * height)) ** 2 < 1
    image[mask] = (230, 210, 190)
    image[height // 2, width // 2] = (40, 95, 60)
    image += generator.normal(0, 6, image.shape)
    return image.clip(0, 255).astype(np.uint8), mask


def iou(a: np.ndarray, b: np.ndarray) -> float:
    return float((a & b).sum() / (a | b).sum())


@pytest.mark.parametrize("scale", [1, 6], ids=["small", "reduced"])
def test_the_object_in_a_rough_box_is_found(scale: int) -> None:
    image, mask = scene(90 * scale, 120 * scale)
    rough = objects.box(mask.shape, 25 * scale, 10 * scale, 75 * scale, 70 * scale)
    before = image.copy(), rough.copy()
    found = snap(image, rough)
    assert found is not None
    assert iou(found, mask) > 0.9
    assert iou(rough, mask) < 0.6
    assert not found[~rough].any()
    assert found[image.shape[0] // 2, image.shape[1] // 2]  # the pin hole is filled
    np.testing.assert_array_equal(image, before[0])
    np.testing.assert_array_equal(rough, before[1])
    again = snap(image, rough)
    assert again is not None
    np.testing.assert_array_equal(again, found)


def test_specks_beside_the_object_are_left_out() -> None:
    image, mask = scene()
    image[14:17, 30:33] = (230, 210, 190)
    found = snap(image, objects.box(mask.shape, 25, 10, 75, 70))
    assert found is not None
    assert not found[12:19, 28:35].any()


def test_nothing_in_a_plain_box_is_none() -> None:
    image = np.full((60, 80, 3), 120, np.uint8)
    assert snap(image, objects.box((60, 80), 20, 20, 30, 30)) is None


def test_without_surroundings_there_is_nothing_to_compare() -> None:
    image, mask = scene()
    assert snap(image, np.ones_like(mask)) is None
    assert snap(image, np.zeros_like(mask)) is None


def test_other_arrays_are_refused() -> None:
    image, mask = scene()
    with pytest.raises(ImageError, match="uint8"):
        snap(image / 255, mask)
    with pytest.raises(MaskError, match="bool"):
        snap(image, mask.astype(np.uint8))


def test_what_is_seen_through_a_large_opening_stays() -> None:
    y, x = np.mgrid[:90, :120]
    radius = np.hypot(x - 60, y - 45)
    ring = (radius < 32) & (radius > 20)
    noise = np.random.default_rng(0).normal(0, 6, (90, 120, 3))
    image = np.where(ring[..., None], (230, 210, 190), (40, 90, 60)) + noise
    found = snap(image.clip(0, 255).astype(np.uint8), objects.box(ring.shape, 20, 5, 80, 80))
    assert found is not None
    assert iou(found, ring) > 0.9

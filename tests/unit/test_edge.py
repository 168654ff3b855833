from __future__ import annotations

import cv2
import numpy as np
import pytest

from inpaint.errors import ImageError, MaskError
from inpaint.masks import edge, objects

SIDE = 360


def disc(radius: float = 90.0, centre: tuple[float, float] = (180.0, 180.0)) -> np.ndarray:
    y, x = np.mgrid[:SIDE, :SIDE]
    inside: np.ndarray = np.hypot(y - centre[0], x - centre[1]) <= radius
    return inside


def scene(mask: np.ndarray, sigma: float, *, texture: float = 12.0, seed: int = 0) -> np.ndarray:
    """A textured object over textured surroundings that grow lighter to the right."""
    rng = np.random.default_rng(seed)
    alpha = mask.astype(np.float32)
    if sigma:
        alpha = cv2.GaussianBlur(alpha, (0, 0), sigma)
    grain = cv2.GaussianBlur(rng.normal(size=(SIDE, SIDE, 3)).astype(np.float32), (0, 0), 2.0)
    grain *= texture / max(float(grain.std()), 1e-6)
    light = np.linspace(-15, 15, SIDE, dtype=np.float32)[None, :, None]
    ground = np.array([90, 120, 70], np.float32) + light + grain
    thing = np.array([220, 200, 190], np.float32) + grain[::-1]
    image = ground + alpha[..., None] * (thing - ground)
    return np.clip(np.rint(image), 0, 255).astype(np.uint8)


@pytest.mark.parametrize("seed", range(5))
def test_a_sharp_edge_needs_next_to_nothing(seed: int) -> None:
    mask = disc()
    assert edge.width(scene(mask, 0, seed=seed), mask) <= 1
    assert edge.width(scene(mask, 0, texture=0, seed=seed), mask) == 0


@pytest.mark.parametrize("texture", [0.0, 12.0])
@pytest.mark.parametrize("sigma", [2.0, 4.0, 8.0])
def test_a_blurred_edge_reaches_out_by_two_sigma(sigma: float, texture: float) -> None:
    mask = disc()
    found = edge.width(scene(mask, sigma, texture=texture), mask)
    assert 1.5 * sigma <= found <= 2.7 * sigma + 1


def test_a_selection_with_room_around_it_needs_nothing() -> None:
    assert edge.width(scene(disc(80), 3.0), disc(100)) <= 1


@pytest.mark.parametrize("value", [0, 128, 255])
def test_a_flat_image_has_no_edge(value: int) -> None:
    assert edge.width(np.full((SIDE, SIDE, 3), value, np.uint8), disc()) == 0


@pytest.mark.parametrize("centre", [(10.0, 180.0), (0.0, 0.0), (350.0, 180.0)])
def test_an_object_at_the_border_is_measured_where_it_is_seen(centre: tuple[float, float]) -> None:
    big = np.zeros((SIDE, SIDE), bool)
    big |= disc(100, centre)
    assert 6 <= edge.width(scene(big, 4.0), big) <= 12
    assert edge.width(scene(big, 0.0), big) <= 1


def test_the_width_is_bounded() -> None:
    mask = disc(60)
    most = edge.bound(mask)
    assert most == 12  # 12 % of the square root of 11,300
    assert edge.width(scene(mask, 10.0), mask) == most
    assert edge.bound(np.ones((2000, 2000), bool)) == 48
    assert edge.bound(np.eye(5, dtype=bool)) == 0


@pytest.mark.parametrize("turn", [0, 1])
def test_light_that_changes_evenly_is_no_edge(turn: int) -> None:
    ramp = np.broadcast_to(np.linspace(20, 235, SIDE)[:, None, None], (SIDE, SIDE, 3))
    image = np.rot90(np.rint(ramp).astype(np.uint8), turn).copy()
    for mask in (disc(), disc(20, (60.0, 90.0))):
        assert edge.width(image, mask) == 0
        assert not edge.is_left(image, mask, objects.widen(mask))


def test_nothing_and_everything_have_no_edge() -> None:
    image = scene(disc(), 4.0)
    for mask in (np.zeros((SIDE, SIDE), bool), np.ones((SIDE, SIDE), bool)):
        assert edge.width(image, mask) == 0


def test_ignored_pixels_tell_nothing() -> None:
    mask = disc()
    image = scene(mask, 0.0, texture=0)
    left = np.zeros_like(mask)
    left[:, :180] = True
    image[left] = scene(mask, 4.0, texture=0)[left]
    assert edge.width(image, mask) >= 5
    assert edge.width(image, mask, ignore=left) == 0


def test_inputs_are_not_modified_and_must_fit() -> None:
    mask = disc()
    image = scene(mask, 4.0)
    before = image.copy(), mask.copy()
    edge.width(image, mask)
    np.testing.assert_array_equal(image, before[0])
    np.testing.assert_array_equal(mask, before[1])
    with pytest.raises(ImageError, match="uint8"):
        edge.width(image / 255, mask)
    with pytest.raises(MaskError, match="bool"):
        edge.width(image, mask[1:])


def test_what_is_left_of_the_object_is_noticed() -> None:
    mask = disc(60)
    image = scene(mask, 10.0)
    assert edge.is_left(image, mask, objects.widen(mask, grow=2))
    assert edge.is_left(scene(disc(66), 0), mask, mask)  # drawn too tight
    sharp = scene(mask, 0)
    assert not edge.is_left(sharp, mask, objects.widen(mask))
    soft = scene(disc(), 4.0)
    assert not edge.is_left(soft, disc(), objects.widen(disc(), grow=9))

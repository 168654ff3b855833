"""Objects at a point, and mask files that are loaded and saved."""

from __future__ import annotations

import numpy as np
import pytest
from starlette.testclient import TestClient
from web_site import STROKE, coded, decoded, photo_pixels

from inpaint.errors import ImageError, SelectionError
from inpaint.masks.point import candidates_at, object_at, refined
from inpaint.web import shapes

SIZE = 120, 160


def scene(seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """A disc with a stripe on a noisy ground, and its mask."""
    rng = np.random.default_rng(seed)
    pixels = rng.integers(90, 112, (*SIZE, 3)).astype(np.uint8)
    y, x = np.mgrid[: SIZE[0], : SIZE[1]]
    disc = (x - 70) ** 2 + (y - 60) ** 2 < 22**2
    pixels[disc] = rng.integers([205, 60, 30], [223, 78, 48], (int(disc.sum()), 3))
    return pixels, disc


def overlap(a: np.ndarray, b: np.ndarray) -> float:
    return float((a & b).sum() / (a | b).sum())


@pytest.mark.parametrize("point", [(70.5, 60.5), (58.0, 52.0), (84.0, 66.0)])
def test_a_point_on_an_object_finds_it(point: tuple[float, float]) -> None:
    pixels, disc = scene()
    before = pixels.copy()
    found = object_at(pixels, *point)
    assert found is not None
    assert overlap(found, disc) > 0.9
    assert np.array_equal(pixels, before)
    again = object_at(pixels, *point)
    assert again is not None
    assert np.array_equal(found, again)


def test_a_point_on_an_even_ground_finds_nothing() -> None:
    assert object_at(np.full((*SIZE, 3), 120, np.uint8), 40, 40) is None


def badge() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A small disc on a large one on a noisy ground, and the masks of the two."""
    pixels, _ = scene()
    y, x = np.mgrid[: SIZE[0], : SIZE[1]]
    large = (x - 80) ** 2 + (y - 60) ** 2 < 40**2
    small = (x - 80) ** 2 + (y - 60) ** 2 < 16**2
    rng = np.random.default_rng(1)
    pixels[:] = rng.integers(90, 112, pixels.shape)
    pixels[large] = rng.integers([20, 60, 180], [40, 80, 200], (int(large.sum()), 3))
    pixels[small] = rng.integers([220, 200, 20], [240, 220, 40], (int(small.sum()), 3))
    return pixels, small, large


def test_one_point_may_mean_a_part_or_the_whole() -> None:
    pixels, small, large = badge()
    found = candidates_at(pixels, 80, 60)
    assert found is not None
    areas = [int(mask.sum()) for mask in found.masks]
    assert areas == sorted(areas)
    cuts = [refined(pixels, mask, 80, 60) for mask in found.masks]
    assert max(overlap(cut, small) for cut in cuts) > 0.9
    assert max(overlap(cut, large) for cut in cuts) > 0.9
    best = object_at(pixels, 80, 60)
    assert best is not None
    assert np.array_equal(best, cuts[found.best])


def test_the_page_may_ask_for_a_smaller_or_larger_object(client: TestClient) -> None:
    pixels, small, large = badge()
    key = client.post("/api/photos", content=coded(pixels)).json()["key"]

    def asked(step: int) -> tuple[np.ndarray, int, int]:
        values = {"point": [80, 60], "grow": 0, "step": step}
        told = client.post(f"/api/photos/{key}/snap", json=values).json()
        return shapes.mask_of([told["shape"]], SIZE), told["smaller"], told["larger"]

    first, smaller, larger = asked(0)
    seen = {step: asked(step) for step in range(-smaller, larger + 1)}
    assert np.array_equal(seen[0][0], first)
    assert [told[1] for told in seen.values()] == list(range(smaller + larger + 1))
    masks = [told[0] for told in seen.values()]
    assert max(overlap(mask, small) for mask in masks) > 0.9
    assert max(overlap(mask, large) for mask in masks) > 0.9
    assert asked(99)[2] == 0  # beyond the last there is the last
    for bad in ("1", 1.5, 100, True):
        values = {"point": [80, 60], "step": bad}
        assert client.post(f"/api/photos/{key}/snap", json=values).status_code == 422


def test_points_and_images_that_cannot_be_are_refused() -> None:
    pixels, _ = scene()
    with pytest.raises(SelectionError, match="beyond the picture"):
        object_at(pixels, 160, 3)
    with pytest.raises(ImageError, match="expected uint8"):
        object_at(pixels[..., 0], 1, 1)


def test_tiny_pictures_do_not_break_it() -> None:
    for size in [(1, 1), (3, 40), (13, 13)]:
        found = object_at(np.full((*size, 3), 9, np.uint8), 0, 0)
        assert found is None


def test_the_page_may_ask_for_the_object_at_a_point(client: TestClient) -> None:
    pixels, disc = scene()
    key = client.post("/api/photos", content=coded(pixels)).json()["key"]
    url = f"/api/photos/{key}/snap"
    told = client.post(url, json={"point": [70, 60], "grow": 0}).json()
    assert told["found"]
    assert overlap(shapes.mask_of([told["shape"]], SIZE), disc) > 0.9
    for bad in ({}, {"point": [1, 1], "box": [1, 1, 9, 9]}, {"point": [1]}, {"point": [999, 5]}):
        assert client.post(url, json=bad).status_code == 422


def test_a_mask_is_loaded_as_a_region_and_saved_as_it_was(client: TestClient, key: str) -> None:
    hole = np.zeros((30, 40), np.uint8)
    hole[5:14, 8:30] = 255
    hole[7, 9] = 0
    url = f"/api/photos/{key}/mask"
    told = client.put(url, content=coded(hole)).json()
    assert np.array_equal(shapes.mask_of([told["shape"]], (30, 40)), hole > 0)
    assert told["view"]["w"] == 22
    answer = client.post(url, json={"shapes": [told["shape"]]})
    assert answer.headers["content-type"] == "image/png"
    assert np.array_equal(decoded(answer.content) > 0, hole > 0)
    drawn = client.post(url, json={"shapes": [STROKE]}).content
    assert np.array_equal(decoded(drawn) > 0, shapes.mask_of([STROKE], (30, 40)))


def test_files_that_are_no_mask_of_the_photo_are_refused(client: TestClient, key: str) -> None:
    url = f"/api/photos/{key}/mask"
    empty, other = np.zeros((30, 40), np.uint8), np.zeros((31, 40), np.uint8)
    other[3:6, 3:6] = 255
    for data, status in (
        (coded(empty), 422),
        (coded(other), 422),
        (coded(photo_pixels()), 422),
        (b"hello", 415),
    ):
        answer = client.put(url, content=data)
        assert answer.status_code == status, answer.text
        assert "b'" not in answer.json()["error"]


def test_a_photo_that_is_too_large_names_the_option_of_the_server(client_of) -> None:  # type: ignore[no-untyped-def]
    answer = client_of(max_pixels=100).post("/api/photos", content=coded(photo_pixels()))
    assert answer.status_code == 413
    assert "max_pixels" not in answer.json()["error"]
    assert "--max-pixels" in answer.json()["error"]

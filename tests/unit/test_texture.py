"""Texture copied into a hole from the rest of the picture."""

from __future__ import annotations

from itertools import pairwise

import cv2
import numpy as np
import pytest
import torch

from inpaint.stages import poisson, texture
from inpaint.stages.patch import Patch
from inpaint.stages.texture import search
from inpaint.stages.texture.features import WIDTH, constant, describe, gradients
from inpaint.stages.texture.levels import Level, Map, pyramid, sources
from inpaint.stages.texture.match import Exact, Known, distances, propagate
from inpaint.stages.texture.vote import confidence, likeness, vote
from inpaint.stages.texture.weights import Weights

SHAPE = (96, 112)

# A smooth fill knows nothing of a pattern finer than it: here it counts for little.
REGULAR = Weights(texture=0, structure=0.05, roughness=0, down=0, across=0)


def blob(*, y: int = 48, x: int = 56, radius: int = 13) -> np.ndarray:
    rows, columns = np.ogrid[: SHAPE[0], : SHAPE[1]]
    return (rows - y) ** 2 + (columns - x) ** 2 <= radius**2


def bricks() -> np.ndarray:
    rows, columns = np.mgrid[: SHAPE[0], : SHAPE[1]]
    shifted = columns + 8 * (rows // 8 % 2)
    joint = (rows % 8 == 0) | (shifted % 16 == 0)
    colour = np.where(joint[..., None], [0.8, 0.8, 0.75], [0.6, 0.25, 0.2])
    return colour.astype(np.float32)


def noise(seed: int = 0) -> np.ndarray:
    rough = np.random.default_rng(seed).normal(0.5, 0.25, (*SHAPE, 3)).astype(np.float32)
    return cv2.GaussianBlur(rough, (0, 0), 1).clip(0, 1)


def blended(image: np.ndarray, mask: np.ndarray, *, seed: int = 5) -> Patch:
    """What the stage gets: a flat guide blended into the hole, all arrays read-only."""
    erased = np.where(mask[..., None], np.float32(0), image)
    flat = np.full_like(image, 0.5)
    patch = poisson.apply(Patch(erased, mask, np.where(mask[..., None], flat, image), flat, seed))
    for array in (patch.image, patch.mask, patch.filled, patch.guide):
        array.flags.writeable = False
    return patch


def energy(image: np.ndarray, where: np.ndarray) -> float:
    steps = np.diff(image.mean(2), axis=1)
    return float(np.square(steps[where[:, 1:] & where[:, :-1]]).mean())


@pytest.mark.parametrize(
    "mask",
    [blob(), blob(y=0), blob(x=111), blob(y=92, x=4)],
    ids=["inside", "top", "right", "corner"],
)
def test_bricks_are_laid_where_they_were(mask: np.ndarray) -> None:
    image = bricks()
    patch = blended(image, mask)
    filled = texture.apply(patch, weights=REGULAR, keep=0, fade=0, melt=0).filled
    wrong = np.abs(filled - image).max(2)[mask] > 0.05
    assert wrong.mean() < 0.05
    assert (np.abs(patch.filled - image).max(2)[mask] > 0.05).mean() > 0.2


def test_noise_is_filled_with_noise_as_strong() -> None:
    image, mask = noise(), blob()
    patch = blended(image, mask)
    ring = (cv2.dilate(mask.astype(np.uint8), np.ones((17, 17))) > 0) & ~mask
    around = energy(image, ring)
    assert energy(patch.filled, mask) / around < 0.3
    assert 0.7 < energy(texture.apply(patch).filled, mask) / around < 1.3


def test_copied_colours_are_those_of_known_pixels() -> None:
    image, mask = noise(), blob()
    filled = texture.apply(blended(image, mask), keep=0, fade=0, melt=0).filled
    known = {tuple(c) for c in image[~mask].tolist()}
    assert all(tuple(c) in known for c in filled[mask].tolist())


def test_known_pixels_and_inputs_stay() -> None:
    image, mask = noise(), blob()
    patch = blended(image, mask)
    before = patch.filled.copy()
    after = texture.apply(patch)
    np.testing.assert_array_equal(after.filled[~mask], image[~mask])
    np.testing.assert_array_equal(patch.filled, before)
    assert np.abs(after.filled - before)[mask].max() > 0.1


@pytest.mark.parametrize("products", [1e12, 0.0], ids=["exact", "propagated"])
def test_the_seed_decides_and_threads_do_not(
    products: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(search, "_PRODUCTS", products)
    patch = blended(noise(), blob(radius=20))
    threads = torch.get_num_threads(), cv2.getNumThreads()
    try:
        results = []
        for count in (1, 2):
            torch.set_num_threads(count)
            cv2.setNumThreads(count)
            results.append(texture.apply(patch).filled)
    finally:
        torch.set_num_threads(threads[0])
        cv2.setNumThreads(threads[1])
    np.testing.assert_array_equal(*results)
    other = Patch(patch.image, patch.mask, patch.filled, patch.guide, seed=6)
    assert np.array_equal(texture.apply(other).filled, results[0]) == (products > 0)


@pytest.mark.parametrize("width", [1, 3])
def test_a_thin_hole_keeps_its_smooth_fill(width: int) -> None:
    mask = np.zeros(SHAPE, dtype=bool)
    mask[10:80, 40 : 40 + width] = True
    patch = blended(noise(), mask)
    assert texture.apply(patch) is patch


def test_a_thin_piece_beside_a_thick_one_keeps_its_fill() -> None:
    line = np.zeros(SHAPE, dtype=bool)
    line[5:8, 5:100] = True
    patch = blended(noise(), line | blob())
    filled = texture.apply(patch, keep=0, fade=0, melt=0).filled
    np.testing.assert_array_equal(filled[line], patch.filled[line])
    assert np.abs(filled - patch.filled)[blob()].max() > 0.1


def test_without_a_whole_known_patch_nothing_changes() -> None:
    mask = np.ones(SHAPE, dtype=bool)
    mask[:5, :5] = False
    patch = blended(noise(), mask)
    assert texture.apply(patch) is patch


def test_a_hole_too_large_to_search_is_still_filled_with_known_colours(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(search, "_SEARCHED", 100)
    image, mask = noise(), blob()
    filled = texture.apply(blended(image, mask), keep=0, fade=0, melt=0).filled
    known = {tuple(c) for c in image[~mask].tolist()}
    assert all(tuple(c) in known for c in filled[mask].tolist())


def test_exact_finds_the_nearest_description_and_the_first_of_equals() -> None:
    generator = np.random.default_rng(0)
    known = generator.integers(-511, 512, (20, 30, WIDTH)).astype(np.int16)
    known[7, 8] = known[3, 4]
    todo = np.zeros((20, 30), dtype=bool)
    todo[10:12, 10:20] = True
    places = Map(todo)
    target = np.stack([known[i % 10, i] for i in range(20)])
    target[0] = known[3, 4]
    Exact(Known(known, ~todo))(target, places)
    assert (places.row[0], places.column[0]) == (3, 4)
    assert list(zip(places.row[1:], places.column[1:], strict=True)) == [
        (i % 10, i) for i in range(1, 20)
    ]


def test_a_search_that_remembers_finds_what_a_new_one_finds() -> None:
    generator = np.random.default_rng(1)
    known = Known(
        generator.integers(-99, 100, (20, 30, WIDTH)).astype(np.int16), np.ones((20, 30), bool)
    )
    todo = np.zeros((20, 30), dtype=bool)
    todo[10:12, 10:20] = True
    search = Exact(known)
    target = generator.integers(-99, 100, (20, WIDTH)).astype(np.int16)
    for changed in (20, 3, 0):
        target = target.copy()
        target[:changed] = generator.integers(-99, 100, (changed, WIDTH))
        places, fresh = Map(todo), Map(todo)  # whatever was settled in between
        d = search(target, places)
        np.testing.assert_array_equal(d, Exact(known)(target, fresh))
        np.testing.assert_array_equal(places.row, fresh.row)
        np.testing.assert_array_equal(places.column, fresh.column)
        np.testing.assert_array_equal(d, distances(target, known, places))


@pytest.mark.parametrize("side", [128, 136])
def test_a_crop_that_the_networks_saw_whole_is_searched_quickly(
    side: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    efforts = []
    real = search.matched

    def watched(*given: object) -> Map:
        efforts.append(given[4])
        return real(*given)  # type: ignore[arg-type]

    monkeypatch.setattr(search, "matched", watched)
    image = np.random.default_rng(0).random((side, 100, 3), dtype=np.float32)
    mask = np.zeros((side, 100), dtype=bool)
    mask[40:60, 30:50] = True
    texture.apply(blended(image, mask))
    assert set(efforts) == {search.QUICK if side == 128 else search.THOROUGH}


def test_the_smooth_colours_stay_in_by_a_tenth() -> None:
    patch = blended(noise(), blob())
    bare, usual, smooth = (texture.apply(patch, fade=f).filled for f in (0, 0.1, 1))
    np.testing.assert_allclose(usual, 0.9 * bare + 0.1 * smooth, atol=1e-6)
    assert energy(smooth, blob()) < 0.3 * energy(bare, blob())


def test_propagation_spreads_one_right_shift_over_the_hole() -> None:
    image = noise()
    image[:, 56:] = image[:, :56]
    todo = np.zeros(SHAPE, dtype=bool)
    todo[40:60, 70:90] = True
    fixed = constant(np.zeros((*SHAPE, 5), np.float32), Weights(down=0, across=0))
    known = describe(image, gradients(image), fixed, Weights())
    places = Map(todo)
    places.row[:], places.column[:] = 10, 10
    places.row[210], places.column[210] = places.y[210], places.x[210] - 56
    described = Known(known, sources(todo))
    propagate(known[todo], described, places, np.random.default_rng(0), rounds=40, reach=0)
    right = (places.row == places.y) & (places.column == places.x - 56)
    assert right.mean() > 0.9


def test_known_at_a_coarse_level_is_known_at_the_fine_one() -> None:
    mask = blob(radius=20)
    image = np.where(mask[..., None], np.float32(np.nan), noise())
    levels = pyramid(Level(image, mask, mask), 3.0, 10_000)
    assert len(levels) >= 3
    for fine, coarse in pairwise(levels):
        places = Map(coarse.todo)
        where = np.nonzero(~coarse.unknown)
        places.row[:], places.column[:] = where[0][-1], where[1][-1]
        carried = places.carried(fine.todo)
        assert not fine.unknown[carried.row, carried.column].any()
        assert np.isfinite(coarse.image[~coarse.unknown]).all()


def shifted(todo: np.ndarray, down: int, across: int) -> Map:
    places = Map(todo)
    places.row += down
    places.column += across
    return places


def test_patches_of_one_shift_vote_for_what_they_copy() -> None:
    image, todo = noise(), blob()
    places = shifted(todo, 0, -40)
    voted = vote(image, places, confidence(places, todo))
    np.testing.assert_allclose(voted, image[places.row, places.column], atol=1e-5)


def test_the_vote_goes_with_the_weight() -> None:
    image, todo = noise(), np.zeros(SHAPE, dtype=bool)
    todo[40, 60:62] = True
    places = shifted(todo, 0, 10)
    places.column[1] = 20
    # The second pixel lies one to the right of the first, whose source is (40, 70).
    left, right = image[40, 71], image[40, 20]
    voted = vote(image, places, np.array([3, 1], np.float32))
    np.testing.assert_allclose(voted[1], 0.75 * left + 0.25 * right, atol=1e-6)


def test_trust_falls_inward_and_with_the_distance() -> None:
    todo = np.zeros(SHAPE, dtype=bool)
    todo[:, 50:61] = True
    places = Map(todo)
    trust = confidence(places, todo).reshape(SHAPE[0], 11)
    assert (np.diff(trust[:, :6]) < 0).all()
    np.testing.assert_allclose(trust, trust[:, ::-1], rtol=1e-5)
    np.testing.assert_allclose(trust, trust[:1].repeat(SHAPE[0], 0), rtol=1e-5)
    share = likeness(np.array([0, 1, 4, 1000], np.float32))
    assert share[0] == 1
    assert (np.diff(share) < 0).all()


def test_distances_are_those_of_the_sources() -> None:
    known = np.random.default_rng(0).integers(-511, 512, (20, 30, WIDTH)).astype(np.int16)
    todo = np.zeros((20, 30), dtype=bool)
    todo[5, 6] = True
    places = shifted(todo, 2, 3)
    step = known[7, 9].astype(np.int64) - known[5, 6]
    assert distances(known[todo], Known(known, ~todo), places)[0] == np.square(step).sum()

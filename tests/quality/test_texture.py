"""What the texture stage must do with its default settings: go on with what it sees."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from inpaint.stages import poisson, texture
from inpaint.stages.patch import Patch

SIDE = 128
ROWS, COLUMNS = np.mgrid[:SIDE, :SIDE]


def disc(radius: int = 16) -> np.ndarray:
    return np.hypot(ROWS - 64, COLUMNS - 64) <= radius


def rough(seed: int, strength: float = 0.12) -> np.ndarray:
    drawn = np.random.default_rng(seed).normal(0, 1, (SIDE, SIDE)).astype(np.float32)
    fine = cv2.GaussianBlur(drawn, (0, 0), 1)
    return strength * fine / fine.std()


def coloured(grey: np.ndarray) -> np.ndarray:
    tint = np.array([1.0, 0.95, 0.85], np.float32)
    return np.clip(grey[..., None] * tint, 0, 1).astype(np.float32)


def blended(image: np.ndarray, mask: np.ndarray) -> Patch:
    """A guide that is the picture seen from afar, as a small prior sees it."""
    guide = cv2.GaussianBlur(image, (0, 0), 5)
    erased = np.where(mask[..., None], np.float32(0), image)
    return poisson.apply(Patch(erased, mask, np.where(mask[..., None], guide, image), guide, 3))


def error(filled: np.ndarray, image: np.ndarray, mask: np.ndarray) -> float:
    return float(np.sqrt(np.square(filled - image)[mask].mean()))


@pytest.mark.parametrize(("period", "most"), [(4, 0.4), (6, 0.4), (8, 0.4), (12, 0.45)])
def test_a_periodic_texture_goes_on_in_phase(period: int, most: float) -> None:
    wave = np.sin(2 * np.pi * (COLUMNS + ROWS / 2) / period)
    image, mask = coloured(0.5 + 0.3 * np.sign(wave) + rough(0, 0.02)), disc()
    patch = blended(image, mask)
    filled = texture.apply(patch).filled
    # Out of phase the error would be that of two unlike waves, above that of the flat blend.
    # Where a wave is wider than a patch, the tenth of smooth colours costs 0.02 (0.40 without it).
    assert error(filled, image, mask) < most * error(patch.filled, image, mask)


@pytest.mark.parametrize("slope", [0.0, 0.3, -0.6])
def test_an_edge_goes_on_across_the_hole(slope: float) -> None:
    edge = 64 + slope * (ROWS - 64)
    bright = edge < COLUMNS
    image, mask = coloured(np.where(bright, 0.75, 0.3) + rough(1, 0.05)), disc()
    patch = blended(image, mask)
    filled = texture.apply(patch).filled
    clear = mask & (np.abs(edge - COLUMNS) > 3)
    wrong = (filled.mean(2) > 0.5) != bright
    assert wrong[clear].mean() < 0.02
    # The blend's edge is as soft as its guide; the copy's falls within a few pixels.
    near = mask & (np.abs(edge - COLUMNS) <= 3)
    assert error(filled, image, near) < error(patch.filled, image, near)


def test_what_both_halves_look_like_stays_apart() -> None:
    """The strengths of the texture, relative to what was there; one is ten times the other."""
    left = COLUMNS < 64
    mask = disc()
    inner = cv2.erode(mask.astype(np.uint8), np.ones((3, 3))) > 0
    strengths = []
    for seed in (2, 12, 22):
        fine, flat = rough(seed, 0.2), rough(seed + 1, 0.02)
        image = coloured(0.5 + np.where(left, fine, flat))
        filled = texture.apply(blended(image, mask)).filled.mean(2)
        halves = ((left & (COLUMNS < 60), fine), (~left & (COLUMNS > 68), flat))
        strengths.append([filled[inner & h].std() / own[h].std() for h, own in halves])
    assert (np.mean(strengths, axis=0) > 0.45).all()
    assert np.max(strengths) < 1.5


def test_the_same_bytes_twice_and_no_known_pixel_changes() -> None:
    image, mask = coloured(0.5 + rough(4)), disc()
    patch = blended(image, mask)
    first, second = (texture.apply(patch).filled for _ in range(2))
    assert first.tobytes() == second.tobytes()
    np.testing.assert_array_equal(first[~mask], image[~mask])

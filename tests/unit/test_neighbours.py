from __future__ import annotations

import cv2
import numpy as np
import pytest
from score_fakes import pictures

from inpaint.errors import ImageError
from pretrain.neighbours import Memory, memory, nearest, small

TRAIN = small(pictures(2000, 0))
HELD_OUT = nearest(small(pictures(300, 1)), TRAIN)


def of(pixels: np.ndarray) -> Memory:
    return memory(nearest(small(pixels), TRAIN), HELD_OUT)


def test_nearest_is_what_a_loop_finds_and_sees_through_the_mirror() -> None:
    bank, rows = pictures(30, 2), pictures(5, 3)
    found = nearest(small(rows), small(bank), k=4)
    for i, row in enumerate(rows.astype(float) / 255):
        direct = np.sqrt(((bank / 255.0 - row) ** 2).mean((1, 2, 3)))
        mirrored = np.sqrt(((bank / 255.0 - row[:, ::-1]) ** 2).mean((1, 2, 3)))
        both = np.minimum(direct, mirrored)
        np.testing.assert_array_equal(found.index[i], both.argsort()[:4])
        np.testing.assert_allclose(found.distance[i], np.sort(both)[:4], atol=1e-5)
    copy = nearest(small(bank[7:8, :, ::-1]), small(bank), k=4)
    assert copy.index[0, 0] == 7
    assert copy.isolation[0] < 0.01


def test_copies_are_flagged_also_when_they_are_blurred_and_noisy() -> None:
    chosen = pictures(2000, 0)[::20]
    exact = of(chosen)
    assert exact.copied
    assert exact.share == 1
    assert exact.samples < 0.01 < exact.held_out
    rng = np.random.default_rng(0)
    worn = [cv2.GaussianBlur(p, (0, 0), 1.5) + rng.normal(0, 8, p.shape) for p in chosen]
    assert of(np.clip(worn, 0, 255).astype(np.uint8)).share > 0.9


def test_a_fifth_of_copies_is_enough() -> None:
    assert of(np.concatenate([pictures(2000, 0)[:40], pictures(160, 5)])).copied


def test_new_pictures_of_the_same_kind_are_not_flagged() -> None:
    shares = []
    for seed in range(10, 18):
        found = of(pictures(200, seed))
        assert not found.copied
        shares.append(found.share)
    assert 0.02 < np.mean(shares) < 0.08, "5 % are expected"


def test_blurred_pictures_are_nearer_to_all_and_still_not_flagged() -> None:
    """What a VAE draws: nearer to the training images than any held-out one, and no copy."""
    soft = pictures(200, 6).astype(float) * 0.4 + 0.6 * 127
    found = of(soft.astype(np.uint8))
    assert found.samples < found.held_out
    assert not found.copied


def test_too_few_training_images_are_refused() -> None:
    with pytest.raises(ImageError, match=r"50 training images; .* it takes 51 or more"):
        nearest(TRAIN[:3], TRAIN[:50])

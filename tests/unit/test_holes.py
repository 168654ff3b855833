"""Wide masks for training: shares, kinds, and that they are functions of their number."""

from __future__ import annotations

import numpy as np

from pretrain import holes


def test_masks_cover_what_they_promise_and_differ() -> None:
    masks = holes.draw(300, 64, seed=0)
    share = masks.mean((1, 2))
    assert masks.shape == (300, 64, 64)
    assert masks.dtype == bool
    assert (share >= holes.LEAST).all()
    assert (share <= 0.81).all()  # a protocol such as random80 is a little above MOST
    assert np.quantile(share, 0.9) > 0.5, "wide holes are what it is for"
    assert np.quantile(share, 0.1) < 0.15, "and narrow ones"
    assert len({mask.tobytes() for mask in masks}) > 200


def test_a_mask_hangs_on_its_number_and_the_seed_alone() -> None:
    many = holes.draw(60, 64, seed=3)
    junk = [np.empty(n) for n in range(1, 400)]  # arrays get other places in memory
    assert np.array_equal(holes.draw(60, 64, seed=3), many)
    assert np.array_equal(holes.draw(20, 64, seed=3), many[:20])
    assert not np.array_equal(holes.draw(60, 64, seed=4), many)
    del junk


def test_some_masks_reach_the_border_and_some_lie_inside() -> None:
    masks = holes.draw(200, 64, seed=1)
    touches = masks[:, 0].any(1) | masks[:, -1].any(1) | masks[:, :, 0].any(1)
    assert 0.2 < touches.mean() < 0.95

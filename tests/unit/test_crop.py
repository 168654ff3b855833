"""Boxes around holes, and who owns which."""

from __future__ import annotations

import time
from itertools import pairwise

import numpy as np
import pytest

from inpaint.errors import MaskError
from inpaint.pipeline.crop import Box, Crop, plan_crops, seeing


def masked(shape: tuple[int, int], *boxes: tuple[int, int, int, int]) -> np.ndarray:
    mask = np.zeros(shape, dtype=bool)
    for y0, x0, y1, x1 in boxes:
        mask[y0:y1, x0:x1] = True
    return mask


def check(mask: np.ndarray, crops: list[Crop]) -> None:
    owners = np.zeros(mask.shape, dtype=int)
    for crop in crops:
        box = crop.box
        assert 0 <= box.y0 < box.y1 <= mask.shape[0]
        assert 0 <= box.x0 < box.x1 <= mask.shape[1]
        assert crop.mask.shape == crop.own.shape == (box.height, box.width)
        unknown = mask & ~(owners > 0) if crop.earlier is not None else mask
        assert np.array_equal(crop.mask, unknown[box.slices])
        assert crop.own.any()
        owners[box.slices] += crop.own
    assert np.array_equal(owners, mask.astype(int))


def test_one_hole_gets_a_centred_square() -> None:
    mask = masked((600, 800), (200, 300, 300, 360))
    (crop,) = plan_crops(mask)
    assert crop.box == Box(150, 230, 350, 430)
    check(mask, [crop])


def test_context_and_min_side() -> None:
    mask = masked((600, 800), (200, 300, 210, 310))
    assert plan_crops(mask)[0].box.height == 64
    assert plan_crops(mask, min_side=8)[0].box.height == 20
    assert plan_crops(mask, min_side=8, context=0)[0].box == Box(200, 300, 210, 310)
    assert plan_crops(mask, min_side=8, context=2.5)[0].box.width == 35


@pytest.mark.parametrize(
    ("hole", "box"),
    [
        ((0, 0, 50, 50), Box(0, 0, 100, 100)),
        ((250, 350, 300, 400), Box(200, 300, 300, 400)),
        ((100, 360, 140, 400), Box(80, 320, 160, 400)),
    ],
)
def test_boxes_move_inward_at_the_border(hole: tuple[int, int, int, int], box: Box) -> None:
    mask = masked((300, 400), hole)
    assert plan_crops(mask)[0].box == box


def test_boxes_are_cut_where_the_image_is_smaller() -> None:
    mask = masked((90, 400), (10, 100, 80, 170))
    (crop,) = plan_crops(mask)
    assert crop.box == Box(0, 65, 90, 205)
    assert plan_crops(masked((30, 20), (3, 3, 5, 5)))[0].box == Box(0, 0, 30, 20)


def test_far_holes_have_their_own_crops_in_reading_order() -> None:
    mask = masked((600, 800), (500, 700, 520, 720), (20, 30, 40, 60), (500, 100, 520, 110))
    crops = plan_crops(mask)
    check(mask, crops)
    assert [(c.box.y0 < 100, c.box.x0 < 100) for c in crops] == [
        (True, True),
        (False, True),
        (False, False),
    ]


def test_near_holes_share_a_crop() -> None:
    mask = masked((600, 800), (300, 300, 320, 320), (300, 325, 320, 345))
    (crop,) = plan_crops(mask)
    check(mask, [crop])
    assert crop.own.sum() == 800


def test_specks_join_the_hole_beside_them() -> None:
    mask = masked((600, 800), (200, 300, 350, 450), (210, 455, 212, 457), (196, 296, 198, 298))
    (crop,) = plan_crops(mask)
    check(mask, [crop])


def test_a_row_of_letters_does_not_chain_up() -> None:
    mask = masked((500, 3000), *((200, x, 260, x + 40) for x in range(100, 2000, 65)))
    crops = plan_crops(mask, max_crops=100)
    check(mask, crops)
    assert max(c.box.width for c in crops) <= 240


def test_crossing_boxes_own_their_holes_only() -> None:
    mask = masked((400, 400), (100, 100, 200, 200), (100, 240, 200, 340))
    crops = plan_crops(mask)
    check(mask, crops)
    assert len(crops) == 2
    assert (crops[0].mask & ~crops[0].own).any()


def test_diagonal_pixels_are_one_hole() -> None:
    assert len(plan_crops(np.eye(300, dtype=bool))) == 1


def test_number_of_crops_is_bounded() -> None:
    mask = masked((1500, 1500), *((y, x, y + 5, x + 5) for y in range(50, 1500, 250)
                                  for x in range(50, 1500, 250)))  # fmt: skip
    assert len(plan_crops(mask, max_crops=100)) == 36
    for limit in (16, 5, 1):
        crops = plan_crops(mask, max_crops=limit)
        assert len(crops) == limit
        check(mask, crops)


@pytest.mark.parametrize("share", [0.8, 0.2, 0.001])
def test_scattered_holes_become_one_crop_quickly(share: float) -> None:
    mask = np.random.default_rng(0).random((1501, 2001)) < share
    start = time.perf_counter()
    crops = plan_crops(mask)
    assert time.perf_counter() - start < 1.0  # 0.05 s on an idle core
    assert [c.box for c in crops] == [Box(0, 0, 1501, 2001)]
    check(mask, crops)


def test_ownership_holds_on_coarse_grids() -> None:
    rng = np.random.default_rng(2)
    mask = np.zeros((701, 903), dtype=bool)
    mask[rng.integers(0, 701, 150), rng.integers(0, 903, 150)] = True
    crops = plan_crops(mask)
    check(mask, crops)
    assert len(crops) <= 16


def test_empty_and_full_masks() -> None:
    assert plan_crops(np.zeros((20, 30), dtype=bool)) == []
    full = np.ones((20, 30), dtype=bool)
    (crop,) = plan_crops(full)
    assert crop.box == Box(0, 0, 20, 30)


def test_plan_refuses_what_it_cannot_use() -> None:
    mask = np.ones((20, 30), dtype=bool)
    with pytest.raises(MaskError, match="expected bool"):
        plan_crops(mask.astype(np.uint8))
    for bad in ({"context": -1.0}, {"min_side": 0}, {"max_crops": 0}):
        with pytest.raises(ValueError, match="at least"):
            plan_crops(mask, **bad)


def ring(shape: tuple[int, int], margin: int) -> np.ndarray:
    mask = np.ones(shape, bool)
    mask[margin:-margin, margin:-margin] = False
    return mask


def diagonal(side: int, thick: int) -> np.ndarray:
    y, x = np.mgrid[0:side, 0:side]
    mask: np.ndarray = abs(y - x) < thick
    return mask


@pytest.mark.parametrize(
    "mask",
    [
        ring((1500, 2600), 64),
        np.pad(ring((1400, 2000), 50), 200),
        diagonal(2000, 6),
        masked((1600, 2400), (700, 100, 709, 2300)),
    ],
    ids=["around the picture", "frame", "diagonal", "wire"],
)
def test_a_long_thin_hole_is_cut_into_pieces(mask: np.ndarray) -> None:
    """Its crops cover less than a half of what one crop would, and the ends are known."""
    crops = plan_crops(mask)
    check(mask, crops)
    assert len(crops) > 3
    assert max(crop.box.height for crop in crops) <= 1300
    known = [np.count_nonzero(~crop.mask) / np.count_nonzero(crop.own) for crop in crops]
    assert min(known) > 0.5
    met = sum(bool(crop.earlier is not None and crop.earlier.any()) for crop in crops)
    assert met >= len(crops) - 2


def test_a_large_round_hole_and_a_small_long_one_stay_whole() -> None:
    (crop,) = plan_crops(masked((3000, 3000), (500, 500, 2000, 2000)))
    assert crop.earlier is None
    (crop,) = plan_crops(masked((900, 1000), (400, 100, 409, 600)))
    assert crop.earlier is None


def test_pieces_stay_aware_of_each_other_beside_transparent_pixels() -> None:
    mask = masked((1600, 2400), (700, 100, 709, 2300))
    unknown = mask.copy()
    unknown[:650] = True
    crops = plan_crops(mask)
    seen = [seeing(crop, unknown) for crop in crops]
    for before, after in pairwise(seen):
        both = Box(
            max(before.box.y0, after.box.y0),
            max(before.box.x0, after.box.x0),
            min(before.box.y1, after.box.y1),
            min(before.box.x1, after.box.x1),
        )

        def part(crop: Crop, what: np.ndarray, both: Box = both) -> np.ndarray:
            top, left = both.y0 - crop.box.y0, both.x0 - crop.box.x0
            return what[top : top + both.height, left : left + both.width]

        assert part(before, before.own).any()
        assert not (part(before, before.own) & part(after, after.mask)).any()
        assert part(after, after.mask)[: 650 - both.y0].all()

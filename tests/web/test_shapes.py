from __future__ import annotations

import time
from typing import Any

import cv2
import numpy as np
import pytest

from inpaint.errors import InpaintError, MaskError
from inpaint.images import from_array
from inpaint.web.shapes import (
    MOST_POINTS,
    MOST_SHAPES,
    ShapeError,
    mask_of,
    over_edge,
    region_of,
)

SIZE = (60, 80)


def stroke(*points: list[float], size: float = 10, **more: Any) -> dict[str, Any]:
    return {"kind": "stroke", "points": list(points), "size": size, **more}


def distances(ax: float, ay: float, bx: float, by: float) -> np.ndarray:
    """Of the pixels' middles from a segment: the definition that a stroke is held to."""
    y, x = np.mgrid[: SIZE[0], : SIZE[1]] + 0.5
    dx, dy = bx - ax, by - ay
    share = np.clip(((x - ax) * dx + (y - ay) * dy) / max(dx * dx + dy * dy, 1e-12), 0, 1)
    return np.hypot(x - ax - share * dx, y - ay - share * dy)


@pytest.mark.parametrize("size", [4, 9, 20])
@pytest.mark.parametrize("ends", [(20, 20, 60, 40), (30, 30, 30, 30), (10.5, 50.25, 70, 12.75)])
def test_a_stroke_is_all_within_half_its_size_to_a_pixel(
    ends: tuple[float, float, float, float], size: float
) -> None:
    ax, ay, bx, by = ends
    mask = mask_of([stroke([ax, ay], [bx, by], size=size)], SIZE)
    far = distances(*ends)
    assert mask[far <= size / 2 - 1].all()
    assert not mask[far > size / 2 + 1.1].any()


def test_one_point_is_a_dot() -> None:
    mask = mask_of([stroke([40, 30], size=12)], SIZE)
    assert mask[distances(40, 30, 40, 30) <= 5].all()
    assert not mask[distances(40, 30, 40, 30) > 7.1].any()


def test_a_box_is_its_pixels_and_erasing_takes_away() -> None:
    box = {"kind": "box", "box": [10, 5, 20, 30]}
    mask = mask_of([box], SIZE)
    assert mask.sum() == 600
    assert mask[5:35, 10:30].all()
    less = mask_of([box, {"kind": "box", "box": [10, 5, 20, 10], "erase": True}], SIZE)
    assert less.sum() == 400
    assert not less[5:15].any()
    again = mask_of([box, {**box, "erase": True}, box], SIZE)
    assert np.array_equal(again, mask)


def test_a_region_comes_back_as_it_was() -> None:
    rng = np.random.default_rng(0)
    mask = np.zeros(SIZE, bool)
    mask[7:31, 11:50] = rng.random((24, 39)) < 0.4
    shape = region_of(mask)
    assert shape["kind"] == "region"
    assert np.array_equal(mask_of([shape], SIZE), mask)


def test_what_lies_beyond_the_photo_is_cut_off() -> None:
    mask = mask_of([stroke([-500, 30], [5, 30]), {"kind": "box", "box": [70, 50, 99, 99]}], SIZE)
    assert mask[30, 0]
    assert mask[50:, 70:].all()


@pytest.mark.parametrize(
    "shapes",
    [
        None,
        "stroke",
        {},
        [1],
        [{}],
        [{"kind": "circle"}],
        [{"kind": ["stroke"]}],
        [stroke()],
        [stroke([1])],
        [stroke([1, 2, 3])],
        [stroke([1, "2"])],
        [stroke([1, True])],
        [stroke([1, float("nan")])],
        [stroke([1, float("inf")])],
        [stroke([1, 1e9])],
        [stroke([1, 1], size=0)],
        [stroke([1, 1], size=-3)],
        [stroke([1, 1], size="9")],
        [{"kind": "stroke", "points": [[1, 1]]}],
        [{"kind": "stroke", "points": "1,1", "size": 3}],
        [{"kind": "box"}],
        [{"kind": "box", "box": [1, 1, 0, 5]}],
        [{"kind": "box", "box": [1, 1, 5]}],
        [{"kind": "region", "box": [0, 0, 5, 5]}],
        [{"kind": "region", "box": [0, 0, 500, 5], "counts": "0"}],
        [{"kind": "region", "box": [-1, 0, 5, 5], "counts": "0"}],
        [{"kind": "region", "box": [0, 0, 5, 5], "counts": [25]}],
        [stroke([1, 1])] * (MOST_SHAPES + 1),
        [stroke(*[[1, 1]] * (MOST_POINTS + 1))],
    ],
)
def test_what_is_no_shape_is_refused_in_one_line(shapes: Any) -> None:
    with pytest.raises(ShapeError) as caught:
        mask_of(shapes, SIZE)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("counts", ["", "0", "~~~", "é", "99999999999999999999", "0o" * 500])
def test_damaged_run_lengths_are_refused(counts: str) -> None:
    with pytest.raises(InpaintError):
        mask_of([{"kind": "region", "box": [0, 0, 5, 5], "counts": counts}], SIZE)


def test_nothing_and_everything_are_refused() -> None:
    for shapes in ([], [stroke([10, 10]), {"kind": "box", "box": [0, 0, 80, 60], "erase": True}]):
        with pytest.raises(MaskError, match="no hole"):
            mask_of(shapes, SIZE)
    with pytest.raises(MaskError, match="everything"):
        mask_of([{"kind": "box", "box": [-1, -1, 99, 99]}], SIZE)


def test_what_is_brushed_is_widened_by_its_blur_but_not_where_erased() -> None:
    y, x = np.mgrid[:240, :240]
    disc: np.ndarray = np.hypot(y - 119.5, x - 119.5) <= 60
    alpha = cv2.GaussianBlur(disc.astype(np.float32), (0, 0), 3.0)[..., None]
    image = np.rint(60 + alpha * np.array([150, 120, 90])).astype(np.uint8)
    brush = stroke([120, 120], size=120)
    rub: dict[str, Any] = {"kind": "box", "box": [0, 0, 240, 55], "erase": True}
    reach = cv2.distanceTransform((~disc).astype(np.uint8), cv2.DIST_L2, 5)
    for drawn in ([brush], [brush, rub]):
        hole = mask_of(drawn, (240, 240))
        wider = over_edge(hole, drawn, from_array(image))
        assert (wider & hole).sum() == hole.sum()
        assert wider[(reach <= 4) & (y >= 60)].all()
        assert not wider[reach > 10].any()
        if rub in drawn:
            assert not wider[:55].any()
    region = region_of(disc)
    hole = mask_of([region], (240, 240))
    np.testing.assert_array_equal(over_edge(hole, [region], from_array(image)), hole)


def test_shapes_that_cover_too_much_together_are_refused() -> None:
    whole = (7000, 7000)
    box = {"kind": "box", "box": [0, 0, 6900, 7000]}
    with pytest.raises(ShapeError, match="cover more than 2048 million pixels together"):
        mask_of([box] * MOST_SHAPES, whole)
    long = stroke(*([float(k % 2 * 6000), 3000.0] for k in range(9999)), size=2000)
    with pytest.raises(ShapeError, match="cover more than"):
        mask_of([long], whole)
    assert mask_of([box] * 20, whole).mean() > 0.9  # what a person may draw


def test_drawing_ends_between_two_shapes_when_nobody_waits() -> None:
    drawn: list[int] = []

    def check() -> None:
        drawn.append(1)
        if len(drawn) == 3:
            raise InterruptedError

    with pytest.raises(InterruptedError):
        mask_of([stroke([40, 30])] * 9, SIZE, check)
    assert len(drawn) == 3


def test_edges_of_many_small_objects_are_measured_where_they_are() -> None:
    rng = np.random.default_rng(0)
    picture = from_array(rng.integers(0, 255, (3000, 3000, 3), dtype=np.uint8))
    dots = [stroke([30 + 50 * (k % 50), 30 + 50 * (k // 50)], size=24) for k in range(1000)]
    hole = mask_of(dots, (3000, 3000))
    begun = time.process_time()
    over_edge(hole, dots, picture)
    assert time.process_time() - begun < 10  # of minutes, when each looked at the whole photo


def test_edges_over_too_large_surroundings_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("inpaint.web.shapes.MOST_MEASURED", 1000)
    picture = from_array(np.zeros((*SIZE, 3), np.uint8))
    drawn = [stroke([40, 30], size=20)]
    with pytest.raises(ShapeError, match="surroundings"):
        over_edge(mask_of(drawn, SIZE), drawn, picture)

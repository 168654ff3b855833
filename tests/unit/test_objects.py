"""Boxes and polygons as masks, and the margin around an object."""

from __future__ import annotations

import math

import numpy as np
import pytest

from inpaint.errors import MaskError, SelectionError
from inpaint.masks import objects

SHAPE = (30, 40)


def by_hand(rows: slice, columns: slice) -> np.ndarray:
    mask = np.zeros(SHAPE, bool)
    mask[rows, columns] = True
    return mask


def even_odd(points: list[tuple[float, float]]) -> np.ndarray:
    """Pixel by pixel: count the edges that a ray to the left crosses."""
    mask = np.zeros(SHAPE, bool)
    for row in range(SHAPE[0]):
        for column in range(SHAPE[1]):
            x, y, crossed = column + 0.5, row + 0.5, 0
            for (x0, y0), (x1, y1) in zip(points, points[1:] + points[:1], strict=True):
                if (y0 <= y) != (y1 <= y):
                    crossed += x0 + (y - y0) * (x1 - x0) / (y1 - y0) <= x
            mask[row, column] = crossed % 2 == 1
    return mask


def test_a_box_is_its_columns_and_rows() -> None:
    found = objects.box(SHAPE, *objects.parse_box("10,8,15,12"))
    np.testing.assert_array_equal(found, by_hand(slice(8, 20), slice(10, 25)))


def test_a_box_takes_the_pixels_whose_centre_it_holds() -> None:
    found = objects.box(SHAPE, *objects.parse_box("1.4, 2.6, 2.2, 1"))
    np.testing.assert_array_equal(found, by_hand(slice(3, 4), slice(1, 4)))


def test_a_box_is_cut_at_the_border() -> None:
    found = objects.box(SHAPE, -5, 25, 10, 50)
    np.testing.assert_array_equal(found, by_hand(slice(25, 30), slice(0, 5)))


def test_the_polygon_through_the_corners_is_the_box() -> None:
    corners = objects.parse_polygon("10,8 25,8 25,20 10,20")
    for points in (corners, corners[::-1], corners[2:] + corners[:2]):
        found = objects.polygon(SHAPE, points)
        np.testing.assert_array_equal(found, by_hand(slice(8, 20), slice(10, 25)))


@pytest.mark.parametrize("seed", range(4))
def test_polygons_follow_the_even_odd_rule(seed: int) -> None:
    """Random ones cross themselves and leave the picture on all sides."""
    values = np.random.default_rng(seed).uniform((-10, -10), (50, 40), (7, 2))
    points = [(x, y) for x, y in values.tolist()]
    np.testing.assert_array_equal(objects.polygon(SHAPE, points), even_odd(points))


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("1,2,3", "not X,Y,W,H"),
        ("1,2,3,x", "not X,Y,W,H"),
        ("1,2,3,nan", "not X,Y,W,H"),
        ("", "not X,Y,W,H"),
        ("1,2,0,5", "0 wide"),
        ("1,2,5,-5", "-5 high"),
    ],
)
def test_bad_boxes_are_explained(text: str, part: str) -> None:
    with pytest.raises(SelectionError, match=part):
        objects.parse_box(text)


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("1,2 3,4", "polygon of 2 points"),
        ("1,2", "polygon of 1 point "),
        ("", "polygon of 0 points"),
        ("1,2 3,4 5", "'5' is not X,Y"),
        ("1,2 3,4 5,inf", "'5,inf' is not X,Y"),
    ],
)
def test_bad_polygons_are_explained(text: str, part: str) -> None:
    with pytest.raises(SelectionError, match=part):
        objects.parse_polygon(text)


def test_shapes_outside_name_the_size_of_the_picture() -> None:
    for x, y in ((40, 0), (0, 30), (-20, 0), (0, -20)):
        with pytest.raises(SelectionError, match="40x30 as shown"):
            objects.box(SHAPE, x, y, 10, 10)
        with pytest.raises(SelectionError, match="40x30 as shown"):
            objects.polygon(SHAPE, [(x, y), (x + 10, y), (x, y + 10)])
    with pytest.raises(SelectionError, match="no pixel"):
        objects.polygon(SHAPE, [(1, 1), (20, 20), (10, 10)])  # a line


@pytest.mark.parametrize(("side", "px"), [(10, 2), (60, 2), (200, 6), (1000, 30), (2000, 32)])
def test_the_margin_is_a_share_of_the_size(side: int, px: float) -> None:
    assert objects.margin(np.ones((side, side), bool)) == pytest.approx(px)


def test_widen_grows_by_the_margin_unless_told() -> None:
    mask = by_hand(slice(10, 20), slice(10, 25))
    before = mask.copy()
    grown = objects.widen(mask)
    assert grown[15, 8]
    assert not grown[15, 7]
    assert grown[8, 15]
    np.testing.assert_array_equal(objects.widen(mask, grow=0), mask)
    np.testing.assert_array_equal(mask, before)
    with pytest.raises(MaskError, match="distance"):
        objects.widen(mask, grow=math.nan)


def test_the_shadow_reaches_down_only() -> None:
    mask = by_hand(slice(2, 22), slice(10, 20))
    mask[2:12, 10:15] = False
    expected = mask.copy()
    expected[22:25, 10:20] = True  # 15 % of 20 rows
    np.testing.assert_array_equal(objects.with_shadow(mask), expected)
    low = by_hand(slice(10, 29), slice(3, 5))
    np.testing.assert_array_equal(objects.with_shadow(low), by_hand(slice(10, 30), slice(3, 5)))
    empty = np.zeros(SHAPE, bool)
    assert not objects.with_shadow(empty).any()

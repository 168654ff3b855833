from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from inpaint import images, masks
from inpaint.errors import ImageError, MaskError
from inpaint.images import Picture


def blob(height: int = 24, width: int = 31, seed: int = 0) -> np.ndarray:
    mask = np.zeros((height, width), bool)
    generator = np.random.default_rng(seed)
    mask[generator.integers(0, height, 5), generator.integers(0, width, 5)] = True
    mask[10:14, 12:20] = True
    return mask


def distance_to(points: np.ndarray) -> np.ndarray:
    """Distance of every pixel to the nearest True one, by brute force."""
    ys, xs = np.nonzero(points)
    y, x = np.mgrid[: points.shape[0], : points.shape[1]]
    squared = (y[..., None] - ys) ** 2 + (x[..., None] - xs) ** 2
    return np.sqrt(squared.min(axis=2))


def one_line(error: pytest.ExceptionInfo[MaskError]) -> str:
    text = str(error.value)
    assert "\n" not in text
    assert ";" in text
    return text


def save(path: Path, array: np.ndarray) -> Path:
    images.write(path, images.from_array(array))
    return path


def test_white_is_hole_from_128_on(tmp_path: Path) -> None:
    ramp = np.arange(256, dtype=np.uint8).reshape(16, 16)
    for array in (ramp, np.repeat(ramp[..., None], 3, axis=2)):
        mask = masks.load(save(tmp_path / "m.png", array))
        assert mask.dtype == np.bool_
        np.testing.assert_array_equal(mask, ramp >= 128)
        inverted = masks.load(tmp_path / "m.png", invert=True)
        np.testing.assert_array_equal(inverted, ramp < 128)


def test_threshold_scales_with_depth(tmp_path: Path) -> None:
    levels = np.array([[0, 128, 255, 32895], [32896, 40000, 65535, 1]], np.uint16)
    mask = masks.load(save(tmp_path / "m.png", levels))
    np.testing.assert_array_equal(mask, levels >= 32896)


def test_colour_counts_by_its_luma(tmp_path: Path) -> None:
    colours = np.array([[[255, 0, 0], [0, 255, 0], [0, 0, 255], [255, 255, 0]]], np.uint8)
    mask = masks.load(save(tmp_path / "m.png", colours))
    np.testing.assert_array_equal(mask, [[False, True, False, True]])


def test_one_bit_and_palette_masks(tmp_path: Path) -> None:
    expected = blob()
    Image.fromarray(expected).save(tmp_path / "bits.png")
    image = Image.fromarray(expected.astype(np.uint8))
    image.putpalette([0, 0, 0, 255, 255, 255])
    image.save(tmp_path / "palette.png")
    for name in ("bits.png", "palette.png"):
        np.testing.assert_array_equal(masks.load(tmp_path / name), expected)


@pytest.mark.parametrize("colour", [0, 90, 255])
def test_strokes_in_one_colour_on_a_transparent_layer(tmp_path: Path, colour: int) -> None:
    expected = blob()
    layer = np.full((*expected.shape, 4), colour, np.uint8)
    layer[..., 3] = np.where(expected, 200, 60)
    np.testing.assert_array_equal(masks.load(save(tmp_path / "m.png", layer)), expected)


def test_erased_strokes_do_not_count(tmp_path: Path) -> None:
    layer = np.zeros((4, 4, 4), np.uint8)
    layer[:2] = 255
    layer[1, :, 3] = 0  # white, but erased
    layer[2, :, 3] = 255  # black and opaque
    expected = np.zeros((4, 4), bool)
    expected[0] = True
    np.testing.assert_array_equal(masks.load(save(tmp_path / "m.png", layer)), expected)


def test_opaque_alpha_changes_nothing(tmp_path: Path) -> None:
    expected = blob()
    layer = np.repeat(expected[..., None], 4, axis=2).astype(np.uint8) * 255
    layer[..., 3] = 255
    np.testing.assert_array_equal(masks.load(save(tmp_path / "m.png", layer)), expected)


def test_load_checks(tmp_path: Path) -> None:
    path = save(tmp_path / "m.png", blob(24, 31))
    masks.load(path, shape=(24, 31, 3))
    with pytest.raises(MaskError, match=r"m\.png': the mask is 31x24, the image is 64x48 \(w") as e:
        masks.load(path, shape=(48, 64))
    one_line(e)
    black = save(tmp_path / "black.png", np.zeros((4, 4), np.uint8))
    with pytest.raises(MaskError, match=r"black\.png': the mask marks no hole"):
        masks.load(black)
    with pytest.raises(MaskError, match="marks everything as hole"):
        masks.load(black, invert=True)
    assert not masks.load(black, allow_empty=True).any()
    assert masks.load(black, invert=True, allow_full=True).all()
    with pytest.raises(ImageError, match="does not exist"):
        masks.load(tmp_path / "none.png")


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_from_alpha_is_the_erased_part(dtype: type) -> None:
    peak = np.iinfo(dtype).max
    pixels = np.zeros((2, 3, 4), dtype)
    pixels[..., 3] = [[0, peak - 1, peak], [peak, peak // 2, 1]]
    mask = masks.from_alpha(Picture(pixels))
    np.testing.assert_array_equal(mask, [[True, True, False], [False, True, True]])


def test_from_alpha_needs_alpha() -> None:
    with pytest.raises(MaskError, match=r"\(JPEG\) has no alpha channel.*erase the hole") as error:
        masks.from_alpha(Picture(np.zeros((2, 3, 3), np.uint8), format="JPEG"))
    one_line(error)


@pytest.mark.parametrize(
    "array",
    [
        blob(),
        blob()[..., None],
        blob().astype(np.uint8),
        blob().astype(np.uint8) * 255,
        blob().astype(np.uint16) * 65535,
        blob().astype(np.int64),
        blob().astype(np.int64) * 255,
        blob().astype(np.float32),
        np.where(blob(), 0.5, 0.499),
        np.where(blob(), 128, 127).astype(np.uint8),
    ],
)
def test_as_mask_reads_what_is_clear(array: np.ndarray) -> None:
    before = array.copy()
    mask = masks.as_mask(array, (24, 31, 3))
    assert mask.dtype == np.bool_
    np.testing.assert_array_equal(mask, blob())
    assert not np.shares_memory(mask, array)
    np.testing.assert_array_equal(array, before)


def test_as_mask_of_nothing_is_empty() -> None:
    for dtype in (bool, np.uint8, np.uint16, np.float32):
        assert not masks.as_mask(np.zeros((3, 4), dtype)).any()


@pytest.mark.parametrize(
    ("array", "text"),
    [
        (blob().astype(np.uint8) * 2, "uint8 with values from 0 to 2, expected bool"),
        (blob().astype(np.uint8) * 100, "from 0 to 100"),
        (-blob().astype(np.int8), "int8 with values from -1 to 0"),
        (blob().astype(np.int64) * 1000, "from 0 to 1000"),
        (blob() * 255.0, "float64 with values from 0 to 255"),
        (np.where(blob(), np.nan, 0.0), "from nan to nan"),
        (np.full((3, 4), "x"), "from nan to nan"),
        (np.zeros((4, 4, 3), bool), r"shape \(4, 4, 3\), expected \(H, W\)"),
        (np.zeros((1, 1, 4, 4), bool), r"shape \(1, 1, 4, 4\)"),
        (np.zeros((0, 4), bool), r"shape \(0, 4\)"),
        ([[True]], "the mask is list, expected a numpy array"),
        ("mask.png", "use masks.load for a path"),
    ],
)
def test_as_mask_refuses_what_is_not(array: np.ndarray, text: str) -> None:
    with pytest.raises(MaskError, match=text) as error:
        masks.as_mask(array)
    one_line(error)


def test_check() -> None:
    masks.check(blob(), (24, 31))
    with pytest.raises(MaskError, match=r"31x24, the image is 24x31 .*lies on its side") as error:
        masks.check(blob(), (31, 24, 3))
    one_line(error)
    with pytest.raises(MaskError, match=r"marks no hole.*paint the hole white") as error:
        masks.check(np.zeros((3, 4), bool), (3, 4))
    one_line(error)
    with pytest.raises(MaskError, match=r"everything as hole.*invert") as error:
        masks.check(np.ones((3, 4), bool), (3, 4))
    one_line(error)
    masks.check(np.zeros((3, 4), bool), (3, 4), allow_empty=True)
    masks.check(np.ones((3, 4), bool), (3, 4), allow_full=True)


@pytest.mark.parametrize("px", [0, 0.5, 1, 1.5, 2, 3, 5, 7.2, 100])
def test_grow_is_an_exact_disk(px: float) -> None:
    mask = blob()
    before = mask.copy()
    grown = masks.grow(mask, px)
    np.testing.assert_array_equal(grown, distance_to(mask) <= px)
    np.testing.assert_array_equal(mask, before)
    assert not np.shares_memory(grown, mask)


def test_holes_at_the_border_grow_and_fade_as_inside() -> None:
    mask = np.zeros((20, 30), bool)
    mask[:5, 24:] = True
    np.testing.assert_array_equal(masks.grow(mask, 3), distance_to(mask) <= 3)
    t = np.minimum(distance_to(~mask) / 4, 1)
    np.testing.assert_allclose(masks.feather(mask, 3), 3 * t**2 - 2 * t**3, atol=1e-6)


def test_grow_is_exact_far_away() -> None:
    mask = np.zeros((401, 401), bool)
    mask[200, 200] = True
    for px in (150, 190):
        np.testing.assert_array_equal(masks.grow(mask, px), distance_to(mask) <= px)


def test_grow_of_empty_and_full() -> None:
    assert not masks.grow(np.zeros((3, 4), bool), 5).any()
    assert masks.grow(np.ones((3, 4), bool), 5).all()


@pytest.mark.parametrize("px", [0, 1, 2.5, 4, 50])
@pytest.mark.parametrize("seed", range(3))
def test_feather_is_zero_at_known_pixels_and_smooth(px: float, seed: int) -> None:
    mask = masks.grow(blob(40, 50, seed), 6)
    weight = masks.feather(mask, px)
    assert weight.dtype == np.float32
    assert weight.shape == mask.shape
    assert (weight[~mask] == 0).all()
    assert (weight[mask] > 0).all()
    assert weight.max() <= 1
    depth = distance_to(~mask)
    assert (weight[depth >= px + 1] == 1).all()
    t = np.minimum(depth / (px + 1), 1)
    np.testing.assert_allclose(weight, 3 * t**2 - 2 * t**3, atol=1e-5)


def test_feather_without_width_is_the_mask() -> None:
    np.testing.assert_array_equal(masks.feather(blob(), 0), blob().astype(np.float32))


def test_feather_ignores_the_edge_of_the_image() -> None:
    mask = np.zeros((10, 40), bool)
    mask[:, :20] = True
    weight = masks.feather(mask, 4)
    assert (weight[:, 0] == 1).all()
    assert (masks.feather(np.ones((4, 4), bool), 3) == 1).all()
    assert (masks.feather(np.zeros((4, 4), bool), 3) == 0).all()


@pytest.mark.parametrize("px", [-1, float("nan"), float("inf")])
def test_distances_that_make_no_sense(px: float) -> None:
    for function in (masks.grow, masks.feather):
        with pytest.raises(MaskError, match="expected 0 or more") as error:
            function(blob(), px)
        one_line(error)


def test_components_connect_by_corners_and_are_sorted() -> None:
    mask = np.zeros((12, 20), bool)
    mask[8:10, 1:4] = True
    mask[1:3, 10:12] = True
    mask[3, 12] = True  # touches the one above by a corner
    mask[1, 2] = True
    mask[11, 19] = True
    assert masks.components(mask) == [
        (1, 2, 2, 3),
        (1, 10, 4, 13),
        (8, 1, 10, 4),
        (11, 19, 12, 20),
    ]
    assert all(type(side) is int for box in masks.components(mask) for side in box)


def test_components_cover_exactly_the_holes() -> None:
    assert masks.components(np.zeros((3, 4), bool)) == []
    assert masks.components(np.ones((3, 4), bool)) == [(0, 0, 3, 4)]
    mask = np.random.default_rng(0).random((60, 70)) < 0.1
    covered = np.zeros_like(mask)
    for y0, x0, y1, x1 in masks.components(mask):
        covered[y0:y1, x0:x1] = True
    assert covered[mask].all()
    assert masks.components(mask) == sorted(masks.components(mask))

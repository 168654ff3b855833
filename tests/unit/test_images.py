from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from image_samples import noise, one_line

from inpaint import images
from inpaint.errors import ImageError, MaskError
from inpaint.images import Picture


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_rgb01_is_exact_both_ways(dtype: type, channels: int) -> None:
    top = np.iinfo(dtype).max
    levels = np.arange(top + 1, dtype=dtype).reshape(16, -1)
    picture = Picture(np.repeat(levels[..., None], channels, axis=2))
    values = images.rgb01(picture)
    assert values.dtype == np.float32
    assert values.shape == (*levels.shape, 3)
    assert (values.min(), values.max()) == (0, 1)
    again = images.with_hole(picture, np.ones(levels.shape, bool), values)
    np.testing.assert_array_equal(again.pixels, picture.pixels)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_rgb8_is_rgb01_in_bytes(dtype: type, channels: int) -> None:
    picture = Picture(noise(20, 30, channels, dtype=dtype))
    before = picture.pixels.copy()
    values = images.rgb8(picture)
    assert values.dtype == np.uint8
    np.testing.assert_array_equal(values, np.rint(images.rgb01(picture).astype(float) * 255))
    values[:] = 0
    np.testing.assert_array_equal(picture.pixels, before)


def test_from_bytes_is_read_without_a_file(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    images.write(path, Picture(noise(5, 6, 4, dtype=np.uint16)))
    read, given = images.read(path), images.from_bytes(path.read_bytes())
    np.testing.assert_array_equal(read.pixels, given.pixels)
    with pytest.raises(ImageError, match=r"^the image is empty"):
        images.from_bytes(b"")
    with pytest.raises(ImageError, match=r"^mine is 6x5 pixels"):
        images.from_bytes(path.read_bytes(), name="mine", max_pixels=29)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("channels", [1, 2, 3, 4])
@pytest.mark.parametrize("opaque", [False, True])
def test_with_hole_changes_the_hole_only(dtype: type, channels: int, opaque: bool) -> None:
    picture = Picture(noise(20, 30, channels, dtype=dtype), icc=b"icc", exif=b"exif")
    before = picture.pixels.copy()
    mask = np.zeros((20, 30), bool)
    mask[5:10, 7:20] = True
    filled = np.random.default_rng(1).random((20, 30, 3), np.float32) * 1.4 - 0.2
    kept = (mask.copy(), filled.copy())
    result = images.with_hole(picture, mask, filled, opaque=opaque)
    np.testing.assert_array_equal(picture.pixels, before)
    np.testing.assert_array_equal(mask, kept[0])
    np.testing.assert_array_equal(filled, kept[1])
    np.testing.assert_array_equal(result.pixels[~mask], before[~mask])
    assert (result.icc, result.exif, result.pixels.dtype) == (b"icc", b"exif", dtype)
    top = np.iinfo(dtype).max
    values = filled[mask].astype(np.float64)
    if channels < 3:
        values = values @ np.array([[0.299], [0.587], [0.114]])
    colours = result.pixels[mask][:, : 1 if channels < 3 else 3]
    np.testing.assert_array_equal(colours, np.rint(values.clip(0, 1) * top))
    if picture.has_alpha:
        assert result.alpha is not None
        expected = top if opaque else before[mask][:, -1]
        np.testing.assert_array_equal(result.alpha[mask], expected)


def test_with_hole_refuses_what_does_not_fit() -> None:
    picture = Picture(noise(4, 5, 3))
    mask, filled = np.ones((4, 5), bool), np.zeros((4, 5, 3), np.float32)
    bad = filled.copy()
    bad[1, 2, 0] = np.nan
    with pytest.raises(ImageError, match="1 pixels that are NaN or infinite") as error:
        images.with_hole(picture, mask, bad)
    one_line(error)
    with pytest.raises(ImageError, match=r"shape \(5, 4, 3\).*expected float RGB in \[0, 1\]"):
        images.with_hole(picture, mask, filled.transpose(1, 0, 2))
    with pytest.raises(ImageError, match="the filled image is uint8"):
        images.with_hole(picture, mask, filled.astype(np.uint8))
    with pytest.raises(MaskError, match="the mask is uint8"):
        images.with_hole(picture, mask.astype(np.uint8), filled)


@pytest.mark.parametrize("shape", [(6, 7), (6, 7, 1), (6, 7, 2), (6, 7, 3), (6, 7, 4)])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.bool_, np.float32, np.float64])
def test_arrays_come_back_as_they_came(shape: tuple[int, ...], dtype: type) -> None:
    values = np.random.default_rng(0).random(shape)
    scale = np.iinfo(dtype).max if np.issubdtype(dtype, np.integer) else 1
    array = values > 0.5 if dtype == np.bool_ else (values * scale).astype(dtype)
    picture = images.from_array(array)
    assert picture.pixels.shape == (6, 7, shape[2] if len(shape) == 3 else 1)
    assert not np.shares_memory(picture.pixels, array)
    again = images.to_array(picture, like=array)
    assert again.dtype == array.dtype
    np.testing.assert_array_equal(again, array)  # floats too, though they were kept at 16 bits


def test_to_array_of_a_float_image_keeps_known_pixels_exactly() -> None:
    array = np.random.default_rng(0).random((6, 7, 3))
    mask = np.zeros((6, 7), bool)
    mask[2:4, 2:5] = True
    picture = images.from_array(array)
    done = images.with_hole(picture, mask, np.full((6, 7, 3), 0.25, np.float32))
    result = images.to_array(done, like=array)
    np.testing.assert_array_equal(result[~mask], array[~mask])
    np.testing.assert_allclose(result[mask], 0.25, atol=1e-5)
    with pytest.raises(ImageError, match="pass the array that the picture came from"):
        images.to_array(done, like=array[:-1])


def test_to_array_alone() -> None:
    assert images.to_array(Picture(noise(3, 4, 1))).shape == (3, 4)
    picture = Picture(noise(3, 4, 3))
    result = images.to_array(picture)
    assert not np.shares_memory(result, picture.pixels)
    np.testing.assert_array_equal(result, picture.pixels)


@pytest.mark.parametrize(
    ("array", "text"),
    [
        (np.zeros((3, 64, 64), np.uint8), r"\(3, 64, 64\).*channels seem to come first"),
        (np.zeros((64, 64, 7), np.uint8), r"\(64, 64, 7\).*expected \(H, W, C\)"),
        (np.zeros((2, 8, 8, 3), np.uint8), "one image at a time"),
        (np.zeros((0, 8), np.uint8), r"shape \(0, 8\)"),
        (np.zeros((8, 8), np.int64), "array of int64"),
        (np.full((8, 8), 255.0), r"from 255 to 255, expected \[0, 1\]"),
        (np.full((8, 8), -0.1), "from -0.1"),
        (np.full((8, 8), np.nan), "from nan to nan"),
        (np.full((8, 8), "a"), "array of <U1"),
        ("photo.png", "got str, expected a numpy array; use images.read"),
    ],
)
def test_arrays_that_are_no_images(array: np.ndarray, text: str) -> None:
    with pytest.raises(ImageError, match=text) as error:
        images.from_array(array)
    one_line(error)


def test_picture_refuses_other_arrays() -> None:
    with pytest.raises(ImageError, match=r"shape \(4, 4\), expected \(H, W, C\)"):
        Picture(np.zeros((4, 4), np.uint8))
    with pytest.raises(ImageError, match="type float64, expected uint8 or uint16"):
        Picture(np.zeros((4, 4, 3)))
    picture = Picture(noise(4, 6, 2))
    assert (picture.height, picture.width, picture.has_alpha) == (4, 6, True)
    assert Picture(noise(4, 6, 3)).alpha is None


def test_full_circle_outside_the_hole_is_bit_identical(tmp_path: Path) -> None:
    for name, pixels in (("a.png", noise(9, 9, 4, dtype=np.uint16)), ("a.webp", noise(9, 9, 4))):
        images.write(tmp_path / name, Picture(pixels))
        mask = np.zeros((9, 9), bool)
        mask[3:6, 3:6] = True
        done = images.with_hole(
            images.read(tmp_path / name), mask, np.full((9, 9, 3), 0.5, np.float32)
        )
        images.write(tmp_path / f"out-{name}", done)
        np.testing.assert_array_equal(
            images.read(tmp_path / f"out-{name}").pixels[~mask], pixels[~mask]
        )

from __future__ import annotations

import zlib
from pathlib import Path

import numpy as np
import PIL
import pytest
from image_samples import DATE, chunk, exif_block, noise, one_line, png_header, smooth
from PIL import Image

from inpaint import images
from inpaint.errors import ImageError
from inpaint.images.meta import ORIENTATION, upright


def test_palette_with_and_without_transparency(tmp_path: Path) -> None:
    image = Image.fromarray(smooth()).quantize(16)
    expected = np.asarray(image.convert("RGB"))
    image.save(tmp_path / "a.png")
    np.testing.assert_array_equal(images.read(tmp_path / "a.png").pixels, expected)
    image.save(tmp_path / "b.png", transparency=3)
    picture = images.read(tmp_path / "b.png")
    np.testing.assert_array_equal(picture.pixels[..., :3], expected)
    np.testing.assert_array_equal(picture.alpha == 0, np.asarray(image) == 3)


def test_one_bit_is_grey(tmp_path: Path) -> None:
    bits = noise(9, 13) > 127
    for name in ("a.png", "a.tif", "a.bmp"):
        Image.fromarray(bits).save(tmp_path / name)
        pixels = images.read(tmp_path / name).pixels
        np.testing.assert_array_equal(pixels[..., 0] == 255, bits)


def test_colour_key_becomes_alpha(tmp_path: Path) -> None:
    grey, rgb = noise(6, 7), noise(6, 7, 3)
    Image.fromarray(grey).save(tmp_path / "a.png", transparency=int(grey[0, 0]))
    seen = images.read(tmp_path / "a.png")
    np.testing.assert_array_equal(seen.alpha == 0, grey == grey[0, 0])
    Image.fromarray(rgb).save(tmp_path / "b.png", transparency=tuple(rgb[1, 1].tolist()))
    seen = images.read(tmp_path / "b.png")
    assert seen.alpha is not None
    assert seen.alpha[1, 1] == 0
    assert (seen.alpha == 0).sum() == 1


@pytest.mark.parametrize("colour", [0, 2])
def test_colour_key_at_16_bits(tmp_path: Path, colour: int) -> None:
    pixels = noise(6, 7, 3 if colour else 1, dtype=np.uint16)
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in pixels)
    key = chunk(b"tRNS", pixels[2, 3].astype(">u2").tobytes())
    data = png_header(7, 6, 16, colour) + key + chunk(b"IDAT", zlib.compress(rows))
    (tmp_path / "a.png").write_bytes(data + chunk(b"IEND", b""))
    picture = images.read(tmp_path / "a.png")
    np.testing.assert_array_equal(picture.pixels[..., :-1], pixels)
    assert picture.alpha is not None
    assert picture.alpha[2, 3] == 0
    assert (picture.alpha == 65535).sum() == 41


@pytest.mark.parametrize("icc", [None, b"not a profile"])
@pytest.mark.parametrize("name", ["a.jpg", "a.tif"])
def test_cmyk_becomes_rgb(tmp_path: Path, name: str, icc: bytes | None) -> None:
    image = Image.new("CMYK", (16, 16), (0, 255, 255, 0))
    image.save(tmp_path / name, icc_profile=icc)
    picture = images.read(tmp_path / name)
    assert picture.icc is None
    assert picture.qtables is None
    np.testing.assert_allclose(picture.pixels[8, 8], [255, 0, 0], atol=3)


def test_lab_tiff_becomes_rgb(tmp_path: Path) -> None:
    Image.new("LAB", (4, 4), (128, 128, 128)).save(tmp_path / "lab.tif")
    pixel = images.read(tmp_path / "lab.tif").pixels[0, 0].astype(int)
    assert np.ptp(pixel) <= 3
    assert 100 < pixel.mean() < 140


@pytest.mark.skipif(
    int(PIL.__version__.partition(".")[0]) < 13,
    reason="a Pillow before 13 does not read the TIFF in YCbCr that it writes",
)
def test_ycbcr_tiff_becomes_rgb(tmp_path: Path) -> None:
    Image.fromarray(smooth()).convert("YCbCr").save(tmp_path / "y.tif")
    seen = images.read(tmp_path / "y.tif").pixels
    assert np.abs(seen.astype(int) - smooth()).max() <= 3


@pytest.mark.parametrize("options", [{}, {"byteorder": ">"}, {"compression": "zlib"}])
def test_16_bit_tiffs_of_others(tmp_path: Path, options: dict[str, str]) -> None:
    import tifffile

    for shape in ((5, 7), (5, 7, 3), (5, 7, 4)):
        pixels = noise(*shape, dtype=np.uint16)
        extra = {"extrasamples": ["unassalpha"]} if shape[-1] == 4 else {}
        kind = "rgb" if len(shape) == 3 else "minisblack"
        tifffile.imwrite(tmp_path / "a.tif", pixels, photometric=kind, **extra, **options)
        np.testing.assert_array_equal(
            images.read(tmp_path / "a.tif").pixels, pixels.reshape(5, 7, -1)
        )


def test_16_bit_layout_that_opencv_mixes_up_is_refused_or_right(tmp_path: Path) -> None:
    import tifffile

    pixels = noise(3, 5, 7, dtype=np.uint16)
    tifffile.imwrite(tmp_path / "a.tif", pixels, photometric="rgb", planarconfig="separate")
    if not _opencv_reads_planes(tmp_path / "a.tif", pixels):
        with pytest.raises(ImageError, match="layout that cannot be read; save it as a 16 bit PNG"):
            images.read(tmp_path / "a.tif")
        return
    seen = images.read(tmp_path / "a.tif").pixels
    np.testing.assert_array_equal(seen, pixels.transpose(1, 2, 0))


def _opencv_reads_planes(path: Path, planes: np.ndarray) -> bool:
    import cv2

    seen = cv2.imdecode(np.frombuffer(path.read_bytes(), np.uint8), cv2.IMREAD_UNCHANGED)
    return np.array_equal(seen[..., ::-1], planes.transpose(1, 2, 0))


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.int16, np.int32, np.uint32])
@pytest.mark.parametrize("shape", [(5, 7), (5, 7, 3)])
def test_tiff_samples_that_cannot_be_used(
    tmp_path: Path, dtype: type, shape: tuple[int, ...]
) -> None:
    import tifffile

    kind = "rgb" if len(shape) == 3 else "minisblack"
    tifffile.imwrite(tmp_path / "a.tif", np.ones(shape, dtype), photometric=kind)
    with pytest.raises(ImageError, match="expected 8 or 16 bit unsigned ones; scale") as error:
        images.read(tmp_path / "a.tif")
    assert ("float" in one_line(error)) == np.issubdtype(dtype, np.floating)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("extension", [".png", ".jpg", ".webp", ".tif"])
def test_orientation_is_applied_once(tmp_path: Path, extension: str, orientation: int) -> None:
    image = Image.fromarray(smooth())
    # EXIF's number to Pillow's Transpose
    turn = {1: None, 2: 0, 3: 3, 4: 1, 5: 5, 6: 4, 7: 6, 8: 2}[orientation]
    expected = image if turn is None else image.transpose(Image.Transpose(turn))
    options = {"lossless": True} if extension == ".webp" else {"quality": 100, "subsampling": 0}
    if extension in (".png", ".tif"):
        options = {}
    image.save(tmp_path / f"a{extension}", exif=exif_block(orientation), **options)
    picture = images.read(tmp_path / f"a{extension}")
    difference = np.abs(picture.pixels.astype(int) - np.asarray(expected))
    assert difference.max() <= (4 if extension == ".jpg" else 0)
    images.write(tmp_path / f"b{extension}", picture)
    again = images.read(tmp_path / f"b{extension}")
    assert again.pixels.shape == picture.pixels.shape
    with Image.open(tmp_path / f"b{extension}") as seen:
        assert seen.getexif().get(ORIENTATION, 1) == 1
        assert seen.getexif()[0x010F] == "Cam"


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("compression", [None, "zlib"])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("channels", [1, 3])
def test_orientation_of_tiffs(
    tmp_path: Path, orientation: int, compression: str | None, dtype: type, channels: int
) -> None:
    import tifffile

    pixels = noise(5, 7, channels, dtype=dtype)
    tifffile.imwrite(
        tmp_path / "a.tif",
        pixels if channels == 3 else pixels[..., 0],
        photometric="rgb" if channels == 3 else "minisblack",
        compression=compression,
        extratags=[(ORIENTATION, "H", 1, orientation, True)],
    )
    np.testing.assert_array_equal(
        images.read(tmp_path / "a.tif").pixels, upright(pixels, orientation)
    )


def test_resolution_turns_with_the_picture(tmp_path: Path) -> None:
    Image.fromarray(smooth()).save(tmp_path / "a.jpg", exif=exif_block(6), dpi=(300, 100))
    assert images.read(tmp_path / "a.jpg").dpi == (100, 300)


def test_thumbnail_that_shows_what_was_erased_is_wiped(tmp_path: Path) -> None:
    secret = b"\xff\xd8 the ex \xff\xd9"
    Image.fromarray(smooth()).save(tmp_path / "a.jpg", exif=exif_block(6, thumbnail=secret))
    assert secret in (tmp_path / "a.jpg").read_bytes()
    picture = images.read(tmp_path / "a.jpg")
    for name in ("b.jpg", "b.png", "b.webp", "b.tif"):
        images.write(tmp_path / name, picture)
        assert secret not in (tmp_path / name).read_bytes()
    assert picture.exif is not None
    exif = Image.Exif()
    exif.load(picture.exif)
    assert exif[ORIENTATION] == 1
    assert exif.get_ifd(0x8769)[DATE] == "2020:01:01 00:00:00"

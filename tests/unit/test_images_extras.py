"""What a file says beside its pixels comes back where it stays true, and nothing is invented."""

from __future__ import annotations

import io
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from image_samples import chunk, smooth
from PIL import Image, PngImagePlugin, TiffImagePlugin

from inpaint import images, masks
from inpaint.errors import ImageError
from inpaint.images.indexed import told

HOLE = np.zeros((40, 60), bool)
HOLE[10:20, 20:40] = True


def grey() -> np.ndarray:
    y, x = np.mgrid[:40, :60]
    return np.asarray(x * 3 + y * 2, np.uint8)


def tiff(path: Path, array: np.ndarray, photometric: int = 1, extra: Any = ()) -> Path:
    """A plain grey TIFF, written by hand with the tags that are asked for."""
    d = TiffImagePlugin.ImageFileDirectory_v2()
    data = array.astype(array.dtype.newbyteorder("<")).tobytes()
    height, width = array.shape
    d[256], d[257], d[258], d[259], d[262] = width, height, array.itemsize * 8, 1, photometric
    d[273], d[277], d[278], d[279] = 0, 1, height, len(data)
    for tag, kind, value in extra:
        d.tagtype[tag] = kind
        d[tag] = value
    stream = io.BytesIO()
    d.save(stream)
    path.write_bytes(stream.getvalue() + data)
    return path


def filled(path: Path, out: Path, value: float = 0.4) -> images.Picture:
    """Read, fill the hole evenly, write; what was written."""
    before = images.read(path)
    hole = HOLE if before.pixels.shape[:2] == HOLE.shape else HOLE.T
    after = images.with_hole(before, hole, np.full((*hole.shape, 3), value, np.float32))
    images.write(out, after)
    again = images.read(out)
    np.testing.assert_array_equal(again.pixels[~hole], before.pixels[~hole])
    return after


@pytest.mark.parametrize("depth", [8, 16])
def test_white_is_zero_is_read_as_it_is_shown(tmp_path: Path, depth: int) -> None:
    shown = grey() if depth == 8 else grey().astype(np.uint16) * 257
    path = tiff(tmp_path / "a.tif", np.iinfo(shown.dtype).max - shown, photometric=0)
    np.testing.assert_array_equal(images.read(path).pixels[..., 0], shown)
    filled(path, tmp_path / "b.tif")
    with Image.open(tmp_path / "b.tif") as image:
        assert image.tag_v2[262] == 1  # type: ignore[attr-defined]
        stored = np.asarray(image)
    np.testing.assert_array_equal(stored[~HOLE], shown[~HOLE])
    white = np.where(HOLE, 0, np.iinfo(shown.dtype).max).astype(shown.dtype)
    np.testing.assert_array_equal(masks.load(tiff(tmp_path / "m.tif", white, 0)), HOLE)


R = TiffImagePlugin.IFDRational
TAGS = {
    "imagej": [
        (270, 2, "ImageJ=1.54f\nunit=micron\n"),
        (282, 5, R(53333, 10000)),
        (283, 5, R(53333, 10000)),
        (296, 3, 1),
    ],
    "scan": [(282, 5, R(300, 1)), (283, 5, R(600, 1)), (296, 3, 2), (305, 2, "Scanner 2")],
    "geo": [
        (33550, 12, (0.5, 0.5, 0.0)),
        (33922, 12, (0.0, 0.0, 0.0, 440720.0, 3751320.0, 0.0)),
        (34735, 3, (1, 1, 0, 1, 1024, 0, 1, 1)),
        (42113, 2, "0"),
    ],
    "xmp": [(700, 1, b"<x:xmpmeta>kept</x:xmpmeta>")],
    "none": [],
}


@pytest.mark.parametrize("kind", TAGS)
@pytest.mark.parametrize("depth", [8, 16])
def test_tags_of_a_tiff_stay_and_none_is_made_up(tmp_path: Path, kind: str, depth: int) -> None:
    array = grey() if depth == 8 else grey().astype(np.uint16) * 257
    path = tiff(tmp_path / "a.tif", array, extra=TAGS[kind])
    filled(path, tmp_path / "b.tif")
    with Image.open(path) as a, Image.open(tmp_path / "b.tif") as b:
        for tag, _, _ in TAGS[kind]:
            assert str(b.tag_v2[tag]) == str(a.tag_v2[tag])  # type: ignore[attr-defined]
        made = {282, 283, 296} - {tag for tag, _, _ in TAGS[kind]}
        assert kind in ("imagej", "scan") or not made & set(b.tag_v2)  # type: ignore[attr-defined]
    if kind == "none":
        assert images.read(path).dpi is None


def test_a_turned_tiff_exchanges_its_resolutions_and_loses_its_place_on_earth(
    tmp_path: Path,
) -> None:
    extra = [(274, 3, 6), *TAGS["geo"], *TAGS["scan"]]
    filled(tiff(tmp_path / "a.tif", grey(), extra=extra), tmp_path / "b.tif")
    with Image.open(tmp_path / "b.tif") as image:
        tags = image.tag_v2  # type: ignore[attr-defined]
        assert (float(tags[282]), float(tags[283])) == (600, 300)
        assert 33550 not in tags


def test_texts_gamma_and_xmp_of_a_png_stay(tmp_path: Path) -> None:
    info = PngImagePlugin.PngInfo()
    info.add_text("Author", "somebody")
    info.add_itxt("Title", "Größe", lang="de")
    info.add_text("Comment", "long " * 99, zip=True)
    info.add_text("Raw profile type exif", "hidden thumbnail")
    info.add_itxt("XML:com.adobe.xmp", "<x:xmpmeta>kept</x:xmpmeta>")
    for depth in (8, 16):
        array = grey() if depth == 8 else grey().astype(np.uint16) * 257
        stream = io.BytesIO()
        Image.fromarray(array).save(stream, "PNG", pnginfo=info)
        data = stream.getvalue()
        gamma = chunk(b"gAMA", struct.pack(">I", 100_000))  # linear light
        (tmp_path / "a.png").write_bytes(data[:33] + gamma + data[33:])
        filled(tmp_path / "a.png", tmp_path / "b.png")
        with Image.open(tmp_path / "b.png") as image:
            image.load()
            texts = image.text  # type: ignore[attr-defined]
            assert image.info["gamma"] == 1.0
        assert (texts["Author"], texts["Title"], texts["Comment"][:5]) == (
            *("somebody", "Größe"),
            "long ",
        )
        assert texts["XML:com.adobe.xmp"] == "<x:xmpmeta>kept</x:xmpmeta>"
        assert "Raw profile type exif" not in texts


XMP = (
    b'<x:xmpmeta><rdf:Description tiff:Orientation="6"><dc:title>kept</dc:title>'
    b"<xmp:Thumbnails><rdf:li><xmpGImg:image>c2VjcmV0</xmpGImg:image></rdf:li></xmp:Thumbnails>"
    b"</rdf:Description></x:xmpmeta>"
)


@pytest.mark.parametrize("form", ["JPEG", "WEBP"])
def test_xmp_stays_without_thumbnail_and_turn(tmp_path: Path, form: str) -> None:
    image = Image.fromarray(np.dstack([grey()] * 3))
    image.save(tmp_path / "a", form, xmp=XMP, **({"comment": b"hello"} if form == "JPEG" else {}))
    before = images.read(tmp_path / "a")
    images.write(tmp_path / "b", before, format=form.lower())
    with Image.open(tmp_path / "b") as after:
        xmp = after.info["xmp"]
        assert form != "JPEG" or after.info["comment"] == b"hello"
    assert b"kept" in xmp
    assert b'tiff:Orientation="1"' in xmp
    assert b"c2VjcmV0" not in xmp
    for other in ("png", "tiff", "webp", "jpg"):
        images.write(tmp_path / "c", before, format=other)
        again = images.read(tmp_path / "c").extras
        assert again is not None
        assert again.xmp is not None, other
        assert b"kept" in again.xmp


@pytest.mark.parametrize("ending", [".png", ".tif", ".bmp"])
def test_one_bit_stays_one_bit_where_the_fill_is_black_and_white(
    tmp_path: Path, ending: str
) -> None:
    path, out = tmp_path / f"a{ending}", tmp_path / f"b{ending}"
    Image.fromarray(grey() > 90).save(path)
    kind = {".png": "PNG", ".tif": "TIFF", ".bmp": "BMP"}[ending]
    after = filled(path, out, value=1.0)
    with Image.open(out) as image:
        assert image.mode == "1"
        np.testing.assert_array_equal(np.asarray(image), after.pixels[..., 0] > 0)
    assert told(after, kind) is None
    after = filled(path, out, value=0.4)
    with Image.open(out) as image:
        assert image.mode == "L"
    assert "1 bit is written in 8 bits" in str(told(after, kind))


@pytest.mark.parametrize("clear", [False, True])
def test_a_palette_stays_where_it_has_room(tmp_path: Path, clear: bool) -> None:
    image = Image.fromarray(np.dstack([grey(), grey()[::-1], grey()])).quantize(12)
    image.save(tmp_path / "a.png", **({"transparency": 3} if clear else {}))
    after = filled(tmp_path / "a.png", tmp_path / "b.png")
    with Image.open(tmp_path / "b.png") as written:
        assert written.mode == "P"
    np.testing.assert_array_equal(images.read(tmp_path / "b.png").pixels, after.pixels)
    assert told(after, "PNG") is None
    before = images.read(tmp_path / "a.png")
    many = np.random.default_rng(0).random((40, 60, 3))
    whole = np.ones((40, 60), bool)
    after = images.with_hole(before, whole, many)
    images.write(tmp_path / "c.png", after)
    np.testing.assert_array_equal(images.read(tmp_path / "c.png").pixels, after.pixels)
    assert "beyond the palette" in str(told(after, "PNG"))


def test_cmyk_is_said_to_be_converted(tmp_path: Path) -> None:
    Image.fromarray(smooth()).convert("CMYK").save(tmp_path / "a.jpg")
    assert (
        told(images.read(tmp_path / "a.jpg"), "JPEG") == "its CMYK colours were converted to sRGB"
    )


def test_a_float_tiff_is_refused_with_the_range_to_use(tmp_path: Path) -> None:
    Image.fromarray((grey() / 510).astype(np.float32)).save(tmp_path / "a.tif")
    with pytest.raises(ImageError, match=r"32 bit float samples.*black to white onto 0 to 65535"):
        images.read(tmp_path / "a.tif")


def test_a_damaged_png_with_a_resolution_is_refused(tmp_path: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (40, 40, 3)).astype(np.uint8)
    stream = io.BytesIO()
    Image.fromarray(noise).save(stream, "PNG", dpi=(300, 300))
    data = bytearray(stream.getvalue())
    data[len(data) // 2] ^= 0x55
    (tmp_path / "a.png").write_bytes(data)
    with pytest.raises(ImageError, match="damaged"):
        images.read(tmp_path / "a.png")

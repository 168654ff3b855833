"""AVIF and HEIC: told apart, read, filled and written; a missing extra is named."""

from __future__ import annotations

import io
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
from image_samples import exif_block, smooth
from PIL import Image, features

from inpaint import images
from inpaint.errors import ImageError, OutputError
from inpaint.images.phones import bits_of, brand

avif = pytest.mark.skipif(not features.check("avif"), reason="a Pillow without AVIF")


def box(major: bytes, *compatible: bytes) -> bytes:
    inner = b"ftyp" + major + bytes(4) + b"".join(compatible)
    return (len(inner) + 4).to_bytes(4, "big") + inner


@pytest.mark.parametrize(
    ("head", "kind"),
    [
        (box(b"avif", b"mif1"), "AVIF"),
        (box(b"mif1", b"avif", b"miaf"), "AVIF"),
        (box(b"mif1", b"heic"), "HEIC"),
        (box(b"heic", b"mif1"), "HEIC"),
        (box(b"mif1"), "HEIC"),
        (box(b"isom", b"mp42"), None),
        (b"\x89PNG\r\n\x1a\n" + bytes(30), None),
    ],
)
def test_brands_tell_avif_from_heic(head: bytes, kind: str | None) -> None:
    assert brand(head + bytes(20)) == kind


def photo_of(bits: int, *, first: bytes = b"") -> bytes:
    """As much of an AVIF or HEIC as tells its bits a sample: an alpha of 8 comes first."""
    meta = b"".join(
        (16).to_bytes(4, "big") + b"pixi" + bytes(4) + bytes([count, *[deep] * count])
        for count, deep in ((1, 8), (3, bits))
    )
    inner = b"meta" + bytes(4) + meta
    rest = b"\0\0\0\x18mdat..pixi\0\0\0\0\x01\x10"  # coded pixels may hold any word
    return box(b"heic") + first + (len(inner) + 4).to_bytes(4, "big") + inner + rest


@pytest.mark.parametrize("bits", [8, 10, 12])
def test_the_depth_is_told_by_the_head(bits: int) -> None:
    assert bits_of(photo_of(bits)) == bits
    assert bits_of(photo_of(bits, first=b"\0\0\0\x0cfree....")) == bits
    for end in range(len(photo_of(bits))):
        assert bits_of(photo_of(bits)[:end]) in (8, bits)


@avif
@pytest.mark.skipif(not cv2.haveImageWriter("a.avif"), reason="an OpenCV that writes no AVIF")
def test_what_ten_bits_lose_is_said(tmp_path: Path) -> None:
    deep = smooth().astype(np.uint16) * 4
    data = cv2.imencode(".avif", deep, [cv2.IMWRITE_AVIF_DEPTH, 10])[1].tobytes()
    picture = images.from_bytes(data)
    assert picture.extras is not None
    assert picture.extras.note == "its samples of 10 bits were read as 8 bits"
    assert np.abs(picture.pixels[..., ::-1].astype(int) - smooth()).mean() < 6


def test_what_a_deep_heic_loses_is_said() -> None:
    pillow_heif = pytest.importorskip("pillow_heif")
    deep = smooth().astype(np.uint16) * 257
    file = pillow_heif.from_bytes("RGB;16", deep.shape[1::-1], deep.tobytes())
    stream = io.BytesIO()
    file.save(stream, quality=95)
    picture = images.from_bytes(stream.getvalue())
    assert picture.extras is not None
    assert picture.extras.note == "its samples of 10 bits were read as 8 bits"
    assert np.abs(picture.pixels.astype(int) - smooth()).mean() < 6


@avif
def test_avif_is_read_upright_and_written(tmp_path: Path) -> None:
    pixels = smooth()
    Image.fromarray(pixels).save(tmp_path / "a.avif", quality=100, exif=exif_block(1))
    picture = images.read(tmp_path / "a.avif")
    assert (picture.format, picture.lossless) == ("AVIF", False)
    assert np.abs(picture.pixels.astype(int) - pixels).mean() < 4
    assert picture.exif is not None
    images.write(tmp_path / "b.avif", picture)
    again = images.read(tmp_path / "b.avif")
    assert again.format == "AVIF"
    assert np.abs(again.pixels.astype(int) - picture.pixels).mean() < 4
    images.write(tmp_path / "c.jpg", picture)
    assert images.read(tmp_path / "c.jpg").format == "JPEG"
    (tmp_path / "cut.avif").write_bytes((tmp_path / "a.avif").read_bytes()[:200])
    with pytest.raises(ImageError, match=r"cut\.avif' is damaged or cut short \(AVIF"):
        images.read(tmp_path / "cut.avif")
    with pytest.raises(OutputError, match="16 bits a channel, AVIF stores 8"):
        images.write(tmp_path / "d.avif", images.from_array(np.zeros((4, 4), np.uint16)))


def test_a_missing_extra_is_named_with_its_install_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pillow_heif", None)
    (tmp_path / "a.jpg").write_bytes(box(b"heic", b"mif1") + bytes(99))
    with pytest.raises(
        ImageError, match=r"a\.jpg'.*HEIC.*pip install 'latent-inpaint\[heif\]'"
    ) as error:
        images.read(tmp_path / "a.jpg")
    assert "\n" not in str(error.value)
    with pytest.raises(OutputError, match=r"pip install 'latent-inpaint\[heif\]'"):
        images.write(tmp_path / "b.heic", images.from_array(smooth()))
    assert not (tmp_path / "b.heic").exists()


def test_a_heic_of_ten_bits_is_read_in_eight_and_says_so(tmp_path: Path) -> None:
    pillow_heif = pytest.importorskip("pillow_heif")
    ramp = np.linspace(0, 65535, 64 * 64).astype(np.uint16).reshape(64, 64)
    data = np.repeat(ramp[..., None], 3, 2).tobytes()
    pillow_heif.from_bytes(mode="RGB;16", size=(64, 64), data=data).save(tmp_path / "ten.heic")
    picture = images.read(tmp_path / "ten.heic")
    assert picture.pixels.dtype == np.uint8
    assert picture.extras.note == "its samples of 10 bits were read as 8 bits"
    images.write(tmp_path / "eight.heic", picture)
    assert images.read(tmp_path / "eight.heic").extras.note is None


def test_heic_is_read_and_written(tmp_path: Path) -> None:
    pillow_heif = pytest.importorskip("pillow_heif")
    pixels = smooth()
    pillow_heif.from_pillow(Image.fromarray(pixels)).save(
        tmp_path / "a.heic", quality=100, exif=exif_block(6)
    )
    picture = images.read(tmp_path / "a.heic")
    assert picture.format == "HEIC"
    assert picture.pixels.shape in (pixels.shape, pixels.transpose(1, 0, 2).shape)
    images.write(tmp_path / "b.heic", picture)
    again = images.read(tmp_path / "b.heic")
    assert again.format == "HEIC"
    assert np.abs(again.pixels.astype(int) - picture.pixels).mean() < 4
    images.write(tmp_path / "c.jpg", picture)
    assert images.read(tmp_path / "c.jpg").pixels.shape == picture.pixels.shape

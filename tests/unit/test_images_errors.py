from __future__ import annotations

import io
import struct
import tracemalloc
import warnings
from pathlib import Path

import numpy as np
import pytest
from image_samples import noise, one_line, png_header, smooth
from PIL import Image

from inpaint import images
from inpaint.errors import ImageError
from inpaint.images import Picture


def test_missing_folder_and_permission(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ImageError, match=r"nowhere\.png' does not exist.*check the path") as error:
        images.read(tmp_path / "nowhere.png")
    one_line(error)
    with pytest.raises(ImageError, match="is a folder, expected an image file") as error:
        images.read(tmp_path)
    one_line(error)
    with pytest.raises(ImageError, match="null byte") as error:
        images.read("a\0b.png")
    one_line(error)

    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    (tmp_path / "a.png").write_bytes(b"")
    monkeypatch.setattr("builtins.open", refuse)  # chmod does not stop root
    with pytest.raises(ImageError, match="permission denied") as error:
        images.read(tmp_path / "a.png")
    one_line(error)


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (b"", r"is empty \(0 bytes\)"),
        (b"hello world\nnot an image", "is not an image: it begins with the text 'hello world'"),
        (
            b"GIF89a" + bytes(40),
            "is a GIF, expected one of PNG, JPEG, WebP, TIFF, BMP",
        ),
        (b"\0\0\0\x18ftypheic" + bytes(20), "HEIC"),
        (b"\0\0\0\x1cftypavif" + bytes(20), "AVIF"),
        (b"\x89PNG\r\n\x1a\n", "damaged or cut short"),
        (b"\xff\xd8\xff\xe0", "damaged or cut short"),
        (b"BM", "damaged or cut short"),
        (b"II*\0", "damaged or cut short"),
        (b"RIFF\x10\0\0\0WEBP", "damaged or cut short"),
        (b"RIFF\x10\0\0\0WEBPVP8L\0\0\0\0", "damaged or cut short"),
    ],
)
def test_content_that_is_no_image(tmp_path: Path, content: bytes, text: str) -> None:
    (tmp_path / "a\nb.png").write_bytes(content)
    with pytest.raises(ImageError, match=text) as error:
        images.read(tmp_path / "a\nb.png")
    assert "a\\nb.png" in one_line(error)


def test_extension_does_not_count(tmp_path: Path) -> None:
    Image.fromarray(smooth()).save(tmp_path / "a.jpg", "PNG")
    assert images.read(tmp_path / "a.jpg").format == "PNG"


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "TIFF", "BMP", "png16", "tiff16"])
def test_truncated_file_is_never_half_grey(
    tmp_path: Path, kind: str, capfd: pytest.CaptureFixture[str]
) -> None:
    if kind.endswith("16"):
        images.write(tmp_path / "b", Picture(noise(40, 40, 3, dtype=np.uint16)), format=kind[:-2])
    else:
        Image.fromarray(noise(40, 40, 3)).save(tmp_path / "b", kind)
    whole = (tmp_path / "b").read_bytes()
    path = tmp_path / "a"
    for size in [*range(40, len(whole) - 60, len(whole) // 15), len(whole) - 60]:
        path.write_bytes(whole[:size])
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            with pytest.raises(ImageError, match="damaged or cut short") as error:
                images.read(path)
        one_line(error)
    captured = capfd.readouterr()
    assert captured.out + captured.err == ""


def test_corrupted_png_is_refused(tmp_path: Path) -> None:
    stream = io.BytesIO()
    Image.fromarray(noise(40, 40, 3)).save(stream, "PNG")
    data = bytearray(stream.getvalue())
    data[len(data) // 2] ^= 0x55
    (tmp_path / "a.png").write_bytes(data)
    with pytest.raises(ImageError, match="damaged"):
        images.read(tmp_path / "a.png")


def huge_headers() -> dict[str, bytes]:
    riff = b"RIFF\x40\0\0\0WEBP"
    vp8x = struct.pack("<4sIIHBHB", b"VP8X", 10, 0, 16382, 0, 16382, 0)
    vp8 = b"VP8 " + struct.pack("<I", 10) + bytes(6) + struct.pack("<HH", 16383, 16383)
    bmp = struct.pack("<2sIII", b"BM", 54, 0, 54)
    bmp += struct.pack("<IiiHHIIiiII", 40, 20000, 15000, 1, 24, 0, 0, 0, 0, 0, 0)
    jpeg = b"\xff\xd8\xff\xc0\0\x11\x08" + struct.pack(">HH", 20000, 15000)
    jpeg += b"\x03\x01\x11\0\x02\x11\0\x03\x11\0\xff\xda" + bytes(20)
    tiff = b"II*\0\x08\0\0\0" + struct.pack("<H", 9)
    for tag, value in (
        (256, 20000), (257, 15000), (258, 8), (259, 1), (262, 1), (273, 8), (277, 1), (278, 15000),
        (279, 300000000),
    ):  # fmt: skip
        tiff += struct.pack("<HHII", tag, 4, 1, value)
    return {
        "png": png_header(20000, 15000) + bytes(100),
        "png16": png_header(20000, 15000, depth=16) + bytes(100),
        "webp": riff + vp8x + vp8,
        "webp simple": riff + vp8,
        "webp lossless": riff + struct.pack("<4sIBI", b"VP8L", 5, 0x2F, 16382 | 16382 << 14),
        "bmp": bmp + bytes(100),
        "jpeg": jpeg,
        "tiff": tiff + bytes(100),
    }


@pytest.mark.parametrize("kind", sorted(huge_headers()))
def test_huge_header_is_refused_before_memory_is_taken(tmp_path: Path, kind: str) -> None:
    (tmp_path / "a").write_bytes(huge_headers()[kind])
    limit = Image.MAX_IMAGE_PIXELS
    tracemalloc.start()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            with pytest.raises(ImageError, match=r"\(\d+ million\), the limit is 200") as error:
                images.read(tmp_path / "a")
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert "raise max_pixels" in one_line(error)
    assert peak < 20_000_000
    assert limit == Image.MAX_IMAGE_PIXELS


def test_limit_is_an_argument_and_not_pillows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Image.fromarray(smooth()).save(tmp_path / "a.png")
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 10)  # Pillow alone would refuse
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert images.read(tmp_path / "a.png").width == 48
    with pytest.raises(ImageError, match="48x32 pixels"):
        images.read(tmp_path / "a.png", max_pixels=48 * 32 - 1)


@pytest.mark.parametrize(("kind", "what"), [("WEBP", "frames"), ("TIFF", "pages"), ("PNG", "fra")])
def test_several_frames(tmp_path: Path, kind: str, what: str) -> None:
    frames = [Image.fromarray(noise(8, 8, 3, seed=i)) for i in range(3)]
    frames[0].save(tmp_path / "a", kind, save_all=True, append_images=frames[1:])
    with pytest.raises(ImageError, match=f"has 3 {what}.*, expected one; extract") as error:
        images.read(tmp_path / "a")
    one_line(error)

"""What the tests of images share: arrays, EXIF blocks, hand made headers."""

from __future__ import annotations

import struct
import zlib

import numpy as np
import pytest
from PIL import ImageCms

from inpaint.errors import InpaintError
from inpaint.images.meta import EXIF_PREFIX, ORIENTATION

SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
DATE = 0x9003


def noise(*shape: int, dtype: type = np.uint8, seed: int = 0) -> np.ndarray:
    top = np.iinfo(dtype).max
    return np.random.default_rng(seed).integers(0, top, shape, dtype=dtype, endpoint=True)


def smooth(height: int = 32, width: int = 48) -> np.ndarray:
    y, x = np.mgrid[:height, :width]
    return np.stack([x * 5, y * 7, (x + y) * 3], axis=2).clip(0, 255).astype(np.uint8)


def exif_block(orientation: int = 1, thumbnail: bytes = b"") -> bytes:
    """A camera-like block: make and orientation, an EXIF directory, a thumbnail directory."""
    make, date = b"Cam\0", b"2020:01:01 00:00:00\0"
    entry = struct.Struct("<HHII").pack
    ifd0_at, exif_at, ifd1_at = 8, 8 + 2 + 3 * 12 + 4, 8 + 2 + 36 + 4 + 2 + 12 + 4
    date_at = ifd1_at + 2 + 24 + 4
    thumb_at = date_at + len(date)
    ifd0 = struct.pack("<H", 3) + struct.pack("<HHI4s", 0x010F, 2, 4, make)
    ifd0 += entry(ORIENTATION, 3, 1, orientation) + entry(0x8769, 4, 1, exif_at)
    ifd0 += struct.pack("<I", ifd1_at if thumbnail else 0)
    exif = struct.pack("<H", 1) + entry(DATE, 2, 20, date_at) + struct.pack("<I", 0)
    ifd1 = struct.pack("<H", 2) + entry(0x0201, 4, 1, thumb_at)
    ifd1 += entry(0x0202, 4, 1, len(thumbnail)) + struct.pack("<I", 0)
    return (
        EXIF_PREFIX + b"II*\0" + struct.pack("<I", ifd0_at) + ifd0 + exif + ifd1 + date + thumbnail
    )


def png_header(width: int, height: int, depth: int = 8, colour: int = 2) -> bytes:
    body = b"IHDR" + struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n\0\0\0\r" + body + struct.pack(">I", zlib.crc32(body))


def one_line(error: pytest.ExceptionInfo[InpaintError]) -> str:
    text = str(error.value)
    assert "\n" not in text
    assert text.count(";") >= 1, "no advice: " + text
    return text


def chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

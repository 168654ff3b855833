"""What travels beside the pixels: EXIF blocks, orientation, and what a WebP header tells."""

from __future__ import annotations

import struct

import numpy as np
from PIL import Image

EXIF_PREFIX = b"Exif\0\0"
ORIENTATION = 0x0112
_EXIF_IFD, _GPS_IFD = 0x8769, 0x8825
# Make, model, description, software, date, artist and copyright: what the directory of a TIFF
# shares with an EXIF block. Its other entries describe how the pixels were stored.
_SHARED_TAGS = (0x010E, 0x010F, 0x0110, 0x0131, 0x0132, 0x013B, 0x8298)


def upright(pixels: np.ndarray, orientation: int) -> np.ndarray:
    """Return (H, W, C) pixels turned as EXIF orientation 1 to 8 asks; others are ignored."""
    if orientation in (5, 6, 7, 8):
        pixels = pixels.transpose(1, 0, 2)
    if orientation in (2, 3, 6, 7):
        pixels = pixels[:, ::-1]
    if orientation in (3, 4, 7, 8):
        pixels = pixels[::-1]
    return np.ascontiguousarray(pixels)


def orientation_of(image: Image.Image) -> int:
    """Return the EXIF orientation, 1 where there is none or the block is damaged."""
    try:
        return int(image.getexif().get(ORIENTATION, 1))
    except Exception:
        # Pillow raises many kinds of errors, and an invalid block must not cost the user the image.
        return 1


def cleaned_exif(raw: bytes | None) -> bytes | None:
    """Return an EXIF block with orientation 1 and no thumbnail; None if it cannot be parsed.

    The block is patched in place rather than rebuilt: maker notes hold offsets that a rebuilt
    block would break. The thumbnail's bytes are zeroed, not only unlinked.
    """
    if not raw:
        return None
    data = bytearray(raw.removeprefix(EXIF_PREFIX))
    try:
        order, entries, link = _opened(data)
        if ORIENTATION in entries:
            struct.pack_into(order + "H", data, entries[ORIENTATION], 1)
        second = struct.unpack_from(order + "I", data, link)[0] if link + 4 <= len(data) else 0
        if second:
            struct.pack_into(order + "I", data, link, 0)
            _blank_thumbnail(data, order, second)
    except struct.error:
        return None
    return EXIF_PREFIX + bytes(data)


def sized_exif(exif: bytes | None, *, width: int, height: int) -> bytes | None:
    """Return an EXIF block that says this size in pixels, where it says one at all."""
    if not exif:
        return exif
    data = bytearray(exif.removeprefix(EXIF_PREFIX))
    try:
        order, entries, _ = _opened(data)
        if _EXIF_IFD in entries:
            second = struct.unpack_from(order + "I", data, entries[_EXIF_IFD])[0]
            inner, _ = _directory(data, order, second)
            for tag, side in ((0xA002, width), (0xA003, height)):
                if tag in inner:
                    kind = struct.unpack_from(order + "H", data, inner[tag] - 6)[0]
                    if kind == 3 and side > 0xFFFF:
                        continue
                    struct.pack_into(order + ("H" if kind == 3 else "I"), data, inner[tag], side)
    except struct.error:
        return exif
    return EXIF_PREFIX + bytes(data)


def _opened(data: bytearray) -> tuple[str, dict[int, int], int]:
    """Return the byte order, and what ``_directory`` says of the first directory.

    Raises struct.error for a block that cannot be parsed.
    """
    order = {b"II": "<", b"MM": ">"}.get(bytes(data[:2]))
    if order is None:
        raise struct.error("no byte order")
    first = struct.unpack_from(order + "I", data, 4)[0]
    return order, *_directory(data, order, first)


def _directory(data: bytearray, order: str, offset: int) -> tuple[dict[int, int], int]:
    """Return the place of each tag's value, and the place of the link to the next directory."""
    count = struct.unpack_from(order + "H", data, offset)[0]
    places = [offset + 2 + 12 * i for i in range(count)]
    return (
        {struct.unpack_from(order + "H", data, p)[0]: p + 8 for p in places},
        offset + 2 + 12 * count,
    )


def _blank_thumbnail(data: bytearray, order: str, offset: int) -> None:
    """Zero the bytes of the thumbnail that the directory at ``offset`` describes."""
    entries, _ = _directory(data, order, offset)
    for start_tag, length_tag in ((0x0201, 0x0202), (0x0111, 0x0117)):  # JPEG, or plain strips
        if start_tag in entries and length_tag in entries:
            start = struct.unpack_from(order + "I", data, entries[start_tag])[0]
            length = struct.unpack_from(order + "I", data, entries[length_tag])[0]
            end = min(start + length, len(data))
            data[start:end] = bytes(max(end - start, 0))


def tiff_exif(image: Image.Image) -> bytes | None:
    """Return what a TIFF knows about its making as an EXIF block, or None."""
    try:
        source, block = image.getexif(), Image.Exif()
        for tag in _SHARED_TAGS:
            if tag in source:
                block[tag] = source[tag]
        for tag in (_EXIF_IFD, _GPS_IFD):
            if values := dict(source.get_ifd(tag)):
                block.get_ifd(tag).update(values)
                block[tag] = values
        return block.tobytes() if len(block) else None
    except Exception:  # see orientation_of
        return None


def exif_for_tiff(exif: bytes) -> dict[int, object]:
    """Return the entries of an EXIF block that belong into a TIFF's own directory."""
    block = Image.Exif()
    block.load(exif)
    entries: dict[int, object] = {tag: block[tag] for tag in _SHARED_TAGS if tag in block}
    for tag in (_EXIF_IFD, _GPS_IFD):
        if values := dict(block.get_ifd(tag)):
            entries[tag] = values
    return entries


def fitting_icc(icc: bytes | None, channels: int) -> bytes | None:
    """Return the profile if it describes that many channels (1 or 2 grey, 3 or 4 RGB).

    A grey profile on RGB pixels makes viewers show wrong colours or refuse the file.
    """
    space = {1: b"GRAY", 2: b"GRAY", 3: b"RGB ", 4: b"RGB "}[channels]
    return icc if icc and icc[16:20] == space else None


def webp_header(data: bytes) -> tuple[int, int, bool]:
    """Return width, height and whether a WebP file is lossless, without decoding it.

    Raises
    ------
    ValueError
        If the header is cut short or not a WebP header.
    """
    size: tuple[int, int] | None = None
    place = 12
    try:
        while place < len(data):
            kind, length = struct.unpack_from("<4sI", data, place)
            body = place + 8
            if kind == b"VP8X" and size is None:
                low = struct.unpack_from("<HBHB", data, body + 4)
                size = (low[0] + (low[1] << 16) + 1, low[2] + (low[3] << 16) + 1)
            elif kind == b"VP8L":
                bits = struct.unpack_from("<I", data, body + 1)[0]
                width, height = size or ((bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1)
                return width, height, True
            elif kind == b"VP8 ":
                width, height = struct.unpack_from("<HH", data, body + 6)
                return *(size or (width & 0x3FFF, height & 0x3FFF)), False
            elif kind == b"ANMF":  # frames hold their own chunks; the caller refuses animations
                break
            place = body + length + (length & 1)
    except struct.error as error:
        raise ValueError("WebP header cut short") from error
    if size is None:
        raise ValueError("WebP without an image")
    return *size, False

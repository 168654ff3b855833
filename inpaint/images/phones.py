"""AVIF and HEIC, the formats of phones: Pillow reads the first, pillow-heif the second."""

from __future__ import annotations

import io
from typing import Any

from PIL import Image

from inpaint.errors import ImageError, OutputError

_AVIF = frozenset({b"avif", b"avis"})
_HEIC = frozenset({b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1"})
_BOX = 8  # bytes of a box's head: its size and its type
INSTALL = "pip install 'latent-inpaint[heif]'"


def brand(head: bytes) -> str | None:
    """Tell AVIF from HEIC by the brands at the beginning of a file; None for anything else.

    Both may call themselves ``mif1`` first, so that the compatible brands decide.
    """
    if head[4:8] != b"ftyp":
        return None
    end = min(int.from_bytes(head[:4], "big"), len(head))
    brands = {head[8:12], *(head[place : place + 4] for place in range(16, end, 4))}
    return "AVIF" if brands & _AVIF else "HEIC" if brands & _HEIC else None


def bits_of(data: bytes) -> int:
    """Return the bits per sample that an AVIF or HEIC file states in ``pixi``, 8 if it does not.

    Phones store 10 bits for photos of a high dynamic range.
    """
    start, bits = 0, 8
    while start + _BOX <= len(data):
        size = int.from_bytes(data[start : start + 4], "big")
        # Only this box is searched, because the coded pixels may hold the letters by chance.
        if data[start + 4 : start + 8] == b"meta":
            meta = data[start : start + size]
            place = meta.find(b"pixi")
            while place >= 0:
                channels = meta[place + 8 : place + 9]  # after the type, version and flags
                bits = max(bits, *meta[place + 9 :][: channels[0] if channels else 0], 0)
                place = meta.find(b"pixi", place + 4)
        if size < _BOX:  # up to the end of the file, or damaged
            break
        start += size
    return bits


def check_readable(kind: str) -> None:
    """Raise ImageError where what a format needs is not installed; other formats need nothing."""
    if kind == "AVIF":
        from PIL import features

        if not features.check("avif"):
            raise ImageError("this Pillow reads no AVIF; run: pip install --upgrade pillow")
    if kind == "HEIC":
        try:
            import pillow_heif
        except ImportError:
            raise ImageError(
                f"this is a HEIC photo, which needs the extra 'heif'; install it with: {INSTALL}"
            ) from None
        pillow_heif.register_heif_opener()


def open_avif(stream: io.BytesIO) -> Any:
    """Open an AVIF; raises ImageError where this Pillow cannot."""
    check_readable("AVIF")
    from PIL import AvifImagePlugin

    return AvifImagePlugin.AvifImageFile(stream)


def open_heic(stream: io.BytesIO) -> Any:
    """Open a HEIC; raises ImageError where the extra is missing."""
    check_readable("HEIC")
    return Image.open(stream, formats=["HEIF"])


def save(image: Image.Image, kind: str, options: dict[str, Any]) -> bytes:
    """Encode an image of 8 bits as AVIF or HEIC.

    Raises
    ------
    OutputError
        If what is needed for it is not installed.
    """
    stream = io.BytesIO()
    if kind == "AVIF":
        image.save(stream, "AVIF", **options)
        return stream.getvalue()
    try:
        import pillow_heif
    except ImportError:
        raise OutputError(
            f"HEIC needs the extra 'heif'; install it with: {INSTALL}, or choose .jpg"
        ) from None
    pillow_heif.register_heif_opener()
    image.save(stream, "HEIF", **options)
    return stream.getvalue()

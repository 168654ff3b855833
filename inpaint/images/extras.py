"""What a file says besides its pixels and stays true after a fill: tags, texts, XMP, comments.

These are kept only if the same kind of file is written again. What could still show the erased part
is never kept: thumbnails, layers of an editor, other pages.
"""

from __future__ import annotations

import re
import struct
import zlib
from dataclasses import dataclass, replace
from typing import Any

from PIL import Image, TiffImagePlugin

from inpaint.images import phones

RESOLUTION = (282, 283, 296)
# The tags of resolution, page, position, artist, scanner, ImageJ, IPTC and GeoTIFF.
_TAGS = (
    *(269, 271, 272, 282, 283, 285, 286, 287, 296, 297, 305, 306, 315, 316, 33432),
    *(33723, 50838, 50839),
)
_PLACED = (33550, 33922, 34264, 34735, 34736, 34737, 42112, 42113)  # wrong once it is turned
_COLOUR = frozenset({b"gAMA", b"cHRM", b"sRGB", b"cICP"})
_TEXT = frozenset({b"tEXt", b"zTXt", b"iTXt"})
_XMP_WORD = b"XML:com.adobe.xmp"
_RAW = b"Raw profile type"  # EXIF and others as a text, with their thumbnails
_LONGEST_XMP = 65_000  # bytes that one segment of a JPEG holds
_THUMBNAILS = re.compile(rb"<xmp:Thumbnails\b.*?</xmp:Thumbnails>", re.S)
_IMAGES = re.compile(rb"<(xmpGImg:image|photoshop:[A-Za-z]*Thumbnail)\b.*?</\1>", re.S)
_TURN = re.compile(rb"(tiff:Orientation(?:=[\"']|>))[2-8]")


@dataclass(frozen=True, eq=False)
class Extras:
    """What a file says besides pixels, profile, EXIF and resolution.

    Attributes
    ----------
    tags : tuple of (int, int, object)
        Number, type and value of each tag of a TIFF.
    chunks : tuple of (bytes, bytes)
        Kind and content of each chunk of a PNG.
    xmp : bytes or None
        The XMP packet, without thumbnails and with orientation 1.
    comment : bytes or None
        The comment of a JPEG.
    palette : tuple of int or None
        The entries of a palette image as 0xRRGGBB, in their order.
    one_bit : bool
        Whether the file had one bit for each pixel.
    note : str or None
        A sentence for users about what reading had to change.
    """

    tags: tuple[tuple[int, int, Any], ...] = ()
    chunks: tuple[tuple[bytes, bytes], ...] = ()
    xmp: bytes | None = None
    comment: bytes | None = None
    palette: tuple[int, ...] | None = None
    one_bit: bool = False
    note: str | None = None


def extras_of(image: Image.Image, data: bytes, kind: str, *, turned: bool) -> Extras:
    """Collect them from an image that Pillow has opened and loaded.

    Parameters
    ----------
    image : Image
        The image.
    data : bytes
        Its file.
    kind : str
        The format.
    turned : bool
        Whether its sides were exchanged to stand upright.
    """
    palette = None
    if image.mode == "P" and image.palette is not None:
        flat = image.getpalette("RGB") or []
        palette = tuple(
            r << 16 | g << 8 | b for r, g, b in zip(flat[::3], flat[1::3], flat[2::3], strict=False)
        )
    comment = image.info.get("comment") if kind == "JPEG" else None
    return Extras(
        tags=_tags(image, turned=turned) if kind == "TIFF" else (),
        chunks=_chunks(data) if kind == "PNG" else (),
        xmp=_clean(_xmp(image)),
        comment=comment if isinstance(comment, bytes) else None,
        palette=palette,
        one_bit=image.mode == "1",
        note=_note(image, data, kind),
    )


def _note(image: Image.Image, data: bytes, kind: str) -> str | None:
    """Return a sentence for users about what of an image was not kept as it was, or None."""
    if image.mode in ("CMYK", "LAB"):
        return f"its {image.mode} colours were converted to sRGB"
    bits = phones.bits_of(data) if kind in ("AVIF", "HEIC") else 8
    return f"its samples of {bits} bits were read as 8 bits" if bits > 8 else None


def white_is_zero(image: Image.Image) -> bool:
    """Return whether a TIFF of 16 bit grey stores white as 0, which Pillow heeds in 8 bits only."""
    return image.mode.startswith("I;16") and getattr(image, "tag_v2", {}).get(262) == 0


def has_resolution(image: Image.Image) -> bool:
    """Return whether a TIFF tells its resolution; Pillow invents one where there is none."""
    return 282 in getattr(image, "tag_v2", {})


def _tags(image: Image.Image, *, turned: bool) -> tuple[tuple[int, int, Any], ...]:
    directory: Any = getattr(image, "tag_v2", {})
    swap = {282: 283, 283: 282, 286: 287, 287: 286} if turned else {}
    wanted = _TAGS if turned else (*_TAGS, *_PLACED)
    return tuple(
        (swap.get(tag, tag), directory.tagtype[tag], directory[tag])
        for tag in wanted
        if tag in directory
    )


def unplaced(extras: Extras) -> Extras:
    """The same without the tags that are true only while pixel (0, 0) and the scale stay."""
    wrong = {*_PLACED, 286, 287}
    return replace(extras, tags=tuple(tag for tag in extras.tags if tag[0] not in wrong))


def add_tags(directory: TiffImagePlugin.ImageFileDirectory_v2, extras: Extras) -> None:
    """Copy the tags of a TIFF to the directory of a new one, but for those that it cannot hold."""
    tags = list(extras.tags)
    if extras.xmp:
        tags.append((700, 1, extras.xmp))
    for tag, kind, value in tags:
        if tag in directory:
            continue
        trial = TiffImagePlugin.ImageFileDirectory_v2()
        try:
            trial.tagtype[tag] = kind
            trial[tag] = value
            trial.tobytes(8)
        except Exception:  # scanners write invalid tags, and the picture matters more than the tag
            continue
        directory.tagtype[tag] = kind
        directory[tag] = value


def _chunks(data: bytes) -> tuple[tuple[bytes, bytes], ...]:
    """Return the colour and text chunks of a PNG, in their order."""
    found, place = [], 8
    while place + 12 <= len(data):
        length, kind = struct.unpack_from(">I4s", data, place)
        body = data[place + 8 : place + 8 + length]
        word = body.partition(b"\0")[0]
        text = kind in _TEXT and word != _XMP_WORD and not word.startswith(_RAW)
        if (kind in _COLOUR or text) and len(body) == length:
            found.append((kind, body))
        place += 12 + length
    return tuple(found)


def with_chunks(png: bytes, extras: Extras) -> bytes:
    """Insert chunks, and XMP as another chunk, behind the header of a PNG."""
    chunks = list(extras.chunks)
    if extras.xmp:
        chunks.append((b"iTXt", _XMP_WORD + b"\0\0\0\0\0" + extras.xmp))
    end = 8 + 12 + 13  # the header is always the first chunk
    made = b"".join(
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        for kind, body in chunks
    )
    return png[:end] + made + png[end:]


def _xmp(image: Image.Image) -> bytes | None:
    found = image.info.get("xmp") or image.info.get("XML:com.adobe.xmp")
    if found is None:
        found = getattr(image, "tag_v2", {}).get(700)
    if isinstance(found, tuple):
        found = bytes(found)
    return found.encode() if isinstance(found, str) else found


def _clean(xmp: bytes | None) -> bytes | None:
    """Return XMP without pictures of what was erased, with the orientation of the pixels."""
    if not isinstance(xmp, bytes) or not xmp.strip(b"\0 \n"):
        return None
    clean = _TURN.sub(rb"\g<1>1", _IMAGES.sub(b"", _THUMBNAILS.sub(b"", xmp)))
    return None if b"xmpGImg:image" in clean else clean


def fits_jpeg(xmp: bytes | None) -> bool:
    """Return whether there is an XMP packet that fits into one segment of a JPEG."""
    return bool(xmp) and len(xmp or b"") <= _LONGEST_XMP

"""Makes the bytes of an image file from a :class:`~inpaint.images.picture.Picture`."""

from __future__ import annotations

import io
import struct
import warnings
import zlib
from typing import Any

import numpy as np
from PIL import Image, TiffImagePlugin

from inpaint.errors import OutputError
from inpaint.images import phones
from inpaint.images.extras import add_tags, fits_jpeg, with_chunks
from inpaint.images.indexed import indexed, is_one_bit
from inpaint.images.meta import EXIF_PREFIX, exif_for_tiff, fitting_icc
from inpaint.images.picture import Picture

EXTENSIONS = {
    ".png": "PNG",
    ".jpg": "JPEG",
    ".jpeg": "JPEG",
    ".webp": "WEBP",
    ".tif": "TIFF",
    ".tiff": "TIFF",
    ".bmp": "BMP",
    ".avif": "AVIF",
    ".heic": "HEIC",
    ".heif": "HEIC",
}
LONGEST_SIDE = {"JPEG": 65535, "WEBP": 16383, "AVIF": 65535, "HEIC": 16384}
# A photo of 12 MP: level 3 takes a third of the time of the usual 6 and 15 % more space.
PNG_LEVEL = 3
FINE_QUALITY = 95  # for lossy files where nothing is known of how the source was compressed
_JPEG_EXIF_LIMIT = 65533
_STRIP_BYTES = 1 << 22


def format_named(name: str) -> str:
    """Return the format that an extension or the name of a format stands for.

    Raises
    ------
    OutputError
        If no format that can be written is called so.
    """
    kind = EXTENSIONS.get("." + name.lower().removeprefix("."))
    if kind is None:
        what = f"unknown image format {name!r}" if name else "the output's name has no extension"
        raise OutputError(f"{what}; use one of {', '.join(EXTENSIONS)}")
    return kind


def check_storable(picture: Picture, kind: str) -> None:
    """Raise OutputError if the format cannot hold the picture's alpha, depth or size."""
    if kind in ("JPEG", "BMP") and picture.has_alpha:
        raise OutputError(
            f"the picture has transparency, which {kind} cannot store; choose .png or .webp"
        )
    if kind in ("JPEG", "BMP", "WEBP", "AVIF", "HEIC") and picture.pixels.dtype != np.uint8:
        raise OutputError(
            f"the picture has 16 bits a channel, {kind} stores 8; choose .png or .tiff"
        )
    longest = max(picture.height, picture.width)
    if longest > LONGEST_SIDE.get(kind, longest):
        raise OutputError(
            f"the picture is {picture.width}x{picture.height}, {kind} stores at most "
            f"{LONGEST_SIDE[kind]} pixels a side; choose .png or .tiff"
        )


def encode(picture: Picture, kind: str, *, quality: int | None = None) -> bytes:
    """Encode a picture.

    Parameters
    ----------
    picture : Picture
        What to write, with the profile, EXIF block and resolution to write beside it.
    kind : str
        "PNG", "JPEG", "WEBP", "TIFF", "BMP", "AVIF" or "HEIC".
    quality : int, optional
        1 to 100, for JPEG and WebP; the others are lossless and ignore it. By default a picture
        that was a JPEG keeps its tables, and a WebP is lossless unless its source was lossy.

    Raises
    ------
    OutputError
        If the format cannot hold the picture, the quality is out of range, or encoding fails.
    """
    if quality is not None and not 1 <= quality <= 100:
        raise OutputError(f"quality is {quality}, expected 1 to 100; 95 is hard to tell from 100")
    check_storable(picture, kind)
    try:
        if kind == "TIFF":
            return _tiff(picture)
        deep = picture.pixels.dtype == np.uint16
        data = _png16(picture) if deep else _with_pillow(picture, kind, quality)
        own = picture.extras and kind == "PNG"
        return with_chunks(data, picture.extras) if own and picture.extras else data
    except OutputError:
        raise
    except Exception as error:  # encoders raise OSError, ValueError, struct.error and more
        reason = " ".join(str(error).split()) or type(error).__name__
        raise OutputError(f"cannot encode as {kind}: {reason}; choose another format") from error


def _with_pillow(picture: Picture, kind: str, quality: int | None) -> bytes:
    pixels = picture.pixels
    if kind in ("WEBP", "AVIF", "HEIC") and pixels.shape[2] < 3:  # WebP stores no grey
        pixels = pixels[..., [0, 0, 0, 1][: 3 + (pixels.shape[2] == 2)]]
    options: dict[str, Any] = {"compress_level": PNG_LEVEL} if kind == "PNG" else {}
    if kind == "JPEG":
        options = _jpeg_options(picture, quality)
    elif kind == "WEBP":
        options = (
            {"lossless": True}
            if quality is None and picture.lossless
            else {"quality": FINE_QUALITY if quality is None else quality}
        )
        options["exact"] = True  # otherwise colours under transparent pixels are thrown away
    elif kind in ("AVIF", "HEIC"):
        options = {"quality": FINE_QUALITY if quality is None else quality}
    if picture.dpi is not None:
        options["dpi"] = picture.dpi
    if icc := fitting_icc(picture.icc, pixels.shape[2]):
        options["icc_profile"] = icc
    if picture.exif and not (kind == "JPEG" and len(picture.exif) > _JPEG_EXIF_LIMIT):
        options["exif"] = picture.exif
    extras = picture.extras
    if extras and (kind == "WEBP" or (kind == "JPEG" and fits_jpeg(extras.xmp))) and extras.xmp:
        options["xmp"] = extras.xmp
    if extras and extras.comment and kind == "JPEG":
        options["comment"] = extras.comment
    image = Image.fromarray(pixels[..., 0] if pixels.shape[2] == 1 else pixels)
    if kind in ("PNG", "BMP") and is_one_bit(picture):
        image = image.convert("1")
    elif kind == "PNG" and (found := indexed(picture)):
        indices, table, alphas = found
        image = Image.fromarray(indices)
        image.putpalette(table)
        options |= {"transparency": alphas} if alphas else {}
        options.pop("icc_profile", None)
        if picture.icc:
            options["icc_profile"] = picture.icc
    if kind in ("AVIF", "HEIC"):
        return phones.save(image, kind, options)
    stream = io.BytesIO()
    image.save(stream, kind, **options)
    return stream.getvalue()


def _jpeg_options(picture: Picture, quality: int | None) -> dict[str, Any]:
    if quality is None and picture.qtables is not None:
        return {
            "qtables": [list(table) for table in picture.qtables],
            "subsampling": picture.subsampling or 0,
        }
    return {"quality": FINE_QUALITY if quality is None else quality, "subsampling": 0}


def _png16(picture: Picture) -> bytes:
    """Encode a 16 bit PNG by hand: Pillow writes only grey, OpenCV neither profile nor EXIF."""
    height, width, channels = picture.pixels.shape
    rows = np.ascontiguousarray(picture.pixels.astype(">u2")).view(np.uint8).reshape(height, -1)
    # Filter 2 ("up") for each row: cheap in numpy, and photos compress well enough with it.
    filtered = np.full((height, rows.shape[1] + 1), 2, np.uint8)
    filtered[:, 1:] = rows
    filtered[1:, 1:] -= rows[:-1]
    colour_type = {1: 0, 2: 4, 3: 2, 4: 6}[channels]
    parts = [
        b"\x89PNG\r\n\x1a\n",
        _chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 16, colour_type, 0, 0, 0)),
    ]
    if icc := fitting_icc(picture.icc, channels):
        parts.append(_chunk(b"iCCP", b"ICC Profile\0\0" + zlib.compress(icc)))
    if picture.dpi is not None:
        x, y = (round(value / 0.0254) for value in picture.dpi)
        parts.append(_chunk(b"pHYs", struct.pack(">IIB", x, y, 1)))
    if picture.exif:
        parts.append(_chunk(b"eXIf", picture.exif.removeprefix(EXIF_PREFIX)))
    parts += [_chunk(b"IDAT", zlib.compress(filtered.tobytes(), PNG_LEVEL)), _chunk(b"IEND", b"")]
    return b"".join(parts)


def _chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def _tiff(picture: Picture) -> bytes:
    """Encode a deflated TIFF of either depth, which neither Pillow nor OpenCV does with EXIF."""
    pixels = picture.pixels
    if pixels.dtype == np.uint16 and pixels.shape[2] == 2:
        pixels = pixels[..., [0, 0, 0, 1]]  # hardly any program reads 16 bit grey with alpha
    height, width, channels = pixels.shape
    one_bit = is_one_bit(picture)
    depth = 1 if one_bit else pixels.dtype.itemsize * 8
    step = max(1, _STRIP_BYTES // (width * channels * pixels.dtype.itemsize))
    strip = _bits if one_bit else _strip
    strips = [strip(pixels[top : top + step]) for top in range(0, height, step)]
    sizes = [len(strip) for strip in strips]

    directory = TiffImagePlugin.ImageFileDirectory_v2()
    if picture.exif:
        _add_exif(directory, picture.exif)
    directory[256], directory[257] = width, height
    directory[258] = (depth,) * channels
    directory[259] = 8  # Adobe deflate
    directory[262] = 2 if channels > 2 else 1  # RGB, or grey with black at zero
    directory[273] = tuple(int(n) for n in np.cumsum([0, *sizes[:-1]]))  # made absolute by save
    directory[277] = channels
    directory[278] = step
    directory[279] = tuple(sizes)
    directory[284] = 1  # interleaved
    if not one_bit:
        directory[317] = 2  # horizontal differences
    if picture.extras:
        add_tags(directory, picture.extras)
    if picture.dpi is not None and 282 not in directory:
        directory[282], directory[283] = picture.dpi
        directory[296] = 2  # per inch
    if channels in (2, 4):
        directory[338] = (2,)  # straight alpha
    if icc := fitting_icc(picture.icc, channels):
        directory.tagtype[34675] = 7
        directory[34675] = icc
    stream = io.BytesIO()
    directory.save(stream)
    return stream.getvalue() + b"".join(strips)


def _strip(rows: np.ndarray) -> bytes:
    """Return (h, W, C) rows as differences to the left neighbour, little endian, deflated."""
    difference = rows.copy()
    difference[:, 1:] -= rows[:, :-1]
    return zlib.compress(difference.astype(difference.dtype.newbyteorder("<")).tobytes(), 6)


def _bits(rows: np.ndarray) -> bytes:
    """Return (h, W, 1) rows of 0 and 255 as bits, deflated."""
    return zlib.compress(np.packbits(rows[..., 0] > 0, axis=1).tobytes(), 6)


def _add_exif(directory: TiffImagePlugin.ImageFileDirectory_v2, exif: bytes) -> None:
    """Copy an EXIF block into the directory; one that cannot be written again is left out."""
    trial = TiffImagePlugin.ImageFileDirectory_v2()
    try:
        with warnings.catch_warnings():  # Pillow warns of odd blocks, see decode.decode
            warnings.simplefilter("ignore")
            entries = exif_for_tiff(exif)
        for tag, value in entries.items():
            if isinstance(value, dict):
                trial.tagtype[tag] = 4
            trial[tag] = value
        trial.tobytes(8)
    except Exception:  # cameras write invalid blocks, and the picture matters more than the block
        return
    for tag, value in entries.items():
        if isinstance(value, dict):
            directory.tagtype[tag] = 4
        directory[tag] = value

"""Makes a :class:`~inpaint.images.picture.Picture` from the bytes of an image file."""

from __future__ import annotations

import io
import math
import struct
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
from PIL import (
    BmpImagePlugin,
    Image,
    JpegImagePlugin,
    PngImagePlugin,
    TiffImagePlugin,
    WebPImagePlugin,
)

from inpaint.errors import ImageError, ImageSizeError
from inpaint.images import phones
from inpaint.images.extras import extras_of, has_resolution, white_is_zero
from inpaint.images.meta import cleaned_exif, orientation_of, tiff_exif, upright, webp_header
from inpaint.images.picture import Picture
from inpaint.images.pixels import DEEP_ADVICE, pixels_of

READABLE = "PNG, JPEG, WebP, TIFF, BMP, AVIF and HEIC"
MAX_PIXELS = 200_000_000

_BIG_TIFF = (b"+\0", b"\0+")
_SIGNATURES = (
    (b"\x89PNG\r\n\x1a\n", "PNG"),
    (b"\xff\xd8\xff", "JPEG"),
    (b"II*\0", "TIFF"),
    (b"MM\0*", "TIFF"),
    (b"II+\0", "TIFF"),
    (b"MM\0+", "TIFF"),
    (b"BM", "BMP"),
)
# Formats that are refused by their name, so that people learn what their file really is.
_REFUSED = (
    (0, b"GIF8", "a GIF"),
    (0, b"8BPS", "a Photoshop file"),
    (0, b"%PDF", "a PDF"),
    (0, b"\0\0\0\x0cjP  ", "a JPEG 2000"),
    (0, b"\xff\x0a", "a JPEG XL"),
    (0, b"\0\0\0\x0cJXL ", "a JPEG XL"),
)
# The plugins are called by name and not through Image.open: that would try 40 formats more, and
# would warn or fail by its own global limit of pixels, where ours is an argument.
_OPENERS: dict[str, Callable[[io.BytesIO], Any]] = {
    "PNG": PngImagePlugin.PngImageFile,
    "JPEG": JpegImagePlugin.JpegImageFile,
    "WEBP": WebPImagePlugin.WebPImageFile,
    "TIFF": TiffImagePlugin.TiffImageFile,
    "BMP": BmpImagePlugin.BmpImageFile,
    "AVIF": phones.open_avif,
    "HEIC": phones.open_heic,
}


def sniff(head: bytes, *, name: str) -> str:
    """Return the format that the first 64 bytes of a file tell; its extension does not count.

    Raises
    ------
    ImageError
        If there are no bytes, or they begin none of the formats that can be read.
    """
    if not head:
        raise ImageError(f"{name} is empty (0 bytes), expected an image; get the file again")
    for signature, kind in _SIGNATURES:
        if head.startswith(signature):
            return kind
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "WEBP"
    if photo := phones.brand(head):
        return photo
    if head.startswith(b"version https://git-lfs"):
        raise ImageError(f"{name} is a Git LFS pointer, not the image itself; run git lfs pull")
    for place, signature, what in _REFUSED:
        if head[place:].startswith(signature):
            raise ImageError(f"{name} is {what}, expected one of {READABLE}; convert it to PNG")
    raise ImageError(
        f"{name} is not an image: it begins with {_beginning(head)}, expected one of {READABLE}; "
        "the content counts, not the extension"
    )


def _beginning(head: bytes) -> str:
    """The first bytes of a file in words."""
    start = head[:12]
    if all(32 <= byte < 127 for byte in start.rstrip()):
        return f"the text {start.decode('ascii').strip()!r}"
    return f"the bytes {start[:8].hex(' ')}"


def decode(data: bytes, *, name: str = "the image", max_pixels: int = MAX_PIXELS) -> Picture:
    """Decode a whole file, as ``images.read`` does.

    Parameters
    ----------
    data : bytes
        The content of the file.
    name : str
        How messages call it.
    max_pixels : int
        Larger images are refused; the header tells before memory is taken.

    Raises
    ------
    ImageError
        If the format, size, layout or content cannot be used.
    """
    kind = sniff(data[:64], name=name)
    # Pillow warns of odd metadata, about which users can do nothing. The filters of warnings are
    # global, so threads may undo each other's; at worst a warning is shown that could be hidden.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return _decode(data, kind, name=name, max_pixels=max_pixels)
        except ImageError as error:
            text = str(error)
            raise type(error)(text if name in text else f"{name}: {text}") from None
        except MemoryError as error:
            raise ImageError(
                f"{name} does not fit into memory; scale it down, or free some memory"
            ) from error
        except Exception as error:  # damaged files raise anything from KeyError to SyntaxError
            reason = " ".join(str(error).split()) or type(error).__name__
            raise ImageError(
                f"{name} is damaged or cut short ({kind}: {reason}); get or export it again"
            ) from error


def _decode(data: bytes, kind: str, *, name: str, max_pixels: int) -> Picture:
    lossless = kind not in ("JPEG", "AVIF", "HEIC")
    if kind == "WEBP":  # before opening, because its decoder takes the memory when opened
        width, height, lossless = webp_header(data)
        _check_size(width, height, name=name, max_pixels=max_pixels)
    if kind == "PNG":  # likewise, because opening unpacks all that stands before the pixels
        _check_size(*struct.unpack_from(">II", data, 16), name=name, max_pixels=max_pixels)
    if kind == "TIFF":
        _check_tiff(data, name=name)
    image = _OPENERS[kind](io.BytesIO(data))
    _check_size(*image.size, name=name, max_pixels=max_pixels)
    frames = int(getattr(image, "n_frames", 1))
    if frames > 1:
        what = "pages" if kind == "TIFF" else "frames"
        raise ImageError(
            f"{name} has {frames} {what}, expected one; extract the one to fill into its own file"
        )
    exif = tiff_exif(image) if kind == "TIFF" else cleaned_exif(image.info.get("exif"))
    # Pillow turns a TIFF while it loads it, and then drops the tag, so a TIFF is asked before.
    # Other formats are asked after: a PNG would be loaded for it, and errors of that would be lost.
    turned = kind == "TIFF" and orientation_of(image) in (5, 6, 7, 8)
    dpi = _dpi(image) if kind != "TIFF" or has_resolution(image) else None
    negative = kind == "TIFF" and white_is_zero(image)
    image.load()
    turned = turned or orientation_of(image) in (5, 6, 7, 8)
    if dpi and turned:
        dpi = (dpi[1], dpi[0])
    pixels, own_colours = pixels_of(image, data, kind, name=name)
    if negative:
        pixels = 65535 - pixels
    indices = np.asarray(image)[..., None] if image.mode == "P" else None
    qtables, subsampling = _jpeg_settings(image) if image.mode in ("L", "RGB") else (None, None)
    return Picture(
        # Asked again, because Pillow has turned a TIFF by now and dropped its tag.
        pixels=upright(pixels, orientation_of(image)),
        format=kind,
        icc=(image.info.get("icc_profile") or None) if own_colours else None,
        exif=exif,
        dpi=dpi,
        qtables=qtables,
        subsampling=subsampling,
        lossless=lossless,
        extras=extras_of(image, data, kind, turned=turned),
        indices=None if indices is None else upright(indices, orientation_of(image))[..., 0],
    )


def _check_size(width: int, height: int, *, name: str, max_pixels: int) -> None:
    if width < 1 or height < 1:
        raise ImageError(f"{name} says it is {width}x{height} pixels; get or export it again")
    if width * height > max_pixels:
        raise ImageSizeError(
            f"{name} is {width}x{height} pixels ({width * height / 1e6:.0f} million), the limit is "
            f"{max_pixels / 1e6:.0f} million; scale it down, or raise max_pixels"
        )


def _check_tiff(data: bytes, *, name: str) -> None:
    """Refuse sample types by name that Pillow would refuse as damage, or cut to 8 bits."""
    directory = TiffImagePlugin.ImageFileDirectory_v2(data[: 16 if data[2:4] in _BIG_TIFF else 8])
    stream = io.BytesIO(data)
    stream.seek(directory.next)
    directory.load(stream)
    bits, formats = max(directory.get(258, (1,))), directory.get(339, (1,))
    if bits > 16 or set(formats) - {1, 4}:
        what = "float" if 3 in formats else "signed integer" if 2 in formats else "integer"
        raise ImageError(
            f"{name} holds {bits} bit {what} samples, expected 8 or 16 bit unsigned ones; "
            f"scale black to white onto 0 to 65535 and {DEEP_ADVICE}"
        )
    ends = [
        start + length
        for starts, lengths in ((273, 279), (324, 325))  # strips, tiles
        for start, length in zip(
            directory.get(starts, ()), directory.get(lengths, ()), strict=False
        )
    ]
    if directory.get(259, 1) != 1 and max(ends, default=0) > len(data):
        # Pillow would refuse it as well, but libtiff below it writes to stderr on its own.
        raise ValueError(f"{max(ends) - len(data)} bytes are missing")


def _dpi(image: Image.Image) -> tuple[float, float] | None:
    try:
        x, y = (float(value) for value in image.info["dpi"])
    except (KeyError, TypeError, ValueError, ZeroDivisionError):
        return None
    return (x, y) if math.isfinite(x) and math.isfinite(y) and x > 0 and y > 0 else None


def _jpeg_settings(
    image: Image.Image,
) -> tuple[tuple[tuple[int, ...], ...] | None, int | None]:
    """Return quantisation tables and chroma subsampling of a JPEG, where they can be reused."""
    tables = getattr(image, "quantization", None)
    if not tables or sorted(tables) != list(range(len(tables))):
        return None, None  # no JPEG, or tables numbered in a way that Pillow cannot write
    kept = tuple(tuple(int(value) for value in tables[i]) for i in range(len(tables)))
    subsampling = JpegImagePlugin.get_sampling(image)
    return kept, subsampling if subsampling in (0, 1, 2) else None

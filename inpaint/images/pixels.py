"""Makes an array of pixels from an image of Pillow: modes, palettes, 16 bit colour."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from PIL import Image, ImageFile

from inpaint.errors import ImageError

DEEP_ADVICE = "save it as an 8 or 16 bit PNG"


def pixels_of(
    image: ImageFile.ImageFile, data: bytes, kind: str, *, name: str
) -> tuple[np.ndarray, bool]:
    """Return (H, W, C) pixels, and whether the file's colour profile still describes them.

    Parameters
    ----------
    image : ImageFile
        The loaded image, as Pillow sees it.
    data : bytes
        The whole file, for what Pillow would cut to 8 bits.
    kind, name : str
        Its format, and its name in messages.

    Returns
    -------
    (ndarray (H, W, C) of uint8 or uint16, bool)
        C is from 1 to 4. The pixels are not yet turned upright, except those of a TIFF.

    Raises
    ------
    ImageError
        If the pixels are of a kind that has no place in a Picture.
    """
    mode, key = image.mode, image.info.get("transparency")
    if _is_deep_colour(image, data, kind):
        return _deep_colour(image, data, kind, name=name), True
    if mode.startswith("I;16") or (mode == "I" and kind == "PNG"):
        grey = np.asarray(image).astype(np.uint16)[..., None]  # Pillow < 12: "I" for 16 bit PNG
        if isinstance(key, int):
            grey = np.concatenate([grey, np.where(grey == key, 0, 65535).astype(np.uint16)], 2)
        return grey, True
    if mode == "1":
        mode, image = "L", image.convert("L")  # type: ignore[assignment]
    if mode in ("CMYK", "LAB"):
        return np.asarray(_to_srgb(image)), False
    keyed = key is not None
    wanted = {
        "L": "LA" if keyed else "L",
        "RGB": "RGBA" if keyed else "RGB",
        "P": "RGBA" if keyed else "RGB",
        "LA": "LA",
        "RGBA": "RGBA",
        "PA": "RGBA",
        "La": "LA",
        "RGBa": "RGBA",
        "RGBX": "RGB",
        "YCbCr": "RGB",
    }.get(mode)
    if wanted is None:
        raise ImageError(
            f"{name} holds {mode!r} pixels, expected grey, RGB or CMYK in 8 or 16 bits; "
            f"{DEEP_ADVICE}"
        )
    array = np.asarray(image if mode == wanted else image.convert(wanted))
    return (array[..., None] if array.ndim == 2 else array), True


def _to_srgb(image: Image.Image) -> Image.Image:
    """Return a CMYK or LAB image as sRGB, through its own profile where that works."""
    from PIL import ImageCms  # slow to load and seldom needed

    srgb = ImageCms.createProfile("sRGB")
    icc = image.info.get("icc_profile")
    try:
        source: ImageCms.ImageCmsProfile | ImageCms.core.CmsProfile
        if image.mode == "LAB":
            source = ImageCms.createProfile("LAB")
        elif icc:
            source = ImageCms.ImageCmsProfile(io.BytesIO(icc))
        else:
            return image.convert("RGB")
        turned = ImageCms.profileToProfile(image, source, srgb, outputMode="RGB")
    except (ImageCms.PyCMSError, OSError):
        turned = None
    return turned if turned is not None else image.convert("RGB")


def _is_deep_colour(image: Image.Image, data: bytes, kind: str) -> bool:
    """Return whether the file has 16 bits a channel that Pillow cuts to 8."""
    if kind == "PNG":  # bit depth and colour type stand at fixed places of the first chunk
        return data[24] == 16 and data[25] in (2, 4, 6)
    tags = getattr(image, "tag_v2", {})
    return kind == "TIFF" and 16 in tags.get(258, ()) and tags.get(262) == 2


def _deep_colour(image: Image.Image, data: bytes, kind: str, *, name: str) -> np.ndarray:
    """Decode 16 bit colour with OpenCV; ``image`` is Pillow's 8 bit version of it."""
    import cv2

    with _quiet_opencv():
        deep: Any = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    seen = np.asarray(image)
    # OpenCV hides damage and mixes up some layouts (separate planes, premultiplied alpha), so
    # its high bytes must be what Pillow, which reads these well but only in 8 bits, has read.
    if (
        deep is None
        or deep.dtype != np.uint16
        or deep.ndim != 3
        or deep.shape[:2] != seen.shape[:2]
        or not np.array_equal(deep[..., 2::-1] >> 8, seen[..., :3])
    ):
        raise ImageError(
            f"{name} keeps its 16 bit colours in a layout that cannot be read; "
            "save it as a 16 bit PNG, or a TIFF with interleaved channels and straight alpha"
        )
    if kind == "PNG" and data[25] == 4:
        return deep[..., [0, 3]]
    rgb = deep[..., 2::-1]
    key = image.info.get("transparency")
    if isinstance(key, tuple):
        alpha = np.where((rgb == np.array(key)).all(axis=2), 0, 65535).astype(np.uint16)
    elif image.mode == "RGBA":
        alpha = deep[..., 3]
    else:
        return rgb
    return np.concatenate([rgb, alpha[..., None]], axis=2)


@contextmanager
def _quiet_opencv() -> Iterator[None]:
    """Keep OpenCV from writing its own messages to stderr."""
    import cv2

    log: Any = getattr(cv2.utils, "logging", cv2)  # OpenCV 4 has them at its top
    level = log.getLogLevel()
    log.setLogLevel(0)  # silent
    try:
        yield
    finally:
        log.setLogLevel(level)

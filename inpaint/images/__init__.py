"""Images as the library sees them: the one place where ranges and channel counts change.

``read``, ``from_bytes`` and ``write`` keep what the file was. ``rgb01`` makes the float RGB that
stages work on, ``rgb8`` the bytes that benchmarks and trainings work on. ``with_hole`` puts a
stage's result into the hole of a picture and changes no other pixel.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from inpaint.errors import ImageError, MaskError
from inpaint.images.decode import MAX_PIXELS
from inpaint.images.decode import decode as from_bytes
from inpaint.images.extend import extend
from inpaint.images.files import check_writable, read, read_bytes, replace_bytes, write
from inpaint.images.picture import Picture

__all__ = [
    "MAX_PIXELS",
    "Picture",
    "check_writable",
    "extend",
    "from_array",
    "from_bytes",
    "luma",
    "part",
    "read",
    "read_bytes",
    "replace_bytes",
    "rgb01",
    "rgb8",
    "to_array",
    "with_hole",
    "write",
]

REC601 = (299, 587, 114)  # thousandths, so that integer pixels can be weighted exactly


def rgb01(picture: Picture) -> np.ndarray:
    """Return the colours as float32 (H, W, 3) RGB in [0, 1]; grey is repeated, alpha ignored."""
    colours = picture.pixels[..., : 3 if picture.pixels.shape[2] > 2 else 1]
    scaled = colours.astype(np.float32) / np.float32(picture.peak)
    return np.repeat(scaled, 3, axis=2) if scaled.shape[2] == 1 else scaled


def rgb8(picture: Picture) -> np.ndarray:
    """Return the colours as a new uint8 (H, W, 3) RGB; 16 bits are rounded, else as ``rgb01``."""
    colours = picture.pixels[..., : 3 if picture.pixels.shape[2] > 2 else 1]
    if picture.peak > 255:
        colours = ((colours.astype(np.uint32) + 128) // 257).astype(np.uint8)
    return np.repeat(colours, 3, axis=2) if colours.shape[2] == 1 else np.array(colours, order="C")


def part(picture: Picture, where: tuple[slice, slice]) -> Picture:
    """Return the rows and columns ``where`` of a picture, as a view of its pixels."""
    return replace(picture, pixels=picture.pixels[where], indices=None)


def luma(picture: Picture) -> np.ndarray:
    """Return 1000 times the Rec. 601 luma, (H, W) int32; exact, so thresholds are exact too."""
    if picture.pixels.shape[2] < 3:
        return picture.pixels[..., 0].astype(np.int32) * 1000
    total = np.zeros(picture.pixels.shape[:2], np.int32)
    for channel, weight in enumerate(REC601):
        total += picture.pixels[..., channel].astype(np.int32) * weight
    return total


def with_hole(
    picture: Picture, mask: np.ndarray, filled: np.ndarray, *, opaque: bool = False
) -> Picture:
    """Return a copy whose hole shows ``filled``; every other pixel stays bit-identical.

    Parameters
    ----------
    picture : Picture
        The original; not modified.
    mask : ndarray (H, W) of bool
        True = hole.
    filled : ndarray (H, W, 3) of float, RGB
        Values in [0, 1]; values beyond them, which blending can make, are clipped. They are
        rounded to the picture's own depth; a grey picture takes their Rec. 601 luma.
    opaque : bool
        Make the hole opaque, for a mask that was the erased part of the alpha channel.
        Otherwise alpha stays as it was.

    Raises
    ------
    ImageError
        If ``filled`` has another shape, is no float, or holds NaN or infinity.
    MaskError
        If ``mask`` is not bool or has another shape.
    """
    size = (picture.height, picture.width)
    if mask.dtype != np.bool_ or mask.shape != size:
        raise MaskError(
            f"the mask is {mask.dtype} of shape {mask.shape}, expected bool of shape {size}; "
            "use masks.as_mask to make one"
        )
    if filled.shape != (*size, 3) or not np.issubdtype(filled.dtype, np.floating):
        raise ImageError(
            f"the filled image is {filled.dtype} of shape {filled.shape}, expected float RGB in "
            f"[0, 1] of shape {(*size, 3)}; use images.rgb01 to convert a picture"
        )
    if not np.isfinite(filled).all():
        count = int((~np.isfinite(filled)).any(axis=2).sum())
        raise ImageError(
            f"the filled image has {count} pixels that are NaN or infinite, expected values in "
            "[0, 1]; the stage that made it failed, run again without it or with another seed"
        )
    values = filled[mask].astype(np.float64)
    grey = picture.pixels.shape[2] < 3
    if grey:  # written out, because a matrix product may round by how many rows it gets
        red, green, blue = values.T
        values = ((red * REC601[0] + green * REC601[1] + blue * REC601[2]) / 1000)[:, None]
    pixels = picture.pixels.copy()
    levels = np.rint(np.clip(values, 0, 1) * picture.peak).astype(pixels.dtype)
    pixels[mask, : 1 if grey else 3] = levels
    if opaque and picture.has_alpha:
        pixels[mask, -1] = picture.peak
    return replace(picture, pixels=pixels, indices=None)


def from_array(image: np.ndarray) -> Picture:
    """Make a picture from an array.

    Parameters
    ----------
    image : ndarray (H, W) or (H, W, C), C from 1 to 4
        Grey, grey + alpha, RGB or RGBA. uint8 and uint16 use their full range, bool is black
        and white, float lies in [0, 1] and is kept at 16 bits. The array is copied.

    Raises
    ------
    ImageError
        If its shape, type or range is none of these.
    """
    if not isinstance(image, np.ndarray):
        raise ImageError(
            f"got {type(image).__name__}, expected a numpy array; "
            "use images.read for a path, np.asarray for a Pillow image or a tensor"
        )
    if image.ndim not in (2, 3) or 0 in image.shape:
        hint = "pass one image at a time" if image.ndim == 4 else "check how it was made"
        raise ImageError(
            f"got an array of shape {image.shape}, expected (H, W) or (H, W, C); {hint}"
        )
    if image.ndim == 3 and image.shape[2] not in (1, 2, 3, 4):
        first = image.shape[0] in (1, 2, 3, 4)
        hint = (
            "the channels seem to come first, use image.transpose(1, 2, 0)"
            if first
            else "keep grey, grey + alpha, RGB or RGBA"
        )
        raise ImageError(
            f"got an array of shape {image.shape}, expected (H, W, C) with C from 1 to 4; {hint}"
        )
    return Picture(_full_range(image).reshape(*image.shape[:2], -1))


def _full_range(image: np.ndarray) -> np.ndarray:
    """Return a copy as uint8 or uint16."""
    if image.dtype == np.bool_:
        return image.astype(np.uint8) * np.uint8(255)
    if image.dtype in (np.dtype("u1"), np.dtype("<u2"), np.dtype(">u2")):
        return image.astype(np.uint8 if image.dtype.itemsize == 1 else np.uint16)
    if not np.issubdtype(image.dtype, np.floating):
        raise ImageError(
            f"got an array of {image.dtype}, expected uint8, uint16, bool or float in [0, 1]; "
            "convert it, for instance with image.astype(np.uint8)"
        )
    low, high = float(image.min()), float(image.max())
    if not (low >= 0 and high <= 1):  # written so that NaN fails too
        raise ImageError(
            f"got float values from {low:g} to {high:g}, expected [0, 1]; "
            "divide by the value of white, and replace NaN"
        )
    return np.rint(image.astype(np.float64) * 65535).astype(np.uint16)


def to_array(picture: Picture, *, like: np.ndarray | None = None) -> np.ndarray:
    """Return the pixels as an array, by default (H, W, C), or (H, W) for plain grey.

    Parameters
    ----------
    picture : Picture
        What to convert.
    like : ndarray, optional
        The array that ``from_array`` got. The result takes its shape and type. Wherever a pixel
        still has its old level, the result has the old value exactly, even if that was a float
        between two levels.

    Raises
    ------
    ImageError
        If ``like`` does not fit the picture.
    """
    if like is None:
        return (
            picture.pixels[..., 0].copy()
            if picture.pixels.shape[2] == 1
            else (picture.pixels.copy())
        )
    before = from_array(like).pixels
    after = picture.pixels
    if before.shape != after.shape or before.dtype != after.dtype:
        raise ImageError(
            f"the picture is {after.dtype} of shape {after.shape}, the array to match makes "
            f"{before.dtype} of shape {before.shape}; pass the array that the picture came from"
        )
    if np.issubdtype(like.dtype, np.floating):
        kept = like.reshape(after.shape)
        new = np.where(after == before, kept, after / 65535)
    elif like.dtype == np.bool_:
        new = after >= 128
    else:
        new = after
    return new.astype(like.dtype).reshape(like.shape)

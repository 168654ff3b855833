"""The hole drawn over the picture, to look at before the work."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np

from inpaint import images
from inpaint.images import Picture

TINT, TINT_SHARE = (1.0, 0.0, 0.55), 0.5
LINE = (1.0, 1.0, 1.0)
GROUND = 128  # of 255: the grey behind what is transparent
_LINE_SHARE = 1 / 600  # of the longer side: visible when the picture is seen as a whole


def preview(picture: Picture, mask: np.ndarray) -> Picture:
    """Return the picture in colour with the hole tinted, and outlined just inside its edge.

    Parameters
    ----------
    picture : Picture
        Not modified; every pixel outside the hole keeps its colour (in 8 bits).
    mask : ndarray (H, W) of bool
        True = hole.
    """
    shown = as_preview(picture)
    window = _around(mask)  # photos are large, holes are mostly small
    hole, part = mask[window], images.part(shown, window)
    colours = images.rgb01(part)
    drawn = colours + np.float32(TINT_SHARE) * (np.array(TINT, np.float32) - colours)
    width = max(1, round(max(mask.shape) * _LINE_SHARE))
    # The picture's own edge is no edge of the hole: OpenCV's default border leaves it out.
    core = cv2.erode(hole.astype(np.uint8), np.ones((3, 3), np.uint8), iterations=width)
    drawn[hole & (core == 0)] = LINE
    pixels = shown.pixels.copy()
    pixels[window] = images.with_hole(part, hole, drawn, opaque=True).pixels
    return replace(shown, pixels=pixels)


def _around(mask: np.ndarray) -> tuple[slice, slice]:
    """The box of the hole and a pixel around it."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    if rows.size == 0:
        return slice(0, 1), slice(0, 1)
    return (
        slice(max(int(rows[0]) - 1, 0), int(rows[-1]) + 2),
        slice(max(int(columns[0]) - 1, 0), int(columns[-1]) + 2),
    )


def as_seen(picture: Picture) -> np.ndarray:
    """Return the colours that people see, (H, W, 3) of uint8 RGB, transparent pixels on grey.

    What a file stores below transparent pixels shows through nowhere.
    """
    pixels = as_preview(picture).pixels
    if pixels.shape[2] == 3:
        return np.ascontiguousarray(pixels)
    alpha = pixels[..., 3:].astype(np.uint32)
    laid = (pixels[..., :3] * alpha + GROUND * (255 - alpha) + 127) // 255
    return laid.astype(np.uint8)


def as_preview(picture: Picture) -> Picture:
    """Return the picture in what every format and viewer takes: 8 bits, in colour.

    A grey profile is dropped with the grey, because RGB cannot have one.
    """
    if picture.peak > 255:
        picture = replace(picture, pixels=(picture.pixels // 257).astype(np.uint8))
    if picture.pixels.shape[2] > 2:
        return picture
    grey, alpha = picture.pixels[..., :1], picture.pixels[..., 1:]
    pixels = np.concatenate([grey, grey, grey, alpha], axis=2)
    return replace(picture, pixels=pixels, icc=None, qtables=None, subsampling=None)

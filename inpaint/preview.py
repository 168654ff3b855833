"""The hole drawn over the picture, to look at before the work."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np

from inpaint import images
from inpaint.images import Picture

TINT, TINT_SHARE = (1.0, 0.0, 0.55), 0.5
LINE = (1.0, 1.0, 1.0)
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
    colours = images.rgb01(picture)
    drawn = colours * np.float32(1 - TINT_SHARE) + np.float32(TINT) * np.float32(TINT_SHARE)
    width = max(1, round(max(mask.shape) * _LINE_SHARE))
    # The picture's own edge is no edge of the hole: OpenCV's default border leaves it out.
    core = cv2.erode(mask.astype(np.uint8), np.ones((3, 3), np.uint8), iterations=width)
    drawn[mask & (core == 0)] = LINE
    return images.with_hole(as_preview(picture), mask, drawn, opaque=True)


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

"""Holes from files: what counts as white, and what an alpha channel means."""

from __future__ import annotations

import os

import numpy as np

from inpaint import images
from inpaint.errors import MaskError
from inpaint.images.picture import Picture
from inpaint.masks.arrays import HALF, check


def load(
    path: str | os.PathLike[str],
    *,
    shape: tuple[int, ...] | None = None,
    invert: bool = False,
    allow_empty: bool = False,
    allow_full: bool = False,
) -> np.ndarray:
    """Read a mask file: white (luma of at least 128 of 255) is the hole.

    With an alpha channel a hole must also be opaque (alpha of at least 128), so that what a
    brush erased does not count. Where all colours are the same and only alpha differs, as for
    strokes in one colour on a transparent layer, the opaque pixels are the hole, whatever the
    colour.

    Parameters
    ----------
    path : str or path
        Any image that ``images.read`` reads; its EXIF orientation is applied.
    shape : (H, W) or (H, W, C), optional
        Shape of the image that the mask is for; checked.
    invert : bool
        Black is the hole.
    allow_empty, allow_full : bool
        Accept a mask without hole, or one that is all hole.

    Returns
    -------
    ndarray (H, W) of bool
        True = hole.

    Raises
    ------
    ImageError
        If the file cannot be read.
    MaskError
        If the size is another than the image's, or the mask is empty or full.
    """
    mask = from_picture(images.read(path), invert=invert)
    try:
        check(
            mask,
            mask.shape if shape is None else shape,
            allow_empty=allow_empty,
            allow_full=allow_full,
        )
    except MaskError as error:
        raise MaskError(f"{str(path)!r}: {error}") from None
    return mask


def from_picture(picture: Picture, *, invert: bool = False) -> np.ndarray:
    """Return the hole that a mask's picture shows, by the rules of ``load``, as (H, W) bool."""
    light = images.luma(picture)
    white = light >= _half(picture) * 1000
    opaque = None if picture.alpha is None else picture.alpha >= _half(picture)
    if opaque is not None:
        colours = picture.pixels[..., :-1]
        one_colour = bool((colours == colours[0, 0]).all())
        white = opaque if one_colour and not opaque.all() else white & opaque
    return ~white if invert else white


def from_alpha(picture: Picture) -> np.ndarray:
    """Return the erased part of a picture (not fully opaque) as (H, W) bool, True = hole.

    The soft rim that an eraser leaves belongs to it: the colours there are mixed with nothing.

    Raises
    ------
    MaskError
        If the picture has no alpha channel. An alpha channel without erased pixels gives an
        empty mask, which ``check`` reports.
    """
    if picture.alpha is None:
        raise MaskError(
            f"the image ({picture.format}) has no alpha channel to take the hole from; "
            "erase the hole and save as PNG, or give a mask"
        )
    return picture.unseen


def _half(picture: Picture) -> int:
    return HALF * (picture.peak // 255)

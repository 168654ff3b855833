"""Holes from mask files: which pixels are the hole, and what an alpha channel means."""

from __future__ import annotations

import logging
import os

import numpy as np

from inpaint import images
from inpaint.errors import MaskError, SelectionError
from inpaint.images.picture import Picture
from inpaint.masks import judge
from inpaint.masks.arrays import HALF, check
from inpaint.masks.labels import in_picture, listed, parse

log = logging.getLogger(__name__)
_MOST_ERASED = (
    0.5  # share of a photo: a larger part may be the background of an object that was cut out
)


def load(
    path: str | os.PathLike[str],
    *,
    shape: tuple[int, ...] | None = None,
    invert: bool = False,
    labels: str | None = None,
    allow_empty: bool = False,
    allow_full: bool = False,
) -> np.ndarray:
    """Read a mask file: white (luma of at least 128 of 255) is the hole.

    An image of two values is a mask, even with soft edges, antialiasing or the noise of JPEG;
    0 and 1 count as black and white. Label maps and coloured exports are read only with
    ``labels``, and photos are refused.

    In an image with alpha, white counts only where it is opaque (alpha of at least 128), so that
    what a brush erased does not count. If all colours are the same and only alpha differs, as for
    strokes of one colour on a transparent layer, the opaque pixels are the hole, whatever their
    colour. If the image is a photo of which the smaller part is erased, as mask editors save it,
    that part is the hole, and a warning is logged.

    Parameters
    ----------
    path : str or path
        Any image that ``images.read`` reads; its EXIF orientation is applied.
    shape : (H, W) or (H, W, C), optional
        Shape of the image that the mask is for; checked.
    invert : bool
        Black is the hole.
    labels : str, optional
        Reads the file as a label map. "any" takes everything that is not background (0, black,
        transparent); "1,15", "128-255" and "#ff0000" take numbers, ranges and colours. The
        numbers of a palette image are its indices.
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
        If it is not a mask, has another size than the image, or is empty or full.
    SelectionError
        If ``labels`` cannot be understood.
    """
    picture = images.read(path)
    try:
        mask = from_picture(picture, invert=invert, labels=labels)
        check(
            mask,
            mask.shape if shape is None else shape,
            allow_empty=allow_empty,
            allow_full=allow_full,
        )
    except SelectionError:
        raise
    except MaskError as error:
        raise MaskError(f"{str(path)!r}: {error}") from None
    return mask


def from_picture(
    picture: Picture, *, invert: bool = False, labels: str | None = None
) -> np.ndarray:
    """Return the hole that a mask's picture shows, by the rules of ``load``, as (H, W) bool.

    Raises MaskError for a picture that is no mask, SelectionError for ``labels``.
    """
    mask, note = judged(picture, invert=invert, labels=labels)
    if note:
        log.warning("%s", note)
    return mask


def judged(
    picture: Picture, *, invert: bool = False, labels: str | None = None
) -> tuple[np.ndarray, str | None]:
    """Return the hole as ``from_picture`` does, and a sentence for users about it.

    Returns
    -------
    (ndarray (H, W) of bool, str or None)
        The hole, and one line on how the mask was understood where users may expect otherwise.
    """
    if labels is not None:
        mask, note = in_picture(picture, parse(labels)), None
    else:
        mask, note = _seen(picture)
    return (~mask if invert else mask), note


def _seen(picture: Picture) -> tuple[np.ndarray, str | None]:
    opaque = None if picture.alpha is None else picture.alpha >= _half(picture)
    if opaque is not None and not opaque.all():
        colours = picture.pixels[..., :-1]
        if (colours == colours[0, 0]).all():
            return opaque, None
    kind, reason = _kind(picture, opaque)
    if kind == judge.MASK:
        white = _white(picture, opaque)
        return (white if opaque is None else white & opaque), None
    if kind == judge.PHOTO and opaque is not None and not opaque.all():
        erased = ~opaque
        share = float(erased.mean())
        if share < _MOST_ERASED:
            return erased, (
                f"the mask is a photo; its erased part ({int(erased.sum())} pixels) is taken as "
                "the hole"
            )
        raise MaskError(
            f"the mask is a photo of which {share:.0%} are transparent, so that its hole may be "
            "what is erased or what is left; give it as the image with --mask alpha to fill what "
            "is erased, or a black and white mask"
        )
    raise MaskError(reason)


def _kind(picture: Picture, opaque: np.ndarray | None) -> tuple[str, str]:
    """Return the kind of the opaque part of a picture, and the refusal where it is not a mask."""
    if picture.pixels.shape[2] > 2:
        colours = images.rgb8(picture)
        if opaque is not None:
            colours[~opaque] = 0
        if judge.is_coloured(colours):
            light = _light_on_black(colours)
            kind = judge.MASK if light else judge.kind_of_colours(colours)
            return kind, judge.refusal(kind, "in colours")
    # 16 bit labels may differ by less than 8 bits show.
    grey = picture.pixels[..., 0] if picture.pixels.shape[2] < 3 else None
    values = (images.luma(picture) + 500) // 1000 if grey is None else grey
    values = values.astype(picture.pixels.dtype)
    if opaque is not None:
        values = np.where(opaque, values, values.dtype.type(0))
        if not opaque.any():
            return judge.MASK, ""
    if _hidden(picture, opaque):
        return judge.LABELS, judge.refusal(judge.LABELS, "in colours of one brightness")
    kind = judge.kind_of_values(values, picture.peak, opaque)
    return kind, judge.refusal(kind, f"with the values {listed(values)}")


def _hidden(picture: Picture, opaque: np.ndarray | None) -> bool:
    """Return whether a palette image holds more labels than its colours show."""
    if picture.indices is None:
        return False
    used = np.unique(picture.indices if opaque is None else picture.indices[opaque])
    luma = images.luma(picture)
    shown = np.unique(luma if opaque is None else luma[opaque])
    return used.size > 2 and shown.size < used.size and shown.size <= 2


def _light_on_black(colours: np.ndarray) -> bool:
    """Whether an image (H, W, 3) of uint8 holds black and one colour that counts as white."""
    packed = judge.pack(colours)
    first = packed.max()
    red, green, blue = (int(first) >> shift & 255 for shift in (16, 8, 0))
    light = red * 299 + green * 587 + blue * 114 >= HALF * 1000
    return light and bool(((packed == 0) | (packed == first)).all())


def _white(picture: Picture, opaque: np.ndarray | None) -> np.ndarray:
    light = images.luma(picture)
    if light.max() <= 1000:  # 0 and 1
        return light == 1000
    return light >= _half(picture) * 1000


def from_alpha(picture: Picture) -> np.ndarray:
    """Return the erased part of a picture (not fully opaque) as (H, W) bool, True = hole.

    The soft rim that an eraser leaves belongs to it, because colours there are mixed with nothing.

    Raises
    ------
    MaskError
        If the picture has no alpha channel, or its alpha erases nothing or everything.
    """
    if picture.alpha is None:
        raise MaskError(
            f"the image ({picture.format}) has no alpha channel to take the hole from; "
            "erase the hole and save as PNG, or give a mask"
        )
    unseen = picture.unseen
    if not unseen.any():
        raise MaskError(
            "the image's alpha is the same everywhere, so nothing was erased; erase the part to "
            "fill, or give a mask"
        )
    if unseen.all():
        raise MaskError(
            "the image is transparent everywhere, so nothing is known to fill it from; get the "
            "image before it was erased"
        )
    return unseen


def _half(picture: Picture) -> int:
    return HALF * (picture.peak // 255)

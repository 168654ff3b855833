"""Reads label maps as masks where that is asked for: which ids or colours are the hole."""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np

from inpaint.errors import MaskError, SelectionError
from inpaint.images.picture import Picture
from inpaint.masks.judge import pack

_ITEM = re.compile(r"(\d{1,5})(?:-(\d{1,5}))?|#([0-9a-fA-F]{6})")
_LISTED = 12


@dataclass(frozen=True)
class Labels:
    """Which labels of a label map are the hole.

    Attributes
    ----------
    any : bool
        Whether everything but background (0, or black) is the hole.
    ranges : tuple of (int, int)
        First and last id of each range.
    colours : tuple of int
        Each as 0xRRGGBB.
    """

    any: bool = False
    ranges: tuple[tuple[int, int], ...] = ()
    colours: tuple[int, ...] = ()


def parse(text: str) -> Labels:
    """Read ``any``, or ids, ranges of ids and colours: ``1,15``, ``128-255``, ``#ff0000``.

    Raises
    ------
    SelectionError
        If it is none of these.
    """
    if text.strip().lower() == "any":
        return Labels(any=True)
    found = [(word, _ITEM.fullmatch(word.strip())) for word in text.split(",")]
    for word, item in found:
        if item is None:
            raise SelectionError(
                f"mask label {word!r} is no number, range or colour; write any, or 1,15 or 128-255 "
                "or #ff0000"
            )
    items = [item for _, item in found if item]
    return Labels(
        ranges=tuple((int(i[1]), int(i[2] or i[1])) for i in items if i[1]),
        colours=tuple(int(i[3], 16) for i in items if i[3]),
    )


def in_values(values: np.ndarray, labels: Labels) -> np.ndarray:
    """Return where an array of ids (H, W) of integers has one of the labels, (H, W) bool.

    Raises
    ------
    MaskError
        If no pixel has, or colours were asked for.
    """
    if labels.colours:
        raise MaskError("the mask holds numbers and no colours; give numbers as labels, or any")
    if labels.any:
        return values != 0
    chosen = np.zeros(values.shape, bool)
    for first, last in labels.ranges:
        chosen |= (values >= first) & (values <= last)
    if not chosen.any():
        asked = ",".join(f"{a}" if a == b else f"{a}-{b}" for a, b in labels.ranges)
        raise MaskError(f"no pixel of the mask has a label {asked}; it holds {listed(values)}")
    return chosen


def in_picture(picture: Picture, labels: Labels) -> np.ndarray:
    """Return where a label map has one of the labels, (H, W) bool; transparent is background.

    The ids of a palette image are its indices.

    Raises
    ------
    MaskError
        If the file has lost its labels (JPEG), holds colours where ids were asked for, or no
        pixel has any of the labels.
    """
    if not picture.lossless:
        raise MaskError(
            f"the mask is a lossy {picture.format}, which blurs labels; export it as PNG"
        )
    values = picture.indices
    if picture.indices is None and picture.pixels.shape[2] < 3:
        values = picture.pixels[..., 0]
    if values is not None and not labels.colours:
        chosen = in_values(values, labels)
    else:
        chosen = _in_colours(picture.pixels[..., :3], labels)
    if picture.alpha is not None:
        chosen &= picture.alpha > picture.peak // 2
    return chosen


def _in_colours(colours: np.ndarray, labels: Labels) -> np.ndarray:
    if labels.any:
        found: np.ndarray = np.logical_or.reduce(colours, axis=2)
        return found
    if labels.ranges:
        raise MaskError(
            "the mask holds colours and no numbers; give --mask-labels any, or colours as #ff0000"
        )
    if colours.shape[2] < 3 or colours.dtype != np.uint8:
        raise MaskError("the mask holds no 8 bit colours; give --mask-labels any, or numbers")
    packed = pack(colours)
    chosen: np.ndarray = np.zeros(packed.shape, bool)
    for colour in labels.colours:
        chosen = chosen | (packed == colour)
    if not chosen.any():
        shown = ", ".join(f"#{int(v):06x}" for v in np.unique(packed)[:_LISTED])
        raise MaskError(f"no pixel of the mask has such a colour; it holds {shown}")
    return chosen


def listed(values: np.ndarray) -> str:
    """Return the first values that an array (H, W) of integers holds, for a message."""
    seen = np.unique(values)
    more = f" and {seen.size - _LISTED} more" if seen.size > _LISTED else ""
    return ", ".join(str(v) for v in seen[:_LISTED].tolist()) + more

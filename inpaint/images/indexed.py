"""Palette and 1 bit images, which are written as such again if their new pixels allow it."""

from __future__ import annotations

import numpy as np

from inpaint.images.picture import Picture

MOST = 256  # entries of a palette


def is_one_bit(picture: Picture) -> bool:
    """Return whether a picture that was read from a 1 bit file is still black and white."""
    if picture.extras is None or not picture.extras.one_bit or picture.pixels.shape[2] != 1:
        return False
    return bool(((picture.pixels == 0) | (picture.pixels == picture.peak)).all())


def indexed(picture: Picture) -> tuple[np.ndarray, list[int], bytes | None] | None:
    """Write a picture that had a palette with one again: the old entries, then those of the fill.

    Returns
    -------
    (ndarray (H, W) of uint8, list of int, bytes or None) or None
        Indices, the table as R, G, B, R, ..., and the alpha of each entry where there is any;
        None if it had no palette, or has more colours than one holds.
    """
    palette = picture.extras.palette if picture.extras else None
    if palette is None or picture.pixels.shape[2] < 3 or picture.pixels.dtype != np.uint8:
        return None
    pixels = picture.pixels.astype(np.uint32)
    packed = pixels[..., 0] << 16 | pixels[..., 1] << 8 | pixels[..., 2]
    if picture.has_alpha:
        packed |= (pixels[..., 3] ^ 255) << 24  # opaque colours stay as they are in the palette
    seen = np.unique(packed)
    if seen.size > MOST:
        return None
    known = set(seen.tolist())
    entries = [colour for colour in dict.fromkeys(palette) if colour in known]
    entries += [colour for colour in seen.tolist() if colour not in set(entries)]
    order = np.argsort(np.array(entries, np.uint32))
    places = np.searchsorted(np.array(entries, np.uint32)[order], packed)
    table = [part for e in entries for part in (e >> 16 & 255, e >> 8 & 255, e & 255)]
    alphas = bytes(255 - (e >> 24) for e in entries) if picture.has_alpha else None
    return order[places].astype(np.uint8), table, alphas


def told(picture: Picture, kind: str) -> str | None:
    """Return a sentence for users about how a filled picture was converted, or None.

    Parameters
    ----------
    picture : Picture
        What is written.
    kind : str
        The format.
    """
    read = picture.extras.note if picture.extras else None
    return "; ".join(filter(None, (read, changed_kind(picture, kind)))) or None


def changed_kind(picture: Picture, kind: str) -> str | None:
    """Return a sentence if a palette or 1 bit image is written in another way than before, or None.

    Parameters
    ----------
    picture : Picture
        What is written.
    kind : str
        The format.
    """
    extras = picture.extras
    if extras is None or kind not in ("PNG", "TIFF", "BMP") or picture.format != kind:
        return None
    if extras.one_bit and not is_one_bit(picture):
        return "the fill has greys, so an image of 1 bit is written in 8 bits"
    if extras.palette is not None and (kind != "PNG" or indexed(picture) is None):
        return "the fill has colours beyond the palette, so the image is written in full colours"
    return None

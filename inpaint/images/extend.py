"""A larger canvas: what outpainting fills is a hole that surrounds the picture."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from inpaint.errors import ImageError
from inpaint.images.decode import MAX_PIXELS
from inpaint.images.extras import unplaced
from inpaint.images.meta import sized_exif
from inpaint.images.picture import Picture


def extend(picture: Picture, margins: Sequence[int]) -> tuple[Picture, np.ndarray]:
    """Put a picture on a larger canvas; return the canvas, and a mask of what was added.

    >>> import numpy as np
    >>> from inpaint import images
    >>> canvas, mask = images.extend(images.from_array(np.zeros((20, 30), np.uint8)), (8, 0, 0, 4))
    >>> canvas.width, canvas.height, int(mask.sum())
    (38, 24, 312)

    Parameters
    ----------
    picture : Picture
        Not modified.
    margins : sequence of four int
        Pixels to add on the left, at the top, on the right and at the bottom; 0 or more.

    Returns
    -------
    Picture
        The picture with black, opaque margins. It keeps what the file said and what is still true:
        tags that place the picture on a map or a page go where its origin moves.
    ndarray (H, W) of bool
        True = added.

    Raises
    ------
    ImageError
        When the margins are no four whole numbers of 0 or more, add nothing, or make the picture
        larger than ``MAX_PIXELS``.
    """
    whole = all(isinstance(m, int | np.integer) and not isinstance(m, bool) for m in margins)
    if len(margins) != 4 or not whole or min(margins) < 0 or not any(margins):
        raise ImageError(
            f"the margins are {','.join(map(str, margins))}; expected four whole numbers of pixels "
            "to add on the left, at the top, on the right and at the bottom, such as 64,64,0,0"
        )
    left, top, right, bottom = map(int, margins)
    height, width = picture.height + top + bottom, picture.width + left + right
    if height * width > MAX_PIXELS:
        raise ImageError(
            f"the extended picture would have {width}x{height} pixels, which is more than "
            f"{MAX_PIXELS // 1_000_000} million; add less"
        )
    pixels = np.zeros((height, width, picture.pixels.shape[2]), picture.pixels.dtype)
    if picture.has_alpha:
        pixels[..., -1] = picture.peak
    mask = np.ones((height, width), bool)
    inside = slice(top, top + picture.height), slice(left, left + picture.width)
    pixels[inside], mask[inside] = picture.pixels, False
    return of_size(picture, pixels, placed=not (left or top)), mask


def of_size(picture: Picture, pixels: np.ndarray, *, placed: bool) -> Picture:
    """A picture with other pixels of another size, and all that the file said and is still true.

    Parameters
    ----------
    picture : Picture
        What the file was.
    pixels : ndarray (H, W, C)
        As ``Picture.pixels``.
    placed : bool
        Whether pixel (0, 0) and the scale stayed, and with them the place on a map or page.
    """
    height, width = pixels.shape[:2]
    extras = picture.extras
    return replace(
        picture,
        pixels=pixels,
        indices=None,
        exif=sized_exif(picture.exif, width=width, height=height),
        extras=extras if placed or extras is None else unplaced(extras),
    )

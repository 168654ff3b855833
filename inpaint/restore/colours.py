"""The colours of a picture as a prior reads them, and a picture with the colours of its answer."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np

from inpaint import images
from inpaint.errors import ImageError
from inpaint.images import Picture
from inpaint.images.extend import of_size
from inpaint.images.resize import fill_nearest


def taken(picture: Picture, unseen: np.ndarray) -> tuple[np.ndarray, bool]:
    """Return the colours of a picture in [0, 1], and whether all of them are grey.

    Parameters
    ----------
    picture : Picture
        In any depth.
    unseen : ndarray (H, W) of bool
        Pixels whose colours are unknown; they take the colour of the nearest known pixel.

    Returns
    -------
    (ndarray (H, W, C) of float32, bool)
        C is 1 where all pixels are grey, else 3.

    Raises
    ------
    ImageError
        If no pixel is known.
    """
    if unseen.all():
        raise ImageError(
            "no pixel is opaque, so no colour is known; lay the picture on a background first"
        )
    values = images.rgb01(picture)
    if unseen.any():
        values = fill_nearest(values, unseen)
    grey = bool((values == values[..., :1]).all())
    return (values[..., :1] if grey else values), grey


def returned(picture: Picture, values: np.ndarray, unseen: np.ndarray) -> Picture:
    """Return a picture with new colours and the depth, alpha and metadata of another one.

    Parameters
    ----------
    picture : Picture
        The one that was restored, (H, W). Its alpha is resized where the size has changed.
    values : ndarray (H', W', 1) or (H', W', 3)
        The new colours; values outside [0, 1] are clipped.
    unseen : ndarray (H, W) of bool
        Where the size stays, these pixels keep the colours of ``picture``.
    """
    colours = values.shape[2]
    if picture.pixels.shape[2] > 2 and colours == 1:
        values, colours = np.repeat(values, 3, axis=2), 3
    pixels = np.rint(np.clip(values.astype(np.float64), 0, 1) * picture.peak)
    pixels = pixels.astype(picture.pixels.dtype)
    if pixels.shape[:2] == unseen.shape:
        pixels[unseen] = picture.pixels[unseen][:, : 3 if picture.pixels.shape[2] > 2 else 1]
    if picture.alpha is not None:
        alpha = np.ascontiguousarray(picture.alpha)
        height, width = pixels.shape[:2]
        if alpha.shape != (height, width):
            alpha = cv2.resize(alpha, (width, height), interpolation=cv2.INTER_LINEAR)
        pixels = np.concatenate([pixels, alpha[..., None]], axis=2)
    restored = of_size(picture, pixels, placed=pixels.shape[:2] == picture.pixels.shape[:2])
    if pixels.shape[2] == picture.pixels.shape[2]:
        return restored
    # A grey JPEG that became coloured: its one quantisation table does not fit three channels.
    return replace(restored, qtables=None, subsampling=None)

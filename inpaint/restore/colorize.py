"""Colourisation: A is the Rec. 601 luma, and the result keeps the picture's own luma.

The prior gives the chroma, C = G - luma(G), of a small version of the picture, in which a window
sees enough to tell sky from ground. At full size the chroma of each neighbourhood is a linear
function of the luma Y, C = a Y + b, whose a and b are fitted at the small size (the fast guided
filter, He and Sun 2015). So colours end at the edges of the picture. Where luma and chroma together
would leave [0, 1], the chroma is reduced and the luma kept.
"""

from __future__ import annotations

import cv2
import numpy as np
from torch import Tensor

from inpaint.restore.task import REC601, Task, luma

# The guided filter: side of its neighbourhoods in small pixels, and the variance of luma (that of
# a step of 0.03) below which chroma counts as flat.
WINDOW, FLAT = 5, 1e-3


def task(*, scale: int, grey: bool) -> Task:
    """Return the task. ``scale`` and ``grey`` do not matter: the input's colours are not read."""
    return Task(
        scale=1,
        channels=1,
        operator=luma,
        energy=1.0,  # as in superres: what the prior leaves out is not white noise
        guess=_guess,
        assemble=_assemble,
        observe=_observe,
        finish=_finish,
        fits=True,
        predicts=True,
    )


def _guess(y: Tensor) -> Tensor:
    return y.expand(-1, 3, -1, -1)


def _assemble(y: Tensor, x: Tensor, gain: Tensor) -> Tensor:
    return x - luma(x)


def _luma(values: np.ndarray) -> np.ndarray:
    """Return the luma (H, W) of an image (H, W, 1) or (H, W, 3), float32."""
    if values.shape[2] == 1:
        return values[..., 0]
    red, green, blue = (values[..., i] * np.float32(w) for i, w in enumerate(REC601))
    total: np.ndarray = red + green + blue
    return total


def _observe(values: np.ndarray, side: int, whole: bool) -> np.ndarray:
    """Return the luma (h, w, 1), shrunk so that its shorter side becomes ``side``.

    If ``whole``, the longer side becomes ``side``, and a small picture is enlarged to it, because
    a prior of whole pictures knows only one size.
    """
    grey = _luma(values)
    height, width = grey.shape
    share = side / (max if whole else min)(height, width)
    if share >= 1 and not whole:
        return grey[..., None]
    shape = max(1, round(width * share)), max(1, round(height * share))
    how = cv2.INTER_AREA if share < 1 else cv2.INTER_CUBIC
    return np.clip(cv2.resize(grey, shape, interpolation=how), 0, 1)[..., None]


def _finish(values: np.ndarray, chroma: np.ndarray) -> np.ndarray:
    """Join the chroma (h, w, 3) of the small picture with the luma of ``values``, (H, W, 3)."""
    grey = _luma(values)
    if chroma.shape[:2] != grey.shape:
        chroma = _guided(grey, chroma)
    chroma = chroma - _luma(chroma)[..., None]
    light = grey[..., None]
    with np.errstate(divide="ignore", invalid="ignore"):
        room = np.where(chroma > 0, (1 - light) / chroma, -light / chroma)
    room = np.where(chroma == 0, 1, room).min(2, keepdims=True)
    return light + np.clip(room, 0, 1) * chroma


def _guided(grey: np.ndarray, chroma: np.ndarray) -> np.ndarray:
    """Enlarge ``chroma`` (h, w, 3) to the size of ``grey`` (H, W), with the edges of ``grey``."""
    height, width = grey.shape
    h, w = chroma.shape[:2]
    small = cv2.resize(grey, (w, h), interpolation=cv2.INTER_AREA)

    def mean(values: np.ndarray) -> np.ndarray:
        return cv2.blur(values, (WINDOW, WINDOW), borderType=cv2.BORDER_REFLECT)

    m, c = mean(small), mean(chroma)
    variance = mean(small * small) - m * m
    covariance = mean(small[..., None] * chroma) - m[..., None] * c
    a = covariance / (np.maximum(variance, 0) + FLAT)[..., None]
    b = c - a * m[..., None]
    a, b = (cv2.resize(mean(v), (width, height), interpolation=cv2.INTER_LINEAR) for v in (a, b))
    enlarged: np.ndarray = a * grey[..., None] + b
    return enlarged

"""Colourisation: A is the Rec. 601 luma; the result keeps the picture's own luma.

The prior gives chroma, C = G - luma(G), at a small size where its windows see enough of the
picture to tell sky from ground. At full size each neighbourhood takes its chroma as a linear
function of the luma, C = a Y + b, fitted at the small size (the fast guided filter, He and Sun
2015), so that colours end where the picture's edges are. Chroma that leaves [0, 1] is weakened,
which leaves the luma as it is.
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
    """The task; neither ``scale`` nor ``grey`` matter: colours of the input are not read."""
    return Task(
        scale=1,
        channels=1,
        operator=luma,
        energy=1.0,  # as in superres, what is left out is no white noise
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
    """Luma (H, W) of (H, W, 1) or (H, W, 3), float32."""
    if values.shape[2] == 1:
        return values[..., 0]
    red, green, blue = (values[..., i] * np.float32(w) for i, w in enumerate(REC601))
    total: np.ndarray = red + green + blue
    return total


def _observe(values: np.ndarray, side: int, whole: bool) -> np.ndarray:
    """The luma (h, w, 1), shrunk: its shorter side to ``side``, or its longer one if ``whole``.

    A whole picture is also enlarged, because an aligned prior knows one size only.
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
    """Chroma (h, w, 3) of the small picture and the luma of ``values``: (H, W, 3)."""
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
    """Enlarge ``chroma`` (h, w, 3) to the size of ``grey`` (H, W), edges where grey has them."""
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

"""Descriptions by which patches are compared: a few whole numbers for each pixel.

A patch P (7x7, RGB) becomes the low frequencies of its orthonormal cosine transform in opponent
colours, the strength of its gradients, the smooth structure around it and its place,

    f(P) = [C(P), w_t t, w_s s, w_p p],    d(P, Q) = |f(P) - f(Q)|².

With all frequencies |C(P) - C(Q)|² is the sum of squared differences of the two patches. The low
ones hold most of it, and unlike principal components they need no fit. The numbers are whole and
below 2⁹, so that distances are exact sums of whole numbers, and the nearest patch does not depend
on the number of threads or the order of a sum.
"""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np

from inpaint.kernels import Float3, Int1, Short2, inner, kernel
from inpaint.stages.texture.weights import Weights

SIDE = 7
RADIUS = SIDE // 2
UNIT = 84.0
"""Steps for each unit of f. A white patch is 6.06 units from middle grey, which is 511 steps."""

_LIMIT = 511
_LUMA, _CHROMA = 4, 1  # highest u + v of a frequency (u, v) that is kept
_STRIP = 256  # rows at a time, because the floats of a large crop would fill the memory
_OPPONENT = np.array([[1, 1, 1], [1, 0, -1], [1, -2, 1]], dtype=np.float32)
_OPPONENT /= np.sqrt(np.square(_OPPONENT).sum(1, keepdims=True))
_MIRROR = cv2.BORDER_REFLECT_101


def frequencies() -> list[tuple[int, int, int]]:
    """Return the kept (channel, u, v), u across and v down."""
    tops = (_LUMA, _CHROMA, _CHROMA)
    return [
        (c, u, s - u) for c, top in enumerate(tops) for s in range(top + 1) for u in range(s + 1)
    ]


DIMENSIONS = len(frequencies()) + 2 + 3 + 2 + 2
WIDTH = 32
"""Length of a stored description, which is 0 beyond DIMENSIONS: 64 bytes, one cache line."""


def opponent(image: np.ndarray) -> np.ndarray:
    """Turn RGB (H, W, 3) in [0, 1] into luma around middle grey and two chroma channels."""
    return cv2.transform(image.astype(np.float32) - np.float32(0.5), _OPPONENT)


def gradients(image: np.ndarray) -> np.ndarray:
    """Mean absolute differences of luma across and down over a patch: (H, W, 2) float32."""
    luma = np.ascontiguousarray(opponent(image)[..., 0])
    steps = [np.abs(cv2.Sobel(luma, cv2.CV_32F, dx, 1 - dx, ksize=1)) for dx in (1, 0)]
    return cv2.blur(np.dstack(steps), (SIDE, SIDE), borderType=_MIRROR)


def constant(structure: np.ndarray, weights: Weights) -> np.ndarray:
    """Return the part of f that no fill changes, structure and place: (H, W, 7) float32.

    ``structure`` (H, W, 5): the smooth fill's RGB in [0, 1], and the roughness expected across
    and down. A difference that is the same all over a patch counts SIDE times in f, as in the
    transform's constant coefficient.
    """
    h, w = structure.shape[:2]
    longer = np.float32(max(h, w))
    y, x = (c.astype(np.float32) / longer - np.float32(0.5) for c in np.mgrid[:h, :w])
    root = np.float32(np.sqrt(3))
    parts = [
        weights.structure * opponent(np.ascontiguousarray(structure[..., :3])),
        weights.roughness * structure[..., 3:],
        weights.down * root * y,
        weights.across * root * x,
    ]
    return np.float32(SIDE) * np.dstack(parts)


def describe(
    image: np.ndarray, texture: np.ndarray, fixed: np.ndarray, weights: Weights
) -> np.ndarray:
    """Return f of every pixel's patch, mirrored at the border: (H, W, WIDTH) int16.

    Parameters
    ----------
    image : ndarray (H, W, 3)
        RGB in [0, 1].
    texture : ndarray (H, W, 2)
        From ``gradients``; of a fill, copied from the same places as its pixels.
    fixed : ndarray (H, W, 7)
        From ``constant``.
    weights : Weights
        The weights; those of structure and place are in ``fixed`` already.
    """
    h, w = image.shape[:2]
    out = np.empty((h, w, WIDTH), dtype=np.int16)
    for top in range(0, h, _STRIP):
        low, high = max(top - RADIUS, 0), min(top + _STRIP + RADIUS, h)
        rows, strip = slice(top, min(top + _STRIP, h)), slice(low, high)
        y, x = (c.ravel() for c in np.mgrid[top - low : rows.stop - low, :w].astype(np.int32))
        part = describe_at(image[strip], texture[strip], fixed[strip], weights, (y, x))
        out[rows] = part.reshape(-1, w, WIDTH)
    return out


def describe_at(
    image: np.ndarray,
    texture: np.ndarray,
    fixed: np.ndarray,
    weights: Weights,
    at: tuple[np.ndarray, np.ndarray],
) -> np.ndarray:
    """As ``describe``, for the pixels of rows and columns ``at``, (n,) int32: (n, WIDTH) int16."""
    out = np.empty((len(at[0]), WIDTH), dtype=np.int16)
    rough, fixed = np.ascontiguousarray(texture), np.ascontiguousarray(fixed)
    _whole(_transform(image), rough, SIDE * weights.texture, fixed, *at, out)
    return out


def _transform(image: np.ndarray) -> np.ndarray:
    """The kept coefficients C of every pixel's patch: (K, H, W) float32."""
    n = np.arange(SIDE)
    basis = np.cos(np.pi * np.outer(n, n + 0.5) / SIDE) * np.sqrt(2 / SIDE)
    basis[0] /= np.sqrt(2)
    channels = [np.ascontiguousarray(c) for c in np.moveaxis(opponent(image), 2, 0)]
    out = np.empty((len(frequencies()), *image.shape[:2]), dtype=np.float32)
    for plane, (c, u, v) in zip(out, frequencies(), strict=True):
        cv2.sepFilter2D(channels[c], cv2.CV_32F, basis[u], basis[v], dst=plane, borderType=_MIRROR)
    return out


@kernel
def _whole(
    coefficients: Float3,
    rough: Float3,
    texture: float,
    fixed: Float3,
    y: Int1,
    x: Int1,
    out: Short2,
) -> None:
    """Whole steps of f: coefficients (K, h, w), (h, w, 2) times ``texture``, (h, w, 7)."""
    count = len(coefficients)
    for p in range(len(y)):
        for k in range(count):
            out[p, k] = _step(coefficients[k, y[p], x[p]])
        for k in range(2):
            out[p, count + k] = _step(texture * rough[y[p], x[p], k])
        for k in range(7):
            out[p, count + 2 + k] = _step(fixed[y[p], x[p], k])
        for k in range(count + 9, out.shape[1]):
            out[p, k] = 0


@inner
def _step(value: float) -> Any:
    steps = min(max(value * np.float32(UNIT), np.float32(-_LIMIT)), np.float32(_LIMIT))
    return np.int16(np.rint(steps))

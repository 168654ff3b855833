"""Tests whether a prior copies training images, by the nearest ones of samples.

The distance of two images is their RMSE over ``SIDE`` x ``SIDE`` pixels, or that of the mirrored
image if it is smaller, because training mirrors at random. A copy is close to one training image. A
blurred sample is close to many, so a small distance alone proves nothing. Therefore the nearest is
compared with the next ones, as in Carlini et al. 2023 (Extracting training data from diffusion
models, eq. 2)::

    r(x) = d(x, nearest) / mean of d(x, the K nearest)

Held-out images show what r is without copying. ``share`` is the share of samples whose r is smaller
than that of all but 5 % of the held-out images. 5 % is expected of a prior that copies nothing, and
100 % of one that only copies.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np

from inpaint.errors import ImageError

SIDE = 16
K = 50
QUANTILE = 0.05
ROWS = 256


@dataclass(frozen=True)
class Near:
    """The nearest training images of each of N images.

    Attributes
    ----------
    index : ndarray (N, K) of int
        Their numbers, nearest first.
    distance : ndarray (N, K)
        RMSE, for pixels in [0, 1].
    """

    index: np.ndarray
    distance: np.ndarray

    @property
    def isolation(self) -> np.ndarray:
        """r, (N,): 0 for a copy, up to 1 where the nearest is no nearer than the others."""
        return self.distance[:, 0] / self.distance.mean(1).clip(1e-12)


@dataclass(frozen=True)
class Memory:
    """How near samples, and held-out images, come to the training images.

    Attributes
    ----------
    samples, held_out : float
        Median distance to the nearest training image.
    share : float
        Share of samples whose nearest stands out more than with all but 5 % of held-out images.
    limit : float
        What ``share`` stays below if nothing is copied: 5 % and four standard errors.
    """

    samples: float
    held_out: float
    share: float
    limit: float

    @property
    def copied(self) -> bool:
        """Whether more samples stand out than chance allows."""
        return self.share > self.limit


def small(pixels: np.ndarray) -> np.ndarray:
    """Images uint8 (N, S, S, 3) as rows to compare: float32 (N, SIDE * SIDE * 3) in [0, 1]."""
    out = np.empty((len(pixels), SIDE, SIDE, 3), np.float32)
    for row, image in zip(out, pixels, strict=True):
        row[:] = cv2.resize(np.ascontiguousarray(image), (SIDE, SIDE), interpolation=cv2.INTER_AREA)
    return out.reshape(len(out), -1) / 255


def nearest(rows: np.ndarray, bank: np.ndarray, *, k: int = K) -> Near:
    """The ``k`` nearest of ``bank`` (M, D) for each of ``rows`` (N, D), both from ``small``.

    Raises ImageError when there are not more than ``k`` training images.
    """
    if len(bank) <= k:
        raise ImageError(
            f"{len(bank)} training images; to tell a copy from chance it takes {k + 1} or more"
        )
    picture = (-1, SIDE, SIDE, 3)
    mirrored = rows.reshape(picture)[:, :, ::-1].reshape(rows.shape)
    index = np.empty((len(rows), k), np.int64)
    distance = np.empty((len(rows), k))
    norms = np.square(bank, dtype=np.float64).sum(1)
    for at in range(0, len(rows), ROWS):
        part = slice(at, at + ROWS)
        square = np.minimum(*(_squared(side[part], bank, norms) for side in (rows, mirrored)))
        some = np.argpartition(square, k, axis=1)[:, :k]
        values = np.take_along_axis(square, some, axis=1)
        order = np.argsort(values, axis=1, kind="stable")
        index[part] = np.take_along_axis(some, order, axis=1)
        distance[part] = np.sqrt(np.take_along_axis(values, order, axis=1) / rows.shape[1])
    return Near(index, distance)


def memory(samples: Near, held_out: Near) -> Memory:
    """Compare what ``nearest`` found for samples and for held-out images."""
    threshold = np.quantile(held_out.isolation, QUANTILE)
    # Both the share and the threshold are estimates; each has its binomial error.
    counts = 1 / len(samples.index) + 1 / len(held_out.index)
    return Memory(
        samples=float(np.median(samples.distance[:, 0])),
        held_out=float(np.median(held_out.distance[:, 0])),
        share=float((samples.isolation < threshold).mean()),
        limit=QUANTILE + 4 * math.sqrt(QUANTILE * (1 - QUANTILE) * counts),
    )


def _squared(rows: np.ndarray, bank: np.ndarray, norms: np.ndarray) -> np.ndarray:
    """|a - b|² of all pairs, (n, M), as |a|² + |b|² - 2 ab."""
    own = np.square(rows, dtype=np.float64).sum(1)[:, None]
    found: np.ndarray = (own + norms - 2 * (rows @ bank.T)).clip(0)
    return found

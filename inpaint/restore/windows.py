"""Overlapping windows, by which a prior of small squares answers for a picture of any size."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

# Pixels of the answer that are solved at once, which bounds memory.
CHUNK = 1 << 18


def places(length: int, window: int, step: int) -> list[int]:
    """Return the starts of windows that cover ``length``, ``step`` apart; the last one ends it."""
    last = length - window
    return [*range(0, last, step), last]


def corners(shape: tuple[int, ...], window: int, step: int) -> list[tuple[int, int]]:
    """Return the first row and column of each window; the picture is at least a window large."""
    rows, columns = (places(side, window, step) for side in shape[:2])
    return [(row, column) for row in rows for column in columns]


def count(shape: tuple[int, ...], window: int, step: int) -> int:
    """Return how many windows cover a picture (H, W), which is padded if it is smaller than one."""
    return len(corners(tuple(max(side, window) for side in shape[:2]), window, step))


def padded(y: np.ndarray, window: int) -> tuple[np.ndarray, int, int]:
    """Mirror a picture beyond its borders until it is as large as a window.

    Parameters
    ----------
    y : ndarray (h, w, C)
        The picture; a side of at least ``window`` stays as it is.
    window : int
        Side of a window.

    Returns
    -------
    (ndarray, int, int)
        The picture, and how many rows above and columns to the left were added.
    """
    missing = [max(0, window - side) for side in y.shape[:2]]
    before = [m // 2 for m in missing]
    if any(missing):
        pads = [(b, m - b) for b, m in zip(before, missing, strict=True)]
        y = np.pad(y, [*pads, (0, 0)], mode="symmetric")
    return y, before[0], before[1]


def some(y: np.ndarray, window: int, *, at_most: int) -> Tensor:
    """Return evenly spread windows (n, C, window, window) of ``y`` (h, w, C), n <= ``at_most``."""
    y, _, _ = padded(y, window)
    every = corners(y.shape, window, max(1, window // 2))
    number = min(at_most, len(every))
    return _cut(y, [every[i * len(every) // number] for i in range(number)], window)


def _cut(y: np.ndarray, places: list[tuple[int, int]], window: int) -> Tensor:
    stack = np.stack([y[r : r + window, c : c + window] for r, c in places])
    return torch.from_numpy(stack).permute(0, 3, 1, 2).contiguous()


def over(
    y: np.ndarray,
    window: int,
    step: int,
    scale: int,
    solve: Callable[[Tensor, int], Tensor],
) -> np.ndarray:
    """Solve each window and blend all of them, with weights that fall linearly to their borders.

    Parameters
    ----------
    y : ndarray (h, w, C), float32
        What is observed.
    window : int
        Side of a window of ``y``.
    step : int
        Pixels from one window to the next, at most ``window``.
    scale : int
        Side of the answer divided by the side of ``y``.
    solve : callable
        ``solve(windows (n, C, window, window), index of the first) -> (n, C', S, S)`` with
        S = window * scale.

    Returns
    -------
    ndarray (h * scale, w * scale, C'), float32
    """
    height, width = y.shape[:2]
    y, top, left = padded(y, window)
    every = corners(y.shape, window, step)
    side = window * scale
    ramp = np.minimum(np.arange(side) + 0.5, side - np.arange(side) - 0.5) / side
    weight = (ramp[:, None] * ramp)[..., None].astype(np.float32)
    total: np.ndarray | None = None
    weights = np.zeros((y.shape[0] * scale, y.shape[1] * scale, 1), np.float32)
    lot = max(1, CHUNK // side**2)
    for first in range(0, len(every), lot):
        chunk = every[first : first + lot]
        x = solve(_cut(y, chunk, window), first)
        answers = x.permute(0, 2, 3, 1).cpu().numpy()
        if total is None:
            total = np.zeros((*weights.shape[:2], answers.shape[3]), np.float32)
        for (r, c), answer in zip(chunk, answers, strict=True):
            place = np.s_[r * scale : r * scale + side, c * scale : c * scale + side]
            total[place] += weight * answer
            weights[place] += weight
    assert total is not None  # a picture has at least one window
    place = np.s_[top * scale : (top + height) * scale, left * scale : (left + width) * scale]
    blended: np.ndarray = total[place] / weights[place]
    return blended

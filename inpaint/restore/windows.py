"""Overlapping windows: a picture of any size through a prior that sees a small square."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

# Pixels of the answer that are solved at once; bounds memory.
CHUNK = 1 << 18


def places(length: int, window: int) -> list[int]:
    """Starts of windows that cover ``length``; the last one ends with it.

    Large windows lie half over the next. Small ones by two thirds: they are cheap, and the mean
    of several answers hides their borders.
    """
    last = length - window
    return [*range(0, last, max(1, window // (2 if window >= 16 else 3))), last]


def count(shape: tuple[int, int], window: int) -> int:
    """How many windows cover a picture (H, W), padded if it is smaller."""
    rows, cols = (len(places(max(side, window), window)) for side in shape)
    return rows * cols


def padded(y: np.ndarray, window: int) -> tuple[np.ndarray, int, int]:
    """``y`` (h, w, C) mirrored evenly beyond its borders up to ``window``, rows and columns so.

    The two numbers are those added above and to the left.
    """
    missing = [max(0, window - side) for side in y.shape[:2]]
    before = [m // 2 for m in missing]
    if any(missing):
        pads = [(b, m - b) for b, m in zip(before, missing, strict=True)]
        y = np.pad(y, [*pads, (0, 0)], mode="symmetric")
    return y, before[0], before[1]


def cut(y: np.ndarray, window: int, *, at_most: int | None = None) -> Tensor:
    """Windows (n, C, window, window) of ``y``; only ``at_most``, evenly spread, when given."""
    y, _, _ = padded(y, window)
    corners = [(r, c) for r in places(y.shape[0], window) for c in places(y.shape[1], window)]
    if at_most and len(corners) > at_most:
        corners = [corners[i * len(corners) // at_most] for i in range(at_most)]
    return torch.from_numpy(
        np.stack([y[r : r + window, c : c + window] for r, c in corners])
    ).permute(0, 3, 1, 2)


def over(
    y: np.ndarray, window: int, scale: int, solve: Callable[[Tensor, int], Tensor]
) -> np.ndarray:
    """Solve every window and blend them with weights that fall linearly to their borders.

    Parameters
    ----------
    y : ndarray (h, w, C), float32
        What is observed.
    window : int
        Side of a window of ``y``.
    scale : int
        Side of the answer over the side of ``y``.
    solve : callable
        ``solve(windows (n, C, window, window), index of the first) -> (n, C', S, S)`` with
        S = window * scale.

    Returns
    -------
    ndarray (h * scale, w * scale, C'), float32
    """
    height, width = y.shape[:2]
    y, top, left = padded(y, window)
    corners = [(r, c) for r in places(y.shape[0], window) for c in places(y.shape[1], window)]
    side = window * scale
    ramp = np.minimum(np.arange(side) + 0.5, side - np.arange(side) - 0.5) / side
    weight = (ramp[:, None] * ramp)[..., None].astype(np.float32)
    total: np.ndarray | None = None
    weights = np.zeros((y.shape[0] * scale, y.shape[1] * scale, 1), np.float32)
    lot = max(1, CHUNK // side**2)
    for first in range(0, len(corners), lot):
        chunk = corners[first : first + lot]
        stack = np.stack([y[r : r + window, c : c + window] for r, c in chunk])
        x = solve(torch.from_numpy(stack).permute(0, 3, 1, 2).contiguous(), first)
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

"""Grows, feathers and measures holes by the distance to their edge, and finds separate holes."""

from __future__ import annotations

import cv2
import numpy as np

from inpaint.errors import MaskError


def grow(mask: np.ndarray, px: float) -> np.ndarray:
    """Return the mask plus every pixel within a Euclidean distance of ``px`` of its hole.

    Parameters
    ----------
    mask : ndarray (H, W) of bool
        True = hole; not modified.
    px : float
        Distance between pixel centres, 0 or more.

    Raises
    ------
    MaskError
        If ``px`` is negative or no number.
    """
    _check_distance(px)
    grown = mask.copy()
    if mask.any():
        window = _window(mask, int(np.ceil(min(px, max(mask.shape)))))
        grown[window] = _distance(~mask[window]) <= px
    return grown


def feather(mask: np.ndarray, px: float) -> np.ndarray:
    """Return a weight for blending: 0 at known pixels, 1 deep in the hole, smooth between.

    With d the distance to the nearest known pixel and t = min(d / (px + 1), 1), the weight is
    3 t^2 - 2 t^3. Known pixels have d = 0, so they can never change; ``px`` = 0 gives the mask
    itself. Beyond the edge of the image nothing is known, so a hole that touches it stays 1 there.

    Parameters
    ----------
    mask : ndarray (H, W) of bool
        True = hole; not modified.
    px : float
        Width of the ramp inside the hole, 0 or more.

    Returns
    -------
    ndarray (H, W) of float32
        In [0, 1].

    Raises
    ------
    MaskError
        If ``px`` is negative or no number.
    """
    _check_distance(px)
    if mask.all():
        return np.ones(mask.shape, np.float32)
    weight = np.zeros(mask.shape, np.float32)
    if mask.any():
        window = _window(
            mask, 1
        )  # the ring around the box is known, and nearer than anything beyond it
        t = np.minimum(_distance(mask[window]) / np.float32(px + 1), np.float32(1))
        weight[window] = t * t * (3 - 2 * t)
    return weight


def _window(mask: np.ndarray, margin: int) -> tuple[slice, slice]:
    """Return the box around the holes with a margin, because photos are large and holes small."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    return (
        slice(max(int(rows[0]) - margin, 0), int(rows[-1]) + margin + 1),
        slice(max(int(columns[0]) - margin, 0), int(columns[-1]) + margin + 1),
    )


def _check_distance(px: float) -> None:
    if not (px >= 0 and np.isfinite(px)):  # written so that NaN fails too
        raise MaskError(f"a distance of {px} pixels was asked for, expected 0 or more; use 0")


def _distance(inside: np.ndarray) -> np.ndarray:
    """Return float32 distances to the nearest pixel that is not inside (there must be one)."""
    return cv2.distanceTransform(inside.astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)


def inward(mask: np.ndarray) -> np.ndarray:
    """Return how deep each pixel lies in the hole of ``mask`` (H, W) bool: (H, W) float32, pixels.

    It is the (nearly exact) distance to the nearest known pixel; the image's border is not known.
    """
    padded = np.pad(mask.astype(np.uint8), 1, mode="edge")
    return cv2.distanceTransform(padded, cv2.DIST_L2, cv2.DIST_MASK_5)[1:-1, 1:-1]


def components(mask: np.ndarray) -> list[tuple[int, int, int, int]]:
    """Return the box (y0, x0, y1, x1), ends excluded, of each hole; pixels connect at corners.

    Sorted from top to bottom, then left to right, so that results never depend on the
    labelling; (H, W) bool in, an empty list for an empty mask.
    """
    count, _, stats, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8), connectivity=8)
    boxes = []
    for left, top, width, height, _ in stats[1:count].tolist():
        boxes.append((top, left, top + height, left + width))
    return sorted(boxes)

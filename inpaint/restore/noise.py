"""Estimates the noise of a picture from the picture alone."""

from __future__ import annotations

import cv2
import numpy as np

# Immerkaer 1996: the difference of two Laplacians. It is 0 on planes and on straight edges along
# the axes, and white noise comes out of it 6 times as strong.
KERNEL = np.array([[1, -2, 1], [-2, 4, -2], [1, -2, 1]], np.float32)
GAIN = 6.0
# The median of |n| where n is standard normal.
MEDIAN = 0.6745
# The share of places without black or white pixels that is enough to estimate from.
ENOUGH = 0.05


def estimate(values: np.ndarray, unknown: np.ndarray | None = None) -> float:
    """Return the standard deviation of white noise in a picture.

    The median over all pixels is taken rather than Immerkaer's mean, so that texture and edges
    count only if they cover half of the picture. Fine texture all over is taken for noise.

    Parameters
    ----------
    values : ndarray (H, W, C)
        Colours in [0, 1]. Places where black or white has cut the noise off do not count, unless
        hardly any others are left.
    unknown : ndarray (H, W) of bool, optional
        Unknown pixels; places that touch one never count.

    Returns
    -------
    float
        In the units of ``values``; 0 for pictures smaller than 3x3, and where all is unknown.
    """
    if min(values.shape[:2]) < 3:
        return 0.0
    rough, whole = [], []
    for c in range(values.shape[2]):
        plane = np.ascontiguousarray(values[..., c])
        rough.append(cv2.filter2D(plane, cv2.CV_32F, KERNEL)[1:-1, 1:-1])
        cut = ((plane <= 0) | (plane >= 1)).astype(np.uint8)
        whole.append(cv2.dilate(cut, np.ones((3, 3), np.uint8))[1:-1, 1:-1] == 0)
    strength, uncut = np.abs(np.stack(rough)), np.stack(whole)
    if unknown is not None:
        near = cv2.dilate(unknown.astype(np.uint8), np.ones((3, 3), np.uint8))[1:-1, 1:-1]
        strength, uncut = strength[:, near == 0], uncut[:, near == 0]
        if not strength.size:
            return 0.0
    if uncut.mean() > ENOUGH:
        strength = strength[uncut]
    return float(np.median(strength)) / (GAIN * MEDIAN)

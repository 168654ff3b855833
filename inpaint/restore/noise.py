"""How noisy a picture is, from the picture alone."""

from __future__ import annotations

import cv2
import numpy as np

# Immerkaer 1996: the difference of two Laplacians, blind to planes and to straight edges along
# the axes; white noise comes out 6 times as strong.
KERNEL = np.array([[1, -2, 1], [-2, 4, -2], [1, -2, 1]], np.float32)
GAIN = 6.0
# The median of |n| of a unit normal.
MEDIAN = 0.6745


def estimate(values: np.ndarray) -> float:
    """Standard deviation of white noise in ``values`` (H, W, C), in their units.

    The median over all pixels rather than Immerkaer's mean, so that texture and edges count only
    where they cover half of the picture; fine texture all over is taken for noise. 0 for pictures
    smaller than 3x3.
    """
    if min(values.shape[:2]) < 3:
        return 0.0
    rough = [
        cv2.filter2D(np.ascontiguousarray(values[..., c]), cv2.CV_32F, KERNEL)[1:-1, 1:-1]
        for c in range(values.shape[2])
    ]
    return float(np.median(np.abs(np.stack(rough)))) / (GAIN * MEDIAN)

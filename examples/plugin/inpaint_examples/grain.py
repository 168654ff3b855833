"""Grain: give the hole the fine noise of what lies around it.

A fill is smoother than a photo, and film or sensor noise that stops at a border shows where the
hole was. This is a whole stage: pass ``apply`` to ``inpaint.fill(stages=...)``, or install this
package and ask for it by its name, ``grain``.
"""

from __future__ import annotations

import cv2
import numpy as np

from inpaint import Patch

FINE = 1.0  # what a blur of this many pixels takes away counts as grain
RING = 12  # how far around the hole the grain is measured
FEW = 50  # pixels, from which no strength can be told


def apply(patch: Patch) -> Patch:
    """Grain: give the hole the fine noise of what lies around it, as far as the fill has none."""
    fine = patch.filled - cv2.GaussianBlur(patch.filled, (0, 0), FINE)
    size = (2 * RING + 1, 2 * RING + 1)
    near = cv2.dilate(patch.mask.astype(np.uint8), np.ones(size, np.uint8)) > 0
    ring = near & ~patch.mask
    if np.count_nonzero(ring) < FEW or np.count_nonzero(patch.mask) < FEW:
        return patch
    missing = np.sqrt(np.maximum(strength(fine[ring]) ** 2 - strength(fine[patch.mask]) ** 2, 0))
    noise = np.random.default_rng(patch.seed).standard_normal(patch.filled.shape)
    return patch.with_filled(np.clip(patch.filled + missing * noise, 0, 1))


def strength(fine: np.ndarray) -> np.ndarray:
    """Standard deviation (3,) of fine detail (n, 3), from its median, which edges do not move."""
    median: np.ndarray = 1.4826 * np.median(np.abs(fine), axis=0)
    return median

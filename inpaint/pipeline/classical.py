"""Classical baselines by name, which need no learning.

Each takes an image (H, W, 3) uint8 RGB and a mask (H, W) bool, True = hole, and returns the image
with the hole filled. The hole is erased first, so that no method sees what was in it.
"""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
from skimage.restoration import inpaint_biharmonic

from inpaint.errors import UnknownNameError

RADIUS = 3


def _opencv(image: np.ndarray, mask: np.ndarray, flag: int) -> np.ndarray:
    return cv2.inpaint(image, mask.astype(np.uint8), RADIUS, flag)


def telea(image: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Fast marching (Telea 2004), radius 3, as in OpenCV."""
    return _opencv(image, mask, cv2.INPAINT_TELEA)


def navier_stokes(image: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Fluid dynamics (Bertalmio et al. 2001), radius 3, as in OpenCV."""
    return _opencv(image, mask, cv2.INPAINT_NS)


def biharmonic(image: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Biharmonic equation (Damelin and Hoang 2018), as in scikit-image."""
    filled = inpaint_biharmonic(image, mask, channel_axis=2, split_into_regions=True)
    return (filled.clip(0, 1) * 255).round().astype(np.uint8)


def mean(image: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """The mean colour of the known pixels."""
    filled = image.copy()
    filled[mask] = image[~mask].mean(0).round()
    return filled


BASELINES: dict[str, Callable[[np.ndarray, np.ndarray], np.ndarray]] = {
    "telea": telea,
    "ns": navier_stokes,
    "biharmonic": biharmonic,
    "mean": mean,
}
SUMMARIES = {name: (f.__doc__ or "").partition("\n")[0] for name, f in BASELINES.items()}


def baseline(name: str, image: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Fill by the baseline ``name``; known pixels come back untouched.

    Raises UnknownNameError for a name that is not in ``BASELINES``.
    """
    if name not in BASELINES:
        raise UnknownNameError("method", name, BASELINES)
    erased = image.copy()
    erased[mask] = 0
    return np.where(mask[..., None], BASELINES[name](erased, mask), image)

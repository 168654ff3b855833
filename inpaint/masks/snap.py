"""From a rough outline to the object inside it, by GrabCut.

Rother, Kolmogorov and Blake, "GrabCut: interactive foreground extraction using iterated graph
cuts", SIGGRAPH 2004, in OpenCV's implementation: what lies outside the outline is background, what
lies inside may be object, and two colour mixtures and a graph cut settle which pixels are.
"""

from __future__ import annotations

import cv2
import numpy as np

from inpaint.errors import ImageError, MaskError

WORK_SIDE = 400  # longest side of the copy that is cut; the time grows with its area
ITERATIONS = 5
SURROUNDINGS = 0.5  # background to learn from around the outline, relative to its longer side
SMALLEST_PART = 0.02  # of the largest part; smaller ones are specks
LARGEST_HOLE = 0.25  # of the object; through a larger one the background is seen
# Shares of the outline that an object can have: beyond them the cut found noise, or no edge.
LEAST_SHARE, MOST_SHARE = 0.02, 0.97


def snap(image: np.ndarray, region: np.ndarray, *, seed: int = 0) -> np.ndarray | None:
    """Find the object inside a rough outline.

    Parameters
    ----------
    image : ndarray (H, W, 3) of uint8, RGB
        Not modified.
    region : ndarray (H, W) of bool
        True where the object may be, such as a box around it; not modified.
    seed : int
        Of the colour mixtures' first guess: the same seed gives the same mask.

    Returns
    -------
    ndarray (H, W) of bool, or None
        The object, without specks and small holes, inside ``region``; None when nothing inside
        stands out from what is around: the object would be almost none or all of the region.

    Raises
    ------
    ImageError, MaskError
        If the shapes or types are others.
    """
    if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3:
        raise ImageError(f"image is {image.dtype} {image.shape}; expected uint8 (H, W, 3), RGB")
    if region.dtype != np.bool_ or region.shape != image.shape[:2]:
        raise MaskError(f"region is {region.dtype} {region.shape}; expected bool (H, W)")
    if not region.any():
        return None
    window = _surroundings(region)
    part, inside = image[window], region[window]
    height, width = inside.shape
    scale = min(1.0, WORK_SIDE / max(height, width))
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    small = cv2.resize(np.ascontiguousarray(part), size, interpolation=cv2.INTER_AREA)
    share = cv2.resize(inside.astype(np.float32), size, interpolation=cv2.INTER_AREA)
    found = _cut(small, share >= 0.5, seed)
    if found is None:
        return None
    found = _fill_holes(_large_parts(found))
    full = cv2.resize(found.astype(np.float32), (width, height), interpolation=cv2.INTER_LINEAR)
    clean = (full >= 0.5) & inside
    if not LEAST_SHARE <= clean.sum() / inside.sum() <= MOST_SHARE:
        return None
    mask = np.zeros_like(region)
    mask[window] = clean
    return mask


def _surroundings(region: np.ndarray) -> tuple[slice, slice]:
    """The region's box with background around it."""
    rows, columns = np.flatnonzero(region.any(axis=1)), np.flatnonzero(region.any(axis=0))
    longer = max(int(np.ptp(rows)), int(np.ptp(columns))) + 1
    around = max(8, round(SURROUNDINGS * longer))
    return (
        slice(max(int(rows[0]) - around, 0), int(rows[-1]) + around + 1),
        slice(max(int(columns[0]) - around, 0), int(columns[-1]) + around + 1),
    )


def _cut(image: np.ndarray, region: np.ndarray, seed: int) -> np.ndarray | None:
    """GrabCut of an image (h, w, 3) with the region (h, w) as possible object; None if it can't.

    Each of the two mixtures of five colours needs some pixels to start from.
    """
    if min(region.sum(), (~region).sum()) < 16:
        return None
    labels = np.where(region, cv2.GC_PR_FGD, cv2.GC_BGD).astype(np.uint8)
    mixtures = np.zeros((1, 65)), np.zeros((1, 65))
    # OpenCV offers no generator of one's own: this one belongs to the thread, and nothing else
    # here draws from it.
    cv2.setRNGSeed(seed % 2**31)
    unused = (0, 0, 0, 0)  # a rectangle, for another way to start
    cv2.grabCut(image, labels, unused, *mixtures, ITERATIONS, cv2.GC_INIT_WITH_MASK)
    return (labels == cv2.GC_FGD) | (labels == cv2.GC_PR_FGD)


def _large_parts(mask: np.ndarray) -> np.ndarray:
    """Only the parts that are not small beside the largest."""
    _, labels, stats, _ = cv2.connectedComponentsWithStats(mask.view(np.uint8), connectivity=8)
    areas = stats[:, cv2.CC_STAT_AREA].astype(np.float64)
    areas[0] = 0  # the background
    kept: np.ndarray = (areas > 0) & (areas >= SMALLEST_PART * areas.max())
    large: np.ndarray = kept[labels]
    return large


def _fill_holes(mask: np.ndarray) -> np.ndarray:
    """The mask and the background that it encloses, but for large openings."""
    outside = np.pad(~mask, 1, constant_values=True).view(np.uint8)
    _, labels, stats, _ = cv2.connectedComponentsWithStats(outside, connectivity=4)
    filled: np.ndarray = stats[:, cv2.CC_STAT_AREA] <= LARGEST_HOLE * mask.sum()
    filled[0] = True  # the mask itself
    filled[labels[0, 0]] = False
    whole: np.ndarray = filled[labels[1:-1, 1:-1]]
    return whole

"""The object at a point: boxes of growing size around it, each cut by GrabCut, and the best cut.

In a box that is smaller than the object, the background is learnt from the object itself, and the
cut ends at the box. In a box that holds the object, the cut ends where colours change. So of all
cuts that hold the point and stay off their box's border, the one with the strongest edge wins.
"""

from __future__ import annotations

import cv2
import numpy as np

from inpaint.errors import ImageError, SelectionError
from inpaint.masks import snap

WORK_SIDE = 160  # longest side of the copy in which the box grows
# Sides of the boxes, relative to the picture's shorter side.
SIDES = (0.08, 0.14, 0.24, 0.4, 0.65, 1.0)
LEAST_SIDE = 12  # pixels
SURE_SHARE = 0.05  # of the box's side: the radius around the point that is object for certain
MOST_AT_BORDER = 0.02  # of a box's border that an object inside it may touch
LEAST_AREA = 3.0  # of the object, relative to what was certain
LEAST_EDGE = 6.0  # mean step of luma at the outline, of 255
AROUND = 0.2  # of the object's size: the rough outline that it is cut from in the end


def object_at(image: np.ndarray, x: float, y: float, *, seed: int = 0) -> np.ndarray | None:
    """Find the object that a point lies on.

    Parameters
    ----------
    image : ndarray (H, W, 3) of uint8, RGB
        Not modified.
    x, y : float
        The point, in pixels from the left top corner.
    seed : int
        Of GrabCut's first guess: the same seed gives the same mask.

    Returns
    -------
    ndarray (H, W) of bool, or None
        The object without specks and small holes; None when nothing stands out there.

    Raises
    ------
    ImageError
        If the image has another shape or type.
    SelectionError
        If the point lies beyond the picture.
    """
    if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3:
        raise ImageError(f"image is {image.dtype} {image.shape}; expected uint8 (H, W, 3), RGB")
    height, width = image.shape[:2]
    if not (0 <= x < width and 0 <= y < height):
        raise SelectionError(
            f"the point {x:g},{y:g} lies beyond the picture, which is {width}x{height}"
        )
    best, strongest = None, LEAST_EDGE
    for share in SIDES:
        side = max(share * min(height, width), LEAST_SIDE)
        box = _box_around(x, y, side, (height, width))
        found = _cut(image, box, (x, y), seed)
        if found is not None and found[1] > strongest:
            best, strongest = found[0], found[1]
    if best is None:
        return None
    # Once more in full, from a rough outline: its box with something around it.
    y0, x0, y1, x1 = best
    around = round(AROUND * max(y1 - y0, x1 - x0)) + 2
    rough = np.zeros((height, width), bool)
    rough[max(y0 - around, 0) : y1 + around, max(x0 - around, 0) : x1 + around] = True
    mask = snap.snap(image, rough, seed=seed)
    return mask if mask is not None and mask[int(y), int(x)] else None


Box = tuple[int, int, int, int]


def _box_around(x: float, y: float, side: float, size: tuple[int, int]) -> Box:
    """A box (y0, x0, y1, x1) around a point, within the picture."""
    height, width = size
    half = side / 2
    return (
        max(round(y - half), 0),
        max(round(x - half), 0),
        min(round(y + half) + 1, height),
        min(round(x + half) + 1, width),
    )


def _cut(
    image: np.ndarray, box: Box, point: tuple[float, float], seed: int
) -> tuple[Box, float] | None:
    """The box of the object in ``box`` that holds the point, and how strong its edge is.

    None where the cut found no object, or one that ends at the box and not at an edge.
    """
    y0, x0, y1, x1 = box
    around = round(snap.SURROUNDINGS / 2 * max(y1 - y0, x1 - x0)) + 2
    top, left = max(y0 - around, 0), max(x0 - around, 0)
    part = image[top : y1 + around, left : x1 + around]
    scale = min(1.0, WORK_SIDE / max(part.shape[:2]))
    size = max(1, round(part.shape[1] * scale)), max(1, round(part.shape[0] * scale))
    small = cv2.resize(np.ascontiguousarray(part), size, interpolation=cv2.INTER_AREA)
    rows = slice(round((y0 - top) * scale), max(round((y1 - top) * scale), 1))
    columns = slice(round((x0 - left) * scale), max(round((x1 - left) * scale), 1))
    labels = np.full(small.shape[:2], cv2.GC_BGD, np.uint8)
    labels[rows, columns] = cv2.GC_PR_FGD
    middle = (
        min(int((point[0] - left) * scale), size[0] - 1),
        min(int((point[1] - top) * scale), size[1] - 1),
    )
    sure = np.zeros_like(labels)
    radius = max(1, round(SURE_SHARE * max(y1 - y0, x1 - x0) * scale))
    cv2.circle(sure, middle, radius, 1, cv2.FILLED)
    labels[sure.view(bool)] = cv2.GC_FGD
    if (labels == cv2.GC_BGD).sum() < 16 or (labels == cv2.GC_PR_FGD).sum() < 16:
        return None
    mixtures = np.zeros((1, 65)), np.zeros((1, 65))
    cv2.setRNGSeed(seed % 2**31)  # it belongs to the thread; see snap
    cv2.grabCut(small, labels, (0, 0, 0, 0), *mixtures, snap.ITERATIONS, cv2.GC_INIT_WITH_MASK)
    cut = ((labels == cv2.GC_FGD) | (labels == cv2.GC_PR_FGD)).astype(np.uint8)
    _, parts = cv2.connectedComponents(cut, connectivity=8)
    found = parts == parts[middle[1], middle[0]]
    if found.sum() < LEAST_AREA * sure.sum() or _ends_at_box(found, rows, columns, box, image):
        return None
    ys, xs = np.flatnonzero(found.any(axis=1)), np.flatnonzero(found.any(axis=0))
    inside = (
        top + int(ys[0] / scale),
        left + int(xs[0] / scale),
        top + int(np.ceil((ys[-1] + 1) / scale)),
        left + int(np.ceil((xs[-1] + 1) / scale)),
    )
    return inside, _edge(small, found)


def _ends_at_box(
    found: np.ndarray, rows: slice, columns: slice, box: Box, image: np.ndarray
) -> bool:
    """Whether an object touches its box where that is not the border of the picture."""
    y0, x0, y1, x1 = box
    inner = found[rows, columns]
    touching = [
        line.mean()
        for line, counts in (
            (inner[0], y0 > 0),
            (inner[-1], y1 < image.shape[0]),
            (inner[:, 0], x0 > 0),
            (inner[:, -1], x1 < image.shape[1]),
        )
        if counts
    ]
    return bool(touching) and max(touching) > MOST_AT_BORDER


def _edge(image: np.ndarray, found: np.ndarray) -> float:
    """Mean colour difference across the outline of an object: how much it stands out there."""
    colours = cv2.GaussianBlur(image, (0, 0), 1.0).astype(np.float32)
    mask = found.astype(np.uint8)
    kernel = np.ones((3, 3), np.uint8)
    ring = cv2.dilate(mask, kernel) - cv2.erode(mask, kernel)
    dx = np.abs(np.gradient(colours, axis=1)).max(axis=2)
    dy = np.abs(np.gradient(colours, axis=0)).max(axis=2)
    return float(np.hypot(dx, dy)[ring.astype(bool)].mean())

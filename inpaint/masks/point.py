"""The object at a point, and those that are smaller and larger, of which one may be meant.

Candidates come in two ways: closed outlines around the point (``outlines.py``), and boxes around
it, each cut by GrabCut. A candidate stands out by how much its colours differ from those around it,
and the one that stands out most, among sizes that objects usually have, is the first to be shown.
It is cut once more by GrabCut along its outline, at a finer resolution.
"""

from __future__ import annotations

from typing import NamedTuple

import cv2
import numpy as np

from inpaint.errors import ImageError, SelectionError
from inpaint.masks import outlines

WORK_SIDE = 512  # longest side of the copy in which candidates are looked for
SIDES = (0.12, 0.24, 0.45, 0.8)  # of the boxes, relative to the picture's shorter side
LEAST_SIDE = 12  # pixels
BOX_SIDE = 80  # longest side of the copy in which a box is cut
BOX_AROUND = 0.25  # of the box's side: background to learn from
SURE_SHARE = 0.05  # of the box's side: the radius around the point that is object for certain
ITERATIONS = 3
JUDGE_SIDE = 192  # longest side of the copy in which candidates are judged
BINS = 8  # of each channel of a histogram
RING = 0.3  # width of what is around a candidate, relative to the root of its area
USUAL_AREA = 0.05  # of an object, relative to the picture
FAR_AREA = 0.05  # what a candidate's size costs, times the square of the log of its ratio to that
LEAST_CONTRAST = 0.15  # of an object to what is around it
SAME = 0.75  # overlap of two candidates that are one object
MOST = 5  # candidates that are told
# Longest sides of the copies in which outlines are cut: among candidates, and in the end.
COARSE_SIDE, FINE_SIDE = 120, 300
FINE_AROUND = 0.35  # of an object's size: the surroundings in that copy
BAND_OUT, BAND_IN = 0.2, 0.75  # how far the outline may move: of the size, and of the depth


class Candidates(NamedTuple):
    """Objects at a point, each (h, w) of bool in a small copy of the picture."""

    masks: list[np.ndarray]  # from the smallest to the largest
    best: int


def object_at(image: np.ndarray, x: float, y: float, *, seed: int = 0) -> np.ndarray | None:
    """Find the object that a point lies on.

    Parameters, result and errors are those of ``candidates_at`` and ``refined``: the best candidate
    (H, W) of bool, or None when nothing stands out there.
    """
    found = candidates_at(image, x, y, seed=seed)
    return found and refined(image, found.masks[found.best], x, y, seed=seed)


def candidates_at(image: np.ndarray, x: float, y: float, *, seed: int = 0) -> Candidates | None:
    """Find what may be the object at a point.

    Parameters
    ----------
    image : ndarray (H, W, 3) of uint8, RGB
        Not modified.
    x, y : float
        The point, in pixels from the left top corner.
    seed : int
        Of GrabCut's first guess: the same seed gives the same masks.

    Returns
    -------
    Candidates or None
        None when nothing stands out there.

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
    small = _shrunk(image, WORK_SIDE)
    point = _scaled(x, width, small.shape[1]), _scaled(y, height, small.shape[0])
    if min(small.shape[:2]) < LEAST_SIDE:
        return None
    masks: list[np.ndarray | None] = [*outlines.outlines_at(small, *point)]
    for share in SIDES:
        side = max(share * min(small.shape[:2]), LEAST_SIDE)
        masks.append(_in_box(small, point, side, seed))
    colours = _bins(_shrunk(small, JUDGE_SIDE))
    judged = []
    for mask in masks:
        score = None if mask is None else _standing_out(colours, mask)
        if mask is not None and score is not None:
            judged.append((score, mask))
    found = [mask for _, mask in sorted(judged, key=lambda pair: -pair[0])]
    distinct: list[np.ndarray] = []
    for rough in found:
        if len(distinct) == MOST or any(_overlap(rough, other) >= SAME for other in distinct):
            continue
        # Cut along their outlines, different candidates may become one.
        mask = refined(small, rough, *point, side=COARSE_SIDE, seed=seed)
        if all(_overlap(mask, other) < SAME for other in distinct):
            distinct.append(mask)
    if not distinct:
        return None
    order = sorted(range(len(distinct)), key=lambda k: int(distinct[k].sum()))
    return Candidates([distinct[k] for k in order], order.index(0))


def refined(
    image: np.ndarray,
    rough: np.ndarray,
    x: float,
    y: float,
    *,
    side: int = FINE_SIDE,
    seed: int = 0,
) -> np.ndarray:
    """Cut an object along its rough outline.

    Parameters
    ----------
    image : ndarray (H, W, 3) of uint8, RGB
        Not modified.
    rough : ndarray (h, w) of bool
        The object in a copy of the picture of any size; not empty, and not modified.
    x, y : float
        A point of the object, in pixels of the picture.
    side : int
        Longest side of the copy that is cut; the time grows with its square.
    seed : int
        Of GrabCut's first guess.

    Returns
    -------
    ndarray (H, W) of bool
        The part of the object that holds the point; the rough one where a cut finds none there.
    """
    height, width = image.shape[:2]
    fy, fx = height / rough.shape[0], width / rough.shape[1]
    ys, xs = np.flatnonzero(rough.any(axis=1)), np.flatnonzero(rough.any(axis=0))
    around = FINE_AROUND * max(np.ptp(ys) * fy, np.ptp(xs) * fx) + 6
    top, left = max(round(ys[0] * fy - around), 0), max(round(xs[0] * fx - around), 0)
    part = image[top : round((ys[-1] + 1) * fy + around), left : round((xs[-1] + 1) * fx + around)]
    small = _shrunk(part, side)
    # The rough mask as it lies in that copy.
    sx, sy = small.shape[1] / part.shape[1], small.shape[0] / part.shape[0]
    onto = np.array(
        [[sx * fx, 0, (0.5 * fx - left) * sx - 0.5], [0, sy * fy, (0.5 * fy - top) * sy - 0.5]]
    )
    size = small.shape[1], small.shape[0]
    inside = cv2.warpAffine(rough.astype(np.float32), onto, size, flags=cv2.INTER_LINEAR) >= 0.5
    point = min(int((x - left) * sx), size[0] - 1), min(int((y - top) * sy), size[1] - 1)
    cut = _along(small, inside, seed)
    if cut is None or not cut[point[1], point[0]]:
        cut = inside
    _, parts = cv2.connectedComponents(cut.view(np.uint8), connectivity=8)
    whole = _closed(parts == parts[point[1], point[0]]) if cut[point[1], point[0]] else cut
    full = cv2.resize(
        whole.astype(np.float32), (part.shape[1], part.shape[0]), interpolation=cv2.INTER_LINEAR
    )
    mask = np.zeros((height, width), bool)
    mask[top : top + part.shape[0], left : left + part.shape[1]] = full >= 0.5
    return mask


def _scaled(value: float, size: int, other: int) -> float:
    return min(value * other / size, other - 1e-3)


def _shrunk(image: np.ndarray, side: int) -> np.ndarray:
    """A copy whose longest side is at most ``side``."""
    height, width = image.shape[:2]
    scale = min(1.0, side / max(height, width))
    size = max(1, round(width * scale)), max(1, round(height * scale))
    return cv2.resize(np.ascontiguousarray(image), size, interpolation=cv2.INTER_AREA)


def _grabcut(image: np.ndarray, labels: np.ndarray, seed: int) -> np.ndarray | None:
    """The object (h, w) by labels of OpenCV, which it changes; None where one side has too little.

    Each of the two mixtures of five colours needs some pixels to start from.
    """
    object_ = (labels == cv2.GC_FGD) | (labels == cv2.GC_PR_FGD)
    if min(int(object_.sum()), int((~object_).sum())) < 16:
        return None
    mixtures = np.zeros((1, 65)), np.zeros((1, 65))
    cv2.setRNGSeed(seed % 2**31)  # it belongs to the thread; see snap
    cv2.grabCut(image, labels, (0, 0, 0, 0), *mixtures, ITERATIONS, cv2.GC_INIT_WITH_MASK)
    found: np.ndarray = (labels == cv2.GC_FGD) | (labels == cv2.GC_PR_FGD)
    return found


def _in_box(
    image: np.ndarray, point: tuple[float, float], side: float, seed: int
) -> np.ndarray | None:
    """The object (h, w) at the point in a box around it, by GrabCut."""
    (x, y), (height, width) = point, image.shape[:2]
    y0, x0 = max(round(y - side / 2), 0), max(round(x - side / 2), 0)
    y1, x1 = min(round(y + side / 2) + 1, height), min(round(x + side / 2) + 1, width)
    around = round(BOX_AROUND * max(y1 - y0, x1 - x0)) + 2
    top, left = max(y0 - around, 0), max(x0 - around, 0)
    part = image[top : y1 + around, left : x1 + around]
    small = _shrunk(part, BOX_SIDE)
    sx, sy = small.shape[1] / part.shape[1], small.shape[0] / part.shape[0]
    labels = np.full(small.shape[:2], cv2.GC_BGD, np.uint8)
    rows = slice(round((y0 - top) * sy), round((y1 - top) * sy))
    labels[rows, round((x0 - left) * sx) : round((x1 - left) * sx)] = cv2.GC_PR_FGD
    middle = int((x - left) * sx), int((y - top) * sy)
    cv2.circle(labels, middle, max(1, round(SURE_SHARE * side * sx)), cv2.GC_FGD, cv2.FILLED)
    cut = _grabcut(small, labels, seed)
    if cut is None:
        return None
    _, parts = cv2.connectedComponents(cut.view(np.uint8), connectivity=8)
    found = (parts == parts[middle[1], middle[0]]).astype(np.float32)
    mask = np.zeros((height, width), bool)
    size = part.shape[1], part.shape[0]
    inside = cv2.resize(found, size, interpolation=cv2.INTER_LINEAR) >= 0.5
    mask[top : top + size[1], left : left + size[0]] = inside
    return mask


def _bins(image: np.ndarray) -> np.ndarray:
    """The bin (h, w) of each pixel's colour."""
    lab = cv2.cvtColor(image, cv2.COLOR_RGB2LAB) // (256 // BINS)
    bins: np.ndarray = lab.astype(np.int64) @ np.array([BINS**2, BINS, 1])
    return bins


def _standing_out(bins: np.ndarray, mask: np.ndarray) -> float | None:
    """How much a mask's colours differ from those around it, less what an unusual size costs.

    The difference is the chi-squared distance of two histograms, from 0 to 1; None below
    ``LEAST_CONTRAST``.
    """
    size = bins.shape[1], bins.shape[0]
    inside = cv2.resize(mask.astype(np.float32), size, interpolation=cv2.INTER_AREA) > 0.5
    area = int(inside.sum())
    if not 12 <= area <= inside.size - 12:
        return None
    width = 2 * int(max(4.0, RING * area**0.5)) + 1
    near = cv2.dilate(inside.view(np.uint8), np.ones((width, width), np.uint8)).view(bool) & ~inside
    a, b = (np.bincount(bins[where], minlength=BINS**3) / where.sum() for where in (inside, near))
    contrast = float(((a - b) ** 2 / (a + b + 1e-9)).sum() / 2)
    if contrast < LEAST_CONTRAST:
        return None
    return contrast - FAR_AREA * float(np.log(area / inside.size / USUAL_AREA)) ** 2


def _overlap(a: np.ndarray, b: np.ndarray) -> float:
    """Intersection over union of two masks."""
    return float((a & b).sum() / (a | b).sum())


def _along(image: np.ndarray, rough: np.ndarray, seed: int) -> np.ndarray | None:
    """GrabCut in a band along a rough outline; what lies deep inside and far outside stays."""
    inward = cv2.distanceTransform(rough.view(np.uint8), cv2.DIST_L2, 5)
    outward = cv2.distanceTransform((~rough).view(np.uint8), cv2.DIST_L2, 5)
    labels = np.where(rough, cv2.GC_PR_FGD, cv2.GC_PR_BGD).astype(np.uint8)
    labels[outward > BAND_OUT * float(rough.sum()) ** 0.5 + 1] = cv2.GC_BGD
    labels[inward > BAND_IN * inward.max()] = cv2.GC_FGD
    return _grabcut(image, labels, seed)


def _closed(mask: np.ndarray) -> np.ndarray:
    """The mask with the small holes that it encloses."""
    outside = np.pad(~mask, 1, constant_values=True).view(np.uint8)
    _, labels, stats, _ = cv2.connectedComponentsWithStats(outside, connectivity=4)
    small: np.ndarray = stats[:, cv2.CC_STAT_AREA] <= 0.25 * mask.sum()
    small[[0, labels[0, 0]]] = True, False
    return small[labels[1:-1, 1:-1]]

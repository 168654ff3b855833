"""Measures how much of an object's colour is left in each ring around a selection of it.

A ring holds the pixels of one distance to the selection. Each ring is compared with the rings a
little further out, separately for stretches of the edge.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import cv2
import numpy as np

from inpaint.errors import ImageError, MaskError

_FAINT = 6.0  # levels of 255: without such a contrast there is no edge to measure
_ACROSS = 6  # stretches of the edge for each side of the object


class Edge(NamedTuple):
    """How much of an object's colour is left in each ring outside a selection.

    ``share[r]`` tells how much more of the object's colour the ring r pixels outside has than the
    rings beyond it, and ``error[r]`` is its standard error; index 0 is not used. Both are empty
    where there is nothing to compare.
    """

    share: np.ndarray
    error: np.ndarray


def profile(
    image: np.ndarray,
    mask: np.ndarray,
    *,
    most: int,
    ignore: np.ndarray | None = None,
    inner: np.ndarray | None = None,
) -> Edge:
    """Compare rings outside a mask with the rings beyond them.

    The edge is divided into stretches, to which pixels belong by their nearest pixel of the mask.
    For each stretch let o be the object's colour, f that of the far surroundings (beyond
    ``most``), m_r that of ring r, and b_r the mean of the rings 1.5 r + 1 to 2 r + 3. Then the
    share of the object's colour is (m_r - b_r) (o - f) / |o - f|^2. The result is the median over
    stretches, weighted by squared contrast and by number of pixels.

    The compared rings widen with r, because an edge that is twice as blurred is the same edge at
    twice the size. f comes from other pixels than b_r, so that texture does not look like an edge.
    Shading is subtracted from m_r - b_r; its slope is measured in the far surroundings.

    Parameters
    ----------
    image, mask, ignore
        As for ``edge.width``.
    most : int
        The last ring, in pixels.
    inner : ndarray (H, W) of bool, optional
        Where to take the object's colours, within the mask; by default the mask.

    Raises
    ------
    ImageError, MaskError
        If the shapes or types are others.
    """
    check(image, mask)
    nothing = Edge(np.zeros(0), np.zeros(0))
    if most < 1 or not mask.any() or mask.all():
        return nothing
    reach = 2 * most + 6
    window = _window(mask, reach + 1)
    part, chosen = image[window], mask[window]
    ignored = np.zeros(chosen.shape, bool) if ignore is None else ignore[window]
    tile = max(8, math.ceil(math.sqrt(mask.sum()) / _ACROSS))
    across = chosen.shape[1] // tile + 1
    stretches = (chosen.shape[0] // tile + 1) * across

    outside, to = _nearest(chosen, tile, across)
    use = ~chosen & ~ignored & (outside <= reach)
    ring = np.ceil(outside[use] - 0.5).astype(np.int64)  # 1 for the pixels beside the mask
    index = to[use] * (reach + 1) + np.clip(ring, 1, reach)
    total, count = _sums(part[use], index, stretches * (reach + 1))
    total, count = total.reshape(stretches, reach + 1, 3), count.reshape(stretches, reach + 1)

    object_, known = _inside(part, chosen if inner is None else inner[window], ignored, tile)
    far, slope, seen = _far(total, count, most)
    seen &= known
    if not seen.any():
        return nothing
    contrast = np.where(seen[:, None], object_ - far, 0.0)
    power = (contrast**2).sum(axis=1)

    share, error = np.full(most + 1, np.nan), np.full(most + 1, np.nan)
    for r in range(1, most + 1):
        beyond = slice(math.floor(1.5 * r) + 1, 2 * r + 4)
        b_total, b_count = total[:, beyond].sum(axis=1), count[:, beyond].sum(axis=1)
        weight = np.where(b_count > 0, count[:, r], 0.0)
        visible = math.sqrt(float((weight * power).sum()) / max(float(weight.sum()), 1.0))
        if visible <= _FAINT:
            continue
        apart = _rings(b_count, count[:, beyond], beyond.start) - r
        step = _mean(total[:, r], count[:, r]) - _mean(b_total, b_count) + slope * apart[:, None]
        some = (weight > 0) & (power > 0)
        shares = (step * contrast).sum(axis=1)[some] / power[some]
        share[r], error[r] = _typical(shares, (weight * power)[some])
        if abs(share[r]) * visible < 1:  # level of 255
            share[r] = 0
    return Edge(share, error)


def check(image: np.ndarray, mask: np.ndarray) -> None:
    """Check shapes and types: an image (H, W, 3) of uint8, and a mask (H, W) of bool.

    Raises ImageError or MaskError for others.
    """
    if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3:
        raise ImageError(f"image is {image.dtype} {image.shape}; expected uint8 (H, W, 3), RGB")
    if mask.dtype != np.bool_ or mask.shape != image.shape[:2]:
        raise MaskError(f"mask is {mask.dtype} {mask.shape}; expected bool (H, W)")


def _window(mask: np.ndarray, around: int) -> tuple[slice, slice]:
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    return (
        slice(max(int(rows[0]) - around, 0), int(rows[-1]) + around + 1),
        slice(max(int(columns[0]) - around, 0), int(columns[-1]) + around + 1),
    )


def _nearest(mask: np.ndarray, tile: int, across: int) -> tuple[np.ndarray, np.ndarray]:
    """Return distances (H, W) to the mask, and the number of the tile of each nearest pixel."""
    distance, labels = cv2.distanceTransformWithLabels(
        (~mask).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_5, labelType=cv2.DIST_LABEL_PIXEL
    )
    rows, columns = np.nonzero(mask)
    number = np.zeros(int(labels.max()) + 1, np.int64)
    number[labels[mask]] = rows // tile * across + columns // tile
    return distance, number[labels]


def _inside(
    image: np.ndarray, mask: np.ndarray, ignored: np.ndarray, tile: int
) -> tuple[np.ndarray, np.ndarray]:
    """Return the object's colour (S, 3) in each stretch, and whether there is one (S,).

    It comes from the deeper half of the pixels that are nearest to the stretch, because those along
    the edge are mixed. A stretch without such pixels takes the mean of all.
    """
    across = mask.shape[1] // tile + 1
    stretches = (mask.shape[0] // tile + 1) * across
    use = mask & ~ignored
    if not use.any():
        return np.zeros((stretches, 3)), np.zeros(stretches, bool)
    depth, to = _nearest(~mask, tile, across)
    deepest = np.zeros(stretches, np.float32)
    np.maximum.at(deepest, to[use], depth[use])
    use &= depth >= 0.5 * deepest[to]
    total, count = _sums(image[use], to[use], stretches)
    overall = total.sum(axis=0) / max(float(count.sum()), 1.0)
    colour = np.where(count[:, None] > 0, _mean(total, count), overall)
    return colour, np.full(stretches, bool(count.sum() > 0))


def _typical(values: np.ndarray, weights: np.ndarray) -> tuple[float, float]:
    """Return the weighted median of values (N,), and its standard error from their deviations.

    It is a median, because something that crosses the object's edge shows in few stretches, and a
    blur shows in all of them.
    """
    middle = _median(values, weights)
    spread = 1.4826 * _median(np.abs(values - middle), weights)
    alike = (
        weights.sum() ** 2 / (weights**2).sum()
    )  # the number of values of equal weight that they amount to
    return middle, 1.2533 * spread / math.sqrt(alike)


def _median(values: np.ndarray, weights: np.ndarray) -> float:
    order = np.argsort(values, kind="stable")
    heap = np.cumsum(weights[order])
    return float(values[order][np.searchsorted(heap, heap[-1] / 2)])


def _far(
    total: np.ndarray, count: np.ndarray, most: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the far surroundings' colour (S, 3), its slope (S, 3) a pixel, and if seen (S,).

    Sums (S, R, 3) and counts (S, R) are given for each stretch and ring. The slope is that between
    the nearer and the farther half of the rings, and 0 where one half has no pixels.
    """
    middle = most + 1 + (total.shape[1] - most - 1) // 2
    near, far = slice(most + 1, middle), slice(middle, total.shape[1])
    sums = [(total[:, part].sum(axis=1), count[:, part].sum(axis=1)) for part in (near, far)]
    (n_total, n_count), (f_total, f_count) = sums
    apart = _rings(f_count, count[:, far], middle) - _rings(n_count, count[:, near], most + 1)
    both = (n_count > 0) & (f_count > 0)
    step = _mean(f_total, f_count) - _mean(n_total, n_count)
    slope = np.where(both[:, None], step / np.where(both, apart, 1.0)[:, None], 0.0)
    return _mean(n_total + f_total, n_count + f_count), slope, (n_count + f_count) > 0


def _rings(total: np.ndarray, count: np.ndarray, first: int) -> np.ndarray:
    """Return the mean ring (S,) of counts (S, R) whose rings start at ``first``, with sums (S,)."""
    mean: np.ndarray = (count * np.arange(first, first + count.shape[1])).sum(axis=1)
    return mean / np.maximum(total, 1.0)


def _sums(colours: np.ndarray, index: np.ndarray, size: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the sums (size, 3) of colours (N, 3) by index (N,), and their counts (size,)."""
    total = [np.bincount(index, weights=colours[:, c], minlength=size) for c in range(3)]
    return np.stack(total, axis=1), np.bincount(index, minlength=size).astype(np.float64)


def _mean(total: np.ndarray, count: np.ndarray) -> np.ndarray:
    mean: np.ndarray = total / np.maximum(count, 1.0)[:, None]
    return mean

"""Masks of the published evaluation protocols, by name: True = hole.

A mask is a function of (name, shape, seed) alone, and the seed of a file comes from its relative
path, so a file gets the same hole whatever else is in the folder and in any order.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import cv2
import numpy as np

from inpaint.errors import MaskError, UnknownNameError
from inpaint.pipeline.seeds import seed_for

Shape = tuple[int, int]
_Protocol = Callable[[Shape, np.random.Generator], np.ndarray]
_TRIES = 50


def names() -> list[str]:
    """Return the names that :func:`make` knows."""
    return list(_PROTOCOLS)


def known(name: str) -> bool:
    """Whether ``name`` is a protocol: one of :func:`names`, or a bucket of other bounds."""
    return _find(name) is not None


def _find(name: str) -> _Protocol | None:
    if name in _PROTOCOLS:
        return _PROTOCOLS[name]
    match = re.fullmatch(r"bucket:(\d{1,2})-(\d{1,2})", name)
    low, high = (int(part) for part in match.groups()) if match else (0, 0)
    return partial(_bucket, low=low, high=high) if low < high else None


def make(name: str, shape: Shape, seed: int = 0) -> np.ndarray:
    """Return the mask of a protocol: never empty, never full.

    Parameters
    ----------
    name : str
        One of :func:`names`, or ``bucket:LOW-HIGH`` with any two per cents.
    shape : (int, int)
        Height and width, both at least 2.
    seed : int
        See ``inpaint.pipeline.seeds``. Equal arguments give equal masks; ``center`` and ``half``
        ignore it.

    Returns
    -------
    ndarray (H, W) of bool
        True = hole.

    Raises
    ------
    UnknownNameError
        If there is no such protocol.
    MaskError
        If the image is too small for it.
    """
    protocol = _find(name)
    if protocol is None:
        raise UnknownNameError("mask protocol", name, names())
    h, w = int(shape[0]), int(shape[1])
    if min(h, w) < 2:
        raise MaskError(f"masks need an image of at least 2x2 pixels, got {w}x{h}")
    # The seed depends on the name too, so that the strokes of two protocols differ for one file.
    rng = np.random.default_rng([seed_for(name), seed & (2**64 - 1)])
    return protocol((h, w), rng)


@dataclass(frozen=True)
class _Brush:
    """LaMa's settings for 256x256 (its configs ``random_{thin,medium,thick}_256``), in pixels.

    Ranges include both ends, as LaMa's code draws them: its ramp adds one stroke to the
    ``max_times`` of the config, and widths and lengths are 5 or 10 plus a number below the maximum.
    """

    strokes: tuple[int, int]
    width: tuple[int, int]
    length: tuple[int, int]
    boxes: tuple[int, int] = (0, 0)
    box_side: tuple[int, int] = (0, 0)
    box_margin: int = 0
    box_share: float = 0.0  # of the masks; boxes and strokes never mix


_BOXES = 0.3 / 1.3  # irregular_proba 1 and box_proba 0.3, normalised
_THIN = _Brush((4, 51), (5, 14), (10, 49))
_MEDIUM = _Brush((4, 6), (5, 54), (10, 109), (1, 5), (10, 50), 0, _BOXES)
_THICK = _Brush((1, 6), (5, 104), (10, 209), (1, 3), (30, 150), 10, _BOXES)
_MAX_RATIO = 0.5  # LaMa's max_tamper_area


def _center(shape: Shape, rng: np.random.Generator) -> np.ndarray:
    """Middle half each way: 32x32 of 64x64 (Yeh et al. 2017)."""
    h, w = shape
    hh, ww = h // 2, w // 2
    mask = np.zeros(shape, bool)
    mask[(h - hh) // 2 :, (w - ww) // 2 :][:hh, :ww] = True
    return mask


def _half(shape: Shape, rng: np.random.Generator) -> np.ndarray:
    """Right half. Yeh et al. 2017 draw one of four sides; one side keeps tables comparable."""
    mask = np.zeros(shape, bool)
    mask[:, shape[1] - shape[1] // 2 :] = True
    return mask


def _random(shape: Shape, rng: np.random.Generator, *, ratio: float) -> np.ndarray:
    """Scattered pixels, an exact share of them (all channels of a pixel together)."""
    total = shape[0] * shape[1]
    count = min(max(round(ratio * total), 1), total - 1)
    mask = np.zeros(total, bool)
    mask[rng.permutation(total)[:count]] = True
    return mask.reshape(shape)


def _pattern(shape: Shape, rng: np.random.Generator) -> np.ndarray:
    """Blobs of smooth noise, a quarter of the image ("random region", Pathak et al. 2016).

    White noise on a coarse grid (a cell is 0.06⁻¹ of 128 pixels, so 0.13 of the side), enlarged
    by cubic interpolation and cut at a level; the cut is at the quantile, so the share is exact.
    """
    h, w = shape
    cell = max(1, round(0.13 * math.sqrt(h * w)))
    grid = rng.random((math.ceil(h / cell) + 3, math.ceil(w / cell) + 3))
    size = (grid.shape[1] * cell, grid.shape[0] * cell)
    smooth = cv2.resize(grid, size, interpolation=cv2.INTER_CUBIC)
    # A whole cell is dropped at each edge, where the interpolation repeats the edge.
    y, x = rng.integers(cell, 2 * cell, size=2)
    return _keep_highest(-smooth[y : y + h, x : x + w], max(1, round(0.25 * h * w)))


def _brushed(shape: Shape, rng: np.random.Generator, *, brush: _Brush) -> np.ndarray:
    """Brush strokes or boxes (Suvorov et al. 2022, appendix), scaled from 256 to any size."""
    scale = _scale(shape)
    for _ in range(_TRIES):
        canvas = np.zeros(shape, np.uint8)
        if rng.random() < brush.box_share:
            for _ in range(rng.integers(*brush.boxes, endpoint=True)):
                _draw_box(canvas, rng, scale, brush)
        else:
            for i in range(rng.integers(*brush.strokes, endpoint=True)):
                _draw_stroke(canvas, rng, scale, brush.width, brush.length, mirrored=i % 2 == 0)
        mask = canvas > 0
        if 0 < mask.mean() <= _MAX_RATIO:
            return mask
    # Only tiny images get here, where one pixel is already a thick brush.
    return _deepest(mask, mask, int(_MAX_RATIO * mask.size))


def _bucket(shape: Shape, rng: np.random.Generator, *, low: int, high: int) -> np.ndarray:
    """Strokes of any width whose share lies in (low, high] per cent (Liu et al. 2018).

    The share is drawn first; strokes are added until it is passed, and the last one is then
    made thinner until it is met exactly.
    """
    total = shape[0] * shape[1]
    least, most = max(low, 1) * total // 100 + 1, min(high * total // 100, total - 1)
    if least > most:
        raise MaskError(
            f"no mask of {shape[1]}x{shape[0]} pixels can cover over {max(low, 1)} and up to "
            f"{high} per cent; use a larger image"
        )
    count = int(rng.integers(least, most, endpoint=True))
    scale = _scale(shape)
    widest = 10 + 80 * count / total  # small holes made of one thick stroke would all look alike
    mask = np.zeros(shape, bool)
    for i in range(1000):
        canvas = np.zeros(shape, np.uint8)
        width = 5 + int((widest - 5) * rng.random() ** 2)
        _draw_stroke(
            canvas, rng, scale, (max(4, width // 2), width), (10, 40 + width), mirrored=i % 2 == 0
        )
        stroke = (canvas > 0) & ~mask
        missing = count - int(mask.sum())
        if stroke.sum() >= missing:
            # Depth inside all strokes together, so that no gap opens beside the last one.
            return mask | _deepest(stroke, mask | stroke, missing)
        mask |= stroke
    raise AssertionError("a thousand strokes did not cover the image")  # pragma: no cover


def _draw_stroke(
    canvas: np.ndarray,
    rng: np.random.Generator,
    scale: float,
    width: tuple[int, int],
    length: tuple[int, int],
    *,
    mirrored: bool,
) -> None:
    """Draw one stroke: 1 to 5 straight segments, each from the last one's end, round at the ends.

    Each segment has its own width, length and direction; directions are 0.01 + {0, 1, 2, 3}
    radians from straight down, mirrored on every second stroke: LaMa's, kept for its look.
    """
    h, w = canvas.shape
    x, y = float(rng.integers(w)), float(rng.integers(h))
    for _ in range(rng.integers(1, 5, endpoint=True)):
        angle = 0.01 + rng.integers(4)
        if mirrored:
            angle = 2 * math.pi - angle
        step = scale * rng.integers(*length, endpoint=True)
        thickness = max(1, round(scale * rng.integers(*width, endpoint=True)))
        # LaMa clips strokes at the border, so that they run along it; so do we.
        x2 = min(max(x + step * math.sin(angle), 0.0), float(w))
        y2 = min(max(y + step * math.cos(angle), 0.0), float(h))
        cv2.line(canvas, _fixed(x, y), _fixed(x2, y2), 1, thickness, cv2.LINE_8, _SHIFT)
        x, y = x2, y2


def _draw_box(canvas: np.ndarray, rng: np.random.Generator, scale: float, brush: _Brush) -> None:
    h, w = canvas.shape
    margin = min(round(scale * brush.box_margin), (min(h, w) - 1) // 2)
    most = min(h, w) - 2 * margin
    low, high = (min(max(1, round(scale * side)), most) for side in brush.box_side)
    bh, bw = rng.integers(low, high, size=2, endpoint=True)
    y = rng.integers(margin, h - margin - bh, endpoint=True)
    x = rng.integers(margin, w - margin - bw, endpoint=True)
    canvas[y : y + bh, x : x + bw] = 1


_SHIFT = 4  # cv2 takes coordinates in sixteenths of a pixel: small images need the fractions


def _fixed(x: float, y: float) -> tuple[int, int]:
    return round(x * 2**_SHIFT), round(y * 2**_SHIFT)


def _scale(shape: Shape) -> float:
    # The square root of the area, not a side, so that any aspect ratio has the same share of hole.
    return math.sqrt(shape[0] * shape[1]) / 256


def _deepest(mask: np.ndarray, region: np.ndarray, count: int) -> np.ndarray:
    """Keep the ``count`` pixels of a mask that lie deepest inside a region: a thinner stroke."""
    padded = np.pad(
        region.astype(np.uint8), 1, mode="edge"
    )  # the border of the image is not an edge of the hole
    depth = cv2.distanceTransform(padded, cv2.DIST_L2, cv2.DIST_MASK_PRECISE)[1:-1, 1:-1]
    # Squares are whole numbers. OpenCV's square roots differ in the last bit with the alignment of
    # the array, and would decide at random which of two equally deep pixels stays.
    return _keep_highest(np.where(mask, np.rint(depth.astype(np.float64) ** 2), -1.0), count)


def _keep_highest(values: np.ndarray, count: int) -> np.ndarray:
    flat = values.ravel()
    level = np.partition(flat, flat.size - count)[flat.size - count]
    mask = flat > level
    mask[np.flatnonzero(flat == level)[: count - np.count_nonzero(mask)]] = True
    return mask.reshape(values.shape)


_PROTOCOLS: dict[str, _Protocol] = {
    "center": _center,
    "half": _half,
    "random80": partial(_random, ratio=0.8),
    "random50": partial(_random, ratio=0.5),
    "pattern": _pattern,
    "thin": partial(_brushed, brush=_THIN),
    "medium": partial(_brushed, brush=_MEDIUM),
    "thick": partial(_brushed, brush=_THICK),
    **{
        f"bucket:{low:02d}-{low + 10:02d}": partial(_bucket, low=low, high=low + 10)
        for low in range(0, 60, 10)
    },
}

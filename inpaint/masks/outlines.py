"""Closed outlines around a point, by shortest paths in polar coordinates.

Around the point the picture is sampled in log-polar coordinates, where a closed outline is a path
from the first angle to the last, and a long outline costs no more than a short one (Mishra,
Aloimonos and Fah, "Active segmentation with fixation", ICCV 2009, who cut a graph where a path is
found here). The best path goes where the colours on its two sides differ the most, compared with
how much they vary on either side: so the texture of an object is no outline of it.
"""

from __future__ import annotations

import cv2
import numpy as np

ANGLES, RADII = 128, 64
LEAST_RADIUS, MOST_RADIUS = 0.012, 0.75  # relative to the picture's shorter and longer side
INNERMOST, OUTERMOST = 12, RADII - 5  # where an outline may be, so that it has two sides
BAND, ACROSS = 4, 5  # samples on either side of an outline, and along it, that are compared
NOISE = 36.0  # variance of a colour that any picture has
HALF = 1.5  # the difference that counts half, in standard deviations
BEND = 0.08  # what a step of the radius between two angles costs
MOST_STEP = 3
APART = 4  # samples between nested outlines


def outlines_at(image: np.ndarray, x: float, y: float, *, each_way: int = 2) -> list[np.ndarray]:
    """Find outlines around a point that lie in each other.

    Parameters
    ----------
    image : ndarray (H, W, 3) of uint8, RGB
        Not modified.
    x, y : float
        The point inside the picture, in pixels from the left top corner.
    each_way : int
        How many outlines to look for inside the best one, and how many around it.

    Returns
    -------
    list of ndarray (H, W) of bool
        What each outline encloses, from the smallest to the largest. The best is in the middle.
    """
    height, width = image.shape[:2]
    least = LEAST_RADIUS * min(height, width)
    ratio = MOST_RADIUS * max(height, width) / least
    edges = _edges(*_log_polar(cv2.cvtColor(image, cv2.COLOR_RGB2LAB), x, y, least, ratio))
    inner, outer = np.full(ANGLES, INNERMOST), np.full(ANGLES, OUTERMOST)
    best = _closed_path(edges, inner, outer)
    paths = [best]
    for _ in range(each_way):
        below = np.maximum(paths[0] - APART, 1)
        paths.insert(0, _closed_path(edges, np.minimum(inner, below), below))
    for _ in range(each_way):
        paths.append(_closed_path(edges, np.minimum(paths[-1] + APART, outer), outer))
    return [_enclosed(path, x, y, least, ratio, (height, width)) for path in paths]


def _log_polar(
    image: np.ndarray, x: float, y: float, least: float, ratio: float
) -> tuple[np.ndarray, np.ndarray]:
    """Colours (ANGLES, RADII, 3) around the point, and (ANGLES, RADII) how far inside they lie.

    Radii go from ``least`` to ``least * ratio``. Each sample is the mean of four.
    """
    angles = (np.arange(2 * ANGLES) + 0.5) * np.pi / ANGLES
    radii = least * ratio ** ((np.arange(2 * RADII) + 0.5) / (2 * RADII))
    xs = (x + np.outer(np.cos(angles), radii)).astype(np.float32)
    ys = (y + np.outer(np.sin(angles), radii)).astype(np.float32)
    border = cv2.BORDER_REPLICATE
    fine = cv2.remap(image, xs - 0.5, ys - 0.5, cv2.INTER_LINEAR, borderMode=border)
    inside = (xs > 0) & (ys > 0) & (xs < image.shape[1]) & (ys < image.shape[0])
    size = RADII, ANGLES
    return (
        cv2.resize(fine, size, interpolation=cv2.INTER_AREA).astype(np.float32),
        cv2.resize(inside.astype(np.float32), size, interpolation=cv2.INTER_AREA),
    )


def _edges(colours: np.ndarray, inside: np.ndarray) -> np.ndarray:
    """How much (ANGLES, RADII) the colours differ across an outline there, from 0 to 1."""
    around = ACROSS // 2
    turned = np.concatenate([colours[-around:], colours, colours[:around]])
    kernel = np.full((ACROSS, BAND), 1 / (ACROSS * BAND), np.float32)
    # Of the BAND samples that end at each radius; those beyond the outline end BAND further out.
    mean, square = (
        cv2.filter2D(v, -1, kernel, anchor=(BAND - 1, around), borderType=cv2.BORDER_REPLICATE)
        for v in (turned, turned**2)
    )
    variance = np.maximum(square - mean**2, 0)
    spread = (variance[:, :-BAND] + variance[:, BAND:]) / 2 + NOISE
    steps = np.sqrt(((mean[:, :-BAND] - mean[:, BAND:]) ** 2 / spread).sum(axis=2))
    edges = np.zeros(turned.shape[:2], np.float32)
    edges[:, : steps.shape[1]] = steps / (steps + HALF)
    found: np.ndarray = edges[around:-around] * inside
    return found


def _closed_path(edges: np.ndarray, inner: np.ndarray, outer: np.ndarray) -> np.ndarray:
    """The radius (ANGLES,) of the strongest closed path between two others.

    Dynamic programming over two turns; the middle of them closes, as it has no ends.
    """
    radii = np.arange(RADII)
    allowed = (radii >= inner[:, None]) & (radii <= outer[:, None])
    gain = np.where(allowed, edges, -1e3)
    total, origins = np.zeros(RADII), []
    bend = BEND * np.abs(np.arange(-MOST_STEP, MOST_STEP + 1))[:, None]
    for row in np.concatenate([gain, gain]):
        padded = np.pad(total, MOST_STEP, constant_values=-1e9)
        ways = np.lib.stride_tricks.sliding_window_view(padded, RADII) - bend
        chosen = ways.argmax(axis=0)
        total = ways[chosen, radii] + row
        origins.append(chosen - MOST_STEP)
    at, path = int(total.argmax()), []
    for steps in reversed(origins):
        path.append(at)
        at = min(max(at + int(steps[at]), 0), RADII - 1)
    half = ANGLES // 2
    middle = np.array(path[::-1])[half : half + ANGLES]
    return np.roll(middle, half)


def _enclosed(
    path: np.ndarray, x: float, y: float, least: float, ratio: float, size: tuple[int, int]
) -> np.ndarray:
    """The pixels (H, W) of bool inside a path."""
    angles = (np.arange(ANGLES) + 0.5) * 2 * np.pi / ANGLES
    radii = least * ratio ** ((path + 1) / RADII)
    points = np.stack([x + radii * np.cos(angles), y + radii * np.sin(angles)], axis=1)
    mask = np.zeros(size, np.uint8)
    fixed = np.round((points - 0.5) * 16).astype(np.int32)
    cv2.fillPoly(mask, [fixed], 1, cv2.LINE_8, 4)
    return mask.view(bool)

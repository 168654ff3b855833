"""The pictures of a report: which cases to show, and small copies of them as data URIs."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Sequence

import cv2
import numpy as np

from inpaint.evaluate.store import Row

SIDE = 160
"""Longest side of a picture in the report; smaller ones are stored at their own size."""

WORST, BEST = 24, 12
BUDGET = 2400
"""Pictures in one report: with many methods or masks there are fewer rows, never a huge file."""

SMALL = 96
"""Up to here PNG, from here on JPEG: enlarged pixels would show its blocks."""


def worst_and_best(
    rows: Iterable[Row], *, first: str, masks: Sequence[str], columns: int
) -> dict[str, tuple[list[str], list[str]]]:
    """Return for each mask the names of the worst and the best cases, the most extreme first.

    Ranked by the first method's LPIPS, or its PSNR in the hole where there is no LPIPS (small
    images); by name where the first method has no result at all.

    Parameters
    ----------
    rows : iterable of dict
        From ``run.run_methods``.
    first : str
        Method to rank by.
    masks : sequence of str
        Which masks to show.
    columns : int
        Pictures in a row: fewer rows are shown when there are many.
    """
    by_mask: dict[str, dict[str, float]] = {mask: {} for mask in masks}
    for row in rows:
        named = by_mask.get(row["mask"])
        if named is None:
            continue
        named.setdefault(row["name"], 0.0)
        if row["method"] == first:
            named[row["name"]] = _badness(row)
    allowed = max(3, BUDGET // max(1, columns * len(masks)))
    worst_count = min(WORST, -(-allowed * 2 // 3))
    best_count = min(BEST, allowed - worst_count)
    chosen = {}
    for mask, named in by_mask.items():
        order = sorted(named, key=lambda n: (-named[n], n))
        worst = order[:worst_count]
        best = order[worst_count:][::-1][:best_count]
        chosen[mask] = (worst, best)
    return chosen


def shown(image: np.ndarray, mask: np.ndarray | None = None) -> str:
    """Return an ``<img>`` of a picture (H, W, 3) uint8 RGB, its hole (H, W) bool in grey."""
    if mask is not None:
        image = np.where(mask[..., None], np.uint8(128), image)
    h, w = image.shape[:2]
    scale = min(1.0, SIDE / max(h, w))
    size = (max(1, round(w * scale)), max(1, round(h * scale)))
    if scale < 1:
        image = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
    # Small pictures are enlarged by whole factors, so that all pixels have the same size.
    factor = max(1, SIDE // max(size))
    wide, high = (side * factor for side in size)
    kind = ' class="pixels"' if factor > 1 else ""
    return f'<img{kind} width="{wide}" height="{high}" alt="" src="{_uri(image)}">'


def _badness(row: Row) -> float:
    if row["lpips"] is not None:
        return float(row["lpips"])
    return -float("inf" if row["psnr_hole"] is None else row["psnr_hole"])


def _uri(image: np.ndarray) -> str:
    bgr = np.ascontiguousarray(image[..., ::-1])
    if max(image.shape[:2]) <= SMALL:
        kind, suffix, settings = "png", ".png", [cv2.IMWRITE_PNG_COMPRESSION, 9]
    else:
        sampling = [cv2.IMWRITE_JPEG_SAMPLING_FACTOR, cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444]
        kind, suffix, settings = "jpeg", ".jpg", [cv2.IMWRITE_JPEG_QUALITY, 90, *sampling]
    _, data = cv2.imencode(suffix, bgr, settings)
    return f"data:image/{kind};base64,{base64.b64encode(data.tobytes()).decode()}"

"""Contact sheets: rows of labelled pictures."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

Cell = tuple[str, np.ndarray]


def sheet(rows: Sequence[Sequence[Cell]], *, height: int = 256, gap: int = 6) -> np.ndarray:
    """Lay out rows of (label, picture) on white: uint8 RGB.

    Pictures are uint8 (H, W, 3), brought to one ``height`` by area averaging or, when smaller, by
    repeating pixels, so that nothing looks smoother than it is.
    """
    strips = []
    for row in rows:
        cells = [_cell(label, picture, height, gap) for label, picture in row]
        strips.append(np.concatenate(cells, axis=1))
    width = max(s.shape[1] for s in strips)
    padded = [
        np.pad(s, ((0, 0), (0, width - s.shape[1]), (0, 0)), constant_values=255) for s in strips
    ]
    return np.concatenate(padded, axis=0)


def _cell(label: str, picture: np.ndarray, height: int, gap: int) -> np.ndarray:
    scale = height / picture.shape[0]
    size = (max(1, round(picture.shape[1] * scale)), height)
    how = cv2.INTER_AREA if scale < 1 else cv2.INTER_NEAREST
    small = cv2.resize(np.ascontiguousarray(picture), size, interpolation=how)
    banner = 18
    cell = np.full((height + banner + gap, small.shape[1] + gap, 3), 255, np.uint8)
    cell[banner : banner + height, : small.shape[1]] = small
    cv2.putText(cell, label, (2, 13), cv2.FONT_HERSHEY_SIMPLEX, 0.4, (0, 0, 0), 1, cv2.LINE_AA)
    return cell

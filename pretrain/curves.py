"""Draws the log: one small plot for each column, losses against steps."""

from __future__ import annotations

import csv
import math
from pathlib import Path

import cv2
import numpy as np

WIDTH, HEIGHT, COLUMNS = 420, 240, 2
LEFT, RIGHT, TOP, BOTTOM = 64, 14, 30, 26
INK, PALE, LINE = (60, 60, 60), (225, 225, 225), (176, 82, 36)  # BGR


def read(table: Path) -> dict[str, np.ndarray]:
    """Return the columns of a ``log.csv`` by name, without incomplete rows; empty without a row."""
    if not table.exists():
        return {}
    with table.open(newline="") as stream:
        rows = [row for row in csv.reader(stream) if row]
    if len(rows) < 2:
        return {}
    numbers = [[_number(v) for v in row] for row in rows[1:] if len(row) == len(rows[0])]
    return {name: np.array([row[i] for row in numbers]) for i, name in enumerate(rows[0])}


def draw(columns: dict[str, np.ndarray]) -> np.ndarray | None:
    """Plot all columns but ``step`` and ``seconds``: uint8 (H, W, 3), BGR; None without any."""
    names = [n for n in columns if n not in ("step", "seconds")]
    if not names or not len(columns["step"]):
        return None
    cells = [_panel(name, columns["step"], columns[name]) for name in names]
    cells += [np.full_like(cells[0], 255)] * (-len(cells) % COLUMNS)
    rows = [np.hstack(cells[i : i + COLUMNS]) for i in range(0, len(cells), COLUMNS)]
    return np.vstack(rows)


def write(path: Path, table: Path) -> None:
    """Draw ``table`` to the PNG ``path``; nothing if it holds no row. OSError if it cannot."""
    picture = draw(read(table))
    if picture is None:
        return
    path.write_bytes(cv2.imencode(".png", picture)[1].tobytes())


def _panel(name: str, steps: np.ndarray, values: np.ndarray) -> np.ndarray:
    panel = np.full((HEIGHT, WIDTH, 3), 255, np.uint8)
    good = np.isfinite(values)
    _say(panel, name, (LEFT, TOP - 10), 0.5)
    if not good.any():
        return panel
    low, high = float(values[good].min()), float(values[good].max())
    if high - low < 1e-12:
        low, high = low - 0.5, high + 0.5
    first, last = float(steps[0]), float(max(steps[-1], steps[0] + 1))
    for share in (0, 0.5, 1):
        y = round(HEIGHT - BOTTOM - share * (HEIGHT - TOP - BOTTOM))
        cv2.line(panel, (LEFT, y), (WIDTH - RIGHT, y), PALE, 1)
        _say(panel, f"{low + share * (high - low):.3g}", (4, y + 4))
    for step, at in ((first, LEFT), (last, WIDTH - RIGHT - 40)):
        _say(panel, f"{step:.0f}", (at, HEIGHT - 8))
    x = LEFT + (steps[good] - first) / (last - first) * (WIDTH - LEFT - RIGHT)
    y = HEIGHT - BOTTOM - (values[good] - low) / (high - low) * (HEIGHT - TOP - BOTTOM)
    points = np.stack([x, y], 1).round().astype(np.int32)
    cv2.polylines(panel, [points], False, LINE, 1, cv2.LINE_AA)
    if len(points) == 1:
        cv2.circle(panel, points[0].tolist(), 2, LINE, -1)
    return panel


def _say(panel: np.ndarray, text: str, at: tuple[int, int], size: float = 0.38) -> None:
    cv2.putText(panel, text, at, cv2.FONT_HERSHEY_SIMPLEX, size, INK, 1, cv2.LINE_AA)


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return math.nan

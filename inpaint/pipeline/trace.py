"""Shows how a fill evolves: frames of the search, its losses, and a contact sheet."""

from __future__ import annotations

import csv
import math
from pathlib import Path

import numpy as np
from torch import Tensor

from inpaint import images
from inpaint.errors import OutputError, reason, remedy
from inpaint.images import Picture
from inpaint.images.sheet import sheet

FRAMES = 12


class Trace:
    """Collects the iterates of a search and writes them into ``folder``, which is new or empty.

    Nothing is written before ``write``, so a fill that fails leaves nothing behind. The steps of
    the frames grow by a constant factor, because a search changes most at its beginning.

    Raises OutputError when the folder is not empty.
    """

    def __init__(self, folder: Path) -> None:
        if folder.exists() and not (folder.is_dir() and not any(folder.iterdir())):
            raise OutputError(f"{folder}: is not an empty folder; name a new one for --trace")
        self.folder = folder
        self.frames: list[tuple[int, int, np.ndarray]] = []
        self.losses: list[tuple[int, int, int, float, float, float]] = []

    def __call__(self, crop: int, step: int, steps: int, terms: dict[str, Tensor]) -> None:
        """Record one step; ``terms`` are what ``search.search`` passes to its callback."""
        parts = (terms[k][0].tolist() for k in ("loss", "contextual", "perceptual"))
        for restart, row in enumerate(zip(*parts, strict=True)):
            self.losses.append((crop, step, restart, *row))
        if step in _moments(steps):
            best = int(terms["loss"][0].nan_to_num(nan=math.inf).argmin())
            x = terms["x"][0, best].nan_to_num(nan=0.5).permute(1, 2, 0).cpu().numpy()
            self.frames.append((crop, step, (x.clip(0, 1) * 255).round().astype(np.uint8)))

    def write(self, picture: Picture, mask: np.ndarray, filled: Picture) -> None:
        """Write frames, ``losses.csv`` and ``sheet.png``: input, frames, result.

        ``mask`` is (H, W) bool. Raises OutputError where the folder cannot be written.
        """
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            self._write_losses()
        except OSError as error:
            advice = remedy(error, "free some space or choose another --trace")
            raise OutputError(
                f"{self.folder}: trace not written ({reason(error)}); {advice}"
            ) from error
        for crop, step, frame in self.frames:
            path = self.folder / f"crop{crop}-step{step:04d}.png"
            images.write(path, images.from_array(frame))
        before = images.rgb8(picture)
        before[mask] = 128
        ends = [("input", before), ("filled", images.rgb8(filled))]
        rows = [ends]
        for crop in sorted({c for c, _, _ in self.frames}):
            rows.append([(f"step {s}", f) for c, s, f in self.frames if c == crop])
        path = self.folder / "sheet.png"
        images.write(path, images.from_array(sheet(rows, height=192)))

    def _write_losses(self) -> None:
        with (self.folder / "losses.csv").open("w", newline="") as stream:
            table = csv.writer(stream)
            table.writerow(["crop", "step", "restart", "loss", "contextual", "perceptual"])
            table.writerows(self.losses)


def _moments(steps: int) -> set[int]:
    if steps == 0:
        return {0}
    return {0, *(round(steps ** (i / (FRAMES - 2))) for i in range(FRAMES - 1))}

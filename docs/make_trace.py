"""Draw docs/images/trace.jpg and stages.jpg: searches on ``samples/face.png``, what follows.

Run from the repository root: ``python docs/make_trace.py``. The frames are those that
``inpaint fill --trace`` writes; the second search has the settings of Yeh et al. 2017.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from inpaint import images, masks
from inpaint.images.sheet import Cell, sheet
from inpaint.pipeline import Result, complete
from inpaint.pipeline.trace import Trace
from inpaint.search import REFERENCE

ROOT = Path(__file__).parents[1]
OUT = ROOT / "docs" / "images"
PRIOR = "faces64-dcgan"
SHOWN = 7  # frames a row
STAGES = {
    "the prior's picture": (),
    "+ poisson": ("poisson",),
    "+ attention": ("poisson", "attention"),
}


def searched(picture: images.Picture, hole: np.ndarray, **search: Any) -> list[Cell]:
    """Frames of one search, evenly chosen from those of a trace."""
    trace = Trace(OUT / "nowhere")
    complete(
        picture,
        hole,
        prior=PRIOR,
        stages=(),
        callback=lambda crop, _, steps, step, terms: trace(crop, step, steps, terms),
        search=search,
    )
    chosen = np.unique(np.linspace(0, len(trace.frames) - 1, SHOWN).round().astype(int))
    loss = {step: min(r[3] for r in trace.losses if r[1] == step) for _, step, *_ in trace.losses}
    return [(f"step {s}, loss {loss[s]:.2f}", f) for _, s, f in (trace.frames[i] for i in chosen)]


def save(name: str, rows: list[list[Cell]], height: int) -> None:
    """Write a sheet as JPEG."""
    drawn = images.from_array(sheet(rows, height=height))
    images.write(OUT / name, drawn, quality=88)


def main() -> None:
    """Write both pictures."""
    picture = images.read(ROOT / "samples" / "face.png")
    hole = masks.load(ROOT / "samples" / "face_mask.png", shape=picture.pixels.shape[:2])
    save("trace.jpg", [searched(picture, hole), searched(picture, hole, **REFERENCE)], 128)
    erased = picture.pixels.copy()
    erased[hole] = 128
    cells = [("input", erased)]
    for label, stages in STAGES.items():
        done: Result = complete(picture, hole, prior=PRIOR, stages=stages)
        cells.append((label, done.pictures[0].pixels))
    save("stages.jpg", [cells], 192)


if __name__ == "__main__":
    main()

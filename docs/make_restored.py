"""Draw docs/images/restored.png: the three tasks of ``inpaint restore`` on a face of 64 pixels.

Run from the repository root: ``python docs/make_restored.py``.
"""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

import inpaint
from inpaint import images

ROOT = Path(__file__).parents[1]
OUT = ROOT / "docs" / "images" / "restored.png"
SIDE, GAP = 128, 4
TASKS = {"noisy": {"task": "denoise"}, "small": {"task": "superres", "scale": 4},
         "grey": {"task": "colorize"}}  # fmt: skip


def main() -> None:
    """Lay each picture beside its restoration, and the truth at the end."""
    cells = []
    for name, options in TASKS.items():
        given = images.rgb8(images.read(ROOT / "examples" / f"{name}.png"))
        cells += [given, inpaint.restore(given, **options)]
    face = images.rgb8(images.read(ROOT / "samples" / "face.png"))
    cells.append(cv2.resize(face, (64, 64), interpolation=cv2.INTER_AREA))
    gap = np.full((SIDE, GAP, 3), 255, np.uint8)
    shown = []
    for cell in cells:
        shown += [cv2.resize(cell, (SIDE, SIDE), interpolation=cv2.INTER_NEAREST), gap]
    images.write(OUT, images.from_array(np.hstack(shown[:-1])))
    print(OUT.relative_to(ROOT))


if __name__ == "__main__":
    main()

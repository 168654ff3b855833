"""Draw docs/images/masks.png: four masks of each protocol at 128x128, white = hole.

Run from the repository root: ``python docs/make_mask_sheet.py``.
"""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from inpaint.evaluate import protocols

SIDE, GAP, LABEL, SEEDS = 128, 4, 18, 4
OUT = Path(__file__).parent / "images" / "masks.png"


def block(name: str) -> np.ndarray:
    """Return the labelled row of one protocol, grey levels (H, W) of uint8."""
    row = np.full((LABEL + SIDE + GAP, SEEDS * (SIDE + GAP) + GAP), 110, np.uint8)
    masks = [protocols.make(name, (SIDE, SIDE), seed=i) for i in range(SEEDS)]
    for i, mask in enumerate(masks):
        x = GAP + i * (SIDE + GAP)
        row[LABEL : LABEL + SIDE, x : x + SIDE] = mask * np.uint8(255)
    text = f"{name}:  " + "  ".join(f"{100 * mask.mean():.0f} %" for mask in masks)
    cv2.putText(row, text, (GAP, LABEL - 5), cv2.FONT_HERSHEY_SIMPLEX, 0.42, 255, 1, cv2.LINE_8)
    return row


def main() -> None:
    """Write the sheet: the protocols in two columns."""
    rows = [block(name) for name in protocols.names()]
    half = (len(rows) + 1) // 2
    rows += [np.full_like(rows[0], 110)] * (2 * half - len(rows))
    sheet = np.hstack([np.vstack(rows[:half]), np.vstack(rows[half:])])
    OUT.parent.mkdir(exist_ok=True)
    # Three grey levels need two bits a pixel.
    Image.fromarray(sheet).quantize(4).save(OUT, optimize=True)


if __name__ == "__main__":
    main()

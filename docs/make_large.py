"""Draw docs/images/large.jpg: the four photos among the samples with 40 to 50 % erased, and filled.

Run from the repository root: ``python docs/make_large.py``. Nothing is chosen by its looks: all
photos are shown, and the strokes are the first ones that the mask protocol ``bucket:40-50`` of
``inpaint evaluate`` draws for their names.
"""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

import inpaint
from inpaint import images
from inpaint.evaluate import protocols
from inpaint.images.sheet import Cell, sheet
from inpaint.pipeline.seeds import seed_for

ROOT = Path(__file__).parents[1]
OUT = ROOT / "docs" / "images" / "large.jpg"
PHOTOS = ("rocket.jpg", "seeding.jpg", "chelsea.jpg", "coffee.jpg")
HEIGHT = 320  # pixels of the photos that are filled
SHOWN = 190


def small(name: str) -> np.ndarray:
    """A sample, brought to HEIGHT: uint8 (HEIGHT, W, 3)."""
    photo = np.ascontiguousarray(images.rgb8(images.read(ROOT / "samples" / name)))
    width = round(photo.shape[1] * HEIGHT / photo.shape[0])
    return cv2.resize(photo, (width, HEIGHT), interpolation=cv2.INTER_AREA)


def main() -> None:
    """Lay out each photo without its hole, filled, and as it was, from top to bottom."""
    erased: list[Cell] = []
    filled: list[Cell] = []
    whole: list[Cell] = []
    for name in PHOTOS:
        photo = small(name)
        hole = protocols.make("bucket:40-50", photo.shape[:2], seed_for(name))
        without = photo.copy()
        without[hole] = 128
        erased.append((f"{hole.mean():.0%} erased", without))
        filled.append(("filled", inpaint.fill(without, hole)))
        whole.append(("the photo", photo))
    laid = sheet([erased, filled, whole], height=SHOWN)
    images.write(OUT, images.from_array(laid), quality=85)
    print(OUT.relative_to(ROOT))


if __name__ == "__main__":
    main()

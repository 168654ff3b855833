"""Draw docs/images/sheet.jpg, the first picture of the README: samples before and after.

Run from the repository root after ``make demo``: ``python docs/make_sheet.py [demo]``.
"""

from __future__ import annotations

import sys
from pathlib import Path

import cv2
import numpy as np

import inpaint
from inpaint import images, masks
from inpaint.images.sheet import Cell, sheet

ROOT = Path(__file__).parents[1]
OUT = ROOT / "docs" / "images" / "sheet.jpg"
HEIGHT = 250
# Sample, what stands above it, and the part that is shown: left, top, width and height.
SHOWN = (
    ("coffee", "a spoon", (210, 20, 320, 360)),
    ("rocket", "a mast", (330, 60, 250, 367)),
    ("seeding", "a flower, in 16 megapixels", (3500, 1500, 1500, 1488)),
    ("face", "a face", (0, 0, 96, 96)),
    ("chelsea", "scratches and letters", (60, 0, 391, 300)),
)
DUSTY = (1000, 250, 1400, 1400)  # the large flower of seeding.jpg, brought to DUST_SIDE pixels
DUST_SIDE = 500


def outlined(pixels: np.ndarray, hole: np.ndarray) -> np.ndarray:
    """The picture (H, W, 3) with the hole (H, W) tinted, uint8."""
    tinted = pixels.copy()
    red = np.array([230, 30, 90])
    tinted[hole] = (0.45 * tinted[hole] + 0.55 * red).astype(np.uint8)
    return tinted


def dust(side: int, *, seed: int = 0) -> np.ndarray:
    """A hole of 150 specks and 6 hairs, as on a scan: bool (side, side)."""
    rng = np.random.default_rng(seed)
    hole = np.zeros((side, side), np.uint8)
    for x, y in rng.integers(0, side, (150, 2)).tolist():
        cv2.circle(hole, (x, y), int(rng.integers(1, 4)), 1, -1)
    for x, y in rng.integers(0, side, (6, 2)).tolist():
        radii = rng.integers(20, 70, 2).tolist()
        cv2.ellipse(hole, (x, y), radii, float(rng.integers(360)), 0, 120, 1, 2)
    return hole > 0


def dusty() -> tuple[np.ndarray, np.ndarray]:
    """A part of seeding.jpg with dust, and filled: uint8 (DUST_SIDE, DUST_SIDE, 3) each."""
    x, y, width, height = DUSTY
    whole = images.rgb8(images.read(ROOT / "samples" / "seeding.jpg"))
    part = np.ascontiguousarray(whole[y : y + height, x : x + width])
    photo = cv2.resize(part, (DUST_SIDE, DUST_SIDE), interpolation=cv2.INTER_AREA)
    hole = dust(DUST_SIDE)
    return outlined(photo, hole), inpaint.fill(photo, hole)


def main(filled: Path) -> None:
    """Lay the samples over their fills in the folder ``filled``."""
    before: list[Cell] = []
    after: list[Cell] = []
    for name, label, (x, y, width, height) in SHOWN:
        (path,) = (p for p in (ROOT / "samples").glob(f"{name}.*") if p.suffix != ".json")
        picture = images.read(path)
        hole = masks.load(
            ROOT / "samples" / f"{name}_mask.png", shape=(picture.height, picture.width)
        )
        part = slice(y, y + height), slice(x, x + width)
        scale = HEIGHT / height
        size = (round(width * scale), HEIGHT)
        for cells, pixels, words in (
            (before, outlined(images.rgb8(picture), hole), label),
            (after, images.rgb8(images.read(filled / f"{name}.png")), ""),
        ):
            how = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
            shown = cv2.resize(np.ascontiguousarray(pixels[part]), size, interpolation=how)
            cells.append((words, shown))
    for cells, pixels, words in zip((before, after), dusty(), ("dust and hairs", ""), strict=True):
        cells.append((words, pixels))
    images.write(OUT, images.from_array(sheet([before, after], height=HEIGHT)), quality=88)
    print(OUT.relative_to(ROOT))


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "demo")

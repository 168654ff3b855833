"""``make demo``: fill every sample and lay input | mask | filled side by side.

python examples/demo.py [OUT]             # default: demo/
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

import numpy as np

from inpaint import images, masks
from inpaint.images.sheet import sheet
from inpaint.pipeline import complete

SAMPLES = Path(__file__).parent.parent / "samples"


def main(out: Path) -> None:
    """Fill ``samples/NAME.*`` with ``samples/NAME_mask.png`` into ``out``."""
    out.mkdir(parents=True, exist_ok=True)
    started = time.perf_counter()
    rows = []
    for mask_path in sorted(SAMPLES.glob("*_mask.png")):
        name = mask_path.stem.removesuffix("_mask")
        (path,) = (p for p in SAMPLES.glob(f"{name}.*") if p.suffix in (".jpg", ".png"))
        picture = images.read(path)
        hole = masks.load(mask_path, shape=(picture.height, picture.width))
        result = complete(picture, hole)
        filled = result.pictures[0]
        images.write(out / f"{name}.png", filled)
        size = f"{picture.width}x{picture.height}"
        prior = result.reports[0].prior
        print(f"{name:8} {size:>9}  {prior}  {result.seconds:.1f} s", file=sys.stderr)
        erased = picture.pixels.copy()
        erased[hole] = 128
        white = np.repeat(hole[..., None], 3, 2).astype(np.uint8) * 255
        rows.append([(f"{name} {size}", erased), ("mask", white), (prior, filled.pixels)])
    picture_of_all = out / "sheet.png"
    images.write(picture_of_all, images.from_array(sheet(rows, height=300)))
    seconds = time.perf_counter() - started
    print(
        f"filled {len(rows)} pictures in {seconds:.0f} s; the first also loads what is needed, and "
        "compiles it once after an installation",
        file=sys.stderr,
    )
    print(picture_of_all)


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path("demo"))

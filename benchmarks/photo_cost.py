"""Seconds and peak memory of removing one object from photos of 1 to 48 MP.

    python benchmarks/photo_cost.py [--photo FILE] [--megapixels 1 4 12 48] [--area 0.05]
        [--stages poisson,texture] [--threads 2] [--json FILE]

The photo (default: ``samples/seeding.jpg``) is enlarged to the size asked for and gets fine noise,
so that no size is smoother than another. The hole is a disc of ``--area`` of the photo. Each size
runs in a process of its own, because peak memory never falls. ``seconds`` is the fill alone,
without reading and writing; ``cpu`` the processor time it took, which on a shared machine says
more; ``resting`` the memory that the libraries, the prior and the photo take before it.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np

ROOT = Path(__file__).parents[1]
MIB = 1024


def peak() -> float:
    """Peak resident memory of this process in MiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / MIB


def enlarged(photo: Path, megapixels: float) -> np.ndarray:
    """A photo at another size with fine noise: RGB (H, W, 3) uint8."""
    import cv2
    import numpy as np

    source = cv2.imread(str(photo))[..., ::-1]
    scale = (megapixels * 1e6 / (source.shape[0] * source.shape[1])) ** 0.5
    h, w = (round(side * scale) for side in source.shape[:2])
    image = cv2.resize(np.ascontiguousarray(source), (w, h), interpolation=cv2.INTER_CUBIC)
    generator = np.random.default_rng(0)
    for rows in np.array_split(image, max(1, h // 256)):  # views: noise of one strip at a time
        noise = generator.integers(-12, 13, rows.shape, dtype=np.int16)
        rows[:] = np.clip(rows + noise, 0, 255)
    return image


def one(photo: Path, megapixels: float, area: float, stages: list[str]) -> dict[str, Any]:
    import numpy as np

    from inpaint import images
    from inpaint.pipeline import complete

    image = enlarged(photo, megapixels)
    h, w = image.shape[:2]
    y, x = np.ogrid[:h, :w]
    mask = (y - h // 2) ** 2 + (x - w // 2) ** 2 <= area * h * w / np.pi
    picture = images.from_array(image)
    small = np.zeros((64, 64), dtype=bool)
    small[24:40, 24:40] = True
    complete(images.from_array(image[:64, :64].copy()), small, stages=stages)  # loads the prior
    resting, start, spent = peak(), time.perf_counter(), time.process_time()
    complete(picture, mask, stages=stages)
    return {
        "megapixels": round(h * w / 1e6, 2),
        "hole_pixels": int(mask.sum()),
        "seconds": round(time.perf_counter() - start, 2),
        "cpu": round(time.process_time() - spent, 2),
        "peak_mib": round(peak()),
        "resting_mib": round(resting),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--photo", type=Path, default=ROOT / "samples" / "seeding.jpg")
    parser.add_argument("--megapixels", type=float, nargs="+", default=[1, 4, 12, 48])
    parser.add_argument("--area", type=float, default=0.05)
    parser.add_argument("--stages", default="poisson,texture")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--inner", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.inner:
        stages = options.stages.split(",")
        print(json.dumps(one(options.photo, options.megapixels[0], options.area, stages)))
        return
    rows = []
    for size in options.megapixels:
        command = [sys.executable, __file__, "--inner", "--photo", str(options.photo)]
        command += ["--megapixels", str(size), "--area", str(options.area)]
        command += ["--stages", options.stages]
        environment = {**os.environ, "OMP_NUM_THREADS": str(options.threads)}
        done = subprocess.run(
            command, stdout=subprocess.PIPE, text=True, check=True, env=environment
        )
        rows.append(json.loads(done.stdout.splitlines()[-1]))
        print(json.dumps(rows[-1]), flush=True)
    if options.json:
        options.json.write_text(json.dumps(rows, indent=1) + "\n")


if __name__ == "__main__":
    main()

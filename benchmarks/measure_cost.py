"""What measuring costs, without the methods: one core, seconds a fill, as JSON.

    OMP_NUM_THREADS=1 python benchmarks/measure_cost.py [--repeats 20]

Only the box around what a fill changes is compared, so the cost depends on the hole:

- ``blob``: a disc over 5 % of the area, in the middle;
- ``thick``: a mask of LaMa's protocol whose box is half of the image, the mean of that protocol;
- ``thick, worst``: another, whose box is the whole image. No comparison can cost more.

``metrics``: ``measure`` alone. ``metrics_again``: for the next fill of the same hole, whose truth
is encoded already. ``all``: everything that ``inpaint evaluate`` adds to a method whose own cost
is nothing, through the real loop: reading, hashing, drawing the mask, metrics, PNG, row.
``all_of_4``: the same a fill, where four methods share image and mask. ``kid_features``: a whole
fill more where a set has 50 images or more of one size.

Wall clock and processor seconds; on a shared machine trust the latter.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import tempfile
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

import cv2
import numpy as np
import torch
from provenance import commit
from skimage import data

from inpaint.evaluate import holes, run
from inpaint.evaluate.compare import Comparer
from inpaint.evaluate.kid import pooled
from inpaint.evaluate.method import Method
from inpaint.evaluate.metrics import mask_ratio, measure
from inpaint.evaluate.protocols import make
from inpaint.evaluate.regions import changed

SIDES = {"64 px": 64, "1 MP": 1024}
SHARE = 0.05
LIMITS = {"64 px": 0.030, "1 MP": 0.300}
PACKAGES = ("inpaint", "torch", "numpy", "opencv-python-headless", "pillow")


def timed(work: Callable[[], object], repeats: int, share: int = 1) -> dict[str, float]:
    for _ in range(2):
        work()
    wall, cpu = [], []
    for _ in range(repeats):
        start, spent = time.perf_counter(), time.process_time()
        work()
        wall.append((time.perf_counter() - start) / share)
        cpu.append((time.process_time() - spent) / share)
    return {
        "wall_median": round(statistics.median(wall), 5),
        "wall_min": round(min(wall), 5),
        "wall_max": round(max(wall), 5),
        "cpu_median": round(statistics.median(cpu), 5),
    }


def blob(shape: tuple[int, int]) -> np.ndarray:
    rows, cols = np.ogrid[: shape[0], : shape[1]]
    away = (rows - (shape[0] - 1) / 2) ** 2 + (cols - (shape[1] - 1) / 2) ** 2
    return away <= SHARE * shape[0] * shape[1] / np.pi


HOLES = {
    "blob": holes.Holes("blob", lambda name, shape, seed: blob(shape)),
    "thick": holes.Holes("thick", lambda name, shape, seed: make("thick", shape, 5)),
    "thick, worst": holes.Holes("worst", lambda name, shape, seed: make("thick", shape, 2)),
}


def cost(side: int, hole: holes.Holes, repeats: int) -> dict[str, Any]:
    whole = cv2.resize(data.astronaut(), (side, side), interpolation=cv2.INTER_AREA)
    methods = [Method(f"nothing{i}", lambda erased, *_, **__: erased) for i in range(4)]
    with tempfile.TemporaryDirectory() as place:
        source, out = Path(place, "in"), Path(place, "out")
        source.mkdir()
        cv2.imwrite(str(source / "a.png"), whole[..., ::-1])
        mask = hole.draw("a.png", (side, side), 0)
        filled = whole.copy()
        filled[mask] = cv2.blur(whole, (9, 9))[mask]
        comparer = Comparer()

        def loop(count: int) -> None:
            run.run_methods(source, [hole], methods[:count], out, overwrite=True)

        box = changed(filled, whole)
        return {
            "hole": round(mask_ratio(mask), 4),
            "box": box and round(np.prod([b - a for a, b in box]) / side**2, 4),
            "metrics": timed(lambda: measure(whole, filled, mask), repeats),
            "metrics_again": timed(
                lambda: measure(whole, filled, mask, comparer=comparer), repeats
            ),
            "all": timed(lambda: loop(1), repeats),
            "all_of_4": timed(lambda: loop(4), repeats, share=4),
            "kid_features": timed(lambda: pooled([filled]), repeats),
        }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--repeats", type=int, default=20)
    repeats = parser.parse_args().repeats
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    report = {
        "seconds_a_fill": {
            name: {label: cost(side, hole, repeats) for label, hole in HOLES.items()}
            for name, side in SIDES.items()
        },
        "limits": LIMITS,
        "repeats": repeats,
        "threads": 1,
        "load_average": os.getloadavg()[0],
        "machine": f"{platform.machine()}, {os.cpu_count()} processors",
        "commit": commit(),
        "versions": {p: version(p) for p in PACKAGES} | {"python": platform.python_version()},
    }
    print(json.dumps(report, indent=2))


if __name__ == "__main__":
    main()

"""What measuring costs, without the methods: one core, seconds an image, as JSON.

    OMP_NUM_THREADS=1 python benchmarks/measure_cost.py [--repeats 20]

Two parts. ``metrics``: ``measure`` alone. ``all``: everything that ``inpaint evaluate`` adds to
a method whose own cost is nothing, through the real loop: reading, hashing, drawing the mask,
metrics, PNG, row. Wall clock and processor seconds; on a shared machine trust the latter.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

import cv2
import torch
from skimage import data

from inpaint.evaluate import holes, run
from inpaint.evaluate.kid import pooled
from inpaint.evaluate.method import Method
from inpaint.evaluate.metrics import measure
from inpaint.evaluate.protocols import make

SIDES = {"64 px": 64, "1 MP": 1024}
LIMITS = {"64 px": 0.030, "1 MP": 0.300}
PACKAGES = ("inpaint", "torch", "numpy", "opencv-python-headless", "pillow")


def timed(work: Callable[[], object], repeats: int) -> dict[str, float]:
    for _ in range(2):
        work()
    wall, cpu = [], []
    for _ in range(repeats):
        start, spent = time.perf_counter(), time.process_time()
        work()
        wall.append(time.perf_counter() - start)
        cpu.append(time.process_time() - spent)
    return {
        "wall_median": round(statistics.median(wall), 5),
        "wall_min": round(min(wall), 5),
        "wall_max": round(max(wall), 5),
        "cpu_median": round(statistics.median(cpu), 5),
    }


def cost(side: int, repeats: int) -> dict[str, dict[str, float]]:
    whole = cv2.resize(data.astronaut(), (side, side), interpolation=cv2.INTER_AREA)
    mask = make("medium", (side, side), 0)
    filled = whole.copy()
    filled[mask] = cv2.blur(whole, (9, 9))[mask]
    nothing = Method("nothing", lambda erased, mask, seed, case: erased)
    with tempfile.TemporaryDirectory() as place:
        source, out = Path(place, "in"), Path(place, "out")
        source.mkdir()
        cv2.imwrite(str(source / "a.png"), whole[..., ::-1])
        sets = [holes.parse("medium")]

        def loop() -> None:
            run.run(source, sets, [nothing], out, overwrite=True)

        return {
            "metrics": timed(lambda: measure(whole, filled, mask), repeats),
            "all": timed(loop, repeats),
            "kid_features": timed(lambda: pooled([filled]), repeats),
        }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--repeats", type=int, default=20)
    repeats = parser.parse_args().repeats
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    commit = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False
    ).stdout.strip()
    report = {
        "seconds_an_image": {name: cost(side, repeats) for name, side in SIDES.items()},
        "limits": LIMITS,
        "repeats": repeats,
        "threads": 1,
        "load_average": os.getloadavg()[0],
        "machine": f"{platform.machine()}, {os.cpu_count()} processors",
        "commit": commit,
        "versions": {p: version(p) for p in PACKAGES} | {"python": platform.python_version()},
    }
    print(json.dumps(report, indent=2))


if __name__ == "__main__":
    main()

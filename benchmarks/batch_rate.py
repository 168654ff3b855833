"""How many small pictures ``inpaint batch`` fills in a second, from the command to its end.

    python benchmarks/batch_rate.py FACES.tar MASKS.tar [--count 2000] [--side 64]
        [--area 0.05 0.10] [--mode psnr|sharp]... [--workers 2] [--folder FOLDER]

Writes the first ``--count`` pictures of the tar as PNG files (over again under other names where
it has fewer; those of another size are cut to their middle square and made smaller), each with
the mask of another object, and runs the command as a user does. ``rate`` is pictures by wall
seconds, start included; on a machine that is busy with other things ``cpu`` tells more: processor
seconds of the whole command for each picture.
"""

from __future__ import annotations

import json
import os
import resource
import shutil
import subprocess
import sys
import time
from itertools import islice
from pathlib import Path

import click
import numpy as np
from PIL import Image
from removal import place
from speed import resized

from inpaint.evaluate import data


def write(
    tar: Path, silhouettes: Path, folder: Path, *, count: int, side: int, area: tuple[float, float]
) -> None:
    """Write pictures and masks of equal names into ``in`` and ``masks`` below a folder."""
    shapes = [s[..., 0] for _, s in data.iter_images(silhouettes) if isinstance(s, np.ndarray)]
    found = [im for _, im in islice(data.iter_images(tar), count) if isinstance(im, np.ndarray)]
    (folder / "in").mkdir(parents=True)
    (folder / "masks").mkdir()
    for k in range(count):
        image = found[k % len(found)]
        if image.shape[:2] != (side, side):
            image = resized(image, str(side))
        mask = place(shapes, (side, side), np.random.default_rng([0, k]), area=area)
        Image.fromarray(image).save(folder / "in" / f"{k:05d}.png")
        Image.fromarray(mask.astype(np.uint8) * 255).save(folder / "masks" / f"{k:05d}.png")


def spent() -> float:
    """Processor seconds of the programs that were started and have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


@click.command()
@click.argument("tar", type=click.Path(exists=True, path_type=Path))
@click.argument("silhouettes", type=click.Path(exists=True, path_type=Path))
@click.option("--count", default=2000, show_default=True, type=click.IntRange(1))
@click.option("--side", default=64, show_default=True, type=click.IntRange(16))
@click.option("--area", nargs=2, default=(0.05, 0.10), show_default=True)
@click.option("--mode", "modes", multiple=True, default=("psnr", "sharp"), show_default=True)
@click.option("--workers", default=2, show_default=True, type=click.IntRange(0))
@click.option("--folder", default="runs/batch-rate", show_default=True, type=click.Path())
def main(
    tar: Path,
    silhouettes: Path,
    count: int,
    side: int,
    area: tuple[float, float],
    modes: tuple[str, ...],
    workers: int,
    folder: str,
) -> None:
    """Time ``inpaint batch`` on small pictures; one JSON object for each mode."""
    root = Path(folder)
    shutil.rmtree(root, ignore_errors=True)
    write(tar, silhouettes, root, count=count, side=side, area=area)
    for mode in modes:
        command = [sys.executable, "-m", "inpaint", "batch", str(root / "in")]
        command += ["--masks", str(root / "masks"), "--out", str(root / mode)]
        command += ["--workers", str(workers), "--mode", mode]
        begun, before = time.perf_counter(), spent()
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        wall, cpu = time.perf_counter() - begun, spent() - before
        facts = {"mode": mode, "pictures": count, "side": side, "workers": workers}
        facts |= {"rate": round(count / wall, 2), "seconds": round(wall, 2)}
        facts |= {"cpu": round(cpu / count, 4), "load": round(os.getloadavg()[0], 1)}
        print(json.dumps(facts), flush=True)


if __name__ == "__main__":
    main()

"""``inpaint batch`` on a folder of mixed images: speed, memory, overhead, the cost of a million.

    python benchmarks/batch.py --count 2000 --engine local:1 --engine local:2 --engine ray:2

Makes N images (formats, modes, sizes, EXIF orientations, subfolders, non-ASCII names), fills them
with each engine, then some (``--bare``, evenly spread) one by one with ``pipeline.complete`` in
this process (the bare loop), and prints JSON.

    startup    = until the first item has begun
    search     = sum of the seconds in pipeline.complete, as the rows tell
    overhead   = (workers * (wall - startup) - search) / search
    memory     = parent + workers, resident, the median of the rows around item 200 and of the last

``overhead`` holds search and all the rest of the very same run against each other, so that other
programs on the machine slow both; it includes reading, decoding, encoding, hashing, writing, the
manifest, and workers that wait at the end. All outputs of all engines must be the same bytes.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
import platform
import resource
import shutil
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

import click
import numpy as np
from PIL import Image
from rich.progress import Progress

from inpaint import _version, images, masks
from inpaint.batch import memory
from inpaint.batch.manifest import Manifest
from inpaint.batch.options import Options
from inpaint.batch.run import run
from inpaint.cli.progress import bar

# Sides and how often; most pictures of a mixed folder are small, a few are photos.
SIDES = (64, 64, 64, 96, 96, 128, 128, 192, 256, 384)
KINDS = ("png", "jpg", "webp", "tif", "JPG", "bmp")
FOLDERS = ("", "holiday", "holiday/été 2019", "日本", "a b/c")
WINDOW = 20  # rows that a figure of memory is the median of


def picture(rng: np.random.Generator, height: int, width: int) -> np.ndarray:
    """Smooth colours and some texture: what compresses as photos do."""
    coarse = rng.uniform(30, 220, (max(height // 24, 2), max(width // 24, 2), 3)).astype(np.uint8)
    smooth = np.asarray(Image.fromarray(coarse).resize((width, height), Image.Resampling.BICUBIC))
    texture = rng.normal(0, 4, (height, width, 1))
    return np.clip(smooth + texture, 0, 255).astype(np.uint8)


def hole(rng: np.random.Generator, height: int, width: int) -> np.ndarray:
    """A box or an ellipse of 2 to 15 % of the area."""
    share = rng.uniform(0.02, 0.15)
    h, w = (max(int(side * share**0.5), 2) for side in (height, width))
    top, left = (int(rng.integers(0, side - part)) for side, part in ((height, h), (width, w)))
    y, x = np.mgrid[:height, :width]
    if rng.random() < 0.5:
        inside = (abs(y - top - h / 2) <= h / 2) & (abs(x - left - w / 2) <= w / 2)
    else:
        inside = ((y - top - h / 2) / h) ** 2 + ((x - left - w / 2) / w) ** 2 <= 0.25
    return np.where(inside, np.uint8(255), np.uint8(0))


def make(root: Path, count: int, seed: int) -> None:
    """``root/in`` and ``root/masks`` with ``count`` pairs."""
    for index in range(count):
        rng = np.random.default_rng([seed, index])
        height, width = (int(SIDES[k]) for k in rng.integers(0, len(SIDES), 2))
        kind = KINDS[index % len(KINDS)]
        mode = ("RGB", "RGB", "RGB", "L", "RGBA", "P")[int(rng.integers(0, 6))]
        if kind in ("jpg", "JPG", "bmp") and mode in ("RGBA", "P"):
            mode = "RGB"
        image = Image.fromarray(picture(rng, height, width)).convert(mode)
        options: dict[str, Any] = {"quality": int(rng.integers(70, 96))} if "p" in kind else {}
        mask = hole(rng, height, width)
        if kind in ("jpg", "JPG"):
            orientation = int(rng.integers(1, 9))
            exif = Image.Exif()
            exif[0x0112] = orientation
            options["exif"] = exif
            turned = Image.fromarray(mask)
            turned.getexif()[0x0112] = orientation
            from PIL import ImageOps

            mask = np.asarray(ImageOps.exif_transpose(turned))
        name = Path(FOLDERS[index % len(FOLDERS)]) / f"bild-é {index:06d}.{kind}"
        for folder in ("in", "masks"):
            (root / folder / name).parent.mkdir(parents=True, exist_ok=True)
        image.save(root / "in" / name, **options)
        Image.fromarray(mask).save(root / "masks" / f"{name}.png")


def bare(root: Path, names: list[str], options: Options) -> dict[str, float]:
    """Read, fill and write one by one, without any engine."""
    from inpaint.batch.item import item_seed
    from inpaint.pipeline import complete

    search = []
    begun, cpu = time.perf_counter(), time.process_time()
    for name in names:
        image = images.read(root / "in" / name)
        mask = masks.load(root / "masks" / f"{name}.png")
        result = complete(
            image,
            mask,
            prior=options.prior,
            mode=options.mode,
            stages=options.stages,
            seed=item_seed(name, options),
        )
        search.append(result.seconds)
        images.write(root / f"bare{Path(name).suffix}", result.pictures[0], format=image.format)
    wall = time.perf_counter() - begun
    return {
        "images": len(names),
        "seconds": wall,
        "cpu_seconds": time.process_time() - cpu,
        "search_seconds": sum(search),
        "overhead": (wall - sum(search)) / sum(search),
    }


class Watch:
    """Follows a run: when it began to work, what it searched, what memory it held."""

    def __init__(self, progress: Progress, label: str) -> None:
        self.begun = time.time()
        self.startup = math.inf
        self.search = 0.0
        self.totals: list[float] = []
        self.bytes = 0
        self._workers: dict[int, int] = {}
        self._bar, self._task = progress, progress.add_task(label)

    def __call__(self, done: int, total: int, row: dict[str, Any]) -> None:
        """Take in a row."""
        self._bar.update(self._task, completed=done, total=total)
        if row["status"] != "done":
            return
        # By the worker's clock: Ray hands over rows in blocks, long after they are done.
        self.startup = min(self.startup, row["ended"] - row["seconds"] - self.begun)
        self.search += row["search_seconds"]
        self.bytes += len(json.dumps(row))
        self._workers[row["worker"]] = row["memory_mb"]
        parent = 0 if os.getpid() in self._workers else memory.resident() / 2**20
        self.totals.append(parent + sum(self._workers.values()))

    def memory_at(self, item: int) -> float:
        """Resident megabytes of parent and workers: the median of the rows before an item."""
        rows = self.totals[max(item - WINDOW, 0) : item]
        return statistics.median(rows) if rows else 0.0


def spent() -> float:
    """Seconds of CPU that this process and its ended children took (not Ray's, who stay)."""
    both = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(used.ru_utime + used.ru_stime for used in both)


def measure(root: Path, spec: str, options: Options) -> tuple[dict[str, Any], str]:
    """Run one engine; its figures, and a hash over all outputs."""
    engine, _, number = spec.partition(":")
    workers = int(number or 2)
    out = root / f"out-{spec.replace(':', '-')}"
    cpu = spent()
    with bar() as progress:
        watch = Watch(progress, spec)
        summary = run(
            root / "in",
            root / "masks",
            out,
            options=options,
            engine=engine,
            workers=workers,
            callback=watch,
        )
    cpu = spent() - cpu
    wall = summary.seconds
    busy = max(workers, 1) * (wall - watch.startup)
    found = hashlib.sha256()
    written = 0
    for path in sorted(p for p in out.rglob("*") if p.is_file() and ".inpaint" not in p.parts):
        found.update(str(path.relative_to(out)).encode() + path.read_bytes())
        written += path.stat().st_size
    early, late = watch.memory_at(200), watch.memory_at(len(watch.totals))
    again = time.perf_counter()
    kept = run(root / "in", root / "masks", out, options=options, engine=engine, workers=workers)
    resumed = time.perf_counter() - again
    figures = {
        "engine": spec,
        "done": summary.done,
        "failed": summary.failed,
        "seconds": wall,
        "startup_seconds": watch.startup,
        "images_per_second": summary.done / wall,
        "cpu_seconds_an_image": None if engine == "ray" else cpu / max(summary.done, 1),
        "search_seconds": watch.search,
        "overhead": (busy - watch.search) / watch.search,
        "memory_mb_at_200": early,
        "memory_mb_at_end": late,
        "memory_growth": late / early - 1 if early else None,
        "manifest_bytes_an_image": watch.bytes / max(summary.done, 1),
        "output_bytes_an_image": written / max(summary.done, 1),
        "resume_seconds": resumed,
        "kept": kept.kept,
    }
    return figures, found.hexdigest()


def million(figures: dict[str, Any], cores: int, price: float | None) -> dict[str, Any]:
    """What a million such images cost, from one engine's figures.

    core-seconds an image = workers * (wall - startup) / images; hours = 1e6 * that / cores / 3600.
    On a machine that is busy with other things these are too many, and ``cpu_seconds_an_image``
    (with the startup, without waiting) is nearer the truth.
    """
    workers = max(int(figures["engine"].partition(":")[2] or 2), 1)
    each = workers * (figures["seconds"] - figures["startup_seconds"]) / figures["done"]
    hours = each * 1e6 / 3600
    cost: dict[str, Any] = {
        "core_seconds_an_image": each,
        "cpu_seconds_an_image": figures["cpu_seconds_an_image"],
        "minutes_a_thousand_on_2_cores": each * 1000 / 2 / 60,
        "core_hours_a_million": hours,
        f"hours_a_million_on_{cores}_cores": hours / cores,
        "manifest_gb_a_million": figures["manifest_bytes_an_image"] * 1e6 / 1e9,
        "outputs_gb_a_million": figures["output_bytes_an_image"] * 1e6 / 1e9,
        "resume_minutes_a_million": figures["resume_seconds"] / figures["done"] * 1e6 / 60,
    }
    if price is not None:
        cost["price_a_million"] = hours * price
    return cost


def manifest_costs(out: Path, rows: int = 100_000) -> dict[str, float]:
    """What a large manifest costs the machine that starts a run."""
    line = (out / ".inpaint" / "manifest.jsonl").read_text(encoding="utf-8").splitlines()[-1]
    row, path = json.loads(line), out.parent / "large.jsonl"
    with path.open("w", encoding="utf-8") as file:
        file.writelines(json.dumps({**row, "path": f"folder/{k}"}) + "\n" for k in range(rows))
    held, begun = memory.resident(), time.process_time()
    manifest = Manifest(path)
    loaded, held = time.process_time() - begun, memory.resident() - held
    begun = time.process_time()
    for k in range(0, rows, 10):
        assert manifest.get(f"folder/{k}")
    asked = time.process_time() - begun
    manifest.close()
    path.unlink()
    item = {key: row[key] for key in ("path", "mask", "out")}
    return {
        "memory_bytes_an_item": held / rows,
        "load_cpu_seconds_a_million": loaded / rows * 1e6,
        "lookup_microseconds": asked / (rows / 10) * 1e6,
        "ray_bytes_a_new_item": len(json.dumps({**item, "known": None})),
        "ray_bytes_a_changed_item": len(json.dumps({**item, "known": row})),
    }


def commit() -> str:
    """The commit this ran from."""
    done = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True)
    return done.stdout.strip()


@click.command()
@click.option("--count", default=2000, show_default=True, help="Images.")
@click.option("--engine", "engines", multiple=True, help="ENGINE:WORKERS. [local:1, local:2]")
@click.option("--bare", "sample", default=100, show_default=True, help="Images of the bare loop.")
@click.option("--prior", default="auto", show_default=True)
@click.option("--mode", default="sharp", show_default=True)
@click.option("--stage", "stages", multiple=True, help="[auto]")
@click.option("--cores", default=1000, show_default=True, help="Of the cluster to compute for.")
@click.option("--price", type=float, help="Of a core-hour there, in any currency.")
@click.option("--seed", default=0, show_default=True)
@click.option("--folder", default="runs/bench-batch", show_default=True, type=click.Path())
def main(
    count: int,
    engines: tuple[str, ...],
    sample: int,
    prior: str,
    mode: str,
    stages: tuple[str, ...],
    cores: int,
    price: float | None,
    seed: int,
    folder: str,
) -> None:
    root = Path(folder)
    shutil.rmtree(root, ignore_errors=True)
    make(root, count, seed)
    names = sorted(p.relative_to(root / "in").as_posix() for p in (root / "in").rglob("*.*"))
    assert len(names) == count
    options = Options(prior=prior, mode=mode, stages=stages or ("auto",))
    sample = min(sample, count)
    results, hashes = [], {}
    for spec in engines or ("local:1", "local:2"):
        figures, hashes[spec] = measure(root, spec, options)
        results.append(figures)
        print(json.dumps(figures), file=sys.stderr)
    first = (engines or ("local:1",))[0]
    manifest = manifest_costs(root / f"out-{first.replace(':', '-')}")
    # Last, because it loads torch, which the parent of workers does without.
    bare(root, names[:2], options)  # load priors
    plain = bare(root, [names[k * count // sample] for k in range(sample)], options)
    report = {
        "count": count,
        "bytes_of_all_engines_equal": len(set(hashes.values())) == 1,
        "bare": plain,
        "engines": results,
        "manifest": manifest,
        "million": million(results[-1], cores, price),
        "prior": prior,
        "mode": mode,
        "stages": list(options.stages),
        "load_average": os.getloadavg()[0],
        "cores_here": os.cpu_count(),
        "versions": {"inpaint": _version.__version__, "python": platform.python_version()},
        "commit": commit(),
    }
    print(json.dumps(report, indent=2))
    assert report["bytes_of_all_engines_equal"], hashes


if __name__ == "__main__":
    main()

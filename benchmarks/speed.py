"""Seconds, memory and quality of a fill by the size of its picture: ours beside other programs.

    python benchmarks/speed.py PHOTOS.tar MASKS.tar [--size NAME]... [--method NAME]...
        [--pictures 8] [--repeat 1] [--faces FACES.tar] [--limit 600] [--threads 1] [--json FILE]

Sizes: ``64`` is a face (``samples/face.png``, or those of ``--faces``); ``128`` and ``256`` are the
middle squares of the photos, made smaller; ``481x321`` are the photos with a longer side of 481;
``1MP``, ``4MP``, ``12MP`` and ``48MP`` are ``samples/seeding.jpg`` enlarged, with fine noise. Their
holes have the shape of an object and 5-10 % of the area. ``dust`` is ``samples/seeding.jpg`` at
3.8 MP with 200 specks. What there is only one of is filled once, whatever ``--pictures`` says.

Each method fills the pictures of each size in a process of its own, the first of them once before
anything is measured. ``cpu`` and ``wall`` are seconds of a fill, without loading, reading and
writing: medians over the pictures, and the least and the most. ``peak`` is the most memory that
the process (or a program that it started) ever held, ``resting`` what it held before the measured
fills, libraries, weights and the fill before them included. A method that is not installed is
named and left out; one that takes more than ``--limit`` seconds for a size has no figures there.
"""

from __future__ import annotations

import json
import os
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import provenance

if TYPE_CHECKING:  # a child's peak counts what its parent held, so the parent stays small
    import numpy as np
    from removal import Case

SAMPLES = Path(__file__).parents[1] / "samples"
METHODS = ("auto", "auto:mode=psnr", "patchmatch", "gmic", "telea", "biharmonic")
SIZES = ("64", "128", "256", "481x321", "1MP", "4MP", "12MP", "48MP", "dust")
AREA = (0.05, 0.10)
SPECKS, DUST = 200, (2400, 1600)
LONGER = 481
MIB = 1024
COLUMNS = ("cpu", "wall", "lpips", "psnr_hole")
Sets = tuple[Path, Path, "Path | None"]


def pictures(size: str, sets: Sets, seed: int) -> Iterator[Case]:
    """Yield the pictures of one size, each with its hole; both depend on nothing but the seed."""
    import numpy as np
    from photo_cost import enlarged
    from removal import Case, place

    from inpaint.evaluate import data

    if size == "dust":
        yield dusty(seed)
        return
    shapes = [s[..., 0] for _, s in data.iter_images(sets[1]) if isinstance(s, np.ndarray)]
    if size.endswith("MP"):
        photo = SAMPLES / "seeding.jpg"
        images = iter([(photo.name, enlarged(photo, float(size.removesuffix("MP"))))])
    elif size == "64":
        images = data.iter_images(sets[2]) if sets[2] else samples()
    else:
        images = data.iter_images(sets[0])
    for name, image in images:
        if isinstance(image, np.ndarray):
            generator = np.random.default_rng([seed, *name.encode()])
            sized = image if size.endswith("MP") else resized(image, size)
            yield Case(name, sized, place(shapes, sized.shape[:2], generator, area=AREA))


def samples() -> Iterator[tuple[str, np.ndarray]]:
    """The one aligned face."""
    import cv2

    image = cv2.imread(str(SAMPLES / "face.png"))
    assert image is not None
    yield "face.png", image[..., ::-1].copy()


def resized(image: np.ndarray, size: str) -> np.ndarray:
    """The middle square at a number's side, or the whole with a longer side of ``LONGER``."""
    import cv2

    h, w = image.shape[:2]
    if size == "481x321":
        scale = LONGER / max(h, w)
        shape = round(w * scale), round(h * scale)
    else:
        side = min(h, w)
        top, left = (h - side) // 2, (w - side) // 2
        image = image[top : top + side, left : left + side]
        shape = int(size), int(size)
    return cv2.resize(image.copy(), shape, interpolation=cv2.INTER_AREA)


def dusty(seed: int) -> Case:
    """A photo of 3.8 MP and 200 specks with radii of 1 to 3 pixels."""
    import cv2
    import numpy as np
    from PIL import Image
    from removal import Case

    photo = Image.open(SAMPLES / "seeding.jpg").convert("RGB").resize(DUST)
    mask = np.zeros(DUST[::-1], dtype=np.uint8)
    generator = np.random.default_rng(seed)
    for _ in range(SPECKS):
        x, y = (int(generator.integers(5, side - 10)) for side in DUST)
        cv2.circle(mask, (x, y), int(generator.integers(1, 4)), 1, -1)
    return Case("seeding.jpg", np.asarray(photo).copy(), mask > 0)


def spent() -> float:
    """Processor seconds of this process and of the programs that it started and that ended."""
    own, others = (resource.getrusage(w) for w in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return own.ru_utime + own.ru_stime + others.ru_utime + others.ru_stime


def peak() -> float:
    """Most memory that this process or one that it started has held, in MiB."""
    both = resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN
    unit = MIB if sys.platform != "darwin" else MIB * MIB
    return max(resource.getrusage(who).ru_maxrss for who in both) / unit


def fills(
    size: str, label: str, sets: Sets, *, count: int, repeat: int, seed: int
) -> dict[str, Any]:
    """Fill and measure the pictures of one size by one method; in a process of its own."""
    import cv2
    from removal import available

    cv2.setNumThreads(int(os.environ.get("OMP_NUM_THREADS", "1")))
    found = available((label,))
    if not found:
        return {"absent": True}
    method = found[0]
    chosen = list(islice(pictures(size, sets, seed), count))
    method.prepare()
    rows, filled = [], []
    for index, case in enumerate(chosen):
        erased = case.image.copy()
        erased[case.mask] = 0
        if index == 0:
            method(erased, case.mask, 0, case=case.name)
            resting = peak()
        cpu, wall = [], []
        for _ in range(repeat):
            start, before = time.perf_counter(), spent()
            result = method(erased, case.mask, 0, case=case.name)
            cpu.append(spent() - before)
            wall.append(time.perf_counter() - start)
        filled.append(result)
        rows.append({"name": case.name, "cpu": statistics.median(cpu)})
        rows[-1]["wall"] = statistics.median(wall)
    facts = {"size": size, "method": label, "peak_mib": peak(), "resting_mib": resting}
    # Only now: the network that judges takes more memory than most fills.
    from inpaint.evaluate.metrics import measure

    for row, case, result in zip(rows, chosen, filled, strict=True):
        judged = measure(case.image, result, case.mask)
        row |= {k: judged[k] for k in ("mask_ratio", "lpips", "psnr_hole")}
    return facts | {k: spread([row[k] for row in rows]) for k in COLUMNS} | {"pictures": rows}


def spread(values: list[float]) -> dict[str, float]:
    """Median, mean, least and most."""
    return {
        "median": statistics.median(values),
        "mean": statistics.mean(values),
        "least": min(values),
        "most": max(values),
    }


HEAD = f"{'size':<8} {'method':<15} {'n':>3} {'CPU s':>8} {'(least-most)':>15} {'wall s':>8}"
HEAD += f" {'MiB':>6} {'LPIPS':>7} {'PSNR':>6}"


def line(case: dict[str, Any]) -> str:
    """One line of the table: seconds as medians, LPIPS and hole PSNR as means."""
    cpu = case["cpu"]
    between = f"({cpu['least']:.3f}-{cpu['most']:.3f})"
    return (
        f"{case['size']:<8} {case['method']:<15} {len(case['pictures']):>3} {cpu['median']:8.3f} "
        f"{between:>15} {case['wall']['median']:8.3f} {case['peak_mib']:6.0f} "
        f"{case['lpips']['mean']:7.4f} {case['psnr_hole']['mean']:6.2f}"
    )


def versions() -> dict[str, str]:
    """Versions of what ran, PyPatchMatch's too."""
    found = provenance.versions()
    for name in ("numba", "llvmlite", "pypatchmatch"):
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "absent"
    return found


@click.command(help=__doc__.partition("\n\n")[0])
@click.argument("photos_tar", type=click.Path(exists=True, path_type=Path))
@click.argument("masks_tar", type=click.Path(exists=True, path_type=Path))
@click.option("--size", "sizes", multiple=True, default=SIZES, type=click.Choice(SIZES))
@click.option("--method", "names", multiple=True, default=METHODS, show_default=True)
@click.option("--pictures", "count", default=8, show_default=True, type=click.IntRange(1))
@click.option("--repeat", default=1, show_default=True, type=click.IntRange(1))
@click.option("--seed", default=0, show_default=True)
@click.option("--faces", type=click.Path(exists=True, path_type=Path), help="For size 64.")
@click.option("--limit", default=600.0, show_default=True, help="Seconds for a size and a method.")
@click.option("--threads", default=1, show_default=True, type=click.IntRange(1))
@click.option("--json", "out", type=click.Path(path_type=Path), help="Write all figures.")
@click.option("--inner", is_flag=True, hidden=True)
def main(
    photos_tar: Path,
    masks_tar: Path,
    sizes: tuple[str, ...],
    names: tuple[str, ...],
    count: int,
    repeat: int,
    seed: int,
    faces: Path | None,
    limit: float,
    threads: int,
    out: Path | None,
    inner: bool,
) -> None:
    if inner:
        sets = photos_tar, masks_tar, faces
        found = fills(sizes[0], names[0], sets, count=count, repeat=repeat, seed=seed)
        click.echo(json.dumps(found))
        return
    # Before all else: a checkout may change while this runs.
    about: dict[str, Any] = {"commit": provenance.commit(), "machine": provenance.machine()}
    cases: list[dict[str, Any]] = []
    without: list[str] = []
    over: list[list[str]] = []
    fixed = [sys.executable, __file__, str(photos_tar), str(masks_tar), "--inner"]
    fixed += ["--pictures", str(count), "--repeat", str(repeat), "--seed", str(seed)]
    fixed += ["--faces", str(faces)] if faces else []
    environment = {**os.environ, "OMP_NUM_THREADS": str(threads)}
    click.echo(HEAD)
    for size in sizes:
        for name in names:
            if name in without:
                continue
            command = [*fixed, "--size", size, "--method", name]
            try:
                done = subprocess.run(
                    command,
                    stdout=subprocess.PIPE,
                    text=True,
                    check=True,
                    env=environment,
                    timeout=limit,
                )
            except subprocess.TimeoutExpired:
                over.append([size, name])
                click.echo(f"{size:<8} {name:<15} more than {limit:.0f} s, no figures")
                continue
            case = json.loads(done.stdout.splitlines()[-1])
            if "absent" in case:
                without.append(name)
                continue
            cases.append(case)
            click.echo(line(case))
    if out:
        about |= {"versions": versions(), "threads": threads, "seed": seed, "repeat": repeat}
        about |= {"absent": without, "over_the_limit": over, "limit_s": limit}
        out.write_text(json.dumps(about | {"cases": cases}, indent=1) + "\n")


if __name__ == "__main__":
    main()

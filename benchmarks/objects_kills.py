"""Persons out of a folder with one COCO file, killed twice and resumed: the bytes, and the time.

    python benchmarks/objects_kills.py photos256-train-0.tar --silhouettes masks-objects.tar

Silhouettes are laid on photos and written into one COCO file, in turn as polygons, run lengths and
boxes: four images in five have a person, half have a car, which stays. ``inpaint batch --coco
--category person`` fills the folder once without interruption. Then it is killed after a third and
after two thirds of the images (SIGKILL, the second time its workers too) and started a third time,
while another thread reads what is visible in the output folder. Prints JSON; exits 1 if a byte
differs.
"""

from __future__ import annotations

import io
import json
import resource
import shutil
import subprocess
import sys
import tarfile
import time
from pathlib import Path
from typing import Any

import click
import cv2
import numpy as np
from batch_kills import Reader, kill
from mixed import outputs
from PIL import Image

from inpaint.masks import rle

CATEGORIES = [{"id": 1, "name": "person"}, {"id": 2, "name": "car"}]
COMMAND = [sys.executable, "-m", "inpaint", "batch"]


def members(path: Path, limit: int) -> list[Image.Image]:
    """The first images of a tar file."""
    found = []
    with tarfile.open(path) as tar:
        for member in tar:
            stream = tar.extractfile(member) if member.isfile() else None
            if stream is not None and len(found) < limit:
                found.append(Image.open(io.BytesIO(stream.read())))
    return found


def lay(
    image: np.ndarray, silhouette: Image.Image, rng: np.random.Generator, share: float
) -> np.ndarray:
    """Lay a silhouette of one colour on an image, in place; its mask (H, W) of bool."""
    height, width = image.shape[:2]
    scale = share * min(height / silhouette.height, width / silhouette.width)
    size = max(int(silhouette.width * scale), 6), max(int(silhouette.height * scale), 6)
    shape = np.asarray(silhouette.convert("L").resize(size)) > 127
    top = rng.integers(0, height - size[1] + 1)
    left = rng.integers(0, width - size[0] + 1)
    mask = np.zeros((height, width), bool)
    mask[top : top + size[1], left : left + size[0]] = shape
    image[mask] = rng.integers(0, 256, 3)
    return mask


def annotation(mask: np.ndarray, kind: int) -> dict[str, Any]:
    """A mask as COCO has it: polygons (0), run lengths (1), or its box alone (2)."""
    x, y, w, h = cv2.boundingRect(mask.astype(np.uint8))
    entry: dict[str, Any] = {"bbox": [x, y, w, h], "iscrowd": 0}
    if kind == 0:
        found, _ = cv2.findContours(mask.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
        entry["segmentation"] = [c.ravel().tolist() for c in found if len(c) > 2]
    elif kind == 1:
        entry["segmentation"] = {"size": list(mask.shape), "counts": rle.encode(mask)}
    return entry


def make(root: Path, photos: Path, silhouettes: Path, count: int, side: int, seed: int) -> None:
    """Write ``in/`` and ``people.json``."""
    rng = np.random.default_rng(seed)
    shapes = members(silhouettes, 80)
    pictures: list[dict[str, Any]] = []
    notes: list[dict[str, Any]] = []
    for number, photo in enumerate(members(photos, count)):
        photo.thumbnail((2 * side, side))
        image = np.array(photo.convert("RGB"))
        name = f"{'street/' if number % 2 else ''}{number:04}.{'jpg' if number % 3 else 'png'}"
        wanted = [(1, 0.5)] * (number % 5 > 0) + [(2, 0.35)] * (number % 2)
        for category, share in wanted:
            mask = lay(image, shapes[rng.integers(len(shapes))], rng, share)
            where = {"id": len(notes) + 1, "image_id": number, "category_id": category}
            notes.append({**where, **annotation(mask, number % 3)})
        size = {"width": image.shape[1], "height": image.shape[0]}
        pictures.append({"id": number, "file_name": name, **size})
        path = root / "in" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(image).save(path, quality=92)
    data = {"images": pictures, "annotations": notes, "categories": CATEGORIES}
    (root / "people.json").write_text(json.dumps(data), "utf-8")


def seconds() -> float:
    """Processor time of all children that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


@click.command()
@click.argument("photos", type=click.Path(exists=True, path_type=Path))
@click.option("--silhouettes", required=True, type=click.Path(exists=True, path_type=Path))
@click.option("--count", default=300, show_default=True, help="Images.")
@click.option("--side", default=96, show_default=True, help="Their height, at most.")
@click.option("--workers", default=1, show_default=True)
@click.option("--prior", default="auto", show_default=True)
@click.option("--seed", default=0, show_default=True)
@click.option("--folder", default="runs/bench-objects", show_default=True, type=click.Path())
def main(
    photos: Path,
    silhouettes: Path,
    count: int,
    side: int,
    workers: int,
    prior: str,
    seed: int,
    folder: str,
) -> None:
    root = Path(folder)
    shutil.rmtree(root, ignore_errors=True)
    make(root, photos, silhouettes, count, side, seed)
    inputs = outputs(root / "in")
    command = [*COMMAND, str(root / "in"), "--coco", str(root / "people.json"), "--prior", prior]
    command += ["--category", "person", "--workers", str(workers), "--json", "--out"]
    begun, used = time.monotonic(), seconds()
    first = subprocess.run([*command, str(root / "whole")], capture_output=True, check=True)
    whole, whole_used = time.monotonic() - begun, seconds() - used
    reference, out = outputs(root / "whole"), root / "resumed"
    killed = []
    begun = time.monotonic()
    with Reader(out, reference) as reader:
        for turn, enough in enumerate((count // 3, 2 * count // 3)):
            process = subprocess.Popen(
                [*command, str(out)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
            )
            while process.poll() is None and (not out.exists() or len(outputs(out)) < enough):
                time.sleep(0.05)
            if process.poll() is None:
                kill(process, workers=turn == 1)
                killed.append(len(outputs(out)))
        last = subprocess.run([*command, str(out)], capture_output=True, check=False)
    resumed = time.monotonic() - begun
    told, again = json.loads(first.stdout), json.loads(last.stdout)
    report = {
        "images": len(inputs),
        "uninterrupted": {key: told[key] for key in ("done", "copied", "failed")},
        "seconds_uninterrupted": round(whole, 1),
        "processor_seconds_uninterrupted": round(whole_used, 1),
        "killed_at_outputs": killed,
        "last_run": {key: again[key] for key in ("done", "kept", "copied", "failed")},
        "seconds_killed_twice_and_resumed": round(resumed, 1),
        "same_bytes_as_uninterrupted": outputs(out) == reference,
        "partial_or_wrong_files_seen": reader.wrong,
        "inputs_untouched": outputs(root / "in") == inputs,
    }
    print(json.dumps(report, indent=2))
    fine = report["same_bytes_as_uninterrupted"] and report["inputs_untouched"]
    fine = fine and not reader.wrong and len(killed) == 2 and len(reference) == len(inputs)
    sys.exit(0 if fine and not told["failed"] and not again["failed"] else 1)


if __name__ == "__main__":
    main()

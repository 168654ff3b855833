"""Irregular holes of growing size: our default against its own parts and classical methods.

    python benchmarks/large_holes.py PHOTOS.tar MASKS.tar [--photos 20] [--skip 0] [--seed 0]
        [--method NAME]... [--share NAME]... [--size S] [--json FILE] [--sheet FOLDER]

MASKS.tar holds masks of irregular strokes, True = hole, such as the NVIDIA irregular test masks.
For each range of the hole's share of the picture, each photo gets one mask, which is chosen,
mirrored and turned by the seed; above 60 % two masks are joined. The hole is erased before any
method runs. LPIPS compares whole pictures, PSNR the hole alone.
"""

from __future__ import annotations

import json
import statistics
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click
import cv2
import numpy as np
from PIL import Image
from removal import available

from inpaint.evaluate import data
from inpaint.evaluate.method import Method
from inpaint.evaluate.metrics import measure
from inpaint.images import sheet as sheets

SHARES = {
    "0-10": (0.02, 0.10),
    "10-20": (0.10, 0.20),
    "20-30": (0.20, 0.30),
    "30-45": (0.30, 0.45),
    "45-60": (0.45, 0.60),
    "60-75": (0.60, 0.75),
}
METHODS = (
    "telea",
    "patchmatch",
    "auto:stages=poisson",
    "auto",
    "auto:mode=psnr",
)
TRIES = 2000
WORST = 10
ROWS = 8  # photos on a page of a contact sheet


def masks_of(path: Path) -> list[np.ndarray]:
    """All masks of a tar, (H, W) of bool."""
    found = []
    for _, mask in data.iter_images(path):
        if isinstance(mask, np.ndarray):
            found.append(mask[..., 0] >= 128)
    return found


def hole(
    drawn: Sequence[np.ndarray],
    shape: tuple[int, ...],
    share: tuple[float, float],
    generator: np.random.Generator,
) -> np.ndarray:
    """One mask, or two joined above 60 %, that covers a share of the picture within the bounds."""
    for _ in range(TRIES):
        mask = np.zeros(shape, bool)
        for _ in range(2 if share[0] >= 0.6 else 1):
            one = np.rot90(drawn[generator.integers(len(drawn))], generator.integers(4))
            one = one[:, ::-1] if generator.random() < 0.5 else one
            grey = np.ascontiguousarray(one, np.uint8)
            mask |= cv2.resize(grey, shape[::-1], interpolation=cv2.INTER_NEAREST) > 0
        if share[0] <= mask.mean() <= share[1]:
            return mask
    raise click.ClickException(f"no mask of the tar covers {share[0]:.0%} to {share[1]:.0%}")


def summary(rows: list[dict[str, Any]]) -> dict[str, dict[str, dict[str, float]]]:
    """Means by share and method."""
    found: dict[str, dict[str, dict[str, float]]] = {}
    for share in dict.fromkeys(r["share"] for r in rows):
        found[share] = {}
        for label in dict.fromkeys(r["method"] for r in rows):
            own = [r for r in rows if r["method"] == label and r["share"] == share]
            keys = ("lpips", "psnr_hole", "seconds")
            found[share][label] = {k: round(statistics.mean(r[k] for r in own), 4) for k in keys}
            found[share][label]["photos"] = len(own)
    return found


def table(found: dict[str, dict[str, dict[str, float]]]) -> str:
    labels = list(next(iter(found.values())))
    lines = [f"{'LPIPS / hole PSNR':<44}" + "".join(f"{share + ' %':>15}" for share in found)]
    for label in labels:
        cells = (f"{v[label]['lpips']:.4f} / {v[label]['psnr_hole']:5.2f}" for v in found.values())
        lines.append(f"{label:<44}" + "".join(f"{cell:>15}" for cell in cells))
    return "\n".join(lines)


def erased_of(image: np.ndarray, mask: np.ndarray) -> np.ndarray:
    return np.where(mask[..., None], np.uint8(0), image)


def run(name: str, image: np.ndarray, mask: np.ndarray, method: Method) -> tuple[Any, np.ndarray]:
    start = time.process_time()
    filled = method(erased_of(image, mask), mask, 0, case=name)
    seconds = time.process_time() - start
    row = measure(image, filled, mask)
    kept = {key: row[key] for key in ("lpips", "psnr_hole")}
    return {"name": name, "method": method.label, "seconds": seconds, **kept}, filled


@click.command()
@click.argument("photos_tar", type=click.Path(exists=True, path_type=Path))
@click.argument("masks_tar", type=click.Path(exists=True, path_type=Path))
@click.option("--photos", default=20, show_default=True)
@click.option("--skip", default=0, show_default=True, help="Leave out the first photos.")
@click.option("--seed", default=0, show_default=True)
@click.option("--size", type=int, help="Resize the photos to squares of this side first.")
@click.option("--method", "names", multiple=True, default=METHODS, show_default=True)
@click.option("--share", "shares", multiple=True, type=click.Choice(list(SHARES)))
@click.option("--json", "out", type=click.Path(path_type=Path), help="Write rows and means.")
@click.option("--sheet", type=click.Path(path_type=Path), help="Folder for contact sheets.")
def main(
    photos_tar: Path,
    masks_tar: Path,
    photos: int,
    skip: int,
    seed: int,
    size: int | None,
    names: tuple[str, ...],
    shares: tuple[str, ...],
    out: Path | None,
    sheet: Path | None,
) -> None:
    """Measure methods on photos with irregular holes; a table on stdout."""
    cv2.setNumThreads(1)
    chosen, drawn = available(names), masks_of(masks_tar)
    for method in chosen:
        method.prepare()
    rows: list[dict[str, Any]] = []
    pages: dict[str, list[list[sheets.Cell]]] = {share: [] for share in shares or SHARES}
    for index, (name, image) in enumerate(data.iter_images(photos_tar, limit=skip + photos)):
        if index < skip or not isinstance(image, np.ndarray):
            continue
        if size:
            image = cv2.resize(image, (size, size), interpolation=cv2.INTER_AREA)
        for share in pages:
            generator = np.random.default_rng([seed, *share.encode(), *name.encode()])
            mask = hole(drawn, image.shape[:2], SHARES[share], generator)
            cells: list[sheets.Cell] = [
                (name, image),
                (f"{share} %", np.where(mask[..., None], np.uint8(128), image)),
            ]
            for method in chosen:
                row, filled = run(name, image, mask, method)
                rows.append(row | {"share": share})
                text = f"{method.label} {row['lpips']:.3f} {row['psnr_hole']:.1f}"
                cells.append((text, filled))
            pages[share].append(cells)
    found = summary(rows)
    print(table(found))
    last = {
        f"{r['name']} at {r['share']} %": r["lpips"]
        for r in rows
        if r["method"] == chosen[-1].label
    }
    worst = sorted(last, key=lambda name: -last[name])[:WORST]
    print(
        f"worst of {chosen[-1].label}:", *(f"{name} {last[name]:.3f}" for name in worst), sep="\n"
    )
    if out:
        out.write_text(json.dumps({"seed": seed, "means": found, "rows": rows}, indent=1) + "\n")
    if sheet:
        sheet.mkdir(parents=True, exist_ok=True)
        for share, page in pages.items():
            for start in range(0, len(page), ROWS):
                picture = sheets.sheet(page[start : start + ROWS], height=200)
                Image.fromarray(picture).save(sheet / f"{share}-{start // ROWS:02d}.png")


if __name__ == "__main__":
    main()

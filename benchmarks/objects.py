"""Object removal at photo size: our stages against classical and other programs' fills.

    python benchmarks/objects.py PHOTOS.tar MASKS.tar [--photos 120] [--seed 0] [--json FILE]
        [--method NAME]... [--skip N] [--sheet FOLDER]

Each photo gets one silhouette, scaled to 3-10 % of its area and placed by the seed wholly inside.
The hole is erased before any method runs. LPIPS compares whole composites, PSNR the hole alone.
``energy`` and ``seam`` are those of ``benchmarks/seams.py``. A method that is not installed is
named and left out. ``--skip`` leaves the first photos out, for a check on others than those that
were tuned on.
"""

from __future__ import annotations

import json
import statistics
import time
from pathlib import Path
from typing import Any

import click
import cv2
import numpy as np
from PIL import Image
from removal import Case, available, cases
from seams import energy_ratio, seam_ratio

from inpaint.evaluate.method import Method
from inpaint.evaluate.metrics import measure
from inpaint.images import sheet as sheets

METHODS = (
    "telea",
    "ns",
    "biharmonic",
    "gmic",
    "patchmatch",
    "auto:stages=poisson",
    "auto:mode=psnr",
    "auto:stages=poisson+texture",
    "auto",
)
WORST = 10


def run(case: Case, method: Method) -> tuple[dict[str, Any], np.ndarray]:
    erased = case.image.copy()
    erased[case.mask] = 0
    start = time.perf_counter()
    filled = method(erased, case.mask, 0, case=case.name)
    seconds = time.perf_counter() - start
    row = measure(case.image, filled, case.mask)
    facts = {
        "name": case.name,
        "method": method.label,
        "seconds": seconds,
        "energy": energy_ratio(filled, case.mask),
        "seam": seam_ratio(filled, case.mask),
    }
    return facts | {k: row[k] for k in ("mask_ratio", "lpips", "psnr_hole")}, filled


def summary(rows: list[dict[str, Any]]) -> dict[str, dict[str, float]]:
    """Means by method; energy and seam ratios as medians, since a flat ring makes them large."""
    found: dict[str, dict[str, float]] = {}
    for label in dict.fromkeys(r["method"] for r in rows):
        own = [r for r in rows if r["method"] == label]
        mean = {k: statistics.mean(r[k] for r in own) for k in ("lpips", "psnr_hole", "seconds")}
        middle = {k: statistics.median(r[k] for r in own) for k in ("energy", "seam")}
        found[label] = {k: round(v, 4) for k, v in (mean | middle).items()} | {"photos": len(own)}
    return found


def table(found: dict[str, dict[str, float]]) -> str:
    lines = [f"{'method':<32} {'LPIPS':>7} {'PSNR':>6} {'energy':>7} {'seam':>6} {'s':>6}"]
    for label, v in found.items():
        lines.append(
            f"{label:<32} {v['lpips']:7.4f} {v['psnr_hole']:6.2f} {v['energy']:7.2f} "
            f"{v['seam']:6.2f} {v['seconds']:6.2f}"
        )
    return "\n".join(lines)


def outlined(case: Case) -> np.ndarray:
    shown = case.image.copy()
    lines, _ = cv2.findContours(
        case.mask.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE
    )
    cv2.drawContours(shown, lines, -1, (255, 0, 0), 1)
    return shown


@click.command()
@click.argument("photos_tar", type=click.Path(exists=True, path_type=Path))
@click.argument("masks_tar", type=click.Path(exists=True, path_type=Path))
@click.option("--photos", default=120, show_default=True)
@click.option("--skip", default=0, show_default=True)
@click.option("--seed", default=0, show_default=True)
@click.option("--method", "names", multiple=True, default=METHODS, show_default=True)
@click.option("--json", "out", type=click.Path(path_type=Path), help="Write rows and means.")
@click.option("--sheet", type=click.Path(path_type=Path), help="Folder for contact sheets.")
def main(
    photos_tar: Path,
    masks_tar: Path,
    photos: int,
    skip: int,
    seed: int,
    names: tuple[str, ...],
    out: Path | None,
    sheet: Path | None,
) -> None:
    """Measure methods on photos with object-shaped holes; a table on stdout."""
    cv2.setNumThreads(1)
    chosen = available(names)
    for method in chosen:
        method.prepare()
    rows: list[dict[str, Any]] = []
    pictures: dict[str, list[sheets.Cell]] = {}
    for index, case in enumerate(cases(photos_tar, masks_tar, count=photos, seed=seed)):
        if index < skip:
            continue
        cells = [(case.name, outlined(case))]
        for method in chosen:
            row, filled = run(case, method)
            rows.append(row)
            cells.append((f"{method.label} {row['lpips']:.3f} {row['psnr_hole']:.1f}", filled))
        if sheet:
            pictures[case.name] = cells
    found = summary(rows)
    print(table(found))
    last = {r["name"]: r["lpips"] for r in rows if r["method"] == chosen[-1].label}
    worst = sorted(last, key=lambda name: -last[name])
    print(f"worst of {chosen[-1].label}:", *(f"{n} {last[n]:.3f}" for n in worst[:WORST]))
    if out:
        out.write_text(json.dumps({"seed": seed, "means": found, "rows": rows}, indent=1) + "\n")
    if sheet:
        sheet.mkdir(parents=True, exist_ok=True)
        for start in range(0, len(worst), 6):
            page = sheets.sheet([pictures[n] for n in worst[start : start + 6]], height=321)
            Image.fromarray(page).save(sheet / f"{start // 6:02d}.png")


if __name__ == "__main__":
    main()

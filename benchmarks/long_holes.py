"""Seconds, memory and looks of fills of long thin holes in large photos.

    python benchmarks/long_holes.py [--kind ring|frame|wire|scratch]... [--megapixels 12]
        [--mode sharp|psnr] [--sheet FOLDER]

The photo is ``samples/seeding.jpg`` enlarged, with fine noise. ``ring`` are 64 pixels around the
whole picture, as ``inpaint fill --extend 64,64,64,64`` makes them; ``frame`` is a frame 60 pixels
thick within it, ``wire`` a hanging line of 7 pixels across it, ``scratch`` a diagonal one of 9.
``crops`` says in how many pieces the hole was filled. With ``--sheet`` the places where pieces meet
are written side by side at full size, to be looked at.
"""

from __future__ import annotations

import json
import resource
import time
from pathlib import Path

import click
import cv2
import numpy as np
import torch
from photo_cost import enlarged
from PIL import Image

from inpaint import images
from inpaint.pipeline import complete
from inpaint.pipeline.crop import plan_crops

KINDS = ("ring", "frame", "wire", "scratch")
PHOTO = Path(__file__).parents[1] / "samples" / "seeding.jpg"
TILE, TILES = 240, 12


def hole(kind: str, height: int, width: int) -> np.ndarray:
    """The hole of a kind in a picture of this size, (height, width) of bool."""
    mask = np.zeros((height, width), np.uint8)
    if kind == "ring":
        mask[:] = 1
        mask[64:-64, 64:-64] = 0
    elif kind == "frame":
        top, left = height // 5, width // 5
        mask[top:-top, left:-left] = 1
        mask[top + 60 : -top - 60, left + 60 : -left - 60] = 0
    elif kind == "wire":
        x = np.arange(width)
        y = height * (0.12 + 0.05 * np.cosh((x - width / 2) / (width / 2)))
        points = np.stack([x, y], 1).astype(np.int32)
        cv2.polylines(mask, [points], False, 1, thickness=7)
    else:
        start, stop = (width // 10, height // 10), (width - width // 10, height - height // 8)
        cv2.line(mask, start, stop, 1, 9)
    return mask > 0


def meetings(filled: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Tiles around the right ends of pieces, at full size, four in a row."""
    tiles = []
    for crop in plan_crops(mask)[: TILES + 1]:
        rows, columns = np.nonzero(crop.own)
        x = int(columns.max())
        y = int(rows[columns == x].mean())
        top, left = (
            min(max(start + at - TILE // 2, 0), full - TILE)
            for start, at, full in zip(
                (crop.box.y0, crop.box.x0), (y, x), filled.shape[:2], strict=True
            )
        )
        tiles.append(filled[top : top + TILE, left : left + TILE])
    tiles = tiles[: len(tiles) // 4 * 4] or tiles[:1] * 4
    return np.concatenate([np.concatenate(tiles[k : k + 4], 1) for k in range(0, len(tiles), 4)])


@click.command(help=__doc__.partition("\n\n")[0])
@click.option("--kind", "kinds", multiple=True, default=KINDS, type=click.Choice(KINDS))
@click.option("--megapixels", default=12.0, show_default=True, type=click.FloatRange(1, 60))
@click.option("--mode", default="sharp", show_default=True)
@click.option("--sheet", type=click.Path(file_okay=False, path_type=Path))
def main(kinds: tuple[str, ...], megapixels: float, mode: str, sheet: Path | None) -> None:
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    photo = enlarged(PHOTO, megapixels)
    for kind in kinds:
        mask = hole(kind, *photo.shape[:2])
        picture = images.from_array(np.where(mask[..., None], np.uint8(0), photo))
        cpu, wall = time.process_time(), time.perf_counter()
        result = complete(picture, mask, mode=mode, faces=False)
        facts = {"kind": kind, "megapixels": megapixels, "mode": mode, "pixels": int(mask.sum())}
        facts |= {"crops": len(result.reports), "cpu": round(time.process_time() - cpu, 2)}
        facts |= {"wall": round(time.perf_counter() - wall, 2)}
        facts |= {"peak_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024}
        print(json.dumps(facts), flush=True)
        if sheet:
            sheet.mkdir(parents=True, exist_ok=True)
            filled = images.to_array(result.pictures[0], like=photo)
            Image.fromarray(meetings(filled, mask)).save(sheet / f"{kind}.png")


if __name__ == "__main__":
    main()

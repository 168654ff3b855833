"""Faces in photos: how many are found, how many where there is none, and what the fill gains.

    python benchmarks/faces_anywhere.py PORTRAITS.tar PLACES.tar MASKS.tar [--count 40]
        [--skip 0] [--seed 0] [--without FILE.tar]... [--limit N] [--fill] [--sheet FOLDER]
        [--finder FOLDER]

Lays portraits of 100-400 px, turned by up to 15 degrees, with a soft ellipse into places, and
erases 10 to 50 % of each face by a box, half of it, strokes, or a silhouette of MASKS. A face
counts as found when the place is right to 12 % of its side and the size to a quarter.
``--without`` names photos without faces: each gets a silhouette of 3-10 % of its area, then strokes
over 10-15 %. A face that is found there is listed, to be looked at: some photos do show people.
With ``--fill`` also fills the composed photos with and without the search for faces: hole PSNR,
and LPIPS of the face's square.
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Iterator
from itertools import chain
from pathlib import Path

import click
import cv2
import numpy as np
from removal import place

from inpaint import images
from inpaint.evaluate import data, protocols
from inpaint.evaluate.lpips import lpips
from inpaint.evaluate.metrics import psnr_hole
from inpaint.faces import align
from inpaint.faces import find as faces
from inpaint.faces.pose import Pose, share_of_face
from inpaint.images import sheet as sheets
from inpaint.pipeline.choose import coarse_view

SIDES, TURN = (100.0, 400.0), 15.0
COVERED = (0.1, 0.5)


def composed(
    portraits: list[np.ndarray], places: list[np.ndarray], shapes: list[np.ndarray], seed: int
) -> Iterator[tuple[np.ndarray, np.ndarray, Pose]]:
    """Photos (H, W, 3) uint8 with a face, their holes (H, W), and where the face is."""
    for number, portrait in enumerate(portraits):
        rng = np.random.default_rng([seed, number])
        ground = places[(7 * number) % len(places)]
        side = float(np.exp(rng.uniform(*np.log(SIDES))))
        grown = max(1.0, 1.2 * side / min(ground.shape[:2]))
        ground = cv2.resize(ground, None, fx=grown, fy=grown, interpolation=cv2.INTER_CUBIC)
        height, width = ground.shape[:2]
        x, y = (float(rng.uniform(0.45 * side, n - 0.45 * side)) for n in (width, height))
        pose = Pose(x, y, side, float(rng.uniform(-TURN, TURN)))
        photo = laid(ground, portrait, pose)
        while True:
            mask = hole(rng, shapes, (height, width), pose)
            if COVERED[0] <= share_of_face(mask.astype(np.float32), pose) <= COVERED[1]:
                break
        yield photo, mask, pose


def laid(ground: np.ndarray, portrait: np.ndarray, pose: Pose) -> np.ndarray:
    """The portrait in the ground within a soft ellipse."""
    n = portrait.shape[0]
    v, u = (np.mgrid[:n, :n] + 0.5) / n * 2 - 1
    alpha = np.clip((1 - np.hypot(u / 0.9, v / 0.97)) / 0.12, 0, 1).astype(np.float32)
    shape = ground.shape[1::-1]
    while pose.side < 0.7 * n:
        portrait = cv2.resize(portrait, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
        alpha = cv2.resize(alpha, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
        n = portrait.shape[0]
    over = cv2.warpAffine(portrait, pose.matrix(n), shape, flags=cv2.INTER_CUBIC)
    share = cv2.warpAffine(alpha, pose.matrix(n), shape)
    return np.asarray(cv2.blendLinear(over, ground, share, 1 - share))


def hole(
    rng: np.random.Generator, shapes: list[np.ndarray], shape: tuple[int, int], pose: Pose
) -> np.ndarray:
    """A hole (H, W) at a face."""
    mask, side = np.zeros(shape, bool), pose.side
    kind = rng.integers(4)
    if kind == 0:
        w, h = rng.uniform(0.2, 0.5, 2) * side
        x, y = rng.uniform(-0.25, 0.25, 2) * side + (pose.x, pose.y)
        mask[max(0, int(y - h / 2)) : int(y + h / 2), max(0, int(x - w / 2)) : int(x + w / 2)] = 1
    elif kind == 1:
        top, left = (
            int(pose.y - 0.4 * side),
            int(pose.x - (0.4 * side if rng.random() < 0.5 else 0)),
        )
        mask[max(0, top) : int(top + 0.8 * side), max(0, left) : int(left + 0.4 * side)] = 1
    else:
        n = int(side)
        if kind == 2:
            part = protocols.make("bucket:20-40", (256, 256), seed=int(rng.integers(2**31)))
        else:
            part = shapes[int(rng.integers(len(shapes)))] > 127
            n = int(side * rng.uniform(0.4, 1.0))
        part = cv2.resize(part.astype(np.uint8), (n, n), interpolation=cv2.INTER_NEAREST) > 0
        x, y = (int(at - n / 2 + rng.uniform(-0.2, 0.2) * side) for at in (pose.x, pose.y))
        rows, columns = (
            slice(max(0, y), min(shape[0], y + n)),
            slice(max(0, x), min(shape[1], x + n)),
        )
        mask[rows, columns] = part[
            rows.start - y : rows.stop - y, columns.start - x : columns.stop - x
        ]
    return mask


def looked_for(network: faces.Finder, photo: np.ndarray, mask: np.ndarray) -> list[faces.Face]:
    """What may be a face, with its final score, surest first."""
    image = photo / np.float32(255)
    models = coarse_view("portraits64-gaussian"), coarse_view("scenes64-gaussian")
    found = faces.find(network, image, mask, mask)
    return align.confirmed(found, image, mask, *models, least=-20)


def right(found: Pose, true: Pose) -> bool:
    away = math.hypot(found.x - true.x, found.y - true.y) / true.side
    return away < 0.12 and abs(math.log2(found.side / true.side)) < math.log2(1.25)


def outlined(photo: np.ndarray, mask: np.ndarray, poses: list[Pose]) -> np.ndarray:
    """The photo with its hole grey and squares drawn on it."""
    shown = photo.copy()
    shown[mask] = 128
    for pose in poses:
        corners = [pose.inner(Pose(u, v, 1)) for u, v in ((0, 0), (1, 0), (1, 1), (0, 1))]
        points = np.array([[(c.x, c.y) for c in corners]]).round().astype(np.int32)
        cv2.polylines(shown, points, True, (255, 0, 0), 2)
    return shown


def read(path: Path, limit: int | None = None) -> list[np.ndarray]:
    return [x for _, x in data.iter_images(path, limit=limit) if isinstance(x, np.ndarray)]


@click.command()
@click.argument("portraits", type=click.Path(path_type=Path))
@click.argument("places", type=click.Path(path_type=Path))
@click.argument("masks", type=click.Path(path_type=Path))
@click.option("--count", default=40, show_default=True)
@click.option("--skip", default=0, show_default=True, help="Leave the first portraits out.")
@click.option("--seed", default=0, show_default=True)
@click.option("--without", multiple=True, type=click.Path(path_type=Path))
@click.option("--limit", default=200, show_default=True, help="Photos of each such file.")
@click.option("--fill", is_flag=True, help="Also fill the composed photos: minutes.")
@click.option("--sheet", type=click.Path(path_type=Path), help="Folder for contact sheets.")
@click.option("--finder", type=click.Path(path_type=Path), help="Another than the shipped one.")
@click.option("--json", "out", type=click.Path(path_type=Path), help="Write every score.")
def main(
    portraits: Path,
    places: Path,
    masks: Path,
    count: int,
    skip: int,
    seed: int,
    without: tuple[Path, ...],
    limit: int,
    fill: bool,
    sheet: Path | None,
    finder: Path | None,
    out: Path | None,
) -> None:
    """Measure the search for faces."""
    cv2.setNumThreads(1)
    network = faces.load(finder) if finder else faces.finder()
    if network is None:
        raise click.ClickException("no finder is shipped; name one with --finder")
    shapes = [s[..., 0] for s in read(masks)]
    rows, cells, spent, hits = [], [], [], 0
    cases = composed(read(portraits, skip + count)[skip:], read(places), shapes, seed)
    for number, (photo, mask, true) in enumerate(cases):
        started = time.process_time()
        found = looked_for(network, photo, mask)
        spent.append(time.process_time() - started)
        good = [f for f in found if right(f.pose, true)]
        best = good[0].score if good else -math.inf
        hits += best > align.SURE
        row = {"number": number, "side": true.side, "score": best, "seconds": spent[-1]}
        row["hidden"] = share_of_face(mask.astype(np.float32), true)
        row["others"] = [f.score for f in found if f not in good]
        label = f"{number}: {best:.1f}"
        line = [(label, outlined(photo, mask, [f.pose for f in found[:1]]))]
        if fill:
            row |= _filled(photo, mask, true, line)
        rows.append(row)
        cells.append((best, line))
        click.echo(json.dumps({k: v for k, v in row.items() if k != "others"}), err=True)
    click.echo(
        f"found: {hits} of {len(rows)} ({100 * hits / len(rows):.1f} %), {np.median(spent):.2f} s"
    )
    if fill:
        for name in ("with", "without"):
            values = [
                (r[f"psnr_{name}"], r[f"lpips_{name}"]) for r in rows if r["score"] > align.SURE
            ]
            mean = np.mean(values, axis=0)
            click.echo(f"  {name:8} hole PSNR {mean[0]:.2f} dB, LPIPS of the square {mean[1]:.4f}")
    _write(sheet, "found", cells)
    false: dict[str, list[float]] = {}
    for path in without:
        for kind in ("silhouettes", "strokes"):
            scores, cells, spent = [], [], []
            for number, photo in enumerate(read(path, limit)):
                rng = np.random.default_rng([seed, number])
                shape = photo.shape[:2]
                if kind == "strokes":
                    mask = protocols.make("bucket:10-15", shape, seed=int(rng.integers(2**31)))
                else:
                    mask = place(shapes, shape, rng)
                started = time.process_time()
                found = looked_for(network, photo, mask)
                spent.append(time.process_time() - started)
                scores.append(found[0].score if found else -math.inf)
                if scores[-1] > align.SURE - 2:
                    shown = outlined(photo, mask, [found[0].pose])
                    cells.append((scores[-1], [(f"{number}: {scores[-1]:.1f}", shown)]))
            name = f"{path.stem} {kind}"
            false[name] = scores
            many = sum(score > align.SURE for score in scores)
            click.echo(
                f"{name}: {many} of {len(scores)} ({100 * many / len(scores):.1f} %), "
                f"{np.median(spent):.3f} s"
            )
            _write(sheet, name.replace(" ", "-"), cells)
    if out:
        out.write_text(json.dumps({"composed": rows, "without": false}) + "\n")


def _filled(
    photo: np.ndarray, mask: np.ndarray, true: Pose, line: list[sheets.Cell]
) -> dict[str, float]:
    """Figures of the fills with and without faces; both are added to a line of the sheet."""
    from inpaint import complete

    erased = photo.copy()
    erased[mask] = 0
    top, left, bottom, right_ = (int(v) for v in true.box())
    square = slice(max(0, top), bottom), slice(max(0, left), right_)
    row: dict[str, float] = {}
    for name, wanted in (("without", False), ("with", True)):
        started = time.process_time()
        made = complete(images.from_array(erased), mask, faces=wanted).pictures[0].pixels
        row[f"seconds_{name}"] = time.process_time() - started
        row[f"psnr_{name}"] = psnr_hole(photo, made, mask)
        row[f"lpips_{name}"] = lpips(photo[square].copy(), made[square].copy())
        line.append((f"{name} {row[f'lpips_{name}']:.3f}", made))
    line.append(("true", photo))
    return row


def _write(folder: Path | None, name: str, cells: list[tuple[float, list[sheets.Cell]]]) -> None:
    """Sheets of some rows each, the surest first."""
    if not folder or not cells:
        return
    folder.mkdir(parents=True, exist_ok=True)
    lines = [line for _, line in sorted(cells, key=lambda cell: -cell[0])]
    wide = 5 if len(lines[0]) == 1 else 1
    lines = [list(chain(*lines[i : i + wide])) for i in range(0, len(lines), wide)]
    for start in range(0, len(lines), 8):
        page = sheets.sheet(lines[start : start + 8], height=240)
        images.write(folder / f"{name}-{start // 8}.png", images.from_array(page))


if __name__ == "__main__":
    main()

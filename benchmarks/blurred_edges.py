"""Removal of out-of-focus objects whose background is known: the margin by size, and by the edge.

    python benchmarks/blurred_edges.py PHOTOS.tar MASKS.tar [--count 10] [--seed 0] [--sharp]
        [--method auto] [--sheet FILE]

Each object is a silhouette filled with another photo and laid on a photo through an alpha that is
blurred with a Gaussian of 1.5 to 8 pixels, so that the photo below is the truth. The selection is
the silhouette, as a person would draw it along the visible edge. ``before`` grows it by the share
of its size alone, ``after`` by the edge's width too. PSNR is that of the silhouette, and of
the ring between it and 3 sigma outside it; LPIPS that of a crop in which the rest is the truth.
``ghost`` is how much of the object's colours is left in that ring, in per cent: the regression of
what the fill has more than the truth, on what the object has more; chance makes it some per cent
either way.
With ``--sharp`` nothing is blurred, and ``after`` should cost nothing.
"""

from __future__ import annotations

import statistics
from pathlib import Path
from typing import NamedTuple

import click
import cv2
import numpy as np
from PIL import Image
from removal import place

from inpaint import masks
from inpaint.evaluate import data, methods
from inpaint.evaluate.lpips import lpips
from inpaint.evaluate.metrics import psnr_hole
from inpaint.images import sheet as sheets
from inpaint.masks import edge, objects

SIGMAS = (1.5, 8.0)
KINDS = ("before", "after")


class Scene(NamedTuple):
    """``truth`` and ``image`` (H, W, 3) uint8 without and with the object, ``mask`` (H, W) bool.

    ``thing`` (H, W, 3) float32 is the object's own colours, also where it is mixed.
    """

    name: str
    truth: np.ndarray
    image: np.ndarray
    mask: np.ndarray
    sigma: float
    thing: np.ndarray


def scenes(photos: Path, silhouettes: Path, *, count: int, seed: int, sharp: bool) -> list[Scene]:
    shapes = [s[..., 0] for _, s in data.iter_images(silhouettes) if isinstance(s, np.ndarray)]
    found = [(n, p) for n, p in data.iter_images(photos, limit=2 * count)]
    pictures = [(n, p) for n, p in found if isinstance(p, np.ndarray)]
    made = []
    for k in range(min(count, len(pictures) // 2)):
        (name, truth), (_, other) = pictures[k], pictures[-1 - k]
        generator = np.random.default_rng([seed, k])
        mask = place(shapes, truth.shape[:2], generator)
        sigma = 0.0 if sharp else float(np.geomspace(*SIGMAS, count)[k])
        thing = cv2.resize(other, truth.shape[1::-1]).astype(np.float32)
        alpha = mask.astype(np.float32)[..., None]
        if sigma:
            # Defocus blurs the object with its edge, not what lies beside it in the other photo.
            share = cv2.GaussianBlur(alpha, (0, 0), sigma)[..., None]
            thing = cv2.GaussianBlur(thing * alpha, (0, 0), sigma) / np.maximum(share, 1e-3)
            alpha = share
        image = truth + alpha * (thing - truth)
        seen = np.rint(image).clip(0, 255).astype(np.uint8)
        made.append(Scene(name, truth, seen, mask, sigma, thing))
    return made


def box_around(hole: np.ndarray, around: int = 12) -> tuple[slice, slice]:
    """The hole's box with so many pixels around it, at least 64 wide and high."""
    sides = []
    for axis, size in ((1, hole.shape[0]), (0, hole.shape[1])):
        where = np.flatnonzero(hole.any(axis=axis))
        middle, half = (where[0] + where[-1]) // 2, max(np.ptp(where) // 2 + around, 32)
        sides.append(slice(max(int(middle - half), 0), min(int(middle + half), size)))
    return sides[0], sides[1]


def perceived(
    truth: np.ndarray, filled: np.ndarray, where: np.ndarray, window: tuple[slice, slice]
) -> float:
    """LPIPS of a window whose pixels are filled in ``where`` (H, W) and those of the truth else."""
    mixed = np.where(where[..., None], filled, truth)[window]
    return lpips(np.ascontiguousarray(truth[window]), np.ascontiguousarray(mixed))


def ghost(scene: Scene, filled: np.ndarray, ring: np.ndarray) -> float:
    """How much of the object's colours is left in a ring (H, W), in per cent."""
    truth = scene.truth[ring].astype(np.float64)
    more = scene.thing[ring] - truth
    return float(100 * ((filled[ring] - truth) * more).sum() / (more**2).sum())


def line(values: list[float]) -> str:
    """Before and after of each figure."""
    a, b, c, d, e, f, g, h, i, j = values
    return (
        f"{a:5.2f} {b:6.2f} {c:5.2f} {d:6.2f} {e:6.4f} {f:6.4f} {g:6.4f} {h:6.4f} {i:5.1f} {j:6.1f}"
    )


@click.command()
@click.argument("photos_tar", type=click.Path(exists=True, path_type=Path))
@click.argument("masks_tar", type=click.Path(exists=True, path_type=Path))
@click.option("--count", default=10, show_default=True)
@click.option("--seed", default=0, show_default=True)
@click.option("--sharp", is_flag=True, help="Blur nothing.")
@click.option("--method", "label", default="auto", show_default=True)
@click.option("--sheet", type=click.Path(path_type=Path), help="Where to write a contact sheet.")
def main(
    photos_tar: Path,
    masks_tar: Path,
    count: int,
    seed: int,
    sharp: bool,
    label: str,
    sheet: Path | None,
) -> None:
    """Measure removals by both margins; a table on stdout."""
    cv2.setNumThreads(1)
    method = methods.parse(label)
    method.prepare()
    print(
        f"{'photo':<12} {'sigma':>5} {'margin':>6} {'edge':>4} {'left':>9} {'PSNR hole':>12}"
        f" {'PSNR ring':>12} {'LPIPS hole':>13} {'LPIPS ring':>13} {'ghost %':>12}"
    )
    rows: list[list[float]] = []
    pages = []
    for scene in scenes(photos_tar, masks_tar, count=count, seed=seed, sharp=sharp):
        by_size = objects.widen(scene.mask)
        by_edge = objects.widen(scene.mask, image=scene.image)
        ring = masks.grow(scene.mask, max(3 * scene.sigma, 3.0)) & ~scene.mask
        window = box_around(by_edge | ring)
        figures: dict[str, tuple[float, ...]] = {}
        cells = [(f"{scene.name} sigma {scene.sigma:.1f}", scene.image[window])]
        left = []
        for kind, hole in zip(KINDS, (by_size, by_edge), strict=True):
            erased = scene.image.copy()
            erased[hole] = 0
            filled = method(erased, hole, 0, case=scene.name)
            figures[kind] = (
                psnr_hole(scene.truth, filled, scene.mask),
                psnr_hole(scene.truth, filled, ring),
                perceived(scene.truth, filled, scene.mask, window),
                perceived(scene.truth, filled, ring, window),
                ghost(scene, filled, ring),
            )
            left.append("yes" if edge.is_left(scene.image, scene.mask, hole) else "no")
            cells.append((f"{kind} {figures[kind][1]:.1f} dB", filled[window]))
        cells.append(("truth", scene.truth[window]))
        pages.append(cells)
        pairs = list(zip(figures["before"], figures["after"], strict=True))
        rows.append([value for pair in pairs for value in pair])
        print(
            f"{scene.name[:12]:<12} {scene.sigma:5.1f} {objects.margin(scene.mask):6.1f}"
            f" {edge.width(scene.image, scene.mask):4d} {'>'.join(left):>9} {line(rows[-1])}",
            flush=True,
        )
    means = [statistics.mean(column) for column in zip(*rows, strict=True)]
    print(f"{'mean':<12} {'':27} {line(means)}")
    if sheet:
        Image.fromarray(sheets.sheet(pages, height=200)).save(sheet)


if __name__ == "__main__":
    main()

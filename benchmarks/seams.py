"""Whether a fill is as sharp as its surroundings, and whether its border shows.

    python benchmarks/seams.py PHOTOS.tar MASKS.tar [--photos 24] [--seed 0] [--method NAME]...

``energy``: mean squared gradient inside the hole over that in a ring around it, textured photos
only. 1 is as sharp as the surroundings; 0.7-1.3 is the aim.
``seam``: mean absolute gradient across the hole's border over that in bands on either side of it.
1 is no seam.

Pairs of neighbours are counted, not filtered images: a pair lies inside, across or around.
"""

from __future__ import annotations

import statistics
from pathlib import Path

import click
import cv2
import numpy as np
from removal import available, cases

RING = 16
BAND = 4
TEXTURED = 20.0
"""A ring with less mean squared gradient (in 8-bit steps) is smooth: its ratio says nothing."""


def _pairs(image: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the grey steps between 4-neighbours and the labels of both their ends."""
    grey = image.astype(np.float32).mean(2)
    steps = [np.diff(grey, axis=a).ravel() for a in (0, 1)]
    first = [labels[:-1].ravel(), labels[:, :-1].ravel()]
    second = [labels[1:].ravel(), labels[:, 1:].ravel()]
    return np.concatenate(steps), np.concatenate(first), np.concatenate(second)


def _grown(mask: np.ndarray, px: int) -> np.ndarray:
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * px + 1, 2 * px + 1))
    grown: np.ndarray = cv2.dilate(mask.astype(np.uint8), kernel) > 0
    return grown


def energies(image: np.ndarray, mask: np.ndarray) -> tuple[float, float]:
    """Mean squared gradient inside the hole and in the ring of ``RING`` pixels around it.

    ``image`` (H, W, 3) uint8, ``mask`` (H, W) bool. NaN where a part holds no pair.
    """
    labels = np.where(mask, 1, np.where(_grown(mask, RING), 2, 0))
    steps, first, second = _pairs(image, labels)
    parts = [steps[(first == k) & (second == k)] for k in (1, 2)]
    inside, around = (float(np.square(p).mean()) if len(p) else float("nan") for p in parts)
    return inside, around


def energy_ratio(image: np.ndarray, mask: np.ndarray) -> float:
    """Gradient energy inside the hole over that of the ring; about 1 for an unseen fill."""
    inside, around = energies(image, mask)
    return inside / max(around, 1e-6)


def seam_ratio(image: np.ndarray, mask: np.ndarray) -> float:
    """Mean absolute gradient across the border over that within ``BAND`` pixels of it."""
    near = _grown(mask, BAND) & _grown(~mask, BAND)
    labels = np.where(near, np.where(mask, 1, 2), 0)
    steps, first, second = _pairs(image, labels)
    steps, known = np.abs(steps), (first > 0) & (second > 0)
    across = steps[known & (first != second)]
    beside = steps[known & (first == second)]
    if not len(across) or not len(beside):
        return float("nan")
    return float(across.mean()) / max(float(beside.mean()), 1e-6)


@click.command()
@click.argument("photos_tar", type=click.Path(exists=True, path_type=Path))
@click.argument("masks_tar", type=click.Path(exists=True, path_type=Path))
@click.option("--photos", default=24, show_default=True)
@click.option("--seed", default=0, show_default=True)
@click.option(
    "--method",
    "names",
    multiple=True,
    default=("auto:stages=poisson", "auto:stages=poisson+texture"),
    show_default=True,
)
def main(photos_tar: Path, masks_tar: Path, photos: int, seed: int, names: tuple[str, ...]) -> None:
    """Print both ratios by method: median, quartiles, and the share within 0.7-1.3."""
    rows: dict[str, list[tuple[float, float]]] = {"truth": []}
    chosen = available(names)
    for case in cases(photos_tar, masks_tar, count=photos, seed=seed):
        if energies(case.image, case.mask)[1] < TEXTURED:
            continue
        erased = case.image.copy()
        erased[case.mask] = 0
        fills = [("truth", case.image)]
        fills += [(m.label, m(erased, case.mask, 0, case=case.name)) for m in chosen]
        for label, filled in fills:
            ratios = energy_ratio(filled, case.mask), seam_ratio(filled, case.mask)
            rows.setdefault(label, []).append(ratios)
    print(f"{len(rows['truth'])} textured photos of {photos}: quartiles, share within 0.7-1.3")
    for label, found in rows.items():
        for what, values in zip(("energy", "seam"), zip(*found, strict=True), strict=True):
            low, middle, high = statistics.quantiles(values, n=4)
            share = statistics.mean(0.7 <= v <= 1.3 for v in values)
            print(f"{label:<32} {what:<6} {low:5.2f} {middle:5.2f} {high:5.2f} {share:6.0%}")


if __name__ == "__main__":
    main()

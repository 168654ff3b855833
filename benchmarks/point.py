"""How well a click finds an object: made-up scenes whose silhouettes are known.

    python benchmarks/point.py PHOTOS.tar MASKS.tar [--count 40] [--seed 0] [--tree DIR]

Each scene is a photo of 512x512 (enlarged where it is smaller) with a silhouette of 1 to 15 % of
its area on it, its edge blurred by 0.9 pixels. The silhouette is filled with the texture of another
photo: ``piece``, a piece of 48x48 pixels, enlarged to twice that, mirrored and tiled; or ``photo``,
all of it, so that the object has as many parts as a photo and nothing but its outline makes it one.
The click lies at a random pixel that is at least half as deep in the silhouette as its deepest.

Printed for each kind: the median of intersection over union, the share of scenes below 0.3, the
same for the better of the first find and its neighbours in size, and processor seconds a click.
``--tree`` measures the package of another checkout, such as one from before a change.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import click
import cv2
import numpy as np

SIDE = 512
AREA = (0.01, 0.15)
BLUR = 0.9  # pixels
PIECE = 48  # pixels
KINDS = ("piece", "photo")


class Scene(NamedTuple):
    """``image`` (H, W, 3) of uint8, ``mask`` (H, W) of bool, and where the click is."""

    image: np.ndarray
    mask: np.ndarray
    point: tuple[float, float]


def scenes(
    pictures: list[np.ndarray], shapes: list[np.ndarray], kind: str, *, count: int, seed: int
) -> Iterator[Scene]:
    """Make the scenes; each depends on the seed and its number alone."""
    from removal import place

    for k in range(count):
        generator = np.random.default_rng([seed, k])
        a, b = generator.choice(len(pictures), 2, replace=False)
        short = min(pictures[a].shape[:2])
        square = pictures[a][:short, :short]
        ground = cv2.resize(square, (SIDE, SIDE), interpolation=cv2.INTER_CUBIC)
        mask = place(shapes, ground.shape[:2], generator, area=AREA)
        ys, xs = np.nonzero(mask)
        window = slice(ys.min(), ys.max() + 1), slice(xs.min(), xs.max() + 1)
        height, width = ground[window].shape[:2]
        thing = ground.copy()
        if kind == "photo":
            size = width, height
            thing[window] = cv2.resize(pictures[b], size, interpolation=cv2.INTER_AREA)
        else:
            y, x = (int(generator.integers(n - PIECE + 1)) for n in pictures[b].shape[:2])
            piece = pictures[b][y : y + PIECE, x : x + PIECE]
            tile = cv2.resize(piece, None, fx=2, fy=2, interpolation=cv2.INTER_CUBIC)
            tile = np.hstack([tile, tile[:, ::-1]])
            tile = np.vstack([tile, tile[::-1]])
            thing[window] = np.tile(tile, (4, 4, 1))[:height, :width]
        alpha = cv2.GaussianBlur(mask.astype(np.float32), (0, 0), BLUR)[..., None]
        mixed = ground + alpha * (thing.astype(np.float32) - ground)
        depth = cv2.distanceTransform(mask.view(np.uint8), cv2.DIST_L2, 5)
        deep = np.argwhere(depth >= depth.max() / 2)
        y, x = deep[generator.integers(len(deep))]
        image = np.rint(mixed).clip(0, 255).astype(np.uint8)
        yield Scene(image, mask, (float(x) + 0.5, float(y) + 0.5))


def overlap(a: np.ndarray | None, b: np.ndarray) -> float:
    """Intersection over union; 0 where nothing was found."""
    return 0.0 if a is None else float((a & b).sum() / (a | b).sum())


def finders() -> tuple[Callable[..., np.ndarray | None], Callable[..., list[np.ndarray]] | None]:
    """What finds the object, and its neighbours in size where the package knows them."""
    from inpaint.masks import point

    if not hasattr(point, "candidates_at"):
        return point.object_at, None

    def beside(image: np.ndarray, x: float, y: float) -> list[np.ndarray]:
        found = point.candidates_at(image, x, y)
        if found is None:
            return []
        near = found.masks[max(found.best - 1, 0) : found.best + 2]
        return [point.refined(image, mask, x, y) for mask in near]

    return point.object_at, beside


@click.command()
@click.argument("photos", type=click.Path(exists=True, path_type=Path))
@click.argument("silhouettes", type=click.Path(exists=True, path_type=Path))
@click.option("--count", default=40, show_default=True)
@click.option("--seed", default=0, show_default=True)
@click.option("--tree", type=click.Path(exists=True, file_okay=False, path_type=Path))
def main(photos: Path, silhouettes: Path, count: int, seed: int, tree: Path | None) -> None:
    """Measure and print."""
    if tree:
        sys.path.insert(0, str(tree.resolve()))
    from inpaint.evaluate import data

    cv2.setNumThreads(1)
    read = lambda tar: [p for _, p in data.iter_images(tar) if isinstance(p, np.ndarray)]  # noqa: E731
    shapes = [shape[..., 0] for shape in read(silhouettes)]
    pictures = read(photos)
    find, beside = finders()
    for kind in KINDS:
        first, best, spent = [], [], 0.0
        for image, mask, (x, y) in scenes(pictures, shapes, kind, count=count, seed=seed):
            begun = time.process_time()
            found = find(image, x, y)
            spent += time.process_time() - begun
            first.append(overlap(found, mask))
            near = beside(image, x, y) if beside else []
            best.append(max([first[-1], *(overlap(one, mask) for one in near)]))
        columns = [
            f"median {np.median(v):.2f}, below 0.3 {100 * np.mean(np.less(v, 0.3)):.0f} %"
            for v in ([first, best] if beside else [first])
        ]
        one_step = f"; with one step: {columns[1]}" if beside else ""
        click.echo(f"{kind}: {columns[0]}{one_step}; {spent / count:.2f} s a click")


if __name__ == "__main__":
    main()

"""How often ``--prior auto`` takes a picture for a face, or a face for a place.

    python benchmarks/choosing.py FACES.tar PHOTOS.tar [PHOTOS.tar]... [--skip N] [--limit N]
                                  [--mask NAME]... [--restore]

Prints, for each file and mask, how many pictures went to which family, and the numbers of those
that went to the faces though they are none, or the other way round. With ``--restore`` it is
``inpaint restore`` that chooses, for pictures of 64x64 px and each of its tasks.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import click
import cv2
import numpy as np
from restore import grey, noisy, small

from inpaint import images
from inpaint.evaluate import data, protocols
from inpaint.pipeline.choose import choose_prior, sees_whole
from inpaint.restore import restore_picture

FILE = click.Path(exists=True, path_type=Path)
SIDE = 64
# What is done to whole pictures, and how they are to be restored.
TASKS = {
    "denoise 25": (noisy, {"task": "denoise"}),
    "superres x2": (partial(small, scale=2), {"task": "superres", "scale": 2}),
    "superres x4": (partial(small, scale=4), {"task": "superres", "scale": 4}),
    "colorize": (grey, {"task": "colorize"}),
}


def filling(pictures: list[np.ndarray], masks: tuple[str, ...]) -> Iterator[tuple[str, list[bool]]]:
    """By mask, which pictures ``fill`` takes for faces."""
    for name in masks:
        faces = []
        for picture in pictures:
            # The same mask for all of one size: a Gaussian then solves its equations once.
            mask = protocols.make(name, picture.shape[:2], seed=0)
            faces.append(choose_prior(picture.astype(np.float32) / 255, mask, mode="sharp").whole)
        yield name, faces


def restoring(pictures: list[np.ndarray]) -> Iterator[tuple[str, list[bool]]]:
    """By task, which pictures ``restore`` takes for faces."""
    shrunk = [cv2.resize(x, (SIDE, SIDE), interpolation=cv2.INTER_AREA) for x in pictures]
    for name, (spoil, options) in TASKS.items():
        done = [restore_picture(images.from_array(y), **options) for y in spoil(shrunk)]
        yield name, [sees_whole(one.prior) for one in done]


@click.command()
@click.argument("faces", type=FILE)
@click.argument("photos", type=FILE, nargs=-1, required=True)
@click.option("--skip", default=0, help="Leave the first ones out.")
@click.option("--limit", default=10**6, help="Only so many of each.")
@click.option("--mask", "masks", multiple=True, default=("center", "half", "random80"))
@click.option("--restore", is_flag=True, help="Ask `inpaint restore`, without masks.")
def main(
    faces: Path,
    photos: tuple[Path, ...],
    skip: int,
    limit: int,
    masks: tuple[str, ...],
    restore: bool,
) -> None:
    for path in (faces, *photos):
        items = list(data.iter_images(path, limit=min(10**6, skip + limit)))[skip:]
        pictures = [x for _, x in items if isinstance(x, np.ndarray)]
        for name, chosen in restoring(pictures) if restore else filling(pictures, masks):
            wrong = [skip + i for i, face in enumerate(chosen) if face != (path == faces)]
            counts = Counter("face" if face else "place" for face in chosen)
            click.echo(f"{path.name:24} {name:12} {dict(counts)}, wrong: {wrong}")


if __name__ == "__main__":
    main()

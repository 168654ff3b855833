"""How often ``--prior auto`` takes a picture for a face, or a face for a place.

    python benchmarks/choosing.py FACES.tar PHOTOS.tar [PHOTOS.tar]... [--skip N] [--limit N]
                                  [--mask NAME]...

Prints, for each file and mask, how many pictures went to which family, and the numbers of those
that went to the faces though they are none, or the other way round.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import click
import numpy as np

from inpaint.choose import choose
from inpaint.evaluate import data, protocols

FILE = click.Path(exists=True, path_type=Path)


@click.command()
@click.argument("faces", type=FILE)
@click.argument("photos", type=FILE, nargs=-1, required=True)
@click.option("--skip", default=0, help="Leave the first ones out.")
@click.option("--limit", default=10**6, help="Only so many of each.")
@click.option("--mask", "masks", multiple=True, default=("center", "half", "random80"))
def main(faces: Path, photos: tuple[Path, ...], skip: int, limit: int, masks: tuple[str, ...]):
    for path in (faces, *photos):
        items = list(data.iter_images(path, limit=min(10**6, skip + limit)))[skip:]
        pictures = [x.astype(np.float32) / 255 for _, x in items if isinstance(x, np.ndarray)]
        for name in masks:
            chosen = []
            for picture in pictures:
                # The same mask for all of one size: a Gaussian then solves its equations once.
                mask = protocols.make(name, picture.shape[:2], seed=0)
                chosen.append(choose(picture, mask, mode="sharp").whole)
            wrong = [skip + i for i, face in enumerate(chosen) if face != (path == faces)]
            counts = Counter("face" if face else "place" for face in chosen)
            click.echo(f"{path.name:24} {name:10} {dict(counts)}, wrong: {wrong}")


if __name__ == "__main__":
    main()

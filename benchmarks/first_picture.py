"""Processor seconds until a fill can be seen: its first blended picture, its end, other fills.

    python benchmarks/first_picture.py [--mp N]... [--photo FILE]

What the server of the page does after Fill and More, without the page and its waits: from the
marked box until the second stage is shown what the first has made, until the fill is whole, and
until the first and the last of three further candidates are whole. The hole is a box of 6.5 % of
the photo's width; a first fill, which compiles and loads, is not counted. ``web_times.py`` has the
same as a person sees it.
"""

from __future__ import annotations

import io
import json
import time
from pathlib import Path
from typing import Any

import click
from PIL import Image

from inpaint import pipeline
from inpaint.images import Picture
from inpaint.images.decode import decode
from inpaint.web import shapes

ROOT = Path(__file__).parents[1]
LEFT, TOP, WIDE = 0.585, 0.5, 0.065  # the box, relative to width, height and width
FURTHER = 4


def sized(photo: Path, megapixels: float) -> Picture:
    """The photo with so many million pixels, as a JPEG would hold it."""
    image = Image.open(photo).convert("RGB")
    scale = (megapixels * 1e6 / (image.width * image.height)) ** 0.5
    stream = io.BytesIO()
    image.resize((round(image.width * scale), round(image.height * scale))).save(
        stream, "JPEG", quality=93
    )
    return decode(stream.getvalue(), name="the photo", max_pixels=200_000_000)


def timed(picture: Picture, **options: Any) -> tuple[float, list[float], float]:
    """Seconds until the first blended picture, until each candidate, and in all."""
    side = WIDE * picture.width
    box = [LEFT * picture.width, TOP * picture.height, side, side]
    drawn = [{"kind": "box", "box": box}]
    stages: list[tuple[str, float]] = []
    whole: list[float] = []
    began = time.process_time()
    hole = shapes.mask_of(drawn, (picture.height, picture.width))
    hole = shapes.over_edge(hole, drawn, picture)
    pipeline.complete(
        picture,
        hole,
        on_stage=lambda name, patch: stages.append((name, time.process_time() - began)),
        on_candidate=lambda index, made: whole.append(time.process_time() - began),
        **options,
    )
    blended = next(at for name, at in stages if name != stages[0][0])
    return blended, whole, time.process_time() - began


@click.command()
@click.option("--photo", type=click.Path(path_type=Path), default=ROOT / "samples" / "seeding.jpg")
@click.option("--mp", "sizes", type=float, multiple=True, default=(1, 4, 16), show_default=True)
def main(photo: Path, sizes: tuple[float, ...]) -> None:
    """Measure and print a line of JSON for each size."""
    timed(sized(photo, sizes[0]))
    for size in sizes:
        picture = sized(photo, size)
        blended, whole, _ = timed(picture)
        _, further, _ = timed(picture, candidates=FURTHER, first=1)
        row = {
            "megapixels": size,
            "first": blended,
            "final": whole[0],
            "more_first": further[0],
            "more_all": further[-1],
        }
        click.echo(json.dumps({name: round(value, 2) for name, value in row.items()}))


if __name__ == "__main__":
    main()

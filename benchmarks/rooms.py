"""Where the time of a small fill goes: processor milliseconds by room.

    python benchmarks/rooms.py FACES.tar PLACES.tar PHOTOS.tar MASKS.tar [--pictures 16]

Fills faces of 64 pixels, places of 128 and the middle squares of photos at 256, each with a hole
of an object's shape and 5-10 % of the area, in one process and on one thread, after a first fill
that loads all weights. A row is the median over the pictures; ``rest`` is what no room took:
cropping, pasting, reports. Rooms that ran in few of the pictures have a median of 0, so the mean
stands beside it.
"""

from __future__ import annotations

import json
import statistics
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import click
import cv2
import numpy as np
import torch
from removal import place
from speed import resized

from inpaint import images
from inpaint.evaluate import data
from inpaint.pipeline import complete, compose, filler
from inpaint.stages import chain

AREA = (0.05, 0.10)
# Room: what is measured. One that is called inside another counts for itself alone.
ROOMS: dict[str, tuple[Any, str]] = {
    "choose the prior": (compose.priors, "find"),
    "prepare": (compose, "prepare"),
    "specks": (compose, "find_specks"),
    "look for faces": (compose, "fill_faces"),
    "route": (filler.router, "route"),
    "search the prior": (filler, "search"),
}


class Clock:
    """Processor seconds by room, of one fill; a room's own without those inside it."""

    def __init__(self) -> None:
        self.spent: dict[str, float] = defaultdict(float)
        self._inside = [0.0]

    def watched(self, room: str, function: Callable[..., Any]) -> Callable[..., Any]:
        """The function, measured."""

        def call(*given: Any, **named: Any) -> Any:
            start = time.process_time()
            self._inside.append(0.0)
            try:
                return function(*given, **named)
            finally:
                whole = time.process_time() - start
                self.spent[room] += whole - self._inside.pop()
                self._inside[-1] += whole

        return call

    def enter(self) -> None:
        """Put itself around all rooms, for good."""
        for room, (where, name) in ROOMS.items():
            setattr(where, name, self.watched(room, getattr(where, name)))
        run = chain.run

        def stage(name: str, *given: Any) -> Any:
            return self.watched(name, run)(name, *given)

        chain.run = stage


def pictures(tar: Path, silhouettes: Path, side: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield pictures of a side (those of another are made smaller), each with its hole."""
    shapes = [s[..., 0] for _, s in data.iter_images(silhouettes) if isinstance(s, np.ndarray)]
    for name, image in data.iter_images(tar):
        if isinstance(image, np.ndarray):
            if image.shape[:2] != (side, side):
                image = resized(image, str(side))
            generator = np.random.default_rng([0, *name.encode()])
            yield image, place(shapes, image.shape[:2], generator, area=AREA)


def profile(
    tar: Path, silhouettes: Path, side: int, clock: Clock, *, count: int, mode: str
) -> dict[str, tuple[float, float]]:
    """Median and mean milliseconds by room, and of the whole fill."""
    rows: list[dict[str, float]] = []
    for index, (image, mask) in enumerate(islice(pictures(tar, silhouettes, side), count + 1)):
        erased = np.where(mask[..., None], np.uint8(0), image)
        clock.spent.clear()
        start = time.process_time()
        complete(images.from_array(erased), mask, mode=mode)
        whole = time.process_time() - start
        if index:  # the first one loaded the weights
            rest = whole - sum(clock.spent.values())
            rows.append({**clock.spent, "rest": rest, "all": whole})
    rooms = dict.fromkeys(room for row in rows for room in row)
    taken = {room: [1000 * row.get(room, 0.0) for row in rows] for room in rooms}
    return {room: (statistics.median(v), statistics.mean(v)) for room, v in taken.items()}


@click.command()
@click.argument("faces", type=click.Path(exists=True, path_type=Path))
@click.argument("places", type=click.Path(exists=True, path_type=Path))
@click.argument("photos", type=click.Path(exists=True, path_type=Path))
@click.argument("silhouettes", type=click.Path(exists=True, path_type=Path))
@click.option("--pictures", "count", default=16, show_default=True, type=click.IntRange(1))
@click.option("--mode", default="sharp", show_default=True)
def main(faces: Path, places: Path, photos: Path, silhouettes: Path, count: int, mode: str) -> None:
    """Measure the rooms of small fills; one JSON object a line."""
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    clock = Clock()
    clock.enter()
    for name, tar, side in (("face", faces, 64), ("place", places, 128), ("photo", photos, 256)):
        found = profile(tar, silhouettes, side, clock, count=count, mode=mode)
        rooms = {room: [round(v, 1) for v in pair] for room, pair in found.items()}
        print(json.dumps({"picture": name, "side": side, "all": rooms.pop("all"), **rooms}))


if __name__ == "__main__":
    main()

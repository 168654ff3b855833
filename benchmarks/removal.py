"""What measurements of object removal share: photos with holes of an object's shape, and methods.

Each photo gets one silhouette, scaled to 3-10 % of its area and placed by the seed wholly inside.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import click
import cv2
import numpy as np

from inpaint.errors import InpaintError
from inpaint.evaluate import data, methods
from inpaint.evaluate.method import Method

AREA = (0.03, 0.10)


class Case(NamedTuple):
    """One photo (H, W, 3) uint8 and its hole (H, W) bool."""

    name: str
    image: np.ndarray
    mask: np.ndarray


def cases(photos: Path, silhouettes: Path, *, count: int, seed: int) -> Iterator[Case]:
    """Yield photos in their order; a photo's hole depends on its name, its size and the seed."""
    shapes = [s[..., 0] for _, s in data.iter_images(silhouettes) if isinstance(s, np.ndarray)]
    for name, image in data.iter_images(photos, limit=count):
        if isinstance(image, np.ndarray):
            generator = np.random.default_rng([seed, *name.encode()])
            yield Case(name, image, place(shapes, image.shape[:2], generator))


def place(
    shapes: list[np.ndarray],
    shape: tuple[int, ...],
    generator: np.random.Generator,
    *,
    area: tuple[float, float] = AREA,
) -> np.ndarray:
    """Scale a random silhouette to a share of the picture between ``area``; put it inside."""
    while True:
        drawn = shapes[generator.integers(len(shapes))]
        pixels = generator.uniform(*area) * shape[0] * shape[1]
        scale = float(np.sqrt(pixels / np.count_nonzero(drawn)))
        h, w = (max(1, round(side * scale)) for side in drawn.shape)
        if h > shape[0] - 2 or w > shape[1] - 2:
            continue
        grey = cv2.resize(drawn, (w, h), interpolation=cv2.INTER_LINEAR)
        y = generator.integers(1, shape[0] - h)
        x = generator.integers(1, shape[1] - w)
        mask = np.zeros(shape, dtype=bool)
        mask[y : y + h, x : x + w] = grey >= 128
        return mask


def available(names: tuple[str, ...]) -> list[Method]:
    """Return the methods that can run here; say on stderr which cannot."""
    found = []
    for name in names:
        try:
            found.append(methods.parse(name))
        except InpaintError as error:
            click.echo(f"left out: {error}", err=True)
    return found

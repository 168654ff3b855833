"""What the short forms measure on: files of a data folder, or small sets made of ``samples/``."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np

from inpaint.evaluate import protocols

SAMPLES = Path(__file__).parents[1] / "samples"
PHOTOS = ("chelsea.jpg", "coffee.jpg", "rocket.jpg", "seeding.jpg")
FILES = {
    "faces": "faces64-val.tar",
    "scenes": "scenes128-val.tar",
    "photos": "photos-bsds.tar",
    "silhouettes": "masks-objects.tar",
    "strokes": "masks-irregular.tar",
    "train": "faces64-train.tar",
}


def sets(data: Path | None, scratch: Path) -> dict[str, tuple[Path, str]]:
    """Path and name in the table of every set there is, by what it holds.

    A file of ``data`` if it is there, else a folder made of the samples in ``scratch``. There is
    nothing to train on among the samples, so ``train`` may be missing.
    """
    found = {}
    for what, file in FILES.items():
        if data is not None and (data / file).exists():
            found[what] = (data / file, file.removesuffix(".tar"))
        elif what in MAKERS:
            folder = scratch / what
            folder.mkdir(parents=True, exist_ok=True)
            pictures = MAKERS[what]()
            for index, picture in enumerate(pictures):
                cv2.imwrite(str(folder / f"{index:02d}.png"), picture)
            found[what] = (folder, f"samples ({len(pictures)})")
    return found


def read(name: str) -> np.ndarray:
    """A sample, BGR (H, W, 3) uint8."""
    picture = cv2.imread(str(SAMPLES / name))
    assert picture is not None, name
    return picture


def faces() -> list[np.ndarray]:
    """The one aligned face, 64x64."""
    return [cv2.resize(read("face.png"), (64, 64), interpolation=cv2.INTER_AREA)]


def scenes() -> list[np.ndarray]:
    """Left and right centre square of each photo, 128x128."""
    found = []
    for name in PHOTOS:
        picture = read(name)
        side = picture.shape[0] * 3 // 4
        top = (picture.shape[0] - side) // 2
        for left in (0, picture.shape[1] - side):
            square = picture[top : top + side, left : left + side]
            found.append(cv2.resize(square, (128, 128), interpolation=cv2.INTER_AREA))
    return found


def photos() -> list[np.ndarray]:
    """Each photo 481 wide."""
    found = []
    for name in PHOTOS:
        picture = read(name)
        height = round(picture.shape[0] * 481 / picture.shape[1])
        found.append(cv2.resize(picture, (481, height), interpolation=cv2.INTER_AREA))
    return found


def silhouettes() -> list[np.ndarray]:
    """Eight round shapes with bulges, 200x160, white on black."""
    found = []
    angles = np.linspace(0, 2 * np.pi, 90, endpoint=False)
    for seed in range(8):
        rng = np.random.default_rng(seed)
        waves = sum(
            rng.normal(0, 0.25 / k) * np.cos(k * angles + rng.uniform(0, 2 * np.pi))
            for k in range(1, 6)
        )
        radius = 70 * np.clip(1 + waves, 0.3, 1.4)
        points = np.stack([80 + 0.7 * radius * np.cos(angles), 100 + radius * np.sin(angles)], 1)
        drawn = np.zeros((200, 160, 3), np.uint8)
        cv2.fillPoly(drawn, [points.round().astype(np.int32)], (255, 255, 255))
        found.append(drawn)
    return found


def strokes() -> list[np.ndarray]:
    """Twelve masks of irregular strokes over 10 to 50 % of the picture, 128x128, white = hole."""
    drawn = (protocols.make("bucket:10-50", (128, 128), seed=seed) for seed in range(12))
    return [np.repeat(np.uint8(255) * mask[..., None], 3, axis=2) for mask in drawn]


MAKERS: dict[str, Callable[[], list[np.ndarray]]] = {
    "faces": faces,
    "scenes": scenes,
    "photos": photos,
    "silhouettes": silhouettes,
    "strokes": strokes,
}

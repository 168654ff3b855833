"""Training images: folders and tars read in place, decoded once into a memory-mapped cache.

A source is a folder or a tar of images; the folder right above an image names its class. The
cache holds every image once as uint8 (N, S, S, 3); batches are a pure function of (seed, step),
so a resumed run sees exactly what an uninterrupted one would have seen.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import torch
from torch import Tensor

from inpaint.errors import ImageError, OutputError
from inpaint.evaluate.data import SUFFIXES, iter_images

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Images:
    """A decoded set of images.

    Attributes
    ----------
    pixels : ndarray (N, S, S, 3) of uint8
        Memory-mapped, RGB.
    labels : ndarray (N,) of int
        Index into ``classes``.
    classes : tuple of str
        Folder names, sorted; a single ``"."`` when the images lie in no folder.
    skipped : tuple of str
        Names of files that could not be decoded.
    """

    pixels: np.ndarray
    labels: np.ndarray
    classes: tuple[str, ...]
    skipped: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.pixels)

    @property
    def size(self) -> int:
        """Side S of the cached images."""
        return int(self.pixels.shape[1])


def square(image: np.ndarray, size: int) -> np.ndarray:
    """The centre square of an RGB image (H, W, 3), area-averaged: uint8 (size, size, 3)."""
    side = min(image.shape[:2])
    y, x = (image.shape[0] - side) // 2, (image.shape[1] - side) // 2
    cut = np.ascontiguousarray(image[y : y + side, x : x + side])
    if side == size:
        return cut
    how = cv2.INTER_AREA if side > size else cv2.INTER_CUBIC
    return cv2.resize(cut, (size, size), interpolation=how)


def load(sources: Sequence[Path], *, size: int, cache: Path) -> Images:
    """Decode ``sources`` to side ``size``, or map the cache that an earlier call has written.

    The cache's name holds the paths, sizes and times of all files, so changed data is decoded
    anew. Raises ImageError when a source is missing or no image in it can be read, OutputError
    when the cache cannot be written.
    """
    marks = [_mark(source) for source in sources]
    key = hashlib.sha256(json.dumps([marks, size]).encode()).hexdigest()[:16]
    array, table = cache / f"{key}.npy", cache / f"{key}.json"
    if not (array.exists() and table.exists()):
        try:
            cache.mkdir(parents=True, exist_ok=True)
            _fill_cache(sources, size, array, table)
        except OSError as error:
            raise OutputError(
                f"{cache}: decoded images not written ({error.strerror or error}); "
                "free some space or name another --cache"
            ) from error
    facts = json.loads(table.read_text())
    return Images(
        pixels=np.load(array, mmap_mode="r"),
        labels=np.array(facts["labels"], dtype=np.int64),
        classes=tuple(facts["classes"]),
        skipped=tuple(facts["skipped"]),
    )


def _mark(source: Path) -> tuple[str, int | str, int]:
    """What changes whenever the images of ``source`` do; ImageError if it can hold none."""
    iter_images(source)  # looks at the path at once, before anything is written
    if source.is_file():
        stat = source.stat()
        return str(source.resolve()), stat.st_size, stat.st_mtime_ns
    digest, count = hashlib.sha256(), 0
    for path in sorted(source.rglob("*")):
        if path.suffix.lower() in SUFFIXES:
            stat = path.stat() if path.exists() else path.lstat()
            fact = (str(path.relative_to(source)), stat.st_size, stat.st_mtime_ns)
            digest.update(json.dumps(fact).encode())
            count += 1
    if not count:
        known = ", ".join(sorted(SUFFIXES))
        raise ImageError(f"{source}: holds no image; expected files named {known}")
    return str(source.resolve()), digest.hexdigest(), count


def _fill_cache(sources: Sequence[Path], size: int, array: Path, table: Path) -> None:
    """Decode into ``array`` and ``table``; both appear whole, the array last, or not at all."""
    names, skipped = [], []
    raw, whole, facts = (array.with_suffix(f".{os.getpid()}.{s}") for s in ("tmp", "npy", "json"))
    try:
        with raw.open("wb") as stream:
            for source in sources:
                for name, image in iter_images(source):
                    if isinstance(image, ImageError):
                        log.warning("skipped %s", image)
                        skipped.append(name)
                    else:
                        stream.write(square(image, size).tobytes())
                        names.append(Path(name).parent.name or ".")
        if not names:
            given = ", ".join(map(str, sources))
            raise ImageError(f"{given}: no readable image found ({len(skipped)} damaged)")
        np.save(whole, np.memmap(raw, np.uint8, "r", shape=(len(names), size, size, 3)))
        numbers = {name: i for i, name in enumerate(sorted(set(names)))}
        labels = [numbers[name] for name in names]
        text = json.dumps({"classes": list(numbers), "labels": labels, "skipped": skipped})
        facts.write_text(text)
        os.replace(facts, table)
        os.replace(whole, array)
    finally:
        for path in (raw, whole, facts):
            path.unlink(missing_ok=True)


def indices(n: int, batch: int, *, seed: int, step: int) -> np.ndarray:
    """Which images step ``step`` sees: (batch,), epochs reshuffled, nothing left out."""
    at = step * batch
    chosen: list[int] = []
    while len(chosen) < batch:
        epoch, offset = divmod(at + len(chosen), n)
        order = np.random.default_rng([seed, epoch]).permutation(n)
        chosen.extend(order[offset : offset + batch - len(chosen)])
    return np.array(chosen)


def views(
    images: Images, chosen: np.ndarray, size: int, *, seed: int, step: int, min_scale: float = 1.0
) -> Tensor:
    """The ``chosen`` images, each mirrored or not and cut at random: (n, 3, size, size) in [0, 1].

    The cut is a square whose side lies between ``min_scale`` and 1 times the cached side,
    area-averaged to ``size``.
    """
    rng = np.random.default_rng([seed, step, 1])
    out = np.empty((len(chosen), size, size, 3), np.uint8)
    for row, index in enumerate(chosen):
        side = round(images.size * rng.uniform(min_scale, 1.0))
        y, x = rng.integers(0, images.size - side + 1, 2)
        cut = images.pixels[index, y : y + side, x : x + side]
        if side != size:
            how = cv2.INTER_AREA if side > size else cv2.INTER_CUBIC
            cut = cv2.resize(np.ascontiguousarray(cut), (size, size), interpolation=how)
        out[row] = cut[:, ::-1] if rng.random() < 0.5 else cut
    tensor = torch.from_numpy(out).permute(0, 3, 1, 2).float().div_(255)
    return tensor.contiguous(memory_format=torch.channels_last)


def batch(
    images: Images, size: int, n: int, *, seed: int, step: int, min_scale: float = 1.0
) -> tuple[Tensor, Tensor]:
    """Images (n, 3, size, size) in [0, 1] and labels (n,) of one training step."""
    chosen = indices(len(images), n, seed=seed, step=step)
    x = views(images, chosen, size, seed=seed, step=step, min_scale=min_scale)
    return x, torch.from_numpy(images.labels[chosen])

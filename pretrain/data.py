"""Training images: folders and tars read in place, decoded once into a memory-mapped cache.

A source is a folder or a tar of images; the folder right above an image names its class. The
cache holds every image once as uint8 (N, S, S, 3); batches are a pure function of (seed, step),
so a resumed run sees exactly what an uninterrupted one would have seen.
"""

from __future__ import annotations

import hashlib
import io
import json
import logging
import os
import tarfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import torch
from PIL import Image
from torch import Tensor

from inpaint.errors import ImageError

log = logging.getLogger(__name__)
SUFFIXES = {".png", ".jpg", ".jpeg", ".webp", ".bmp", ".tif", ".tiff"}


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


def files(source: Path) -> Iterator[tuple[str, bytes]]:
    """Yield (name, bytes) of the images in a folder (sorted) or a tar (in its order)."""
    if source.is_dir():
        for path in sorted(source.rglob("*")):
            if path.suffix.lower() in SUFFIXES:
                yield str(path.relative_to(source)), path.read_bytes()
        return
    if not source.exists():
        raise ImageError(f"{source}: not found; give a folder or a tar file of images")
    try:
        with tarfile.open(source) as tar:
            for member in tar:
                stream = tar.extractfile(member) if member.isfile() else None
                if stream and Path(member.name).suffix.lower() in SUFFIXES:
                    yield member.name, stream.read()
    except tarfile.TarError as error:
        raise ImageError(f"{source}: not a folder and not a tar file ({error})") from error


def decode(data: bytes, size: int) -> np.ndarray:
    """Decode to RGB uint8 (size, size, 3): centre square, area-averaged."""
    with Image.open(io.BytesIO(data)) as picture:
        pixels = np.asarray(picture.convert("RGB"))
    side = min(pixels.shape[:2])
    y, x = (pixels.shape[0] - side) // 2, (pixels.shape[1] - side) // 2
    square = pixels[y : y + side, x : x + side]
    if side == size:
        return square
    how = cv2.INTER_AREA if side > size else cv2.INTER_CUBIC
    return cv2.resize(square, (size, size), interpolation=how)


def load(sources: Sequence[Path], *, size: int, cache: Path) -> Images:
    """Decode ``sources`` to side ``size``, or map the cache that an earlier call has written.

    The cache's name holds the sources' paths, sizes and times, so changed data is decoded anew.
    Raises ImageError when a source is missing or no image in it can be read.
    """
    marks = [(str(p.resolve()), *_stamp(p)) for p in sources]
    key = hashlib.sha256(json.dumps([marks, size]).encode()).hexdigest()[:16]
    array, table = cache / f"{key}.npy", cache / f"{key}.json"
    if not (array.exists() and table.exists()):
        cache.mkdir(parents=True, exist_ok=True)
        _fill_cache(sources, size, array, table)
    facts = json.loads(table.read_text())
    return Images(
        pixels=np.load(array, mmap_mode="r"),
        labels=np.array(facts["labels"], dtype=np.int64),
        classes=tuple(facts["classes"]),
        skipped=tuple(facts["skipped"]),
    )


def _stamp(path: Path) -> tuple[int, int]:
    if not path.exists():
        raise ImageError(f"{path}: not found; give a folder or a tar file of images")
    stat = path.stat()
    return stat.st_size, stat.st_mtime_ns


def _fill_cache(sources: Sequence[Path], size: int, array: Path, table: Path) -> None:
    names, skipped = [], []
    raw = array.with_suffix(f".{os.getpid()}.tmp")
    with raw.open("wb") as stream:
        for source in sources:
            for name, data in files(source):
                try:
                    stream.write(np.ascontiguousarray(decode(data, size)).tobytes())
                except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
                    log.warning("skipped %s: %s", name, error)
                    skipped.append(name)
                else:
                    names.append(Path(name).parent.name or ".")
    if not names:
        raw.unlink()
        given = ", ".join(map(str, sources))
        raise ImageError(f"{given}: no readable image found ({len(skipped)} damaged)")
    pixels = np.memmap(raw, np.uint8, "r", shape=(len(names), size, size, 3))
    whole = array.with_suffix(f".{os.getpid()}.npy")
    np.save(whole, pixels)
    raw.unlink()
    classes = sorted(set(names))
    labels = [classes.index(n) for n in names]
    table.write_text(json.dumps({"classes": classes, "labels": labels, "skipped": skipped}))
    os.replace(whole, array)


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

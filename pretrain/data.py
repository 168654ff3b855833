"""Training images: folders and tars are read in place and decoded once into a cache.

A source is a folder or a tar of images; the folder right above an image names its class. The cache
is a memory map that holds each image once as uint8 (N, S, S, 3). Batches are a pure function of
(seed, step), so a resumed run sees exactly what an uninterrupted one would have seen.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import BinaryIO

import cv2
import numpy as np
import torch
from torch import Tensor

from inpaint.errors import ImageError, OutputError, reason, remedy
from inpaint.evaluate.data import SUFFIXES, RawItem, decoded, iter_files, survey
from inpaint.system import files
from pretrain import parallel


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
        Names of files that could not be decoded, or have transparent pixels.
    reasons : tuple of str
        The reason for each of them.
    """

    pixels: np.ndarray
    labels: np.ndarray
    classes: tuple[str, ...]
    skipped: tuple[str, ...] = ()
    reasons: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.pixels)

    @property
    def size(self) -> int:
        """Side S of the cached images."""
        return int(self.pixels.shape[1])

    def take(self, chosen: np.ndarray) -> Images:
        """Some of the images, by their numbers (n,) or by (N,) of bool; read into memory."""
        return replace(self, pixels=self.pixels[chosen], labels=self.labels[chosen])


def square(image: np.ndarray, size: int) -> np.ndarray:
    """Return the centre square of an RGB image (H, W, 3), area-averaged: uint8 (size, size, 3)."""
    side = min(image.shape[:2])
    y, x = (image.shape[0] - side) // 2, (image.shape[1] - side) // 2
    cut = np.ascontiguousarray(image[y : y + side, x : x + side])
    if side == size:
        return cut
    how = cv2.INTER_AREA if side > size else cv2.INTER_CUBIC
    return cv2.resize(cut, (size, size), interpolation=how)


def load(sources: Sequence[Path], *, size: int, cache: Path, workers: int | None = None) -> Images:
    """Decode ``sources`` to side ``size``, or map the cache that an earlier call has written.

    ``workers`` images are decoded at a time, by default as many as there are processors. They are
    threads, since the decoders release Python's lock. The cache is the same for any number. Its
    name holds the paths, sizes and times of all files, so changed data is decoded anew. Raises
    ImageError when a source is missing or no image in it can be read, OutputError when the cache
    cannot be written.
    """
    marks = [_mark(source) for source in sources]
    key = hashlib.sha256(json.dumps([marks, size]).encode()).hexdigest()[:16]
    array, table = cache / f"{key}.npy", cache / f"{key}.json"
    if not (array.is_file() and table.is_file()):
        try:
            cache.mkdir(parents=True, exist_ok=True)
            _fill_cache(sources, size, array, table, workers or os.cpu_count() or 1)
        except OSError as error:
            raise OutputError(
                f"{cache}: decoded images not written ({reason(error)}); "
                f"{remedy(error, 'free some space or name another --cache')}"
            ) from error
    facts = json.loads(files.read_text(table))
    return Images(
        pixels=np.load(array, mmap_mode="r"),
        labels=np.array(facts["labels"], dtype=np.int64),
        classes=tuple(facts["classes"]),
        skipped=tuple(facts["skipped"]),
        reasons=tuple(facts.get("reasons", facts["skipped"])),  # older caches hold names alone
    )


def _mark(source: Path) -> tuple[str, int | str, int]:
    """Return a value that changes when the images of ``source`` do; ImageError if it has none."""
    iter_files(source)  # raises for a wrong path at once, before anything is written
    if source.is_file():
        stat = source.stat()
        return str(source.resolve()), stat.st_size, stat.st_mtime_ns
    digest, found = hashlib.sha256(), survey(source)
    if not found.names:
        known = ", ".join(sorted(SUFFIXES))
        wrong = "".join(f"; {name!r} {told}" for name, told in list(found.problems.items())[:1])
        raise ImageError(f"{source}: holds no image; expected files named {known}{wrong}")
    for name in sorted(found.names, key=lambda name: PurePosixPath(name).parts):
        path = source / name
        stat = path.stat() if path.exists() else path.lstat()
        digest.update(json.dumps((name, stat.st_size, stat.st_mtime_ns)).encode())
    return str(source.resolve()), digest.hexdigest(), len(found.names)


def _fill_cache(sources: Sequence[Path], size: int, array: Path, table: Path, workers: int) -> None:
    """Decode into ``array`` and ``table``; both appear whole, the array last, or not at all."""
    names, skipped, reasons = [], [], []
    whole, facts = (array.with_suffix(f".{os.getpid()}.{s}") for s in ("npy", "json"))

    def cut(item: RawItem) -> tuple[str, bytes | ImageError]:
        name, image = decoded(item)
        return name, image if isinstance(image, ImageError) else square(image, size).tobytes()

    try:
        with whole.open("wb") as stream:
            start = _header(stream, 0, size)
            for source in sources:
                for name, image in _ahead(cut, iter_files(source), workers):
                    if isinstance(image, ImageError):
                        skipped.append(name)
                        reasons.append(str(image))
                    else:
                        stream.write(image)
                        names.append(Path(name).parent.name or ".")
            stream.seek(0)
            if _header(stream, len(names), size) != start:
                raise OSError("the header of the cache has grown")
        if not names:
            given = ", ".join(map(str, sources))
            first = f"; the first: {reasons[0]}" if reasons else ""
            raise ImageError(f"{given}: none of {len(skipped)} images can be used{first}")
        numbers = {name: i for i, name in enumerate(sorted(set(names)))}
        labels = [numbers[name] for name in names]
        told = {"skipped": skipped, "reasons": reasons}
        text = json.dumps({"classes": list(numbers), "labels": labels, **told})
        facts.write_text(text)
        os.replace(facts, table)
        os.replace(whole, array)
    finally:
        for path in (whole, facts):
            path.unlink(missing_ok=True)


def _header(stream: BinaryIO, count: int, size: int) -> int:
    """Begin an .npy file; numpy leaves room in it for a longer first axis."""
    shape = (count, size, size, 3)
    facts = {"descr": "|u1", "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_1_0(stream, facts)
    return stream.tell()


def _ahead(
    work: Callable[[RawItem], tuple[str, bytes | ImageError]],
    items: Iterable[RawItem],
    workers: int,
) -> Iterator[tuple[str, bytes | ImageError]]:
    """Yield ``map(work, items)`` in order, working a few items ahead in little memory."""
    if workers == 1:
        yield from map(work, items)
        return
    waiting: deque[Future[tuple[str, bytes | ImageError]]] = deque()
    with ThreadPoolExecutor(workers) as pool:
        for item in items:
            waiting.append(pool.submit(work, item))
            if len(waiting) > 4 * workers:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()


def indices(n: int, batch: int, *, seed: int, step: int) -> np.ndarray:
    """Return the images (batch,) of a step; each epoch is reshuffled and leaves none out."""
    at = step * batch
    chosen: list[int] = []
    while len(chosen) < batch:
        epoch, offset = divmod(at + len(chosen), n)
        order = np.random.default_rng([seed, epoch]).permutation(n)
        chosen.extend(order[offset : offset + batch - len(chosen)])
    return np.array(chosen)


def views(
    images: Images,
    chosen: np.ndarray,
    size: int,
    *,
    seed: int,
    step: int,
    min_scale: float = 1.0,
    mirror: bool = True,
    part: slice = slice(None),
) -> Tensor:
    """Return images, each mirrored or not and cut at random: (n, 3, size, size) in [0, 1].

    The cut is a square whose side lies between ``min_scale`` and 1 times the cached side,
    area-averaged to ``size``. Only the rows ``part`` of the chosen ones are made, as if all were.
    """
    rng = np.random.default_rng([seed, step, 1])
    drawn = []
    for index in chosen:
        side = round(images.size * rng.uniform(min_scale, 1.0))
        y, x = rng.integers(0, images.size - side + 1, 2)
        drawn.append((index, side, y, x, rng.random() < 0.5 and mirror))
    drawn = drawn[part]
    out = np.empty((len(drawn), size, size, 3), np.uint8)
    for row, (index, side, y, x, turned) in enumerate(drawn):
        cut = images.pixels[index, y : y + side, x : x + side]
        if side != size:
            how = cv2.INTER_AREA if side > size else cv2.INTER_CUBIC
            cut = cv2.resize(np.ascontiguousarray(cut), (size, size), interpolation=how)
        out[row] = cut[:, ::-1] if turned else cut
    tensor = torch.from_numpy(out).permute(0, 3, 1, 2).float().div_(255)
    return tensor.contiguous(memory_format=torch.channels_last)


def batch(
    images: Images,
    size: int,
    n: int,
    *,
    seed: int,
    step: int,
    min_scale: float = 1.0,
    mirror: bool = True,
) -> tuple[Tensor, Tensor]:
    """Return images (n, 3, size, size) in [0, 1] and labels (n,) of one training step.

    With W processes, each gets n / W of them.
    """
    count = parallel.share(n)
    part = slice(parallel.rank() * count, (parallel.rank() + 1) * count)
    chosen = indices(len(images), n, seed=seed, step=step)
    x = views(
        images, chosen, size, seed=seed, step=step, min_scale=min_scale, mirror=mirror, part=part
    )
    return x, torch.from_numpy(images.labels[chosen[part]])

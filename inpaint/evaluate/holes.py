"""Where the masks of an evaluation come from: a protocol's name, or a folder or tar of files."""

from __future__ import annotations

import os
import tarfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import numpy as np

from inpaint import images, masks
from inpaint.errors import MaskError, UnknownNameError
from inpaint.evaluate import protocols
from inpaint.evaluate.data import SUFFIXES


@dataclass(frozen=True)
class Holes:
    """A named set of masks.

    Attributes
    ----------
    name : str
        Name of the protocol, folder or tar, as every table shows it.
    draw : callable
        ``draw(image_name, shape, seed)`` -> (H, W) bool, True = hole; raises MaskError or
        ImageError for an image that has none or one of another size.
    """

    name: str
    draw: Callable[[str, tuple[int, int], int], np.ndarray]


def parse(text: str) -> Holes:
    """Return the protocol of this name, else the masks of this folder or tar file.

    Raises
    ------
    UnknownNameError
        If it is neither.
    """
    if protocols.known(text):
        return Holes(text, lambda name, shape, seed: protocols.make(text, shape, seed))
    path = Path(text).expanduser()
    if path.is_dir():
        return Holes(path.resolve().name, _from_folder(path))
    if path.is_file() and tarfile.is_tarfile(path):
        return Holes(path.name.partition(".")[0], _from_tar(path))
    raise UnknownNameError("mask protocol, or folder or tar of masks", text, protocols.names())


def parse_all(texts: Iterable[str]) -> list[Holes]:
    """Parse several, each "a,b" list split at its commas, in order and once each.

    Raises
    ------
    MaskError
        If two folders have the same name, since tables could not tell them apart.
    """
    names = [n for t in texts for n in ([t] if Path(t).exists() else t.split(","))]
    found = [parse(n) for n in dict.fromkeys(n.strip() for n in names) if n]
    labels = [h.name for h in found]
    for label in labels:
        if labels.count(label) > 1:
            raise MaskError(f"two sets of masks are called {label!r}; rename one of the folders")
    return found


def _from_folder(root: Path) -> Callable[[str, tuple[int, int], int], np.ndarray]:
    files = []
    for place, folders, names in os.walk(root):
        folders[:] = [f for f in folders if not f.startswith(".")]
        files += [(Path(place) / n).relative_to(root).as_posix() for n in names]
    pick = _picker(files, root)
    return lambda name, shape, seed: masks.load(root / pick(name), shape=shape)


def _from_tar(path: Path) -> Callable[[str, tuple[int, int], int], np.ndarray]:
    tar = tarfile.open(path)  # noqa: SIM115, read from as long as the masks are used
    members = {m.name: m for m in tar if m.isfile()}
    pick = _picker(members, path)

    def draw(name: str, shape: tuple[int, int], seed: int) -> np.ndarray:
        found = pick(name)
        where = f"{found!r} in {path}"
        file = tar.extractfile(members[found])
        mask = masks.from_picture(images.from_bytes(file.read() if file else b"", name=where))
        try:
            masks.check(mask, shape)
        except MaskError as error:
            raise MaskError(f"{where}: {error}") from None
        return mask

    return draw


def _picker(files: Iterable[str], where: Path) -> Callable[[str], str]:
    """Return a function from an image's name to the one file that is its mask.

    A file with the same subfolder and stem comes first, then one with the stem in any folder,
    also with the ending that many programs add to it.
    """
    by_path: dict[str, list[str]] = {}
    by_stem: dict[str, list[str]] = {}
    for file in sorted(files):
        path = PurePosixPath(file)
        if path.suffix.lower() in SUFFIXES and not path.name.startswith("."):
            by_path.setdefault(_bare(file), []).append(file)
            by_stem.setdefault(path.stem, []).append(file)

    def pick(name: str) -> str:
        stem = PurePosixPath(name).stem
        places = ((by_path, _bare(name)), (by_stem, stem), (by_stem, f"{stem}_mask"))
        found = next((index[key] for index, key in places if key in index), [])
        if len(found) > 1:
            raise MaskError(f"{where} has {', '.join(found)} for {name}; keep one of them")
        if not found:
            raise MaskError(f"{where} has no mask for {name}; add {stem}.png")
        return found[0]

    return pick


def _bare(file: str) -> str:
    return PurePosixPath(file).with_suffix("").as_posix()

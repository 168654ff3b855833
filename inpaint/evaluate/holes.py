"""Where the masks of an evaluation come from: a protocol, the files of a folder or tar, or one."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import numpy as np

from inpaint import images, masks
from inpaint.errors import MaskError, UnknownNameError
from inpaint.evaluate import protocols
from inpaint.evaluate.data import is_tar, opened_tar, survey
from inpaint.images.walk import is_image, join, walk
from inpaint.masks import labels as label_maps
from inpaint.masks.pairing import match_trees


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
    root : Path or None
        The folder that holds the masks, where they come from one.
    """

    name: str
    draw: Callable[[str, tuple[int, int], int], np.ndarray]
    root: Path | None = None


def parse(text: str, *, images: str | Path | None = None, labels: str | None = None) -> Holes:
    """Return the protocol of this name, else the masks of this folder or tar, or one mask for all.

    Parameters
    ----------
    text : str
        Name or path.
    images : path, optional
        Folder or tar of the images. The same one for masks that lie beside their images.
    labels : str, optional
        What of mask files that are label maps is the hole, see ``masks.load``.

    Raises
    ------
    UnknownNameError
        If it is none of these.
    SelectionError
        If ``labels`` cannot be understood.
    """
    if labels is not None:
        label_maps.parse(labels)  # once, and not for every image
    if protocols.known(text):
        return Holes(text, lambda name, shape, seed: protocols.make(text, shape, seed))
    path = Path(text).expanduser()
    if path.is_dir():
        files = [join(p, n) for p, found in walk(path) for n in found.files if is_image(n)]
        draw = _from_folder(path, _picker(files, path, images), labels)
        return Holes(path.resolve().name, draw, path.resolve())
    if path.is_file() and is_tar(path):
        return Holes(path.name.partition(".")[0], _from_tar(path, images, labels))
    if path.is_file() and is_image(path.name):
        return Holes(
            path.stem, lambda name, shape, seed: masks.load(path, shape=shape, labels=labels)
        )
    raise UnknownNameError(
        "mask protocol, or folder or tar of masks, or mask", text, protocols.names()
    )


def parse_all(
    texts: Iterable[str], *, images: str | Path | None = None, labels: str | None = None
) -> list[Holes]:
    """Parse several, each "a,b" list split at its commas, in order and once each.

    Raises
    ------
    MaskError
        If two folders have the same name, since tables could not tell them apart.
    """
    names = [n for t in texts for n in ([t] if Path(t).exists() else t.split(","))]
    once = dict.fromkeys(name.strip() for name in names)
    found = [parse(name, images=images, labels=labels) for name in once if name]
    called = [h.name for h in found]
    for name in called:
        if called.count(name) > 1:
            raise MaskError(f"two sets of masks are called {name!r}; rename one of the folders")
    return found


def roots(sets: Iterable[Holes]) -> list[Path]:
    """The folders of masks, which hold no images to measure."""
    return [holes.root for holes in sets if holes.root is not None]


def _from_folder(
    root: Path, pick: Callable[[str], str], labels: str | None
) -> Callable[[str, tuple[int, int], int], np.ndarray]:
    return lambda name, shape, seed: masks.load(root / pick(name), shape=shape, labels=labels)


def _from_tar(
    path: Path, beside: str | Path | None, labels: str | None
) -> Callable[[str, tuple[int, int], int], np.ndarray]:
    tar = opened_tar(path)  # read from as long as the masks are used
    members = {PurePosixPath(m.name).as_posix(): m for m in tar if m.isfile() and is_image(m.name)}
    pick = _picker(members, path, beside)

    def draw(name: str, shape: tuple[int, int], seed: int) -> np.ndarray:
        found = pick(name)
        where = f"{found!r} in {path}"
        file = tar.extractfile(members[found])
        picture = images.from_bytes(file.read() if file else b"", name=where)
        try:
            mask = masks.from_picture(picture, labels=labels)
            masks.check(mask, shape)
        except MaskError as error:
            raise MaskError(f"{where}: {error}") from None
        return mask

    return draw


def _picker(files: Iterable[str], where: Path, beside: str | Path | None) -> Callable[[str], str]:
    """Return a function from an image's name to the one file that is its mask.

    All images are paired at once where they are known, so that a mask which two of them could
    have is an error for both; see ``pairing.match_trees``.
    """
    files = [f for f in files if not any(part.startswith(".") for part in f.split("/"))]
    shared = beside is not None and Path(beside).resolve() == where.resolve()
    pairs: dict[str, str] = {}
    errors: dict[str, str] = {}
    if beside is not None and Path(beside).exists():
        found = survey(beside, skip=() if shared else (where,))
        known = [*found.names, *found.masks] if shared else found.names
        pairs, errors = match_trees(known, files, shared=shared)

    def pick(name: str) -> str:
        if name not in pairs and name not in errors:
            own, wrong = match_trees([name], files, shared=shared)
            pairs.update(own)
            errors.update(wrong)
        if name in pairs:
            return pairs[name]
        raise MaskError(f"{where}: {name} {errors[name]}")

    return pick

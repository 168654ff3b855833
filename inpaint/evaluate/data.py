"""Images to measure on, one by one, from a folder or straight from a tar file.

Which files those are is decided as ``inpaint batch`` does it: linked folders are followed, formats
that cannot be read come as failures, and masks that lie beside their images are left out.
"""

from __future__ import annotations

import itertools
import lzma
import tarfile
import weakref
import zlib
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import numpy as np

from inpaint import images
from inpaint.errors import ImageError, reason, remedy
from inpaint.images.walk import KINDS, NOT_LISTED, is_image, join, walk
from inpaint.masks.pairing import mask_of, split
from inpaint.system import files

SUFFIXES = frozenset(KINDS)

Item = tuple[str, "np.ndarray | ImageError"]
RawItem = tuple[str, "bytes | ImageError"]


@dataclass(frozen=True)
class Survey:
    """What lies below a folder or in a tar, by names alone.

    Attributes
    ----------
    names : list of str
        Images, formats that cannot be read among them; sorted for a folder, in its order for a tar.
    masks : list of str
        Masks that lie beside their images, and are left out.
    problems : dict
        What is wrong with folders and links, by their paths.
    """

    names: list[str]
    masks: list[str]
    problems: dict[str, str]


def survey(path: str | Path, *, skip: Iterable[Path] = ()) -> Survey:
    """Look at the names in a folder or tar; see ``iter_images`` for the parameters.

    Raises
    ------
    ImageError
        If the path is missing or neither a folder nor a tar.
    """
    path = Path(path)
    _check(path)
    if path.is_dir():
        return _survey_folder(path, frozenset(one.resolve() for one in skip))
    names, masks = _split(_tar_names(path))
    return Survey(names, masks, {})


def iter_images(
    path: str | Path, *, limit: int | None = None, skip: Iterable[Path] = ()
) -> Iterator[Item]:
    """Yield the images of a folder (with its subfolders, sorted) or of a tar file (in its order).

    Only one image is in memory at a time; a tar is read in place, compressed or not. Hidden files
    and files without an image's suffix are passed over; ``survey`` names the masks beside images
    that are left out.

    Parameters
    ----------
    path : path
        Folder or tar file.
    limit : int, optional
        Stop after this many files, damaged ones included, so that repairing a file changes no
        other row.
    skip : iterable of Path
        Folders to leave out, such as one with the masks.

    Yields
    ------
    name : str
        Path below the folder or inside the tar, with forward slashes. It seeds the mask.
    image : ndarray (H, W, 3) of uint8, RGB; or ImageError
        For a file that cannot be read its error is yielded, so that only its own row is lost.

    Raises
    ------
    ImageError
        At once, if the path itself is missing or is neither a folder nor a tar file.
    """
    # Apart from decoding, so that a missing path raises at once.
    found = iter_files(path, skip=skip)
    return itertools.islice(map(decoded, found), limit)


def iter_files(path: str | Path, *, skip: Iterable[Path] = ()) -> Iterator[RawItem]:
    """Yield what ``iter_images`` does, with the files' bytes not yet decoded.

    Raises ImageError at once for a path that is missing or neither folder nor tar.
    """
    path = Path(path)
    _check(path)
    if path.is_dir():
        return _from_folder(path, frozenset(one.resolve() for one in skip))
    return _from_tar(path)


def _check(path: Path) -> None:
    if path.is_dir():
        return
    if not path.exists():
        raise ImageError(f"{path} does not exist; give a folder or a tar file of images")
    with opened_tar(path):
        pass


def decoded(item: RawItem) -> Item:
    """Decode what ``iter_files`` yields to RGB (H, W, 3) of uint8; an error stays one.

    An image with pixels below its highest alpha is an ImageError: their colours are unknown, so
    that nothing can be measured against them or learned from them.
    """
    name, content = item
    if isinstance(content, ImageError):
        return name, content
    try:
        picture = images.from_bytes(content, name=repr(name))
        if unseen := int(picture.unseen.sum()):
            raise ImageError(
                f"{name!r} has {unseen} transparent pixels, whose colours are unknown; fill them "
                "first (inpaint fill IMAGE --mask alpha), or save it without alpha"
            )
        return name, images.rgb8(picture)
    except ImageError as exc:
        return name, exc


def _survey_folder(folder: Path, skip: frozenset[Path]) -> Survey:
    found = Survey([], [], {})
    for place, listing in walk(folder, skip=skip):
        names, masks = split([name for name in listing.files if is_image(name)])
        found.names.extend(join(place, name) for name in names)
        found.masks.extend(join(place, name) for name in masks)
        found.problems.update(listing.problems)
    found.names.sort()
    return found


def _from_folder(folder: Path, skip: frozenset[Path]) -> Iterator[RawItem]:
    found = _survey_folder(folder, skip)
    for name in sorted({*found.names, *found.problems}):
        if name in found.problems:
            problem = found.problems[name]
            own = problem.startswith(NOT_LISTED)
            yield name, ImageError(problem if own else f"{str(folder / name)!r} {problem}")
            continue
        try:
            yield name, files.read_bytes(folder / name)
        except (OSError, MemoryError) as exc:
            advice = remedy(exc, "check the file")
            yield name, ImageError(f"{name!r} cannot be read ({reason(exc)}); {advice}")


def opened_tar(path: Path) -> tarfile.TarFile:
    """Open a tar file, compressed or not; a pipe or device in its place is never waited for.

    Raises
    ------
    ImageError
        If it cannot be read, or is no tar file.
    """
    try:
        file = files.opened(path)
    except OSError as exc:
        raise ImageError(
            f"{path} cannot be read ({reason(exc)}); give a folder or a tar file of images"
        ) from exc
    try:
        tar = tarfile.open(fileobj=file)  # noqa: SIM115, the caller closes it
    except (tarfile.TarError, EOFError, OSError, zlib.error, lzma.LZMAError) as exc:
        file.close()
        raise ImageError(f"{path} is neither a folder nor a tar file of images") from exc
    weakref.finalize(tar, file.close)  # a tar does not close what it was given open
    return tar


def is_tar(path: Path) -> bool:
    """Whether there is a tar file."""
    try:
        opened_tar(path).close()
    except ImageError:
        return False
    return True


def _from_tar(path: Path) -> Iterator[RawItem]:
    masks: frozenset[str] | None = None
    with opened_tar(path) as tar:
        try:
            for member in tar:
                name = _member_name(member)
                if name is None:
                    continue
                if mask_of(name):
                    if masks is None:  # all names at once, only where one may be a mask
                        masks = frozenset(_split(_tar_names(path))[1])
                    if name in masks:
                        continue
                file = tar.extractfile(member)
                try:
                    yield name, file.read() if file else b""
                except OSError as exc:
                    yield name, ImageError(f"{name!r} in {path} cannot be read ({reason(exc)})")
        except (tarfile.TarError, EOFError, zlib.error) as exc:
            yield path.name, ImageError(f"{path} breaks off here: {exc}; copy it again")


def _member_name(member: tarfile.TarInfo) -> str | None:
    """The name of a tar's image, without a leading "./"; None for anything else."""
    name = PurePosixPath(member.name)
    hidden = any(part.startswith(".") for part in name.parts)
    return name.as_posix() if member.isfile() and is_image(name.name) and not hidden else None


def _tar_names(path: Path) -> list[str]:
    """The images and masks in a tar, as far as it can be read."""
    names: list[str] = []
    with opened_tar(path) as tar, suppress(tarfile.TarError, EOFError, zlib.error):
        names.extend(filter(None, map(_member_name, tar)))  # reading says where it breaks off
    return names


def _split(paths: list[str]) -> tuple[list[str], list[str]]:
    """Images and masks beside them, among paths of many folders; both in their order."""
    folders: dict[str, list[str]] = {}
    for path in paths:
        place, _, name = path.rpartition("/")
        folders.setdefault(place, []).append(name)
    masks = {join(place, name) for place, names in folders.items() for name in split(names)[1]}
    return [p for p in paths if p not in masks], [p for p in paths if p in masks]

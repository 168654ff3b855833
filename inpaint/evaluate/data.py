"""Images to measure on, one by one, from a folder or straight from a tar file."""

from __future__ import annotations

import itertools
import os
import tarfile
import zlib
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

import numpy as np

from inpaint import images
from inpaint.errors import ImageError

SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".webp", ".bmp", ".tif", ".tiff"})

Item = tuple[str, "np.ndarray | ImageError"]
RawItem = tuple[str, "bytes | ImageError"]


def iter_images(path: str | Path, *, limit: int | None = None) -> Iterator[Item]:
    """Yield the images of a folder (with its subfolders, sorted) or of a tar file (in its order).

    Only one image is in memory at a time; a tar is read in place, compressed or not. Hidden files,
    linked folders and files without an image's suffix are passed over.

    Parameters
    ----------
    path : path
        Folder or tar file.
    limit : int, optional
        Stop after this many files, damaged ones included, so that repairing a file changes no
        other row.

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
    files = iter_files(path)  # apart from decoding, so that a missing path raises at once
    return itertools.islice(map(decoded, files), limit)


def iter_files(path: str | Path) -> Iterator[RawItem]:
    """Yield what ``iter_images`` does, with the files' bytes not yet decoded.

    Raises ImageError at once for a path that is missing or neither folder nor tar.
    """
    path = Path(path)
    if path.is_dir():
        items = _from_folder(path)
    elif not path.exists():
        raise ImageError(f"{path} does not exist; give a folder or a tar file of images")
    elif tarfile.is_tarfile(path):
        items = _from_tar(path)
    else:
        raise ImageError(f"{path} is neither a folder nor a tar file of images")
    return items


def decoded(item: RawItem) -> Item:
    """Decode what ``iter_files`` yields to RGB (H, W, 3) of uint8; an error stays one."""
    name, content = item
    if isinstance(content, ImageError):
        return name, content
    try:
        return name, images.rgb8(images.from_bytes(content, name=repr(name)))
    except ImageError as exc:
        return name, exc


def _from_folder(folder: Path) -> Iterator[RawItem]:
    names = []
    for root, folders, files in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".")]
        names += [(Path(root) / file).relative_to(folder).as_posix() for file in files]
    for name in sorted(filter(_is_image, names)):
        try:
            yield name, (folder / name).read_bytes()
        except OSError as exc:
            yield name, _as_image_error(name, exc)


def _from_tar(path: Path) -> Iterator[RawItem]:
    with tarfile.open(path) as tar:
        try:
            for member in tar:
                name = PurePosixPath(member.name).as_posix()  # drops a leading "./"
                if not (member.isfile() and _is_image(name)):
                    continue
                file = tar.extractfile(member)
                try:
                    yield name, file.read() if file else b""
                except OSError as exc:
                    yield name, _as_image_error(name, exc)
        except (tarfile.TarError, EOFError, zlib.error) as exc:
            yield path.name, ImageError(f"{path} breaks off here: {exc}; copy it again")


def _is_image(name: str) -> bool:
    path = PurePosixPath(name)
    return path.suffix.lower() in SUFFIXES and not any(p.startswith(".") for p in path.parts)


def _as_image_error(name: str, exc: Exception) -> ImageError:
    return ImageError(f"{name}: {exc}")

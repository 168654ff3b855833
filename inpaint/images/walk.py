"""Walks a folder and says which files are images; all commands use this one walk.

The name decides whether a file is opened, and its content decides later what it is. Formats that
cannot be read count as images here, so that such a photo is named as a failure and not passed over
in silence.
"""

from __future__ import annotations

import os
import stat
import unicodedata
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

KINDS = {
    ".png": "png",
    ".jpg": "jpg",
    ".jpeg": "jpg",
    ".jpe": "jpg",
    ".jfif": "jpg",
    ".webp": "webp",
    ".tif": "tiff",
    ".tiff": "tiff",
    ".bmp": "bmp",
    ".avif": "avif",
    ".heic": "heic",
    ".heif": "heic",
}
UNREADABLE = frozenset(
    f".{name}" for name in ("gif", "jp2", "jxl", "psd", "tga", "dng", "cr2", "nef")
)
NOT_LISTED = "the folder"  # the first words of a problem that already names its folder


@dataclass
class Listing:
    """One folder: sorted names of its folders and files, and what is wrong with others."""

    folders: list[str] = field(default_factory=list)
    files: list[str] = field(default_factory=list)
    problems: list[tuple[str, str]] = field(default_factory=list)


def suffix(name: str) -> str:
    """The extension of a name, with its dot, in small letters."""
    return PurePosixPath(name).suffix.lower()


def bare(name: str) -> str:
    """The name without its extension."""
    return name[: len(name) - len(PurePosixPath(name).suffix)]


def join(place: str, name: str) -> str:
    """A path below the root; ``place`` is "" for the root itself."""
    return f"{place}/{name}" if place else name


def normal(name: str) -> str:
    """Return a name in Unicode's NFC, because accents can be spelt in two ways; never fails."""
    return unicodedata.normalize("NFC", name)


def is_image(name: str) -> bool:
    """Whether a name ends like an image's, in capitals or not."""
    return suffix(name) in KINDS or suffix(name) in UNREADABLE


def list_folder(root: Path, name: str) -> Listing:
    """List a folder below ``root`` without hidden names; a missing one is empty.

    Linked folders are followed unless they lead back to a folder that they lie in.

    Raises
    ------
    OSError
        If it cannot be listed.
    """
    found = Listing()
    try:
        with os.scandir(root / name) as entries:
            ordered = sorted(entries, key=lambda entry: entry.name)
    except FileNotFoundError:
        return found
    for entry in ordered:
        if entry.name.startswith("."):
            continue
        try:
            kind = entry.stat().st_mode
        except (
            OSError
        ):  # A dangling link, or a folder that may only be listed; the error comes when it is read.
            folder = entry.is_dir(follow_symlinks=False)
            (found.folders if folder else found.files).append(entry.name)
            continue
        if stat.S_ISREG(kind):
            found.files.append(entry.name)
        elif not stat.S_ISDIR(kind):
            found.problems.append((entry.name, "is a pipe, socket or device, not a file"))
        elif entry.is_symlink() and _leads_back(root, name, entry):
            found.problems.append((entry.name, "is a link to a folder that it lies in"))
        else:
            found.folders.append(entry.name)
    return found


def _leads_back(root: Path, name: str, entry: os.DirEntry[str]) -> bool:
    """Whether a linked folder is one of those on the way to it."""
    target, place = entry.stat(), root
    steps = [place, *(place := place / part for part in Path(name).parts)]
    return any(os.path.samestat(os.stat(step), target) for step in steps)


def listed(list_one: Callable[[str], Listing], place: str, label: Callable[[str], str]) -> Listing:
    """List a folder; what cannot be listed becomes a problem with its whole path.

    Parameters
    ----------
    list_one : callable
        Lists the folder of this path, or raises OSError.
    place : str
        The path, with forward slashes; "" is the root.
    label : callable
        How messages call a path.
    """
    try:
        found = list_one(place)
    except OSError as error:
        reason = error.strerror or type(error).__name__
        advice = f"{NOT_LISTED} {label(place)} cannot be read ({reason}); chmod it"
        return Listing(problems=[(place or ".", advice)])
    found.problems = [
        (join(place, name), reason)
        for name, reason in found.problems
        if is_image(name) or reason.endswith("lies in")
    ]
    return found


def walk(root: Path, *, skip: frozenset[Path] = frozenset()) -> Iterator[tuple[str, Listing]]:
    """Yield every folder below ``root``, itself first, with what lies in it.

    Parameters
    ----------
    root : Path
        Where to begin.
    skip : frozenset of Path
        Resolved folders to leave out with all that lies below them.
    """
    waiting = [""]
    while waiting:
        place = waiting.pop()
        if skip and place and (root / place).resolve() in skip:
            continue
        found = listed(lambda name: list_folder(root, name), place, lambda n: repr(str(root / n)))
        yield place, found
        waiting += [join(place, folder) for folder in reversed(found.folders)]

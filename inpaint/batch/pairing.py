"""Which mask belongs to which image, and what the output will be called.

Names are compared as Unicode's NFC, so that a folder that travelled between systems still pairs.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import PurePosixPath

from inpaint.batch.folder import Folder, Listing

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
}
# Images that cannot be read: named as failures rather than passed over in silence.
UNREADABLE = frozenset(
    f".{name}"
    for name in ("gif", "heic", "heif", "avif", "jp2", "jxl", "psd", "tga", "dng", "cr2", "nef")
)
FORMATS = {"png": ".png", "jpg": ".jpg", "webp": ".webp"}
_FOLDER = "the folder"
MASK_ENDING = re.compile(r"^(.+)_mask\d*$", re.S)


@dataclass(frozen=True)
class Item:
    """One fill to do; paths are relative to the three folders. No ``mask``: it is in alpha."""

    path: str
    mask: str | None
    out: str


@dataclass(frozen=True)
class Problem:
    """An image or a folder that cannot be an item, and why."""

    path: str
    error: str
    named: bool = False  # whether the error says itself which place it is about


@dataclass(frozen=True)
class Orphan:
    """A mask that belongs to no image."""

    path: str


@dataclass
class Match:
    """The images of one folder: their masks, or what is wrong; and masks without an image."""

    masks: dict[str, str] = field(default_factory=dict)
    errors: dict[str, str] = field(default_factory=dict)
    orphans: list[str] = field(default_factory=list)


def is_image(name: str) -> bool:
    """Whether a name ends like an image's, in capitals or not."""
    suffix = _suffix(name)
    return suffix in KINDS or suffix in UNREADABLE


def match(names: Sequence[str], masks: Sequence[str] | None = None) -> Match:
    """Pair the images of one folder with masks.

    For ``a.jpg`` the first of these that is there: ``a.jpg.png``, ``a.jpg`` itself, any ``a.*``,
    any ``a_mask.*`` (or ``a_mask000.*``). Extensions may be in capitals.

    Parameters
    ----------
    names : sequence of str
        Names of the image files.
    masks : sequence of str, optional
        Names in the folder of masks. Left out: images and masks share the folder, and a mask is
        told by its ``_mask``.

    Returns
    -------
    Match
    """
    found = Match()
    shared = masks is None
    if masks is None:
        names, masks = _split(names)
    exact, stems, endings = _index(masks)
    used: set[str] = set()
    for name in names:
        full, stem = _key(name), _stem(name)
        ways = [[*stems.get(full, []), *endings.get(full, [])], exact.get(_exact(name), [])]
        ways = [endings.get(full, [])] if shared else [*ways, stems.get(stem, [])]
        ways.append(endings.get(stem, []))
        candidates = next((way for way in ways if way), [])
        used.update(candidates)
        if len(candidates) == 1:
            found.masks[name] = candidates[0]
        elif candidates:
            listed = ", ".join(map(repr, candidates))
            found.errors[name] = f"has {len(candidates)} masks: {listed}; keep one"
        else:
            wanted = f"{_bare(name)}_mask.png" if shared else f"{_bare(name)}.png"
            found.errors[name] = f"has no mask; add {wanted!r}, in its folder among the masks"
    found.orphans = [mask for mask in masks if mask not in used]
    return found


def outputs(names: Sequence[str], format: str = "keep") -> tuple[dict[str, str], dict[str, str]]:
    """Name the outputs of one folder so that no two collide: {image: output}, {image: error}.

    Names stay as they are. Where another format is asked for, ``a.jpg`` becomes ``a.png``, or
    ``a.jpg.png`` if that name belongs to another image.
    """
    if format == "keep":
        return {name: name for name in names}, {}
    named = {name: name for name in names if KINDS.get(_suffix(name)) == format}
    others = [name for name in names if name not in named]
    taken = {_fold(name) for name in named}
    short = {name: _bare(name) + FORMATS[format] for name in others}
    counts: dict[str, int] = {}
    for out in short.values():
        counts[_fold(out)] = counts.get(_fold(out), 0) + 1
    errors = {}
    for name in others:
        out = short[name]
        if counts[_fold(out)] > 1 or _fold(out) in taken:
            out = name + FORMATS[format]
        if _fold(out) in taken:
            errors[name] = f"would be written as {out!r}, as another image is; rename one of them"
            continue
        taken.add(_fold(out))
        named[name] = out
    return named, errors


def plan_items(
    images: Folder,
    masks: Folder | None,
    *,
    one: str | None = None,
    format: str = "keep",
    skip_image: str | None = None,
    skip_images: frozenset[str] = frozenset(),
    skip_masks: frozenset[str] = frozenset(),
) -> Iterator[Item | Problem | Orphan]:
    """Walk a tree of images, one folder in memory at a time, sorted.

    Parameters
    ----------
    images : Folder
        Where the images are, subfolders included.
    masks : Folder, optional
        A tree of masks with the same subfolders; the same place as ``images`` for masks beside
        them. None: the masks are in alpha, or ``one``.
    one : str, optional
        Name of the mask for all images.
    format : {"keep", "png", "jpg", "webp"}
        What outputs are named after.
    skip_image : str, optional
        An image to leave out: the mask for all, where it lies among them.
    skip_images, skip_masks : frozenset of str
        Folders to leave out, such as the output's.

    Yields
    ------
    Item, Problem or Orphan
    """
    shared = masks is not None and masks.url == images.url
    tree = None if shared else masks
    waiting = [""]
    while waiting:
        place = waiting.pop()
        listing = _list(images, place, skip_images)
        kept = _list(tree, place, skip_masks) if tree else Listing()
        for where, problem in (*listing.problems, *kept.problems):
            yield Problem(where, problem, named=problem.startswith(_FOLDER))
        names = [n for n in listing.files if is_image(n) and _join(place, n) != skip_image]
        if masks is None:
            found = Match(masks=dict.fromkeys(names, one or ""))
        else:
            found = match(names, None if shared else [n for n in kept.files if is_image(n)])
        outs, collisions = outputs(list(found.masks), format)
        for name in names:
            error = found.errors.get(name) or collisions.get(name)
            if error:
                yield Problem(_join(place, name), error)
            elif name in found.masks:
                mask = found.masks[name]
                where = mask if masks is None else _join(place, mask)
                yield Item(_join(place, name), where or None, _join(place, outs[name]))
        for orphan in found.orphans:
            yield Orphan(_join(place, orphan))
        folders = sorted({*listing.folders, *kept.folders}, reverse=True)
        waiting += [_join(place, folder) for folder in folders]


def _list(folder: Folder, place: str, skip: frozenset[str]) -> Listing:
    """List a folder; what cannot be listed becomes a problem with its whole path."""
    if place in skip:
        return Listing()
    try:
        found = folder.list(place)
    except OSError as error:
        reason = error.strerror or type(error).__name__
        advice = f"{_FOLDER} {folder.label(place)} cannot be read ({reason}); chmod it"
        return Listing(problems=[(place or ".", advice)])
    found.problems = [
        (_join(place, name), reason)
        for name, reason in found.problems
        if is_image(name) or reason.endswith("lies in")
    ]
    return found


def _split(names: Sequence[str]) -> tuple[list[str], list[str]]:
    """Tell masks (``a_mask.png`` beside any ``a.*``) from images in one folder."""
    whole = {_key(name) for name in names} | {_stem(name) for name in names}
    pictures: list[str] = []
    masks: list[str] = []
    for name in names:
        ending = MASK_ENDING.match(_stem(name))
        (masks if ending and ending[1] in whole else pictures).append(name)
    return pictures, masks


def _index(
    masks: Sequence[str],
) -> tuple[dict[str, list[str]], dict[str, list[str]], dict[str, list[str]]]:
    """Masks by name, by stem, and by what stands before ``_mask``."""
    exact: dict[str, list[str]] = {}
    stems: dict[str, list[str]] = {}
    endings: dict[str, list[str]] = {}
    for mask in masks:
        stem = _stem(mask)
        exact.setdefault(_exact(mask), []).append(mask)
        stems.setdefault(stem, []).append(mask)
        if ending := MASK_ENDING.match(stem):
            endings.setdefault(ending[1], []).append(mask)
    return exact, stems, endings


def _join(place: str, name: str) -> str:
    return f"{place}/{name}" if place else name


def _suffix(name: str) -> str:
    return PurePosixPath(name).suffix.lower()


def _bare(name: str) -> str:
    """The name without its extension."""
    return name[: len(name) - len(PurePosixPath(name).suffix)]


def _key(name: str) -> str:
    return unicodedata.normalize("NFC", name)


def _stem(name: str) -> str:
    return _key(_bare(name))


def _exact(name: str) -> str:
    return _stem(name) + _suffix(name)


def _fold(name: str) -> str:
    """What a file system that ignores case makes of a name."""
    return _key(name).casefold()

"""The items of a run: each image with its mask and the name of its output."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from inpaint.batch.folder import Folder
from inpaint.images.walk import (
    KINDS,
    NOT_LISTED,
    Listing,
    bare,
    is_image,
    join,
    listed,
    normal,
    suffix,
)
from inpaint.masks.pairing import Match, Names, contested, match, several, split

FORMATS = {"png": ".png", "jpg": ".jpg", "webp": ".webp"}


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
    """A mask that belongs to no image; ``beside``: it lies beside an image and is none itself."""

    path: str
    beside: bool = False


def outputs(names: Sequence[str], format: str = "keep") -> tuple[dict[str, str], dict[str, str]]:
    """Name the outputs of one folder so that no two collide: {image: output}, {image: error}.

    Names stay as they are. Where another format is asked for, ``a.jpg`` becomes ``a.png``, or
    ``a.jpg.png`` if that name belongs to another image.
    """
    if format == "keep":
        return {name: name for name in names}, {}
    named = {name: name for name in names if KINDS.get(suffix(name)) == format}
    others = [name for name in names if name not in named]
    taken = {_fold(name) for name in named}
    short = {name: bare(name) + FORMATS[format] for name in others}
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
    notes: str | None = None,
    foreign: frozenset[str] = frozenset(),
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
    notes : str, optional
        Ending of annotation files, which take the place of masks: an image may have none.
    foreign : frozenset of str
        Names of files with that ending that are of no image.

    Yields
    ------
    Item, Problem or Orphan
    """
    shared = masks is not None and masks.url == images.url
    tree = None if shared else masks
    top = _Top()
    waiting = [("", False, False)]
    while waiting:
        place, here, there = waiting.pop()
        listing = _list(images, place, skip_images, seen=here)
        kept = _list(tree, place, skip_masks, seen=there) if tree else Listing()
        for where, problem in (*listing.problems, *kept.problems):
            yield Problem(where, problem, named=problem.startswith(NOT_LISTED))
        names = [n for n in listing.files if is_image(n) and join(place, n) != skip_image]
        pictures, beside = split(names)
        if masks is None:
            found = Match(masks=dict.fromkeys(pictures, one or ""))
        elif notes:
            files = (listing if shared else kept).files
            found = match(pictures, [n for n in files if suffix(n) == notes and n not in foreign])
        elif shared:
            found, beside = match(names), []
        else:
            found = match(names, [n for n in kept.files if is_image(n)])
            # Named as a mask, and no mask of its own: it is one.
            beside = [n for n in beside if n in found.without]
            found.forget(beside)
        below = top.lend(found, place) if tree else set()
        if notes:
            found.masks |= dict.fromkeys(found.without, "")
            found.forget(found.without)
        outs, collisions = outputs([n for n in names if n in found.masks], format)
        for name in names:
            error = found.errors.get(name) or collisions.get(name)
            if error:
                yield Problem(join(place, name), error)
            elif name in found.masks:
                mask = found.masks[name]
                whole = masks is None or name in below or not mask
                where = mask if whole else join(place, mask)
                yield Item(join(place, name), where or None, join(place, outs[name]))
        for name in beside:
            yield Orphan(join(place, name), beside=True)
        for orphan in found.orphans:
            yield Orphan(join(place, orphan))
        for folder in sorted({*listing.folders, *kept.folders}, reverse=True):
            seen = folder in listing.folders, folder in kept.folders
            waiting.append((join(place, folder), *seen))
    for name in top.left:
        if name not in top.lent:
            yield Orphan(name)


class _Top:
    """Masks of the top folder that no image there has: they may serve images of subfolders."""

    def __init__(self) -> None:
        self.left: list[str] = []
        self.lent: dict[str, str] = {}
        self._names = Names(())

    def lend(self, found: Match, place: str) -> set[str]:
        """Pair images of a subfolder that have no mask there; their names."""
        if not place:
            self.left, found.orphans = found.orphans, []
            self._names = Names(self.left)
            return set()
        lent = {}
        for name in found.without if self.left else ():
            candidates = self._names.find(name)
            if len(candidates) > 1:
                found.errors[name] = several(candidates)
            elif candidates:
                path = join(place, name)
                owner = self.lent.setdefault(candidates[0], path)
                if owner.rpartition("/")[0] == place:
                    lent[name] = candidates[0]
                else:
                    found.errors[name] = contested(candidates[0], [owner, path])
        found.forget(list(lent))
        found.masks |= lent
        return set(lent)


def _list(folder: Folder, place: str, skip: frozenset[str], *, seen: bool) -> Listing:
    """List a folder; one that was ``seen`` in the folder above it and is gone is a problem."""
    if place in skip:
        return Listing()
    found = listed(folder.list, place, folder.label)
    if seen and found == Listing() and not folder.exists(place):
        advice = f"{NOT_LISTED} {folder.label(place)} vanished while images were looked for"
        return Listing(problems=[(place, f"{advice}; bring it back, then try again")])
    return found


def _fold(name: str) -> str:
    """What a file system that ignores case makes of a name."""
    return normal(name).casefold()

"""Which mask belongs to which image, by their names: one rule for all commands.

Names are compared byte by byte first, then as Unicode's NFC, so that a folder that travelled
between systems still pairs, and then without regard to capitals.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from inpaint.images.walk import bare, join, normal, suffix

MASK_ENDING = re.compile(r"^(.+)_mask\d*$", re.S | re.I)
# How names are compared, the strictest first.
_SPELLINGS: tuple[Callable[[str], str], ...] = (
    lambda name: name,
    normal,
    lambda name: normal(name).casefold(),
)


@dataclass
class Match:
    """The images of one folder: their masks, or what is wrong; and masks without an image."""

    masks: dict[str, str] = field(default_factory=dict)
    errors: dict[str, str] = field(default_factory=dict)
    orphans: list[str] = field(default_factory=list)
    without: list[str] = field(default_factory=list)  # images in ``errors`` that have no mask

    def forget(self, names: Sequence[str]) -> None:
        """Drop what is wrong with some images that have no mask."""
        for name in names:
            del self.errors[name]
        self.without = [name for name in self.without if name in self.errors]


def split(names: Sequence[str]) -> tuple[list[str], list[str]]:
    """Tell the images of one folder from the masks beside them: ``a_mask.png`` beside any ``a.*``.

    Returns
    -------
    (images, masks)
        Both in the order of ``names``.
    """
    whole = {_folded(n) for n in names} | {_folded(bare(n)) for n in names}
    pictures: list[str] = []
    masks: list[str] = []
    for name in names:
        (masks if (of := mask_of(name)) and of in whole else pictures).append(name)
    return pictures, masks


def mask_of(name: str) -> str | None:
    """What stands before ``_mask`` in a mask's name, folded as ``split`` compares; else None."""
    ending = MASK_ENDING.match(bare(name))
    return _folded(ending[1]) if ending else None


def _folded(name: str) -> str:
    return _SPELLINGS[-1](name)


def match(names: Sequence[str], masks: Sequence[str] | None = None) -> Match:
    """Pair the images of one folder with masks.

    For ``a.jpg`` the first of these that is there: ``a.jpg.png``, ``a.jpg`` itself, any ``a.*``,
    any ``a_mask.*`` (or ``a_mask000.*``). A mask of the very spelling goes before one whose accents
    or capitals are spelt another way.

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
        names, masks = split(names)
    index = Names(masks)
    used: set[str] = set()
    for name in names:
        candidates = index.find(name, shared=shared)
        used.update(candidates)
        if len(candidates) == 1:
            found.masks[name] = candidates[0]
        elif candidates:
            found.errors[name] = several(candidates)
        else:
            wanted = f"{bare(name)}_mask.png" if shared else f"{bare(name)}.png"
            found.errors[name] = f"has no mask; add {wanted!r}, in its folder among the masks"
            found.without.append(name)
    found.orphans = [mask for mask in masks if mask not in used]
    return found


def match_trees(
    images: Iterable[str], masks: Iterable[str], *, shared: bool = False
) -> tuple[dict[str, str], dict[str, str]]:
    """Pair the images of a whole tree with the masks of another.

    Masks are looked for in the folder of the same name first, as ``match`` does, and then, where
    that has none, in all folders: a mask without an image of its own serves the one image that has
    no other.

    Parameters
    ----------
    images, masks : iterable of str
        Paths below their roots, with forward slashes.
    shared : bool
        Both are the same tree, and masks are told by their ``_mask``.

    Returns
    -------
    (dict, dict)
        Masks by image, and what is wrong by image.
    """
    folders: dict[str, tuple[list[str], list[str]]] = {}
    for kind, paths in enumerate((images, masks)):
        for path in paths:
            place, _, name = path.rpartition("/")
            folders.setdefault(place, ([], []))[kind].append(name)
    pairs: dict[str, str] = {}
    errors: dict[str, str] = {}
    left: list[str] = []
    spare: list[str] = []
    for place, (names, beside) in sorted(folders.items()):
        found = match(names, None if shared else beside)
        pairs |= {join(place, name): join(place, mask) for name, mask in found.masks.items()}
        errors |= {join(place, name): reason for name, reason in found.errors.items()}
        left += [join(place, name) for name in found.without]
        spare += [join(place, mask) for mask in found.orphans]
    index = Names(() if shared else spare)
    claims: dict[str, list[str]] = {}
    for path in left:
        candidates = index.find(path)
        if len(candidates) == 1:
            claims.setdefault(candidates[0], []).append(path)
        elif candidates:
            errors[path] = several(candidates)
    for mask, paths in claims.items():
        if len({path.rpartition("/")[0] for path in paths}) == 1:
            pairs |= dict.fromkeys(paths, mask)
            for path in paths:
                del errors[path]
        else:
            errors |= dict.fromkeys(paths, contested(mask, paths))
    return pairs, errors


def several(candidates: Sequence[str]) -> str:
    """What is wrong with an image that has several masks."""
    return f"has {len(candidates)} masks: {', '.join(map(repr, candidates))}; keep one"


def contested(mask: str, paths: Sequence[str]) -> str:
    """What is wrong with images of several folders that could have the same mask."""
    shown = ", ".join(map(repr, paths[:3]))
    return (
        f"may share {mask!r} with images of other folders ({shown}); "
        "put masks into folders named as those of their images"
    )


class Names:
    """Masks by their names, in every spelling; a path counts by its last part."""

    def __init__(self, masks: Sequence[str]) -> None:
        self._indices = [_Index(masks, spelling) for spelling in _SPELLINGS]

    def find(self, image: str, *, shared: bool = False) -> list[str]:
        """The masks of an image: those of the closest spelling, by the first way that has any."""
        name = image.rpartition("/")[2]
        return next(filter(None, (one.find(name, shared=shared) for one in self._indices)), [])


class _Index:
    """Masks by name, by stem, and by what stands before ``_mask``, in one spelling."""

    def __init__(self, masks: Sequence[str], spelling: Callable[[str], str]) -> None:
        self._spelling = spelling
        self._exact: dict[str, list[str]] = {}
        self._stems: dict[str, list[str]] = {}
        self._endings: dict[str, list[str]] = {}
        for mask in masks:
            stem = bare(mask.rpartition("/")[2])
            self._exact.setdefault(spelling(stem) + suffix(mask), []).append(mask)
            self._stems.setdefault(spelling(stem), []).append(mask)
            if ending := MASK_ENDING.match(stem):
                self._endings.setdefault(spelling(ending[1]), []).append(mask)

    def find(self, name: str, *, shared: bool) -> list[str]:
        """The masks of an image, by the first way that has any."""
        full, stem = self._spelling(name), self._spelling(bare(name))
        ways = [self._endings.get(full, []), self._endings.get(stem, [])]
        if not shared:
            exact = self._exact.get(stem + suffix(name), [])
            ways = [
                [*self._stems.get(full, []), *ways[0]],
                exact,
                self._stems.get(stem, []),
                ways[1],
            ]
        return next(filter(None, ways), [])

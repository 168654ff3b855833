"""Which picture of an annotation file a photo is, whatever the program made of its name."""

from __future__ import annotations

import re
from collections.abc import Iterable
from urllib.parse import unquote

from inpaint.images.walk import bare, normal, suffix

_UPLOADED = re.compile(r"^[0-9a-f]{8}(?:-[0-9a-f-]{27})?[-_](?=.)")  # Label Studio
_ROBOFLOW = re.compile(r"^(.+)_(jpe?g|png|bmp|webp|tiff?)\.rf\.[0-9A-Za-z]+$", re.I)


class Pictures:
    """The pictures of a file; each has one path or several.

    Parameters
    ----------
    paths : iterable of list of str
        In the order of the file.
    """

    def __init__(self, paths: Iterable[list[str]]) -> None:
        self.paths = list(paths)
        self._by_name: list[dict[str, list[int]]] = [{}, {}, {}]
        for index, names in enumerate(self.paths):
            for level, found in enumerate(_spellings(names)):
                for name in found:
                    places = self._by_name[level].setdefault(name, [])
                    if index not in places:
                        places.append(index)

    def find(self, photo: str) -> list[int]:
        """Indices of the pictures that a photo may be; by its last part, then by its folders.

        Parameters
        ----------
        photo : str
            Its path, with forward slashes.
        """
        name = photo.rpartition("/")[2]
        for level, wanted in enumerate((name, _folded(name), _folded(name))):
            found = self._by_name[level].get(wanted, [])
            if len(found) > 1:  # the same name in several folders
                tails = {i: max(_shared(photo, path) for path in self.paths[i]) for i in found}
                most = max(tails.values())
                longest = [i for i in found if tails[i] == most]
                found = longest if len(longest) == 1 and most > 1 else found
            if found:
                return found
        return []


def _spellings(paths: list[str]) -> tuple[set[str], set[str], set[str]]:
    """The last parts as they are, folded, and as they were before a program renamed them."""
    names = {_parts(path)[-1] for path in paths}
    before = set()
    for name in names:
        plain = _UPLOADED.sub("", name)
        if found := _ROBOFLOW.match(bare(name)):
            before |= {f"{found[1]}.{found[2]}", found[1] + suffix(name)}
        before.add(plain)
    return names, {_folded(name) for name in names}, {_folded(name) for name in before}


def _parts(path: str) -> list[str]:
    """The parts of a path or URL of any system."""
    if "?d=" in path:  # Label Studio's local files
        path = path.partition("?d=")[2]
    if "%" in path:
        path = unquote(path)
    return [part for part in path.replace("\\", "/").split("/") if part] or [""]


def _folded(name: str) -> str:
    return normal(name).casefold()


def _shared(a: str, b: str) -> int:
    """How many parts two paths share, counted from their ends."""
    left, right = _parts(a)[::-1], _parts(b)[::-1]
    count = 0
    for x, y in zip(left, right, strict=False):
        if _folded(x) != _folded(y):
            break
        count += 1
    return count

"""Objects from YOLO label files: text, one file an image, with a file of class names."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from pathlib import PurePosixPath

import numpy as np

from inpaint.errors import MaskError
from inpaint.masks.annotation import outlines
from inpaint.masks.annotation.model import Entry, Page, finite, key

# Where exporters put the names of classes, and how far above the labels.
CLASS_FILES = ("classes.txt", "obj.names", "data.yaml", "data.yml", "dataset.yaml", "notes.json")
LEVELS_UP = 3


def class_names(text: str, name: str) -> dict[str, str]:
    """Names of classes by their number.

    Parameters
    ----------
    text : str
        Of a list with a name on each line, of a YAML file with ``names``, or of ``notes.json``.
    name : str
        Of the file.

    Raises
    ------
    MaskError
        If it holds no names.
    """
    ending = PurePosixPath(name).suffix
    if ending == ".json":
        try:
            items = json.loads(text)["categories"]
            return {key(item["id"]): str(item["name"]) for item in items}
        except (ValueError, KeyError, TypeError):
            raise MaskError(f"{name!r} has no categories with id and name; correct it") from None
    if ending in (".yaml", ".yml"):
        names = _yaml_names(text)
        if not names:
            raise MaskError(f"{name!r} has no list of names; write names: [car, person]")
        return names
    lines = text.splitlines()
    while lines and not lines[-1].strip():
        lines.pop()
    return {str(number): line.strip() for number, line in enumerate(lines)}


def _yaml_names(text: str) -> dict[str, str]:
    """``names`` of a YAML file: a list in one line or in several, or numbers with names."""
    found = re.search(r"^names\s*:\s*(.*(?:\n(?:[ \t-].*|\s*))*)", text, re.M)
    if not found:
        return {}
    body = "\n".join(re.sub(r"(^|\s)#.*$", "", line) for line in found[1].splitlines())
    if body.lstrip().startswith(("[", "{")):
        inner = body.strip().strip("[]{}")
        words: Iterable[str] = re.findall(r"(?:\d+\s*:\s*)?(?:'[^']*'|\"[^\"]*\"|[^,]+)", inner)
    else:
        words = (line.strip().removeprefix("- ").strip() for line in body.splitlines())
    names: dict[str, str] = {}
    for word in filter(None, (word.strip() for word in words)):
        numbered = re.match(r"^(\d+)\s*:\s*(.*)$", word)
        number, value = numbered.groups() if numbered else (str(len(names)), word)
        names[number] = value.strip().strip("'\"")
    return names


def page(text: str, names: dict[str, str]) -> Page:
    """The objects of one image: boxes (class, centre, size) and polygons (class, points).

    Coordinates are shares of the image's width and height. Raises MaskError that names the line
    which is neither.
    """
    entries = []
    for number, line in enumerate(text.splitlines(), 1):
        words = line.split()
        if words:
            entries.append(_entry(words, number, names))
    return Page((None, None), entries)


def _entry(words: list[str], number: int, names: dict[str, str]) -> Entry:
    where = f"line {number}"
    try:
        values = [finite(word) for word in words]
    except ValueError:
        raise MaskError(f"{where} is not all numbers; correct or delete it") from None
    count = len(values) - 1
    is_box, is_outline = count in (4, 5), count >= 6 and count % 2 == 0
    if not (is_box or is_outline):
        raise MaskError(
            f"{where} has {count} numbers after the class, expected 4 of a box (x, y, width, "
            "height) or pairs of a polygon; correct or delete it"
        )
    category = key(values[0])

    def draw(shape: tuple[int, int]) -> np.ndarray:
        height, width = shape
        if is_box:
            x, y, w, h = (
                v * side for v, side in zip(values[1:5], (width, height) * 2, strict=True)
            )
            return outlines.box(shape, x - w / 2, y - h / 2, w, h)
        pairs = zip(values[1::2], values[2::2], strict=True)
        return outlines.polygon(shape, [(x * width, y * height) for x, y in pairs])

    return Entry(where, names.get(category, category), draw, values[1:], None, category)

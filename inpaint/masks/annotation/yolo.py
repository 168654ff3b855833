"""Objects from YOLO label files: text, one file for each image, with a file of class names.

A line is a class and then a box, an outline, or a box with the keypoints of a pose. Programs that
write what a network found append its confidence and the number of its track.
"""

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
LEVELS_UP = 5  # datumaro and ultralytics: labels/train/FOLDER below the file
_CROSSED = 200  # outlines of up to so many points are checked for sides that cross


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


def keypoints(text: str) -> int:
    """How many numbers a line of a pose has after its box: ``kpt_shape`` of a YAML file, 0 without.

    Parameters
    ----------
    text : str
        Of ``data.yaml``.
    """
    found = re.search(r"^kpt_shape\s*:\s*\[?\s*-?\s*(\d+)\s*[,\n]\s*-?\s*(\d+)", text, re.M)
    return int(found[1]) * int(found[2]) if found else 0


def page(text: str, names: dict[str, str], pose: int = 0) -> Page:
    """The objects of one image: boxes (class, centre, size), outlines (class, points) and poses.

    Coordinates are shares of the image's width and height. Of a pose the box counts.

    Parameters
    ----------
    text : str
        Of the file.
    names : dict
        Names of classes by their number.
    pose : int
        How many numbers follow the box of a pose; see ``keypoints``.

    Raises
    ------
    MaskError
        If a line is none of these; the message names it.
    """
    lines = [
        (f"line {number}", _numbers(line.split(), f"line {number}"))
        for number, line in enumerate(text.splitlines(), 1)
        if line.strip()
    ]
    tracked = any(_has_track(values[1:], least=2) for _, values in lines)
    return Page((None, None), [_entry(w, values, names, pose, tracked) for w, values in lines])


def _numbers(words: list[str], where: str) -> list[float]:
    try:
        return [finite(word) for word in words]
    except ValueError:
        raise MaskError(f"{where} is not all numbers; correct or delete it") from None


def _entry(
    where: str, values: list[float], names: dict[str, str], pose: int, tracked: bool
) -> Entry:
    category, facts = key(values[0]), values[1:]
    box = _box_of(facts, pose)
    outline = None if box else _outline_of(facts, tracked)
    if not (box or outline):
        raise MaskError(
            f"{where} has {len(facts)} numbers after the class, expected 4 of a box (x, y, width, "
            "height) or pairs of an outline, and perhaps a confidence in [0, 1] and the number of "
            "a track; correct or delete it"
        )
    if outline and len(outline) <= _CROSSED and outlines.crossings(outline) > len(outline):
        raise MaskError(
            f"{where} is no outline (its sides cross) and may be a pose; put data.yaml with "
            "kpt_shape beside or above the file, or delete the line"
        )

    def draw(shape: tuple[int, int]) -> np.ndarray:
        height, width = shape
        if box:
            x, y, w, h = (v * side for v, side in zip(box, (width, height) * 2, strict=True))
            return outlines.box(shape, x - w / 2, y - h / 2, w, h)
        return outlines.polygon(shape, [(x * width, y * height) for x, y in outline or []])

    # What is more than a box or an outline was read in another way once, so that it counts as
    # changed: a batch that goes on fills such an image anew.
    plain = len(facts) in (4, 5) or (outline is not None and 2 * len(outline) == len(facts))
    told = facts if plain else ["box" if box else "outline", facts]
    return Entry(where, names.get(category, category), draw, told, None, category)


def _box_of(values: list[float], pose: int) -> list[float] | None:
    """The box of a line that is one, or a pose: centre and size; None for an outline."""
    count = len(values)
    if count < 4:
        return None
    if count in (4, 5):
        return values[:4]
    if pose and count - 4 - pose in (0, 1, 2):
        return values[:4]
    if not _within(values[:4]):
        return None
    tracked = count == 6 and _is_track(values[5], least=1)
    # Labels of poses say of each keypoint, after its place, whether it is absent, hidden or seen.
    marked = count > 6 and (count - 4) % 3 == 0 and {0.0, 1.0, 2.0}.issuperset(values[6::3])
    return values[:4] if tracked or marked else None


def _within(box: list[float]) -> bool:
    """Whether a centre and a size, in shares, are those of a box within the image."""
    (x, y, w, h), slack = box, 0.01
    sides = (x - w / 2, y - h / 2, 1 - x - w / 2, 1 - y - h / 2)
    return w > 0 and h > 0 and min(sides) > -slack


def _outline_of(values: list[float], tracked: bool) -> list[tuple[float, float]] | None:
    """The points of a line that is an outline, without confidence and track; None for no outline.

    Track 1 after a confidence looks like a point on the lower edge. It counts as a track where
    another line of the file has a higher one (``tracked``), because only then is that certain.
    """
    if len(values) % 2:
        if not (0 <= values[-1] <= 1 or _is_track(values[-1], least=1)):
            return None
        values = values[:-1]
    elif _has_track(values, least=1 if tracked else 2):
        values = values[:-2]
    if len(values) < 6:
        return None
    return list(zip(values[::2], values[1::2], strict=True))


def _has_track(values: list[float], *, least: int) -> bool:
    """Whether pairs of an outline end with a confidence and the number of a track."""
    enough = len(values) >= 8 and len(values) % 2 == 0
    return enough and 0 <= values[-2] <= 1 and _is_track(values[-1], least=least)


def _is_track(value: float, *, least: int) -> bool:
    return value >= least and value.is_integer()

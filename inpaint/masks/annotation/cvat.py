"""Objects from CVAT's XML ("CVAT for images 1.1"): one file a task."""

from __future__ import annotations

from xml.etree import ElementTree

import numpy as np

from inpaint.errors import MaskError
from inpaint.masks.annotation import outlines
from inpaint.masks.annotation.model import Entry, NoAreaError, Page, finite, key, whole

ROOT = "annotations"
_SHAPES = frozenset({"box", "polygon", "mask", "ellipse", "cuboid"})
_THIN = {"polyline": "a line", "points": "points", "skeleton": "a skeleton"}


def pages(root: ElementTree.Element) -> list[tuple[list[str], Page]]:
    """The images of an export: what each is called, and its objects.

    Raises MaskError for tracks of a video, and one that names a damaged image.
    """
    if root.find("track") is not None:
        raise MaskError("it holds tracks of a video; export as 'CVAT for images' or COCO")
    return [_page(image, place) for place, image in enumerate(root.findall("image"), 1)]


def _page(image: ElementTree.Element, place: int) -> tuple[list[str], Page]:
    name = image.get("name")
    if not name:
        raise MaskError(f"image {place} of its list has no name; correct or delete it")
    entries = [
        Entry(
            f"{item.tag} {number} of {name!r}",
            item.get("label", ""),
            lambda shape, item=item: _mask(item, shape),  # type: ignore[misc]
            # A cuboid was once drawn as its box: as a hull it counts as changed.
            ["hull" if item.tag == "cuboid" else item.tag, sorted(item.attrib.items())],
            None if item.get("group_id") is None else key(item.get("group_id")),
        )
        for number, item in enumerate(image, 1)
        if item.tag in _SHAPES or item.tag in _THIN
    ]
    return [name], Page((whole(image.get("height")), whole(image.get("width"))), entries)


def _mask(item: ElementTree.Element, shape: tuple[int, int]) -> np.ndarray:
    if item.tag in _THIN:
        raise NoAreaError(f"it is {_THIN[item.tag]}, which holds no area")

    def number(name: str) -> float:
        return finite(item.attrib[name])

    turn = finite(item.get("rotation") or 0)
    if item.tag == "box":
        x, y = number("xtl"), number("ytl")
        w, h = number("xbr") - x, number("ybr") - y
        pivot = (x + w / 2, y + h / 2)
        return outlines.turned_box(shape, x, y, w, h, degrees=turn, pivot=pivot)
    if item.tag == "ellipse":
        return outlines.ellipse(
            shape, number("cx"), number("cy"), number("rx"), number("ry"), degrees=turn
        )
    if item.tag == "mask":
        size = int(number("height")), int(number("width"))
        stamp = _runs(item.attrib["rle"], size)
        return outlines.paste(shape, stamp, int(number("left")), int(number("top")))
    if item.tag == "cuboid":
        corners = {name[1:]: None for name in item.attrib if name[:1] == "x" and name[1:]}
        points = [(number(f"x{corner}"), number(f"y{corner}")) for corner in corners]
        return outlines.hull(shape, points)
    words = [word.split(",") for word in item.attrib["points"].split(";") if word.strip()]
    return outlines.polygon(shape, outlines.points_of(words))


def _runs(text: str, size: tuple[int, int]) -> np.ndarray:
    """A mask within its box, (h, w) bool: lengths of 0 and 1 in turn along the rows."""
    runs = [int(word) for word in text.split(",")]
    if sum(runs) != size[0] * size[1] or min(runs) < 0:
        raise ValueError(f"its run lengths cover {sum(runs)} pixels, expected {size[0] * size[1]}")
    return np.repeat(np.arange(len(runs)) % 2 == 1, runs).reshape(size)

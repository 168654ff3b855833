"""Objects from PASCAL VOC's XML, written by LabelImg and many exporters: a file for each image."""

from __future__ import annotations

from xml.etree.ElementTree import Element

import numpy as np

from inpaint.masks.annotation import outlines
from inpaint.masks.annotation.model import Entry, NoAreaError, Page, finite, whole

ROOT = "annotation"  # CVAT's files begin with "annotations"


def pages(root: Element) -> list[tuple[list[str], Page]]:
    """What the image is called, and its objects.

    The XML of the LabelMe web tool is read too: it has the same root, and points in its polygons.
    """
    size = (
        whole(_text(root, "size/height") or _text(root, "imagesize/nrows")),
        whole(_text(root, "size/width") or _text(root, "imagesize/ncols")),
    )
    entries = [
        _entry(item, number)
        for number, item in enumerate(root.findall("object"), 1)
        if _text(item, "deleted") != "1"
    ]
    names = [name for name in (_text(root, "filename"), _text(root, "path")) if name]
    return [(names or [""], Page(size, entries))]


def _text(item: Element, path: str) -> str:
    return (item.findtext(path) or "").strip()


def _entry(item: Element, number: int) -> Entry:
    box = {name: _text(item, f"bndbox/{name}") for name in ("xmin", "ymin", "xmax", "ymax")}
    parts = [[(tag.tag, _text(tag, ".")) for tag in part.iter()] for part in item.iter("polygon")]
    return Entry(
        f"object {number}",
        _text(item, "name"),
        lambda shape: _mask(item, shape),
        [box, parts],
    )


def _mask(item: Element, shape: tuple[int, int]) -> np.ndarray:
    """Draw an object: its polygons, else its box."""
    parts = [points for points in map(_points, item.findall("polygon")) if points]
    if parts:
        return outlines.polygons(shape, parts)
    box = item.find("bndbox")
    if box is None:
        raise NoAreaError("it has neither outline nor box ('bndbox' is missing)")
    left, top, right, bottom = (
        finite(_text(box, name) or None) for name in ("xmin", "ymin", "xmax", "ymax")
    )
    # PASCAL counts pixels from 1 and includes the last one; several programs write edges counted
    # from 0 instead. The box that holds the object in both readings begins one pixel earlier.
    return outlines.box(shape, left - 1, top - 1, right - left + 1, bottom - top + 1)


def _points(part: Element) -> list[tuple[float, float]]:
    """The corners of a polygon: x1, y1, x2, y2 and so on, or a list of ``pt``."""
    if part.find("pt") is not None:
        return [
            (finite(_text(point, "x") or None), finite(_text(point, "y") or None))
            for point in part.findall("pt")
        ]
    points: list[tuple[float, float]] = []
    while part.find(f"x{len(points) + 1}") is not None:
        number = len(points) + 1
        points.append(
            (finite(_text(part, f"x{number}") or None), finite(_text(part, f"y{number}") or None))
        )
    return points

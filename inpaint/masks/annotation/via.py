"""Objects from the VGG Image Annotator's JSON (versions 1 and 2): one file a project."""

from __future__ import annotations

from typing import Any

import numpy as np

from inpaint.errors import MaskError
from inpaint.masks.annotation import outlines
from inpaint.masks.annotation.model import Entry, NoAreaError, Page, finite

_THIN = {"polyline": "a line", "point": "a point"}
_CLASSES = ("label", "class", "name", "type", "category", "object")  # what people call it


def is_ours(data: Any) -> bool:
    """Whether JSON looks like such a project or its annotations."""
    if not isinstance(data, dict) or not data:
        return False
    if "_via_img_metadata" in data:
        return True
    first = next(iter(data.values()))
    return isinstance(first, dict) and "filename" in first and "regions" in first


def pages(data: dict[str, Any]) -> list[tuple[list[str], Page]]:
    """The files of a project: what each is called, and its regions; MaskError names damage."""
    files = data.get("_via_img_metadata", data)
    return [_page(one, name) for name, one in files.items()]


def _page(one: Any, name: str) -> tuple[list[str], Page]:
    if not isinstance(one, dict) or not isinstance(one.get("filename"), str):
        raise MaskError(f"file {name!r} has no filename; correct or delete it")
    regions = one.get("regions") or []
    values = regions.values() if isinstance(regions, dict) else regions
    entries = [_entry(r, n, one["filename"]) for n, r in enumerate(values, 1)]
    return [one["filename"]], Page((None, None), entries)


def _entry(region: Any, number: int, name: str) -> Entry:
    where = f"region {number} of {name!r}"
    shape_of = region.get("shape_attributes") if isinstance(region, dict) else None
    if not isinstance(shape_of, dict):
        raise MaskError(f"{where} has no shape; correct or delete it")
    label = _label(region.get("region_attributes") or {})
    return Entry(where, label, lambda shape: _mask(shape_of, shape), shape_of)


def _label(attributes: dict[str, Any]) -> str:
    """The class of a region: the attribute of a usual name, else the first one."""
    names = [n for n in attributes if n.lower() in _CLASSES] or list(attributes)
    value = attributes[names[0]] if names else ""
    if isinstance(value, dict):  # checkboxes
        value = next((n for n, ticked in value.items() if ticked), "")
    return str(value).strip()


def _mask(values: dict[str, Any], shape: tuple[int, int]) -> np.ndarray:
    kind = values["name"]
    if kind in _THIN:
        raise NoAreaError(f"it is {_THIN[kind]}, which holds no area")

    def number(name: str) -> float:
        return finite(values[name])

    if kind == "rect":
        return outlines.box(shape, number("x"), number("y"), number("width"), number("height"))
    if kind == "circle":
        return outlines.ellipse(shape, number("cx"), number("cy"), number("r"), number("r"))
    if kind == "ellipse":
        turn = float(np.degrees(finite(values.get("theta") or 0)))
        return outlines.ellipse(
            shape, number("cx"), number("cy"), number("rx"), number("ry"), degrees=turn
        )
    xs, ys = values["all_points_x"], values["all_points_y"]
    points = [(finite(x), finite(y)) for x, y in zip(xs, ys, strict=True)]
    return outlines.polygon(shape, points)

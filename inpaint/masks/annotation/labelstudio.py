"""Objects from Label Studio's own export (JSON or JSON-MIN): one file a project."""

from __future__ import annotations

from typing import Any

import numpy as np

from inpaint.errors import MaskError
from inpaint.masks.annotation import outlines
from inpaint.masks.annotation.model import Entry, NoAreaError, Page, check_size, finite, key, whole

_WHOLE = 100.0  # its coordinates are percents


def is_ours(data: Any) -> bool:
    """Whether JSON looks like such an export."""
    first = data[0] if isinstance(data, list) and data else None
    if not isinstance(first, dict):
        return False
    return isinstance(first.get("data"), dict) or ("image" in first and "id" in first)


def pages(data: list[Any]) -> list[tuple[list[str], Page]]:
    """The tasks of an export: what each picture is called, and its objects.

    Raises MaskError that names a damaged task.
    """
    found = []
    for place, task in enumerate(data, 1):
        if not isinstance(task, dict):
            raise MaskError(f"task {place} is no object; correct or delete it")
        found.append(_page(task, f"task {key(task.get('id', place))}"))
    return found


def _page(task: dict[str, Any], where: str) -> tuple[list[str], Page]:
    values = task["data"] if isinstance(task.get("data"), dict) else task
    images = [v for v in values.values() if isinstance(v, str) and "." in v.rpartition("/")[2]]
    named = values.get("image") or values.get("img") or (images[0] if images else None)
    if not isinstance(named, str):
        raise MaskError(f"{where} names no image; correct or delete it")
    upload = task.get("file_upload")
    results: list[Any] = []
    for one in [*task.get("annotations", []), *task.get("completions", [])]:
        if isinstance(one, dict) and not one.get("was_cancelled"):
            results += one.get("result", [])
    if "data" not in task:  # JSON-MIN: a list of regions for each control
        results += [
            {"value": region, **region}
            for regions in task.values()
            if isinstance(regions, list)
            for region in regions
            if isinstance(region, dict)
        ]
    regions = [r for r in results if isinstance(r, dict) and _label_of(r) is not None]
    sizes = {(whole(r.get("original_height")), whole(r.get("original_width"))) for r in regions}
    size = sizes.pop() if len(sizes) == 1 else (None, None)
    entries = [_entry(region, n, where) for n, region in enumerate(regions, 1)]
    return [n for n in (named, upload) if isinstance(n, str)], Page(size, entries)


def _label_of(region: dict[str, Any]) -> str | None:
    """The label of a region, "" for one without; None for what is no region of a picture."""
    value = region.get("value")
    if not isinstance(value, dict):
        return None
    for name, labels in value.items():
        if name.endswith("labels") and isinstance(labels, list):
            return str(labels[0]) if labels else ""
    return "" if {"x", "points", "rle"} & set(value) else None


def _entry(region: dict[str, Any], number: int, where: str) -> Entry:
    name = f"{where}, region {key(region.get('id', number))}"
    return Entry(
        name,
        _label_of(region) or "",
        lambda shape: _mask(region["value"], shape, region),
        region["value"],
        None if region.get("id") is None else key(region["id"]),
    )


def _mask(value: dict[str, Any], shape: tuple[int, int], region: dict[str, Any]) -> np.ndarray:
    height, width = shape
    across, down = width / _WHOLE, height / _WHOLE
    if "rle" in value:
        size = whole(region.get("original_height")), whole(region.get("original_width"))
        check_size("a brush mask", size, shape)
        return outlines.with_area(_brush(value["rle"], shape), "brush")
    if "points" in value:
        points = outlines.points_of(value["points"])
        return outlines.polygon(shape, [(x * across, y * down) for x, y in points])
    if "radiusX" in value:
        return outlines.ellipse(
            shape,
            finite(value["x"]) * across,
            finite(value["y"]) * down,
            finite(value["radiusX"]) * across,
            finite(value["radiusY"]) * down,
            degrees=finite(value.get("rotation") or 0),
        )
    if "width" not in value or "height" not in value:
        raise NoAreaError("it is a point, which holds no area")
    x, y = finite(value["x"]) * across, finite(value["y"]) * down
    w, h = finite(value["width"]) * across, finite(value["height"]) * down
    turn = finite(value.get("rotation") or 0)
    if "keypointlabels" in value:
        raise NoAreaError("it is a point, which holds no area")
    return outlines.turned_box(shape, x, y, w, h, degrees=turn, pivot=(x, y))


def _brush(code: list[int], shape: tuple[int, int]) -> np.ndarray:
    """Decode the run lengths of its brush: RGBA bytes, of which alpha is the mask.

    A header of 32 bits holds the number of values, 5 the bits of a value less one, and four times
    4 the bits of the four kinds of lengths less one. Then come runs: a bit that tells whether one
    value is repeated, two bits for the kind of length, the length less one, and the value, or as
    many values.
    """
    bits = np.unpackbits(np.array(code, np.uint8))
    place = 0

    def read(count: int) -> int:
        nonlocal place
        if place + count > bits.size:
            raise ValueError("its run lengths are cut short")
        value = int("".join(map(str, bits[place : place + count].tolist())), 2)
        place += count
        return value

    total, word = read(32), read(5) + 1
    lengths = [read(4) + 1 for _ in range(4)]
    if total != shape[0] * shape[1] * 4:
        raise ValueError(f"its run lengths hold {total} values, expected {shape[0] * shape[1] * 4}")
    values = np.zeros(total, np.int64)
    done = 0
    while done < total:
        repeated = read(1)
        end = done + 1 + read(lengths[read(2)])
        if end > total:
            raise ValueError("its run lengths are damaged")
        if repeated:
            values[done:end] = read(word)
        else:
            for index in range(done, end):
                values[index] = read(word)
        done = end
    mask: np.ndarray = values.reshape(*shape, 4)[..., 3] > 0
    return mask

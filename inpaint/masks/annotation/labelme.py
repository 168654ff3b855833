"""Objects from a labelme file, or X-AnyLabeling's: JSON, one file a picture."""

from __future__ import annotations

import base64
import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from inpaint import images
from inpaint.errors import ImageError, MaskError, SelectionError
from inpaint.masks.annotation import outlines
from inpaint.masks.annotation.model import (
    Entry,
    NoAreaError,
    Page,
    choose,
    draw_all,
    key,
    log,
    tell_passed,
    whole,
)
from inpaint.masks.annotation.shared import Place, guarded, load

# What these programs can draw that holds no area.
_THIN = frozenset({"line", "linestrip", "point", "points"})
WORDS = ("label", "group id", "--label")


def labelme(
    path: Place, shape: tuple[int, int], *, labels: Sequence[str] = (), ids: Sequence[int] = ()
) -> list[np.ndarray]:
    """Read the objects of a labelme file: polygons, rectangles, circles and masks.

    Rectangles may have two corners (labelme) or four (X-AnyLabeling). A shape without area is
    passed over, and a warning says which.

    Parameters
    ----------
    path : str or path
        The JSON file that labelme or X-AnyLabeling wrote.
    shape : (H, W)
        Of the picture as shown; checked.
    labels : sequence of str
        Take the shapes with one of these labels.
    ids : sequence of int
        Take the shapes with one of these group ids. Without labels and ids all shapes are taken,
        if they bear the same label.

    Returns
    -------
    list of ndarray (H, W) of bool
        One an object, at least one.

    Raises
    ------
    MaskError
        If the file is missing, no labelme file, or a shape is damaged.
    SelectionError, UnknownNameError
        If it is for a picture of another size, or what was asked for is not in it.
    """
    name = repr(str(path))
    sheet = page(load(path, "shapes", "labelme", "--coco"), name)
    if not sheet.entries:
        raise SelectionError(f"{name} holds no polygon, rectangle, circle or mask; draw one")
    chosen = choose(sheet, file=name, names=labels, ids=ids, words=WORDS)
    masks, passed = draw_all(chosen, sheet, shape, file=name)
    if note := tell_passed(name, passed):
        log.warning("%s", note)
    return masks


def page(data: dict[str, Any], name: str) -> Page:
    """The shapes of a file with area; raises MaskError that names what is damaged."""

    def read() -> Page:
        size = whole(data.get("imageHeight")), whole(data.get("imageWidth"))
        return Page(size, [e for e in map(_entry, range(1, 1 << 30), data["shapes"]) if e])

    return guarded(read, name)


def _entry(number: int, item: Any) -> Entry | None:
    where = f"shape {number}"
    if not isinstance(item, dict):
        raise MaskError(f"{where} is {str(item)[:20]!r} and no shape; correct or delete it")
    if "label" not in item:
        raise MaskError(f"{where} is damaged ('label' is missing); correct or delete it")
    kind = item.get("shape_type")
    if kind in _THIN:
        return None
    group = item.get("group_id")
    return Entry(
        where,
        "" if item["label"] is None else str(item["label"]),
        lambda shape: _mask(item, shape),
        # A cuboid was once drawn as a polygon: as a hull it counts as changed.
        ["hull" if kind == "cuboid" else kind, item.get("points"), item.get("mask")],
        None if group is None else key(group),
    )


def _mask(item: dict[str, Any], shape: tuple[int, int]) -> np.ndarray:
    points = outlines.points_of(item["points"])
    kind = item.get("shape_type") or "polygon"
    if kind == "mask":
        if not points:
            raise NoAreaError("its mask has no place")
        return outlines.paste(shape, _stamp(item["mask"], shape), *map(round, points[0]))
    if kind == "circle":
        if len(points) != 2:
            raise NoAreaError(f"a circle has {len(points)} points, expected its centre and edge")
        (x, y), (x1, y1) = points
        radius = math.hypot(x1 - x, y1 - y)
        return outlines.ellipse(shape, x, y, radius, radius)
    if kind == "rectangle":
        return outlines.around(shape, points)
    if kind == "cuboid":  # X-AnyLabeling: the corners of two faces, one after the other
        return outlines.hull(shape, points)
    return outlines.polygon(shape, points)


def _stamp(text: str, shape: tuple[int, int]) -> np.ndarray:
    """A mask's PNG in base64; any value above 0 is object."""
    try:
        picture = images.from_bytes(
            base64.b64decode(text), name="its mask", max_pixels=4 * shape[0] * shape[1]
        )
    except ImageError as error:
        raise MaskError(str(error)) from error
    stamp: np.ndarray = images.luma(picture) > 0
    return stamp

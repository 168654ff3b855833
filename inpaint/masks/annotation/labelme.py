"""Objects from a labelme file: JSON, one file a picture."""

from __future__ import annotations

import base64
import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from inpaint import images
from inpaint.errors import ImageError, MaskError, SelectionError
from inpaint.masks import objects
from inpaint.masks.annotation.shared import (
    Place,
    check_size,
    guarded,
    load,
    not_empty,
    pick_objects,
)

# What labelme can draw that holds no area.
_THIN = frozenset({"line", "linestrip", "point", "points"})


def labelme(
    path: Place, shape: tuple[int, int], *, labels: Sequence[str] = (), ids: Sequence[int] = ()
) -> list[np.ndarray]:
    """Read the objects of a labelme file: polygons, rectangles, circles and masks.

    Parameters
    ----------
    path : str or path
        The JSON file that labelme wrote.
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
        If the file is missing, no labelme file, or damaged.
    SelectionError, UnknownNameError
        If it is for a picture of another size, or what was asked for is not in it.
    """
    data = load(path, "shapes", "labelme", "--coco")
    name = repr(str(path))

    def pick() -> list[np.ndarray]:
        check_size(name, (data.get("imageHeight"), data.get("imageWidth")), shape)
        solid = [s for s in data["shapes"] if s.get("shape_type", "polygon") not in _THIN]
        if not solid:
            raise SelectionError(f"{name} holds no polygon, rectangle, circle or mask; draw one")
        chosen = pick_objects(
            solid,
            (lambda s: str(s["label"]), "label", labels),
            (lambda s: s.get("group_id"), "group id", ids),
            name,
            "--label",
        )
        return [_labelme_mask(s, shape) for s in chosen]

    return guarded(pick, name, "labelme")


def _labelme_mask(item: dict[str, Any], shape: tuple[int, int]) -> np.ndarray:
    points = [(float(x), float(y)) for x, y in item["points"]]
    if not all(math.isfinite(v) for point in points for v in point):
        raise ValueError("a coordinate is no number")
    kind = item.get("shape_type", "polygon")
    if kind == "mask":
        return _pasted(item["mask"], points[0], shape)
    if kind == "circle":
        (x, y), (x1, y1) = points
        rows, columns = np.ogrid[: shape[0], : shape[1]]
        radius = math.hypot(x1 - x, y1 - y)
        return not_empty((columns + 0.5 - x) ** 2 + (rows + 0.5 - y) ** 2 <= radius**2, "circle")
    if kind == "rectangle":
        (x0, y0), (x1, y1) = points
        return objects.box(shape, min(x0, x1), min(y0, y1), abs(x1 - x0), abs(y1 - y0))
    return objects.polygon(shape, points)


def _pasted(text: str, corner: tuple[float, float], shape: tuple[int, int]) -> np.ndarray:
    """A mask's PNG in base64 at its place; any value above 0 is object."""
    try:
        picture = images.from_bytes(
            base64.b64decode(text), name="its mask", max_pixels=4 * shape[0] * shape[1]
        )
    except ImageError as error:
        raise MaskError(str(error)) from error
    stamp = images.luma(picture) > 0
    mask = np.zeros(shape, bool)
    x, y = round(corner[0]), round(corner[1])
    part = stamp[max(-y, 0) :, max(-x, 0) :]
    target = mask[max(y, 0) :, max(x, 0) :]
    height, width = min(part.shape[0], target.shape[0]), min(part.shape[1], target.shape[1])
    target[:height, :width] = part[:height, :width]
    return not_empty(mask, "mask")

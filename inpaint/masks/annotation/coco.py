"""Objects from COCO annotations: JSON, one file a set of pictures."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np

from inpaint.errors import SelectionError, UnknownNameError
from inpaint.masks import objects, rle
from inpaint.masks.annotation.shared import (
    Place,
    check_size,
    guarded,
    load,
    not_empty,
    pick_objects,
)


def coco(
    path: Place,
    shape: tuple[int, int],
    *,
    photo: Place,
    ids: Sequence[int] = (),
    categories: Sequence[str] = (),
) -> list[np.ndarray]:
    """Read a picture's objects from COCO annotations: polygons, run lengths, else boxes.

    Parameters
    ----------
    path : str or path
        A JSON file with ``images``, ``annotations`` and ``categories``.
    shape : (H, W)
        Of the picture as shown; checked.
    photo : str or path
        Its file name tells which picture of the file it is; not needed where the file holds but
        one picture, or ``ids`` are given.
    ids : sequence of int
        Take the annotations with one of these ids.
    categories : sequence of str
        Take those of these categories, by name or number. Without ids and categories all of the
        picture's are taken, if they are of the same category.

    Returns
    -------
    list of ndarray (H, W) of bool
        One an annotation, at least one.

    Raises
    ------
    MaskError
        If the file is missing, no COCO file, or damaged.
    SelectionError, UnknownNameError
        If it is for a picture of another size, or what was asked for is not in it.
    """
    data = load(path, "annotations", "COCO", "--labelme")
    name = repr(str(path))

    def pick() -> list[np.ndarray]:
        image = _image_of(data, photo, ids, name)
        check_size(name, (image.get("height"), image.get("width")), shape)
        of_image = [a for a in data["annotations"] if a["image_id"] == image["id"]]
        if not of_image:
            raise SelectionError(f"{name} has no annotation of {Path(photo).name!r}; add one")
        names = {c["id"]: str(c["name"]) for c in data.get("categories", [])}
        numbers = {str(number): called for number, called in names.items()}
        asked = [c if c in names.values() else numbers.get(c, c) for c in categories]
        chosen = pick_objects(
            of_image,
            (lambda a: names.get(a["category_id"], str(a["category_id"])), "category", asked),
            (lambda a: a["id"], "annotation id", ids),
            name,
            "--category or --id",
        )
        return [_coco_mask(a, shape) for a in chosen]

    return guarded(pick, name, "COCO")


def _image_of(data: dict[str, Any], photo: Place, ids: Sequence[int], name: str) -> dict[str, Any]:
    """The entry of the photo: by file name, by the asked annotations, or the only one."""
    entries: list[dict[str, Any]] = data["images"]
    parts = PurePosixPath(Path(photo).resolve().as_posix()).parts
    named = [e for e in entries if PurePosixPath(e["file_name"]).name == parts[-1]]
    if len(named) > 1:  # the same name in several folders
        longer = [(PurePosixPath(e["file_name"]).parts, e) for e in named]
        named = [e for p, e in longer if parts[-len(p) :] == p] or named
    if not named and ids:
        wanted = {a["image_id"] for a in data["annotations"] if a["id"] in set(ids)}
        if not wanted:
            raise SelectionError(f"{name} has no annotation id {ids[0]}; check the number")
        named = [e for e in entries if e["id"] in wanted]
    if not named and len(entries) == 1:
        named = entries
    if len(named) != 1:
        known = [PurePosixPath(e["file_name"]).name for e in entries]
        if named:
            raise SelectionError(
                f"{name} has {len(named)} pictures that may be {parts[-1]!r}; "
                "choose annotations of one of them with --id"
            )
        if not known:
            raise SelectionError(f"{name} lists no pictures; export it again")
        if len(known) > 20:
            raise SelectionError(
                f"{name} has no picture {parts[-1]!r} among its {len(known)}; "
                "choose annotations with --id"
            )
        raise UnknownNameError(f"picture in {name}", parts[-1], known)
    return named[0]


def _coco_mask(item: dict[str, Any], shape: tuple[int, int]) -> np.ndarray:
    segmentation = item.get("segmentation")
    if isinstance(segmentation, dict):
        if list(segmentation["size"]) != list(shape):
            height, width = segmentation["size"]
            check_size("a run-length mask", (height, width), shape)
        return not_empty(rle.decode(segmentation["counts"], shape), "annotation")
    if segmentation:
        mask = np.zeros(shape, bool)
        for flat in segmentation:
            if len(flat) % 2:
                raise ValueError("a polygon has an odd number of coordinates")
            numbers = [float(v) for v in flat]
            if not all(map(math.isfinite, numbers)):
                raise ValueError("a coordinate is no number")
            # A sliver beside the main part may hold no pixel's centre.
            mask |= _or_none(shape, list(zip(numbers[::2], numbers[1::2], strict=True)))
        return not_empty(mask, "annotation")
    x, y, w, h = (float(v) for v in item["bbox"])
    return objects.box(shape, x, y, w, h)


def _or_none(shape: tuple[int, int], points: list[objects.Point]) -> np.ndarray:
    objects.check_polygon(points)
    try:
        return objects.polygon(shape, points)
    except SelectionError:
        return np.zeros(shape, bool)

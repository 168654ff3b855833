"""Objects from COCO annotations: JSON, one file a set of pictures.

Written by many programs: CVAT, Label Studio, Roboflow, X-AnyLabeling, VIA. Their ids and sizes may
be texts, their paths those of Windows, their file names changed.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from inpaint.errors import MaskError, SelectionError, UnknownNameError
from inpaint.masks import rle
from inpaint.masks.annotation import outlines
from inpaint.masks.annotation.model import (
    Entry,
    NoAreaError,
    Page,
    check_size,
    choose,
    draw_all,
    finite,
    key,
    last_part,
    log,
    tell_passed,
    whole,
)
from inpaint.masks.annotation.names import Pictures
from inpaint.masks.annotation.shared import Place, guarded, load

WORDS = ("category", "annotation id", "--category or --id")


def coco(
    path: Place,
    shape: tuple[int, int],
    *,
    photo: Place,
    ids: Sequence[int] = (),
    categories: Sequence[str] = (),
) -> list[np.ndarray]:
    """Read a picture's objects from COCO annotations: polygons, run lengths, else boxes.

    An annotation without area is passed over, and a warning says which.

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
        If the file is missing, no COCO file, or an annotation is damaged.
    SelectionError, UnknownNameError
        If it is for a picture of another size, or what was asked for is not in it.
    """
    name = repr(str(path))
    book = Coco(path)
    sheet = book.page(book.picture_of(photo, ids))
    check_size(name, sheet.size, shape)
    if not sheet.entries:
        raise SelectionError(f"{name} has no annotation of {Path(photo).name!r}; add one")
    chosen = choose(sheet, file=name, names=categories, ids=ids, words=WORDS, known=book.names)
    masks, passed = draw_all(chosen, sheet, shape, file=name)
    if note := tell_passed(name, passed):
        log.warning("%s", note)
    return masks


class Coco:
    """A COCO file, its annotations sorted by picture.

    Parameters
    ----------
    path : str or path
        The file.

    Raises
    ------
    MaskError
        If it is missing, no COCO file, or damaged.
    """

    def __init__(self, path: Place) -> None:
        self.name = repr(str(path))
        data = load(path, "annotations", "COCO", "--labelme")
        self.categories, self.images, self._of = guarded(lambda: _sorted(data), self.name)
        self.names = set(self.categories.values())
        self.pictures = guarded(
            lambda: Pictures(_paths(image, number) for number, image in enumerate(self.images, 1)),
            self.name,
        )

    def picture_of(self, photo: Place, ids: Sequence[int] = ()) -> int:
        """The index of a photo's entry: by file name, by the asked annotations, or the only one.

        Raises
        ------
        SelectionError, UnknownNameError
            If none, or several, may be meant.
        """
        path = Path(photo).resolve().as_posix()
        found = self.pictures.find(path)
        if not found and ids:
            asked = {str(number) for number in ids}
            found = [
                index
                for index, image in enumerate(self.images)
                if any(key(a.get("id")) in asked for a in self._of.get(key(image["id"]), []))
            ]
            if not found:
                raise SelectionError(f"{self.name} has no annotation id {ids[0]}; check the number")
        if not found and len(self.images) == 1:
            found = [0]
        if len(found) != 1:
            self._refuse(last_part(path), len(found))
        return found[0]

    def _refuse(self, photo: str, count: int) -> None:
        known = [last_part(paths[0]) for paths in self.pictures.paths]
        if count:
            raise SelectionError(
                f"{self.name} has {count} pictures that may be {photo!r}; "
                "choose annotations of one of them with --id"
            )
        if not known:
            raise SelectionError(f"{self.name} lists no pictures; export it with its images")
        if len(known) > 20:
            raise SelectionError(
                f"{self.name} has no picture {photo!r} among its {len(known)}; "
                "choose annotations with --id"
            )
        raise UnknownNameError(f"picture in {self.name}", photo, known)

    def page(self, index: int) -> Page:
        """What is said about the picture of an index; MaskError names what is damaged."""

        def read() -> Page:
            image = self.images[index]
            size = whole(image.get("height")), whole(image.get("width"))
            entries = self._of.get(key(image["id"]), [])
            return Page(size, [self._entry(one) for one in entries])

        return guarded(read, self.name)

    def _entry(self, item: dict[str, Any]) -> Entry:
        number = key(item["category_id"]) if item.get("category_id") is not None else None
        return Entry(
            f"annotation id {item.get('id')}",
            "no category" if number is None else self.categories.get(number, number),
            lambda shape: _mask(item, shape),
            [item.get("segmentation"), item.get("bbox")],
            None if item.get("id") is None else key(item["id"]),
            number,
        )


def _sorted(
    data: dict[str, Any],
) -> tuple[dict[str, str], list[dict[str, Any]], dict[str, list[dict[str, Any]]]]:
    """Categories by number, pictures, and annotations by their picture."""
    categories = {}
    for place, item in enumerate(data.get("categories") or [], 1):
        if not isinstance(item, dict) or "id" not in item:
            raise MaskError(f"category {place} of its list has no id; correct or delete it")
        categories[key(item["id"])] = str(item.get("name", key(item["id"])))
    pictures = data["images"]
    for place, item in enumerate(pictures, 1):
        if not isinstance(item, dict) or "id" not in item:
            raise MaskError(f"picture {place} of its list has no id; correct or delete it")
    of: dict[str, list[dict[str, Any]]] = {}
    for place, item in enumerate(data["annotations"], 1):
        if not isinstance(item, dict) or "image_id" not in item:
            raise MaskError(f"annotation {place} of its list has no image_id; correct or delete it")
        of.setdefault(key(item["image_id"]), []).append(item)
    return categories, pictures, of


def _paths(image: dict[str, Any], place: int) -> list[str]:
    """What a picture may be called: its path, and what it was called before an upload."""
    extra = image.get("extra")  # Roboflow's
    names = [image.get("file_name") or image.get("path") or image.get("coco_url")]
    names += [extra.get("name")] if isinstance(extra, dict) else []
    found = [str(name) for name in names if name]
    if not found:
        raise MaskError(f"picture {place} of its list has no file_name; correct or delete it")
    return found


def _mask(item: dict[str, Any], shape: tuple[int, int]) -> np.ndarray:
    """Draw an annotation; what of it has no area does not count, and a box stands in."""
    mask, reason = np.zeros(shape, bool), None
    for part in _parts(item.get("segmentation")):
        try:
            mask |= _run_lengths(part, shape) if isinstance(part, dict) else _outline(part, shape)
        except NoAreaError as error:
            reason = str(error)
    if mask.any():
        return mask
    values = item.get("bbox")
    if values:
        x, y, w, h = (finite(value) for value in values)
        return outlines.box(shape, x, y, w, h)
    raise NoAreaError(reason or "it has neither outline nor box ('bbox' is missing)")


def _parts(segmentation: Any) -> list[Any]:
    """The parts of a segmentation: polygons as lists, run lengths as objects."""
    if not segmentation:
        return []
    if isinstance(segmentation, dict):
        return [segmentation]
    if not isinstance(segmentation, list):
        raise TypeError("its segmentation is neither a list nor run lengths")
    if not isinstance(segmentation[0], (list, dict)):
        return [segmentation]  # one polygon, not in a list of its own
    pairs = all(isinstance(part, list) and len(part) == 2 for part in segmentation)
    if pairs and not isinstance(segmentation[0][0], list):
        return [segmentation]  # one polygon of [x, y] points
    return segmentation


def _outline(part: list[Any], shape: tuple[int, int]) -> np.ndarray:
    return outlines.polygon(shape, outlines.points_of(part))


def _run_lengths(code: dict[str, Any], shape: tuple[int, int]) -> np.ndarray:
    height, width = (whole(side) for side in code["size"])
    check_size("a run-length mask", (height, width), shape)
    counts = code["counts"]
    if isinstance(counts, list):
        counts = [count if isinstance(count, int) else whole(count) or 0 for count in counts]
    return outlines.with_area(rle.decode(counts, shape), "annotation")

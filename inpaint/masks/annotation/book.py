"""Annotations of any of the programs that are known, told by the content of their file."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol
from xml.etree import ElementTree

import numpy as np

from inpaint.errors import MaskError, SelectionError, UnknownNameError
from inpaint.masks.annotation import cvat, labelme, labelstudio, via, voc, yolo
from inpaint.masks.annotation.coco import Coco
from inpaint.masks.annotation.model import (
    Page,
    check_size,
    choose,
    draw_all,
    last_part,
    log,
    tell_passed,
)
from inpaint.masks.annotation.names import Pictures
from inpaint.masks.annotation.shared import Place, guarded, read_json, read_text

WORDS = ("label", "id", "--label or --id")
KNOWN = "COCO, labelme, Label Studio, CVAT, VIA, PASCAL VOC or YOLO"


class Book(Protocol):
    """A file of annotations of several pictures."""

    name: str
    names: set[str]

    def find(self, photo: str) -> Page | None:
        """What it says of a photo by its path; None: the photo is not in it."""

    def only(self) -> Page | None:
        """The page of a file that holds but one; None for a file that holds more."""


class CocoBook:
    """A COCO file as a book."""

    def __init__(self, path: Place) -> None:
        self._coco = Coco(path)
        self.name, self.names = self._coco.name, self._coco.names
        self.numbers, self.pictures = set(self._coco.categories), self._coco.pictures

    def find(self, photo: str) -> Page | None:
        """As in ``Book``. Raises SelectionError where several pictures may be meant."""
        found = self._coco.pictures.find(photo)
        if len(found) > 1:
            raise _several(self.name, photo, len(found))
        return self._coco.page(found[0]) if found else None

    def only(self) -> Page | None:
        """As in ``Book``."""
        return self._coco.page(0) if len(self._coco.images) == 1 else None

    def called(self) -> list[str]:
        """What its pictures are called."""
        return [last_part(paths[0]) for paths in self.pictures.paths]


class PagesBook:
    """The pages of any other program as a book.

    Parameters
    ----------
    name : str
        How messages call the file.
    pages : sequence of (list of str, Page)
        Names of each picture, and what is said of it.
    """

    def __init__(self, name: str, pages: Sequence[tuple[list[str], Page]]) -> None:
        self.name = name
        self._pages = [page for _, page in pages]
        self.pictures = Pictures(names for names, _ in pages)
        self.names = {entry.label for page in self._pages for entry in page.entries}

    def find(self, photo: str) -> Page | None:
        """As in ``Book``. Raises SelectionError where several pictures may be meant."""
        found = self.pictures.find(photo)
        if len(found) > 1:
            raise _several(self.name, photo, len(found))
        return self._pages[found[0]] if found else None

    def only(self) -> Page | None:
        """As in ``Book``."""
        return self._pages[0] if len(self._pages) == 1 else None

    def called(self) -> list[str]:
        """What its pictures are called."""
        return [last_part(paths[0]) for paths in self.pictures.paths]


def _several(name: str, photo: str, count: int) -> SelectionError:
    return SelectionError(
        f"{name} has {count} pictures that may be {last_part(photo)!r}; give their folders as the "
        "file names them"
    )


def open_book(path: Place) -> CocoBook | PagesBook:
    """Read a file of annotations of any program; a file of one picture has one page.

    Raises
    ------
    MaskError
        If the file is missing, of no program that is known, or damaged.
    """
    name = repr(str(path))
    if Path(path).suffix.lower() == ".xml":
        text = read_text(path, "CVAT or PASCAL VOC XML")
        return PagesBook(name, guarded(lambda: _xml_pages(text), name))
    if Path(path).suffix.lower() == ".txt":
        return PagesBook(name, [([Path(path).stem], yolo_page(path))])
    data = read_json(path, KNOWN)
    if isinstance(data, dict) and isinstance(data.get("annotations"), list) and "images" in data:
        return CocoBook(path)
    pages = guarded(lambda: _pages(data, name), name)
    if pages is None:
        raise MaskError(f"{name} is JSON, but none of {KNOWN}; export it as COCO, VOC or YOLO")
    return PagesBook(name, pages)


def _pages(data: Any, name: str) -> list[tuple[list[str], Page]] | None:
    if labelstudio.is_ours(data):
        return labelstudio.pages(data)
    if via.is_ours(data):
        return via.pages(data)
    if isinstance(data, dict) and isinstance(data.get("shapes"), list):
        return [([str(data.get("imagePath") or "")], labelme.page(data, name))]
    return None


def _xml_pages(text: str) -> list[tuple[list[str], Page]]:
    """The pages of an XML file, which its root tells; MaskError for that of another program."""
    try:
        root = ElementTree.fromstring(text)
    except ElementTree.ParseError as error:
        raise MaskError(f"it is no XML ({error}); export it again") from None
    if root.tag == voc.ROOT:
        return voc.pages(root)
    if root.tag != cvat.ROOT:
        raise MaskError(
            f"it is XML of {root.tag!r}, expected CVAT's annotations or PASCAL VOC's annotation; "
            "export as COCO"
        )
    return cvat.pages(root)


def yolo_page(path: Place) -> Page:
    """The objects of a YOLO file, with the class names that lie beside or above it."""
    name = repr(str(path))
    names, pose = yolo_names(Path(path).parent)
    text = read_text(path, "YOLO labels")
    return guarded(lambda: yolo.page(text, names, pose), name)


def yolo_names(folder: Path) -> tuple[dict[str, str], int]:
    """Names of classes from a file in a folder or above it, and the length of a pose.

    Without such a file there are no names, and poses are told by their lines.
    """
    above = [folder.resolve(), *folder.resolve().parents][: yolo.LEVELS_UP]
    for place in above:
        for file in yolo.CLASS_FILES:
            if (place / file).is_file():
                text = read_text(place / file, "class names")
                pose = yolo.keypoints(text) if file.endswith(("yaml", "yml")) else 0
                return yolo.class_names(text, str(place / file)), pose
    return {}, 0


def any_program(
    path: Place,
    shape: tuple[int, int],
    *,
    photo: Place,
    ids: Sequence[int] = (),
    labels: Sequence[str] = (),
) -> list[np.ndarray]:
    """Read a picture's objects from the file of any program that is known.

    Those are COCO, labelme and X-AnyLabeling, Label Studio (JSON and JSON-MIN), CVAT ("CVAT for
    images" XML), PASCAL VOC (XML), VIA (JSON), and YOLO (text with ``classes.txt`` or ``data.yaml``
    beside or above it). The format is told by the content. Entries without area are passed over,
    and a warning says which.

    Parameters
    ----------
    path : str or path
        The file.
    shape : (H, W)
        Of the picture as shown; checked.
    photo : str or path
        Tells which picture of the file it is.
    ids, labels : sequences
        Take the entries with one of these ids, of one of these classes; see ``coco``.

    Returns
    -------
    list of ndarray (H, W) of bool
        One an object, at least one.

    Raises
    ------
    MaskError
        If the file is missing, unknown, or an entry is damaged.
    SelectionError, UnknownNameError
        If it is for a picture of another size, or what was asked for is not in it.
    """
    book = open_book(path)
    where = Path(photo).resolve().as_posix()
    sheet = book.find(where)
    if sheet is None:
        sheet = book.only()
    if sheet is None:
        known = book.called()
        if len(known) in range(1, 21):
            raise UnknownNameError(f"picture in {book.name}", Path(photo).name, known)
        raise SelectionError(f"{book.name} has no picture {Path(photo).name!r}; check the name")
    check_size(book.name, sheet.size, shape)
    if not sheet.entries:
        raise SelectionError(f"{book.name} has no object of {Path(photo).name!r}; add one")
    chosen = choose(sheet, file=book.name, names=labels, ids=ids, words=WORDS, known=book.names)
    masks, passed = draw_all(chosen, sheet, shape, file=book.name)
    if note := tell_passed(book.name, passed):
        log.warning("%s", note)
    return masks

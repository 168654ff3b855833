"""Which objects annotation files mark for removal in each image of a folder.

A file of many images (COCO and others) is read once by each worker; a folder of files (labelme,
PASCAL VOC, YOLO) has one for each image.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from inpaint.batch.options import Options, Setup
from inpaint.batch.pairing import Item
from inpaint.batch.storage import is_url, local_path
from inpaint.errors import InpaintError, MaskError, SelectionError, UnknownNameError
from inpaint.masks import objects
from inpaint.masks.annotation.book import CocoBook, PagesBook, open_book, yolo_page
from inpaint.masks.annotation.model import Entry, Page, digest, draw_all, tell_passed
from inpaint.masks.annotation.names import Pictures
from inpaint.masks.preview import as_seen

if TYPE_CHECKING:
    from inpaint.images import Picture

# Of the files in a folder; the other kinds are one file for all images.
ENDINGS = {"labelme": ".json", "voc": ".xml", "yolo": ".txt"}
FOREIGN = frozenset({"classes.txt", "obj.names", "notes.json"})  # beside the files of images
UNANNOTATED = "unannotated"  # in place of a hash


@dataclass(frozen=True)
class Found:
    """The objects of one image that shall be removed; ``entries`` is empty if it has none."""

    file: str
    page: Page
    entries: list[Entry]

    @property
    def sha256(self) -> str:
        """A hash of all that the hole depends on."""
        return digest(self.page, self.entries) if self.entries else UNANNOTATED

    def hole(self, picture: Picture, margin: float | None) -> tuple[np.ndarray, str | None]:
        """Return the hole (H, W) of bool, each object with its own margin, and a note or None.

        The note says which entries were passed over, and of how many objects a part still seems to
        show around the hole.

        Raises
        ------
        MaskError
            If an entry is damaged.
        SelectionError
            If no entry has area, or nothing would be known.
        """
        shape = (picture.height, picture.width)
        drawn, passed = draw_all(self.entries, self.page, shape, file=self.file)
        hole, left = objects.hole_of(
            drawn, grow=margin, image=as_seen(picture), unseen=picture.unseen
        )
        if hole.all():
            raise SelectionError(
                f"{self.file}: the objects and their margins cover the whole picture, so nothing "
                "is known to fill them from; choose with --category, or give a smaller --grow"
            )
        shown = f"what lies just outside the hole looks like {left} of {len(drawn)} objects"
        notes = [tell_passed(self.file, passed), shown if left else None]
        return hole, "; ".join(filter(None, notes)) or None


class Annotations:
    """Tells one worker which objects are to be removed from an image."""

    def __init__(self, setup: Setup) -> None:
        self._images = setup.images.rstrip("/")
        self._folder = local_path(setup.masks or "")
        self._options = setup.options
        self._book: CocoBook | PagesBook | None = None

    def of(self, path: str, file: str | None) -> Found:
        """The objects of an image.

        Parameters
        ----------
        path : str
            Of the image, below IMAGES.
        file : str or None
            Of its annotations; None for an image that has none.

        Raises
        ------
        MaskError
            If the file is damaged.
        """
        empty = Page((None, None))
        if file is None:
            return Found("", empty, [])
        where = self._folder / file
        asked = self._options.categories or ()
        if self._options.objects == "yolo":
            page: Page | None = yolo_page(where)
            known = {entry.label for entry in page.entries} if page else set()
        elif self._options.objects in ENDINGS:
            book = open_book(where)
            page, known = (book.only() if isinstance(book, PagesBook) else None), book.names
            if page is None:
                option = "--coco" if self._options.objects == "labelme" else "--annotations"
                raise MaskError(f"{str(where)!r} is of several images; give the file with {option}")
        else:
            self._book = self._book or open_book(where)
            page, known = self._book.find(f"{self._images}/{path}"), self._book.names
        page = page or empty
        return Found(repr(str(where)), page, page.of(asked, known))


def check(options: Options, images: str, file: Path, items: Iterable[Item]) -> None:
    """Refuse before the start what every worker would refuse, or would do wrong without noticing.

    Parameters
    ----------
    options : Options
        With ``objects``; a folder of files is not looked into.
    images : str
        The folder of images.
    file : Path
        The file of annotations.
    items : iterable of Item
        All images.

    Raises
    ------
    UnknownNameError
        For a category that is not in the file.
    MaskError
        If the file is damaged, or one picture in it may be two of the images.
    """
    book = open_book(file)
    names = book.names | (set(book.numbers) if isinstance(book, CocoBook) else set())
    for name in options.categories or ():
        if name not in names:
            raise UnknownNameError("category", name, book.names)
    first: dict[str, str] = {}
    twice: set[str] = set()
    for item in items:
        name = item.path.rpartition("/")[2]
        other = first.setdefault(name.casefold(), item.path)
        if other != item.path:
            twice |= {other, item.path}
    owners: dict[int, str] = {}
    pictures: Pictures = book.pictures
    for path in sorted(twice):
        for index in pictures.find(f"{images.rstrip('/')}/{path}"):
            if owners.setdefault(index, path) != path:
                raise MaskError(
                    f"{book.name} has one picture that may be {owners[index]!r} or {path!r}; name "
                    "folders in it, or run each folder of images with its own file"
                )


def refuse_url(place: str) -> None:
    """Raise InpaintError for annotations behind a URL."""
    if is_url(place):
        raise InpaintError(f"{place} is a URL; annotations are read from files, copy them here")

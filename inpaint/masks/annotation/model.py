"""What all annotation files say, whoever wrote them: the objects of one image, each with a label.

A reader makes a :class:`Page` of an image's entries without drawing any; what an entry stumbles
over is said with the entry's own name, and costs nothing where it is not asked for.
"""

from __future__ import annotations

import hashlib
import json
import logging
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from inpaint.errors import InpaintError, MaskError, SelectionError, UnknownNameError

log = logging.getLogger(__name__)
_LISTED = 12  # ids that a message lists
_NAMED = 5  # entries that a message names
FAULTS = (KeyError, TypeError, ValueError, AttributeError, IndexError, OverflowError)


class NoAreaError(SelectionError):
    """An entry covers no pixel of the picture: it is passed over where others do."""


@dataclass(frozen=True)
class Entry:
    """One annotated object.

    Attributes
    ----------
    where : str
        How messages call it: its place in the file, or its id.
    label : str
        Its class.
    draw : callable
        ``draw(shape)`` -> (H, W) bool; raises NoAreaError for one without area, and what Python
        raises over damage.
    facts : object
        All that its mask depends on, for JSON: two entries with equal facts are the same.
    number : str or None
        Its id or group.
    category : str or None
        The number of its class.
    """

    where: str
    label: str
    draw: Callable[[tuple[int, int]], np.ndarray]
    facts: Any
    number: str | None = None
    category: str | None = None

    @property
    def title(self) -> str:
        """Its place with its label."""
        return f"{self.where} ({self.label!r})" if self.label else self.where

    def is_of(self, name: str, names: set[str]) -> bool:
        """Whether it is of a class that is given by name, or by number where no name is so."""
        return self.label == name or (name not in names and self.category == name)


@dataclass(frozen=True)
class Page:
    """The entries of one image; ``size`` is (height, width), None where the file does not tell."""

    size: tuple[int | None, int | None]
    entries: list[Entry] = field(default_factory=list)

    def of(self, names: Sequence[str], known: set[str]) -> list[Entry]:
        """The entries of some classes, all of them for no names."""
        if not names:
            return list(self.entries)
        return [e for e in self.entries if any(e.is_of(name, known) for name in names)]


def draw_all(
    entries: Sequence[Entry], page: Page, shape: tuple[int, int], *, file: str
) -> tuple[list[np.ndarray], list[str]]:
    """Draw entries; those without area are passed over.

    Parameters
    ----------
    entries : sequence of Entry
        Some of the page's, at least one.
    page : Page
        Its size is checked.
    shape : (H, W)
        Of the picture as shown.
    file : str
        How messages call the file.

    Returns
    -------
    (list of ndarray (H, W) of bool, list of str)
        At least one mask, and what was passed over.

    Raises
    ------
    SelectionError
        If the file is for a picture of another size, or no entry has any area.
    MaskError
        If an entry is damaged.
    """
    check_size(file, page.size, shape)
    masks: list[np.ndarray] = []
    passed: list[str] = []
    for entry in entries:
        try:
            masks.append(entry.draw(shape))
        except NoAreaError as error:
            passed.append(f"{entry.title}: {error}")
        except MaskError as error:
            raise type(error)(f"{file}: {entry.title}: {error}") from None
        except FAULTS as error:
            what = f"{error} is missing" if isinstance(error, KeyError) else str(error)
            raise MaskError(
                f"{file}: {entry.title} is damaged ({what}); correct or delete it"
            ) from None
    if not masks:
        raise SelectionError(f"{file}: {passed[0]}")
    return masks, passed


def tell_passed(file: str, passed: Sequence[str]) -> str | None:
    """One line on entries without area, None for none."""
    if not passed:
        return None
    shown = "; ".join(passed[:_NAMED])
    more = f"; and {len(passed) - _NAMED} more" if len(passed) > _NAMED else ""
    return f"{file}: passed over what has no area: {shown}{more}"


def choose(
    page: Page,
    *,
    file: str,
    names: Sequence[str],
    ids: Sequence[int],
    words: tuple[str, str, str],
    known: set[str] | None = None,
) -> list[Entry]:
    """The entries that are meant: of these names, and of these ids; without both all of one kind.

    Parameters
    ----------
    page : Page
        With at least one entry.
    file : str
        How messages call the file.
    names, ids : sequences
        What is asked for.
    words : (str, str, str)
        How messages call a name, an id, and the options that choose.
    known : set of str, optional
        All names of the file; by default those of the page.

    Raises
    ------
    SelectionError, UnknownNameError
        If nothing is meant, or several kinds are there and none is asked for.
    """
    name_word, id_word, option = words
    labels = {entry.label for entry in page.entries}
    numbers = {entry.number for entry in page.entries} - {None}
    for name in names:
        if not any(entry.is_of(name, known or labels) for entry in page.entries):
            if not labels:
                raise SelectionError(f"{file} has no {name_word} at all; leave the option out")
            raise UnknownNameError(name_word, name, labels)
    for number in ids:
        if str(number) not in numbers:
            raise _unknown_id(id_word, number, {str(n) for n in numbers}, file)
    chosen = page.of(names, known or labels)
    if ids:
        asked = {str(number) for number in ids}
        chosen = [entry for entry in chosen if entry.number in asked]
    if not chosen:
        raise SelectionError(f"no object in {file} is both; give either a name or an id")
    kinds = sorted({entry.label for entry in chosen})
    if len(kinds) > 1 and not names and not ids:
        raise SelectionError(
            f"{file} has objects of {len(kinds)} kinds ({', '.join(kinds)}); choose with {option}"
        )
    return chosen


def _unknown_id(word: str, value: object, known: set[str], file: str) -> InpaintError:
    if not known:
        return SelectionError(f"{file} has no {word} at all; leave the option out")
    ordered = sorted(known, key=lambda text: (len(text), text))
    more = " and others" if len(ordered) > _LISTED else ""
    listed = ", ".join(ordered[:_LISTED])
    return SelectionError(f"{file} has no {word} {value} for this photo; it has {listed}{more}")


def check_size(name: str, size: tuple[Any, Any], shape: tuple[int, int]) -> None:
    """Compare (height, width) of the file, where it tells, with the picture's.

    Raises SelectionError where they differ.
    """
    if None in size or size == shape:
        return
    hint = (
        "it was drawn on the unturned photo, turn it"
        if size == shape[::-1]
        else "take the annotations of this very photo"
    )
    raise SelectionError(
        f"{name} is for a picture of {size[1]}x{size[0]}, the photo is {shape[1]}x{shape[0]} "
        f"as shown (width x height); {hint}"
    )


def digest(page: Page, entries: Sequence[Entry]) -> str:
    """A hash of all that the masks of some entries depend on."""
    text = json.dumps([page.size, [[e.label, e.facts] for e in entries]], default=str)
    return hashlib.sha256(text.encode()).hexdigest()


def key(value: object) -> str:
    """An id as text, so that 7, 7.0 and "7" are the same."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return str(value).strip()


def whole(value: object) -> int | None:
    """A size in pixels, that may be a text; None where it tells nothing (absent, or 0)."""
    if value is None or value == "":
        return None
    number = float(str(value))
    if not math.isfinite(number) or number != int(number):
        raise ValueError(f"{value!r} is no number of pixels")
    return int(number) or None


def finite(value: object) -> float:
    """A coordinate, that may be a text. Raises ValueError for anything else."""
    if isinstance(value, bool) or value is None:
        raise ValueError("a coordinate is no number")
    number = float(value) if isinstance(value, (int, float)) else float(str(value))
    if not math.isfinite(number):
        raise ValueError("a coordinate is no number")
    return number


def last_part(path: str) -> str:
    """The file name at the end of a path of any system."""
    return path.replace("\\", "/").rstrip("/").rpartition("/")[2]

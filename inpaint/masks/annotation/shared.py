"""What the readers of annotation files share: loading, checks, and the choice among objects."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from inpaint.errors import InpaintError, MaskError, SelectionError, UnknownNameError

Place = str | os.PathLike[str]
# What to look at in an entry, how messages call it, and which values are asked for.
Criterion = tuple[Callable[[dict[str, Any]], Any], str, Sequence[Any]]
_LISTED = 12  # ids that a message lists


def load(path: Place, key: str, kind: str, other: str) -> dict[str, Any]:
    """Read a JSON file that holds a list under ``key``; MaskError says what is wrong with it."""
    name = repr(str(path))
    try:
        data = json.loads(Path(path).read_text("utf-8-sig"))
    except FileNotFoundError:
        raise MaskError(f"{name} does not exist, expected {kind} JSON; check the path") from None
    except IsADirectoryError:
        raise MaskError(f"{name} is a folder, expected a {kind} JSON file; name it") from None
    except OSError as error:
        raise MaskError(f"{name} cannot be read ({error.strerror}); check the path") from error
    except (ValueError, RecursionError):  # bad UTF-8 is a ValueError too
        raise MaskError(f"{name} is no JSON file; name the {kind} annotations") from None
    if not isinstance(data, dict) or not isinstance(data.get(key), list):
        raise MaskError(
            f"{name} has no list {key!r} and so is no {kind} file; export it again, or use {other}"
        )
    return data


def guarded(pick: Callable[[], list[np.ndarray]], name: str, kind: str) -> list[np.ndarray]:
    """Run ``pick``; what it stumbles over in the file becomes one line that names the file.

    The masks are (H, W) bool. Raises MaskError, or the SelectionError that ``pick`` raised.
    """
    try:
        return pick()
    except UnknownNameError:
        raise
    except MaskError as error:
        text = str(error)
        raise type(error)(text if text.startswith(name) else f"{name}: {text}") from None
    except (KeyError, TypeError, ValueError, AttributeError, IndexError, OverflowError) as error:
        what = f"{error} is missing" if isinstance(error, KeyError) else str(error)
        raise MaskError(f"{name} is damaged as {kind} ({what}); export it again") from error


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


def pick_objects(
    items: list[dict[str, Any]], by_name: Criterion, by_id: Criterion, file: str, option: str
) -> list[dict[str, Any]]:
    """Items that meet both criteria (function, its name, accepted values); no values: any.

    Raises SelectionError when nothing meets both.
    """
    chosen = items
    for function, kind, accepted in (by_name, by_id):
        known = {function(item) for item in items} - {None}
        for value in accepted:
            if value not in known:
                raise _unknown(kind, value, known, file)
        if accepted:
            chosen = [item for item in chosen if function(item) in accepted]
    if not chosen:
        raise SelectionError(f"no object in {file} is both; give either a name or an id")
    names = sorted({by_name[0](item) for item in chosen})
    if len(names) > 1 and not by_name[2] and not by_id[2]:
        raise SelectionError(
            f"{file} has objects of {len(names)} kinds ({', '.join(names)}); choose with {option}"
        )
    return chosen


def _unknown(kind: str, value: object, known: set[Any], file: str) -> InpaintError:
    if not known:
        return SelectionError(f"{file} has no {kind} at all; leave the option out")
    if isinstance(value, str):
        return UnknownNameError(kind, value, map(str, known))
    some = sorted(known)[:_LISTED]
    more = " ..." if len(known) > _LISTED else ""
    listed = ", ".join(map(str, some))
    return SelectionError(f"{file} has no {kind} {value} for this photo; it has {listed}{more}")


def not_empty(mask: np.ndarray, what: str) -> np.ndarray:
    """Return the mask, or raise SelectionError when ``what`` left none. The mask is (H, W) bool."""
    if not mask.any():
        raise SelectionError(f"the {what} covers no pixel of the picture; draw it again")
    return mask

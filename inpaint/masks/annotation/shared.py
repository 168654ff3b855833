"""What the readers of annotation files share: loading JSON, and one line for what is damaged."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from typing import Any, TypeVar

from inpaint.errors import MaskError, UnknownNameError, reason, remedy
from inpaint.masks.annotation.model import FAULTS
from inpaint.system import files

Place = str | os.PathLike[str]
Result = TypeVar("Result")


def read_text(path: Place, kind: str) -> str:
    """Read an annotation file; MaskError says what is wrong with it."""
    name = repr(str(path))
    try:
        return files.read_text(path, encoding="utf-8-sig")
    except FileNotFoundError:
        raise MaskError(f"{name} does not exist, expected {kind}; check the path") from None
    except IsADirectoryError:
        raise MaskError(f"{name} is a folder, expected a file of {kind}; name it") from None
    except OSError as error:
        advice = remedy(error, "check the path")
        raise MaskError(f"{name} cannot be read ({reason(error)}); {advice}") from error
    except ValueError:
        raise MaskError(f"{name} is no text in UTF-8, expected {kind}; name that file") from None


def read_json(path: Place, kind: str) -> Any:
    """Read a JSON file; MaskError says what is wrong with it."""
    text = read_text(path, f"{kind} JSON")
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        raise MaskError(f"{str(path)!r} is no JSON file; name the {kind} annotations") from None


def load(path: Place, key: str, kind: str, other: str) -> dict[str, Any]:
    """Read a JSON file that holds a list under ``key``; MaskError says what is wrong with it."""
    data = read_json(path, kind)
    if not isinstance(data, dict) or not isinstance(data.get(key), list):
        raise MaskError(
            f"{str(path)!r} has no list {key!r} and so is no {kind} file; use {other}, or "
            "--annotations, which tells the format itself"
        )
    return data


def guarded(read: Callable[[], Result], name: str) -> Result:
    """Run ``read``; what it stumbles over in the file becomes one line that names the file.

    Raises MaskError, or the SelectionError that ``read`` raised.
    """
    try:
        return read()
    except UnknownNameError:
        raise
    except MaskError as error:
        text = str(error)
        raise type(error)(text if text.startswith(name) else f"{name}: {text}") from None
    except FAULTS as error:
        what = f"{error} is missing" if isinstance(error, KeyError) else str(error)
        raise MaskError(f"{name} is damaged ({what}); correct it, or export it again") from error

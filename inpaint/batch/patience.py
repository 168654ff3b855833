"""A limit on how long a read may take.

A network mount whose server is gone does not fail: it lets every read wait, for ever. A thread that
waits so cannot be ended, but it can be left behind.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from inpaint.system import threads

READ_SECONDS = 600.0  # for one file: even a slow link brings a large photo in this time

_Value = TypeVar("_Value")


def within(seconds: float, read: Callable[[], _Value]) -> _Value:
    """Return what ``read`` returns, or raise what it raises.

    Raises
    ------
    TimeoutError
        After so many seconds without either. The read goes on in a thread of its own.
    InpaintError, MemoryError
        If there can be no such thread.
    """
    found: dict[str, Any] = {}

    def run() -> None:
        try:
            found["value"] = read()
        except BaseException as error:
            found["error"] = error

    if not threads.start(run).join(seconds):
        raise TimeoutError(f"no answer for {seconds:g} s")
    if "error" in found:
        raise found["error"]
    value: _Value = found["value"]
    return value

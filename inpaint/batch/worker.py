"""A worker process (``python -m inpaint.batch.worker``): it answers each line of JSON with one.

Not ``multiprocessing``: its spawned processes import the caller's main module again, and its
queues lose items when a process is killed. Here a closed pipe says which item was being filled.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from typing import Any, TextIO


def main() -> None:
    """Read the setup, then items until stdin ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the run that started this one decides
    replies = os.fdopen(os.dup(1), "w", encoding="ascii")
    os.dup2(2, 1)  # what libraries print must not look like a reply
    try:
        fill = _start(sys.stdin.readline())
    except BaseException as error:
        _say(replies, {"fatal": _reason(error)})
        return
    _say(replies, {"ready": True})
    for line in sys.stdin:
        _say(replies, fill(json.loads(line)))
    os._exit(0)  # all is written; taking torch down would keep the run waiting


def _start(line: str) -> Any:
    from inpaint.batch.item import ItemFiller
    from inpaint.batch.options import Setup

    setup = Setup.from_json(line)
    filler = ItemFiller(setup)
    filler.hold_memory()
    return filler


def _reason(error: BaseException) -> str:
    from inpaint.errors import InpaintError

    if isinstance(error, InpaintError):
        return str(error)
    text = " ".join(str(error).split()) or "no message"
    return f"a worker could not start, {type(error).__name__}: {text}"


def _say(replies: TextIO, message: dict[str, Any]) -> None:
    replies.write(json.dumps(message) + "\n")
    replies.flush()


if __name__ == "__main__":
    main()

"""The status row of an item: its states, and how a line of the manifest becomes one.

A row has ``path``, ``mask`` and ``out`` (relative), ``status``, ``error``, ``seconds`` (and of them
``search_seconds``; both also as processor time, ``cpu_seconds`` and ``search_cpu_seconds``),
``prior``, and ``method`` and ``losses`` with one entry for each crop; ``ended`` (Unix time),
``worker`` (process) and ``memory_mb`` (resident, after it); and what resuming needs: the hashes and
stamps of the three files, ``before`` and ``wrote``.
"""

from __future__ import annotations

import json
from typing import Any

Row = dict[str, Any]

DONE = "done"
KEPT = "kept"  # done by an earlier run, and nothing has changed since
CHECKED = "checked"  # by a dry run
FAILED = "failed"
SKIPPED = "skipped"  # has none of the objects to remove, and shall not be copied
RETRY = "retry"  # its worker died or ran out of memory: to be tried alone
ORPHAN = "orphan"  # a mask without an image
STARTED = "started"  # given to a worker; only ever the last row of an item after a kill

_STATUSES = (DONE, KEPT, CHECKED, FAILED, SKIPPED, RETRY, ORPHAN, STARTED)
_TEXTS = (
    "mask", "out", "error", "note", "options", "before", "out_sha256", "out_stamp",
    "image_sha256", "image_stamp", "mask_sha256", "mask_stamp",
)  # fmt: skip
_MOST_WROTE = 16


def claim(known: Row | None) -> Row:
    """Return the hashes by which an output is known to be ours, for the next row of its item.

    ``before`` is the hash of the output that an earlier row tells of. ``wrote`` has the hashes of
    outputs that workers were about to write when they were killed, so that no row tells of them.
    """
    known = known or {}
    before = known.get("out_sha256") or known.get("before")
    return {"before": before, "wrote": known.get("wrote") or []}


def started(path: str, out: str, known: Row | None) -> Row:
    """Return the row of an item that a worker is about to fill.

    Parameters
    ----------
    path, out : str
        The item.
    known : dict, optional
        Its row so far.
    """
    row = {"path": path, "out": out, "status": STARTED, **claim(known)}
    if known and known["status"] == STARTED and known.get("empty"):
        row["empty"] = True  # by an earlier version, which noted that nothing was there
    return row


def with_written(known: Row | None, path: str, out: str, digest: str) -> Row | None:
    """Return the row of an item with one more hash in ``wrote``.

    None if the row tells already of a finished output, or of this hash.
    """
    if known is None or known.get("out") != out:
        known = started(path, out, None)
    wrote = known.get("wrote") or []
    if known["status"] in (DONE, KEPT) or digest in wrote:
        return None
    return {**known, "wrote": [*wrote, digest][-_MOST_WROTE:]}


def parse(line: bytes) -> Row | None:
    """Return the row of a line; None if it is none, or has values of types that rows do not have.

    What is not a row must not end a run: the file may have been edited, or damaged by its disk.
    """
    try:
        row = json.loads(line)
    except (ValueError, RecursionError):
        return None
    if not isinstance(row, dict) or not isinstance(row.get("path"), str):
        return None
    texts = all(isinstance(row.get(key), str | None) for key in _TEXTS)
    if row.get("status") not in _STATUSES or not texts:
        return None
    wrote = row.get("wrote", [])
    if not isinstance(wrote, list) or not all(isinstance(one, str) for one in wrote):
        return None
    if row["status"] == STARTED and not (isinstance(row.get("out"), str) and "before" in row):
        return None
    return row

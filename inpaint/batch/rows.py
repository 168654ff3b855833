"""Status rows: what they hold and the words for how an item ended.

A row has ``path``, ``mask`` and ``out`` (relative), ``status``, ``error``, ``seconds`` (and of them
``search_seconds``; both also as processor time, ``cpu_seconds`` and ``search_cpu_seconds``),
``prior``, and ``method`` and ``losses``, one entry a crop; ``ended`` (Unix time), ``worker``
(process) and ``memory_mb`` (resident, after it); and what resuming needs: hashes and stamps.
"""

from __future__ import annotations

from typing import Any

Row = dict[str, Any]

DONE = "done"
KEPT = "kept"  # done by an earlier run, and nothing has changed since
CHECKED = "checked"  # by a dry run
FAILED = "failed"
RETRY = "retry"  # out of memory beside others: to be tried alone
ORPHAN = "orphan"  # a mask without an image
STARTED = "started"  # given to a worker; only ever the last row of an item after a kill


def before(known: Row | None) -> str | None:
    """Return the hash of the output that an item's row says it has, whatever came after it."""
    known = known or {}
    return known.get("out_sha256") or known.get("before")

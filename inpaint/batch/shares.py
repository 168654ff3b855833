"""Memory: how many workers share what there is, and what to say when it was not enough."""

from __future__ import annotations

import os
import re

from inpaint.errors import InpaintError
from inpaint.system import limits

SHARE = 0.8  # of the machine's memory, if nothing is said
# A worker with its libraries and priors takes 0.5 GB before the first pixel.
LEAST_A_WORKER = 1 << 30
_UNITS = {"": 1, "k": 1 << 10, "m": 1 << 20, "g": 1 << 30, "t": 1 << 40}


def parse(text: str) -> int:
    """Return the bytes of ``4G``, ``500M`` or ``1.5GB``; raises InpaintError."""
    found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([kmgt]?)(?:i?b)?", text.strip().lower())
    if not found or float(found[1]) == 0:
        raise InpaintError(f"memory is {text!r}, expected a size such as 4G or 500M")
    return int(float(found[1]) * _UNITS[found[2]])


def worker_shares(
    engine: str, workers: int | None, limit: int | None
) -> tuple[int | None, int | None, int | None]:
    """Return the number of workers, the bytes of memory for each and for all; None: not set.

    Parameters
    ----------
    engine : {"local", "ray"}
        Ray knows its cluster better than this machine does.
    workers, limit : int, optional
        What was asked for: ``fill_folder``'s ``workers`` and ``limit``.

    Raises
    ------
    InpaintError
        If so many workers cannot share so little memory.
    """
    if engine == "ray":  # its workers are counted when the cluster is known, and so their shares
        return workers, None, limit
    if workers == 0:
        if limit is not None:
            raise InpaintError(
                "--memory holds worker processes, and --workers 0 has none; "
                "give --workers 1 or more, or leave --memory out"
            )
        return 0, None, None
    total = limit
    if total is None:
        there = limits.available()
        total = None if there is None else int(there * SHARE)
    if workers is None:
        cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
        workers = cores or 1
        if total is not None:
            workers = max(min(workers, total // LEAST_A_WORKER), 1)
    share = None if total is None else total // workers
    if limit is not None:
        check_share(limit, workers, "workers")
    return workers, share, total


def check_share(total: int, workers: int, called: str) -> None:
    """Raise InpaintError if ``total`` bytes are too few for so many ``workers`` to share."""
    if total // workers < LEAST_A_WORKER:
        raise InpaintError(
            f"{workers} {called} cannot share {total / (1 << 30):.1f} GB: each needs 1 GB for the "
            "libraries and priors; raise --memory or lower --workers"
        )


def not_enough(share: int | None) -> str:
    """Return the line that says which memory did not suffice for a picture alone.

    Parameters
    ----------
    share : int or None
        Bytes that this process may use by the options; None: those say nothing.
    """
    # ``system.memory.hold`` has made a limit of the share, which no shell has set.
    found = [one for one in (*limits.process(), *limits.machine()) if one[0] != share]
    if share is not None:
        found.append((share, "--memory, by default 80 % of what there is, allows"))
    if not found:
        return "out of memory even alone; scale this picture down"
    least, what = min(found)
    advice = "scale this picture down" if what == limits.MACHINE else "raise that or scale it down"
    return f"out of memory even alone: {what} {least / (1 << 30):.1f} GB; {advice}"

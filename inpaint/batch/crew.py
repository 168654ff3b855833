"""How many workers, and how much memory each may use."""

from __future__ import annotations

import os

from inpaint.batch import memory
from inpaint.errors import InpaintError


def crew(
    engine: str, workers: int | None, limit: int | None
) -> tuple[int | None, int | None, int | None]:
    """Return the number of workers, the bytes of memory for each and for all; None: not set.

    Parameters
    ----------
    engine : {"local", "ray"}
        Ray knows its cluster better than this machine does.
    workers, limit : int, optional
        What was asked for: ``run``'s ``workers`` and ``limit``.

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
        there = memory.available()
        total = None if there is None else int(there * memory.SHARE)
    if workers is None:
        cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
        workers = cores or 1
        if total is not None:
            workers = max(min(workers, total // memory.LEAST_A_WORKER), 1)
    share = None if total is None else total // workers
    if limit is not None:
        check_share(limit, workers, "workers")
    return workers, share, total


def check_share(total: int, workers: int, called: str) -> None:
    """Raise InpaintError if ``total`` bytes are too few for so many ``workers`` to share."""
    if total // workers < memory.LEAST_A_WORKER:
        raise InpaintError(
            f"{workers} {called} cannot share {total / (1 << 30):.1f} GB: each needs 1 GB for the "
            "libraries and priors; raise --memory or lower --workers"
        )

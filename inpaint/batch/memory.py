"""Memory: how much there is, how many workers share it, and when it was not enough."""

from __future__ import annotations

import ctypes
import os
import re
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path

from inpaint.batch import limits
from inpaint.errors import InpaintError

SHARE = 0.8  # of the machine's memory, if nothing is said
# A worker with its libraries and priors takes 0.5 GB before the first pixel.
LEAST_A_WORKER = 1 << 30
_UNITS = {"": 1, "k": 1 << 10, "m": 1 << 20, "g": 1 << 30, "t": 1 << 40}
_SIGNS = (
    "out of memory",
    "can't allocate memory",
    "insufficient memory",
    "cannot allocate memory",
    "failed to map segment",  # a library that does not fit
)


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


def hold(limit: int | None) -> None:
    """Make allocations of this process fail beyond ``limit`` bytes, where the system can.

    The limit is on data (heap and private memory) and not on addresses, of which torch reserves
    many gigabytes that it never uses.
    """
    if limit is None:
        return
    try:
        import resource

        _, hard = resource.getrlimit(resource.RLIMIT_DATA)
        soft = limit if hard == resource.RLIM_INFINITY else min(limit, hard)
        resource.setrlimit(resource.RLIMIT_DATA, (soft, hard))
    except (ImportError, OSError, ValueError):
        pass  # Windows and macOS have no such limit: out of memory is then the system's to tell


def not_enough(share: int | None) -> str:
    """Return the line that says which memory did not suffice for a picture alone.

    Parameters
    ----------
    share : int or None
        Bytes that this process may use by the options; None: those say nothing.
    """
    # ``hold`` has made a limit of the share, which no shell has set.
    found = [one for one in (*limits.process(), *limits.machine()) if one[0] != share]
    if share is not None:
        found.append((share, "--memory, by default 80 % of what there is, allows"))
    if not found:
        return "out of memory even alone; scale this picture down"
    least, what = min(found)
    advice = "scale this picture down" if what == limits.MACHINE else "raise that or scale it down"
    return f"out of memory even alone: {what} {least / (1 << 30):.1f} GB; {advice}"


def resident() -> int:
    """Return the resident bytes of this process, 0 where that is not known."""
    try:
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError, AttributeError):
        return 0


@lru_cache(maxsize=1)
def _malloc_trim() -> Callable[[int], int] | None:
    """The C library's function of this name; only glibc has it."""
    try:
        found: Callable[[int], int] = ctypes.CDLL(None).malloc_trim
    except (AttributeError, OSError, TypeError):
        return None
    return found


def trim() -> None:
    """Give freed memory back to the system.

    Pictures of many different sizes leave gaps in the heap, which glibc keeps: a worker that uses
    the same 180 MB at its thousandth image would hold 100 MB more than at its tenth.
    """
    give_back = _malloc_trim()
    if give_back is not None:
        give_back(0)


def ran_out(error: BaseException | None) -> bool:
    """Whether an error means that memory did not suffice: Python's, torch's or OpenCV's."""
    while error is not None:
        text = str(error).lower()
        named = isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError"
        if named or any(sign in text for sign in _SIGNS):
            return True
        error = error.__cause__
    return False

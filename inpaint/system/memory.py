"""The memory of this process: a limit on it, how much it holds, and errors that say it ran out."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path

_SIGNS = (
    "out of memory",
    "can't allocate memory",
    "insufficient memory",
    "cannot allocate memory",
    "failed to map segment",  # a library that does not fit
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

"""The interface of a folder, on a disk or behind a URL, and the errors of writing into it."""

from __future__ import annotations

import errno
import os
from typing import Protocol

from inpaint.errors import OutputError, remedy
from inpaint.images.walk import Listing

STATE = ".inpaint"  # what a run keeps in its output folder, hidden from the next one's walk
SCRATCH = f"{STATE}/tmp"


class Folder(Protocol):
    """Files below a place; ``name`` is a relative path with forward slashes, "" the folder."""

    url: str
    local: bool

    def list(self, name: str) -> Listing:
        """List one folder without hidden names; a missing one is empty. Raises OSError."""

    def read(self, name: str) -> bytes:
        """Return the content of an image file. Raises ImageError."""

    def write(self, name: str, data: bytes, *, times: tuple[int, int] | None = None) -> None:
        """Write a file, whole or not at all, and the folders above it. Raises OutputError."""

    def exists(self, name: str) -> bool:
        """Whether there is anything of this name, a dangling link included."""

    def stamp(self, name: str, *, own: bool = False) -> str | None:
        """Return a text that changes whenever the file may have changed; None if that is unknown.

        It is unknown for a file that was written a moment ago, unless it is our ``own``: a second
        write could have the same time.
        """

    def times(self, name: str) -> tuple[int, int] | None:
        """Access and modification time in nanoseconds, where the place knows them."""

    def label(self, name: str) -> str:
        """Return the name of a file for messages, in one line whatever characters it has."""


# No later output would fit either: the disk or the quota is full, the file system is read-only, or
# the folder is no longer the one in which the run began.
_QUOTA = getattr(errno, "EDQUOT", errno.ENOSPC)
_FULL = {errno.ENOSPC, errno.EROFS, errno.ESTALE, _QUOTA}


def is_full(error: BaseException | None) -> bool:
    """Whether an error, or what caused it, means that nothing more can be written."""
    while error is not None:
        if isinstance(error, OSError) and error.errno in _FULL:
            return True
        error = error.__cause__
    return False


def removed(place: str) -> OutputError:
    """Return the error that ends a run whose output folder is no longer there."""
    error = OutputError(
        f"{place!r} was removed or replaced while the run went on, so what was written there may "
        "be lost; give the same command again"
    )
    error.__cause__ = OSError(errno.ESTALE, os.strerror(errno.ESTALE))
    return error


def advice(error: OSError) -> str:
    """Return what to do about a file of the output folder that cannot be written."""
    if error.errno in (errno.ENOSPC, _QUOTA):
        return "free some space or choose another --out, then give the same command again"
    return (
        remedy(error, "choose another --out, or repair this one")
        + ", then give the same command again"
    )

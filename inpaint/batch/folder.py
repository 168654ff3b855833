"""What a run needs of a folder, wherever it is."""

from __future__ import annotations

import errno
from typing import Protocol

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
        """Return a text that changes whenever the file may have; None: cannot be told.

        Of a file that was written this very moment it cannot, unless it is our ``own``: another
        write could bear the same time.
        """

    def times(self, name: str) -> tuple[int, int] | None:
        """Access and modification time in nanoseconds, where the place knows them."""

    def label(self, name: str) -> str:
        """How messages call a file: one line, whatever its name holds."""


# No later output would fit either: the disk or the quota is full, or the file system read-only.
_FULL = {errno.ENOSPC, errno.EROFS, getattr(errno, "EDQUOT", errno.ENOSPC)}


def is_full(error: BaseException | None) -> bool:
    """Whether an error, or what caused it, means that nothing more can be written."""
    while error is not None:
        if isinstance(error, OSError) and error.errno in _FULL:
            return True
        error = error.__cause__
    return False


def reason(error: BaseException) -> str:
    """Return what an error says, in one line."""
    text = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return " ".join(text.split()) or type(error).__name__

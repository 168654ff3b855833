"""Reads files, and nothing but files.

Opening a pipe that nobody writes into waits for ever, and a device may have no end. Such a thing
may stand in the place of a file by mistake, also while a command is at work. So whatever a user
names is opened here: at once, and only if it is a regular file, or a link to one.
"""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path
from typing import BinaryIO

NOT_A_FILE = "it is a pipe, socket or device, expected a file"

Place = str | os.PathLike[str]


def opened(path: Place) -> BinaryIO:
    """Open a regular file for reading, to be closed by the caller.

    Raises
    ------
    OSError
        If it cannot be opened; IsADirectoryError for a folder. For a pipe, a socket or a device its
        ``strerror`` is ``NOT_A_FILE``.
    ValueError
        If the path has a null byte.
    """
    if stat.S_ISSOCK(os.stat(path).st_mode):  # opening one fails with "No such device or address"
        raise _no_file(path)
    file = open(path, "rb", opener=_at_once)  # noqa: SIM115, the caller closes it
    try:
        kind = os.fstat(file.fileno()).st_mode  # of what was opened: its name may change meanwhile
        if not stat.S_ISREG(kind):
            raise _no_file(path)
    except BaseException:
        file.close()
        raise
    return file


def read_bytes(path: Place) -> bytes:
    """Return the content of a regular file. Raises as ``opened`` does."""
    with opened(path) as file:
        return file.read()


def read_text(path: Place, *, encoding: str = "utf-8") -> str:
    """Return the text of a regular file, each end of line as a line feed.

    Raises as ``opened`` does, and UnicodeDecodeError for what is no text in this encoding.
    """
    text = read_bytes(path).decode(encoding)
    return text.replace("\r\n", "\n").replace("\r", "\n")


def is_file(path: Place) -> bool:
    """Whether there is a regular file, or a link to one; never fails, whatever the path."""
    try:
        return Path(path).is_file()
    except (OSError, ValueError):  # too long, or with a null byte
        return False


def _at_once(path: str, flags: int) -> int:
    """Open without waiting for a writer; regular files open as always."""
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))


def _no_file(path: Place) -> OSError:
    return OSError(errno.EINVAL, NOT_A_FILE, os.fspath(path))

"""What is done already: one line of JSON for each state of an item, appended, safe at any kill.

A line ``started`` is written before an item is given to a worker, and the row that comes back is
appended after it: the last line of an item counts. An output that no line claims belongs to
somebody else and is left alone. What a row holds is told in ``rows``.
"""

from __future__ import annotations

import errno
import hashlib
import json
import logging
import os
import stat
import threading
from contextlib import suppress
from pathlib import Path

from inpaint.batch.folder import advice, removed
from inpaint.batch.rows import Row, parse
from inpaint.errors import OutputError

log = logging.getLogger(__name__)

NAME = "manifest.jsonl"
_NAMED = 10  # lines that are no rows


class Manifest:
    """Rows by path in a file; the last row of a path counts.

    Memory holds one number for each path, some 100 bytes; rows are read from the file when needed.

    Parameters
    ----------
    path : Path
        The file; its folder must exist.

    Raises
    ------
    OutputError
        If it cannot be opened or written.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._guard = threading.Lock()
        self._index: dict[int, int] = {}
        try:
            # Binary, or Windows would write two bytes for an end of line.
            binary = getattr(os, "O_BINARY", 0)
            self._file = os.open(path, os.O_RDWR | os.O_CREAT | binary, 0o666)
            self._end = self._load()
        except OSError as error:
            raise OutputError(
                f"{str(path)!r} cannot be used ({error.strerror}); {advice(error)}"
            ) from error

    def get(self, path: str) -> Row | None:
        """Return the last row of an item, None if there is none."""
        offset = self._index.get(_digest(path))
        row = None if offset is None else parse(self._line(offset))
        return row if row and row["path"] == path else None

    def begin(self, rows: list[Row]) -> None:
        """Note that workers are about to write the outputs of these items; see ``started``."""
        self._append(rows)

    def add(self, row: Row) -> None:
        """Append a finished row."""
        self._append([row])

    def close(self) -> None:
        """Close the file. Raises OutputError if it, or its folder, was removed meanwhile."""
        try:
            self._check_name()
        except OSError as error:
            raise self._failed(error) from error
        finally:
            os.close(self._file)

    def _append(self, rows: list[Row]) -> None:
        lines = [json.dumps(row).encode() + b"\n" for row in rows]
        with self._guard:
            data, start = b"".join(lines), self._end
            try:
                self._check_name()
                os.lseek(self._file, start, os.SEEK_SET)
                rest = memoryview(data)
                while rest:  # after a part, the next try tells what is wrong: no space, or a limit
                    written = os.write(self._file, rest)
                    if not written:
                        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
                    rest = rest[written:]
            except OSError as error:
                with suppress(OSError):
                    os.ftruncate(self._file, start)  # half a line must not stay
                raise self._failed(error) from error
            for row, line in zip(rows, lines, strict=True):
                self._index[_digest(row["path"])] = start
                start += len(line)
            self._end = start

    def _line(self, offset: int) -> bytes:
        data, size = b"", 2048
        with self._guard:  # one place in the file for all threads; pread is not on Windows
            os.lseek(self._file, offset, os.SEEK_SET)
            while b"\n" not in data:
                more = os.read(self._file, size)
                if not more:
                    break
                data += more
        return data.partition(b"\n")[0]

    def _load(self, *, cut: bool = True) -> int:
        """Index the file, drop a last line that was cut off, and return where it ends."""
        offset = end = number = odd = 0
        if not stat.S_ISREG(os.fstat(self._file).st_mode):  # reading a pipe could wait for ever
            raise OSError(errno.EINVAL, "it is no file; remove it")
        with os.fdopen(os.dup(self._file), "rb") as file:
            for line in file:
                number += 1
                row = parse(line) if line.endswith(b"\n") else None
                if row is None and line.endswith(b"\n"):
                    odd += 1
                    if odd <= _NAMED:
                        log.warning("%s: line %d is no row and does not count", self.path, number)
                if row:
                    self._index[_digest(row["path"])] = offset
                offset += len(line)
                end = offset if line.endswith(b"\n") else end
        if odd > _NAMED:
            log.warning("%s: %d more lines do not count", self.path, odd - _NAMED)
        if cut:
            os.ftruncate(self._file, end)
        return end

    def _check_name(self) -> None:
        """Raise OSError when the file is no longer what its name leads to.

        Rows in a file that was removed, or whose folder was, would be lost without a word.
        """
        here, named = os.fstat(self._file), os.stat(self.path)
        if not os.path.samestat(here, named):
            raise OSError(errno.ESTALE, "another file has taken its name")

    def _failed(self, error: OSError) -> OutputError:
        if error.errno in (errno.ENOENT, errno.ESTALE):
            return removed(str(self.path.parent))
        return OutputError(
            f"{str(self.path)!r} cannot be written ({error.strerror}); {advice(error)}"
        )


class Peek(Manifest):
    """A manifest that is only read, perhaps while another run appends to it; it is never created.

    Parameters
    ----------
    path : Path
        The file; it must exist.

    Raises
    ------
    OutputError
        If it cannot be read.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._index = {}
        self._guard = threading.Lock()
        try:
            self._file = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0))
            self._end = self._load(cut=False)
        except OSError as error:
            raise OutputError(f"{str(path)!r} cannot be read ({error.strerror})") from error

    def _append(self, rows: list[Row]) -> None:
        """Nothing is written."""

    def close(self) -> None:
        """Close the file, whatever became of its name."""
        os.close(self._file)


def _digest(path: str) -> int:
    name = path.encode("utf-8", "surrogatepass")
    return int.from_bytes(hashlib.blake2b(name, digest_size=8).digest(), "big")

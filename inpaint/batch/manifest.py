"""What is done already: one JSON line an item, appended, safe at any kill.

A line ``started`` is written before an item is given to a worker and replaced (by a later line)
when its row comes back. So an output without a row is known to be ours after a kill, and one
without a line belongs to somebody else and is left alone.

A row has ``path``, ``mask`` and ``out`` (relative), ``status``, ``error``, ``seconds`` (and of them
``search_seconds``; both also as processor time, ``cpu_seconds`` and ``search_cpu_seconds``),
``prior``, and ``method`` and ``losses``, one entry a crop; ``ended`` (Unix time), ``worker``
(process) and ``memory_mb`` (resident, after it); and what resuming needs: hashes and stamps.
"""

from __future__ import annotations

import errno
import hashlib
import json
import logging
import os
import tempfile
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

from inpaint.batch.disk import Disk
from inpaint.batch.folder import SCRATCH, STATE, Folder
from inpaint.errors import OutputError

log = logging.getLogger(__name__)
Row = dict[str, Any]

DONE = "done"
KEPT = "kept"  # done by an earlier run, and nothing has changed since
CHECKED = "checked"  # by a dry run
FAILED = "failed"
SKIPPED = "skipped"  # has none of the objects to remove, and shall not be copied
RETRY = "retry"  # out of memory beside others: to be tried alone
ORPHAN = "orphan"  # a mask without an image
STARTED = "started"  # given to a worker; only ever the last row of an item after a kill

NAME = "manifest.jsonl"
SEND_ROWS, SEND_SECONDS = 256, 10.0
_STATUSES = (DONE, KEPT, CHECKED, FAILED, RETRY, ORPHAN, STARTED)
_TEXTS = (
    "mask", "out", "error", "note", "options", "before", "out_sha256", "out_stamp",
    "image_sha256", "image_stamp", "mask_sha256", "mask_stamp",
)  # fmt: skip


class Manifest:
    """Rows by path in a file; the last row of a path counts.

    In memory lies one number a path, some 100 bytes; rows are read from the file when asked for.

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
            raise self._failed(error) from error

    def get(self, path: str) -> Row | None:
        """Return the last row of an item, None if there is none."""
        offset = self._index.get(_digest(path))
        row = None if offset is None else _parse(self._line(offset))
        return row if row and row["path"] == path else None

    def begin(self, rows: list[Row]) -> None:
        """Note that workers are about to write the outputs of these items; see ``started``."""
        self._append(rows)

    def add(self, row: Row) -> None:
        """Append a finished row."""
        self._append([row])

    def close(self) -> None:
        """Close the file."""
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
        offset = end = number = 0
        with os.fdopen(os.dup(self._file), "rb") as file:
            for line in file:
                number += 1
                row = _parse(line) if line.endswith(b"\n") else None
                if row is None and line.endswith(b"\n"):
                    log.warning("%s: line %d is no row and does not count", self.path, number)
                if row:
                    self._index[_digest(row["path"])] = offset
                offset += len(line)
                end = offset if line.endswith(b"\n") else end
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
        return OutputError(
            f"{str(self.path)!r} cannot be written ({error.strerror}); "
            "free some space or choose another --out, then give the same command again"
        )


class Peek(Manifest):
    """A manifest that is only read, perhaps while another run appends to it; never made.

    Parameters
    ----------
    path : Path
        The file; it must exist.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._index = {}
        self._guard = threading.Lock()
        try:
            self._file = os.open(path, os.O_RDONLY)
            self._end = self._load(cut=False)
        except OSError as error:
            raise self._failed(error) from error

    def _append(self, rows: list[Row]) -> None:
        """Nothing is written."""


class Mirrored(Manifest):
    """A manifest for an output folder that cannot append: kept here, sent there in parts.

    Parameters
    ----------
    folder : Folder
        The output folder; its earlier parts are read at once.
    """

    def __init__(self, folder: Folder) -> None:
        self._folder, self._unsent, self._sent = folder, [], time.monotonic()
        self._temporary = tempfile.TemporaryDirectory(prefix="inpaint-batch-")
        path = Path(self._temporary.name) / NAME
        with path.open("wb") as file:
            for name in folder.list(STATE).files:
                if name.startswith("manifest-"):
                    file.write(folder.read(f"{STATE}/{name}"))
        super().__init__(path)

    _unsent: list[Row]

    def begin(self, rows: list[Row]) -> None:
        """As in ``Manifest``, and sent before any worker starts."""
        self._append(rows)
        self._send(rows)

    def add(self, row: Row) -> None:
        """As in ``Manifest``; sent with others."""
        super().add(row)
        self._unsent.append(row)
        late = time.monotonic() - self._sent > SEND_SECONDS
        if len(self._unsent) >= SEND_ROWS or late:
            self.flush()

    def flush(self) -> None:
        """Send what was not sent yet."""
        rows, self._unsent = self._unsent, []
        self._send(rows)
        self._sent = time.monotonic()

    def _send(self, rows: list[Row]) -> None:
        if rows:
            data = b"".join(json.dumps(row).encode() + b"\n" for row in rows)
            self._folder.write(f"{STATE}/manifest-{time.time_ns():020d}.jsonl", data)

    def close(self) -> None:
        """Send the rest, then close."""
        try:
            self.flush()
        finally:
            super().close()
            self._temporary.cleanup()


def before(known: Row | None) -> str | None:
    """Return the hash of the output that an item's row says it has, whatever came after it."""
    known = known or {}
    return known.get("out_sha256") or known.get("before")


def started(path: str, out: str, known: Row | None, *, empty: bool) -> Row:
    """Return the row of an item that a worker is about to fill.

    Parameters
    ----------
    path, out : str
        The item.
    known : dict, optional
        Its row so far.
    empty : bool
        Nothing has the output's name, so whatever will have it is ours.
    """
    if known and known["status"] == STARTED:
        empty = empty or known["empty"]
    row = {"path": path, "out": out, "status": STARTED}
    return row | {"before": before(known), "empty": empty}


def open_manifest(out: Folder) -> Manifest:
    """Open the manifest of an output folder, made if it is not there, and clear its scratch.

    Raises OutputError when the folder cannot be made or another run is writing into it.
    """
    if not isinstance(out, Disk):
        return Mirrored(out)
    state = out.root / STATE
    try:
        (out.root / SCRATCH).mkdir(parents=True, exist_ok=True)
        for left in (out.root / SCRATCH).glob("*.tmp"):  # by a run that was killed
            left.unlink(missing_ok=True)
    except OSError as error:
        raise OutputError(
            f"cannot write into {str(out.root)!r} ({error.strerror}); choose another --out"
        ) from error
    return Manifest(state / NAME)


def peek(out: Folder) -> Manifest | None:
    """The manifest of an output folder to look at; None where there is none, or behind a URL."""
    if not isinstance(out, Disk):
        return None
    path = out.root / STATE / NAME
    return Peek(path) if path.is_file() else None


def _digest(path: str) -> int:
    name = path.encode("utf-8", "surrogatepass")
    return int.from_bytes(hashlib.blake2b(name, digest_size=8).digest(), "big")


def _parse(line: bytes) -> Row | None:
    """The row of a line; None for what is none, or has values of other types than rows have."""
    try:
        row = json.loads(line)
    except (ValueError, RecursionError):
        return None
    if not isinstance(row, dict) or not isinstance(row.get("path"), str):
        return None
    texts = all(isinstance(row.get(key), str | None) for key in _TEXTS)
    if row.get("status") not in _STATUSES or not texts:
        return None
    if row["status"] == STARTED and not ("before" in row and isinstance(row.get("empty"), bool)):
        return None
    return row

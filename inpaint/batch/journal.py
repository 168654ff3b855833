"""Notes of the outputs that workers are about to write, as proof that these outputs are ours.

A worker may be killed after its output has appeared and before its row is in the manifest. Without
proof the next run could not tell that output from another program's file, and would leave it alone
for ever. So each worker appends a line with the output's hash to a file of its own, below a folder
that belongs to one run, and writes the output after that.

The folder of the run is also what tells a worker that the output folder is still the one in which
the run began: where it was removed or replaced, nothing may be written any more.
"""

from __future__ import annotations

import json
import os
import secrets
import shutil
import socket
from collections.abc import Iterator
from pathlib import Path

from inpaint.batch.disk import Disk
from inpaint.batch.folder import STATE, Folder, advice, removed
from inpaint.batch.manifest import Manifest
from inpaint.batch.rows import with_written
from inpaint.errors import OutputError, reason
from inpaint.system import files

WROTE = "wrote"


def begin(out: Disk) -> str:
    """Make the folder of a new run and return its name. Raises OSError."""
    run = secrets.token_hex(8)
    (out.root / STATE / WROTE / run).mkdir(parents=True)
    return run


def fold(out: Disk, manifest: Manifest) -> None:
    """Take what workers noted over into the manifest, and remove their files.

    The caller must hold the lock, so that no worker is at work. Raises OutputError.
    """
    for path in _files(out):
        for line in _lines(path):
            row = with_written(manifest.get(line["path"]), **line)
            if row is not None:
                manifest.begin([row])
    shutil.rmtree(out.root / STATE / WROTE, ignore_errors=True)


class Journal:
    """The notes of one worker.

    Parameters
    ----------
    out : Folder
        The output folder. Behind a URL nothing can be appended, and nothing is noted.
    run : str, optional
        What ``begin`` returned; None: nothing is going to be written.
    """

    def __init__(self, out: Folder, run: str | None) -> None:
        self._out = out if isinstance(out, Disk) else None
        self._file: Path | None = None
        if run is not None and self._out is not None:
            name = f"{socket.gethostname()}-{os.getpid()}-{secrets.token_hex(4)}.jsonl"
            self._file = self._out.root / STATE / WROTE / run / name

    def note(self, path: str, out: str, digest: str) -> None:
        """Note that the output ``out`` of the image ``path`` is about to get this hash.

        Raises
        ------
        OutputError
            If there is no room, or the output folder is no longer that of this run.
        """
        if self._file is None or self._out is None:
            return
        try:
            # Opened by name each time: an open file would outlive the removal of its folder.
            with self._file.open("ab", buffering=0) as file:
                file.write(_line(path, out, digest))
        except FileNotFoundError as error:
            raise removed(str(self._out.root)) from error
        except OSError as error:
            raise OutputError(
                f"{str(self._file)!r} cannot be written ({reason(error)}); {advice(error)}"
            ) from error

    def wrote(self, path: str, out: str, digest: str) -> bool:
        """Whether a worker of this run, or of one that was killed, noted this output."""
        if self._out is None:
            return False
        line = _line(path, out, digest)
        for file in _files(self._out):
            try:
                if line in files.read_bytes(file):
                    return True
            except OSError:
                continue
        return False


def _line(path: str, out: str, digest: str) -> bytes:
    """Return a line with a line break before it too: the last write may have been cut short."""
    text = json.dumps({"path": path, "out": out, "digest": digest})
    return b"\n" + text.encode() + b"\n"


def _files(out: Disk) -> list[Path]:
    return sorted((out.root / STATE / WROTE).glob("*/*.jsonl"))


def _lines(path: Path) -> Iterator[dict[str, str]]:
    try:
        data = files.read_bytes(path)
    except OSError:
        return
    for line in data.splitlines():
        try:
            found = json.loads(line)
        except ValueError:
            continue
        if (
            isinstance(found, dict)
            and found.keys() == {"path", "out", "digest"}
            and all(isinstance(value, str) for value in found.values())
        ):
            yield found

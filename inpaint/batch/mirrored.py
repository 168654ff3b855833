"""The manifest of an output folder behind a URL, to which nothing can be appended."""

from __future__ import annotations

import json
import tempfile
import time
from pathlib import Path

from inpaint.batch.folder import STATE, Folder
from inpaint.batch.manifest import NAME, Manifest
from inpaint.batch.rows import Row
from inpaint.errors import OutputError, reason

SEND_ROWS, SEND_SECONDS = 256, 10.0


class Mirrored(Manifest):
    """A manifest that is kept in a temporary file here and sent to its folder in parts.

    Parameters
    ----------
    folder : Folder
        The output folder; its earlier parts are read at once.

    Raises
    ------
    OutputError
        If the folder cannot be listed, or the temporary file cannot be written.
    """

    def __init__(self, folder: Folder) -> None:
        self._folder = folder
        self._unsent: list[Row] = []
        self._sent = time.monotonic()
        self._temporary = tempfile.TemporaryDirectory(prefix="inpaint-batch-")
        path = Path(self._temporary.name) / NAME
        try:
            parts = [name for name in folder.list(STATE).files if name.startswith("manifest-")]
        except OSError as error:
            raise OutputError(
                f"{folder.url} cannot be listed ({reason(error)}); check the URL and access"
            ) from error
        with path.open("wb") as file:
            for name in parts:
                data = folder.read(f"{STATE}/{name}")
                file.write(data if data.endswith(b"\n") else data + b"\n")
        super().__init__(path)

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

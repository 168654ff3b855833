"""The table of losses, ``log.csv``: one row a report, continued by a resumed run."""

from __future__ import annotations

import csv
import os
from collections.abc import Mapping
from pathlib import Path


def append(path: Path, row: Mapping[str, object]) -> None:
    """Add ``row`` to the table, with a header if it is the first; nothing stays in a buffer."""
    with path.open("a", newline="") as stream:
        table = csv.writer(stream)
        if stream.tell() == 0:
            table.writerow(row)
        table.writerow(row.values())


def trim(path: Path, step: int) -> None:
    """Keep the rows up to ``step``: a killed run is ahead of its checkpoint, and its last row torn.

    With ``step`` 0 the table starts anew.
    """
    if not path.exists():
        return
    whole = path.read_bytes().split(b"\n")[:-1]  # what follows the last line break is torn
    kept = [line for line in whole[1:] if _step(line) <= step] if step else []
    temporary = path.with_suffix(".tmp")
    temporary.write_bytes(b"".join(line + b"\n" for line in whole[:1] + kept if kept))
    os.replace(temporary, path)


def _step(line: bytes) -> float:
    number = line.split(b",")[0]
    return int(number) if number.isdigit() else float("inf")

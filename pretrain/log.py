"""Writes losses to ``log.csv`` and to TensorBoard; a resumed run continues both."""

from __future__ import annotations

import csv
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from inpaint.errors import InpaintError
from inpaint.system import files


def append(path: Path, row: Mapping[str, object]) -> None:
    """Append ``row`` to the table, with a header if it is the first, and flush it to disk."""
    with path.open("a", newline="") as stream:
        table = csv.writer(stream)
        if stream.tell() == 0:
            table.writerow(row)
        table.writerow(row.values())


def trim(path: Path, step: int) -> None:
    """Drop the rows after ``step``, which a killed run wrote after its checkpoint.

    A last row that is incomplete is dropped too. With ``step`` 0 the table starts anew.
    """
    if not path.exists():
        return
    whole = files.read_bytes(path).split(b"\n")[
        :-1
    ]  # what follows the last line break is incomplete
    kept = [line for line in whole[1:] if _step(line) <= step] if step else []
    temporary = path.with_suffix(".tmp")
    temporary.write_bytes(b"".join(line + b"\n" for line in whole[:1] + kept if kept))
    os.replace(temporary, path)


def _step(line: bytes) -> float:
    number = line.split(b",")[0]
    return int(number) if number.isdigit() else float("inf")


class Board:
    """Event files in ``folder/tensorboard``, without points of earlier runs after ``first``."""

    def __init__(self, folder: Path, first: int) -> None:
        self._writer = writer()(str(folder / "tensorboard"), purge_step=first + 1)

    def add(self, values: Mapping[str, float], step: int) -> None:
        """Add a point to each curve; it is on disk when this returns."""
        for name, value in values.items():
            self._writer.add_scalar(name, value, step)
        self._writer.flush()

    def close(self) -> None:
        """End the file."""
        self._writer.close()


def writer() -> Any:
    """TensorBoard's writer; InpaintError with the line that installs it."""
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError as error:
        raise InpaintError(
            "--tensorboard: tensorboard is not installed; pip install 'latent-inpaint[train]'"
        ) from error
    return SummaryWriter

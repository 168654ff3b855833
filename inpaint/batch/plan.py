"""The plan of a run: all items that one walk over the folders has found.

The folders are walked once. A second walk would not find what has vanished since, and the run would
end without a word about it. What was planned and is gone fails by name instead.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator
from dataclasses import asdict

from inpaint.batch.pairing import Item, Orphan, Problem
from inpaint.errors import InpaintError, reason, remedy

_IN_MEMORY = 32 << 20  # bytes, of some 200,000 items; a longer plan is in a temporary file
_KINDS = {kind.__name__: kind for kind in (Item, Problem, Orphan)}

Found = Item | Problem | Orphan


class Plan:
    """All that one walk found, in its order.

    Parameters
    ----------
    found : iterator
        The walk, as ``Places.plan`` returns it.

    Attributes
    ----------
    total : int
        How many items and problems there are.

    Raises
    ------
    InpaintError
        If the plan finds no room in the folder for temporary files.
    """

    def __init__(self, found: Iterator[Found]) -> None:
        self.total = 0
        self._file = tempfile.SpooledTemporaryFile(_IN_MEMORY)  # noqa: SIM115, see close
        try:
            for one in found:
                line = [type(one).__name__, asdict(one)]
                self._file.write(json.dumps(line).encode() + b"\n")
                self.total += not isinstance(one, Orphan)
            self._end = self._file.tell()
        except OSError as error:
            self.close()
            advice = remedy(error, "free some space, or set TMPDIR to another folder")
            raise InpaintError(
                f"the list of images finds no room in {tempfile.gettempdir()!r} "
                f"({reason(error)}); {advice}"
            ) from error

    def __iter__(self) -> Iterator[Found]:
        """Yield everything from the start; several readers may take turns."""
        place = 0
        while place < self._end:
            self._file.seek(place)
            lines = self._file.readlines(1 << 16)
            place = self._file.tell()
            for line in lines:
                kind, values = json.loads(line)
                yield _KINDS[kind](**values)

    def items(self) -> Iterator[Item]:
        """The items alone."""
        return (one for one in self if isinstance(one, Item))

    def close(self) -> None:
        """Remove the plan and its temporary file."""
        self._file.close()

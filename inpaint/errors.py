"""The errors that the library raises: what came, what was expected, what to do.

    InpaintError                  base of all; a number out of range, a missing extra
    |-- ImageError                an image cannot be read, written or used
    |   `-- ImageSizeError        it has more pixels than the limit
    |-- MaskError                 a mask does not fit, or marks nothing or everything
    |   `-- SelectionError        what was pointed at is not there
    |-- WeightsError              weights are missing, damaged, or made for something else
    |-- SearchError               the search cannot go on, or one of its options is wrong
    |-- OutputError               a result cannot be written
    `-- UnknownNameError          a name does not exist; with "did you mean ...?"
        `-- MethodError           in the method of an evaluation (``inpaint.evaluate.method``)

The library raises these errors, and the command line turns them into messages
(``inpaint.cli.errors``), so that users never see a traceback. Each message is one line that makes
sense alone after ``Error:``.
"""

from __future__ import annotations

import difflib
import errno
from collections.abc import Iterable


class InpaintError(Exception):
    """Base of all errors that a caller may want to catch; its text is meant for people."""


class ImageError(InpaintError):
    """An image cannot be read or written, or has a shape, type or size that cannot be used."""


class ImageSizeError(ImageError):
    """An image has more pixels than the limit allows."""


class MaskError(InpaintError):
    """A mask does not fit its image, or marks nothing or everything as hole."""


class SelectionError(MaskError):
    """What was pointed at is not there: a box outside the photo, a label that no shape has."""


class WeightsError(InpaintError):
    """Weights are missing, damaged, or were made for something else."""


class SearchError(InpaintError):
    """The latent search cannot go on, because a loss became NaN or an option is wrong."""


class OutputError(InpaintError):
    """A result cannot be written where it was asked for."""


class UnknownNameError(InpaintError):
    """A prior, stage, method or class was asked for by a name that does not exist."""

    def __init__(self, kind: str, name: str, known: Iterable[str]) -> None:
        self.kind, self.name, self.known = kind, name, sorted(known)
        close = difflib.get_close_matches(name, self.known, n=1, cutoff=0.5)
        hint = f"did you mean {close[0]!r}?" if close else f"known: {', '.join(self.known)}"
        super().__init__(f"unknown {kind} {name!r}; {hint}")


def reason(error: BaseException) -> str:
    """Return what an error says, in one line."""
    text = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return " ".join(text.split()) or type(error).__name__


# What the system refuses because of a limit that the user can raise.
_LIMITS = {
    errno.EMFILE: "raise the limit on open files (ulimit -n)",
    errno.ENFILE: "close other programs: the system has no more open files",
    errno.EAGAIN: "raise the limit on processes (ulimit -u)",
    errno.ENOMEM: "raise the limit on memory (ulimit -v), or free some memory",
    errno.EFBIG: "it has reached the size that files may have; raise that limit (ulimit -f)",
}


def remedy(error: BaseException, otherwise: str) -> str:
    """Return what to do about what the system refused: raise a limit, or ``otherwise``."""
    number = error.errno if isinstance(error, OSError) else None
    return _LIMITS.get(number or 0, otherwise)

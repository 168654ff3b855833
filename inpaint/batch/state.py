"""Opening and closing what a run keeps in its output folder: manifest, notes and scratch."""

from __future__ import annotations

from inpaint.batch import journal
from inpaint.batch.disk import Disk
from inpaint.batch.folder import SCRATCH, STATE, Folder
from inpaint.batch.manifest import NAME, Manifest, Peek
from inpaint.batch.mirrored import Mirrored
from inpaint.errors import OutputError, reason, remedy


def open_manifest(out: Folder) -> Manifest:
    """Open the manifest of an output folder, made if it is not there, and clear its scratch.

    For who holds the lock of the folder. What workers of a killed run had noted is taken over.

    Raises
    ------
    OutputError
        If the folder cannot be made or written.
    """
    if not isinstance(out, Disk):
        return Mirrored(out)
    try:
        (out.root / SCRATCH).mkdir(parents=True, exist_ok=True)
        for left in (out.root / SCRATCH).glob("*.tmp"):  # by a run that was killed
            left.unlink(missing_ok=True)
    except OSError as error:
        raise _unwritable(out, error) from error
    manifest = Manifest(out.root / STATE / NAME)
    journal.fold(out, manifest)
    return manifest


def begin(out: Folder) -> str | None:
    """Open the notes of a new run; their name for ``journal.Journal``, None behind a URL.

    Raises
    ------
    OutputError
        If the folder cannot be written.
    """
    if not isinstance(out, Disk):
        return None
    try:
        return journal.begin(out)
    except OSError as error:
        raise _unwritable(out, error) from error


def close(out: Folder, manifest: Manifest) -> None:
    """Close the manifest at the end of a run.

    Raises
    ------
    OutputError
        If its last part cannot be sent, or the output folder was removed meanwhile.
    """
    try:
        if isinstance(out, Disk):
            journal.fold(out, manifest)
    finally:
        manifest.close()


def peek(out: Folder) -> Manifest | None:
    """The manifest of an output folder to look at; None where there is none, or behind a URL."""
    if not isinstance(out, Disk):
        return None
    path = out.root / STATE / NAME
    return Peek(path) if path.is_file() else None


def _unwritable(out: Disk, error: OSError) -> OutputError:
    return OutputError(
        f"cannot write into {str(out.root)!r} ({reason(error)}); "
        f"{remedy(error, 'choose another --out')}"
    )

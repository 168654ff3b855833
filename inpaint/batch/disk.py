"""A folder on disk."""

from __future__ import annotations

import os
import stat
import time
from pathlib import Path

from inpaint import images
from inpaint.batch.folder import SCRATCH, Listing, reason
from inpaint.errors import OutputError

# A file that changed this recently may change again within the same tick of its clock.
FRESH_NS = 100_000_000


class Disk:
    """A folder on a mounted file system."""

    local = True

    def __init__(self, root: Path) -> None:
        self.root = root
        self.url = str(root)

    def list(self, name: str) -> Listing:
        """As in ``Folder``; linked folders are followed unless they lead back above themselves."""
        found = Listing()
        try:
            with os.scandir(self.root / name) as entries:
                ordered = sorted(entries, key=lambda entry: entry.name)
        except FileNotFoundError:
            return found
        for entry in ordered:
            if entry.name.startswith("."):
                continue
            try:
                kind = entry.stat().st_mode
            except OSError:  # a dangling link, or a folder that may only be listed: reading says so
                folder = entry.is_dir(follow_symlinks=False)
                (found.folders if folder else found.files).append(entry.name)
                continue
            if stat.S_ISREG(kind):
                found.files.append(entry.name)
            elif not stat.S_ISDIR(kind):
                found.problems.append((entry.name, "is a pipe, socket or device, not a file"))
            elif entry.is_symlink() and self._leads_back(name, entry):
                found.problems.append((entry.name, "is a link to a folder that it lies in"))
            else:
                found.folders.append(entry.name)
        return found

    def _leads_back(self, name: str, entry: os.DirEntry[str]) -> bool:
        """Whether a linked folder is one of those on the way to it."""
        target, place = entry.stat(), self.root
        steps = [place, *(place := place / part for part in Path(name).parts)]
        return any(os.path.samestat(os.stat(step), target) for step in steps)

    def read(self, name: str) -> bytes:
        """As in ``Folder``."""
        return images.read_bytes(self.root / name)

    def write(self, name: str, data: bytes, *, times: tuple[int, int] | None = None) -> None:
        """As in ``Folder``: by a rename from the scratch folder, which the next run empties."""
        path, scratch = self.root / name, self.root / SCRATCH
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            scratch.mkdir(parents=True, exist_ok=True)
            # A folder of OUT may be a mount of its own, across which nothing can be renamed.
            same = path.parent.stat().st_dev == scratch.stat().st_dev
        except (OSError, ValueError) as error:
            raise OutputError(
                f"{self.label(name)}: its folder cannot be made ({reason(error)}); "
                "free some space or choose another --out"
            ) from error
        images.replace_bytes(path, data, scratch=scratch if same else None, times=times)

    def exists(self, name: str) -> bool:
        """As in ``Folder``."""
        return os.path.lexists(self.root / name)

    def stamp(self, name: str, *, own: bool = False) -> str | None:
        """As in ``Folder``: size, times and inode, as git's index does it."""
        try:
            found = os.stat(self.root / name)
        except (OSError, ValueError):
            return None
        newest = max(found.st_mtime_ns, found.st_ctime_ns)
        if not own and time.time_ns() - newest < FRESH_NS:
            return None
        parts = (found.st_size, found.st_mtime_ns, found.st_ctime_ns, found.st_ino)
        return "-".join(f"{part:x}" for part in parts)

    def times(self, name: str) -> tuple[int, int] | None:
        """As in ``Folder``."""
        try:
            found = os.stat(self.root / name)
        except (OSError, ValueError):
            return None
        return found.st_atime_ns, found.st_mtime_ns

    def label(self, name: str) -> str:
        """As in ``Folder``."""
        return repr(str(self.root / name))

"""A folder on disk."""

from __future__ import annotations

import os
import time
from pathlib import Path

from inpaint import images
from inpaint.batch.folder import SCRATCH, advice, removed
from inpaint.errors import OutputError, reason
from inpaint.images.walk import Listing, list_folder

# A file that changed this recently may change again within the same tick of its clock.
FRESH_NS = 100_000_000


class Disk:
    """A folder on a mounted file system."""

    local = True
    # Whether a run has made its own folder here. It is not made a second time then: where it is
    # gone, the output folder was removed, and what was written there would have no manifest.
    settled = False

    def __init__(self, root: Path) -> None:
        self.root = root
        self.url = str(root)

    def list(self, name: str) -> Listing:
        """As in ``Folder``; linked folders are followed unless they lead back above themselves."""
        return list_folder(self.root, name)

    def read(self, name: str) -> bytes:
        """As in ``Folder``."""
        return images.read_bytes(self.root / name)

    def write(self, name: str, data: bytes, *, times: tuple[int, int] | None = None) -> None:
        """As in ``Folder``: by a rename from the scratch folder, which the next run empties."""
        path, scratch = self.root / name, self.root / SCRATCH
        try:
            if self.settled and not scratch.is_dir():
                raise removed(self.url)
            path.parent.mkdir(parents=True, exist_ok=True)
            if not self.settled:
                scratch.mkdir(parents=True, exist_ok=True)
            # A folder of OUT may be a mount of its own, across which nothing can be renamed.
            same = path.parent.stat().st_dev == scratch.stat().st_dev
        except (OSError, ValueError) as error:
            raise OutputError(
                f"{self.label(name)}: its folder cannot be made ({reason(error)}); "
                f"{advice(error) if isinstance(error, OSError) else 'choose another --out'}"
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

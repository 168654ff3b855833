"""A folder behind a URL, through fsspec."""

from __future__ import annotations

import errno
import secrets
from functools import lru_cache
from typing import Any

from inpaint.batch.folder import SCRATCH
from inpaint.errors import ImageError, InpaintError, OutputError, reason
from inpaint.images.walk import Listing

# Where putting an object shows it whole or not at all, and renaming would copy it.
OBJECT_STORES = {"s3", "s3a", "gs", "gcs", "az", "abfs", "abfss", "adl", "oci", "oss", "r2"}


class Remote:
    """A folder behind an fsspec URL, such as ``s3://bucket/photos`` or ``memory://photos``."""

    local = False

    def __init__(self, url: str) -> None:
        self.url = url
        self.fs, self.root = filesystem(url)

    def _at(self, name: str) -> str:
        return f"{self.root.rstrip('/')}/{name}" if name else self.root

    def list(self, name: str) -> Listing:
        """As in ``Folder``."""
        found = Listing()
        try:
            infos = self.fs.ls(self._at(name), detail=True)
        except FileNotFoundError:
            return found
        except OSError:
            raise
        except Exception as error:  # each store has its own errors
            raise OSError(errno.EIO, reason(error)) from error
        for info in infos:
            base = info["name"].rstrip("/").rpartition("/")[2]
            if base and not base.startswith("."):
                kind = found.folders if info["type"] == "directory" else found.files
                kind.append(base)
        found.folders.sort()
        found.files.sort()
        return found

    def read(self, name: str) -> bytes:
        """As in ``Folder``."""
        try:
            data: bytes = self.fs.cat_file(self._at(name))
        except FileNotFoundError as error:
            raise ImageError(f"{self.label(name)} does not exist; check the URL") from error
        except MemoryError as error:
            raise ImageError(f"{self.label(name)} does not fit into memory") from error
        except Exception as error:
            raise ImageError(
                f"{self.label(name)} cannot be read ({reason(error)}); check URL and access"
            ) from error
        return data

    def write(self, name: str, data: bytes, *, times: tuple[int, int] | None = None) -> None:
        """As in ``Folder``; ``times`` are not kept, because stores set their own."""
        path = self._at(name)
        protocols = {self.fs.protocol} if isinstance(self.fs.protocol, str) else self.fs.protocol
        try:
            if OBJECT_STORES & set(protocols):
                self.fs.pipe_file(path, data)
                return
            temporary = self._at(f"{SCRATCH}/{secrets.token_hex(8)}")
            for place in (path, temporary):
                self.fs.makedirs(place.rpartition("/")[0], exist_ok=True)
            self.fs.pipe_file(temporary, data)
            self.fs.mv(temporary, path)
        except Exception as error:
            raise OutputError(
                f"{self.label(name)} cannot be written ({reason(error)}); check the URL and access"
            ) from error

    def exists(self, name: str) -> bool:
        """As in ``Folder``; raises OutputError when the store cannot be asked."""
        try:
            return bool(self.fs.exists(self._at(name)))
        except Exception as error:
            raise OutputError(f"{self.label(name)} cannot be reached ({reason(error)})") from error

    def stamp(self, name: str, *, own: bool = False) -> str | None:
        """As in ``Folder``: what the store says of the object, its ETag for instance."""
        try:
            return str(self.fs.ukey(self._at(name)))[:32]
        except Exception:  # missing, or a store without such facts: its hash will tell
            return None

    def times(self, name: str) -> tuple[int, int] | None:
        """As in ``Folder``."""
        return None

    def label(self, name: str) -> str:
        """As in ``Folder``."""
        return repr(f"{self.url.rstrip('/')}/{name}")


@lru_cache(maxsize=16)
def filesystem(url: str) -> tuple[Any, str]:
    """Return the file system of a URL and the path in it. Raises InpaintError."""
    try:
        import fsspec
    except ImportError:
        raise InpaintError(f"{url} needs fsspec; run: pip install fsspec") from None
    try:
        fs, root = fsspec.core.url_to_fs(url)
    except Exception as error:  # an unknown protocol, or one whose package is missing
        raise InpaintError(
            f"{url} cannot be opened ({reason(error)}); check it, or install its fsspec package"
        ) from error
    return fs, str(root)

"""Places: paths, ``file://`` and the URLs of fsspec (``s3://``, ``gs://``, ``memory://``, ...)."""

from __future__ import annotations

from pathlib import Path

from inpaint.batch.disk import Disk
from inpaint.batch.folder import Folder
from inpaint.errors import InpaintError, reason


def is_url(place: str) -> bool:
    """Tell whether ``place`` is a URL for fsspec; ``file://`` is not, as it leads to the disk."""
    return "://" in place and not place.startswith("file://")


def local_path(place: str) -> Path:
    """Return the path of a place on disk. Raises InpaintError for a URL of another machine."""
    if not place.startswith("file://"):
        return Path(place)
    from urllib.parse import unquote, urlsplit

    found = urlsplit(place.replace("#", "%23").replace("?", "%3F"))
    if found.netloc not in ("", "localhost"):
        raise InpaintError(
            f"{place} names the machine {found.netloc!r}; write file:/// and a path from the root"
        )
    return Path(unquote(found.path))


def open_folder(place: str) -> Folder:
    """Return the folder at a path or URL; it need not exist. Raises InpaintError."""
    if not is_url(place):
        return Disk(local_path(place))
    from inpaint.batch.remote import Remote

    return Remote(place)


def is_file(place: str) -> bool:
    """Whether a place is a single file. Raises InpaintError for a URL that cannot be opened."""
    if not is_url(place):
        return local_path(place).is_file()
    from inpaint.batch.remote import filesystem

    fs, root = filesystem(place)
    try:
        return bool(fs.isfile(root))
    except Exception as error:
        raise InpaintError(f"{place} cannot be reached ({reason(error)})") from error


def is_folder(place: str) -> bool:
    """Whether a place is a folder. Raises InpaintError for a URL that cannot be opened."""
    if not is_url(place):
        return local_path(place).is_dir()
    from inpaint.batch.remote import filesystem

    fs, root = filesystem(place)
    try:
        return bool(fs.isdir(root))
    except Exception as error:
        raise InpaintError(f"{place} cannot be reached ({reason(error)})") from error


def parent(place: str) -> tuple[str, str]:
    """Split the place of a file into its folder and its name."""
    if is_url(place):
        folder, _, name = place.rpartition("/")
        return folder, name
    path = local_path(place)
    return str(path.parent), path.name

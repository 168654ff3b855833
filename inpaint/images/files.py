"""Reading and writing image files: every failure becomes one line that says what to do."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from inpaint.errors import ImageError, OutputError, reason, remedy
from inpaint.images.decode import MAX_PIXELS, decode, sniff
from inpaint.images.encode import check_storable, encode, format_named
from inpaint.images.picture import Picture
from inpaint.system import files


def read(path: str | os.PathLike[str], *, max_pixels: int = MAX_PIXELS) -> Picture:
    """Read a PNG, JPEG, WebP, TIFF, BMP, AVIF or HEIC file, told by its content alone.

    EXIF orientation is applied; palettes become RGB or RGBA, 1 bit becomes grey, CMYK and LAB
    become sRGB; 16 bits stay 16 bits (but for CMYK).

    Parameters
    ----------
    path : str or path
        The file, with any characters in its name. It is only read.
    max_pixels : int
        Refuse larger images before their pixels take memory.

    Raises
    ------
    ImageError
        If the file is missing, unreadable, empty, no image, of another format, damaged, cut
        short, too large, animated or of several pages, or holds float or 32 bit samples.
    """
    return decode(read_bytes(path), name=repr(str(path)), max_pixels=max_pixels)


def read_bytes(path: str | os.PathLike[str]) -> bytes:
    """Return the content of a file that begins as an image does.

    Raises
    ------
    ImageError
        If the file is missing, unreadable, or begins like none of the formats to be read.
    """
    path = Path(path)
    name = repr(str(path))  # repr, so that a newline in a name cannot break the message
    try:
        if path.is_dir():
            raise ImageError(f"{name} is a folder, expected an image file; name one file in it")
        with files.opened(path) as file:
            head = file.read(64)
            # Before the rest is read, because it may be a film of many gigabytes.
            sniff(head, name=name)
            return head + file.read()
    except FileNotFoundError as error:
        raise ImageError(f"{name} does not exist, expected an image; check the path") from error
    except PermissionError as error:
        raise ImageError(f"{name} may not be read (permission denied); chmod it") from error
    except MemoryError as error:
        raise ImageError(f"{name} does not fit into memory; scale it down") from error
    except (OSError, ValueError) as error:  # ValueError: a null byte in the path
        advice = remedy(error, "check the path")
        raise ImageError(f"{name} cannot be read ({reason(error)}); {advice}") from error


def write(
    path: str | os.PathLike[str],
    picture: Picture,
    *,
    format: str | None = None,
    quality: int | None = None,
) -> None:
    """Write a picture, whole or not at all; an existing file is replaced at once.

    Colour profile, EXIF block and resolution are written where the format can hold them.

    Parameters
    ----------
    path : str or path
        Where to write; the folder must exist. A link is replaced and not followed, because what
        it points to may be an input.
    picture : Picture
        What to write.
    format : str, optional
        "png", "jpg", "webp", "tiff" or "bmp"; by default the path's extension tells.
    quality : int, optional
        1 to 100, for JPEG and WebP. By default a picture that was a JPEG keeps its tables and
        subsampling, any other is written as JPEG 95 with 4:4:4, as WebP without loss (lossy
        95 where the source was lossy).

    Raises
    ------
    OutputError
        If the path, the format or the quality cannot be used, or the disk is full.
    """
    path = Path(path)
    check_writable(path, format=format)
    replace_bytes(path, encode(picture, format_named(format or path.suffix), quality=quality))


def replace_bytes(
    path: Path,
    data: bytes,
    *,
    scratch: Path | None = None,
    times: tuple[int, int] | None = None,
) -> None:
    """Write a file, whole or not at all; an existing file is replaced at once.

    Parameters
    ----------
    path : Path
        Where to; the folder must exist.
    data : bytes
        The content.
    scratch : Path, optional
        Folder for the half-written file, on the file system of ``path``; by default the one of
        ``path``. What a kill leaves can be found there.
    times : (int, int), optional
        Access and modification time to set, in nanoseconds.

    Raises
    ------
    OutputError
        If it cannot be written, or the disk is full.
    """
    # By default in the same folder, so that the rename cannot cross file systems; short, because
    # the output's own name may be as long as names can be.
    temporary = (scratch or path.parent) / f".inpaint-{secrets.token_hex(8)}.tmp"
    try:
        # Not tempfile: its files are private to their owner, and outputs follow the umask.
        with temporary.open("xb") as file:
            file.write(data)
        if times is not None:
            os.utime(temporary, ns=times)
        os.replace(temporary, path)
    except BaseException as error:  # KeyboardInterrupt too must leave nothing behind
        temporary.unlink(missing_ok=True)
        if isinstance(error, (OSError, ValueError)):
            raise OutputError(
                f"{str(path)!r} cannot be written ({reason(error)}); "
                f"{remedy(error, 'free some space or choose another place')}"
            ) from error
        raise


def check_writable(
    path: str | os.PathLike[str], *, format: str | None = None, picture: Picture | None = None
) -> None:
    """Raise early what ``write`` would raise late; call it before long work.

    Parameters
    ----------
    path : str or path
        The output to come; nothing is created.
    format : str, optional
        As for ``write``.
    picture : Picture, optional
        If given, also check that the format can hold its alpha, depth and size.

    Raises
    ------
    OutputError
        If the folder is missing or cannot be written to, the path is a folder, or the format
        is unknown or cannot hold the picture.
    """
    path = Path(path)
    name = repr(str(path))
    kind = format_named(format or path.suffix)
    folder = path.parent
    try:
        if path.is_dir():
            raise OutputError(f"{name} is a folder, expected a file to write; add a file name")
        if not folder.exists():
            raise OutputError(
                f"cannot write {name}: its folder does not exist; create it with mkdir -p"
            )
        if not folder.is_dir():
            raise OutputError(
                f"cannot write {name}: {str(folder)!r} is a file, not a folder; "
                "choose another folder"
            )
        if not os.access(folder, os.W_OK | os.X_OK):
            raise OutputError(
                f"cannot write {name}: its folder is not writable; choose another folder"
            )
    except OSError as error:
        raise OutputError(f"cannot write {name} ({reason(error)}); choose another place") from error
    if picture is not None:
        check_storable(picture, kind)

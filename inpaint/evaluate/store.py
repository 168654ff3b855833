"""What a run leaves in its folder: a row for each measurement and a PNG for each fill.

A row is written after its fill, so an existing row means that its work is done. If a kill has cut
off the last line, that line is dropped and its work is repeated.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import cv2
import numpy as np

from inpaint.errors import OutputError, reason, remedy
from inpaint.evaluate.metrics import to_json
from inpaint.system import files

ROWS = "metrics.jsonl"
CONVENTION = (
    "composite, 8 bit RGB; PSNR and L1 a picture, peak 255; SSIM Wang et al. 2004, Gaussian 11x11 "
    "sigma 1.5; LPIPS v0.1 AlexNet; docs/metrics.md"
)
KEY = ("name", "image_sha256", "mask", "mask_sha256", "method", "fingerprint", "seed", "convention")
"""A measurement is the same one, and is not repeated, if all of these agree."""

Row = dict[str, Any]

# Level 1 costs a fifth of the default's time for a tenth more bytes.
_PNG = [cv2.IMWRITE_PNG_COMPRESSION, 1]
if hasattr(cv2, "IMWRITE_PNG_FILTER"):
    # Such an OpenCV tries all filters on each row; one of them costs two thirds of the time.
    _PNG += [cv2.IMWRITE_PNG_FILTER, cv2.IMWRITE_PNG_FILTER_AVG]
    _PNG += [cv2.IMWRITE_PNG_STRATEGY, cv2.IMWRITE_PNG_STRATEGY_RLE]


class Store:
    """The rows and fills of an output folder.

    Parameters
    ----------
    out : path
        Made if it is not there.
    overwrite : bool
        Forget the rows that are there.

    Raises
    ------
    OutputError
        If the folder cannot be made or written.
    """

    def __init__(self, out: str | Path, *, overwrite: bool = False) -> None:
        self.out = Path(out)
        self._path = self.out / ROWS
        try:
            self.out.mkdir(parents=True, exist_ok=True)
            if overwrite:
                self._path.unlink(missing_ok=True)
            self._rows = {_key(row): row for row in self._read()}
            self._file = self._path.open("a", encoding="utf-8")
        except OSError as error:
            raise OutputError(
                f"cannot write into {str(self.out)!r} ({reason(error)}); "
                f"{remedy(error, 'choose another --out')}"
            ) from error

    def get(self, key: Row) -> Row | None:
        """Return the row of the same measurement, if it and its fill are there."""
        row = self._rows.get(_key(key))
        return row if row and (self.out / row["fill"]).is_file() else None

    def add(self, row: Row, filled: np.ndarray) -> Row:
        """Write a fill (H, W, 3) uint8 RGB to ``row["fill"]``, then its row; return it as read."""
        self.write_png(row["fill"], filled)
        line = to_json(row)
        # One call, flushed: a kill can cut the last line, never mix two.
        self._file.write(line + "\n")
        self._file.flush()
        kept: Row = json.loads(line)
        self._rows[_key(kept)] = kept
        return kept

    def write_png(self, name: str, image: np.ndarray) -> None:
        """Write (H, W, 3) RGB or (H, W) grey uint8 below the folder, whole or not at all."""
        path = self.out / name
        bgr = image[..., ::-1] if image.ndim == 3 else image
        _, data = cv2.imencode(".png", bgr, _PNG)
        temporary = path.with_name(f".{hashlib.sha256(path.name.encode()).hexdigest()[:16]}.tmp")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            temporary.write_bytes(data.tobytes())
            os.replace(temporary, path)
        except OSError as error:
            raise OutputError(
                f"cannot write {str(path)!r} ({reason(error)}); "
                f"{remedy(error, 'free some space or choose another --out')}"
            ) from error

    def read_png(self, name: str) -> np.ndarray:
        """Return a picture that ``write_png`` wrote, as it was.

        Colours are (H, W, 3), masks (H, W), uint8.
        """
        data = np.frombuffer(files.read_bytes(self.out / name), np.uint8)
        image = cv2.imdecode(data, cv2.IMREAD_UNCHANGED)
        if image is None:
            raise OutputError(f"{self.out / name} is damaged; delete it and run again")
        return image[..., ::-1] if image.ndim == 3 else image

    def close(self) -> None:
        """Close the file of rows."""
        self._file.close()

    def _read(self) -> list[Row]:
        if not self._path.exists():
            return []
        lines = files.read_bytes(self._path).split(b"\n")
        good = list(_good(lines[:-1]))
        if lines[-1] or len(good) < len(lines) - 1:
            # The next row must not be glued to the rest of a line that was cut off.
            temporary = self._path.with_suffix(".tmp")
            temporary.write_bytes(b"".join(line + b"\n" for line, _ in good))
            os.replace(temporary, self._path)
        return [row for _, row in good]


def _good(lines: list[bytes]) -> Iterator[tuple[bytes, Row]]:
    for line in lines:
        try:
            row = json.loads(line)
        except ValueError:
            continue
        if isinstance(row, dict) and {*KEY, "fill"} <= row.keys():
            yield line, row


def place(kind: str, *parts: str) -> str:
    """Return the path of a picture below the folder: ``kind/part/.../name.png``.

    The suffix of a name stays (``a.jpg.png``), so that a.jpg and a.webp do not collide. Signs
    that some file system refuses are percent-encoded; a folder in the last part is kept.
    """
    *folders, name = parts
    steps = [*(safe(f) for f in folders), *(safe(n) for n in name.split("/"))]
    suffix = "" if name.lower().endswith(".png") else ".png"
    return "/".join([kind, *steps]) + suffix


def digest(array: np.ndarray) -> str:
    """Return a short hash of an array's shape and values. An array of any shape."""
    found = hashlib.sha256(repr((array.shape, array.dtype.str)).encode())
    found.update(np.ascontiguousarray(array).tobytes())
    return found.hexdigest()[:16]


def _key(row: Row) -> tuple[Any, ...]:
    return tuple(row[k] for k in KEY)


def safe(text: str) -> str:
    """Return a text as a name that any file system takes; different texts stay different."""
    # Letters of other scripts may stay; what Windows or a shell trips over may not.
    safe = "".join(c if c.isalnum() or c in "-_.=,+ " else quote(c, safe="") for c in text)
    safe = "%2E" * len(safe) if set(safe) == {"."} else safe
    if len(safe.encode()) <= 120:
        return safe
    return safe[:60] + hashlib.sha256(text.encode()).hexdigest()[:12] + safe[-20:]

"""Tells whether a file with the name of an output is finished, ours to replace, or foreign."""

from __future__ import annotations

import hashlib

from inpaint.batch.disk import Disk
from inpaint.batch.folder import Folder
from inpaint.batch.journal import Journal
from inpaint.batch.rows import DONE, KEPT, STARTED, Row
from inpaint.errors import ImageError, OutputError
from inpaint.images.decode import MAX_PIXELS, decode


class Owned:
    """Answers for the outputs of one run; ``known`` is always the item's row in the manifest."""

    def __init__(
        self,
        images: Folder,
        masks: Folder | None,
        out: Folder,
        journal: Journal,
        *,
        overwrite: bool,
    ) -> None:
        self.images, self.masks, self.out, self.overwrite = images, masks, out, overwrite
        self._journal = journal

    def kept(self, row: Row, known: Row, present: str) -> Row | None:
        """Return the row of an output that is there and would be the same again, else None."""
        same = ("options", "out", "image_sha256", "mask_sha256")
        if (
            self.overwrite
            or known.get("status") not in (DONE, KEPT)
            or any(known.get(key) != row.get(key) for key in same)
            or known.get("out_sha256") != present
        ):
            return None
        stamps = {key: row[key] for key in ("image_stamp", "mask_stamp")}
        return {
            **known,
            **stamps,
            "status": KEPT,
            "out_stamp": self.out.stamp(row["out"], own=True),
        }

    def present(self, out: str) -> str:
        """Hash of the output that is there, "" if it cannot be read."""
        try:
            return sha256(self.out.read(out))
        except ImageError:
            return ""

    def ours(self, path: str, out: str, known: Row, present: str) -> bool:
        """Whether replacing an output loses nothing that this command did not make.

        Parameters
        ----------
        path, out : str
            The image and its output.
        known : dict
            The item's row in the manifest, or an empty one.
        present : str
            The hash of the output that is there.
        """
        if self.overwrite or present in (known.get("out_sha256"), known.get("before")):
            return True
        if present in (known.get("wrote") or ()):
            return True
        if known.get("status") == STARTED and known.get("empty"):
            return True
        made = known.get("status") in (DONE, KEPT, STARTED) and known.get("out", out) == out
        if made and not self._readable(out):  # ours, and cut short since
            return True
        return self._journal.wrote(path, out, present)

    def foreign(self, out: str, known: Row) -> OutputError:
        """Return the error that says why an output stays as it is."""
        made = known.get("out") == out and known.get("out_sha256") is not None
        what = "was changed since it was written" if made else "is there already"
        return OutputError(f"{self.out.label(out)} {what}; move it away, or give --overwrite")

    def refuse_inputs(self, out: str) -> None:
        """Raise OutputError if an output would replace a file in an input folder."""
        for folder, what in ((self.images, "IMAGES"), (self.masks, "--masks")):
            if folder is not None and _inside(self.out, out, folder):
                raise OutputError(
                    f"{self.out.label(out)} lies in {what}; inputs are never modified, change --out"
                )

    def _readable(self, out: str) -> bool:
        try:
            decode(self.out.read(out), name=out, max_pixels=MAX_PIXELS)
        except ImageError:
            return False
        return True


def sha256(data: bytes) -> str:
    """Return the hash that rows hold."""
    return hashlib.sha256(data).hexdigest()


def _inside(out: Folder, name: str, folder: Folder) -> bool:
    """Whether an output would replace a file of an input folder, links resolved."""
    if not (isinstance(out, Disk) and isinstance(folder, Disk)):
        return out.url.rstrip("/") == folder.url.rstrip("/")
    place = (out.root / name).parent.resolve()
    if place.is_relative_to(out.root.resolve()):
        return False  # no link leads elsewhere; OUT may be a folder among the images
    return place.is_relative_to(folder.root.resolve())

"""The hole of one item: from its mask, from the image's alpha, or from annotations."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from inpaint import masks
from inpaint.batch.annotated import Found
from inpaint.batch.folder import Folder
from inpaint.batch.options import Options
from inpaint.batch.owned import sha256
from inpaint.batch.rows import Row
from inpaint.errors import InpaintError
from inpaint.images.decode import MAX_PIXELS, decode

if TYPE_CHECKING:
    from inpaint.images import Picture


class Holes:
    """Reads the masks of one worker; the last one is kept, because one mask may be for all.

    Parameters
    ----------
    folder : Folder or None
        Where the masks are. None: they are in the images' alpha.
    options : Options
        How masks are read, and by how much holes are grown.
    """

    def __init__(self, folder: Folder | None, options: Options) -> None:
        self._folder, self._options = folder, options
        self._last: tuple[str, Picture] | None = None

    def stamp(self, mask: str | None) -> str | None:
        """The stamp of a mask's file, see ``Folder``."""
        return None if mask is None or self._folder is None else self._folder.stamp(mask)

    def picture(self, mask: str | None, data: bytes | None, row: Row) -> Picture | None:
        """Decode a mask from the bytes of its file, and put their hash into the item's row.

        Raises
        ------
        ImageError
            If the file cannot be decoded.
        """
        if mask is None or data is None or self._folder is None:
            return None
        row["mask_sha256"] = digest = sha256(data)
        if self._last is None or self._last[0] != digest:
            name = self._folder.label(mask)
            self._last = digest, decode(data, name=name, max_pixels=MAX_PIXELS)
        return self._last[1]

    def of(
        self, picture: Picture, drawn: Picture | None, mask: str | None, found: Found | None
    ) -> tuple[np.ndarray, str | None]:
        """The hole (H, W) of bool, True inside, and what to note of it.

        Parameters
        ----------
        picture : Picture
            The image.
        drawn : Picture or None
            Its mask, as ``picture`` returned it; None: the hole is in alpha, or annotated.
        mask : str or None
            The name of the mask, for messages.
        found : Found or None
            The image's annotations, where those mark the holes.

        Raises
        ------
        MaskError
            If the mask does not fit the image, or nothing or all of it is hole.
        """
        shape, o = (picture.height, picture.width), self._options
        note = None
        if found is not None:
            return found.hole(picture, o.margin)
        try:
            if drawn is None:
                hole = masks.from_alpha(picture)
            else:
                hole, note = masks.judged(drawn, invert=o.invert, labels=o.mask_labels)
            masks.check(hole, shape)
            if looks_inverted(hole):
                note = joined(note, "the mask looks inverted: white is the hole")
            if o.grow:
                hole = masks.grow(hole, o.grow)
                masks.check(hole, shape)
        except InpaintError as error:
            if mask is None or self._folder is None:
                raise
            raise type(error)(f"{self._folder.label(mask)}: {error}") from None
        return hole, note


def looks_inverted(hole: np.ndarray) -> bool:
    """Tell whether a mask (H, W) is mostly hole, also along its edges, as if black meant hole."""
    edges = (hole[0], hole[-1], hole[:, 0], hole[:, -1])
    return bool(hole.mean() > 0.5 and np.concatenate(edges).mean() > 0.75)


def joined(*notes: str | None) -> str | None:
    """Join the notes that are not None into one text; return None if there are none."""
    return "; ".join(filter(None, notes)) or None

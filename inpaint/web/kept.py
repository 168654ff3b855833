"""A fill as bytes that the page keeps, so that it outlives the server that made it.

The server forgets a photo after a while, and all of them when it ends. The page has the photo's
file and what is written here of each fill; it opens the file again and puts the fills back, and
what it saves then is the same, bit for bit.

One line of JSON, ``{"box": [x, y, w, h], "counts": run lengths of the hole within it,
"candidates": n, "dtype": "uint8", "channels": C}``, then the values of each candidate in turn as
``Fill`` has them, little-endian.
"""

from __future__ import annotations

import json
from typing import Any

import numpy as np

from inpaint.errors import InpaintError
from inpaint.images import Picture
from inpaint.masks import rle
from inpaint.web import shapes
from inpaint.web.options import MOST_CANDIDATES
from inpaint.web.photos import Fill


class KeptError(InpaintError):
    """Bytes that are no fill of this photo."""


def pack(fill: Fill) -> bytes:
    """Write a fill; ``unpack`` gives it back."""
    values = fill.values[0]
    facts = {
        "box": list(fill.box),
        "counts": rle.encode(fill.mask),
        "candidates": len(fill.values),
        "dtype": values.dtype.name,
        "channels": values.shape[1],
    }
    little = values.dtype.newbyteorder("<")
    parts = [np.ascontiguousarray(v, little).tobytes() for v in fill.values]
    return b"".join([json.dumps(facts).encode("ascii"), b"\n", *parts])


def unpack(data: bytes, picture: Picture) -> Fill:
    """Read a fill of ``picture``; raises KeptError or MaskError for anything else."""
    head, _, rest = data.partition(b"\n")
    try:
        facts = json.loads(head)
    except (ValueError, RecursionError):
        raise KeptError("these bytes are no fill, as GET .../fills/NUMBER gives it") from None
    if not isinstance(facts, dict):
        raise KeptError("a fill begins with a JSON object in a line of its own")
    x, y, w, h = (int(v) for v in shapes.box_of(facts.get("box")))
    if not (0 <= x < x + w <= picture.width and 0 <= y < y + h <= picture.height):
        raise KeptError(
            f"the fill is of a photo of another size; this one is {picture.width}x{picture.height}"
        )
    count = facts.get("candidates")
    if type(count) is not int or not 1 <= count <= MOST_CANDIDATES:
        raise KeptError(f"candidates is no whole number from 1 to {MOST_CANDIDATES}")
    mine = picture.pixels.dtype, picture.pixels.shape[2]
    if (facts.get("dtype"), facts.get("channels")) != (mine[0].name, mine[1]):
        raise KeptError(f"the fill is of another photo; this one has {mine[1]} x {mine[0].name}")
    mask = _mask(facts.get("counts"), (h, w))
    shape = count, int(mask.sum()), mine[1]
    if len(rest) != int(np.prod(shape)) * mine[0].itemsize:
        raise KeptError("the fill's values are not as many as its hole has pixels; it is damaged")
    values = np.frombuffer(rest, mine[0].newbyteorder("<")).reshape(shape).astype(mine[0])
    return Fill((x, y, w, h), mask, [v.copy() for v in values])


def _mask(counts: Any, size: tuple[int, int]) -> np.ndarray:
    if not isinstance(counts, str):
        raise KeptError("a fill's counts are no text")
    mask = rle.decode(counts, size)
    if not mask.any():
        raise KeptError("the fill's hole is empty; it is damaged")
    return mask

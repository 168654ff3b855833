"""Masks: (H, W) bool arrays in which True (white in a file) is the hole to fill.

- ``files``, ``arrays``: read masks; ``judge``, ``labels``: what may be meant by one; ``pairing``:
  which belongs to which image;
- ``distances``: grow and feather them, and find the separate holes;
- ``objects``, ``snap``, ``annotation``, ``rle``: holes from boxes, polygons, outlines, and the
  files of annotation tools;
- ``preview``: the hole drawn over the picture.
"""

from __future__ import annotations

from inpaint.masks.arrays import HALF, as_mask, check
from inpaint.masks.distances import components, feather, grow, inward
from inpaint.masks.files import from_alpha, from_picture, judged, load

__all__ = [
    "HALF",
    "as_mask",
    "check",
    "components",
    "feather",
    "from_alpha",
    "from_picture",
    "grow",
    "inward",
    "judged",
    "load",
]

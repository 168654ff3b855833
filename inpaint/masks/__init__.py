"""Masks: (H, W) bool arrays in which True (white in a file) is the hole to fill.

- ``files`` and ``arrays`` read masks, ``judge`` and ``labels`` decide what a mask means, and
  ``pairing`` finds the mask of each image;
- ``distances`` grows and feathers masks, and finds the separate holes;
- ``objects``, ``snap``, ``annotation`` and ``rle`` make holes from boxes, polygons, rough outlines,
  and the files of annotation programs; ``edge`` and ``rings`` measure how much wider they must be;
- ``preview`` draws the hole over the picture.
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

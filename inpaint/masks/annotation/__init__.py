"""Objects from the files of annotation tools: one reader a format, and one for all of them.

``model`` is what they make of a file: pages of entries that are drawn when they are asked for.
All tools show pictures with their EXIF orientation applied, so their coordinates are those of
the picture as shown, as in ``inpaint.masks.objects``. The package is not called ``annotations``,
because ``from __future__ import annotations`` would take that name in ``inpaint.masks``.
"""

from __future__ import annotations

from inpaint.masks.annotation.book import any_program, open_book
from inpaint.masks.annotation.coco import coco
from inpaint.masks.annotation.labelme import labelme

__all__ = ["any_program", "coco", "labelme", "open_book"]

"""Objects from the files of annotation tools: one reader a format.

Both tools show pictures with their EXIF orientation applied, so their coordinates are those of
the picture as shown, as in ``inpaint.masks.objects``. The package is not called ``annotations``,
because ``from __future__ import annotations`` would take that name in ``inpaint.masks``.
"""

from __future__ import annotations

from inpaint.masks.annotation.coco import coco
from inpaint.masks.annotation.labelme import labelme

__all__ = ["coco", "labelme"]

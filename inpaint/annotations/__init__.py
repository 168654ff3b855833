"""Objects from the files of annotation tools: one reader a format.

Both tools show pictures with their EXIF orientation applied, so their coordinates are those of
the picture as shown, as in ``inpaint.objects``.
"""

from __future__ import annotations

from inpaint.annotations.coco import coco
from inpaint.annotations.labelme import labelme

__all__ = ["coco", "labelme"]

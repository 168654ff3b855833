"""Objects from the files of annotation tools: one reader a format.

Both tools show pictures with their EXIF orientation applied, so their coordinates are those of
the picture as shown, as in ``inpaint.objects``. The package is not called ``annotations``, because
``from __future__ import annotations`` has taken that name in ``inpaint``.
"""

from __future__ import annotations

from inpaint.annotation.coco import coco
from inpaint.annotation.labelme import labelme

__all__ = ["coco", "labelme"]

"""What the page gets to see of a photo: 8 bits, in a format of browsers, no larger than asked."""

from __future__ import annotations

import base64
from dataclasses import replace
from typing import Any

import cv2
import numpy as np

from inpaint.images import Picture
from inpaint.images.encode import encode
from inpaint.masks.preview import as_preview
from inpaint.web.photos import Photo, Stack

LARGEST, SMALLEST = 4096, 256  # longest side of a view
_QUALITY = 92


def view_size(height: int, width: int, side: int) -> tuple[int, int]:
    """Rows and columns of a view whose longer side is at most ``side``."""
    scale = min(1.0, side / max(height, width))
    return max(1, round(height * scale)), max(1, round(width * scale))


def view(picture: Picture, side: int) -> tuple[bytes, str]:
    """The whole photo as the bytes of an image file, and its media type."""
    shown = as_preview(picture)
    rows, columns = view_size(picture.height, picture.width, side)
    shown = _without_baggage(shown, _resized(shown.pixels, (rows, columns)))
    if shown.has_alpha:
        return encode(shown, "WEBP", quality=_QUALITY), "image/webp"
    return encode(shown, "JPEG", quality=_QUALITY), "image/jpeg"


def candidate(photo: Photo, stack: Stack, side: int) -> tuple[bytes, dict[str, int]]:
    """The hole of the topmost fill of a stack, as a PNG to lay over a view, and where it lies.

    Transparent outside the hole. Where the view has the photo's own size it is exact.
    """
    fill = photo.fills[stack[-1][0]]
    place, box = _place(fill.box, photo.picture, side)
    whole = photo.with_stack(stack)
    y0, x0, y1, x1 = box
    part = as_preview(replace(whole, pixels=whole.pixels[y0:y1, x0:x1]))
    mask = np.zeros((y1 - y0, x1 - x0), np.uint8)
    x, y, w, h = fill.box
    mask[y - y0 : y - y0 + h, x - x0 : x - x0 + w][fill.mask] = 255
    size = place["h"], place["w"]
    colours = _resized(part.pixels[..., :3], size)
    alpha = _resized(mask, size)
    if part.has_alpha:
        own = _resized(np.ascontiguousarray(part.pixels[..., 3]), size)
        alpha = (alpha.astype(np.uint16) * own // 255).astype(np.uint8)
    pixels = np.dstack([colours, alpha])
    return encode(_without_baggage(part, pixels), "PNG"), place


def region(shape: dict[str, Any], mask: np.ndarray, picture: Picture, side: int) -> dict[str, Any]:
    """A region's ``mask`` (H, W) as a PNG for the page, and where it lies in a view.

    White on transparent, cut to the box of ``shape``, for a view of at most ``side`` pixels.
    """
    place, (y0, x0, y1, x1) = _place(tuple(shape["box"]), picture, side)
    alpha = _resized(mask[y0:y1, x0:x1].astype(np.uint8) * 255, (place["h"], place["w"]))
    white = np.full((*alpha.shape, 3), 255, np.uint8)
    return {**place, "png": data_url(Picture(np.dstack([white, alpha])), "PNG")}


def data_url(picture: Picture, kind: str, *, quality: int | None = None) -> str:
    """A picture as a data URL in the format ``kind``."""
    coded = base64.b64encode(encode(picture, kind, quality=quality)).decode("ascii")
    return f"data:image/{kind.lower()};base64,{coded}"


def _place(
    box: tuple[int, ...], picture: Picture, side: int
) -> tuple[dict[str, int], tuple[int, int, int, int]]:
    """Where a box of the photo lies in a view, in whole pixels, and what of the photo that is."""
    rows, columns = view_size(picture.height, picture.width, side)
    x, y, w, h = box
    spans = []
    for start, length, full, seen in ((y, h, picture.height, rows), (x, w, picture.width, columns)):
        first = start * seen // full
        last = min(-(-(start + length) * seen // full), seen)
        spans.append((first, last, round(first * full / seen), round(last * full / seen)))
    (v0, v1, y0, y1), (u0, u1, x0, x1) = spans
    return {"x": u0, "y": v0, "w": u1 - u0, "h": v1 - v0}, (y0, x0, y1, x1)


def _resized(pixels: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    if pixels.shape[:2] == size:
        return pixels
    small: np.ndarray = cv2.resize(pixels, size[::-1], interpolation=cv2.INTER_AREA)
    return small


def _without_baggage(picture: Picture, pixels: np.ndarray) -> Picture:
    """The colours and their profile; EXIF and the file's settings stay behind."""
    return Picture(pixels, icc=picture.icc)

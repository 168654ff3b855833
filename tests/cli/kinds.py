"""One small photo with a hole, in the many ways that files store them; for the tests of kinds."""

from __future__ import annotations

import io
from typing import Any

import cv2
import numpy as np
from PIL import Image

SHAPE = (40, 60)
BODY, OTHER = np.s_[10:26, 20:44], np.s_[30:37, 3:9]
HOLE = np.zeros(SHAPE, bool)
HOLE[BODY] = True
BOTH = HOLE.copy()
BOTH[OTHER] = True


def saved(array: np.ndarray, form: str = "PNG", **options: Any) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(array).save(stream, form, **options)
    return stream.getvalue()


def photo() -> np.ndarray:
    y, x = np.mgrid[: SHAPE[0], : SHAPE[1]]
    noise = np.random.default_rng(1).integers(-9, 10, (*SHAPE, 3))
    return (np.stack([x * 4, y * 6, 250 - x * 2 - y], -1) + noise).clip(0, 255).astype(np.uint8)


WHITE = HOLE.astype(np.uint8) * 255
ERASED = np.dstack([photo(), 255 - WHITE])
OPAQUE = np.dstack([photo(), np.full(SHAPE, 255, np.uint8)])
SOFT = np.dstack([photo(), np.where(BOTH, 128, 255).astype(np.uint8)])


def deep(array: np.ndarray) -> bytes:
    """A PNG of 16 bits from an array of 8."""
    order = [2, 1, 0, 3][: array.shape[2]]  # OpenCV's
    return bytes(cv2.imencode(".png", array[..., order].astype(np.uint16) * 257)[1])


def hole_of(before: np.ndarray, after: bytes) -> np.ndarray:
    """Where an output differs; a fill of this noisy photo by one colour meets few old values."""
    with Image.open(io.BytesIO(after)) as image:
        changed: np.ndarray = (np.asarray(image.convert("RGB")) != before).any(axis=2)
    return changed

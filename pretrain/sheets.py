"""Contact sheets of images, as training and model cards show them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image
from torch import Tensor


def tile(images: Tensor, *, columns: int = 8, gap: int = 2) -> np.ndarray:
    """Lay images (N, 3, S, S) in [0, 1] out in rows: uint8 (H, W, 3) on white."""
    pixels = (images.clamp(0, 1) * 255).round().byte().permute(0, 2, 3, 1).cpu().numpy()
    n, height, width, _ = pixels.shape
    rows = -(-n // columns)
    sheet = np.full((rows * (height + gap) + gap, columns * (width + gap) + gap, 3), 255, np.uint8)
    for i, image in enumerate(pixels):
        y, x = gap + i // columns * (height + gap), gap + i % columns * (width + gap)
        sheet[y : y + height, x : x + width] = image
    return sheet


def write(path: Path, images: Tensor, *, columns: int = 8) -> None:
    """Write ``tile(images)`` as a PNG. The images are (N, 3, S, S) in [0, 1]."""
    Image.fromarray(tile(images, columns=columns)).save(path)

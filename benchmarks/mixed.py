"""A folder as people have them: formats, modes, sizes, EXIF turns, subfolders, names of all kinds.

For ``batch.py``, ``batch_kills.py`` and ``batch_faults.py``.
"""

from __future__ import annotations

import unicodedata
from pathlib import Path, PurePosixPath
from typing import Any

import cv2
import numpy as np
from PIL import Image, ImageCms, ImageOps

ORIENTATION = 0x0112
SIDES = (48, 56, 64, 64, 80, 96, 96, 112, 128, 150, 176, 200)
# Endings and the modes that each is seen with; "RGB16" and "L16" have 16 bits a sample.
KINDS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("png", ("RGB", "L", "LA", "RGBA", "P", "1", "L16", "RGB16")),
    ("jpg", ("RGB", "RGB", "L", "CMYK")),
    ("webp", ("RGB", "RGBA")),
    ("tif", ("RGB", "L", "RGBA", "L16", "CMYK")),
    ("JPG", ("RGB", "L")),
    ("bmp", ("RGB", "L", "P")),
    ("jpeg", ("RGB",)),
    ("tiff", ("RGB", "RGB16")),
)
FOLDERS = ("", "holiday", "holiday/été 2019", "日本", "a b/c", "Ωmega/д/ё")
SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def picture(rng: np.random.Generator, height: int, width: int) -> np.ndarray:
    """Smooth colours and some texture: what compresses as photos do."""
    coarse = rng.uniform(30, 220, (max(height // 24, 2), max(width // 24, 2), 3)).astype(np.uint8)
    smooth = np.asarray(Image.fromarray(coarse).resize((width, height), Image.Resampling.BICUBIC))
    texture = rng.normal(0, 4, (height, width, 1))
    return np.clip(smooth + texture, 0, 255).astype(np.uint8)


def hole(rng: np.random.Generator, height: int, width: int) -> np.ndarray:
    """A box or an ellipse of 2 to 15 % of the area: uint8 (height, width), 255 in the hole."""
    share = rng.uniform(0.02, 0.15)
    h, w = (max(int(side * share**0.5), 2) for side in (height, width))
    top, left = (int(rng.integers(0, side - part)) for side, part in ((height, h), (width, w)))
    y, x = np.mgrid[:height, :width]
    if rng.random() < 0.5:
        inside = (abs(y - top - h / 2) <= h / 2) & (abs(x - left - w / 2) <= w / 2)
    else:
        inside = ((y - top - h / 2) / h) ** 2 + ((x - left - w / 2) / w) ** 2 <= 0.25
    return np.where(inside, np.uint8(255), np.uint8(0))


def make(root: Path, count: int, seed: int) -> list[str]:
    """``root/in`` and ``root/masks`` with ``count`` pairs; returns their names, sorted."""
    names = []
    for index in range(count):
        rng = np.random.default_rng([seed, index])
        ending, modes = KINDS[index % len(KINDS)]
        mode = modes[int(rng.integers(0, len(modes)))]
        height, width = (int(SIDES[k]) for k in rng.integers(0, len(SIDES), 2))
        name = Path(FOLDERS[index % len(FOLDERS)]) / f"bild-é {index:06d}.{ending}"
        mask = hole(rng, height, width)
        options: dict[str, Any] = {}
        if ending in ("jpg", "JPG", "jpeg", "webp"):
            options["quality"] = int(rng.integers(70, 96))
        if ending in ("jpg", "JPG", "jpeg"):
            exif = Image.Exif()
            exif[ORIENTATION] = int(rng.integers(1, 9))
            options["exif"] = exif
            turned = Image.fromarray(mask)
            turned.getexif()[ORIENTATION] = exif[ORIENTATION]
            mask = np.asarray(ImageOps.exif_transpose(turned))
        if mode == "RGB" and rng.random() < 0.5 and ending != "bmp":
            options["icc_profile"] = SRGB
        paired = mask_of(root, name.as_posix())
        for path in (root / "in" / name, paired):
            path.parent.mkdir(parents=True, exist_ok=True)
        _save(root / "in" / name, picture(rng, height, width), mode, options)
        Image.fromarray(mask).save(paired)
        names.append(name.as_posix())
    return sorted(names)


def mask_of(root: Path, name: str) -> Path:
    """Where the mask of an image is; some come from a system that spells accents in two parts."""
    paired = PurePosixPath(name)
    ending = unicodedata.normalize("NFC" if int(paired.stem[-6:]) % 7 else "NFD", paired.name)
    return root / "masks" / paired.parent / f"{ending}.png"


def _save(path: Path, rgb: np.ndarray, mode: str, options: dict[str, Any]) -> None:
    if mode in ("L16", "RGB16"):
        deep = rgb.astype(np.uint16) * 257 + 3
        deep = deep[..., 0] if mode == "L16" else deep[..., ::-1]
        path.write_bytes(cv2.imencode(path.suffix, deep)[1].tobytes())
        return
    image = Image.fromarray(rgb)
    if mode in ("LA", "RGBA"):
        image = image.convert(mode)
        fade = np.linspace(60, 255, rgb.shape[1]).astype(np.uint8)
        image.putalpha(Image.fromarray(np.tile(fade, (rgb.shape[0], 1))))
    elif mode != "RGB":
        image = image.convert(mode)
    image.save(path, **options)


def outputs(out: Path) -> dict[str, bytes]:
    """What a person sees below a folder: {relative path: content}, hidden names left out."""
    found = {}
    for path in sorted(out.rglob("*")):
        name = path.relative_to(out)
        if path.is_file() and not any(part.startswith(".") for part in name.parts):
            found[name.as_posix()] = path.read_bytes()
    return found

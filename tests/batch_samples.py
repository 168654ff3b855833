"""Folders for the tests of ``inpaint batch``: small images with masks, and hostile files."""

from __future__ import annotations

import io
import os
import struct
import zlib
from pathlib import Path

import numpy as np
from PIL import Image

NAMES = (
    "a.png",
    "a.jpg",
    "IMG_1.JPG",
    "deep/er/b.webp",
    "deep/grey.png",
    "größe 日本.tif",
    "turned.jpg",
    "new\nline.png",
    "erased.png",
    "palette.png",
    "cmyk.jpg",
    "wrong.jpg",
)


def pixels(seed: int, height: int = 24, width: int = 32) -> np.ndarray:
    y, x = np.mgrid[:height, :width]
    colours = np.stack([x * 7 + seed, y * 9, 255 - x * 3 - y * 3], axis=2)
    return colours.clip(0, 255).astype(np.uint8)


def hole(height: int = 24, width: int = 32, shift: int = 0) -> np.ndarray:
    mask = np.zeros((height, width), np.uint8)
    mask[6:15, 8 + shift : 20 + shift] = 255
    return mask


def make_folder(root: Path, names: tuple[str, ...] = NAMES) -> None:
    """``root/in`` and ``root/masks``: one image of each kind, each with a mask."""
    for seed, name in enumerate(names):
        image = Image.fromarray(pixels(seed))
        mask = hole(shift=seed % 8)
        options: dict[str, object] = {}
        kind = None
        if "grey" in name:
            image = image.convert("L")
        elif "erased" in name:
            image.putalpha(Image.fromarray(255 - mask))
        elif "palette" in name:
            image = image.quantize(16)
            options["transparency"] = 0
        elif "cmyk" in name:
            image = image.convert("CMYK")
        elif "turned" in name:
            exif = Image.Exif()
            exif[0x0112] = 6
            options["exif"] = exif
            mask = np.rot90(mask, -1)
        elif "wrong" in name:
            kind = "PNG"
        path, place = root / "in" / name, root / "masks" / Path(name).with_suffix(".png")
        if name == "a.jpg":
            place = root / "masks" / "a.jpg.png"
        for folder in (path.parent, place.parent):
            folder.mkdir(parents=True, exist_ok=True)
        image.save(path, kind, **options)
        Image.fromarray(mask).save(place)


def png_header(width: int, height: int) -> bytes:
    body = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    data = b"\x89PNG\r\n\x1a\n\0\0\0\r" + body + struct.pack(">I", zlib.crc32(body))
    return data + b"\0\0\0\0IDAT5\xaf\x06\x1e"


def encoded(kind: str, **options: object) -> bytes:
    stream = io.BytesIO()
    noise = np.random.default_rng(0).integers(0, 256, (24, 32, 3), dtype=np.uint8)
    Image.fromarray(noise).save(stream, kind, **options)
    return stream.getvalue()


def add_hostile(root: Path) -> dict[str, str]:
    """Add files that cannot be filled, 60 in all: {name: part of the reason}."""
    frames = [Image.fromarray(pixels(80 * k)) for k in range(3)]
    gif = io.BytesIO()
    frames[0].save(gif, "GIF", save_all=True, append_images=frames[1:])
    film = io.BytesIO()
    frames[0].save(film, "WEBP", save_all=True, append_images=frames[1:])
    contents = {
        "bad/text.png": (b"hello, I am no image\n", "not an image"),
        "bad/empty.jpg": (b"", "0 bytes"),
        "bad/bomb.png": (png_header(30_000, 30_000), "900 million"),
        "bad/anim.gif": (gif.getvalue(), "GIF"),
        "bad/anim.webp": (film.getvalue(), "3 frames"),
        "bad/gif as.png": (gif.getvalue(), "GIF"),
        "bad/lfs.jpg": (b"version https://git-lfs.github.com/spec/v1\n", "Git LFS"),
        "bad/pdf.png": (b"%PDF-1.4\n", "PDF"),
        "bad/zero.png": (bytes(200), "not an image"),
        "bad/two\nlines.jpg": (b"\xff\xd8\xff", "damaged"),
    }
    for kind, ending in (("JPEG", "jpg"), ("PNG", "png"), ("WEBP", "webp"), ("TIFF", "tif")):
        data = encoded(kind)
        for part in range(1, 11):
            cut = data[: len(data) * part // 12]
            contents[f"bad/cut {part}.{ending}"] = (cut, "damaged")
    expected = {}
    for name, (content, reason) in contents.items():
        _place(root, name, content)
        expected[name] = reason
    for name, target, reason in (
        ("bad/loop.png", "loop.png", "cannot be read"),
        ("bad/dangling.png", "nowhere.png", "does not exist"),
    ):
        _mask(root, name)
        os.symlink(target, root / "in" / name)
        expected[name] = reason
    os.symlink("..", root / "in" / "bad" / "up")
    expected["bad/up"] = "link to a folder that it lies in"
    os.mkfifo(root / "in" / "bad" / "pipe.png")
    expected["bad/pipe.png"] = "pipe"
    for name, mask, reason in (
        ("mask/other size.png", Image.fromarray(hole(20, 30)), "30x20"),
        ("mask/none.png", Image.new("L", (32, 24), 0), "no hole"),
        ("mask/all.png", Image.new("L", (32, 24), 255), "everything"),
    ):
        _place(root, name, encoded("PNG"))
        mask.save(root / "masks" / (name + ".png"))
        expected[name] = reason
    _place(root, "mask/damaged.png", encoded("PNG"))
    (root / "masks" / "mask" / "damaged.png.png").write_bytes(b"no")
    expected["mask/damaged.png"] = "not an image"
    (root / "in" / "alone.png").write_bytes(encoded("PNG"))
    expected["alone.png"] = "has no mask"
    _place(root, "mask/two.png", encoded("PNG"))
    (root / "masks" / "mask" / "two.png.png").rename(root / "masks" / "mask" / "two.webp")
    (root / "masks" / "mask" / "two.bmp").write_bytes(b"")
    expected["mask/two.png"] = "2 masks"
    return expected


def _place(root: Path, name: str, content: bytes) -> None:
    path = root / "in" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    _mask(root, name)


def _mask(root: Path, name: str) -> None:
    path = root / "masks" / (name + ".png")
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(hole()).save(path)


def visible(folder: Path) -> dict[str, bytes]:
    """What a person sees below a folder: {relative path: content}, hidden names left out."""
    found = {}
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder)
        if path.is_file() and not any(part.startswith(".") for part in name.parts):
            found[name.as_posix()] = path.read_bytes()
    return found

"""One rule for images and their alpha: every command reads a kind alike, or refuses it alike."""

from __future__ import annotations

import io
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from kinds import BOTH, ERASED, HOLE, OPAQUE, SHAPE, SOFT, WHITE, deep, hole_of, photo, saved
from PIL import Image
from starlette.testclient import TestClient

from pretrain.data import load


def cut(data: bytes) -> bytes:
    return data[: len(data) // 2]


def float_tiff() -> bytes:
    return saved((photo()[..., 0] / 255).astype(np.float32), "TIFF")


def cmyk() -> bytes:
    stream = io.BytesIO()
    Image.fromarray(photo()).convert("CMYK").save(stream, "JPEG")
    return stream.getvalue()


def palette() -> bytes:
    stream = io.BytesIO()
    Image.fromarray(photo()).quantize(16).save(stream, "PNG")
    return stream.getvalue()


def erased_palette() -> bytes:
    """Entry 0 is transparent, and is the hole."""
    image = Image.fromarray(np.where(HOLE, 0, 1 + photo()[..., 0] // 32).astype(np.uint8))
    image.putpalette([n for i in range(9) for n in (i * 28, i * 20, 255 - i * 28)])
    stream = io.BytesIO()
    image.save(stream, "PNG", transparency=0)
    return stream.getvalue()


def avif(depth: int) -> bytes:
    options = [cv2.IMWRITE_AVIF_DEPTH, depth, cv2.IMWRITE_AVIF_QUALITY, 95]
    pixels = photo()[..., ::-1]
    pixels = pixels.astype(np.uint16) << (depth - 8) if depth > 8 else pixels
    return bytes(cv2.imencode(".avif", pixels, options)[1])


def heic() -> bytes:
    """The head of a HEIC: no command reads it where the extra is missing."""
    return (24).to_bytes(4, "big") + b"ftypheic" + bytes(4) + b"heicmif1" + bytes(99)


GREY = photo()[..., 0]
FAINT = np.dstack([photo(), np.full(SHAPE, 90, np.uint8)])  # all over: nothing was erased
TRANSPARENT = "transparent pixels, whose colours are unknown"
# What measures or learns from an image refuses one whose colours are unknown in part; what fills
# takes these pixels as unknown.
BY_COLOUR = frozenset({"evaluate", "pretrain"})
# A file, and what the refusal says.
IMAGES: dict[str, tuple[bytes, str | None]] = {
    "rgb": (saved(photo()), None),
    "grey": (saved(GREY), None),
    "grey, alpha": (saved(np.dstack([GREY, GREY])), TRANSPARENT),
    "rgba": (saved(OPAQUE), None),
    "translucent all over": (saved(FAINT), None),
    "erased": (saved(ERASED), TRANSPARENT),
    "half-transparent": (saved(SOFT), TRANSPARENT),
    "half-transparent webp": (saved(SOFT, "WEBP", lossless=True), TRANSPARENT),
    "erased, 16 bits": (deep(ERASED), TRANSPARENT),
    "erased, palette": (erased_palette(), TRANSPARENT),
    "grey of 16 bits": (saved(GREY.astype(np.uint16) * 257), None),
    "rgb of 16 bits": (deep(photo()), None),
    "one bit": (saved(GREY > 99), None),
    "palette": (palette(), None),
    "cmyk": (cmyk(), None),
    "jpeg": (saved(photo(), "JPEG"), None),
    "webp": (saved(photo(), "WEBP"), None),
    "tiff": (saved(photo(), "TIFF"), None),
    "bmp": (saved(photo(), "BMP"), None),
    "avif": (avif(8), None),
    "avif of 10 bits": (avif(10), None),
    "heic": (heic(), "needs the extra 'heif'"),
    "float tiff": (float_tiff(), "float"),
    "gif": (saved(GREY, "GIF"), "GIF"),
    "cut png": (cut(saved(photo())), "damaged"),
    "empty": (b"", "empty"),
    "text": (b"hello", "not an image"),
}


@pytest.mark.parametrize("kind", IMAGES)
def test_every_command_reads_an_image_alike(
    run: Callable[..., Any],
    client: TestClient,
    one_photo: Path,
    tiny_folders: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
    kind: str,
) -> None:
    monkeypatch.setitem(sys.modules, "pillow_heif", None)
    data, refusal = IMAGES[kind]
    Path("in/a.png").write_bytes(data)
    Path("in/b.png").write_bytes(saved(photo()))
    for name in "ab":
        Path(f"masks/{name}.png").write_bytes(saved(WHITE))
    quick = ["--prior", tiny_folders["gaussian"], "--steps", "1", "--stage", "none"]
    said = {
        "fill": run("fill", "in/a.png", "--mask", "masks/a.png", "--out", "f.tif", *quick),
        "remove": run("remove", "in/a.png", "--mask", "masks/a.png", "--preview", "p.png"),
        "batch": run(
            *("batch", "in", "--masks", "masks", "--out", "b", "--workers", "0", "--check")
        ),
        "evaluate": run("evaluate", "in", "--masks", "masks", "--method", "mean", "--out", "e"),
    }
    texts = {name: (done.code, done.err + done.out) for name, done in said.items()}
    learned = load([Path("in")], size=16, cache=Path("c"))
    texts["pretrain"] = (int(bool(learned.skipped)), " ".join(learned.reasons))
    files = {"image": ("a", data), "mask": ("m", saved(WHITE))}
    answer = client.post("/api/fill", files=files, data={"prior": "gaussian", "stages": "none"})
    texts["serve"] = (int(answer.status_code != 200), "" if answer.is_success else answer.text)
    for name, (code, text) in texts.items():
        refused = refusal is not None and (refusal != TRANSPARENT or name in BY_COLOUR)
        assert (code != 0) == refused, (name, text)
        assert not refused or str(refusal) in text, (name, text)
        assert "internal error" not in text
    assert len(learned) == 2 - (refusal is not None)
    if kind == "avif of 10 bits":
        assert "its samples of 10 bits were read as 8 bits" in texts["fill"][1]


# An image with alpha, and the hole that it holds; or what the refusal says.
ALPHAS: dict[str, tuple[bytes, np.ndarray | str]] = {
    "erased": (saved(ERASED), HOLE),
    "half-transparent": (saved(SOFT), BOTH),
    "16 bits": (deep(ERASED), HOLE),
    "webp": (saved(ERASED, "WEBP", lossless=True, exact=True), HOLE),
    "tiff": (saved(ERASED, "TIFF"), HOLE),
    "grey": (saved(np.dstack([GREY, 255 - WHITE])), HOLE),
    "palette": (erased_palette(), HOLE),
    "opaque": (saved(OPAQUE), "nothing was erased"),
    "translucent all over": (saved(FAINT), "nothing was erased"),
    "all of it": (saved(np.dstack([photo(), WHITE * 0])), "transparent everywhere"),
    "no alpha": (saved(photo()), "has no alpha"),
}


@pytest.mark.parametrize("kind", ALPHAS)
def test_an_erased_part_is_the_same_hole_for_fill_and_batch(
    run: Callable[..., Any], one_photo: Path, tiny_folders: dict[str, str], kind: str
) -> None:
    """``remove`` and ``evaluate`` take no alpha for a mask, and say so."""
    data, expected = ALPHAS[kind]
    Path("in/a.png").write_bytes(data)
    quick = ["--prior", tiny_folders["gaussian"], "--steps", "1", "--stage", "none"]
    said = {
        "fill": run("fill", "in/a.png", "--mask", "alpha", "--out", "f.png", *quick),
        "batch": run(
            *("batch", "in", "--masks", "alpha", "--out", "b", "--format", "png"),
            *("--workers", "0", *quick),
        ),
    }
    for name, done in said.items():
        if isinstance(expected, str):
            assert done.code == 1, name
            assert expected in done.err, (name, done.err)
            continue
        assert done.code == 0, (name, done.err)
        with Image.open("in/a.png") as image:
            before = np.asarray(image.convert("RGB"))
        hole = hole_of(before, Path("f.png" if name == "fill" else "b/a.png").read_bytes())
        assert not (hole & ~expected).any(), name
        assert (hole & expected).sum() >= 0.9 * expected.sum(), name
    for words in (
        ("remove", "in/a.png", "--mask", "alpha", "--out", "r.png"),
        ("evaluate", "in", "--masks", "alpha", "--method", "mean", "--out", "e"),
    ):
        done = run(*words)
        assert done.code == 2, done.err
        assert "alpha" in done.err
        assert "internal error" not in done.err

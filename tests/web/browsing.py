"""What the tests of the page do in a browser: Debian's Chromium, headless, driven by Playwright."""

from __future__ import annotations

import io
import os
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from inpaint.web import shapes

CHROMIUM = os.environ.get("INPAINT_CHROMIUM") or shutil.which("chromium")
NEEDED = [
    pytest.mark.browser,
    pytest.mark.skipif(
        CHROMIUM is None,
        reason="no chromium on the PATH (apt-get install chromium), nor in INPAINT_CHROMIUM",
    ),
]
FLAGS = [
    "--no-sandbox",  # root in a container has none
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-renderer-backgrounding",  # else its process is nice, and starves on busy machines
    "--disable-backgrounding-occluded-windows",
    "--disable-component-update",
    "--disable-sync",
]
WIDTH, HEIGHT = 160, 120
LINE = [(60.0, 50.0), (90.0, 60.0)]


def scene() -> np.ndarray:
    """A photo of a red box on grey ground, for what finds objects."""
    rng = np.random.default_rng(0)
    pixels = rng.integers(90, 110, (HEIGHT, WIDTH, 3)).astype(np.uint8)
    pixels[40:70, 60:90] = (220, 40, 30)
    return pixels


def visit(page: Any, url: str) -> None:
    page.goto(url)
    page.wait_for_selector("body[data-ready]")


def open_file(page: Any, name: str, data: bytes) -> None:
    page.set_input_files("#picker", {"name": name, "mimeType": "image/png", "buffer": data})
    page.wait_for_selector("body[data-state=open]:not([data-busy])")
    page.wait_for_selector(f"#file-name:text-is({name!r})", state="attached")


def choose(page: Any, *, prior: str = "gaussian", stages: str = "none", **fields: str) -> None:
    """Set settings as one would in their panel, which stays closed."""
    page.evaluate(
        """([prior, stages, fields]) => {
          document.getElementById("prior").value = prior;
          document.querySelector(`[name=stages][value=${stages}]`).checked = true;
          for (const [id, value] of Object.entries(fields)) {
            document.getElementById(id).value = value;
          }
          document.getElementById("prior").dispatchEvent(new Event("change", { bubbles: true }));
        }""",
        [prior, stages, fields],
    )


def looked(page: Any) -> np.ndarray:
    """What the window shows, as (H, W, 3) of int."""
    shot = Image.open(io.BytesIO(page.screenshot())).convert("RGB")
    return np.asarray(shot).astype(int)


# What decides where the photo lies, beside its zoom: the window and the bars.
WHERE = """() => {
  const found = (ids, told) => ids.map((id) => told(document.getElementById(id)));
  return JSON.stringify([innerWidth, innerHeight, document.title,
    found(["zoom-fit", "file-facts"], (one) => one.textContent),
    found(["canvas", "tools", "tray"], (one) => one.getBoundingClientRect())]);
}"""
_SEEN: dict[str, tuple[float, float, float]] = {}


def photo_at(page: Any) -> tuple[float, float, float]:
    """Left, top and scale of the photo on the screen, told by the photo's own edges.

    The page shows the photo on a ground of one colour; the test finds it there by its size. It is
    looked for again only when what decides it has changed: pictures of the window are slow.
    """
    where = page.evaluate(WHERE)
    if where not in _SEEN:
        _SEEN[where] = _seen_at(page)
    return _SEEN[where]


def _seen_at(page: Any) -> tuple[float, float, float]:
    box = page.locator("#canvas").bounding_box()
    seen = looked(page)
    ground = seen[int(box["y"]) + 6, 6]
    row = seen[:, int(box["x"] + box["width"] / 2)]
    column = seen[int(box["y"] + box["height"] * 0.4), :]
    ys = np.flatnonzero(np.abs(row - ground).sum(axis=1) > 12)
    xs = np.flatnonzero(np.abs(column - ground).sum(axis=1) > 12)
    xs = xs[(xs > 5) & (xs < box["width"] - 5)]  # not the ring around what has the focus
    left, right = xs[0], xs[-1] + 1
    top = ys[ys > box["y"] + 5][0]
    return float(left), float(top), float(right - left) / WIDTH


def place(page: Any, x: float, y: float) -> tuple[float, float]:
    """Where a pixel of the photo is on the screen."""
    left, top, scale = photo_at(page)
    return left + x * scale, top + y * scale


def stroke(page: Any, *points: tuple[float, float], button: str = "left") -> None:
    left, top, scale = photo_at(page)
    spots = [(left + x * scale, top + y * scale) for x, y in points]
    page.mouse.move(*spots[0])
    page.mouse.down(button=button)
    for spot in spots[1:]:
        page.mouse.move(*spot, steps=8)
    page.mouse.up(button=button)


def filled(page: Any, count: int = 1) -> None:
    """Wait until a fill is done and its candidates are there."""
    page.wait_for_selector(f"#thumbs [role=radio]:nth-child({count}):visible")
    page.wait_for_selector("#going", state="hidden")


def fill(page: Any) -> None:
    page.click("#fill")
    page.wait_for_selector("#going:visible, #picks:visible")
    filled(page)


def download(page: Any, selector: str = "#save") -> tuple[str, bytes]:
    with page.expect_download() as caught:
        page.click(selector)
    return caught.value.suggested_filename, Path(caught.value.path()).read_bytes()


def as_array(data: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(data)))


def near(points: list[tuple[float, float]], size: float) -> np.ndarray:
    """Where a stroke may have been, with two pixels to spare."""
    spots = [list(point) for point in points]
    shape = {"kind": "stroke", "points": spots, "size": size + 4}
    return shapes.mask_of([shape], (HEIGHT, WIDTH))


def brush_size(page: Any) -> float:
    return float(page.evaluate("parseFloat(document.getElementById('size-shown').textContent)"))

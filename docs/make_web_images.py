"""Makes ``docs/images/web-before.jpg``, ``web-after.jpg`` and ``web-phone.jpg``: the page in use.

    python docs/make_web_images.py

Needs the extra ``dev`` and Chromium.
"""

from __future__ import annotations

import io
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from served_page import ROOT, served

SAMPLE = ROOT / "samples" / "seeding.jpg"
SIDE = 2656  # of the photo that is opened: half of the sample, which takes a quarter of the time
WINDOW, PHONE = (1080, 700), (390, 780)
# Over a dandelion and down its stem, relative to the photo's width and height.
HEAD = ((0.783, 0.735), (0.856, 0.735), (0.861, 0.816), (0.78, 0.812))
STROKE = (*HEAD, (0.811, 0.776), (0.808, 1.04))
BRUSH = 0.094  # of the photo's width


def looked(page: Any) -> Image.Image:
    """What the window shows."""
    return Image.open(io.BytesIO(page.screenshot())).convert("RGB")


def keep(page: Any, name: str) -> None:
    """Write what the window shows."""
    page.wait_for_timeout(400)
    looked(page).save(ROOT / "docs" / "images" / name, quality=84, optimize=True, subsampling=0)


def edges(page: Any, scale: int) -> tuple[float, float, float, float]:
    """Left, top, width and height of the photo in the window, told by the ground around it."""
    stage = page.locator("#canvas").bounding_box()
    seen = np.asarray(looked(page)).astype(int)[::scale, ::scale]
    top, middle = int(stage["y"]), int(stage["width"] / 2)
    ground = seen[top + 6, 6]
    column = np.abs(seen[top + 6 :, middle] - ground).sum(axis=1) > 30
    first = int(np.flatnonzero(column)[0]) + top + 6
    row = np.abs(seen[first + 40, 5:-5] - ground).sum(axis=1) > 30
    xs = np.flatnonzero(row) + 5
    wide, high = Image.open(SAMPLE).size
    width = float(xs[-1] + 1 - xs[0])
    return float(xs[0]), float(first), width, width * high / wide


def opened(browser: Any, url: str, photo: Path, window: tuple[int, int], scale: int) -> Any:
    """The page with the photo, and the stroke over it."""
    page = browser.new_page(
        viewport={"width": window[0], "height": window[1]}, device_scale_factor=scale
    )
    page.goto(url)
    page.wait_for_selector("body[data-ready]")
    page.set_input_files("#picker", photo)
    page.wait_for_selector("body[data-state=open]:not([data-busy])")
    page.evaluate("document.activeElement.blur()")  # no ring around what has the focus
    page.wait_for_timeout(400)
    left, top, width, height = edges(page, scale)
    wanted = BRUSH * Image.open(photo).width
    while page.evaluate("parseFloat(document.getElementById('size-shown').textContent)") < wanted:
        page.keyboard.press("]")
    spots = [(left + x * width, top + y * height) for x, y in STROKE]
    page.mouse.move(*spots[0])
    page.mouse.down()
    for spot in spots[1:]:
        page.mouse.move(*spot, steps=12)
    page.mouse.up()
    page.mouse.move(window[0] / 2, 20)
    return page


def filled(page: Any) -> None:
    """Fill, and find others."""
    page.click("#fill")
    page.wait_for_selector("#picks:visible", timeout=300_000)
    page.wait_for_selector("#going", state="hidden", timeout=300_000)
    page.click("#more")
    page.wait_for_selector("#thumbs button:nth-child(4)", timeout=600_000)
    page.wait_for_selector("#going", state="hidden", timeout=600_000)
    page.mouse.move(page.viewport_size["width"] / 2, 20)


def main() -> None:
    """Start the server, draw a stroke, fill, take the pictures."""
    with served() as (url, browser), tempfile.TemporaryDirectory() as folder:
        photo = Path(folder) / SAMPLE.name
        image = Image.open(SAMPLE)
        image.thumbnail((SIDE, SIDE), Image.Resampling.LANCZOS)
        image.save(photo, quality=93)
        page = opened(browser, url, photo, WINDOW, 1)
        keep(page, "web-before.jpg")
        filled(page)
        keep(page, "web-after.jpg")
        page.close()
        page = opened(browser, url, photo, PHONE, 2)
        filled(page)
        keep(page, "web-phone.jpg")


if __name__ == "__main__":
    main()

"""Makes ``docs/images/web-before.jpg`` and ``web-after.jpg``: the page with a sample photo.

    python docs/make_web_images.py

Needs the extra ``dev`` and Chromium.
"""

from __future__ import annotations

import io
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from PIL import Image
from playwright.sync_api import sync_playwright

ROOT = Path(__file__).parents[1]
INPAINT = [sys.executable, "-c", "from inpaint.cli import main; main()"]
# Over a dandelion and down its stem, in pixels of a window of 1080 x 700.
STROKE = ((764, 402), (822, 402), (826, 438), (762, 436), (786, 420), (784, 540))


def keep(page: Any, name: str) -> None:
    """Write what the window shows."""
    image = Image.open(io.BytesIO(page.screenshot())).convert("RGB")
    image.save(ROOT / "docs" / "images" / name, quality=84, optimize=True, subsampling=0)


def main() -> None:
    """Start the server, draw a stroke, fill, take the pictures."""
    command = [*INPAINT, "serve", "--port", "0"]
    server = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, cwd=ROOT)
    try:
        assert server.stderr
        url = server.stderr.readline().split()[1]
        with sync_playwright() as driver:
            flags = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
            browser = driver.chromium.launch(executable_path=shutil.which("chromium"), args=flags)
            page = browser.new_page(viewport={"width": 1080, "height": 700})
            page.goto(url)
            page.wait_for_selector("body[data-ready]")
            page.set_input_files("#picker", ROOT / "samples" / "seeding.jpg")
            page.wait_for_selector("body[data-state=open]:not([data-busy])")
            for _ in range(5):
                page.keyboard.press("]")
            page.mouse.move(*STROKE[0])
            page.mouse.down()
            for spot in STROKE[1:]:
                page.mouse.move(*spot, steps=12)
            page.mouse.up()
            page.mouse.move(540, 640)
            page.wait_for_timeout(400)
            keep(page, "web-before.jpg")
            page.click("#fill")
            page.wait_for_selector("#picks:visible", timeout=200_000)
            page.click("#more")
            page.wait_for_selector("#thumbs button:nth-child(4)", timeout=400_000)
            page.wait_for_selector("#picks:visible")
            page.mouse.move(540, 640)
            page.wait_for_timeout(400)
            keep(page, "web-after.jpg")
            browser.close()
    finally:
        server.terminate()
        server.wait(30)


if __name__ == "__main__":
    main()

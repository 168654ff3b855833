"""The page in a browser, for the scripts that take pictures of it."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from playwright.sync_api import sync_playwright

ROOT = Path(__file__).parents[1]
INPAINT = [sys.executable, "-c", "from inpaint.cli import main; main()"]
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-renderer-backgrounding",
    "--disable-backgrounding-occluded-windows",
]


@contextmanager
def served() -> Iterator[tuple[str, Any]]:
    """Start the server and Chromium; the page's address, and the browser."""
    command = [*INPAINT, "serve", "--port", "0"]
    server = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, cwd=ROOT)
    try:
        assert server.stderr
        url = server.stderr.readline().split()[1]
        with sync_playwright() as driver:
            browser = driver.chromium.launch(executable_path=shutil.which("chromium"), args=FLAGS)
            yield url, browser
            browser.close()
    finally:
        server.terminate()
        server.wait(30)

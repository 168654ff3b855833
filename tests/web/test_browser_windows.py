"""The page in windows of every size, light and dark: room for the photo, and no barriers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from browsing import NEEDED, choose, filled, looked, open_file
from web_site import coded

pytestmark = NEEDED
AXE = Path(__file__).parent / "vendor" / "axe-core" / "axe.min.js"
SIZES = [(1280, 800), (640, 400), (390, 844), (844, 390), (320, 256)]
# Where colours are looked at in the dark too: between them these windows show all there is.
DARK = [(1280, 800), (390, 844)]
GREEN = (20, 190, 60)  # of the photo, and of nothing else on the page

# Buttons that are cut off: neither wholly in the window nor in something that scrolls to them.
CUT_OFF = """() => {
  const out = [];
  for (const one of document.querySelectorAll("button, input, select, a")) {
    if (!one.checkVisibility({ visibilityProperty: true }) || one.closest(".segments")) continue;
    const box = one.getBoundingClientRect();
    if (!box.width) continue;
    let scrolls = false;
    for (let up = one.parentElement; up; up = up.parentElement) {
      const style = getComputedStyle(up);
      if (/auto|scroll/.test(style.overflowX + style.overflowY)) scrolls = true;
    }
    const inside = box.left > -1 && box.top > -1 && box.right < innerWidth + 1
      && box.bottom < innerHeight + 1;
    if (!inside && !scrolls) out.push(one.id || one.textContent.trim());
  }
  return out;
}"""
# Texts that are cut, and what is too small to hit (WCAG 2.5.8: 24 by 24 pixels).
CUT_OR_SMALL = """() => {
  const out = [];
  for (const one of document.querySelectorAll("body *")) {
    const { clipPath } = getComputedStyle(one); // what only a screen reader is told
    if (!one.checkVisibility({ visibilityProperty: true }) || clipPath !== "none") continue;
    if (one.closest("select")) continue;
    const box = one.getBoundingClientRect();
    const text = [...one.childNodes].some((n) => n.nodeType === 3 && n.data.trim());
    if (text && one.clientWidth && one.scrollWidth > one.clientWidth + 1) {
      out.push(`${one.tagName} ${one.textContent} is cut`);
    }
    if (!one.matches("button, a, select, input:not([type=radio], [type=checkbox])")) continue;
    if (box.width < 24 || box.height < 24) out.push(`${one.id} ${one.textContent} is too small`);
  }
  return out;
}"""
# Pairs of bars that lie on each other.
OVERLAPS = """() => {
  const found = [];
  const shown = ["tools", "tray", "choose"].map((id) => document.getElementById(id));
  shown.push(document.querySelector("header.bar"));
  const boxes = shown.filter((e) => e.checkVisibility({ visibilityProperty: true }))
    .map((e) => [e.id || e.className, e.getBoundingClientRect()]);
  for (const [a, p] of boxes) for (const [b, q] of boxes) {
    const apart = p.right <= q.left + 1 || q.right <= p.left + 1
      || p.bottom <= q.top + 1 || q.bottom <= p.top + 1;
    if (a < b && p.width && q.width && !apart) found.push(`${a} ${b}`);
  }
  return found;
}"""


def photo(height: int, width: int) -> np.ndarray:
    """All green, with a little noise so that a fill has something to go by."""
    rng = np.random.default_rng(0)
    noise = rng.integers(-8, 9, (height, width, 1))
    return np.clip(np.array(GREEN) + noise, 0, 255).astype(np.uint8)


def green(page: Any) -> tuple[int, int]:
    """Width and height of the photo that can be seen: its longest row and column.

    A bar across the photo would make all columns shorter; the hole shortens but some.
    """
    there = np.abs(looked(page) - GREEN).max(axis=2) < 40
    assert there.any(), "the photo cannot be seen"
    return int(there.sum(axis=1).max()), int(there.sum(axis=0).max())


def violations(page: Any, *, only: str | None = None) -> list[str]:
    """What axe-core finds, a line for each element."""
    if page.evaluate("typeof axe") == "undefined":
        page.evaluate(AXE.read_text())
    options = {"runOnly": {"type": "rule", "values": [only]}} if only else {}
    found = page.evaluate("(options) => axe.run(document, options)", options)["violations"]
    return [f"{v['id']}: {node['html'][:160]}" for v in found for node in v["nodes"]]


def sound(page: Any, state: str) -> None:
    """No cut-off buttons, nothing on top of each other, and nothing that axe-core finds."""
    assert page.evaluate(CUT_OFF) == [], state
    assert page.evaluate(CUT_OR_SMALL) == [], state
    assert page.evaluate(OVERLAPS) == [], state
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), state
    page.emulate_media(color_scheme="light")
    assert violations(page) == [], state
    if (page.viewport_size["width"], page.viewport_size["height"]) in DARK:
        page.emulate_media(color_scheme="dark")
        assert violations(page, only="color-contrast") == [], state
        page.emulate_media(color_scheme="light")


def enough(page: Any, window: tuple[int, int], state: str) -> None:
    """The photo is half the window high, unless the window's width ends it."""
    (width, height), seen = window, green(page)
    assert seen[1] >= height / 2 or seen[0] >= 0.9 * width, (state, seen)


@pytest.mark.parametrize("window", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
def test_every_state_has_room_for_the_photo_and_no_barriers(
    page: Any, window: tuple[int, int]
) -> None:
    page.set_viewport_size({"width": window[0], "height": window[1]})
    sound(page, "empty")
    size = (320, 240) if window[0] < window[1] else (240, 320)
    open_file(page, "green.png", coded(photo(*size)))
    enough(page, window, "open")
    choose(page)
    # Marked by the keyboard, which every window has room for.
    page.focus("#canvas")
    page.keyboard.press("ArrowRight")
    page.keyboard.press(" ")
    page.wait_for_selector("#fill:enabled")
    sound(page, "drawn")
    enough(page, window, "drawn")
    choose(page, prior="vae", steps="2000")
    page.keyboard.press("Enter")
    page.wait_for_selector("#going:visible")
    page.wait_for_selector("#going-detail span:text-matches('step')", state="attached")
    sound(page, "filling")
    enough(page, window, "filling")
    page.keyboard.press("Escape")
    page.wait_for_selector("#going", state="hidden")
    choose(page, steps="")
    page.keyboard.press("Enter")
    filled(page)
    page.keyboard.press("m")
    filled(page, 4)
    sound(page, "filled")
    enough(page, window, "filled")
    page.click("#settings-open")
    sound(page, "settings")
    page.keyboard.press("Escape")
    assert page.is_hidden("#settings")


def test_no_room_is_kept_for_a_tray_that_is_hidden_or_folded(page: Any) -> None:
    page.set_viewport_size({"width": 390, "height": 844})
    open_file(page, "green.png", coded(photo(320, 120)))
    choose(page)
    alone = green(page)[1]
    tools = page.locator("#tools").bounding_box()
    assert alone >= (tools["y"] - 48) * 0.9  # all that is between the bars
    page.focus("#canvas")
    page.keyboard.press("ArrowRight")
    page.keyboard.press(" ")
    page.keyboard.press("Enter")
    filled(page)
    with_tray = green(page)[1]
    assert 844 / 2 <= with_tray < alone
    page.click("#fold")
    page.wait_for_timeout(100)
    assert page.get_attribute("#fold", "aria-expanded") == "false"
    assert with_tray < green(page)[1] <= alone
    page.click("#fold")
    page.wait_for_timeout(100)
    assert green(page)[1] == with_tray


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_is_readable_in_light_and_dark(page: Any, scheme: str) -> None:
    """Contrast of the texts that are shown against what lies behind them, as WCAG 2 counts it."""
    page.emulate_media(color_scheme=scheme)
    page.evaluate("document.getElementById('settings-open').click()")
    ratios = page.evaluate(CONTRAST)
    assert len(ratios) > 10
    page.emulate_media(color_scheme="light")
    assert min(ratios.values()) >= 4.5, sorted(ratios.items(), key=lambda item: item[1])[:5]


CONTRAST = """() => {
  const canvas = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  const rgba = (colour) => {
    canvas.clearRect(0, 0, 1, 1); canvas.fillStyle = colour; canvas.fillRect(0, 0, 1, 1);
    return [...canvas.getImageData(0, 0, 1, 1).data];
  };
  const light = ([r, g, b]) => {
    const [x, y, z] = [r, g, b].map((v) => {
      v /= 255;
      return v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * x + 0.7152 * y + 0.0722 * z;
  };
  const behind = (element) => {
    for (let one = element; one; one = one.parentElement) {
      const colour = rgba(getComputedStyle(one).backgroundColor);
      if (colour[3] > 200) return colour;
    }
    return rgba(getComputedStyle(document.body).backgroundColor);
  };
  const found = {};
  for (const element of document.querySelectorAll("body *")) {
    const own = [...element.childNodes].some((n) => n.nodeType === 3 && n.data.trim());
    const seen = element.checkVisibility({ visibilityProperty: true });
    if (!own || !seen || element.closest(":disabled, svg, [hidden]")) continue;
    const [a, b] = [light(rgba(getComputedStyle(element).color)), light(behind(element))];
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    found[element.textContent.trim().slice(0, 40)] = ratio;
  }
  return found;
}"""

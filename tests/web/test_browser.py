"""The page in a real browser: what it has done from the first day."""

from __future__ import annotations

import base64
import io
from typing import Any

import numpy as np
import pytest
from browsing import (
    HEIGHT,
    LINE,
    NEEDED,
    WIDTH,
    as_array,
    brush_size,
    choose,
    download,
    fill,
    filled,
    near,
    open_file,
    place,
    stroke,
)
from PIL import Image
from web_site import Served, coded, eventually, photo_pixels, serving

from inpaint.web.settings import Settings

pytestmark = NEEDED


def test_a_stroke_is_filled_and_all_else_comes_back_bit_identical(
    opened: Any, pixels: np.ndarray
) -> None:
    assert opened.is_disabled("#fill")
    stroke(opened, *LINE)
    assert opened.is_enabled("#fill")
    fill(opened)
    name, data = download(opened)
    assert name == "holiday-filled.png"
    after = as_array(data)
    assert after.shape == pixels.shape
    hole = near(LINE, brush_size(opened))
    assert np.array_equal(after[~hole], pixels[~hole])
    changed = (after != pixels).any(axis=2)
    assert changed[50:60, 62:88].mean() > 0.5


def test_candidates_are_chosen_by_click_and_by_key(opened: Any) -> None:
    choose(opened, prior="vae", steps="3")
    stroke(opened, *LINE)
    fill(opened)
    assert opened.locator("#thumbs button").count() == 1
    first = download(opened)[1]
    opened.click("#more")
    filled(opened, 4)
    assert download(opened)[1] == first  # what was chosen stays until another one is
    files = {first}
    for index in (2, 3, 4):
        opened.keyboard.press(str(index))
        assert opened.get_attribute(f"#thumbs button:nth-child({index})", "aria-checked") == "true"
        files.add(download(opened)[1])
    assert len(files) > 1
    opened.click("#thumbs button:nth-child(1)")
    assert download(opened)[1] == first


def test_several_objects_in_turn_with_undo_and_redo(opened: Any, pixels: np.ndarray) -> None:
    stroke(opened, *LINE)
    fill(opened)
    one = as_array(download(opened)[1])
    second = [(30.0, 90.0), (50.0, 95.0)]
    stroke(opened, *second)
    assert opened.is_visible("#picks")  # the first fill can still be chosen anew
    fill(opened)
    two = as_array(download(opened)[1])
    hole = near(second, brush_size(opened))
    assert np.array_equal(one[~hole], two[~hole])
    assert (one != two).any()
    opened.keyboard.press("Control+z")  # the fill
    assert np.array_equal(as_array(download(opened)[1]), one)
    assert opened.is_enabled("#fill")  # its stroke is back
    opened.click("#undo")
    assert opened.is_disabled("#fill")
    opened.click("#undo")  # the first fill
    opened.click("#undo")  # and its stroke
    assert opened.is_disabled("#undo")
    assert np.array_equal(as_array(download(opened)[1]), pixels)
    for _ in range(4):
        opened.keyboard.press("Control+y")
    assert np.array_equal(as_array(download(opened)[1]), two)


def test_the_slider_shows_before_and_after(opened: Any, pixels: np.ndarray) -> None:
    stroke(opened, *LINE)
    fill(opened)
    opened.mouse.move(5, 5)
    x0, y0 = (int(v) for v in place(opened, 58, 44))
    x1, y1 = (int(v) for v in place(opened, 92, 66))

    def seen() -> np.ndarray:
        shot = Image.open(io.BytesIO(opened.screenshot())).convert("RGB")
        return np.asarray(shot).astype(int)[y0:y1, x0:x1]

    opened.wait_for_timeout(300)
    after = seen()
    opened.click("#compare")
    knob = opened.locator("#knob")
    box = knob.bounding_box()

    def drag_to(x: float) -> np.ndarray:
        now = knob.bounding_box()
        middle = now["y"] + now["height"] / 2
        opened.mouse.move(now["x"] + now["width"] / 2, middle)
        opened.mouse.down()
        opened.mouse.move(x, middle, steps=5)
        opened.mouse.up()
        opened.wait_for_timeout(100)
        return seen()

    left = drag_to(place(opened, 20, 0)[0])
    right = drag_to(place(opened, 140, 0)[0])
    assert np.abs(left - after).mean() < 1
    assert np.abs(right - after).mean() > 3
    assert int(knob.get_attribute("aria-valuenow")) == pytest.approx(87, abs=2)
    opened.keyboard.press("ArrowLeft")
    assert int(knob.get_attribute("aria-valuenow")) == pytest.approx(85, abs=2)
    assert box["width"] > 0
    opened.keyboard.press("c")
    assert not knob.is_visible()


def test_the_eraser_takes_away_and_clear_takes_all(opened: Any, pixels: np.ndarray) -> None:
    stroke(opened, *LINE)
    opened.keyboard.press("e")
    for _ in range(3):
        opened.keyboard.press("]")
    stroke(opened, (70, 50), (100, 64))
    opened.keyboard.press("b")
    fill(opened)
    after = as_array(download(opened)[1])
    assert np.array_equal(after[52:70, 80:], pixels[52:70, 80:])
    assert (after != pixels).any()
    stroke(opened, *LINE)
    opened.keyboard.press("Delete")
    assert opened.is_disabled("#fill")


def test_a_box_snaps_to_the_object(page: Any) -> None:
    rng = np.random.default_rng(0)
    scene = rng.integers(90, 110, (HEIGHT, WIDTH, 3)).astype(np.uint8)
    scene[40:70, 60:90] = (220, 40, 30)
    open_file(page, "scene.png", coded(scene))
    choose(page)
    page.keyboard.press("x")
    assert page.is_checked("#snap")
    stroke(page, (48, 28), (102, 82))
    page.wait_for_selector("#fill:enabled")
    fill(page)
    changed = (as_array(download(page)[1]) != scene).any(axis=2)
    assert changed[42:68, 62:88].mean() > 0.9
    outside = np.ones_like(changed)
    outside[35:75, 55:95] = False
    assert not changed[outside].any()
    page.keyboard.press("Control+z")
    page.keyboard.press("Control+z")
    page.keyboard.press("s")  # off
    stroke(page, (48, 28), (102, 82))
    page.wait_for_selector("#fill:enabled")
    fill(page)
    assert (as_array(download(page)[1]) != scene).any(axis=2)[30:80, 50:100].mean() > 0.9


def test_a_fill_is_watched_and_cancelled_and_its_stroke_stays(opened: Any, site: Served) -> None:
    choose(opened, prior="vae", steps="2000")
    stroke(opened, *LINE)
    opened.click("#fill")
    opened.wait_for_selector("#restarts canvas.best")
    opened.wait_for_selector("#going-detail span:text-matches('step [1-9]')")
    assert opened.is_disabled("#undo")
    before = opened.inner_text("#zoom-fit")
    opened.keyboard.press("+")  # the page goes on answering
    assert opened.inner_text("#zoom-fit") != before
    opened.keyboard.press("Escape")
    opened.wait_for_selector("#going", state="hidden")
    eventually(lambda: site.state.line.running is None)
    assert opened.is_enabled("#fill")


def test_touch_draws_with_one_finger_and_zooms_with_two(
    browser: Any, site: Served, pixels: np.ndarray
) -> None:
    context = browser.new_context(viewport={"width": 390, "height": 800}, has_touch=True)
    page = context.new_page()
    page.goto(site.url)
    page.wait_for_selector("body[data-ready]")
    open_file(page, "holiday.png", coded(pixels))
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    session = context.new_cdp_session(page)

    def touch(kind: str, *spots: tuple[float, float]) -> None:
        points = [{"x": x, "y": y, "id": i} for i, (x, y) in enumerate(spots)]
        session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

    box = page.locator("#canvas").bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] * 0.42
    before = page.inner_text("#zoom-fit")
    touch("touchStart", (x - 20, y), (x + 20, y))
    for k in range(1, 6):
        touch("touchMove", (x - 20 - 8 * k, y), (x + 20 + 8 * k, y))
    touch("touchEnd")
    assert page.inner_text("#zoom-fit") != before
    assert page.is_disabled("#fill")  # nothing was drawn
    touch("touchStart", (x - 20, y))
    for k in range(1, 6):
        touch("touchMove", (x - 20 + 8 * k, y))
    touch("touchEnd")
    page.wait_for_selector("#fill:enabled")
    context.close()


@pytest.mark.parametrize("way", ["drop", "paste"])
def test_a_photo_may_be_dropped_or_pasted(page: Any, pixels: np.ndarray, way: str) -> None:
    page.evaluate(
        """([way, data]) => {
          const bytes = Uint8Array.from(atob(data), (c) => c.charCodeAt(0));
          const held = new DataTransfer();
          held.items.add(new File([bytes], `${way}.png`, { type: "image/png" }));
          if (way === "paste") {
            dispatchEvent(new ClipboardEvent("paste", { clipboardData: held }));
          } else {
            dispatchEvent(new DragEvent("dragenter", { dataTransfer: held }));
            if (document.getElementById("veil").hidden) throw new Error("no veil");
            dispatchEvent(new DragEvent("drop", { dataTransfer: held }));
          }
        }""",
        [way, base64.b64encode(coded(pixels)).decode()],
    )
    page.wait_for_selector("body[data-state=open]:not([data-busy])")
    assert page.inner_text("#file-name") == f"{way}.png"
    assert page.is_hidden("#veil")


def test_the_theme_that_was_chosen_is_kept(page: Any) -> None:
    page.click("#menu-open")
    page.click("#theme")
    chosen = page.evaluate("document.documentElement.dataset.theme")
    assert chosen in ("light", "dark")
    page.reload()
    page.wait_for_selector("body[data-ready]")
    assert page.evaluate("document.documentElement.dataset.theme") == chosen


def test_errors_are_told_in_the_page(page: Any, complaints: list[str]) -> None:
    page.set_input_files(
        "#picker", {"name": "a.png", "mimeType": "image/png", "buffer": b"GIF89a" + b"\0" * 99}
    )
    page.wait_for_selector("#toast:visible")
    assert "GIF" in page.inner_text("#toast-text")
    assert page.get_attribute("body", "data-state") == "empty"
    assert len(complaints) == 1
    assert "415" in complaints.pop()


def test_closing_the_page_forgets_the_photo(browser: Any, settings: Settings) -> None:
    with serving(settings) as site:
        context = browser.new_context()
        page = context.new_page()
        page.goto(site.url)
        page.wait_for_selector("body[data-ready]")
        open_file(page, "holiday.png", coded(photo_pixels()))
        assert len(site.state.photos.open) == 1
        page.close(run_before_unload=False)
        page = context.new_page()
        page.goto(site.url)
        eventually(lambda: not site.state.photos.open)
        assert site.state.pool.used == 0
        context.close()

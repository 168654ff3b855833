"""Nothing is lost: boxes that snap, servers that forget or stop, words that say what happened."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from browsing import (
    HEIGHT,
    LINE,
    NEEDED,
    WIDTH,
    as_array,
    choose,
    download,
    fill,
    filled,
    looked,
    open_file,
    place,
    scene,
    stroke,
)
from PIL import Image
from web_site import Served, coded, serving

from inpaint.web import marks
from inpaint.web.settings import Settings

pytestmark = NEEDED


def test_a_box_that_still_snaps_is_part_of_the_fill(
    page: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    import time

    def slow(image: np.ndarray, rough: np.ndarray, find: Callable[..., Any] = marks.snap_to) -> Any:
        time.sleep(0.7)
        return find(image, rough)

    monkeypatch.setattr(marks, "snap_to", slow)
    pixels = scene()
    open_file(page, "scene.png", coded(pixels))
    choose(page)
    page.keyboard.press("x")
    stroke(page, (48, 28), (102, 82))
    page.keyboard.press("Enter")  # while it snaps
    filled(page)
    changed = (as_array(download(page)[1]) != pixels).any(axis=2)
    assert changed[42:68, 62:88].mean() > 0.9
    # Without strokes there is nothing that Fill could have filled without the box.
    page.keyboard.press("Control+z")
    assert page.is_enabled("#fill")


def forget(site: Served) -> None:
    """As after the idle limit, or a restart."""
    for photo in list(site.state.photos.open.values()):
        site.state.photos.drop(photo)


def test_a_forgotten_photo_comes_back_by_itself_with_its_fills(
    opened: Any, site: Served, complaints: list[str]
) -> None:
    stroke(opened, *LINE)
    fill(opened)
    stroke(opened, (30, 90), (50, 95))
    fill(opened)
    before = download(opened)[1]
    opened.wait_for_timeout(200)  # the fill's bytes are on their way to the page
    forget(site)
    assert download(opened)[1] == before
    assert opened.is_hidden("#toast")
    stroke(opened, (100, 30), (120, 40))  # and it goes on
    forget(site)
    fill(opened)
    after = as_array(download(opened)[1])
    assert np.array_equal(after[45:], as_array(before)[45:])
    assert all("404" in text for text in complaints)
    complaints.clear()


def test_a_stopped_server_leaves_the_picture_to_save(
    browser: Any, settings: Settings, pixels: np.ndarray
) -> None:
    context = browser.new_context(accept_downloads=True)
    page = context.new_page()
    with serving(settings) as site:
        page.goto(site.url)
        page.wait_for_selector("body[data-ready]")
        open_file(page, "holiday.png", coded(pixels))
        choose(page)
        stroke(page, *LINE)
        fill(page)
        before = as_array(download(page)[1])
        stroke(page, (30, 90), (50, 95))
        page.wait_for_timeout(200)
    page.click("#save")
    page.wait_for_selector("#toast:visible")
    assert "server has stopped; your picture is kept" in page.inner_text("#toast-text")
    name, data = download(page, "#toast-action")
    assert name == "holiday-filled.png"
    assert np.array_equal(as_array(data)[..., :3], before)
    page.click("#fill")
    page.wait_for_selector("#toast-text:has-text('server has stopped')")
    assert page.is_enabled("#fill")  # what was marked is there still
    # On the same address again, the page goes on by itself.
    with serving(replace(settings), port=site.port):
        fill(page)
        assert page.is_hidden("#toast")
        after = as_array(download(page)[1])
        assert np.array_equal(after[:75], before[:75])
        assert (after[75:] != before[75:]).any()
    context.close()


def test_strokes_are_asked_about_before_they_are_left(opened: Any, pixels: np.ndarray) -> None:
    stroke(opened, *LINE)
    asked: list[str] = []

    def refuse(dialog: Any) -> None:
        asked.append(dialog.message)
        dialog.dismiss()

    opened.once("dialog", refuse)
    other = {"name": "other.png", "mimeType": "image/png", "buffer": coded(pixels)}
    opened.set_input_files("#picker", other)
    opened.wait_for_timeout(200)
    assert "marked is not filled" in asked[0]
    assert opened.inner_text("#file-name") == "holiday.png"
    opened.once("dialog", lambda dialog: (asked.append(dialog.type), dialog.accept()))
    opened.reload()
    assert asked[-1] == "beforeunload"


def drop_text(page: Any) -> None:
    page.evaluate("""() => {
      const held = new DataTransfer();
      held.setData("text/plain", "hello");
      dispatchEvent(new DragEvent("drop", { dataTransfer: held }));
    }""")


def test_what_cannot_be_used_gets_an_answer_that_goes_away(
    page: Any, pixels: np.ndarray, complaints: list[str]
) -> None:
    drop_text(page)
    assert "not an image file" in page.inner_text("#toast-text")
    page.set_input_files("#picker", {"name": "a.png", "mimeType": "image/png", "buffer": b"hello"})
    page.wait_for_selector("#toast-text:has-text('hello')")
    assert "b'" not in page.inner_text("#toast-text")
    assert "415" in complaints.pop()
    open_file(page, "holiday.png", coded(pixels))
    assert page.is_hidden("#toast")
    stroke(page, *LINE)
    for field, value, told in (
        ("steps", "99999", "from 0 to 2000"),
        ("seed", "1.5", "whole number"),
        ("grow", "-1", "from 0 to 1000"),
    ):
        choose(page, **{field: value})
        assert page.evaluate("document.activeElement.id") == "canvas"
        page.keyboard.press("Enter")
        page.wait_for_selector(f"#{field}-fault:visible")
        assert told in page.inner_text(f"#{field}-fault")
        assert page.evaluate("document.activeElement.id") == field
        assert page.is_hidden("#going")
        choose(page, **{field: "" if field != "seed" else "0"})
        assert page.is_hidden(f"#{field}-fault")
        page.keyboard.press("Escape")
    choose(page, prior="vae", steps="2000")
    page.keyboard.press("Enter")
    page.wait_for_selector("#going:visible")
    drop_text(page)
    page.wait_for_selector("#toast-text:has-text('A fill is at work')")
    page.keyboard.press("Escape")
    page.wait_for_selector("#going", state="hidden")


def test_results_are_told_in_words_of_the_settings(opened: Any) -> None:
    stroke(opened, *LINE)
    fill(opened)
    assert opened.inner_text("#picked") == "Natural look"
    assert "gaussian" not in opened.inner_text("#dock").lower()


def test_transparency_is_a_chequerboard(page: Any) -> None:
    clear = np.zeros((HEIGHT, WIDTH, 4), np.uint8)
    clear[:, : WIDTH // 2] = (10, 120, 10, 255)
    stream = io.BytesIO()
    Image.fromarray(clear).save(stream, "PNG")
    open_file(page, "clear.png", stream.getvalue())
    left, top = page.evaluate("""() => {
      const box = document.getElementById("canvas").getBoundingClientRect();
      return [box.left + box.width / 2, box.top + box.height * 0.4];
    }""")
    page.wait_for_timeout(300)
    row = looked(page)[int(top), int(left) + 8 : int(left) + 72]
    steps = np.abs(np.diff(row.sum(axis=1))) > 60
    assert 6 <= steps.sum() <= 9, "no squares of 8 pixels"


def test_esc_while_it_snaps_leaves_the_box(page: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    import time

    monkeypatch.setattr(marks, "snap_to", lambda image, rough: time.sleep(0.5))
    open_file(page, "scene.png", coded(scene()))
    page.keyboard.press("x")
    stroke(page, (48, 28), (102, 82))
    page.keyboard.press("Escape")
    assert page.is_disabled("#fill")
    page.wait_for_timeout(700)
    assert page.is_disabled("#fill")
    assert place(page, 0, 0)

"""The page by keyboard alone, and what a screen reader is told."""

from __future__ import annotations

from typing import Any

import numpy as np
from browsing import LINE, NEEDED, as_array, choose, download, fill, filled, looked, stroke

pytestmark = NEEDED


def focused(page: Any) -> str:
    found: str = page.evaluate("document.activeElement.id || document.activeElement.ariaLabel")
    return found


def said(page: Any) -> str:
    text: str = page.evaluate("document.getElementById('said').textContent")
    return text.replace("\u00a0", "")


def test_the_keyboard_alone_marks_fills_and_chooses(opened: Any, pixels: np.ndarray) -> None:
    assert focused(opened) == "canvas"
    opened.keyboard.press("ArrowRight")  # the crosshair appears in the middle
    for _ in range(3):
        opened.keyboard.press("ArrowUp")
    opened.keyboard.down(" ")
    for _ in range(5):
        opened.keyboard.press("ArrowRight")
    opened.keyboard.up(" ")
    assert "Marked" in said(opened)
    opened.keyboard.press("Enter")
    filled(opened)
    assert focused(opened) == "canvas"
    assert "Filled" in said(opened)
    after = as_array(download(opened)[1])
    rows, columns = np.nonzero((after != pixels).any(axis=2))
    assert len(rows) > 50
    assert abs(rows.mean() - 60) < 30
    assert columns.mean() > 70


def test_space_sets_two_corners_of_a_box(opened: Any, pixels: np.ndarray) -> None:
    opened.keyboard.press("x")
    opened.evaluate("document.getElementById('snap').checked = false")
    opened.focus("#canvas")
    opened.keyboard.press("ArrowDown")
    opened.keyboard.press(" ")
    assert "First corner at 80, 60" in said(opened)
    for _ in range(6):
        opened.keyboard.press("ArrowRight")
        opened.keyboard.press("ArrowDown")
    opened.keyboard.press("Escape")  # a box that is begun is left
    assert opened.is_disabled("#fill")
    opened.keyboard.press("ArrowDown")
    opened.keyboard.press(" ")
    for _ in range(6):
        opened.keyboard.press("ArrowRight")
        opened.keyboard.press("ArrowDown")
    opened.keyboard.press(" ")
    fill(opened)
    changed = (as_array(download(opened)[1]) != pixels).any(axis=2)
    rows, columns = np.nonzero(changed)
    assert (rows.min(), columns.min()) == (60, 80)
    assert rows.max() - rows.min() > 8


def test_arrow_keys_move_within_groups_of_radio_buttons(opened: Any) -> None:
    opened.focus("[data-tool=brush]")
    opened.keyboard.press("ArrowRight")
    assert focused(opened) == "Eraser"
    assert opened.get_attribute("[data-tool=eraser]", "aria-checked") == "true"
    opened.keyboard.press("End")
    opened.keyboard.press("ArrowRight")  # and around
    assert focused(opened) == "Brush"
    tabs = "[...document.querySelectorAll('[data-tool]')].map((one) => one.tabIndex)"
    assert opened.evaluate(tabs) == [0, -1, -1, -1]
    stroke(opened, *LINE)
    fill(opened)
    opened.focus("#more")
    opened.keyboard.press("Enter")
    opened.wait_for_selector("#going:visible")
    filled(opened, 4)
    opened.focus("#thumbs [aria-checked=true]")
    opened.keyboard.press("ArrowRight")
    assert focused(opened) == "Fill 2"
    assert opened.get_attribute("#thumbs button:nth-child(2)", "aria-checked") == "true"
    assert opened.evaluate("document.querySelectorAll('#thumbs [aria-checked=true]').length") == 1


def test_the_focus_goes_on_when_its_button_goes(opened: Any) -> None:
    stroke(opened, *LINE)
    choose(opened, prior="vae", steps="300")
    opened.focus("#fill")
    opened.keyboard.press("Enter")
    opened.wait_for_selector("#going:visible")
    assert focused(opened) == "cancel"
    filled(opened)
    assert focused(opened) == "Fill 1"


def test_space_moves_the_photo_after_a_click_on_undo(opened: Any) -> None:
    stroke(opened, *LINE)
    stroke(opened, (30, 90), (50, 95))
    opened.click("#undo")
    assert focused(opened) == "canvas"
    opened.keyboard.down(" ")
    assert opened.get_attribute("#canvas", "data-cursor") == "move"
    opened.keyboard.up(" ")
    assert opened.is_enabled("#fill")  # Undo was not pressed again
    # By the keyboard the focus stays, so that one may undo on.
    opened.focus("#undo")
    opened.keyboard.press("Enter")
    assert opened.is_disabled("#fill")


def test_esc_closes_the_topmost_thing(opened: Any) -> None:
    stroke(opened, *LINE)
    choose(opened, prior="vae", steps="2000")
    opened.keyboard.press("Enter")
    opened.wait_for_selector("#going:visible")
    opened.keyboard.press(",")
    assert opened.is_visible("#settings")
    opened.keyboard.press("?")
    assert opened.is_visible("#shortcuts")
    opened.keyboard.press("Escape")
    assert opened.is_hidden("#shortcuts")
    assert opened.is_visible("#settings")
    opened.keyboard.press("Escape")
    assert opened.is_hidden("#settings")
    assert opened.is_visible("#going")
    opened.click("#menu-open")
    opened.keyboard.press("Escape")
    assert opened.is_hidden("#menu")
    assert opened.is_visible("#going")
    opened.keyboard.press("Escape")
    opened.wait_for_selector("#going", state="hidden")


def test_only_milestones_are_told_and_sliders_say_what_they_show(opened: Any) -> None:
    opened.evaluate("""() => {
      window.heard_ = [];
      const line = document.getElementById("said");
      new MutationObserver(() => heard_.push(line.textContent)).observe(line, { childList: true });
    }""")
    stroke(opened, *LINE)
    choose(opened, prior="vae", steps="200")
    fill(opened)
    heard = opened.evaluate("heard_")
    assert [text.split(".")[0] for text in heard] == ["Filling", "Filled"]
    live = opened.evaluate(
        "[...document.querySelectorAll('[aria-live], [role=status], [role=alert]')]"
        ".map((one) => one.id)"
    )
    assert sorted(live) == ["said", "toast"]
    assert opened.get_attribute("#size", "aria-valuetext").endswith("pixels of the photo")
    opened.keyboard.press("c")
    assert opened.get_attribute("#knob", "aria-valuetext") == "50 % before, 50 % after"
    assert opened.locator("h1").count() == 1


def test_every_key_stands_in_its_row(page: Any) -> None:
    page.keyboard.press("?")
    astray = page.evaluate("""() => [...document.querySelectorAll("#shortcuts kbd")]
    .filter((key) => {
      const [a, b] = [key, key.closest("div")].map((one) => one.getBoundingClientRect());
      return a.top < b.top || a.bottom > b.bottom || a.left < b.left || a.right > b.right;
    }).map((key) => key.textContent)""")
    assert page.locator("#shortcuts kbd").count() > 20
    assert astray == []
    page.keyboard.press("Escape")
    page.click("#menu-open")
    assert page.locator("#menu").bounding_box()["width"] < 320


def test_the_canvas_shows_that_it_has_the_focus(opened: Any) -> None:
    opened.keyboard.press("Tab")
    opened.evaluate("document.activeElement.blur()")
    box = opened.locator("#canvas").bounding_box()
    edge = int(box["y"]) + 2, int(box["x"]) + 60
    plain = looked(opened)[edge]
    opened.keyboard.press("Tab")  # any key: what follows is by keyboard
    opened.focus("#canvas")
    assert np.abs(looked(opened)[edge] - plain).sum() > 60

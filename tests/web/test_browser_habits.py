"""What people know from other programs: fill on lift, peek, pick an object, masks, copying."""

from __future__ import annotations

import threading
import time
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
    looked,
    open_file,
    place,
    scene,
    stroke,
)
from web_site import Served, coded

from inpaint import pipeline

pytestmark = NEEDED


def test_a_stroke_is_filled_when_the_brush_is_lifted(opened: Any) -> None:
    opened.click("#lift")
    stroke(opened, *LINE)
    filled(opened)
    opened.keyboard.press("l")
    stroke(opened, (30, 90), (50, 95))
    assert opened.is_enabled("#fill")
    assert opened.is_hidden("#going")


def test_the_photo_as_it_was_is_seen_while_a_key_or_button_is_held(opened: Any) -> None:
    stroke(opened, *LINE)
    fill(opened)
    opened.mouse.move(5, 5)
    x0, y0 = (int(v) for v in place(opened, 58, 44))
    x1, y1 = (int(v) for v in place(opened, 92, 66))

    def seen() -> np.ndarray:
        opened.wait_for_timeout(250)
        return looked(opened)[y0:y1, x0:x1]

    after = seen()
    opened.keyboard.down("o")
    before = seen()
    opened.keyboard.up("o")
    assert np.abs(before - after).mean() > 3
    assert np.array_equal(seen(), after)
    opened.hover("#compare")
    opened.mouse.down()
    opened.wait_for_timeout(400)
    assert np.abs(seen() - before).mean() < 1
    opened.mouse.up()
    assert opened.is_hidden("#knob")  # a hold is no click
    opened.keyboard.press("h")
    opened.mouse.move(*place(opened, 20, 20))
    opened.mouse.down()
    opened.wait_for_timeout(400)
    assert np.abs(seen() - before).mean() < 1
    opened.mouse.up()
    assert np.abs(seen() - after).mean() < 1


def test_a_click_marks_the_object_before_it_is_filled(page: Any) -> None:
    pixels = scene()
    open_file(page, "scene.png", coded(pixels))
    choose(page)
    page.keyboard.press("x")
    page.mouse.click(*place(page, 75, 55))
    page.wait_for_selector("#undo:enabled")
    assert page.is_enabled("#fill")
    assert page.is_hidden("#picks")
    fill(page)
    changed = (as_array(download(page)[1]) != pixels).any(axis=2)
    assert changed[42:68, 62:88].mean() > 0.9
    outside = np.ones_like(changed)
    outside[33:77, 53:97] = False
    assert not changed[outside].any()


def test_another_click_takes_a_larger_object_and_buttons_go_both_ways(page: Any) -> None:
    pixels = scene()
    pixels[15:100, 30:125] = (20, 60, 190)
    pixels[40:70, 60:90] = (220, 200, 30)
    open_file(page, "scene.png", coded(pixels))
    page.keyboard.press("x")

    def marked() -> int:
        page.wait_for_selector("#undo:enabled")
        page.click("#menu-open")
        return int((as_array(download(page, "#mask-save")[1]) > 0).sum())

    spot = place(page, 75, 55)
    page.mouse.click(*spot)
    areas = [marked()]
    page.wait_for_selector("#sizes:visible")
    for _ in range(3):
        if page.get_attribute("#size-larger", "aria-disabled") == "true":
            break
        page.mouse.click(*spot)
        areas.append(marked())
    assert areas == sorted(set(areas))
    assert 85 * 95 * 0.9 < areas[-1] < 89 * 99 * 1.1
    page.focus("#size-smaller")
    for area in areas[-2::-1]:
        page.keyboard.press("Enter")
        assert marked() == area
    page.keyboard.press("Escape")
    page.keyboard.press("]")
    assert marked() == areas[1]
    # It was one step all along.
    page.click("#undo")
    assert page.is_disabled("#undo")
    assert page.is_hidden("#sizes")


def test_masks_are_saved_and_loaded(opened: Any) -> None:
    stroke(opened, *LINE)
    opened.click("#menu-open")
    name, data = download(opened, "#mask-save")
    assert name == "holiday-mask.png"
    mask = as_array(data)
    assert mask.shape[:2] == (HEIGHT, WIDTH)
    assert 100 < (mask > 0).sum() < HEIGHT * WIDTH / 4
    opened.keyboard.press("Delete")
    assert opened.is_disabled("#fill")
    file = {"name": "mask.png", "mimeType": "image/png", "buffer": data}
    opened.set_input_files("#mask-picker", file)
    opened.wait_for_selector("#fill:enabled")
    opened.click("#menu-open")
    assert np.array_equal(as_array(download(opened, "#mask-save")[1]), mask)


def test_the_last_hole_is_filled_again_with_other_settings(opened: Any) -> None:
    stroke(opened, *LINE)
    fill(opened)
    first = download(opened)[1]
    assert opened.is_hidden("#again")
    choose(opened, prior="vae", steps="3")
    opened.click("#again")
    filled(opened, 2)
    assert opened.get_attribute("#thumbs button:nth-child(2)", "aria-checked") == "true"
    assert opened.is_hidden("#again")
    assert opened.is_enabled("#undo")
    opened.keyboard.press("1")
    assert download(opened)[1] == first


def test_the_result_is_copied_to_the_clipboard(opened: Any, pixels: np.ndarray) -> None:
    opened.context.grant_permissions(["clipboard-read", "clipboard-write"])
    stroke(opened, *LINE)
    fill(opened)
    result = as_array(download(opened)[1])
    opened.keyboard.press("Control+c")
    opened.wait_for_selector("#toast-text:has-text('clipboard')")
    held = opened.evaluate("""async () => {
      const [item] = await navigator.clipboard.read();
      const bitmap = await createImageBitmap(await item.getType("image/png"));
      const canvas = new OffscreenCanvas(bitmap.width, bitmap.height).getContext("2d");
      canvas.drawImage(bitmap, 0, 0);
      return [...canvas.getImageData(0, 0, bitmap.width, bitmap.height).data];
    }""")
    assert np.array_equal(np.array(held).reshape(HEIGHT, WIDTH, 4)[..., :3], result)


def test_the_brush_is_sized_by_wheel_and_drag_and_its_other_end_erases(opened: Any) -> None:
    size = brush_size(opened)
    opened.mouse.move(*place(opened, 60, 50))
    opened.keyboard.down("Alt")
    opened.mouse.wheel(0, -240)
    opened.wait_for_timeout(100)
    larger = brush_size(opened)
    assert larger > size
    opened.mouse.down()
    x, y = place(opened, 60, 50)
    opened.mouse.move(x - 120, y, steps=4)
    opened.mouse.up()
    opened.keyboard.up("Alt")
    assert brush_size(opened) < larger
    assert opened.is_disabled("#fill")  # nothing was drawn
    stroke(opened, *LINE)
    for _ in range(4):
        opened.keyboard.press("]")
    opened.click("#menu-open")
    before = as_array(download(opened, "#mask-save")[1]) > 0
    stroke(opened, (90, 60), (110, 66), button="right")
    opened.click("#menu-open")
    after = as_array(download(opened, "#mask-save")[1]) > 0
    assert after.sum() < before.sum()
    assert not (after & ~before).any()


def test_candidates_come_one_by_one_and_many_scroll(
    opened: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    complete, go_on = pipeline.complete, threading.Event()

    def slow(*arguments: Any, on_candidate: Any, **keywords: Any) -> Any:
        def one(index: int, picture: Any) -> None:
            on_candidate(index, picture)
            if index:
                assert go_on.wait(60)

        return complete(*arguments, on_candidate=one, **keywords)

    stroke(opened, *LINE)
    fill(opened)
    monkeypatch.setattr(pipeline, "complete", slow)
    opened.click("#more")
    opened.wait_for_selector("#thumbs button:nth-child(2)")
    assert opened.is_visible("#going")  # the others are still to come
    assert opened.locator("#thumbs button").count() < 4
    opened.keyboard.press("2")  # and the first may be looked at
    assert opened.get_attribute("#thumbs button:nth-child(2)", "aria-checked") == "true"
    go_on.set()
    filled(opened, 4)
    monkeypatch.undo()
    opened.set_viewport_size({"width": 390, "height": 844})
    for count in (7, 10):
        opened.keyboard.press("m")
        filled(opened, count)
    opened.keyboard.press("9")
    inside = opened.evaluate("""() => {
      const row = document.getElementById("thumbs").getBoundingClientRect();
      const one = document.querySelector("#thumbs [aria-checked=true]").getBoundingClientRect();
      return one.left >= row.left - 1 && one.right <= row.right + 1;
    }""")
    assert inside


def test_what_came_stays_when_the_rest_is_cancelled(
    opened: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    complete = pipeline.complete

    def slow(*arguments: Any, on_candidate: Any, callback: Any, **keywords: Any) -> Any:
        def one(index: int, picture: Any) -> None:
            on_candidate(index, picture)
            for _ in range(100):
                time.sleep(0.05)
                keywords["on_crop"](0, 1, box)

        from inpaint.pipeline.crop import Box

        box = Box(0, 0, 8, 8)
        return complete(*arguments, on_candidate=one, callback=callback, **keywords)

    stroke(opened, *LINE)
    fill(opened)
    monkeypatch.setattr(pipeline, "complete", slow)
    opened.keyboard.press("m")
    opened.wait_for_selector("#thumbs button:nth-child(2)")
    opened.keyboard.press("Escape")
    opened.wait_for_selector("#going", state="hidden")
    assert opened.locator("#thumbs button").count() == 2
    one = download(opened)[1]
    opened.keyboard.press("2")
    assert download(opened)[1] != one


def test_the_canvas_is_extended_and_survives_a_server_that_forgets(
    opened: Any, site: Served, complaints: list[str]
) -> None:
    stroke(opened, *LINE)
    fill(opened)
    under = as_array(download(opened)[1])
    opened.click("#menu-open")
    opened.click("#extend-open")
    for side, margin in (("left", "24"), ("top", "0"), ("right", "0"), ("bottom", "16")):
        opened.fill(f"#extend-{side}", margin)
    opened.click("#extend-go")
    opened.wait_for_selector("#fill:enabled")
    assert "184 × 136" in opened.inner_text("#file-facts")
    fill(opened)
    before = download(opened)[1]
    after = as_array(before)
    assert np.array_equal(after[:HEIGHT, 24:], under)
    assert after[:, :24].any()
    opened.wait_for_timeout(300)
    for photo in list(site.state.photos.open.values()):
        site.state.photos.drop(photo)
    assert download(opened)[1] == before
    complaints.clear()

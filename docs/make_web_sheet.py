"""Makes a contact sheet of the page: its states at five sizes of the window, light and dark.

    python docs/make_web_sheet.py OUT.png [--size 390x844]... [--state filled]...

For people to look at after a change of the page's look; nothing of it is shipped. Needs the extra
``dev`` and Chromium.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
from PIL import Image, ImageDraw
from served_page import ROOT, served

SIZES = ("1280x800", "640x400", "390x844", "844x390", "320x256")
CELL = 420, 400  # the most that a picture takes in the sheet
PHOTO = ROOT / "samples" / "coffee.jpg"


def stroke(page: Any) -> None:
    """Brush over a part of what is in the middle of the photo."""
    box = page.locator("#canvas").bounding_box()
    left, top, right, bottom = page.evaluate("""() => {
      const [t, r, b, l] = ["top", "right", "bottom", "left"].map((side) =>
        Math.max(...["tools", "tray"].map((id) => {
          const bar = document.getElementById(id).getBoundingClientRect();
          const all = document.getElementById("stage").getBoundingClientRect();
          if (!bar.width) return 0;
          const wide = bar.width > bar.height;
          if (side === "bottom" && wide) return all.bottom - bar.top;
          if (side === "left" && !wide && bar.left < all.width / 2) return bar.right;
          if (side === "right" && !wide && bar.left > all.width / 2) return all.right - bar.left;
          return 0;
        })));
      return [l, t, r, b];
    }""")
    x0, x1 = box["x"] + left, box["x"] + box["width"] - right
    y0, y1 = box["y"] + top, box["y"] + box["height"] - bottom
    at = lambda u, v: (x0 + u * (x1 - x0), y0 + v * (y1 - y0))  # noqa: E731
    page.mouse.move(*at(0.42, 0.45))
    page.mouse.down()
    for spot in (at(0.5, 0.5), at(0.58, 0.45)):
        page.mouse.move(*spot, steps=4)
    page.mouse.up()
    page.mouse.move(2, 2)


def option(page: Any, prior: str, stages: str, steps: str = "") -> None:
    """Set the settings without opening their panel."""
    page.evaluate(
        """([prior, stages, steps]) => {
          document.getElementById("prior").value = prior;
          document.querySelector(`[name=stages][value=${stages}]`).checked = true;
          document.getElementById("steps").value = steps;
          document.getElementById("settings").dispatchEvent(new Event("change"));
        }""",
        [prior, stages, steps],
    )


def states(page: Any, take: Callable[[str], None]) -> None:
    """Go through the states of one page and take each."""
    take("empty")
    page.set_input_files("#picker", PHOTO)
    page.wait_for_selector("body[data-state=open]:not([data-busy])")
    stroke(page)
    take("drawn")
    option(page, "faces64-vae", "none", "2000")
    page.keyboard.press("Enter")
    page.wait_for_selector("#restarts canvas", state="attached", timeout=120_000)
    take("filling")
    page.keyboard.press("Escape")
    page.wait_for_selector("#going", state="hidden", timeout=60_000)
    option(page, "scenes64-gaussian", "none")
    page.keyboard.press("Enter")
    page.wait_for_selector("#picks:visible", timeout=120_000)
    page.wait_for_selector("#going", state="hidden", timeout=60_000)
    page.keyboard.press("m")
    page.wait_for_selector("#thumbs button:nth-child(4)", timeout=120_000)
    page.wait_for_selector("#going", state="hidden", timeout=60_000)
    take("filled")
    page.click("#settings-open")
    take("settings")


def sheet(shots: dict[tuple[str, str, str], Image.Image]) -> Image.Image:
    """All pictures in a grid: a row for each size and scheme, a column for each state."""
    rows = list(dict.fromkeys(key[:2] for key in shots))
    columns = list(dict.fromkeys(key[2] for key in shots))
    width, height = CELL
    whole = Image.new("RGB", (len(columns) * (width + 10), len(rows) * (height + 26)), "#777")
    draw = ImageDraw.Draw(whole)
    for (size, scheme, state), shot in shots.items():
        x = columns.index(state) * (width + 10) + 5
        y = rows.index((size, scheme)) * (height + 26)
        small = shot.copy()
        small.thumbnail(CELL, Image.Resampling.LANCZOS)
        draw.text((x, y + 5), f"{size} {scheme}: {state}", fill="white")
        whole.paste(small, (x, y + 22))
    return whole


@click.command()
@click.argument("out", type=click.Path(path_type=Path))
@click.option("--size", "sizes", multiple=True, default=SIZES)
@click.option("--scheme", "schemes", multiple=True, default=("light", "dark"))
@click.option("--state", "wanted", multiple=True, help="Only these; all by default.")
def main(
    out: Path, sizes: tuple[str, ...], schemes: tuple[str, ...], wanted: tuple[str, ...]
) -> None:
    """Start the server, go through all, write the sheet."""
    shots: dict[tuple[str, str, str], Image.Image] = {}
    with served() as (url, browser):
        for size in sizes:
            width, height = map(int, size.split("x"))
            for scheme in schemes:
                page = browser.new_page(
                    viewport={"width": width, "height": height}, color_scheme=scheme
                )
                page.on("pageerror", lambda error: click.echo(f"page: {error}", err=True))
                page.on("console", lambda m: click.echo(f"console: {m.text}", err=True))
                page.goto(url)
                page.wait_for_selector("body[data-ready]")

                def take(state: str, page: Any = page, key: Any = (size, scheme)) -> None:
                    if wanted and state not in wanted:
                        return
                    page.wait_for_timeout(300)
                    shot = Image.open(io.BytesIO(page.screenshot())).convert("RGB")
                    shots[(*key, state)] = shot

                states(page, take)
                page.close()
                sheet(shots).save(out)


if __name__ == "__main__":
    main()

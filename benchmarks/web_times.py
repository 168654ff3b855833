"""What a person waits for at the page: photos of 1, 4 and 16 million pixels, seen by a browser.

    python benchmarks/web_times.py [--mp N]... [--turns N] [--photo FILE] [--json FILE]

Needs the extra ``dev`` and Chromium. Starts the real server as its own process and prints JSON;
for each size the medians of ``--turns`` in seconds:

    ready       from choosing the file until the photo can be drawn on
    first       from the press of Fill until the first picture of a blended fill is told
    final       from the press of Fill until the candidates are shown
    more_first  from the press of More until the first further candidate can be chosen
    more_all    from the press of More until all four are there
    ..._cpu     processor seconds of the server meanwhile

The hole is a box of 6.5 % of the photo's width, marked without snapping. The page's script and
the server share the machine with whatever else runs; ``load`` says how busy it was.
"""

from __future__ import annotations

import json
import os
import shutil
import statistics
import tempfile
from pathlib import Path
from typing import Any

import click
from PIL import Image
from provenance import commit
from web import FLAGS, ROOT, Server, camera, serving

LEFT, TOP, WIDE = 0.585, 0.5, 0.065  # the box, relative to width, height and width
FURTHER = 4  # candidates in the end

# Notes when the answer of a fill tells what, and when candidates appear, in ms of the page's clock.
WATCH = """() => {
  window.told_ = []; window.thumbs_ = [];
  const asked = window.fetch;
  window.fetch = async (...request) => {
    const answer = await asked(...request);
    if (!/fills$/.test(String(request[0]).split("?")[0])) return answer;
    const [mine, theirs] = answer.body.tee();
    (async () => {
      const reader = mine.pipeThrough(new TextDecoderStream()).getReader();
      for (let rest = ""; ;) {
        const { value, done } = await reader.read();
        if (done) return;
        const lines = (rest + value).split("\\n");
        rest = lines.pop();
        for (const line of lines) {
          const { event, stage } = JSON.parse(line);
          told_.push([performance.now(), event, stage ?? ""]);
        }
      }
    })();
    return new Response(theirs, { status: answer.status, headers: answer.headers });
  };
  const row = document.getElementById("thumbs");
  const picks = document.getElementById("picks");
  const note = () => {
    const count = row.querySelectorAll("[role=radio]").length;
    thumbs_.push([performance.now(), picks.hidden ? 0 : count, count]);
  };
  new MutationObserver(note).observe(picks.parentElement,
    { attributes: true, childList: true, subtree: true });
  for (const id of ["fill", "more"]) {
    document.getElementById(id).addEventListener("click", () => {
      told_.length = thumbs_.length = 0; window.began_ = performance.now();
    }, { capture: true });
  }
}"""


def sized(photo: Path, folder: Path, megapixels: float) -> Path:
    """The photo as a JPEG of so many million pixels."""
    image = Image.open(photo).convert("RGB")
    scale = (megapixels * 1e6 / (image.width * image.height)) ** 0.5
    size = round(image.width * scale), round(image.height * scale)
    path = folder / f"{megapixels:g}.jpg"
    image.resize(size, Image.Resampling.LANCZOS).save(path, quality=93, subsampling=0)
    return path


def first_blended(told: list[list[Any]], began: float) -> float | None:
    """Seconds until a picture of a blended fill: the second stage is shown what the first made."""
    stages = [(at, stage) for at, event, stage in told if event == "stage"]
    for at, stage in stages:
        if stage != stages[0][1]:
            return float(at - began) / 1000
    return None


def one_turn(page: Any, server: Server, photo: Path) -> dict[str, float | None]:
    width, height = Image.open(photo).size
    box = LEFT * width, TOP * height, WIDE * width, WIDE * width
    page.goto(server.url)
    page.wait_for_selector("body[data-ready]")
    page.evaluate("window.began_ = performance.now()")
    page.set_input_files("#picker", photo)
    page.wait_for_selector("body[data-state=open]:not([data-busy])")
    found: dict[str, float | None] = {
        "ready": page.evaluate("performance.now() - began_") / 1000,
    }
    page.evaluate(WATCH)
    page.keyboard.press("x")
    page.uncheck("#snap")
    stage = page.locator("#canvas").bounding_box()
    scale, left, top = camera(page, stage, width, height)
    x, y, w, h = box
    page.mouse.move(left + x * scale, top + y * scale)
    page.mouse.down()
    page.mouse.move(left + (x + w) * scale, top + (y + h) * scale, steps=4)
    page.mouse.up()
    spent = server.spent()
    page.click("#fill")
    page.wait_for_selector("#picks:visible", timeout=300_000)
    told, thumbs, began = page.evaluate("[told_, thumbs_, began_]")
    found["first"] = first_blended(told, began)
    found["final"] = next(at - began for at, shown, _ in thumbs if shown) / 1000
    found["final_cpu"] = server.spent() - spent
    spent = server.spent()
    page.click("#more")
    page.wait_for_selector(f"#thumbs [role=radio]:nth-child({FURTHER})", timeout=600_000)
    page.wait_for_selector("#going", state="hidden", timeout=600_000)
    thumbs, began = page.evaluate("[thumbs_, began_]")
    found["more_first"] = next(at - began for at, _, there in thumbs if there > 1) / 1000
    found["more_all"] = next(at - began for at, _, there in thumbs if there >= FURTHER) / 1000
    found["more_cpu"] = server.spent() - spent
    return found


def measured(photos: list[Path], turns: int) -> dict[str, Any]:
    from playwright.sync_api import sync_playwright

    rows: dict[str, list[dict[str, float | None]]] = {photo.stem: [] for photo in photos}
    with serving() as server, sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=shutil.which("chromium"), args=FLAGS)
        for _ in range(turns):
            for photo in photos:
                page = browser.new_page(viewport={"width": 1280, "height": 800})
                rows[photo.stem].append(one_turn(page, server, photo))
                page.close()
        browser.close()
    return {name: {key: median([row[key] for row in some]) for key in some[0]}
            for name, some in rows.items()}  # fmt: skip


def median(values: list[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return round(statistics.median(known), 2) if known else None


@click.command()
@click.option("--photo", type=click.Path(path_type=Path), default=ROOT / "samples" / "seeding.jpg")
@click.option("--mp", "sizes", type=float, multiple=True, default=(1, 4, 16), show_default=True)
@click.option("--turns", default=2, show_default=True, help="The first one loads torch.")
@click.option("--json", "path", type=click.Path(path_type=Path))
def main(photo: Path, sizes: tuple[float, ...], turns: int, path: Path | None) -> None:
    """Measure and print."""
    found: dict[str, Any] = {"commit": commit(), "cores": os.cpu_count(), "load": os.getloadavg()}
    with tempfile.TemporaryDirectory() as name:
        photos = [sized(photo, Path(name), size) for size in sizes]
        found["seconds"] = measured(photos, turns)
    text = json.dumps(found, indent=1)
    print(text)
    if path:
        path.write_text(text + "\n")


if __name__ == "__main__":
    main()

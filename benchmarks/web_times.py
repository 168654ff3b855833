"""What a person waits for at the page: photos of 1, 4 and 16 million pixels, seen by a browser.

    python benchmarks/web_times.py [--tree NAME=DIR]... [--mp N]... [--turns N] [--photo FILE]
        [--json FILE] [--page FILE.md]

Needs the extra ``dev`` and Chromium. Starts the real server of each checkout DIR as its own process
(this checkout alone unless told otherwise) and prints a table; for each size and checkout the
medians of ``--turns`` in seconds by the clock:

    ready       from choosing the file until the photo can be drawn on
    first       from the press of Fill until the first picture of a blended fill is told
    final       from the press of Fill until the candidates are shown
    more_first  from the press of More until the first further candidate can be chosen
    more_all    from the press of More until all four are there
    ..._cpu     processor seconds of the server meanwhile (in the JSON)

Checkouts take turns at each size, after one turn at the smallest size that loads torch and is not
counted. The hole is a box of 6.5 % of the photo's width, marked without snapping. The page's script
and the server share the machine with whatever else runs; ``load`` says how busy it was.
``--page`` writes the table into a page of the docs, between the two comments that name this file.
Before and after a change, with the checkout of before in a worktree of its own:

    git worktree add ../before COMMIT
    python benchmarks/web_times.py --tree before=../before --tree now=. --page docs/web.md
"""

from __future__ import annotations

import json
import os
import shutil
import statistics
import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import click
from PIL import Image
from provenance import commit, machine
from web import FLAGS, ROOT, Server, camera, serving

LEFT, TOP, WIDE = 0.585, 0.5, 0.065  # the box, relative to width, height and width
FURTHER = 4  # candidates in the end
SHOWN = ("ready", "first", "final", "more_first", "more_all")
BEGIN, END = "<!-- benchmarks/web_times.py -->", "<!-- end of benchmarks/web_times.py -->"

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
    """Open a photo, fill the box, ask for more; the seconds that each took."""
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


def measured(trees: dict[str, Path], photos: list[Path], turns: int) -> list[dict[str, Any]]:
    """A row for each photo and tree, photos first."""
    from playwright.sync_api import sync_playwright

    found: dict[tuple[str, str], list[dict[str, float | None]]] = {
        (photo.stem, name): [] for photo in photos for name in trees
    }
    with ExitStack() as stack:
        servers = {name: stack.enter_context(serving(tree=tree)) for name, tree in trees.items()}
        driver = stack.enter_context(sync_playwright())
        browser = driver.chromium.launch(executable_path=shutil.which("chromium"), args=FLAGS)

        def turn(server: Server, photo: Path) -> dict[str, float | None]:
            page = browser.new_page(viewport={"width": 1280, "height": 800})
            page.set_default_timeout(600_000)
            try:
                return one_turn(page, server, photo)
            finally:
                page.close()

        for server in servers.values():
            turn(server, photos[0])
        for _ in range(turns):
            for photo in photos:
                for name, server in servers.items():
                    found[photo.stem, name].append(turn(server, photo))
        browser.close()
    return [
        {
            "mp": float(mp),
            "tree": name,
            **{key: median([one[key] for one in some]) for key in some[0]},
        }
        for (mp, name), some in found.items()
    ]


def median(values: list[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return round(statistics.median(known), 2) if known else None


def table(found: dict[str, Any]) -> str:
    """The rows as a table in Markdown, with what they were measured on."""
    lines = [
        "| photo, million pixels | page | ready | first picture | final | More: the first | all |",
        "|---|---|---|---|---|---|---|",
    ]
    for row in found["rows"]:
        told = (f"{row[key]:.1f}" if row[key] is not None else "-" for key in SHOWN)
        lines.append(f"| {row['mp']:g} | {row['tree']} | {' | '.join(told)} |")
    trees = ", ".join(f"{name} is {of}" for name, of in found["commits"].items())
    load = f"{found['load'][0]:.1f} to {found['load'][1]:.1f}"
    lines += ["", f"Medians of {found['turns']} in seconds by the clock on {found['machine']}, "
              f"load {load}; {trees}."]  # fmt: skip
    return "\n".join(lines)


def written(page: Path, text: str) -> None:
    """Put the table between the two comments of a page of the docs."""
    before, begin, rest = page.read_text().partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        raise click.ClickException(f"{page} has no place for the table: {BEGIN} and {END}")
    page.write_text(f"{before}{BEGIN}\n\n{text}\n\n{END}{after}")


def tree_of(
    context: click.Context, option: click.Parameter, values: tuple[str, ...]
) -> dict[str, Path]:
    """``NAME=DIR`` of each checkout; this one by default."""
    found = {}
    for value in values or (f"now={ROOT}",):
        name, equals, where = value.partition("=")
        if not equals or not (Path(where) / "inpaint" / "web").is_dir():
            raise click.BadParameter(f"{value}: expected NAME=DIR with the DIR of a checkout")
        found[name] = Path(where).resolve()
    return found


@click.command()
@click.option("--photo", type=click.Path(path_type=Path), default=ROOT / "samples" / "seeding.jpg")
@click.option("--tree", "trees", multiple=True, callback=tree_of, metavar="NAME=DIR")
@click.option("--mp", "sizes", type=float, multiple=True, default=(1, 4, 16), show_default=True)
@click.option("--turns", default=2, show_default=True)
@click.option("--json", "path", type=click.Path(path_type=Path))
@click.option("--page", type=click.Path(exists=True, dir_okay=False, path_type=Path))
def main(
    photo: Path,
    trees: dict[str, Path],
    sizes: tuple[float, ...],
    turns: int,
    path: Path | None,
    page: Path | None,
) -> None:
    """Measure and print."""
    found: dict[str, Any] = {
        "commits": {name: commit(tree) for name, tree in trees.items()},
        "machine": machine(),
        "turns": turns,
    }
    load = os.getloadavg()[0]
    with tempfile.TemporaryDirectory() as name:
        photos = [sized(photo, Path(name), size) for size in sorted(sizes)]
        found["rows"] = measured(trees, photos, turns)
    found["load"] = [load, os.getloadavg()[0]]
    text = table(found)
    click.echo(text)
    if path:
        path.write_text(json.dumps(found, indent=1) + "\n")
    if page:
        written(page, text)


if __name__ == "__main__":
    main()

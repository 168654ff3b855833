"""Write docs/zoo.md, the table of the shipped weights, and its pictures.

    python docs/make_zoo.py [SCORES]

Everything in the page comes from the folders in ``inpaint/zoo``: sizes from the files, training and
the figures of ``pretrain score --card`` from ``config.json``, the licence from the model card. Run
it again after any of them has changed; a test compares. With ``SCORES``, a folder with what
``pretrain score NAME ... --out SCORES/NAME`` has written, the sheets are taken over too, made small
enough for a repository.
"""

from __future__ import annotations

import io
import re
import sys
from pathlib import Path
from typing import Any

from PIL import Image

from inpaint.zoo.weights import CONFIG, MODEL, read_config

ROOT = Path(__file__).parents[1]
ZOO, PAGE, IMAGES = ROOT / "inpaint" / "zoo", ROOT / "docs" / "zoo.md", ROOT / "docs" / "images/zoo"
SHEETS = ("samples", "ceiling", "neighbours", "classes")
MOST_BYTES, BUDGET = 300_000, 32_000_000
NONE = "-"
HEAD = """\
# The zoo

All weights that come with the package, {total:.1f} MB of at most {budget:.0f}. This page is written
by `docs/make_zoo.py`, its figures by `pretrain score NAME DATA --train DATA --card`; the trainings
can be repeated by `pretrain recipe NAME DATA... --out DIR` (`pretrain recipe list`).

- **Ceiling**: PSNR in dB of held-out images with every pixel known, the closest that a fill can be.
- **KID** (AlexNet, see [metrics.md](metrics.md)) of samples against held-out images; in brackets
  the same of real training images, which is what a perfect prior would get. Compare within a family
  only: the values depend on the data.
- **Copies**: the share of samples that may be copies of a training image. For each sample the
  nearest training image is compared with the 50 nearest; the sample counts if that one stands out
  more than it does for 95 % of the held-out images. So chance alone gives 5 %.

"""
COLUMNS = (
    "name", "kind", "px", "MB", "data", "licence", "steps", "time, machine", "ceiling", "KID",
    "copies", "sheets",
)  # fmt: skip


def page() -> str:
    """The whole page, from what is in the zoo and in docs/images/zoo."""
    folders = sorted(path.parent for path in ZOO.glob(f"*/{CONFIG}"))
    size = sum((folder / MODEL).stat().st_size for folder in folders)
    table = ["| " + " | ".join(COLUMNS) + " |", "|" + "---|" * len(COLUMNS)]
    table += ["| " + " | ".join(row(folder)) + " |" for folder in folders]
    head = HEAD.format(total=size / 1e6, budget=BUDGET / 1e6)
    return head + "\n".join(table) + "\n" + "".join(pictures(folder) for folder in folders)


def row(folder: Path) -> list[str]:
    """The cells of one folder of weights."""
    config = read_config(folder)
    training, measured = config.get("training", {}), current(config)
    return [
        f"[{folder.name}](../inpaint/zoo/{folder.name}/MODEL_CARD.md)",
        config["kind"],
        str(config.get("size", NONE)),
        f"{(folder / MODEL).stat().st_size / 1e6:.1f}",
        config.get("data") or said(folder, "Data"),
        said(folder, "Licence"),
        f"{training['steps']:,}" if "steps" in training else NONE,
        spent(training, folder),
        figure(measured, "ceiling", "psnr", "{:.1f}"),
        kid(measured),
        f"{100 * measured['memory']['share']:.0f} %" if "memory" in measured else NONE,
        " ".join(f"[{name}]({at})" for name, at in sheets(folder.name).items()) or NONE,
    ]


def current(config: dict[str, Any]) -> dict[str, Any]:
    """What was measured of these very weights; nothing if it was of others."""
    measured: dict[str, Any] = config.get("measured", {})
    return measured if measured.get("sha256") == config["sha256"] else {}


def figure(measured: dict[str, Any], what: str, key: str, form: str) -> str:
    """One figure, or the sign for none."""
    # + 0.0, so that nothing is called minus nothing.
    return form.format(round(measured[what][key], 1) + 0.0) if what in measured else NONE


def kid(measured: dict[str, Any]) -> str:
    """KID, and its floor in brackets."""
    floor = figure(measured, "kid_floor", "mean", " ({:.1f})").replace(NONE + " ", "")
    return figure(measured, "kid", "mean", "{:.1f}") + ("" if floor == NONE else floor)


def spent(training: dict[str, Any], folder: Path) -> str:
    """How long it took and on what."""
    if "seconds" not in training:
        return NONE
    seconds = training["seconds"]
    time = f"{seconds} s" if seconds < 180 else f"{seconds / 60:.0f} min"
    machine = training.get("machine") or on(said(folder, "Made by", whole=True))
    return f"{time}, {machine}" if machine else time


def on(text: str) -> str:
    """The machine that a card names at the end of "Made by": "..., 92 minutes on one CPU core"."""
    found = re.search(r"(?:minutes|s|hours) on ([^.;]+)", text)
    return found[1].strip() if found else ""


def said(folder: Path, word: str, *, whole: bool = False) -> str:
    """What the card says after ``- **word**:``, its first sentence or all of it."""
    path = folder / "MODEL_CARD.md"
    text = path.read_text(encoding="utf-8") if path.exists() else ""
    found = re.search(rf"^- \*\*{word}\*\*:(.*?)(?=^- \*\*|^#|^<!--|^$|\Z)", text, re.M | re.S)
    if not found:
        return NONE
    line = " ".join(found[1].split()).replace("|", "/")
    return line if whole else re.split(r"(?<=[a-z)])[.;:] ", line)[0].rstrip(".")


def sheets(name: str) -> dict[str, str]:
    """The sheets that there are of a prior, as paths from docs/."""
    found = {what: IMAGES / f"{name}-{what}.png" for what in SHEETS}
    return {what: f"images/zoo/{path.name}" for what, path in found.items() if path.exists()}


def pictures(folder: Path) -> str:
    """Classes and nearest neighbours of a prior, shown: the claims that people doubt most."""
    found = sheets(folder.name)
    classes = (
        f"\n## {folder.name}: classes\n\nThe same z in each column, a class in each row.\n\n"
        f"![{folder.name}: samples by class]({found['classes']})\n"
        if "classes" in found
        else ""
    )
    at = found.get("neighbours")
    memory = current(read_config(folder)).get("memory")
    if not (at and memory):
        return classes
    return classes + (
        f"\n## {folder.name}: nearest training images\n\n"
        f"The samples that stand out most of all. Left the sample, then its four nearest of "
        f"{memory['train']:,} training images with their RMSE at 16x16, right the nearest held-out "
        f"image. Median to the nearest training image: samples {memory['samples']:.3f}, held-out "
        f"images {memory['held_out']:.3f}.\n\n![{folder.name}: samples and neighbours]({at})\n"
    )


def shrunk(path: Path) -> bytes:
    """The sheet as a PNG of at most ``MOST_BYTES``: fewer colours first, then fewer pixels."""
    image = Image.open(path).convert("RGB")
    size = image.size
    for step in range(20):
        part = tuple(round(side * 0.9**step) for side in size)
        smaller = image.resize(part, Image.Resampling.BOX) if step else image
        for candidate in (smaller, smaller.quantize(256)):
            png = io.BytesIO()
            candidate.save(png, "PNG", optimize=True)
            if png.tell() <= MOST_BYTES:
                return png.getvalue()
    raise ValueError(f"{path}: not to be brought below {MOST_BYTES} bytes")


def take_over(scores: Path) -> None:
    """Bring the sheets of all shipped weights into docs/images/zoo."""
    IMAGES.mkdir(parents=True, exist_ok=True)
    for folder in sorted(path.parent for path in ZOO.glob(f"*/{CONFIG}")):
        for what in SHEETS:
            path = scores / folder.name / f"{what}.png"
            if path.exists():
                (IMAGES / f"{folder.name}-{what}.png").write_bytes(shrunk(path))


def main() -> None:
    """Take over the sheets, if a folder is given, and write the page."""
    if len(sys.argv) > 1:
        take_over(Path(sys.argv[1]))
    PAGE.write_text(page(), encoding="utf-8")


if __name__ == "__main__":
    main()

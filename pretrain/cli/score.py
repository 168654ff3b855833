"""``pretrain score``: measures a prior on images that it was not trained on."""

from __future__ import annotations

import io
import json
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from inpaint.cli.progress import bar
from inpaint.errors import OutputError, WeightsError
from pretrain.cli.parameters import FOLDER

if TYPE_CHECKING:
    from collections.abc import Callable

    from pretrain.cuts import Cuts
    from pretrain.score import Score

COUNT = click.IntRange(min=1)


@click.command(name="score")
@click.argument("prior")
@click.argument("sources", nargs=-1, required=True, type=FOLDER, metavar="DATA...")
@click.option(
    "--train",
    multiple=True,
    type=FOLDER,
    help="Its training images, to check that it copies none of them; repeat for several.",
)
@click.option("--out", type=FOLDER, help="Folder for score.json and the sheets.")
@click.option("--card", is_flag=True, help="Write the figures into the prior's card and config.")
@click.option("--count", default=64, show_default=True, type=COUNT, help="Images for the ceiling.")
@click.option("--samples", default=1000, show_default=True, type=COUNT, help="Samples to draw.")
@click.option("--steps", default=300, show_default=True, type=COUNT, help="Steps of the ceiling.")
@click.option(
    "--starts",
    default=4,
    show_default=True,
    type=COUNT,
    help="Starts of its search for each image.",
)
@click.option("--seed", default=0, show_default=True, type=click.IntRange(0, 2**32 - 1))
@click.option("--device", default="auto", show_default=True, help="auto, cpu, cuda or mps.")
@click.option("--cache", type=FOLDER, help="Folder for decoded images. [a temporary one]")
@click.option("--json", "as_json", is_flag=True, help="Print the figures as JSON.")
def command(
    prior: str,
    sources: tuple[Path, ...],
    train: tuple[Path, ...],
    out: Path | None,
    card: bool,
    count: int,
    samples: int,
    steps: int,
    starts: int,
    seed: int,
    device: str,
    cache: Path | None,
    as_json: bool,
) -> None:
    """Measure PRIOR (a name or a folder) on DATA that it was not trained on.

    The ceiling is the PSNR of images of which every pixel is known: no fill can come closer. KID
    compares samples with DATA. With --train, samples are looked up among the training images.
    """
    from inpaint import devices
    from inpaint.zoo import registry, weights
    from pretrain.score import score

    if out:
        _make(out)
    folder = registry.prior_folder(prior)
    config = weights.read_config(folder)
    model = registry.load_prior(prior, str(devices.resolve(device)))
    with _cache(cache) as decoded, bar() as progress:
        held_out = _cuts(sources, model.size, config, decoded)
        trained = _cuts(train, model.size, config, decoded) if train else None
        found = score(
            model,
            held_out,
            trained,
            count=count,
            samples=samples,
            seed=seed,
            steps=steps,
            starts=starts,
            callback=_teller(progress),
        )
        facts = {
            "prior": folder.resolve().name,
            "sha256": config["sha256"],
            "held_out": {"data": _names(sources), "images": len(held_out)},
            **found.facts,
            "settings": {"seed": seed, "steps": steps, "starts": starts},
        }
    if out:
        _write(out, facts, found)
    _print(facts, as_json)
    if card:
        from pretrain.card import record

        record(folder, {k: v for k, v in facts.items() if k != "prior"})


def _make(out: Path) -> None:
    """Make the folder of the result now, rather than fail to write it after minutes of work."""
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(
            f"{out}: cannot be made ({error.strerror}); name another --out"
        ) from error


@contextmanager
def _cache(given: Path | None) -> Iterator[Path]:
    """The given folder, or a temporary one that is deleted afterwards."""
    if given:
        yield given
        return
    with tempfile.TemporaryDirectory(prefix="pretrain-score-") as folder:
        yield Path(folder)


def _cuts(sources: tuple[Path, ...], size: int, config: dict[str, Any], cache: Path) -> Cuts:
    """Images as this prior's training would have seen them."""
    from pretrain.cuts import Cuts
    from pretrain.data import load

    training = config.get("training", {})
    scale = training.get("min_scale", 1.0) if isinstance(training, dict) else None
    if not (isinstance(scale, int | float) and 0.05 <= scale <= 1):
        raise WeightsError(f"config.json: training.min_scale is {scale!r}; expected 0.05 to 1")
    images = load(sources, size=round(size / scale), cache=cache)
    for name in images.skipped[:10]:
        click.echo(f"  skipped {name}", err=True)
    return Cuts(images, size, float(scale))


def _names(sources: tuple[Path, ...]) -> list[str]:
    """File names without their folders, which mean nothing on another machine."""
    return [source.resolve().name for source in sources]


def _teller(progress: Any) -> Callable[[str, int, int], None]:
    tasks: dict[str, Any] = {}

    def tell(what: str, done: int, total: int) -> None:
        if what not in tasks:
            tasks[what] = progress.add_task(what)
        progress.update(tasks[what], completed=done, total=total)

    return tell


def _write(out: Path, facts: dict[str, Any], found: Score) -> None:
    from PIL import Image

    from pretrain.card import replace

    for name, pixels in found.sheets.items():
        png = io.BytesIO()
        Image.fromarray(pixels).save(png, "PNG", optimize=True)
        replace(out / f"{name}.png", png.getvalue())
    replace(out / "score.json", (json.dumps(facts, indent=2) + "\n").encode())


def _print(facts: dict[str, Any], as_json: bool) -> None:
    from pretrain.card import lines

    if as_json:
        click.echo(json.dumps(facts))
        return
    for name, text in lines(facts):
        click.echo(f"{name}: {text}")

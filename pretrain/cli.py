"""The command line of ``pretrain``: one command a prior, options from ``pretrain.options``."""

from __future__ import annotations

import dataclasses
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from inpaint._version import __version__
from inpaint.cli.errors import guarded
from inpaint.cli.progress import bar
from inpaint.errors import OutputError
from pretrain.options import GanOptions, GaussianOptions, VaeOptions

if TYPE_CHECKING:
    from pretrain.data import Images
    from pretrain.run import Outcome, Plan

Command = Callable[..., None]
FOLDER = click.Path(path_type=Path)


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="pretrain")
def group() -> None:
    """Train priors on folders or tar files of images.

    A folder name right above an image is its class. The result is a folder that
    'inpaint fill --prior' takes.
    """


def _stacked(*decorators: Callable[[Command], Command]) -> Callable[[Command], Command]:
    def decorate(function: Command) -> Command:
        for one in reversed(decorators):
            function = one(function)
        return function

    return decorate


_common = _stacked(
    click.argument("sources", nargs=-1, required=True, type=FOLDER, metavar="DATA..."),
    click.option("--out", required=True, type=FOLDER, help="Folder of the result."),
    click.option("--cache", type=FOLDER, help="Folder for decoded images. [OUT/cache]"),
    click.option("--family", help="Name that priors of the same images share."),
    click.option(
        "--view",
        type=click.Choice(["crop", "whole"]),
        default="crop",
        show_default=True,
        help="whole: all images are framed alike, such as aligned faces.",
    ),
    click.option("--data-note", default="", help="What the data is, kept in the config."),
)
_loop = _stacked(
    click.option(
        "--steps",
        type=click.IntRange(min=1),
        default=10000,
        show_default=True,
        help="Training steps in all.",
    ),
    click.option(
        "--time-limit",
        type=click.FloatRange(min=0, min_open=True),
        help="Stop after this many minutes.",
    ),
    click.option(
        "--save-every",
        type=click.FloatRange(min=0),
        default=4.0,
        show_default=True,
        help="Minutes to a checkpoint.",
    ),
    click.option("--resume", is_flag=True, help="Go on from OUT/run/checkpoint.pt."),
)


def _knobs(options: type) -> Callable[[Command], Command]:
    """One command-line option a field of ``options``."""
    fields = dataclasses.fields(options)
    return _stacked(
        *(
            click.option(
                "--" + field.name.replace("_", "-"),
                default=field.default,
                show_default=True,
                help=field.metadata["help"],
            )
            for field in fields
        )
    )


@group.command()
@_common
@_knobs(GaussianOptions)
def gaussian(
    sources: tuple[Path, ...], out: Path, cache: Path | None, family: str | None, **rest: Any
) -> None:
    """Fit probabilistic PCA: seconds, no iterations, a closed-form fill."""
    from pretrain import gaussian as loop

    view, note, options = _split(rest, GaussianOptions)
    images = _images(sources, options, out, cache)
    started = time.monotonic()
    with bar() as progress:
        task = progress.add_task("covariance")
        prior = loop.train(
            images,
            options,
            callback=lambda done, total: progress.update(task, completed=done, total=total),
        )
    seconds = time.monotonic() - started
    _save(
        out, prior, family, view, note, options, {"seconds": round(seconds), "images": len(images)}
    )


@group.command()
@_common
@_loop
@_knobs(GanOptions)
def gan(
    sources: tuple[Path, ...], out: Path, cache: Path | None, family: str | None, **rest: Any
) -> None:
    """Train a DCGAN: generator and discriminator."""
    from pretrain import gan as loop

    plan = _plan(rest, out)
    view, note, options = _split(rest, GanOptions)
    images = _images(sources, options, out, cache)
    prior, outcome = loop.train(images, options, plan)
    _finish(out, prior, family, view, note, options, len(images), outcome)


@group.command()
@_common
@_loop
@_knobs(VaeOptions)
def vae(
    sources: tuple[Path, ...], out: Path, cache: Path | None, family: str | None, **rest: Any
) -> None:
    """Train a VAE: encoder and decoder."""
    from pretrain import vae as loop

    plan = _plan(rest, out)
    view, note, options = _split(rest, VaeOptions)
    images = _images(sources, options, out, cache)
    prior, outcome = loop.train(images, options, plan)
    _finish(out, prior, family, view, note, options, len(images), outcome)


def _plan(rest: dict[str, Any], out: Path) -> Plan:
    from pretrain.run import Plan

    return Plan(
        out=out / "run",
        steps=rest.pop("steps"),
        minutes=rest.pop("time_limit"),
        save_every=rest.pop("save_every"),
        resume=rest.pop("resume"),
        batch=rest["batch"],
    )


def _split(rest: dict[str, Any], kind: type) -> tuple[str, str, Any]:
    view, note = rest.pop("view"), rest.pop("data_note")
    return view, note, kind(**rest)


def _check_writable(out: Path) -> None:
    """Raise now what the end of a long training would raise; nothing is made."""
    place = next(p for p in (out.absolute(), *out.absolute().parents) if p.exists())
    if not (place.is_dir() and os.access(place, os.W_OK | os.X_OK)):
        raise OutputError(
            f"{out}: cannot be made, {place} is not a folder to write in; name another --out"
        )


def _images(sources: tuple[Path, ...], options: Any, out: Path, cache: Path | None) -> Images:
    """Decode at the size that random cuts need: the smallest cut still has ``options.size``."""
    from pretrain.data import load

    _check_writable(out)
    side = round(options.size / options.min_scale)
    images = load(sources, size=side, cache=cache or out / "cache")
    skipped = f", {len(images.skipped)} damaged skipped" if images.skipped else ""
    click.echo(f"{len(images)} images of {side} px{skipped}", err=True)
    for name in images.skipped[:10]:
        click.echo(f"  skipped {name}", err=True)
    return images


def _finish(
    out: Path, prior: Any, family: str | None, view: str, note: str, options: Any, count: int,
    outcome: Outcome,
) -> None:  # fmt: skip
    facts = {"steps": outcome.step, "seconds": round(outcome.seconds), "images": count}
    _save(out, prior, family, view, note, options, facts)
    if not outcome.finished:
        click.echo("stopped early; the same command with --resume goes on", err=True)


def _save(
    out: Path, prior: Any, family: str | None, view: str, note: str, options: Any,
    facts: dict[str, Any],
) -> None:  # fmt: skip
    from inpaint import weights

    config = {
        **prior.config(),
        "family": family or out.name,
        "view": view,
        "data": note,
        "training": {**dataclasses.asdict(options), **facts},
    }
    weights.save(out, config, prior.tensors())
    click.echo(f"trained in {facts['seconds']} s", err=True)
    click.echo(str(out))


def main() -> None:
    """Run the command line; errors become one line and an exit code."""
    guarded(group, "pretrain")

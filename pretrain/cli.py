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


@dataclasses.dataclass(frozen=True)
class _Target:
    """What to train on and where to put the result: the options that every command has."""

    sources: tuple[Path, ...]
    out: Path
    cache: Path | None
    family: str | None
    view: str
    data_note: str

    def images(self, options: Any) -> Images:
        """Decode at the size that random cuts need: the smallest cut still has ``options.size``."""
        from pretrain.data import load

        _check_writable(self.out)
        side = round(options.size / options.min_scale)
        images = load(self.sources, size=side, cache=self.cache or self.out / "cache")
        skipped = f", {len(images.skipped)} damaged skipped" if images.skipped else ""
        click.echo(f"{len(images)} images of {side} px{skipped}", err=True)
        for name in images.skipped[:10]:
            click.echo(f"  skipped {name}", err=True)
        return images

    def save(self, prior: Any, options: Any, **facts: Any) -> None:
        """Write the prior's folder and say where it is."""
        from inpaint import weights

        config = {
            **prior.config(),
            "family": self.family or self.out.name,
            "view": self.view,
            "data": self.data_note,
            "training": {**dataclasses.asdict(options), **facts},
        }
        weights.save(self.out, config, prior.tensors())
        click.echo(f"trained in {facts['seconds']} s", err=True)
        click.echo(str(self.out))


def _parts(given: dict[str, Any], options: type) -> tuple[_Target, Any]:
    """Sort a command's parameters into the target and the options of its loop."""
    names = {field.name for field in dataclasses.fields(_Target)}
    target = _Target(**{k: v for k, v in given.items() if k in names})
    knobs = {field.name for field in dataclasses.fields(options)}
    return target, options(**{k: v for k, v in given.items() if k in knobs})


@group.command()
@_common
@_knobs(GaussianOptions)
def gaussian(**given: Any) -> None:
    """Fit probabilistic PCA: seconds, no iterations, a closed-form fill."""
    from pretrain import gaussian as loop

    target, options = _parts(given, GaussianOptions)
    images = target.images(options)
    started = time.monotonic()
    with bar() as progress:
        task = progress.add_task("covariance")
        prior = loop.train(
            images,
            options,
            callback=lambda done, total: progress.update(task, completed=done, total=total),
        )
    target.save(prior, options, seconds=round(time.monotonic() - started), images=len(images))


@group.command()
@_common
@_loop
@_knobs(GanOptions)
def gan(**given: Any) -> None:
    """Train a DCGAN: generator and discriminator."""
    from pretrain import gan as loop

    _train(loop.train, given, GanOptions)


@group.command()
@_common
@_loop
@_knobs(VaeOptions)
def vae(**given: Any) -> None:
    """Train a VAE: encoder and decoder."""
    from pretrain import vae as loop

    _train(loop.train, given, VaeOptions)


def _train(
    train: Callable[[Images, Any, Plan], tuple[Any, Outcome]], given: dict[str, Any], kind: type
) -> None:
    """Run a training loop and save what it made, even if it was stopped early."""
    from pretrain.run import Plan

    target, options = _parts(given, kind)
    plan = Plan(
        out=target.out / "run",
        steps=given["steps"],
        minutes=given["time_limit"],
        save_every=given["save_every"],
        resume=given["resume"],
        batch=options.batch,
    )
    images = target.images(options)
    prior, outcome = train(images, options, plan)
    seconds = round(outcome.seconds)
    target.save(prior, options, steps=outcome.step, seconds=seconds, images=len(images))
    if not outcome.finished:
        click.echo("stopped early; the same command with --resume goes on", err=True)


def _check_writable(out: Path) -> None:
    """Raise now what the end of a long training would raise; nothing is made."""
    place = next(p for p in (out.absolute(), *out.absolute().parents) if p.exists())
    if not (place.is_dir() and os.access(place, os.W_OK | os.X_OK)):
        raise OutputError(
            f"{out}: cannot be made, {place} is not a folder to write in; name another --out"
        )


def main() -> None:
    """Run the command line; errors become one line and an exit code."""
    guarded(group, "pretrain")

"""The command line of ``pretrain``: one command a prior, options from ``pretrain.options``."""

from __future__ import annotations

import dataclasses
import os
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from inpaint._version import __version__
from inpaint.cli.errors import guarded
from inpaint.cli.progress import bar
from inpaint.errors import OutputError
from pretrain import cli_loop, cli_recipe, cli_score
from pretrain.options import (
    EncoderOptions,
    GanOptions,
    GaussianOptions,
    RefinerOptions,
    VaeOptions,
)

if TYPE_CHECKING:
    from torch import Tensor

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


group.add_command(cli_score.command)
group.add_command(cli_recipe.command)


def _stacked(*decorators: Callable[[Command], Command]) -> Callable[[Command], Command]:
    def decorate(function: Command) -> Command:
        for one in reversed(decorators):
            function = one(function)
        return function

    return decorate


_places = _stacked(
    click.argument("sources", nargs=-1, required=True, type=FOLDER, metavar="DATA..."),
    click.option("--out", required=True, type=FOLDER, help="Folder of the result."),
    click.option("--cache", type=FOLDER, help="Folder for decoded images. [OUT/cache]"),
    click.option(
        "--workers", type=click.IntRange(min=1), help="Images decoded at a time. [processors]"
    ),
)
_common = _stacked(
    _places,
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
    *cli_loop.OPTIONS,
    click.option(
        "--bits",
        type=click.Choice(["8", "16"]),
        default="8",
        show_default=True,
        help="Bits of a stored weight: 8 halve the file and change a picture by less than 0.1 %.",
    ),
)


def _knobs(options: type) -> Callable[[Command], Command]:
    """One command-line option a field of ``options``."""
    fields = dataclasses.fields(options)
    return _stacked(
        *(
            click.option(
                _spelled(field.name, field.default),
                default=field.default,
                is_flag=isinstance(field.default, bool),
                show_default=True,
                help=field.metadata["help"],
            )
            for field in fields
        )
    )


def _spelled(name: str, default: Any) -> str:
    """``--name``; what is on by default can be switched off by ``--no-name``."""
    name = name.replace("_", "-")
    return f"--{name}/--no-{name}" if default is True else f"--{name}"


@dataclasses.dataclass(frozen=True)
class _Target:
    """What to train on and where to put the result: the options that every command has."""

    sources: tuple[Path, ...]
    out: Path
    cache: Path | None
    family: str | None = None
    view: str = "crop"
    data_note: str = ""
    bits: str = "16"
    workers: int | None = None

    def images(self, options: Any, size: int | None = None) -> Images:
        """Decode at the size that random cuts need: the smallest cut still has ``size``.

        It is ``options.size`` unless given.
        """
        from pretrain import parallel
        from pretrain.data import load

        _check_writable(self.out)
        cli_loop.check_outside(self.out, self.sources)
        side = round((size or options.size) / getattr(options, "min_scale", 1.0))
        cache = self.cache or self.out / "cache"
        with parallel.first_alone():
            images = load(self.sources, size=side, cache=cache, workers=self.workers)
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
        weights.save(self.out, config, self.stored(prior.tensors()))
        click.echo(f"trained in {facts['seconds']} s", err=True)
        click.echo(str(self.out))

    def stored(self, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
        """The tensors in the precision asked for."""
        from inpaint.priors.packing import packed

        return packed(tensors) if self.bits == "8" else tensors


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

    _train(loop.train, given, GanOptions, several=True)


@group.command()
@_common
@_loop
@_knobs(VaeOptions)
def vae(**given: Any) -> None:
    """Train a VAE: encoder and decoder."""
    from pretrain import vae as loop

    _train(loop.train, given, VaeOptions, several=True)


@group.command()
@click.argument("prior")
@_places
@_loop
@_knobs(EncoderOptions)
def encoder(prior: str, **given: Any) -> None:
    """Train the start of PRIOR's searches: known pixels in, a guess of z out.

    PRIOR is a name or a folder; OUT becomes a copy of it with the network added.
    """
    from inpaint import registry
    from pretrain import encoder as loop

    frozen, folder = registry.load_prior(prior), registry.prior_folder(prior)
    loop.check(frozen, folder, given["out"], lpips=given["lpips"])
    _train(
        lambda images, options, plan: loop.train(images, frozen, options, plan),
        given,
        EncoderOptions,
        size=frozen.size,
        save=partial(_extend, folder),
    )


@group.command()
@_common
@_loop
@_knobs(RefinerOptions)
@click.option(
    "--prior",
    "priors",
    multiple=True,
    required=True,
    help="Prior whose fills are refined. Of several, prior i mod n fills image i: two priors, each "
    "fitted on the other's images, make fills as honest as those of new images.",
)
@click.option("--before", type=FOLDER, help="Refiner that runs first, for half of the fills.")
@click.option("--init", type=FOLDER, help="Refiner of the same sizes to go on from.")
def refiner(priors: tuple[str, ...], before: Path | None, init: Path | None, **given: Any) -> None:
    """Train a refiner of a prior's fills: cell rnn, lstm or attention."""
    from inpaint import registry
    from inpaint.weights import read_config
    from pretrain import refiner as loop

    frozen = [registry.load_prior(name) for name in priors]
    configs = [read_config(registry.prior_folder(name)) for name in priors]
    given["family"] = given["family"] or configs[0].get("family")
    first = loop.earlier(before) if before else None

    def train(images: Images, options: RefinerOptions, plan: Plan) -> tuple[Any, Outcome]:
        with bar() as progress:
            task = progress.add_task("fills")
            pairs = loop.fills.make(
                images,
                frozen,
                name=" ".join(str(config.get("sha256")) for config in configs),
                size=options.size,
                cache=given["cache"] or given["out"] / "cache",
                per_image=options.per_image,
                callback=lambda done, total: progress.update(task, completed=done, total=total),
            )
        return loop.train(pairs, options, plan, before=first, init=init)

    _train(train, given, RefinerOptions, save=_save_refiner)


def _save_refiner(target: _Target, network: Any, options: Any, **facts: Any) -> None:
    """Write the folder of a refiner, as the stages load it."""
    from inpaint import weights
    from inpaint.priors.convnets import halved

    config = {
        **network.config(),
        "family": target.family,
        "data": target.data_note,
        "training": {**dataclasses.asdict(options), **facts},
    }
    weights.save(target.out, config, target.stored(halved(refiner=network)))
    click.echo(f"trained in {facts['seconds']} s", err=True)
    click.echo(str(target.out))


def _extend(folder: Path, target: _Target, start: Any, options: Any, **facts: Any) -> None:
    """Write a copy of the prior in ``folder`` that has the network ``start``."""
    from inpaint import weights
    from inpaint.priors.convnets import halved

    config, tensors = weights.load(folder)
    kept = {k: v for k, v in tensors.items() if not k.startswith("start.")}
    training = {**dataclasses.asdict(options), **facts}
    config |= {"start": start.config(), "training_of_start": training}
    weights.save(target.out, config, {**kept, **target.stored(halved(start=start))})
    click.echo(f"trained in {facts['seconds']} s", err=True)
    click.echo(str(target.out))


def _train(
    train: Callable[[Images, Any, Plan], tuple[Any, Outcome]],
    given: dict[str, Any],
    kind: type,
    *,
    size: int | None = None,
    save: Callable[..., None] = _Target.save,
    several: bool = False,
) -> None:
    """Run a training loop and save what it made, even if it was stopped early.

    ``several``: whether several processes can share the loop.
    """
    from pretrain import parallel
    from pretrain.machine import describe

    target, options = _parts(given, kind)
    cli_loop.check(given, options, several=several)
    images = target.images(options, size)
    plan = cli_loop.plan(given, options, images=len(images))
    made, outcome = train(images, options, plan)
    seconds = round(outcome.seconds)
    if parallel.rank() == 0:
        facts = {"seconds": seconds, "images": len(images), "machine": describe(plan.device)}
        save(target, made, options, steps=outcome.step, **facts)
    parallel.finish()
    for warning in outcome.warnings:
        click.echo(f"Warning: {warning}", err=True)
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

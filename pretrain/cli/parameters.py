"""Options that several commands have, as decorators; those of a loop come from its dataclass."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from pretrain import presets

Command = Callable[..., None]
FOLDER = click.Path(path_type=Path)


def stacked(*decorators: Callable[[Command], Command]) -> Callable[[Command], Command]:
    """One decorator for several; ``--help`` lists them in this order."""

    def decorate(function: Command) -> Command:
        for one in reversed(decorators):
            function = one(function)
        return function

    return decorate


places = stacked(
    click.argument("sources", nargs=-1, required=True, type=FOLDER, metavar="DATA..."),
    click.option("--out", required=True, type=FOLDER, help="Folder of the result."),
    click.option("--cache", type=FOLDER, help="Folder for decoded images. [OUT/cache]"),
    click.option(
        "--workers", type=click.IntRange(min=1), help="Images decoded at a time. [processors]"
    ),
)
common = stacked(
    places,
    click.option("--family", help="Name that all priors of the same images share."),
    click.option(
        "--view",
        type=click.Choice(["crop", "whole"]),
        default="crop",
        show_default=True,
        help="whole if all images are framed alike, as aligned faces are.",
    ),
    click.option("--data-note", default="", help="What the data is, kept in the config."),
)
steps = stacked(
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
    click.option("--overwrite", is_flag=True, help="Start anew where OUT has a training already."),
    click.option(
        "--device",
        default="auto",
        show_default=True,
        help="auto, cpu, cuda, cuda:1 or mps; auto takes cuda if there is one.",
    ),
    click.option(
        "--compile", "compiled", is_flag=True, help="Compile the networks with torch.compile."
    ),
    click.option(
        "--tensorboard",
        is_flag=True,
        help="Write OUT/run/tensorboard; needs the extra 'train'.",
    ),
    click.option(
        "--bits",
        type=click.Choice(["8", "16"]),
        default="8",
        show_default=True,
        help="Bits of a stored weight: 8 halve the file and change a picture by less than 0.1 %.",
    ),
)


def knobs(options: type) -> Callable[[Command], Command]:
    """One command-line option for each field of the dataclass ``options``."""
    return stacked(
        *(
            click.option(
                _spelled(field.name, field.default),
                default=field.default,
                is_flag=isinstance(field.default, bool),
                show_default=True,
                help=field.metadata["help"],
            )
            for field in dataclasses.fields(options)
        )
    )


def _spelled(name: str, default: Any) -> str:
    """Return ``--name``, with ``--no-name`` for a flag that is on by default."""
    name = name.replace("_", "-")
    return f"--{name}/--no-{name}" if default is True else f"--{name}"


def preset(command: str) -> Callable[[Command], Command]:
    """The option ``--preset`` of a command: other defaults, over which its own options win."""

    def choose(ctx: click.Context, option: click.Parameter, name: str | None) -> str | None:
        if name is not None:
            texts = {key: str(value) for key, value in presets.OF[command][name].items()}
            ctx.default_map = {**(ctx.default_map or {}), **texts}
        return name

    return click.option(
        "--preset",
        type=click.Choice(presets.NAMES),
        callback=choose,
        is_eager=True,
        expose_value=False,
        help="How long: quick takes minutes on one core, good an hour or two, best a night. "
        "Other options win over it.",
    )

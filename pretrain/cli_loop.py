"""What the commands that train in steps share: their options, and what is looked at beforehand."""

from __future__ import annotations

import dataclasses
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from inpaint.errors import InpaintError, OutputError

if TYPE_CHECKING:
    from pretrain.run import Plan

OPTIONS = (
    click.option("--resume", is_flag=True, help="Go on from OUT/run/checkpoint.pt."),
    click.option("--overwrite", is_flag=True, help="Start anew where OUT has a training already."),
    click.option(
        "--device",
        default="auto",
        show_default=True,
        help="auto, cpu, cuda, cuda:1 or mps; auto: cuda if there is one.",
    ),
    click.option(
        "--compile", "compiled", is_flag=True, help="Put the networks through torch.compile."
    ),
    click.option(
        "--tensorboard", is_flag=True, help="Write OUT/run/tensorboard; needs inpaint[train]."
    ),
)


def plan(given: dict[str, Any], options: Any, *, images: int) -> Plan:
    """The plan of a command from its parameters, in a group of processes if there is one."""
    from pretrain import parallel
    from pretrain.run import Plan

    return Plan(
        out=given["out"] / "run",
        steps=given["steps"],
        minutes=given["time_limit"],
        save_every=given["save_every"],
        resume=given["resume"],
        batch=options.batch,
        device=parallel.start(given["device"]),
        compiled=given["compiled"],
        tensorboard=given["tensorboard"],
        options={**dataclasses.asdict(options), "images": images},
    )


def check(given: dict[str, Any], options: Any, *, several: bool) -> None:
    """Raise what would stop a training before anything is decoded; join the other processes.

    ``several``: whether this training can be split among processes. Raises OutputError where a
    training lies that would be lost, InpaintError for what is not there or cannot be.
    """
    from pretrain import log, parallel

    checkpoint = given["out"] / "run" / "checkpoint.pt"
    if checkpoint.exists() and not (given["resume"] or given["overwrite"]):
        raise OutputError(
            f"{checkpoint} is of an earlier training; use --resume to go on, --overwrite to start "
            "anew, or another --out"
        )
    if given["tensorboard"]:
        log.writer()
    if int(os.environ.get("WORLD_SIZE", 1)) > 1 and not several:
        raise InpaintError("this training runs in one process; start it without accelerate")
    parallel.start(given["device"])
    parallel.share(options.batch)
    if parallel.rank():
        sys.stdout = sys.stderr = open(os.devnull, "w")  # noqa: SIM115


def check_outside(out: Path, sources: tuple[Path, ...]) -> None:
    """Raise OutputError if the samples of a training would become its images."""
    for source in sources:
        if source.is_dir() and source.resolve() in (out.resolve(), *out.resolve().parents):
            raise OutputError(
                f"{out} lies inside the images of {source}; name an --out outside of it"
            )

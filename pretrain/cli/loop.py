"""How a command trains in steps: the checks before it, the plan, and saving the result."""

from __future__ import annotations

import dataclasses
import os
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

from inpaint.errors import InpaintError, OutputError
from pretrain.cli.target import Target, parts

if TYPE_CHECKING:
    from pretrain.data import Images
    from pretrain.run import Outcome, Plan


def run_training(
    train: Callable[[Images, Any, Plan], tuple[Any, Outcome]],
    given: dict[str, Any],
    kind: type,
    *,
    size: int | None = None,
    save: Callable[..., None] = Target.save_prior,
    several: bool = False,
) -> None:
    """Run a training loop and save what it made, even if it was stopped early.

    Parameters
    ----------
    train : callable
        ``train(images, options, plan)`` -> what it made, and how it ended.
    given : dict
        The command's parameters by name.
    kind : type
        Dataclass of the loop's options.
    size : int, optional
        Side of the images in pixels, where it is none of the options.
    save : callable
        ``save(target, made, options, **facts)``.
    several : bool
        Whether several processes can share the loop.
    """
    from pretrain import parallel
    from pretrain.machine import describe

    target, options = parts(given, kind)
    _check(given, options, several=several)
    images = target.images(options, size)
    plan = _plan(given, options, images=len(images))
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


def _check(given: dict[str, Any], options: Any, *, several: bool) -> None:
    """Raise before any image is decoded what would stop the training; join the other processes.

    Raises OutputError where an earlier training would be lost, and InpaintError for options that
    cannot be honoured here.
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


def _plan(given: dict[str, Any], options: Any, *, images: int) -> Plan:
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

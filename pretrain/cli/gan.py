"""``pretrain gan``: a DCGAN, or with ``--classes`` a class-conditional one."""

from __future__ import annotations

from functools import partial
from typing import Any

import click

from pretrain.cli import loop
from pretrain.cli.parameters import common, knobs, preset, steps
from pretrain.options import GanOptions


@click.command(name="gan")
@common
@preset("gan")
@steps
@knobs(GanOptions)
@click.option(
    "--init", help="Trained GAN to go on from, of this --size, or of half of it, which is grown."
)
def command(init: str | None, **given: Any) -> None:
    """Train a DCGAN: generator and discriminator."""
    from inpaint.zoo import registry
    from pretrain import gan

    folder = registry.prior_folder(init) if init else None
    loop.run_training(partial(gan.train, init=folder), given, GanOptions, several=True)

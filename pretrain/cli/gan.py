"""``pretrain gan``: a DCGAN, or with ``--classes`` a class-conditional one."""

from __future__ import annotations

from typing import Any

import click

from pretrain.cli import loop
from pretrain.cli.parameters import common, knobs, steps
from pretrain.options import GanOptions


@click.command(name="gan")
@common
@steps
@knobs(GanOptions)
def command(**given: Any) -> None:
    """Train a DCGAN: generator and discriminator."""
    from pretrain import gan

    loop.run(gan.train, given, GanOptions, several=True)

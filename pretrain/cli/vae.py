"""``pretrain vae``: a VAE, plain, spatial or adversarial."""

from __future__ import annotations

from typing import Any

import click

from pretrain.cli import loop
from pretrain.cli.parameters import common, knobs, preset, steps
from pretrain.options import VaeOptions


@click.command(name="vae")
@common
@preset("vae")
@steps
@knobs(VaeOptions)
def command(**given: Any) -> None:
    """Train a VAE: encoder and decoder."""
    from pretrain import vae

    loop.run_training(vae.train, given, VaeOptions, several=True)

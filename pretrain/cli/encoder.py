"""``pretrain encoder``: an amortised start for the searches of a trained prior."""

from __future__ import annotations

from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

import click

from pretrain.cli import loop
from pretrain.cli.parameters import knobs, places, preset, steps
from pretrain.cli.target import Target
from pretrain.options import EncoderOptions


@click.command(name="encoder")
@click.argument("prior")
@places
@preset("encoder")
@steps
@knobs(EncoderOptions)
def command(prior: str, **given: Any) -> None:
    """Train a network that guesses, from the known pixels, where searches of PRIOR begin.

    PRIOR is a name or a folder; OUT becomes a copy of it with the network added.
    """
    from inpaint.zoo import registry
    from pretrain import encoder

    frozen, folder = registry.load_prior(prior), registry.prior_folder(prior)
    encoder.check(frozen, folder, given["out"], lpips=given["lpips"])
    loop.run_training(
        lambda images, options, plan: encoder.train(images, frozen, options, plan),
        given,
        EncoderOptions,
        size=frozen.size,
        save=partial(_save, folder),
    )


def _save(folder: Path, target: Target, start: Any, options: Any, **facts: Any) -> None:
    """Write a copy of the prior in ``folder`` that has the network ``start``."""
    from inpaint.priors.convnets import halved
    from inpaint.zoo import weights

    config, tensors = weights.load(folder)
    kept = {k: v for k, v in tensors.items() if not k.startswith("start.")}
    config |= {"start": start.config(), "training_of_start": {**asdict(options), **facts}}
    stored = target.stored(halved(start=start))
    target.write(config, {**kept, **stored}, facts["seconds"])

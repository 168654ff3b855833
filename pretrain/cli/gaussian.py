"""``pretrain gaussian``: probabilistic PCA in closed form."""

from __future__ import annotations

import time
from typing import Any

import click

from inpaint.cli.progress import bar
from pretrain.cli.parameters import common, knobs
from pretrain.cli.target import parts
from pretrain.options import GaussianOptions


@click.command(name="gaussian")
@common
@knobs(GaussianOptions)
def command(**given: Any) -> None:
    """Fit probabilistic PCA, whose fills have a closed form; takes seconds."""
    from pretrain import gaussian

    target, options = parts(given, GaussianOptions)
    images = target.images(options)
    started = time.monotonic()
    with bar() as progress:
        task = progress.add_task("covariance")
        prior = gaussian.train(
            images,
            options,
            callback=lambda done, total: progress.update(task, completed=done, total=total),
        )
    seconds = round(time.monotonic() - started)
    target.save_prior(prior, options, seconds=seconds, images=len(images))

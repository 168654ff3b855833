"""``pretrain finder``: a network that finds faces in photos, also where a hole covers a part."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from pretrain.cli import loop
from pretrain.cli.parameters import FOLDER, common, knobs, steps
from pretrain.cli.target import Target
from pretrain.options import FinderOptions

if TYPE_CHECKING:
    from pretrain.composed import Composer
    from pretrain.data import Images
    from pretrain.run import Outcome, Plan

PORTRAIT = 128  # side at which the portraits are kept, and pictures of places seen whole


@click.command(name="finder")
@common
@steps
@knobs(FinderOptions)
@click.option(
    "--places",
    multiple=True,
    required=True,
    type=FOLDER,
    help="Pictures without faces, of about 128 px.",
)
@click.option("--fine", multiple=True, type=FOLDER, help="Larger pictures without faces.")
@click.option(
    "--held-out", type=FOLDER, help="Portraits to measure on at each checkpoint; never learnt."
)
@click.option(
    "--held-out-places",
    multiple=True,
    type=FOLDER,
    help="Pictures without faces to measure on.  [those of the training]",
)
def command(
    places: tuple[Path, ...],
    fine: tuple[Path, ...],
    held_out: Path | None,
    held_out_places: tuple[Path, ...],
    **given: Any,
) -> None:
    """Train a network that finds faces like the portraits DATA in pictures of places."""
    from pretrain import data, finder
    from pretrain.composed import Composer

    cache = given["cache"] or given["out"] / "cache"

    def loaded(sources: tuple[Path, ...], side: int) -> Images:
        return data.load(sources, size=side, cache=cache, workers=given["workers"])

    def train(images: Images, options: FinderOptions, plan: Plan) -> tuple[Any, Outcome]:
        grounds = [loaded(places, PORTRAIT)]
        grounds += [loaded(fine, options.fine_side)] if fine else []
        size, seed = options.size, options.seed
        apart: Composer | None = None
        if held_out:
            others = [loaded(held_out_places, PORTRAIT)] if held_out_places else grounds
            faces = loaded((held_out,), PORTRAIT)
            apart = Composer.make(faces, tuple(others), size=size, seed=seed + 1)
        composer = Composer.make(images, tuple(grounds), size=size, seed=seed)
        return finder.train(composer, options, plan, held_out=apart)

    loop.run_training(train, given, FinderOptions, size=PORTRAIT, save=_save)


def _save(target: Target, network: Any, options: Any, **facts: Any) -> None:
    """Write the folder of a finder, as ``inpaint.faces`` loads it."""
    from inpaint.priors.convnets import halved

    config = {
        **network.config(),
        "family": target.family,
        "data": target.data_note,
        "training": {**asdict(options), **facts},
    }
    target.write(config, target.stored(halved(finder=network)), facts["seconds"])

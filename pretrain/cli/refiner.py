"""``pretrain refiner``: a network that refines the fills of trained priors."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from inpaint.cli.progress import bar
from inpaint.errors import InpaintError
from pretrain.cli import loop
from pretrain.cli.parameters import FOLDER, common, knobs, preset, steps
from pretrain.cli.target import Target
from pretrain.options import RefinerOptions

if TYPE_CHECKING:
    from inpaint.priors import Prior
    from pretrain.data import Images
    from pretrain.run import Outcome, Plan


@click.command(name="refiner")
@common
@preset("refiner")
@steps
@knobs(RefinerOptions)
@click.option(
    "--prior",
    "priors",
    multiple=True,
    required=True,
    help="Prior whose fills are refined. Of several, prior i mod n fills image i.",
)
@click.option(
    "--folds",
    type=click.IntRange(min=2),
    help="Fit so many Gaussians like PRIOR. Each fills the share of the images on which it was not "
    "fitted, because a prior fills the images that it was fitted on too well.",
)
@click.option("--before", type=FOLDER, help="Refiner that runs first, for half of the fills.")
@click.option("--init", type=FOLDER, help="Refiner of the same sizes to go on from.")
def command(
    priors: tuple[str, ...],
    folds: int | None,
    before: Path | None,
    init: Path | None,
    **given: Any,
) -> None:
    """Train a refiner of a prior's fills: cell rnn, lstm or attention."""
    from inpaint.zoo import registry
    from inpaint.zoo.weights import read_config
    from pretrain import crossfit, fills, refiner

    if folds and len(priors) > 1:
        raise InpaintError(f"--folds takes one --prior, got {len(priors)}; leave all but one away")
    configs = [read_config(registry.prior_folder(name)) for name in priors]
    given["family"] = given["family"] or configs[0].get("family")
    first = refiner.earlier(before) if before else None
    if folds:
        crossfit.check(configs[0])
    frozen = [] if folds else [registry.load_prior(name) for name in priors]
    name = " ".join(str(config.get("sha256")) for config in configs)

    def train(images: Images, options: RefinerOptions, plan: Plan) -> tuple[Any, Outcome]:
        with bar() as progress:
            task = progress.add_task("fills")

            def fitted() -> Sequence[Prior]:
                if not folds:
                    return frozen
                fits = progress.add_task("priors")
                return crossfit.priors(
                    images,
                    configs[0],
                    folds,
                    callback=lambda done, total: progress.update(fits, completed=done, total=total),
                )

            pairs = fills.make(
                images,
                fitted,
                count=folds or len(frozen),
                name=f"{name} in {folds} folds" if folds else name,
                size=options.size,
                cache=given["cache"] or given["out"] / "cache",
                per_image=options.per_image,
                callback=lambda done, total: progress.update(task, completed=done, total=total),
            )
        return refiner.train(pairs, options, plan, before=first, init=init)

    loop.run_training(train, given, RefinerOptions, save=_save)


def _save(target: Target, network: Any, options: Any, **facts: Any) -> None:
    """Write the folder of a refiner, as the stages load it."""
    from inpaint.priors.convnets import halved

    config = {
        **network.config(),
        "family": target.family,
        "data": target.data_note,
        "training": {**asdict(options), **facts},
    }
    target.write(config, target.stored(halved(refiner=network)), facts["seconds"])

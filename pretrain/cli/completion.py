"""``pretrain completion``: a network that draws large holes, guided by a Gaussian's fill."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from inpaint.cli.progress import bar
from pretrain.cli import loop
from pretrain.cli.parameters import FOLDER, common, knobs, preset, steps
from pretrain.cli.target import Target
from pretrain.options import CompletionOptions

if TYPE_CHECKING:
    from inpaint.priors.gaussian import Gaussian
    from pretrain.data import Images
    from pretrain.guided import Guided
    from pretrain.run import Outcome, Plan


@click.command(name="completion")
@common
@preset("completion")
@steps
@knobs(CompletionOptions)
@click.option("--prior", required=True, help="Gaussian prior whose fills guide the network.")
@click.option(
    "--also",
    multiple=True,
    help="Another prior, whose search fills a quarter of the views; several take turns.",
)
@click.option(
    "--folds",
    type=click.IntRange(min=2),
    default=4,
    show_default=True,
    help="Fit so many Gaussians like PRIOR. Each fills the share of the images on which it was not "
    "fitted, because a prior fills the images that it was fitted on too well.",
)
@click.option(
    "--held-out",
    multiple=True,
    type=FOLDER,
    help="Images on which the network is measured at each checkpoint; they are not trained on.",
)
@click.option(
    "--fine",
    multiple=True,
    type=FOLDER,
    help="Larger pictures, cut at other scales, for a share of the steps.",
)
@click.option(
    "--init", help="Completion network of the same width to go on from: shipped, or a folder."
)
def command(
    prior: str,
    also: tuple[str, ...],
    folds: int,
    held_out: tuple[Path, ...],
    fine: tuple[Path, ...],
    init: str | None,
    **given: Any,
) -> None:
    """Train a network that draws large holes in one pass, guided by a Gaussian."""
    from inpaint.zoo import registry
    from inpaint.zoo.weights import read_config
    from pretrain import completion, crossfit, data, guided

    config = read_config(registry.prior_folder(prior))
    crossfit.check(config)
    others = [registry.load_prior(name) for name in also]
    named = [str(read_config(registry.prior_folder(name)).get("sha256")) for name in also]
    first = registry.refiner_named(init) if init else None
    given["family"] = given["family"] or config.get("family")
    cache = given["cache"] or given["out"] / "cache"

    def made(
        images: Images, options: CompletionOptions, *, fine: bool = False, honest: bool = True
    ) -> Guided:
        """Return views with guides; ``honest`` ones come from Gaussians not fitted on the image."""
        given_by = named if honest else []
        with bar() as progress:
            task = progress.add_task("guides")

            def fitted() -> Sequence[Gaussian]:
                if not honest:
                    return [registry.load_prior(prior)]  # type: ignore[list-item]
                fits = progress.add_task("priors")
                return crossfit.priors(
                    images,
                    config,
                    folds,
                    callback=lambda done, total: progress.update(fits, completed=done, total=total),
                )

            return guided.make(
                images,
                fitted,
                count=folds if honest else 1,
                name=" ".join(
                    [str(config.get("sha256")), f"in {folds if honest else 1}", *given_by]
                ),
                size=options.fine_size if fine else options.size,
                cache=cache,
                per_image=options.fine_per_image if fine else options.per_image if honest else 1,
                min_scale=options.fine_scale if fine else options.min_scale,
                pose=options.pose and honest,
                published=options.published,
                others=others if honest else (),
                seed=options.seed if honest else options.seed + 1,
                callback=lambda done, total: progress.update(task, completed=done, total=total),
            )

    def train(images: Images, options: CompletionOptions, plan: Plan) -> tuple[Any, Outcome]:
        apart = larger = None
        if held_out:
            side = round(options.size / options.min_scale)
            others = data.load(held_out, size=side, cache=cache, workers=given["workers"])
            apart = made(others, options, honest=False)
        if fine:
            more = data.load(fine, size=options.fine_side, cache=cache, workers=given["workers"])
            larger = made(more, options, fine=True, honest=False)
        items = made(images, options)
        return completion.train(items, options, plan, fine=larger, held_out=apart, init=first)

    loop.run_training(train, given, CompletionOptions, save=_save)


def _save(target: Target, network: Any, options: Any, **facts: Any) -> None:
    """Write the folder of a network, as the stages load it."""
    from inpaint.priors.convnets import halved

    config = {
        **network.config(),
        "family": target.family,
        "view": target.view,
        "data": target.data_note,
        "training": {**asdict(options), **facts},
    }
    target.write(config, target.stored(halved(refiner=network)), facts["seconds"])

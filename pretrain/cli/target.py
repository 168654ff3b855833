"""The images that a command trains on, and the folder of its result."""

from __future__ import annotations

import os
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from inpaint.cli.progress import bar
from inpaint.errors import OutputError

if TYPE_CHECKING:
    from torch import Tensor

    from pretrain.data import Images


NAMED = 10  # files to name of each kind that is left out


@dataclass(frozen=True)
class Target:
    """The options that every training command has."""

    sources: tuple[Path, ...]
    out: Path
    cache: Path | None
    family: str | None = None
    view: str = "crop"
    data_note: str = ""
    bits: str = "16"
    workers: int | None = None

    def images(self, options: Any, size: int | None = None) -> Images:
        """Decode the images so that the smallest random cut still has ``size``.

        It is ``options.size`` unless given. Raises OutputError where the result could not be
        written, or would become an image of the next training.
        """
        from pretrain import parallel
        from pretrain.data import load

        _check_writable(self.out)
        _check_outside(self.out, self.sources)
        side = round((size or options.size) / getattr(options, "min_scale", 1.0))
        cache = self.cache or self.out / "cache"
        with parallel.first_alone(), bar(quiet=parallel.rank() > 0) as progress:
            progress.add_task("decode images", total=None)
            images = load(self.sources, size=side, cache=cache, workers=self.workers)
        count = len(images.skipped)
        skipped = f", {count} {'file' if count == 1 else 'files'} skipped" if count else ""
        beside = [mask for source in self.sources for mask in _masks_beside(source)]
        left = f", {len(beside)} masks beside images left out" if beside else ""
        click.echo(f"{len(images)} images of {side} px{skipped}{left}", err=True)
        for reason in images.reasons[:NAMED]:
            click.echo(f"  skipped {reason}", err=True)
        for name in beside[:NAMED]:
            click.echo(f"  left out {name}", err=True)
        return images

    def save_prior(self, prior: Any, options: Any, **facts: Any) -> None:
        """Write the folder of a prior (``inpaint.priors.Prior``) with the facts of its training."""
        config = {
            **prior.config(),
            "family": self.family or self.out.name,
            "view": self.view,
            "data": self.data_note,
            "training": {**asdict(options), **facts},
        }
        self.write(config, self.stored(prior.tensors()), facts["seconds"])

    def write(self, config: dict[str, Any], tensors: dict[str, Tensor], seconds: int) -> None:
        """Write weights and say where they are."""
        from inpaint.zoo import weights

        weights.save(self.out, config, tensors)
        click.echo(f"trained in {seconds} s", err=True)
        click.echo(str(self.out))

    def stored(self, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
        """The tensors in the precision asked for."""
        from inpaint.priors.packing import packed

        return packed(tensors) if self.bits == "8" else tensors


def _masks_beside(source: Path) -> list[str]:
    """Masks that lie beside the images of a folder or tar, which are not learned."""
    from inpaint.evaluate.data import survey

    return survey(source).masks


def parts(given: dict[str, Any], options: type) -> tuple[Target, Any]:
    """Sort a command's parameters into the target and the options of its loop."""
    names = {field.name for field in fields(Target)}
    target = Target(**{k: v for k, v in given.items() if k in names})
    knobs = {field.name for field in fields(options)}
    return target, options(**{k: v for k, v in given.items() if k in knobs})


def _check_writable(out: Path) -> None:
    """Raise an error now that the end of a long training would raise, without writing."""
    place = next(p for p in (out.absolute(), *out.absolute().parents) if p.exists())
    if not (place.is_dir() and os.access(place, os.W_OK | os.X_OK)):
        raise OutputError(
            f"{out}: cannot be made, {place} is not a folder to write in; name another --out"
        )


def _check_outside(out: Path, sources: tuple[Path, ...]) -> None:
    """Raise OutputError if the samples of a training would become its images."""
    for source in sources:
        if source.is_dir() and source.resolve() in (out.resolve(), *out.resolve().parents):
            raise OutputError(
                f"{out} lies inside the images of {source}; name an --out outside of it"
            )

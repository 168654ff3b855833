"""``inpaint fill``: one image in, its hole filled, one image out."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from inpaint import classes, registry
from inpaint.cli.progress import bar
from inpaint.errors import OutputError

if TYPE_CHECKING:
    import numpy as np
    from torch import Tensor

    from inpaint.images import Picture
    from inpaint.pipeline import Result


@click.command(name="fill")
@click.argument("image", type=click.Path(path_type=Path))
@click.option("--mask", required=True, help="Mask image, white = hole; or 'alpha': transparent.")
@click.option("--out", required=True, type=click.Path(path_type=Path), help="Where to write.")
@click.option("--prior", default="auto", show_default=True, help="Name, folder, or auto.")
@click.option("--class", "class_name", help="Class to steer a class-conditional prior.")
@click.option("--mode", default="sharp", show_default=True, type=click.Choice(["sharp", "psnr"]))
@click.option(
    "--stage",
    "stages",
    multiple=True,
    help=f"After the search, in this order: {', '.join(registry.stages())}, or none. [auto]",
)
@click.option(
    "--candidates", default=1, show_default=True, type=click.IntRange(1), help="How many fills."
)
@click.option("--steps", type=click.IntRange(min=0), help="Search steps. [the prior's own]")
@click.option("--seed", default=0, show_default=True, type=click.IntRange(0, 2**62))
@click.option("--device", default="auto", show_default=True, help="auto, cpu, cuda or mps.")
@click.option("--grow", default=0.0, show_default=True, help="Widen the hole by this many pixels.")
@click.option("--invert", is_flag=True, help="The mask is black where the hole is.")
@click.option("--quality", type=click.IntRange(1, 100), help="JPEG or WebP quality. [as input]")
@click.option("--trace", type=click.Path(path_type=Path), help="New folder to show the search in.")
@click.option("--explain", is_flag=True, help="Say what was chosen for each hole, and why.")
@click.option("--json", "as_json", is_flag=True, help="Print the report as JSON.")
def command(
    image: Path,
    mask: str,
    out: Path,
    prior: str,
    class_name: str | None,
    mode: str,
    stages: tuple[str, ...],
    candidates: int,
    steps: int | None,
    seed: int,
    device: str,
    grow: float,
    invert: bool,
    quality: int | None,
    trace: Path | None,
    explain: bool,
    as_json: bool,
) -> None:
    """Fill the hole of IMAGE; pixels outside the mask come back bit-identical.

    With --candidates 3, OUT gets the most likely fill, and two more are written beside it as
    OUT-2 and OUT-3.
    """
    from inpaint import images

    if class_name is not None:
        prior = classes.prior_of(prior, class_name)
    outs = _outputs(out, candidates, inputs=[image, Path(mask)], trace=trace)
    picture = images.read(image)
    images.check_writable(out, picture=picture)
    hole = _hole(picture, mask, invert=invert, grow=grow)

    # torch loads only now: everything above can fail in a tenth of a second.
    from inpaint.pipeline import complete
    from inpaint.trace import Trace

    recorder = Trace(trace) if trace else None
    with bar() as progress:
        task = progress.add_task("search", total=None)

        def tell(crop: int, crops: int, steps: int, step: int, terms: dict[str, Tensor]) -> None:
            done = crop * (steps + 1) + step + 1
            progress.update(task, total=crops * (steps + 1), completed=done)
            if recorder:
                recorder(crop, step, steps, terms)

        result = complete(
            picture,
            hole,
            prior=prior,
            class_name=class_name,
            mode=mode,
            stages=_stages(stages),
            candidates=candidates,
            seed=seed,
            device=device,
            opaque=mask == "alpha",
            callback=tell,
            **({} if steps is None else {"steps": steps}),
        )
    for path, filled in zip(outs, result.pictures, strict=True):
        images.write(path, filled, quality=quality)
    if recorder:
        recorder.write(picture, hole, result.pictures[0])
    if explain:
        _explain(result)
    _report(result, outs, int(hole.sum()), as_json=as_json)


def _outputs(out: Path, candidates: int, *, inputs: list[Path], trace: Path | None) -> list[Path]:
    """Paths to write, all of them checked before anything is computed."""
    from inpaint import images

    others = (out.with_name(f"{out.stem}-{k}{out.suffix}") for k in range(2, candidates + 1))
    outs = [out, *others]
    taken = {path.resolve() for path in inputs}
    for path in outs:
        if path.resolve() in taken:
            raise OutputError(f"{path}: is an input; inputs are never modified, name another --out")
        if trace and path.resolve().parent == trace.resolve():
            raise OutputError(f"{path}: lies in the --trace folder; name another place for one")
        images.check_writable(path)
    return outs


def _hole(picture: Picture, mask: str, *, invert: bool, grow: float) -> np.ndarray:
    from inpaint import masks

    shape = (picture.height, picture.width)
    if mask == "alpha":
        hole = masks.from_alpha(picture)
    else:
        hole = masks.load(Path(mask), shape=shape, invert=invert)
    if grow:
        hole = masks.grow(hole, grow)
    masks.check(hole, shape)
    return hole


def _stages(names: tuple[str, ...]) -> tuple[str, ...]:
    if names == ("none",):
        return ()
    return names or ("auto",)


def _explain(result: Result) -> None:
    """One block of lines a crop on stderr: prior, way, stages, each with its reason."""
    for number, one in enumerate(result.reports, 1):
        top, left, bottom, right = one.box
        click.echo(f"hole {number}, seen within x {left}-{right}, y {top}-{bottom}:", err=True)
        if one.evidence:
            likely = ", ".join(f"{k} {v:.2f}" for k, v in one.evidence.items())
            reason = f"log evidence a known value: {likely}"
        else:
            reason = "asked for"
        click.echo(f"  prior   {one.prior} ({reason})", err=True)
        click.echo(f"  way     {one.method} ({one.why})", err=True)
        click.echo(f"  stages  {' + '.join(one.stages) or 'none'}", err=True)


def _report(result: Result, outs: list[Path], pixels: int, *, as_json: bool) -> None:
    if as_json:
        report = {
            "out": [str(p) for p in outs],
            "seconds": round(result.seconds, 3),
            "crops": [asdict(r) for r in result.reports],
        }
        click.echo(json.dumps(report))
        return
    names = ", ".join(sorted({r.prior for r in result.reports}))
    click.echo(f"filled {pixels} pixels with {names} in {result.seconds:.1f} s", err=True)
    for path in outs:
        click.echo(str(path))

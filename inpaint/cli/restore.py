"""``inpaint restore``: denoises, enlarges or colourises one image."""

from __future__ import annotations

import json
from pathlib import Path

import click

from inpaint.cli.progress import bar
from inpaint.errors import OutputError
from inpaint.zoo import registry


@click.command(name="restore")
@click.argument("image", type=click.Path(path_type=Path))
@click.option("--task", required=True, type=click.Choice(registry.tasks()))
@click.option("--out", required=True, type=click.Path(path_type=Path), help="Where to write.")
@click.option("--prior", default="auto", show_default=True, help="A name, a folder, or auto.")
@click.option(
    "--noise",
    type=click.FloatRange(0, 255),
    metavar="SIGMA",
    help="Standard deviation of the noise, 0 to 255. [denoise: estimated; other tasks: 0]",
)
@click.option("--scale", type=click.Choice(["2", "4"]), help="For superres. [2]")
@click.option("--seed", default=0, show_default=True, type=click.IntRange(0, 2**62))
@click.option(
    "--device",
    default="auto",
    show_default=True,
    help="auto, cpu, cuda or mps: where the priors run; all else runs on the CPU.",
)
@click.option("--quality", type=click.IntRange(1, 100), help="JPEG or WebP quality. [as input]")
@click.option("--json", "as_json", is_flag=True, help="Print the report as JSON.")
def command(
    image: Path,
    task: str,
    out: Path,
    prior: str,
    noise: float | None,
    scale: str | None,
    seed: int,
    device: str,
    quality: int | None,
    as_json: bool,
) -> None:
    """Denoise, enlarge (superres) or colourise IMAGE with the priors that fill holes.

    The priors know most about aligned faces of 64 px; photos are restored in windows, at any size.
    """
    from inpaint import images

    if scale and task != "superres":
        raise click.UsageError(f"--scale is for --task superres; {task} keeps the size")
    if out.resolve() == image.resolve():
        raise OutputError(f"{out}: is an input; inputs are never modified, name another --out")
    images.check_writable(out)
    picture = images.read(image)
    images.check_writable(out, picture=picture)
    if prior != "auto":
        registry.check_prior(prior)

    # torch loads only now: everything above can fail in a tenth of a second.
    from inpaint.restore import restore_picture

    with bar() as progress:
        line = progress.add_task(task, total=None)
        result = restore_picture(
            picture,
            task=task,
            prior=prior,
            noise=noise,
            scale=int(scale or 2),
            seed=seed,
            device=device,
            callback=lambda done, total: progress.update(line, total=total, completed=done),
        )
    images.write(out, result.picture, quality=quality)
    if as_json:
        report = {
            "out": str(out),
            "task": task,
            "prior": result.prior,
            "noise": round(result.noise, 3),
            "windows": result.windows,
            "evidence": result.evidence,
            "seconds": round(result.seconds, 3),
        }
        click.echo(json.dumps(report))
        return
    noisy = f", noise {result.noise:.1f}" if result.noise else ""
    click.echo(f"{task} with {result.prior}{noisy} in {result.seconds:.1f} s", err=True)
    click.echo(str(out))

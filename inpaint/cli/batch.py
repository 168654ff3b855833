"""``inpaint batch``: fills the holes of all images in a folder."""

from __future__ import annotations

import sys
from functools import partial
from typing import TYPE_CHECKING

import click

from inpaint.cli import batch_output, filling
from inpaint.cli.errors import FAILED, INTERRUPTED
from inpaint.cli.filling import CLASS, DEVICE, MODE, PRIOR, SEED, STAGES
from inpaint.cli.progress import bar
from inpaint.errors import InpaintError, UnknownNameError
from inpaint.zoo import classes, registry

if TYPE_CHECKING:
    from inpaint.batch.rows import Row


@click.command(name="batch")
@click.argument("images")
@click.option(
    "--masks",
    help="A folder of masks (a.png, a_mask.png or a.jpg.png for a.jpg; it may be IMAGES itself), "
    "one mask for all images, or alpha: the erased part of each image. White is the hole.",
)
@filling.mask_labels
@click.option("--coco", metavar="FILE", help="Remove the objects that COCO annotations mark.")
@click.option("--labelme", metavar="DIR", help="The same with labelme files, one for each image.")
@click.option("--yolo", metavar="DIR", help="The same with YOLO label files, one for each image.")
@click.option("--voc", metavar="DIR", help="The same with PASCAL VOC files, one for each image.")
@click.option(
    "--annotations", metavar="FILE", help="The same with a file of Label Studio, CVAT (XML) or VIA."
)
@click.option(
    "--category", "categories", multiple=True, help="Remove only these objects; repeat for several."
)
@click.option(
    "--unannotated",
    type=click.Choice(["copy", "skip"]),
    help="Copy images without such objects, or leave them out. [copy]",
)
@click.option("--out", required=True, help="Folder to write; subfolders and names are kept.")
@click.option(
    "--format",
    "format_",
    default="keep",
    show_default=True,
    type=click.Choice(["keep", "png", "jpg", "webp"]),
    help="Format of the outputs.",
)
@click.option("--prior", default="auto", show_default=True, help=PRIOR)
@click.option("--class", "class_name", help=CLASS)
@click.option(
    "--mode", default="sharp", show_default=True, type=click.Choice(["sharp", "psnr"]), help=MODE
)
@click.option("--stage", "stages", multiple=True, help=STAGES)
@filling.faces_option
@click.option(
    "--steps", type=click.IntRange(min=0), help="Steps of the search. [as the prior says]"
)
@click.option("--seed", default=0, show_default=True, type=click.IntRange(0, 2**62), help=SEED)
@click.option("--device", default="auto", show_default=True, help=DEVICE)
@click.option(
    "--grow",
    type=float,
    help="Widen the holes by so many pixels. [masks: 0; objects: 3 % of their size, or their blur]",
)
@click.option("--invert", is_flag=True, help="The masks are black where the hole is.")
@click.option(
    "--quality", type=click.IntRange(1, 100), help="Quality of JPEG and WebP. [as in the input]"
)
@click.option("--keep-times", is_flag=True, help="Give outputs the file times of their inputs.")
@click.option(
    "--workers",
    type=click.IntRange(min=0),
    help="How many processes; 0 works in this one. [all cores]",
)
@click.option(
    "--memory",
    "--batch-memory",
    "memory",
    help="Memory of all workers together, such as 4G. [80 % of the machine's]",
)
@click.option(
    "--engine",
    default="local",
    show_default=True,
    type=click.Choice(["local", "ray"]),
    help="ray works on the cluster at RAY_ADDRESS, or on this machine without one.",
)
@click.option(
    "--overwrite",
    is_flag=True,
    help="Fill all images again, and replace other files in their place.",
)
@click.option("--check", is_flag=True, help="List what would be done, and write nothing.")
@click.option("--report", metavar="FILE.jsonl", help="Write a line on each image into this file.")
@click.option("--json", "as_json", is_flag=True, help="Print the summary as JSON.")
def command(
    images: str,
    masks: str | None,
    mask_labels: str | None,
    coco: str | None,
    labelme: str | None,
    yolo: str | None,
    voc: str | None,
    annotations: str | None,
    categories: tuple[str, ...],
    unannotated: str | None,
    out: str,
    format_: str,
    prior: str,
    class_name: str | None,
    mode: str,
    stages: tuple[str, ...],
    faces: bool,
    steps: int | None,
    seed: int,
    device: str,
    grow: float | None,
    invert: bool,
    quality: int | None,
    keep_times: bool,
    workers: int | None,
    memory: str | None,
    engine: str,
    overwrite: bool,
    check: bool,
    report: str | None,
    as_json: bool,
) -> int:
    """Fill the holes of all IMAGES, a folder with its subfolders.

    If it was stopped, failed or was killed, the same command goes on where it was. Finished images
    are kept, unless their inputs or the options have changed. The bytes of an output do not depend
    on the folder, the number of workers or the engine. Places may be URLs such as s3://bucket/x, if
    their fsspec package is installed.
    """
    from inpaint.batch import shares
    from inpaint.batch.control import Stop
    from inpaint.batch.options import Options
    from inpaint.batch.run import fill_folder

    # Only a program that calls this command in its own process has images in memory.
    if out.startswith("memory:") and not images.startswith("memory:"):
        raise InpaintError("memory:// is forgotten when the command ends; give a folder or a URL")
    given = {"coco": coco, "labelme": labelme, "yolo": yolo, "voc": voc}
    given["annotations"] = annotations
    kind, place = _marked(masks, given)
    if kind is None:
        if categories or unannotated:
            raise click.UsageError("--category and --unannotated are for annotations; give --coco")
        if masks == "alpha":
            filling.refuse_mask_options(mask_labels, invert=invert)
    elif mask_labels or invert:
        raise click.UsageError(f"--mask-labels and --invert are for masks, not for --{kind}")
    if class_name is not None:
        prior = classes.prior_of(prior, class_name)
    if stages not in (("none",), ("auto",)):
        for unknown in set(stages) - set(registry.stages()):
            raise UnknownNameError("stage", unknown, registry.stages())
    options = Options(
        prior=prior,
        class_name=class_name,
        mode=mode,
        stages=() if stages == ("none",) else stages or ("auto",),
        faces=faces,
        steps=steps,
        seed=seed,
        device=device,
        grow=0.0 if kind or grow is None else grow,
        invert=invert,
        format=format_,
        quality=quality,
        keep_times=keep_times,
        mask_labels=mask_labels,
        objects=kind,
        categories=categories or None,
        margin=grow if kind else None,
        unannotated=(unannotated or "copy") if kind else None,
    )
    stop = Stop()
    listing = check and sys.stdout.isatty()  # its lines tell how far it is
    with bar(quiet=listing) as progress, stop.listening(partial(batch_output.ending, engine)):
        tell = batch_output.teller(progress, "check" if check else "fill")

        def each(done: int, total: int, row: Row) -> None:
            tell(done, total, row)
            if check:
                batch_output.listed(row, none="-" if kind else "alpha")

        summary = fill_folder(
            images,
            place,
            out,
            options=options,
            engine=engine,
            workers=workers,
            limit=None if memory is None else shares.parse(memory),
            overwrite=overwrite,
            check=check,
            report=report,
            callback=each,
            stop=stop,
            warn=lambda text: click.echo(text, err=True),
        )
    batch_output.summarised(summary, out, check=check, as_json=as_json, report=report)
    if summary.interrupted:
        return INTERRUPTED
    return FAILED if summary.failed or summary.stopped else 0


def _marked(masks: str | None, given: dict[str, str | None]) -> tuple[str | None, str]:
    """Return the kind of annotations that mark the holes, None for masks, and their place."""
    chosen = {kind: place for kind, place in given.items() if place is not None}
    if len(chosen) + (masks is not None) != 1:
        raise click.UsageError(
            "give one of --masks, --coco, --labelme, --yolo, --voc and --annotations: what to fill"
        )
    return next(iter(chosen.items())) if chosen else (None, masks or "")

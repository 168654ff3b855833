"""``inpaint batch``: fills the holes of all images in a folder."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from dataclasses import asdict
from functools import partial
from typing import TYPE_CHECKING

import click

from inpaint.cli import filling
from inpaint.cli.errors import FAILED, INTERRUPTED
from inpaint.cli.filling import CLASS, DEVICE, MODE, PRIOR, SEED, STAGES
from inpaint.cli.progress import bar
from inpaint.errors import InpaintError, UnknownNameError
from inpaint.zoo import classes, registry

if TYPE_CHECKING:
    from rich.progress import Progress

    from inpaint.batch.rows import Row
    from inpaint.batch.summary import Summary


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
    from inpaint.batch import memory as sizes
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
    with bar(quiet=listing) as progress, stop.listening(partial(_ending, engine)):
        tell = _teller(progress, "check" if check else "fill")

        def each(done: int, total: int, row: Row) -> None:
            tell(done, total, row)
            if check:
                _list(row, none="-" if kind else "alpha")

        summary = fill_folder(
            images,
            place,
            out,
            options=options,
            engine=engine,
            workers=workers,
            limit=None if memory is None else sizes.parse(memory),
            overwrite=overwrite,
            check=check,
            report=report,
            callback=each,
            stop=stop,
            warn=lambda text: click.echo(text, err=True),
        )
    _print(summary, out, check=check, as_json=as_json, report=report)
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


def _ending(engine: str) -> None:
    if engine == "ray":
        click.echo("ending with the next image; those in work are dropped", err=True)
    else:
        click.echo("finishing the images in work; Ctrl-C again to drop them", err=True)


def _teller(progress: Progress, what: str) -> Callable[[int, int, Row], None]:
    """Return a callback that moves the bar and shows the rate so far."""
    task = progress.add_task(what, total=None)
    begun = time.monotonic()
    filled = 0

    def tell(done: int, total: int, row: Row) -> None:
        nonlocal filled
        filled += row["status"] in ("done", "checked", "skipped")
        now = time.monotonic()
        rate = filled / max(now - begun, 1e-9)
        progress.update(
            task, description=f"{what} {rate:.2f} images/s", completed=done, total=total
        )

    return tell


def _list(row: Row, *, none: str) -> None:
    """One line of --check on stdout."""
    name = _quoted(row["path"])
    if row["status"] == "orphan":
        what = "is the mask of an image beside it" if row["beside"] else "belongs to no image"
        click.echo(f"orphan\t{name}\tthis mask {what}")
    elif row["status"] == "failed":
        click.echo(f"failed\t{name}\t{row['error']}")
    elif row["status"] == "kept":
        click.echo(f"kept\t{name}\tis done already")
    elif row["status"] == "skipped":
        click.echo(f"skip\t{name}\thas no such object")
    else:
        mask = none if row["mask"] is None else _quoted(row["mask"])
        note = f"\twarning: {row['note']}" if row["note"] else ""
        click.echo(f"ok\t{name}\t{mask}\t{_quoted(row['out'])}{note}")


def _quoted(name: str) -> str:
    """A name as it is, or with its escapes where it would break the line."""
    return name if name.isprintable() else repr(name)


def _print(summary: Summary, out: str, *, check: bool, as_json: bool, report: str | None) -> None:
    if as_json:
        values = {**asdict(summary), "left": summary.left, "seconds": round(summary.seconds, 3)}
        click.echo(json.dumps({**values, "images_per_second": round(summary.rate, 4)}))
    elif not check:
        click.echo(out)
    if check:
        line = f"{summary.checked} can be filled"
        line += f", {summary.kept} are done already" if summary.kept else ""
    else:
        line = f"{summary.done - summary.copied} filled, {summary.kept} kept"
        line += f", {summary.copied} copied" if summary.copied else ""
    line += f", {summary.skipped} without such objects left out" if summary.skipped else ""
    line += f", {summary.failed} failed in {summary.seconds:.1f} s"
    if summary.done:
        line += f" ({summary.rate:.2f} images/s)"
    click.echo(line, err=True)
    if summary.orphans:
        click.echo(f"{summary.orphans} masks belong to no image; --check lists them", err=True)
    if summary.beside:
        click.echo(
            f"{summary.beside} masks lie beside images and are not filled; --check lists them",
            err=True,
        )
    if not check:
        _some("not filled as usual", summary.notes, "note", summary.noted, report)
        _some("failed", summary.failures, "error", summary.failed, report)
    if summary.left and (summary.stopped or summary.interrupted):
        click.echo(f"{summary.left} images were not tried", err=True)
    if summary.stopped:
        click.echo(f"Error: stopped: {summary.stopped}", err=True)
    if summary.interrupted:
        click.echo("interrupted; the same command goes on from here", err=True)


def _some(title: str, rows: list[Row], key: str, count: int, report: str | None) -> None:
    """Print the first rows of a kind, each in a line, and where the others are."""
    if count:
        click.echo(f"{title}:", err=True)
    for row in rows:
        click.echo(f"  {_quoted(row['path'])}: {row[key]}", err=True)
    if count > len(rows):
        where = f"all in {report}" if report else "--report FILE.jsonl would list them all"
        click.echo(f"  and {count - len(rows)} more, {where}", err=True)

"""What ``inpaint batch`` says: its progress, the lines of ``--check``, and the summary."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from rich.progress import Progress

    from inpaint.batch.rows import Row
    from inpaint.batch.summary import Summary


def ending(engine: str) -> None:
    """Say that Ctrl-C was heard, and what happens to the images in work."""
    if engine == "ray":
        click.echo("ending with the next image; those in work are dropped", err=True)
    else:
        click.echo("finishing the images in work; Ctrl-C again to drop them", err=True)


def teller(progress: Progress, what: str) -> Callable[[int, int, Row], None]:
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


def listed(row: Row, *, none: str) -> None:
    """Print one line of --check on stdout; ``none`` stands where an image has no mask file."""
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


def summarised(
    summary: Summary, out: str, *, check: bool, as_json: bool, report: str | None
) -> None:
    """Print the output folder or the summary as JSON on stdout, and how it went on stderr."""
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

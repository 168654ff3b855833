"""``inpaint evaluate``: measures methods side by side on a folder of images."""

from __future__ import annotations

import json
import shlex
import sys
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from inpaint.cli import filling
from inpaint.cli.errors import FAILED
from inpaint.cli.progress import bar

if TYPE_CHECKING:
    from inpaint.evaluate.results import Results

NAMED = 20  # failures to print; all of them are in report.html and --json


class Command(click.Command):
    """Takes several values after one --masks or --method when IMAGES comes first.

    ``evaluate faces --method telea ns`` then means ``--method telea --method ns``. With options
    before IMAGES, a value could not be told from it.
    """

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Repeat the option before each further value."""
        if args and not args[0].startswith("-"):
            spread, option = args[:1], ""
            for index, arg in enumerate(args[1:], start=1):
                if arg.startswith("-"):
                    option = arg if arg in ("--masks", "--method") else ""
                elif option and args[index - 1] != option:
                    spread.append(option)
                spread.append(arg)
            args = spread
        return super().parse_args(ctx, args)


@click.command(name="evaluate", cls=Command)
@click.argument("images", type=click.Path(path_type=Path))
@click.option(
    "--masks",
    multiple=True,
    required=True,
    help="center, half, random80, random50, pattern, thin, medium, thick or bucket:10-20; a folder "
    "or tar of masks with the names of the images (it may be IMAGES itself); or one mask for all. "
    "Repeat it for several, or write them as a,b.",
)
@filling.mask_labels
@click.option(
    "--method",
    "methods",
    multiple=True,
    required=True,
    help="NAME or NAME:key=value,... (inpaint list methods). Repeat it to compare several; all are "
    "compared with the first one.",
)
@click.option("--out", required=True, type=click.Path(path_type=Path), help="Folder to write.")
@click.option(
    "--limit", type=click.IntRange(min=1), help="Measure only so many images, the first ones."
)
@click.option(
    "--seed", default=0, show_default=True, type=click.IntRange(0, 2**63 - 1), help=filling.SEED
)
@click.option("--json", "as_json", is_flag=True, help="Print the summary as JSON.")
@click.option("--overwrite", is_flag=True, help="Repeat measurements that are there already.")
@click.pass_context
def command(
    ctx: click.Context,
    images: Path,
    masks: tuple[str, ...],
    mask_labels: str | None,
    methods: tuple[str, ...],
    out: Path,
    limit: int | None,
    seed: int,
    as_json: bool,
    overwrite: bool,
) -> int:
    """Measure methods on IMAGES, a folder or a tar file.

    Each image is erased by each mask, filled by each method and compared with the original.
    OUT gets metrics.jsonl (one row for each measurement), summary.csv, report.html, and the
    inputs, masks and fills as PNG. If a run was stopped, the same command goes on where it was.
    """
    from inpaint.evaluate.results import evaluate

    with bar() as progress:
        task = progress.add_task("measure", total=None)

        def tell(stage: str, done: int, total: int | None) -> None:
            progress.update(task, description=stage, completed=done, total=total)

        results = evaluate(
            images,
            masks=masks,
            labels=mask_labels,
            methods=methods,
            out=out,
            limit=limit,
            seed=seed,
            overwrite=overwrite,
            command=f"{ctx.command_path} {shlex.join(sys.argv[2:])}",
            callback=tell,
        )
    _print(results, as_json)
    for line in _problems(results):
        click.echo(line, err=True)
    return FAILED if results.outcome.failures else 0


def _print(results: Results, as_json: bool) -> None:
    if as_json:
        report = {
            "images": results.outcome.images,
            "measured": len(results.outcome.rows) - results.outcome.reused,
            "reused": results.outcome.reused,
            "failures": [asdict(f) for f in results.outcome.failures],
            "facts": results.facts,
            "files": {k: str(v) for k, v in results.files.items()},
            "summary": results.table,
        }
        click.echo(json.dumps(report, ensure_ascii=False))
        return
    from rich.console import Console

    from inpaint.evaluate.table import table

    console = Console()
    width = console.width if console.is_terminal else None  # a pipe has no width to fit
    console = console if console.is_terminal else Console(width=400)
    console.print(table(results.groups, width=width))
    for path in results.files.values():
        click.echo(str(path))


def _problems(results: Results) -> Iterable[str]:
    outcome = results.outcome
    if outcome.reused:
        yield f"{outcome.reused} of {len(outcome.rows)} measurements were there already"
    if results.beside:
        yield f"{len(results.beside)} masks lie beside images and were not measured:"
        yield from (f"  {name}" for name in results.beside[:NAMED])
        if len(results.beside) > NAMED:
            yield f"  and {len(results.beside) - NAMED} more"
    if not outcome.failures:
        return
    yield f"{len(outcome.failures)} could not be measured:"
    for f in outcome.failures[:NAMED]:
        where = ", ".join(filter(None, (f.name, f.mask, f.method)))
        yield f"  {where}: {f.reason}"
    if len(outcome.failures) > NAMED:
        yield f"  and {len(outcome.failures) - NAMED} more, all in {results.files['report']}"

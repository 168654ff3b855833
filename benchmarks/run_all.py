"""``make bench``: the short form of every benchmark, into one table, ``benchmarks/RESULTS.md``.

    python benchmarks/run_all.py [--data FOLDER] [--only NAME]... [--out FILE] [--threads 1]

Short forms show that every benchmark runs and what order its figures have; they are too small to
quote. FOLDER may hold the sets named in ``small_data.py``; without it, small sets made of
``samples/`` take their place, and a benchmark that has to train is named as left out. Exit code 1
if a benchmark failed. Seconds are the processor's, of the whole benchmark with its start.
"""

from __future__ import annotations

import datetime
import os
import resource
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

import click
import provenance
import small_data
from short_forms import LEFT_OUT, SHORT, Figures, Short, UnreadableError, figures

HERE = Path(__file__).parent
SETS = dict.fromkeys(("scratch", *small_data.FILES), "")
TIMEOUT = 1800


class Ran(NamedTuple):
    """What came of one benchmark; ``problem`` is empty where it went well."""

    name: str
    data: str
    figures: Figures
    seconds: float
    problem: str = ""


def used(short: Short) -> list[str]:
    """The sets that a short form names."""
    text = " ".join((short.words, *short.before))
    return [what for what in small_data.FILES if f"{{{what}}}" in text]


def spent() -> float:
    """Processor seconds of all children that have ended."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def call(words: list[str], threads: int) -> str:
    """Return a command's stdout. Raises UnreadableError with the last line of its stderr."""
    environment = {**os.environ, "OMP_NUM_THREADS": str(threads)}
    try:
        done = subprocess.run(
            words, capture_output=True, text=True, check=False, env=environment, timeout=TIMEOUT
        )
    except subprocess.TimeoutExpired as error:
        raise UnreadableError(f"took more than {TIMEOUT} s") from error
    if done.returncode != 0:
        said = [line for line in done.stderr.splitlines() if line.strip()] or ["nothing said"]
        raise UnreadableError(f"exit code {done.returncode}: {said[-1].strip()}")
    return done.stdout


def run(
    short: Short, available: dict[str, tuple[Path, str]], scratch: Path, threads: int
) -> Ran | None:
    """Run one benchmark; None if a set that it needs is not there."""
    needs = used(short)
    if not set(needs) <= set(available):
        return None
    paths = {what: str(available[what][0]) for what in needs} | {"scratch": str(scratch)}
    name, data = short.script.removesuffix(".py"), ", ".join(available[w][1] for w in needs)
    before, found, problem = spent(), [], ""
    try:
        for words in short.before:
            command = [sys.executable, "-m", "pretrain", *filled(words, paths)]
            call(command, threads)
        command = [sys.executable, str(HERE / short.script), *filled(short.words, paths)]
        found = figures(short, call(command, threads).replace(f"{scratch}{os.sep}", ""))
    except UnreadableError as error:
        problem = str(error).replace(f"{scratch}{os.sep}", "")
    return Ran(name, data or "made up", found, spent() - before, problem)


def filled(words: str, paths: dict[str, str]) -> list[str]:
    """The words of a command with the paths in their place; a path may hold blanks."""
    return [word.format_map({**SETS, **paths}) for word in words.split()]


def table(results: list[Ran]) -> str:
    """The table, with one row for each figure."""
    lines = ["| benchmark | data | figure | value | CPU s |", "|---|---|---|---|---|"]
    for ran in results:
        shown = ran.figures or [("**failed**", ran.problem.replace("|", "/"))]
        for index, (what, value) in enumerate(shown):
            head = f"`{ran.name}` | {ran.data}" if index == 0 else " | "
            seconds = f"{ran.seconds:.0f}" if index == 0 else ""
            lines.append(f"| {head} | {what} | {value} | {seconds} |")
    return "\n".join(lines)


def page(results: list[Ran], left_out: list[tuple[str, list[str]]], threads: int) -> str:
    """The whole of RESULTS.md."""
    versions = ", ".join(f"{name} {number}" for name, number in provenance.versions().items())
    parts = [
        "# Benchmarks, short forms",
        "Made by `make bench` (`benchmarks/run_all.py`). Small sets: they show that everything "
        "runs and of what order its figures are. What README and docs quote comes from the "
        "long forms, each named beside its figures.",
        f"- date: {datetime.date.today():%Y-%m-%d}\n- commit: {provenance.commit()}\n"
        f"- machine: {provenance.machine()}; {threads} thread(s) a process; load average "
        f"at the end {os.getloadavg()[0]:.1f}\n- versions: {versions}",
        table(results),
    ]
    why = [
        f"- `{name}` needs {' and '.join(small_data.FILES[n] for n in needs)} "
        "(`make bench DATA=folder`)"
        for name, needs in left_out
    ]
    why += [f"- `{n}` {reason}" for n, reason in LEFT_OUT.items() if (HERE / f"{n}.py").exists()]
    if why:
        parts.append("Left out:\n\n" + "\n".join(why))
    return "\n\n".join(parts) + "\n"


@click.command(help=__doc__.partition("\n\n")[0])
@click.option("--data", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--only", multiple=True, help="A benchmark's name; may be repeated.")
@click.option("--out", default=HERE / "RESULTS.md", type=click.Path(path_type=Path))
@click.option("--threads", default=1, show_default=True)
def main(data: Path | None, only: tuple[str, ...], out: Path, threads: int) -> None:
    names = [short.script.removesuffix(".py") for short in SHORT]
    if unknown := set(only) - set(names):
        raise click.UsageError(f"no benchmark {', '.join(sorted(unknown))}; {', '.join(names)}")
    results, left_out = [], []
    with tempfile.TemporaryDirectory() as folder:
        scratch = Path(folder)
        available = small_data.sets(data, scratch)
        for name, short in zip(names, SHORT, strict=True):
            if only and name not in only:
                continue
            click.echo(f"{name} ...", err=True)
            ran = run(short, available, scratch, threads)
            if ran is None:
                left_out.append((name, sorted(set(used(short)) - set(available))))
                click.echo(f"{name}: left out, its data is not there", err=True)
                continue
            results.append(ran)
            said = ran.problem or f"{len(ran.figures)} figures"
            click.echo(f"{name}: {said}, {ran.seconds:.0f} CPU s", err=True)
    out.write_text(page(results, left_out, threads), encoding="utf-8")
    click.echo(out)
    if any(ran.problem for ran in results):
        sys.exit(1)


if __name__ == "__main__":
    main()

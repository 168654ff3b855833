"""What all training loops share: steps with progress, a log, checkpoints, and a clean stop.

A loop is a function ``step(t) -> {name: loss}``. ``run`` calls it, shows and logs its losses, and
saves every few minutes. On SIGINT or SIGTERM it saves once more and returns early. With several
processes, only the first one writes and shows progress, and all stop together.
"""

from __future__ import annotations

import math
import signal
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import Any

import torch
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from inpaint.errors import OutputError, SearchError, reason, remedy
from pretrain import checkpoint, curves, log, parallel
from pretrain.checkpoint import Stateful
from pretrain.watch import Watch

Step = Callable[[int], Mapping[str, torch.Tensor]]
WARMED, TIMED = 5, 15  # steps before the first that is timed, and how many are, to tell the hours


@dataclass(frozen=True)
class Plan:
    """When to stop, to save, and to report.

    Attributes
    ----------
    out : Path
        Folder for ``checkpoint.pt`` and ``log.csv``.
    steps : int
        Total number of steps, those of earlier runs included.
    minutes : float or None
        Stop after this many minutes even if steps remain.
    save_every : float
        Minutes between checkpoints.
    resume : bool
        Continue from ``out/checkpoint.pt`` when it exists.
    batch : int
        Images per step, for the throughput that is shown.
    report_every : int
        Steps between rows of the log.
    device : torch.device
        Where the networks are.
    compiled : bool
        Whether the loop puts its networks through torch.compile.
    tensorboard : bool
        Write event files for TensorBoard beside the log.
    options : mapping
        The options of the training, which the checkpoint keeps; they are compared on resuming.
    """

    out: Path
    steps: int
    batch: int
    minutes: float | None = None
    save_every: float = 4.0
    resume: bool = False
    report_every: int = 25
    device: torch.device = field(default_factory=lambda: torch.device("cpu"))
    compiled: bool = False
    tensorboard: bool = False
    options: Mapping[str, Any] = field(default_factory=dict)


@dataclass
class Outcome:
    """How far a run came: ``step`` of ``Plan.steps``, and seconds spent training in all.

    ``warnings`` say what looks wrong at its end, see ``pretrain.watch``.
    """

    step: int
    seconds: float
    finished: bool
    warnings: tuple[str, ...] = ()


class _Stop:
    """Turns SIGINT and SIGTERM into a flag, so that a step is never interrupted."""

    def __init__(self) -> None:
        self.asked = False
        self._before = {s: signal.getsignal(s) for s in (signal.SIGINT, signal.SIGTERM)}

    def __enter__(self) -> _Stop:
        for number in self._before:
            signal.signal(number, self._ask)
        return self

    def _ask(self, number: int, frame: FrameType | None) -> None:
        self.asked = True

    def __exit__(self, *exc: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)


def run_loop(
    step: Step,
    parts: Mapping[str, Stateful],
    plan: Plan,
    *,
    sheet: Callable[[Path], None] | None = None,
    console: Console | None = None,
) -> Outcome:
    """Call ``step`` for t = first .. plan.steps - 1 and keep ``parts`` safe on disk.

    ``sheet(path)`` draws samples beside every checkpoint. Raises SearchError when a loss or a
    weight stops being a number, and OutputError when the disk is full; the last good checkpoint
    is kept. Raises WeightsError when the checkpoint is of another training.
    """
    writes = parallel.rank() == 0
    with _writing(plan.out):
        plan.out.mkdir(parents=True, exist_ok=True)
    path, table = plan.out / "checkpoint.pt", plan.out / "log.csv"
    console = console or Console(stderr=True, quiet=not writes)
    first, spent, warm = 0, 0.0, 0.0
    if plan.resume and path.exists():
        facts = checkpoint.restore(path, parts, options=plan.options)
        first, spent = int(facts["step"]), float(facts["seconds"])
        for change in checkpoint.changes(facts.get("options", {}), plan.options):
            console.print(f"resumed with another {change}", highlight=False, soft_wrap=True)
    board = log.Board(plan.out, first) if plan.tensorboard and writes else None
    if writes:
        with _writing(plan.out):
            log.trim(table, first)
    start = saved = time.monotonic()
    done, watch = first, Watch()
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[losses]}"),
    )
    with _Stop() as stop, Progress(*columns, console=console) as progress:
        task = progress.add_task("training", total=plan.steps, completed=first, losses="")
        for t in range(first, plan.steps):
            losses = step(t)
            done = t + 1
            now = time.monotonic()
            if done == first + WARMED:
                warm = now
            elif done == first + WARMED + TIMED and plan.steps > done:
                left = (now - warm) / TIMED * (plan.steps - done)
                text = f"{plan.steps - done} steps of {plan.batch} images will take {spoken(left)}"
                progress.console.print(text, highlight=False, soft_wrap=True)
            late = plan.minutes is not None and now - start > plan.minutes * 60
            due = now - saved > plan.save_every * 60
            stopped, due = parallel.anywhere(stop.asked or late, due, device=plan.device)
            last = done == plan.steps or stopped
            report = done % plan.report_every == 0 or done == plan.steps
            save = last or due
            if report or save:
                values = {k: float(parallel.mean(v.detach().float())) for k, v in losses.items()}
                _check(values, done)
            if report and writes:
                rate = (done - first) * plan.batch / (now - start)
                text = " ".join(f"{k} {v:.3g}" for k, v in values.items())
                progress.update(task, completed=done, losses=f"{text} {rate:.0f} images/s")
                for sign in watch.told(values, done):
                    progress.console.print(sign, highlight=False, soft_wrap=True)
                row = {"step": done, "seconds": round(spent + now - start, 1), **values}
                with _writing(plan.out):
                    log.append(table, row)
                    if board:
                        board.add(values | {"images/s": rate}, done)
            if save:
                _check_weights(parts, done)
                if writes:
                    seconds = spent + time.monotonic() - start
                    kept = {"options": dict(plan.options)} if plan.options else {}
                    checkpoint.save(path, parts, step=done, seconds=seconds, **kept)
                    with _writing(plan.out):
                        if sheet:
                            sheet(plan.out / "samples.png")
                        curves.write(plan.out / "losses.png", table)
                saved = time.monotonic()
            if last:
                break
    if board:
        board.close()
    seconds = spent + time.monotonic() - start
    return Outcome(done, seconds, done >= plan.steps, tuple(watch.standing))


def spoken(seconds: float) -> str:
    """A time as people say it: about 40 s, about 12 min, about 3.5 h."""
    if seconds < 90:
        return f"about {seconds:.0f} s"
    if seconds < 5400:
        return f"about {seconds / 60:.0f} min"
    return f"about {seconds / 3600:.1f} h"


@contextmanager
def _writing(folder: Path) -> Iterator[None]:
    """Turn an error while writing into OutputError."""
    try:
        yield
    except OSError as error:
        raise OutputError(
            f"{folder}: not written ({reason(error)}); "
            f"{remedy(error, 'free some space, or name another --out')}"
        ) from error


def _check(losses: Mapping[str, float], step: int) -> None:
    bad = [k for k, v in losses.items() if not math.isfinite(v)]
    if bad:
        raise _broken(step, f"loss {', '.join(bad)}")


def _check_weights(parts: Mapping[str, Stateful], step: int) -> None:
    """Check the weights too: the losses of a step are computed before its update of the weights."""
    bad = checkpoint.unsound(parts)
    if bad:
        raise _broken(step, f"a weight of {', '.join(bad)}")


def _broken(step: int, what: str) -> SearchError:
    return SearchError(
        f"training broke at step {step}: {what} is not a number; "
        "resume from the last checkpoint with a smaller --lr"
    )

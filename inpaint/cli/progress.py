"""Progress on stderr: a bar in a terminal, and lines where there is no terminal."""

from __future__ import annotations

import threading
import time

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from inpaint.system import threads

PULSE = 9.0  # seconds between lines where stderr is no terminal
_BAR = 20  # columns, so that a rate and two counters of a million fit beside it into 80


class _Spoken(Progress):
    """A bar that prints lines where it cannot be drawn, so that a piped run is never silent."""

    _end: threading.Event | None = None

    def start(self) -> None:
        """Draw the bar, or begin to print lines."""
        super().start()
        if not self.console.is_terminal and not self.quiet:
            self._end = threading.Event()
            self._thread = threads.start(self._speak)

    def stop(self) -> None:
        """Stop drawing or printing."""
        super().stop()
        if self._end is not None:
            self._end.set()
            self._thread.join(1)
            self._end = None

    quiet = False

    def _speak(self) -> None:
        begun, end = time.monotonic(), self._end
        while end is not None and not end.wait(PULSE):
            running = [task for task in self.tasks if not task.finished] or self.tasks[-1:]
            passed = time.monotonic() - begun
            for task in running[-1:]:
                count = left = ""
                if task.total is not None and not task.finished:
                    count = f" {task.completed:g} of {task.total:g},"
                    if task.completed:
                        rest = (task.total - task.completed) * passed / task.completed
                        left = f", {rest:.0f} s left"
                click.echo(f"{task.description}:{count} {passed:.0f} s{left}", err=True)


def bar(*, quiet: bool = False) -> Progress:
    """Return a progress bar with count and time left, to be used as a context manager.

    Where stderr is no terminal, a line says at least every ten seconds how far the work is.
    ``quiet`` shows neither, for commands whose lines on stdout tell it.
    """
    console = Console(stderr=True)
    shown = _Spoken(
        TextColumn("{task.description}"),
        BarColumn(bar_width=_BAR),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=console,
        transient=True,
        disable=quiet or not console.is_terminal,
    )
    shown.quiet = quiet
    return shown

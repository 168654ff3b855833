"""What a run says of how far it is: lines in a pipe, counters that fit into 80 columns."""

from __future__ import annotations

import io
import time

import pytest
from rich.console import Console

from inpaint.cli import progress


def test_a_piped_run_says_lines_even_within_one_step(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    assert progress.PULSE < 10
    monkeypatch.setattr(progress, "PULSE", 0.05)
    with progress.bar() as shown:
        task = shown.add_task("measure", total=None)
        time.sleep(0.2)
        shown.update(task, total=40, completed=10)
        time.sleep(0.2)
        said_within = capfd.readouterr().err.splitlines()
        shown.update(task, description="blend and refine", completed=40)
        time.sleep(0.2)
    said = capfd.readouterr().err.splitlines()
    assert said_within[0].startswith("measure: 0 s")
    assert said_within[-1].startswith("measure: 10 of 40, 0 s, ")
    # What has no steps is not "0 s left" while it works.
    assert said[-1] == "blend and refine: 0 s"
    time.sleep(0.15)
    assert capfd.readouterr().err == ""  # nothing after the end
    with progress.bar(quiet=True) as shown:
        shown.add_task("measure", total=None)
        time.sleep(0.15)
    assert capfd.readouterr().err == ""


def test_counters_fit_into_80_columns() -> None:
    stream = io.StringIO()
    shown = progress.bar()
    shown.live.console = console = Console(file=stream, width=80, force_terminal=True)
    shown.add_task("check 1234.56 images/s", total=1_000_000, completed=999_999)
    console.print(shown.get_renderable())
    assert "999999/1000000" in stream.getvalue()
    assert "check 1234.56 images/s" in stream.getvalue()

"""What a run says of how far it is: lines in a pipe, counters that fit into 80 columns."""

from __future__ import annotations

import io
import re
import time

import pytest
from rich.console import Console

from inpaint.cli import progress


def said(capfd: pytest.CaptureFixture[str], pattern: str) -> bool:
    """Whether a whole line of stderr is like ``pattern`` before long, on a busy machine too."""
    seen = ""
    for _ in range(200):
        seen += capfd.readouterr().err
        if re.search(f"^{pattern}$", seen, re.M):
            return True
        time.sleep(0.05)
    return False


def test_a_piped_run_says_lines_even_within_one_step(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    assert progress.PULSE < 10
    monkeypatch.setattr(progress, "PULSE", 0.05)
    with progress.bar() as shown:
        task = shown.add_task("measure", total=None)
        assert said(capfd, r"measure: \d+ s")
        shown.update(task, total=40, completed=10)
        assert said(capfd, r"measure: 10 of 40, \d+ s, \d+ s left")
        # What follows the last step tells no steps, and is not "0 s left" while it works.
        shown.update(task, description="blend and refine", completed=40)
        assert said(capfd, r"blend and refine: \d+ s")
    capfd.readouterr()
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

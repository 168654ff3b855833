"""The short forms of the two suites in benchmarks/ that take minutes."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform != "linux", reason="reads /proc"),
]


@pytest.mark.parametrize("fault", ["kill_worker", "stop_worker", "folders", "changed", "limits"])
def test_a_fault_leaves_whole_outputs_or_names(
    tmp_path: Path, tiny_folders: dict[str, str], fault: str
) -> None:
    import batch_suite

    options = ["--prior", tiny_folders["gaussian"], "--steps", "1", "--stage", "none"]
    for row in batch_suite.rounds([fault], 1, 7, [*options, "--workers", "0"], tmp_path):
        assert row.get("wrong") == [], row


@pytest.mark.parametrize("fault", ["kill_run", "disks"])
def test_a_fault_among_fills_that_take_no_time(tmp_path: Path, fault: str) -> None:
    import batch_suite

    options = ["--prior", "scenes64-gaussian", "--workers", "1"]
    for row in batch_suite.rounds([fault], 1, 7, options, tmp_path, light=True):
        assert row.get("wrong") == [] or "left_out" in row, row


def test_the_server_under_load_answers_and_gives_memory_back() -> None:
    import web_load

    told = web_load.measure(clients=8, seconds=5, rounds=2, pause=8)
    assert told["wrong"] == []
    assert told["said_by_the_server"] == []
    assert told["growth"] < 0.2
    assert told["verdicts"]["no 5xx but 503 with Retry-After"]
    assert told["answers"].get("fill 200", 0) > 0

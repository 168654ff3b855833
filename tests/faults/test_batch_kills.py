"""Workers and Ray actors that are killed or stopped at work: the bytes of an undisturbed run."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from batch_samples import make_folder, visible

from inpaint.batch import local
from inpaint.batch.options import Options
from inpaint.batch.run import fill_folder

NAMES = tuple(f"{k:02d}.png" for k in range(24))


@pytest.fixture
def options(tiny_folders: dict[str, str]) -> Options:
    return Options(prior=tiny_folders["gaussian"], steps=1, stages=("poisson",))


@pytest.fixture
def reference(tmp_path: Path, options: Options) -> dict[str, bytes]:
    make_folder(tmp_path, NAMES)
    places = tmp_path / "in", tmp_path / "masks", tmp_path / "whole"
    assert fill_folder(*places, options=options, workers=0).done == len(NAMES)
    return visible(tmp_path / "whole")


def noted(out: Path) -> dict[int, int]:
    """How many outputs each worker has noted: {process: outputs}."""
    found: dict[int, int] = {}
    for path in (out / ".inpaint").glob("wrote/*/*.jsonl"):
        pid = int(path.stem.rsplit("-", 2)[1])
        found[pid] = found.get(pid, 0) + path.read_bytes().count(b"{")
    return found


@contextmanager
def struck(out: Path, act: Callable[[int], None], *, at: tuple[int, ...]) -> Iterator[list[int]]:
    """Act on the worker that has just noted the output of these numbers, counted over all."""
    over, hit = threading.Event(), []

    def watch() -> None:
        before: dict[int, int] = {}
        for number in at:
            while not over.is_set():
                now = noted(out)
                if sum(now.values()) >= number:
                    busy = [pid for pid in now if now[pid] > before.get(pid, 0)]
                    hit.append(busy[-1])
                    act(busy[-1])
                    break
                before = now
                time.sleep(0.001)

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield hit
    finally:
        over.set()
        thread.join()


def kill(pid: int) -> None:
    os.kill(pid, signal.SIGKILL)


@pytest.mark.ray
@pytest.mark.slow
def test_a_ray_actor_killed_at_work_costs_no_image(
    tmp_path: Path, options: Options, reference: dict[str, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("ray.data")
    monkeypatch.setattr("inpaint.batch.ray.LEAST_ROWS", 6)  # so that a block is half done
    places = tmp_path / "in", tmp_path / "masks", tmp_path / "out"
    with struck(tmp_path / "out", kill, at=(2, 9)) as hit:
        summary = fill_folder(*places, options=options, workers=1, engine="ray")
    assert len(hit) == 2
    assert (summary.failed, summary.done) == (0, len(NAMES)), summary.failures
    assert visible(tmp_path / "out") == reference
    assert fill_folder(*places, options=options, workers=0).kept == len(NAMES)


@pytest.mark.slow
def test_a_worker_killed_at_work_costs_no_image_and_is_not_called_short_of_memory(
    tmp_path: Path, options: Options, reference: dict[str, bytes]
) -> None:
    places = tmp_path / "in", tmp_path / "masks", tmp_path / "out"
    with struck(tmp_path / "out", kill, at=(5,)) as hit:
        summary = fill_folder(*places, options=options, workers=1)
    assert len(hit) == 1
    assert (summary.failed, summary.done) == (0, len(NAMES)), summary.failures
    assert visible(tmp_path / "out") == reference
    notes = [row["note"] for row in summary.notes]
    assert notes == [
        "the worker that filled it died (killed, by somebody or by the system for want of memory); "
        "filled alone"
    ]


def test_a_worker_that_stays_stopped_is_killed_and_its_image_tried_again(
    tmp_path: Path, options: Options, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not Path("/proc/self/stat").exists():
        pytest.skip("needs /proc")
    stub = Path(__file__).parents[1] / "e2e" / "batch_stub.py"
    monkeypatch.setattr(local, "COMMAND", [sys.executable, str(stub)])
    monkeypatch.setattr(local, "STOPPED_SECONDS", 2)
    make_folder(tmp_path, ("a.png", "stop.png", "z.png"))
    rows: dict[str, dict[str, object]] = {}
    places = tmp_path / "in", tmp_path / "masks", tmp_path / "out"
    keep = lambda done, total, row: rows.update({row["path"]: row})  # noqa: E731
    summary = fill_folder(*places, options=options, workers=1, callback=keep)
    assert (summary.done, summary.failed) == (3, 0)


def test_a_worker_that_is_stopped_for_a_moment_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    sleeper = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    try:
        assert not local._stopped(sleeper.pid)
        os.kill(sleeper.pid, signal.SIGSTOP)
        end = time.monotonic() + 10
        while not local._stopped(sleeper.pid):
            assert time.monotonic() < end
        os.kill(sleeper.pid, signal.SIGCONT)
        while local._stopped(sleeper.pid):
            assert time.monotonic() < end
    finally:
        sleeper.kill()
        sleeper.wait()

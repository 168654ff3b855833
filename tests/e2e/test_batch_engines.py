"""Folders as they are filled in earnest: several workers, both engines, kills and Ctrl-C."""

from __future__ import annotations

import fnmatch
import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from batch_samples import NAMES, make_folder, visible
from PIL import Image

from inpaint.batch import journal, local
from inpaint.batch.control import Stop
from inpaint.batch.disk import Disk
from inpaint.batch.journal import Journal
from inpaint.batch.options import Options
from inpaint.batch.owned import sha256
from inpaint.batch.run import Summary, fill_folder
from inpaint.errors import InpaintError

INPAINT = Path(sys.executable).with_name("inpaint")
STUB = [sys.executable, str(Path(__file__).with_name("batch_stub.py"))]
MANY = tuple(f"{'abc'[k % 3]}/{k:02d}.{('png', 'jpg', 'webp')[k % 3]}" for k in range(24))


@pytest.fixture
def options(tiny_folders: dict[str, str]) -> Options:
    return Options(prior=tiny_folders["gaussian"], steps=1, stages=("poisson",))


def fill(root: Path, out: str, options: Options, **more: Any) -> Summary:
    return fill_folder(root / "in", root / "masks", root / out, options=options, **more)


# The same bytes


def test_worker_processes_give_the_bytes_of_this_process(tmp_path: Path, options: Options) -> None:
    make_folder(tmp_path)
    rows: list[dict[str, Any]] = []
    assert fill(tmp_path, "here", options, workers=0).done == len(NAMES)
    two = fill(tmp_path, "two", options, workers=2, callback=lambda *a: rows.append(a[2]))
    assert (two.done, two.failed) == (len(NAMES), 0)
    assert visible(tmp_path / "two") == visible(tmp_path / "here")
    assert all(row["memory_mb"] > 50 for row in rows)


@pytest.mark.slow
def test_one_worker_gives_the_bytes_of_two(tmp_path: Path, options: Options) -> None:
    make_folder(tmp_path, MANY)
    for workers in (1, 2):
        assert fill(tmp_path, str(workers), options, workers=workers).done == len(MANY)
    assert visible(tmp_path / "1") == visible(tmp_path / "2")


@pytest.mark.ray
@pytest.mark.slow
def test_ray_gives_the_bytes_of_this_process_and_resumes(tmp_path: Path, options: Options) -> None:
    pytest.importorskip("ray.data")
    make_folder(tmp_path)
    (tmp_path / "in" / "bad.png").write_bytes(b"no image")
    (tmp_path / "masks" / "bad.png").write_bytes(b"no image")
    fill(tmp_path, "here", options, workers=0)
    first = fill(tmp_path, "ray", options, engine="ray", workers=2)
    assert (first.done, first.failed) == (len(NAMES), 1)
    assert visible(tmp_path / "ray") == visible(tmp_path / "here")
    (tmp_path / "in" / "bad.png").unlink()
    again = fill(tmp_path, "ray", options, engine="ray", workers=2)
    assert (again.done, again.kept, again.failed) == (0, len(NAMES), 0)


@pytest.mark.ray
def test_without_ray_its_install_line_is_named(
    tmp_path: Path, options: Options, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_folder(tmp_path, ("a.png",))
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(InpaintError, match=r"pip install 'latent-inpaint\[ray\]'"):
        fill(tmp_path, "out", options, engine="ray")


# Kills


def killed_after(seconds: float, root: Path, options: Options) -> bool:
    """Fill in a forked process and SIGKILL it; whether it was still at work."""
    child = os.fork()
    if child == 0:
        try:
            fill(root, "killed", options, workers=0)
        finally:
            os._exit(0)
    time.sleep(seconds)
    os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    return os.WIFSIGNALED(status)


def test_ten_kills_and_resumes_give_the_bytes_of_one_run(tmp_path: Path, options: Options) -> None:
    make_folder(tmp_path, MANY)
    whole = fill(tmp_path, "whole", options, workers=0)  # warms up what the children inherit
    reference = visible(tmp_path / "whole")
    assert len(reference) == len(MANY)
    rng, kills = random.Random(0), 0
    for _ in range(10):
        kills += killed_after(rng.uniform(0.2, 1) * whole.seconds / 6, tmp_path, options)
        seen = visible(tmp_path / "killed") if (tmp_path / "killed").exists() else {}
        assert all(data == reference[name] for name, data in seen.items())
    last = fill(tmp_path, "killed", options, workers=0)
    assert kills >= 3
    assert (last.failed, last.done + last.kept) == (0, len(MANY))
    assert visible(tmp_path / "killed") == reference
    assert list((tmp_path / "killed" / ".inpaint" / "tmp").iterdir()) == []


def test_a_kill_between_an_output_and_its_row_is_no_obstacle(
    tmp_path: Path, options: Options
) -> None:
    make_folder(tmp_path, ("a.png", "b.png"))
    fill(tmp_path, "out", options, workers=0)
    manifest = tmp_path / "out" / ".inpaint" / "manifest.jsonl"
    lines = [json.loads(line) for line in manifest.read_text().splitlines()]
    assert [line["status"] for line in lines] == ["started", "done", "started", "done"]
    out = Disk(tmp_path / "out")
    for changed in (options, Options(prior=options.prior, steps=1, stages=(), seed=1)):
        manifest.write_text("".join(json.dumps(line) + "\n" for line in lines[:3]))
        digest = sha256((tmp_path / "out" / "b.png").read_bytes())
        Journal(out, journal.begin(out)).note("b.png", "b.png", digest)
        summary = fill(tmp_path, "out", changed, workers=0)
        assert summary.failed == 0, summary.failures
    assert not list((tmp_path / "out" / ".inpaint").glob("wrote/*"))


def test_a_file_that_appears_after_a_kill_is_left_alone(tmp_path: Path, options: Options) -> None:
    make_folder(tmp_path, ("a.png",))
    fill(tmp_path, "out", options, workers=0)
    manifest = tmp_path / "out" / ".inpaint" / "manifest.jsonl"
    manifest.write_text(manifest.read_text().splitlines()[0] + "\n")  # started, then killed
    theirs = (tmp_path / "in" / "a.png").read_bytes()
    (tmp_path / "out" / "a.png").write_bytes(theirs)
    summary = fill(tmp_path, "out", options, workers=0)
    assert "is there already" in summary.failures[0]["error"]
    assert (tmp_path / "out" / "a.png").read_bytes() == theirs


def images_below(folder: Path) -> int:
    """How many there are now; unlike rglob it passes over a folder that vanishes meanwhile."""
    return sum(len(fnmatch.filter(names, "*.*g")) for _, _, names in os.walk(folder))


@pytest.mark.slow
def test_a_killed_command_with_two_workers_resumes(tmp_path: Path, options: Options) -> None:
    make_folder(tmp_path, MANY)
    fill(tmp_path, "whole", options, workers=0)
    command = [str(INPAINT), "batch", "in", "--masks", "masks", "--out", "killed", "--steps", "1"]
    command += ["--prior", options.prior, "--stage", "poisson", "--workers", "2"]
    for wanted in (1, 6, 12):
        process = subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.DEVNULL)
        while process.poll() is None and images_below(tmp_path / "killed") < wanted:
            time.sleep(0.005)
        process.kill()
        process.wait()
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert visible(tmp_path / "killed") == visible(tmp_path / "whole")


# Workers that die, and ending early; with a stub, because loading torch takes seconds


@pytest.fixture
def stub(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(local, "COMMAND", STUB)


def empty_images(root: Path, *names: str) -> None:
    for folder in ("in", "masks"):
        (root / folder).mkdir()
        for name in names:
            Image.fromarray(np.zeros((2, 2), np.uint8)).save(root / folder / name)


@pytest.mark.usefixtures("stub")
def test_work_is_shared_and_memory_too(tmp_path: Path, options: Options) -> None:
    empty_images(tmp_path, *(f"{k}.png" for k in range(60)))
    rows: list[dict[str, Any]] = []
    keep = lambda done, total, row: rows.append(row)  # noqa: E731
    fill(tmp_path, "out", options, workers=3, limit=6 << 30, callback=keep)
    assert len(rows) == 60
    assert {row["index"] for row in rows} == {0, 1, 2}
    assert {row["memory"] for row in rows} == {2 << 30}


@pytest.mark.usefixtures("stub")
def test_a_dead_worker_costs_its_item_a_second_try_alone(tmp_path: Path, options: Options) -> None:
    names = ["a.png", "b.png", "kill.png", "kill-always.png", "z.png"]
    empty_images(tmp_path, *names)
    rows: dict[str, dict[str, Any]] = {}
    keep = lambda done, total, row: rows.update({row["path"]: row})  # noqa: E731
    summary = fill(tmp_path, "out", options, workers=2, limit=4 << 30, callback=keep)
    assert (summary.done, summary.failed) == (4, 1)
    assert "killed, by somebody or by the system" in rows["kill-always.png"]["error"]
    assert rows["kill.png"]["memory"] == 4 << 30  # all that there is, for the one
    assert rows["a.png"]["memory"] == 2 << 30


@pytest.mark.usefixtures("stub")
@pytest.mark.parametrize(("prior", "text"), [("fatal", "no such weights"), ("mute", "exit code 3")])
def test_workers_that_cannot_start_end_the_run(
    tmp_path: Path, prior: str, text: str, options: Options, monkeypatch: pytest.MonkeyPatch
) -> None:
    empty_images(tmp_path, "a.png", "b.png")
    (tmp_path / prior).symlink_to(options.prior)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InpaintError, match=text):
        fill(tmp_path, "out", Options(prior=prior), workers=2)


@pytest.mark.usefixtures("stub")
def test_stopping_finishes_what_is_in_work_and_the_next_run_goes_on(
    tmp_path: Path, options: Options
) -> None:
    empty_images(tmp_path, *(f"{k:02d}.png" for k in range(40)))
    stop = Stop()
    first = fill(
        tmp_path,
        "out",
        options,
        workers=2,
        stop=stop,
        callback=lambda done, total, row: stop.set() if done == 10 else None,
    )
    assert first.interrupted
    assert 10 <= first.done < 40
    rows = (tmp_path / "out" / ".inpaint" / "manifest.jsonl").read_text().splitlines()
    assert not any("decided" in row for row in rows)
    assert sum('"done"' in row for row in rows) == first.done
    assert fill(tmp_path, "out", options, workers=2).done == 40  # the stub gives no stamps


@pytest.mark.usefixtures("stub")
def test_an_error_in_the_caller_ends_the_workers(tmp_path: Path, options: Options) -> None:
    empty_images(tmp_path, *(f"{k:02d}.png" for k in range(40)))
    workers: set[int] = set()

    def explode(done: int, total: int, row: dict[str, Any]) -> None:
        workers.add(row["worker"])
        if done == 10:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fill(tmp_path, "out", options, workers=2, callback=explode)
    for worker in workers:
        with pytest.raises(ProcessLookupError):
            os.kill(worker, 0)


@pytest.mark.slow
def test_ctrl_c_in_earnest(tmp_path: Path, options: Options) -> None:
    make_folder(tmp_path, MANY)
    command = [str(INPAINT), "batch", "in", "--masks", "masks", "--out", "out", "--steps", "300"]
    command += ["--prior", options.prior, "--stage", "poisson", "--workers", "1"]
    process = subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.PIPE, text=True)
    while process.poll() is None and not images_below(tmp_path / "out"):
        time.sleep(0.005)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "finishing the images in work" in said
    assert "the same command goes on from here" in said
    assert list((tmp_path / "out" / ".inpaint" / "tmp").iterdir()) == []
    count = len(visible(tmp_path / "out"))
    assert 0 < count < len(MANY)
    done = subprocess.run([*command, "--json"], cwd=tmp_path, capture_output=True, check=True)
    assert json.loads(done.stdout)["kept"] == count

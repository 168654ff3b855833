"""Places that change under a batch: what was planned is done, or named with exit 1."""

from __future__ import annotations

import json
import os
import shutil
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from batch_samples import make_folder, visible

from inpaint import images
from inpaint.batch import disk, patience
from inpaint.batch.control import Lock
from inpaint.batch.disk import Disk
from inpaint.batch.options import Options
from inpaint.batch.pairing import Problem, plan_items
from inpaint.batch.run import fill_folder
from inpaint.batch.summary import Summary
from inpaint.errors import OutputError

NAMES = ("a/0.png", "a/1.png", "m/0.png", "m/1.png", "z/0.png", "z/1.png")


@pytest.fixture
def options(tiny_folders: dict[str, str]) -> Options:
    return Options(prior=tiny_folders["gaussian"], steps=1, stages=())


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    make_folder(tmp_path, NAMES)
    monkeypatch.setattr(disk, "FRESH_NS", 0)  # trust times at once
    return tmp_path


def fill(root: Path, options: Options, **more: Any) -> Summary:
    return fill_folder(root / "in", root / "masks", root / "out", options=options, **more)


def after(count: int, act: Callable[[], None]) -> Callable[[int, int, Any], None]:
    """A callback that acts once, when so many images are done."""
    acted: list[int] = []

    def callback(done: int, total: int, row: Any) -> None:
        if done >= count and not acted:
            acted.append(done)
            act()

    return callback


@pytest.fixture
def reference(root: Path, options: Options) -> dict[str, bytes]:
    """The outputs of an undisturbed run."""
    fill_folder(root / "in", root / "masks", root / "whole", options=options, workers=0)
    return visible(root / "whole")


@pytest.mark.parametrize("what", ["in/z", "masks/z", "in"])
def test_inputs_that_vanish_are_named_and_come_back(
    root: Path, options: Options, reference: dict[str, bytes], what: str
) -> None:
    away = root / "away"
    first = fill(root, options, workers=0, callback=after(2, lambda: move(root / what, away)))
    named = {row["path"] for row in first.failures}
    assert first.done + first.failed == len(NAMES)
    assert named >= {"z/0.png", "z/1.png"}
    assert {row["status"] for row in first.failures} == {"failed"}
    there = visible(root / "out")
    assert there.keys() == set(NAMES) - named
    assert all(reference[name] == data for name, data in there.items())
    move(away, root / what)
    again = fill(root, options, workers=0)
    assert (again.failed, again.done + again.kept) == (0, len(NAMES))
    assert visible(root / "out") == reference


def move(source: Path, target: Path) -> None:
    source.rename(target)


def test_an_input_that_is_gone_does_not_cost_its_finished_output(
    root: Path, options: Options
) -> None:
    fill(root, options, workers=0)
    move(root / "in" / "z", root / "away")
    # The plan finds no such folder: nothing of it was planned.
    assert fill(root, options, workers=0).kept == 4
    move(root / "away", root / "in" / "z")
    gone = after(1, lambda: move(root / "in" / "z", root / "away"))
    summary = fill(root, options, workers=0, callback=gone)
    assert (summary.kept, summary.failed) == (4, 2)
    assert "was there when this run began and is gone" in summary.failures[0]["error"]
    move(root / "away", root / "in" / "z")
    assert fill(root, options, workers=0).kept == len(NAMES)


def test_a_folder_that_vanishes_during_the_walk_is_a_problem(root: Path) -> None:
    walk = plan_items(Disk(root / "in"), Disk(root / "masks"))
    found = [next(walk)]
    shutil.rmtree(root / "in" / "z")
    found += list(walk)
    problems = [one for one in found if isinstance(one, Problem)]
    assert [one.path for one in problems] == ["z"]
    assert "vanished" in problems[0].error


@pytest.mark.parametrize("how", ["removed", "moved", "replaced"])
def test_an_output_folder_that_goes_ends_the_run_and_blocks_no_later_one(
    root: Path, options: Options, reference: dict[str, bytes], how: str
) -> None:
    def act() -> None:
        if how == "moved":
            move(root / "out", root / "away")
        else:
            shutil.rmtree(root / "out")
        if how == "replaced":
            (root / "out").mkdir()

    first = fill(root, options, workers=0, callback=after(3, act))
    assert first.stopped
    assert "was removed or replaced" in first.stopped
    assert first.left > 0
    assert not (root / "out").exists() or visible(root / "out") == {}
    again = fill(root, options, workers=0)
    assert (again.failed, again.stopped) == (0, None), again.failures
    assert visible(root / "out") == reference


def test_an_output_folder_that_goes_in_the_midst_of_an_image_is_not_made_again(
    root: Path, options: Options, reference: dict[str, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    real, count = images.replace_bytes, [0]

    def write(path: Path, *rest: Any, **more: Any) -> None:
        count[0] += 1
        if count[0] == 3:
            shutil.rmtree(root / "out")
        real(path, *rest, **more)

    monkeypatch.setattr(images, "replace_bytes", write)
    first = fill(root, options, workers=0)
    assert first.stopped or first.failed
    monkeypatch.undo()
    again = fill(root, options, workers=0)
    assert (again.failed, again.stopped) == (0, None), again.failures
    assert visible(root / "out") == reference


def test_outputs_that_somebody_removes_meanwhile_are_named(
    root: Path, options: Options, reference: dict[str, bytes]
) -> None:
    rows: list[dict[str, Any]] = []
    act = after(3, lambda: shutil.rmtree(root / "out" / "a"))

    def callback(done: int, total: int, row: dict[str, Any]) -> None:
        rows.append(row)
        act(done, total, row)

    first = fill(root, options, workers=0, callback=callback, report=root / "rows.jsonl")
    assert (first.done, first.failed) == (4, 2)
    assert {row["path"] for row in first.failures} == {"a/0.png", "a/1.png"}
    assert "removed by somebody" in first.failures[0]["error"]
    reported = [json.loads(line) for line in (root / "rows.jsonl").read_text().splitlines()]
    assert {r["path"]: r["status"] for r in reported}["a/0.png"] == "failed"
    again = fill(root, options, workers=0)
    assert (again.done, again.kept, again.failed) == (2, 4, 0)
    assert visible(root / "out") == reference


def test_a_lock_whose_file_was_removed_does_not_lock_a_new_folder(tmp_path: Path) -> None:
    with Lock(Disk(tmp_path / "out")):
        shutil.rmtree(tmp_path / "out")
        said: list[str] = []
        with Lock(Disk(tmp_path / "out"), wait=0, warn=said.append):
            assert said == []
            with pytest.raises(OutputError, match="another run"):
                Lock(Disk(tmp_path / "out"), wait=0.2, warn=said.append).__enter__()
            assert len(said) == 1
            assert "waiting up to 0.2 s" in said[0]


def test_a_read_that_never_returns_fails_by_name(
    root: Path, options: Options, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, stuck = Disk.read, threading.Event()

    def read(self: Disk, name: str) -> bytes:
        if name == "m/0.png" and self.root.name == "in":
            stuck.wait(30)
        return real(self, name)

    monkeypatch.setattr(Disk, "read", read)
    monkeypatch.setattr(patience, "READ_SECONDS", 0.5)
    summary = fill(root, options, workers=0)
    stuck.set()
    assert (summary.done, summary.failed) == (5, 1)
    assert "cannot be read: no answer for 0.5 s" in summary.failures[0]["error"]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no pipes with names")
@pytest.mark.parametrize("what", ["in/m/0.png", "masks/m/0.png"])
def test_a_pipe_in_place_of_a_file_in_mid_run_fails_by_name(
    root: Path, options: Options, what: str
) -> None:
    def act() -> None:
        (root / what).unlink()
        os.mkfifo(root / what)

    summary = fill(root, options, workers=0, callback=after(1, act))
    assert [row["path"] for row in summary.failures] == ["m/0.png"]
    assert "is a pipe, socket or device" in summary.failures[0]["error"]
    assert summary.done == 5

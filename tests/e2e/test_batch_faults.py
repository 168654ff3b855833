"""What a machine does to ``inpaint batch``: full disks, closed folders; what a terminal sees."""

from __future__ import annotations

import ctypes
import os
import pty
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from batch_samples import make_folder, visible

from inpaint.batch.options import Options
from inpaint.batch.run import fill_folder

INPAINT = str(Path(sys.executable).with_name("inpaint"))
NAMES = tuple(f"{'abc'[k % 3]}/{k:02d}.png" for k in range(12))
PR_CAPBSET_DROP, CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH = 24, 1, 2


@pytest.fixture
def options(tiny_folders: dict[str, str]) -> Options:
    return Options(prior=tiny_folders["gaussian"], steps=1, stages=("poisson",))


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of six pages, which can be made larger."""
    place = tmp_path / "small"
    place.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=24k", "tmpfs", str(place)]
    try:
        done = subprocess.run(command, capture_output=True, check=False)
    except FileNotFoundError:
        pytest.skip("no mount here")
    if done.returncode:
        pytest.skip("mounting needs root")
    yield place
    subprocess.run(["umount", place], check=True)


def test_a_disk_that_fills_up_ends_the_run_and_more_room_lets_it_go_on(
    tmp_path: Path, small_disk: Path, options: Options
) -> None:
    make_folder(tmp_path, NAMES)
    places = tmp_path / "in", tmp_path / "masks"
    fill_folder(*places, tmp_path / "whole", options=options, workers=0)
    reference = visible(tmp_path / "whole")
    first = fill_folder(*places, small_disk, options=options, workers=0)
    assert first.stopped
    assert "No space left on device" in first.stopped
    assert 0 < first.done < len(NAMES)
    assert first.left > 0
    there = visible(small_disk)
    assert all(data == reference[name] for name, data in there.items())
    assert list((small_disk / ".inpaint" / "tmp").iterdir()) == []
    subprocess.run(["mount", "-o", "remount,size=1m", small_disk], check=True)
    again = fill_folder(*places, small_disk, options=options, workers=0)
    assert (again.stopped, again.failed) == (None, 0)
    assert visible(small_disk) == reference


def without_privileges() -> None:
    """In a child, before it starts: file modes shall hold for root too."""
    libc = ctypes.CDLL(None)
    for capability in (CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH):
        libc.prctl(PR_CAPBSET_DROP, capability, 0, 0, 0)


@pytest.mark.skipif(sys.platform != "linux", reason="capabilities are Linux's")
def test_what_may_not_be_read_is_named_and_all_else_is_listed(tmp_path: Path) -> None:
    make_folder(tmp_path, ("a.png", "b.png", "shut/c.png", "listed/in/d.png", "dark/e.png"))
    closed = {"in/b.png": 0, "in/shut": 0, "in/listed": 0o444, "masks/dark": 0}
    for name, mode in closed.items():
        (tmp_path / name).chmod(mode)
    command = [INPAINT, "batch", "in", "--masks", "masks", "--out", "out", "--check"]
    try:
        done = subprocess.run(
            [*command, "--workers", "0"],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
            preexec_fn=without_privileges if os.geteuid() == 0 else None,
        )
    finally:
        for name in closed:
            (tmp_path / name).chmod(0o755)
    assert done.returncode == 1, done.stderr
    lines = [line.split("\t") for line in done.stdout.splitlines()]
    assert [line[1] for line in lines if line[0] == "ok"] == ["a.png"]
    failed = {line[1]: line[2] for line in lines if line[0] == "failed"}
    assert failed.keys() == {"b.png", "shut", "listed/in", "dark", "dark/e.png"}
    assert "permission denied" in failed["b.png"]
    for name, place in (("shut", "in/shut"), ("listed/in", "in/listed/in"), ("dark", "masks/dark")):
        assert failed[name] == f"the folder '{place}' cannot be read (Permission denied); chmod it"


def test_a_terminal_sees_a_bar_with_speed_and_time_left(tmp_path: Path) -> None:
    make_folder(tmp_path, NAMES)
    ours, theirs = pty.openpty()
    command = [INPAINT, "batch", "in", "--masks", "masks", "--out", "out", "--check"]
    with (tmp_path / "list.txt").open("w") as listing:
        process = subprocess.Popen(
            [*command, "--workers", "0"], cwd=tmp_path, stdout=listing, stderr=theirs
        )
        os.close(theirs)
        said = b""
        while True:
            try:
                said += os.read(ours, 9999)
            except OSError:  # the other end is closed
                break
        assert process.wait() == 0
    os.close(ours)
    text = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", said.decode())
    assert re.search(r"check \d+\.\d\d images/s .*12/12 \d:\d\d:\d\d", text), text
    assert len((tmp_path / "list.txt").read_text().splitlines()) == len(NAMES)

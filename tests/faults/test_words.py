"""What is said under fault is true: which limit was met, who holds the folder, what is unseen."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from batch_samples import make_folder

from inpaint.batch import shares
from inpaint.batch.manifest import Manifest
from inpaint.errors import OutputError
from inpaint.system import limits

INPAINT = f"{shlex.quote(sys.executable)} -m inpaint"
GB = 1 << 30


def shell(line: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    """Run a line of a shell with limits and closed streams, as a user would."""
    return subprocess.run(
        ["bash", "-c", line], cwd=cwd, capture_output=True, text=True, check=False, timeout=300
    )


@pytest.mark.parametrize(
    ("streams", "code", "said"),
    [
        (">&-", 0, "2 can be filled"),
        (">&- 2>&-", 0, ""),
        ("<&- >/dev/null", 0, "2 can be filled"),
        (">/dev/full", 1, "the output cannot be printed (No space left on device)"),
    ],
)
def test_closed_and_full_streams(tmp_path: Path, streams: str, code: int, said: str) -> None:
    if not Path("/dev/full").exists():
        pytest.skip("this system has no /dev/full")
    make_folder(tmp_path, ("a.png", "b.png"))
    done = shell(
        f"{INPAINT} batch in --masks masks --out out --check --workers 0 {streams}", tmp_path
    )
    assert done.returncode == code, done.stderr
    assert said in done.stderr
    assert "internal" not in done.stderr
    assert len(done.stderr.splitlines()) <= 1


@pytest.mark.skipif(sys.platform != "linux", reason="counts Linux's open files")
def test_too_few_open_files_are_named(tmp_path: Path) -> None:
    make_folder(tmp_path, ("a.png",))
    line = f"ulimit -n 8; {INPAINT} batch in --masks masks --out out --workers 2"
    done = shell(line, tmp_path)
    assert done.returncode == 1
    assert "ulimit -n" in done.stderr
    assert "internal" not in done.stderr


def test_a_second_run_says_at_once_that_it_waits(tmp_path: Path) -> None:
    fcntl = pytest.importorskip("fcntl")
    make_folder(tmp_path, ("a.png",))
    (tmp_path / "out" / ".inpaint").mkdir(parents=True)
    with (tmp_path / "out" / ".inpaint" / "lock").open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        command = [sys.executable, "-m", "inpaint", "batch", "in", "--masks", "masks"]
        process = subprocess.Popen(
            [*command, "--out", "out", "--workers", "0"],
            cwd=tmp_path,
            stderr=subprocess.PIPE,
            text=True,
        )
        try:
            assert process.stderr is not None
            assert "waiting up to 30 s for its end" in process.stderr.readline()
        finally:
            process.kill()
            process.communicate()


def place(root: Path, *, version: int, path: str, mounted: str = "/", **sizes: str) -> None:
    """Write a fake /proc/self and a fake hierarchy of control groups; names are folders."""
    kind = "cgroup2 cgroup2 rw" if version == 2 else "cgroup cgroup rw,memory"
    line = f"0::{path}" if version == 2 else f"4:memory:{path}"
    (root / "proc").mkdir()
    (root / "proc" / "cgroup").write_text(f"1:cpu:/elsewhere\n{line}\n")
    top = str(root / "sys").replace(" ", "\\040")
    mounts = (
        f"24 30 0:22 / /proc rw - proc proc rw\n30 23 0:26 {mounted} {top} rw,nosuid - {kind}\n"
    )
    (root / "proc" / "mountinfo").write_text(mounts)
    file = "memory.max" if version == 2 else "memory.limit_in_bytes"
    for name, size in sizes.items():
        folder = root / "sys" / name.replace("__", "/").removeprefix("top").strip("/")
        folder.mkdir(parents=True, exist_ok=True)
        (folder / file).write_text(f"{size}\n")


@pytest.mark.parametrize(
    ("version", "path", "mounted", "sizes", "expected"),
    [
        # nested groups: each one counts, and the least decides
        (2, "/jobs/mine", "/", {"jobs": str(3 * GB), "jobs__mine": "max"}, 3 * GB),
        (2, "/jobs/mine", "/", {"jobs": str(9 * GB), "jobs__mine": str(2 * GB)}, 2 * GB),
        (1, "/jobs/mine", "/", {"top": str(2**63 - 4096), "jobs__mine": str(2 * GB)}, 2 * GB),
        (1, "/jobs/mine", "/", {"jobs": str(2 * GB), "jobs__mine": str(2**63 - 4096)}, 2 * GB),
        # a container: the mount's root is its own group, whose path is one of the host
        (1, "/docker/abc", "/docker/abc", {"top": str(2 * GB)}, 2 * GB),
        (2, "/docker/abc", "/other", {"top": str(2 * GB)}, 2 * GB),
        (2, "/", "/", {}, None),
    ],
)
def test_the_limits_of_the_own_control_group_count(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    version: int,
    path: str,
    mounted: str,
    sizes: dict[str, str],
    expected: int | None,
) -> None:
    root = tmp_path / "a b"
    root.mkdir()
    place(root, version=version, path=path, mounted=mounted, **sizes)
    monkeypatch.setattr(limits, "PROC", root / "proc")
    own = limits.machine()[0][0]
    assert limits.available() == min(own, expected or own)
    workers, share, _ = shares.worker_shares("local", 2, None)
    assert workers == 2
    assert share == int(min(own, expected or own) * shares.SHARE) // 2


def test_the_limit_that_was_met_is_the_one_that_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "machine", lambda: [(24 * GB, limits.MACHINE)])
    monkeypatch.setattr(limits, "process", lambda: [(1 * GB, "ulimit -v allows")])
    assert "ulimit -v allows 1.0 GB" in shares.not_enough(19 * GB)
    monkeypatch.setattr(limits, "process", lambda: [(2 * GB, "ulimit -d allows")])
    assert "--memory, by default 80 % of what there is, allows 2.0 GB" in shares.not_enough(2 * GB)
    monkeypatch.setattr(limits, "process", lambda: [])
    assert "this machine has 24.0 GB; scale this picture down" in shares.not_enough(None)


def test_a_limit_of_the_shell_is_seen() -> None:
    code = "from inpaint.system import limits; print(limits.process())"
    done = shell(f"ulimit -v 16000000; {shlex.quote(sys.executable)} -c '{code}'", Path.cwd())
    if not done.stdout:
        pytest.skip("this system has no such limit")
    assert "(16384000000, 'ulimit -v allows')" in done.stdout


def test_a_manifest_cut_by_a_limit_on_file_sizes_is_no_full_disk(tmp_path: Path) -> None:
    resource = pytest.importorskip("resource")
    manifest = Manifest(tmp_path / "m.jsonl")
    child = os.fork()
    if child == 0:
        resource.setrlimit(resource.RLIMIT_FSIZE, (200, 200))
        try:
            for number in range(9):
                manifest.add({"path": str(number), "status": "done", "note": "x" * 40})
        except OutputError as error:
            told = "ulimit -f" in str(error) and "space" not in str(error)
            os._exit(7 if told else 1)
        os._exit(2)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7
    manifest.close()
    again = Manifest(tmp_path / "m.jsonl")
    assert again.get("0") is not None
    assert (tmp_path / "m.jsonl").read_bytes().endswith(b"}\n")

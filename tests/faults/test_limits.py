"""Limits of the shell: each command ends, with one true line and exit code 1 where it cannot do."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from batch_samples import make_folder, visible
from PIL import Image

resource = pytest.importorskip("resource")
pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the limits are Linux's")

COMMANDS = {
    "fill": "inpaint fill in/a.png --mask masks/a.png --out o.png",
    "batch": "inpaint batch in --masks masks --out out --workers 0",
    "workers": "inpaint batch in --masks masks --out out --workers 1",
    "evaluate": "inpaint evaluate in --masks center --method telea --out out",
    "remove": "inpaint remove in/a.png --box 8,6,10,8 --out o.png",
    "restore": "inpaint restore in/a.png --task denoise --out o.png",
    "pretrain": "pretrain gaussian in --size 16 --out out",
}


def limited(name: str, size: int) -> Callable[[], None]:
    """Set a limit in the child, before it becomes the command."""
    return lambda: resource.setrlimit(getattr(resource, name), (size, size))


def run(line: str, cwd: Path, name: str, size: int) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", *line.split()],
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=900,
        preexec_fn=limited(name, size),
    )


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("kilobytes", [600_000, 950_000, 1_000_000, 1_500_000])
def test_memory_that_the_libraries_alone_do_not_fit_into_is_refused(
    tmp_path: Path, command: str, kilobytes: int
) -> None:
    make_folder(tmp_path, ("a.png", "b.png"))
    done = run(COMMANDS[command], tmp_path, "RLIMIT_AS", kilobytes << 10)
    assert done.returncode == 1
    assert re.fullmatch(
        r"Error: ulimit -v allows \d\.\d GB of memory, and the libraries alone need 1\.5 GB; raise "
        r"that limit\n",
        done.stderr,
    )
    assert not (tmp_path / "out").exists()


def test_help_needs_no_memory(tmp_path: Path) -> None:
    for line in ("inpaint --help", "inpaint batch --help", "pretrain gaussian -h"):
        assert run(line, tmp_path, "RLIMIT_AS", 300_000 << 10).returncode == 0


@pytest.mark.slow
@pytest.mark.parametrize("command", COMMANDS)
def test_too_few_open_files_are_named(tmp_path: Path, command: str) -> None:
    make_folder(tmp_path, ("a.png",))
    done = run(COMMANDS[command], tmp_path, "RLIMIT_NOFILE", 6)
    if done.returncode:  # some need no more than six
        assert done.returncode == 1
        assert "ulimit -n" in done.stderr, done.stderr
    assert "Traceback" not in done.stderr
    assert "internal error" not in done.stderr


@pytest.mark.slow
@pytest.mark.parametrize("command", COMMANDS)
def test_files_that_may_not_grow_are_named(tmp_path: Path, command: str) -> None:
    make_folder(tmp_path, ("a.png", "b.png"))
    for name in ("a", "b"):  # noise, whose PNG is longer than that
        noise = np.random.default_rng(1).integers(0, 256, (24, 32, 3), np.uint8)
        Image.fromarray(noise).save(tmp_path / "in" / f"{name}.png")
    before = visible(tmp_path / "in")
    done = run(COMMANDS[command], tmp_path, "RLIMIT_FSIZE", 300)
    assert done.returncode == 1
    assert "ulimit -f" in done.stderr, done.stderr
    assert "Traceback" not in done.stderr
    assert "internal error" not in done.stderr
    assert "space" not in done.stderr
    assert visible(tmp_path / "in") == before
    assert not (tmp_path / "o.png").exists()


@pytest.mark.slow
def test_a_batch_ends_where_memory_ends_in_the_midst(tmp_path: Path) -> None:
    """Above what the libraries need, and far below what the picture does."""
    make_folder(tmp_path, ("a.png", "b.png"))
    large = np.random.default_rng(1).integers(0, 256, (5000, 8000, 3), np.uint8)
    Image.fromarray(large).save(tmp_path / "in" / "b.png")
    Image.fromarray(np.pad(np.full((400, 400), 255, np.uint8), (300, 300))).resize(
        (8000, 5000)
    ).save(tmp_path / "masks" / "b.png")
    done = run(COMMANDS["batch"], tmp_path, "RLIMIT_AS", 1700 << 20)
    assert done.returncode == 1
    assert "ulimit -v allows 1.7 GB" in done.stderr, done.stderr
    assert "Traceback" not in done.stderr
    assert set(visible(tmp_path / "out")) == {"a.png"}

"""Under fault a batch says what it did not do, and no file of its state ends it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest

from inpaint import images
from inpaint.batch.manifest import Manifest
from inpaint.batch.options import Options
from inpaint.batch.run import fill_folder
from inpaint.errors import ImageError, OutputError
from inpaint.images import Picture


def test_a_line_of_the_wrong_type_is_named_and_does_not_count(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "m.jsonl"
    good = {"path": "a", "status": "done", "out_sha256": "1"}
    bad = [{"path": 5, "status": "done"}, {"path": "a", "status": "started"}]
    path.write_text("".join(json.dumps(one) + "\n" for one in [good, *bad]))
    assert Manifest(path).get("a") == good
    assert "line 2 is no row" in caplog.text
    assert "line 3 is no row" in caplog.text


@pytest.mark.parametrize("how", ["removed", "replaced"])
def test_a_manifest_that_lost_its_name_is_an_error(tmp_path: Path, how: str) -> None:
    path = tmp_path / "state" / "m.jsonl"
    path.parent.mkdir()
    manifest = Manifest(path)
    shutil.rmtree(path.parent)
    if how == "replaced":
        path.parent.mkdir()
        path.touch()
    with pytest.raises(OutputError, match="was removed or replaced"):
        manifest.add({"path": "a", "status": "done"})


def test_a_folder_that_vanishes_is_told(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    for name in ("in/a", "in/z"):
        (tmp_path / name).mkdir(parents=True)
        pixels = rng.integers(0, 255, (16, 16, 3), dtype=np.uint8)
        images.write(tmp_path / name / "one.png", Picture(pixels))
    mask = np.zeros((16, 16, 1), np.uint8)
    mask[4:8, 4:8] = 255
    images.write(tmp_path / "mask.png", Picture(mask))
    summary = fill_folder(
        tmp_path / "in",
        tmp_path / "mask.png",
        tmp_path / "out",
        options=Options(prior="scenes64-gaussian", stages=()),
        workers=0,
        callback=lambda *_: shutil.rmtree(tmp_path / "in" / "z", ignore_errors=True),
    )
    assert (summary.total, summary.done + summary.failed) in ((2, 1), (2, 2))
    assert summary.stopped or summary.failed == 1
    assert summary.done == 1, summary.failures


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no pipes with names")
def test_a_pipe_in_place_of_an_image_is_refused_at_once(tmp_path: Path) -> None:
    pipe = tmp_path / "photo.png"
    os.mkfifo(pipe)
    errors: list[str] = []

    def read() -> None:
        try:
            images.read(pipe)
        except ImageError as error:
            errors.append(str(error))

    thread = threading.Thread(target=read, daemon=True)
    thread.start()
    thread.join(5)
    assert errors, "still waiting for the pipe"
    assert "is a pipe, socket or device" in errors[0]


def test_memory_urls_are_refused_on_the_command_line(tmp_path: Path) -> None:
    command = ["batch", str(tmp_path), "--masks", "alpha", "--out", "memory://x", "--workers", "0"]
    done = subprocess.run(
        [sys.executable, "-m", "inpaint", *command], capture_output=True, text=True, timeout=60
    )
    assert done.returncode in (1, 2)
    assert "forgotten when the command ends" in done.stderr
    assert len(done.stderr.splitlines()) == 1

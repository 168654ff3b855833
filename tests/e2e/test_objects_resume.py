"""A folder with one COCO file, killed twice and resumed: the bytes of an uninterrupted run."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

COUNT = 24


def outputs(folder: Path) -> dict[str, bytes]:
    files = (p for p in sorted(folder.rglob("*")) if p.is_file())
    return {str(p.relative_to(folder)): p.read_bytes() for p in files if ".inpaint" not in p.parts}


@pytest.mark.slow
def test_killed_twice_and_resumed_gives_the_same_bytes(
    tmp_path: Path, tiny_folders: dict[str, str]
) -> None:
    rng = np.random.default_rng(0)
    pictures, notes = [], []
    (tmp_path / "in" / "x").mkdir(parents=True)
    for number in range(COUNT):
        name = f"x/{number:03}.jpg" if number % 3 == 0 else f"{number:03}.png"
        Image.fromarray(rng.integers(0, 256, (48, 64, 3)).astype(np.uint8)).save(
            tmp_path / "in" / name
        )
        pictures.append({"id": number, "file_name": name, "width": 64, "height": 48})
        if number % 5:
            box = [10 + number % 20, 10, 14, 16]
            notes.append({"id": number, "image_id": number, "category_id": 1, "bbox": box})
    data = {"images": pictures, "annotations": notes, "categories": [{"id": 1, "name": "person"}]}
    (tmp_path / "coco.json").write_text(json.dumps(data))
    command = [sys.executable, "-m", "inpaint", "batch", str(tmp_path / "in")]
    command += ["--coco", str(tmp_path / "coco.json"), "--category", "person", "--workers", "1"]
    command += ["--prior", tiny_folders["gaussian"], "--out"]
    whole, cut = tmp_path / "whole", tmp_path / "cut"
    subprocess.run([*command, str(whole)], check=True, capture_output=True)
    for enough in (COUNT // 4, COUNT // 2):
        process = subprocess.Popen(
            [*command, str(cut)],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        while process.poll() is None and len(outputs(cut)) < enough:
            time.sleep(0.02)
        assert process.poll() is None, "it was done before it could be killed"
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    subprocess.run([*command, str(cut)], check=True, capture_output=True)
    assert len(outputs(whole)) == COUNT
    assert outputs(cut) == outputs(whole)

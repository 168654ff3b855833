"""``inpaint restore``: what it writes, what it says, and how it fails."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from PIL import Image

Fails = Callable[..., str]


@pytest.fixture
def prior(tiny_folders: dict[str, str]) -> str:
    return tiny_folders["gaussian"]


def pixels(path: str | Path) -> np.ndarray:
    image = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
    assert image is not None, path
    return image


@pytest.mark.parametrize(
    ("options", "shape"),
    [
        (["denoise"], (30, 40, 3)),
        (["superres"], (60, 80, 3)),
        (["superres", "--scale", 4], (120, 160, 3)),
        (["colorize"], (30, 40, 3)),
    ],
)
def test_each_task_writes_its_picture_and_names_it(
    run: Any, desk: Path, prior: str, options: list[Any], shape: tuple[int, ...]
) -> None:
    before = (desk / "photo.png").read_bytes()
    done = run("restore", "photo.png", "--out", "out.png", "--prior", prior, "--task", *options)
    assert (done.code, done.out) == (0, "out.png\n")
    assert done.err.startswith(f"{options[0]} with ")
    assert done.err.count("\n") == 1
    assert pixels("out.png").shape == shape
    assert (desk / "photo.png").read_bytes() == before
    assert sorted(p.name for p in desk.iterdir()) == ["mask.png", "out.png", "photo.png"]


def test_json_tells_what_was_done(run: Any, desk: Path, prior: str) -> None:
    done = run(
        "restore", "photo.png", "--task", "denoise", "--noise", 7.5,
        "--out", "out.png", "--prior", prior, "--json",
    )  # fmt: skip
    report = json.loads(done.out)
    assert report["out"] == "out.png"
    assert (report["task"], report["prior"], report["noise"]) == ("denoise", prior, 7.5)
    assert report["windows"] == 6 * 8  # of 12 px, 4 apart
    assert done.err == ""


def test_the_same_command_writes_the_same_bytes(run: Any, desk: Path, prior: str) -> None:
    for name in ("a.png", "b.png"):
        run("restore", "photo.png", "--task", "denoise", "--out", name, "--prior", prior)
    assert (desk / "a.png").read_bytes() == (desk / "b.png").read_bytes()


def test_a_grey_jpeg_becomes_a_colour_one_and_keeps_its_exif(
    run: Any, desk: Path, prior: str
) -> None:
    exif = Image.Exif()
    exif[0x010E] = "seen in grey"
    exif[0x0112] = 6  # to be turned
    Image.open("photo.png").convert("L").save("grey.jpg", exif=exif, quality=90)
    assert (
        run("restore", "grey.jpg", "--task", "colorize", "--out", "c.jpg", "--prior", prior).code
        == 0
    )
    result = Image.open("c.jpg")
    assert (result.mode, result.size) == ("RGB", (30, 40))
    assert result.getexif()[0x010E] == "seen in grey"
    assert result.getexif().get(0x0112, 1) == 1


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["photo.png", "--task", "denoise", "--out", "photo.png"], "is an input"),
        (["gone.png", "--task", "denoise", "--out", "out.png"], "does not exist"),
        (["photo.png", "--task", "denoise", "--out", "no/out.png"], "no"),
        (["photo.png", "--task", "denoise", "--out", "o.xyz"], "xyz"),
        (
            ["photo.png", "--task", "denoise", "--out", "o.png", "--scale", 2],
            "is for --task superres",
        ),
        (["photo.png", "--task", "sharpen", "--out", "o.png"], "sharpen"),
        (["photo.png", "--task", "denoise", "--out", "o.png", "--noise", "-3"], "range"),
        (["photo.png", "--task", "denoise", "--out", "o.png", "--prior", "none"], "unknown prior"),
        (
            ["photo.png", "--task", "superres", "--out", "o.png", "--prior", "faces64-gaussian"],
            "only whole pictures of 64x64 px",
        ),
    ],
)
def test_failures_are_one_line_and_leave_nothing(
    fails: Fails, arguments: list[Any], words: str
) -> None:
    assert words in fails("restore", *arguments)


def test_help_does_not_import_torch() -> None:
    code = (
        "import sys; from inpaint.cli import group\n"
        "try: group(['restore', '--help'])\n"
        "except SystemExit: pass\n"
        "sys.exit('torch' in sys.modules)"
    )
    assert (
        subprocess.run([sys.executable, "-c", code], check=False, capture_output=True).returncode
        == 0
    )

"""A pipe, or a device, in place of a file: every command refuses it at once, by name."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from conftest import Run
from PIL import Image

from inpaint.errors import ImageError
from inpaint.evaluate.data import iter_files, iter_images
from inpaint.evaluate.store import Store
from inpaint.system import files
from pretrain.cli import main as pretrain

pytestmark = pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes with names here")
WRITTEN = ("--out", "out.png")


@pytest.fixture(autouse=True)
def alarm() -> Iterator[None]:
    """End a test that waits: opening a pipe is interrupted by a signal."""

    def late(number: int, frame: object) -> None:
        raise AssertionError("still waiting for the pipe")

    before = signal.signal(signal.SIGALRM, late)
    signal.alarm(60)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


def pipe(name: str) -> str:
    os.mkfifo(name)
    return name


def device(name: str) -> str:
    os.symlink("/dev/zero", name)
    return name


@pytest.mark.parametrize("stand", [pipe, device])
@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("p.png", ("fill", "p.png", "--mask", "mask.png", *WRITTEN)),
        ("p.png", ("fill", "photo.png", "--mask", "p.png", *WRITTEN)),
        ("p.png", ("remove", "p.png", "--box", "1,1,5,5", *WRITTEN)),
        ("p.png", ("remove", "photo.png", "--mask", "p.png", *WRITTEN)),
        ("p.json", ("remove", "photo.png", "--labelme", "p.json", *WRITTEN)),
        ("p.json", ("remove", "photo.png", "--coco", "p.json", *WRITTEN)),
        ("p.xml", ("remove", "photo.png", "--annotations", "p.xml", *WRITTEN)),
        ("p.txt", ("remove", "photo.png", "--annotations", "p.txt", *WRITTEN)),
        ("p.png", ("restore", "p.png", "--task", "denoise", *WRITTEN)),
        ("p.tar", ("evaluate", "p.tar", "--masks", "center", "--method", "mean", "--out", "o")),
        ("p.tar", ("evaluate", "in", "--masks", "p.tar", "--method", "mean", "--out", "o")),
        ("p.png", ("evaluate", "in", "--masks", "p.png", "--method", "mean", "--out", "o")),
        ("p.json", ("batch", "in", "--coco", "p.json", "--out", "o", "--workers", "0")),
        ("p.onnx", ("show", "p.onnx")),
        ("prior/config.json", ("show", "prior")),
    ],
)
def test_what_is_no_file_is_refused_at_once(
    run: Run, desk: Path, stand: Callable[[str], str], name: str, words: tuple[str, ...]
) -> None:
    for folder in ("in", "prior"):
        (desk / folder).mkdir()
    (desk / "in" / "a.png").write_bytes((desk / "photo.png").read_bytes())
    stand(name)
    said = run(*words)
    complaint = said.err.splitlines()[-1]
    assert said.code in (1, 2)
    assert name.split("/")[-1] in complaint or "/dev/zero" in complaint
    assert "internal error" not in said.err
    assert not (desk / "out.png").exists()


def test_evaluate_names_a_pipe_in_the_midst_of_a_folder(run: Run, desk: Path) -> None:
    (desk / "in").mkdir()
    (desk / "in" / "a.png").write_bytes((desk / "photo.png").read_bytes())
    pipe("in/b.png")
    told = run("evaluate", "in", "--masks", "center", "--method", "mean", "--out", "o")
    assert told.code == 1
    assert "b.png" in told.err
    assert "is a pipe, socket or device" in told.err


@pytest.mark.parametrize("where", ["in", "in/b.png", "p.tar"])
def test_pretrain_refuses_a_pipe(
    desk: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    where: str,
) -> None:
    (desk / "in").mkdir()
    pipe("p.tar" if where == "p.tar" else "in/b.png")
    words = ["gaussian", "in" if where == "in" else where, "--out", "o", "--size", "16"]
    monkeypatch.setattr("sys.argv", ["pretrain", *words])
    with pytest.raises(SystemExit) as stop:
        pretrain()
    said = capfd.readouterr().err
    assert stop.value.code == 1
    assert "internal error" not in said
    assert "is a pipe, socket or device" in said


def test_a_pipe_that_appears_in_mid_run_is_the_error_of_its_own_row(desk: Path) -> None:
    for name in ("a.png", "b.png", "c.png"):
        Image.fromarray(np.full((8, 8, 3), 90, np.uint8)).save(desk / name)
    (desk / "photo.png").unlink()
    (desk / "mask.png").unlink()
    found = iter_images(desk)
    assert isinstance(next(found)[1], np.ndarray)
    (desk / "b.png").unlink()
    pipe("b.png")
    name, error = next(found)
    assert name == "b.png"
    assert isinstance(error, ImageError)
    assert "is a pipe, socket or device" in str(error)
    assert isinstance(next(found)[1], np.ndarray)


def test_a_tar_that_becomes_a_pipe_is_not_waited_for(desk: Path) -> None:
    import tarfile

    with tarfile.open("set.tar", "w") as tar:
        tar.add("photo.png")
    found = iter_files("set.tar")
    os.unlink("set.tar")
    pipe("set.tar")
    with pytest.raises(ImageError, match="is a pipe, socket or device"):
        next(found)


def test_a_report_that_is_a_pipe_is_not_waited_for(desk: Path) -> None:
    (desk / "o").mkdir()
    pipe("o/metrics.jsonl")
    with pytest.raises(Exception, match="is a pipe, socket or device"):
        Store("o")


def test_a_file_a_link_and_a_folder(desk: Path) -> None:
    os.symlink("photo.png", "link.png")
    data = (desk / "photo.png").read_bytes()
    assert files.read_bytes("link.png") == data
    with pytest.raises(IsADirectoryError):
        files.read_bytes(".")
    with pytest.raises(FileNotFoundError):
        files.read_bytes("nothing")
    (desk / "text").write_bytes("\ufeffa\r\nb\rc\n".encode())
    assert files.read_text("text", encoding="utf-8-sig") == "a\nb\nc\n"

"""Running the command line inside the test's process, and looking at what it left behind."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import pytest
from kinds import photo, saved
from starlette.testclient import TestClient

from inpaint.cli import main
from inpaint.web.app import create_app
from inpaint.web.settings import Settings


@dataclass(frozen=True)
class Outcome:
    code: int
    out: str
    err: str

    def complaint(self) -> str:
        """The one line after ``Error:``, if the command failed as it should."""
        assert self.code in (1, 2), self.err
        assert self.out == ""
        assert "Traceback" not in self.err
        assert "internal error" not in self.err
        lines = self.err.rstrip("\n").split("\n")
        if lines[0].startswith("Usage:"):  # click's: usage, hint, an empty line, the error
            assert self.code == 2
            assert len(lines) <= 4
        else:
            assert len(lines) == 1, self.err
        assert lines[-1].startswith("Error: ")
        return lines[-1].removeprefix("Error: ")


Run = Callable[..., Outcome]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Run:
    """``run("fill", path, "--mask", ...)``: the command's exit code and what it said."""

    def call(*arguments: object) -> Outcome:
        monkeypatch.setattr("sys.argv", ["inpaint", *map(str, arguments)])
        capfd.readouterr()
        with pytest.raises(SystemExit) as stop:
            main()
        assert isinstance(stop.value.code, int)
        return Outcome(stop.value.code, *capfd.readouterr())

    return call


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working folder, with ``photo.png`` (40x30) and ``mask.png``."""
    y, x = np.mgrid[:30, :40]
    photo = np.stack([x * 6, y * 8, 255 - x * 3 - y * 3], axis=2).astype(np.uint8)
    mask = np.zeros((30, 40), np.uint8)
    mask[8:20, 10:25] = 255
    cv2.imwrite(str(tmp_path / "photo.png"), photo)
    cv2.imwrite(str(tmp_path / "mask.png"), mask)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def contents(folder: Path) -> dict[str, bytes | None]:
    """Everything below a folder: {path: bytes}, None for a folder."""
    return {str(p): None if p.is_dir() else p.read_bytes() for p in sorted(folder.rglob("*"))}


@pytest.fixture
def fails(run: Run, desk: Path) -> Callable[..., str]:
    """``fails("fill", ...)``: the complaint of a command that must leave everything as it was."""

    def call(*arguments: object) -> str:
        before = contents(desk)
        complaint = run(*arguments).complaint()
        assert contents(desk) == before
        return complaint

    return call


@pytest.fixture
def one_photo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working folder, with ``in/a.png``, the photo of ``kinds``, and an empty ``masks``."""
    for name in ("in", "masks"):
        (tmp_path / name).mkdir()
    (tmp_path / "in" / "a.png").write_bytes(saved(photo()))
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def client(tiny_folders: dict[str, str]) -> Iterator[TestClient]:
    """The API of ``inpaint serve`` with tiny priors."""
    app = create_app(Settings(own_priors=dict(tiny_folders)))
    with TestClient(app, base_url="http://127.0.0.1:8123") as one:
        yield one

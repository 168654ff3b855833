"""The wheel and the source distribution hold all that works; the wheel needs no checkout."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

from inpaint import __version__

ROOT = Path(__file__).parents[2]
DATA = {".safetensors", ".json", ".md", ".html", ".toml", ".js", ".css", ".svg", ".typed"}


def packed() -> set[str]:
    """Everything under version control in the packages, as the wheel names it."""
    listed = subprocess.run(
        ["git", "ls-files", "inpaint", "pretrain"], cwd=ROOT, capture_output=True, text=True
    )
    if listed.returncode == 0 and listed.stdout:
        return set(listed.stdout.splitlines())
    files = (p for package in ("inpaint", "pretrain") for p in (ROOT / package).rglob("*"))
    return {p.relative_to(ROOT).as_posix() for p in files if p.suffix in DATA or p.suffix == ".py"}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built from a copy, so that nothing is left in the checkout; without a download."""
    copy, out = tmp_path_factory.mktemp("copy"), tmp_path_factory.mktemp("dist")
    for name in ("inpaint", "pretrain", "pyproject.toml", "README.md", "LICENSE"):
        subprocess.run(["cp", "-r", str(ROOT / name), str(copy)], check=True)
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(out)]
    done = subprocess.run([*command, str(copy)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    (path,) = out.glob("*.whl")
    return path


def test_it_holds_every_file_of_the_packages(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        held = set(archive.namelist())
    assert packed() - held == set()
    for name in ("inpaint/py.typed", "pretrain/py.typed", "inpaint/evaluate/report.html"):
        assert name in held
    assert sum(name.endswith(".safetensors") for name in held) >= 9
    assert not any(name.startswith(("tests", "samples", "benchmarks")) for name in held)


def test_the_source_distribution_holds_all_that_the_tests_need(tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    unwanted = shutil.ignore_patterns("__pycache__", "*.egg-info", "*.safetensors")
    needed = ("benchmarks", "docs", "examples", "samples", "tests")
    for name in (*needed, "inpaint", "pretrain"):
        shutil.copytree(ROOT / name, copy / name, ignore=unwanted)
    for path in (p for p in ROOT.iterdir() if p.is_file()):
        shutil.copy(path, copy)
    command = [sys.executable, "-m", "build", "--sdist", "--no-isolation", "--outdir"]
    done = subprocess.run(
        [*command, str(tmp_path / "dist"), str(copy)], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    (packed_up,) = (tmp_path / "dist").glob("latent_inpaint-*.tar.gz")
    with tarfile.open(packed_up) as archive:
        held = {name.partition("/")[2] for name in archive.getnames()}
    for folder in needed:
        files = (p for p in (copy / folder).rglob("*") if p.is_file())
        assert {p.relative_to(copy).as_posix() for p in files} - held == set()
    assert {"CHANGELOG.md", "CITATION.cff", "Makefile", "constraints.txt", "mkdocs.yml"} <= held


def test_its_version_is_that_of_the_code(wheel: Path) -> None:
    assert wheel.name.startswith(f"latent_inpaint-{__version__}-py3")


def test_it_fills_where_there_is_no_checkout(wheel: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path / "site")
    environment = {**os.environ, "PYTHONPATH": str(tmp_path / "site")}
    words = ["fill", str(ROOT / "samples/face.png"), "--mask", str(ROOT / "samples/face_mask.png")]
    done = subprocess.run(
        [sys.executable, "-m", "inpaint", *words, "--out", "out.png", "--json"],
        cwd=tmp_path, env=environment, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "out.png").exists()
    where = subprocess.run(
        [sys.executable, "-c", "import inpaint, pretrain; print(inpaint.__file__)"],
        cwd=tmp_path, env=environment, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert where.stdout.startswith(str(tmp_path))

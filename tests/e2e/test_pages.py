"""Every command of README.md and docs/extending.md, as it is written, in a copy of the checkout."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
# What installs, and what waits for a browser.
SKIPPED = ("make demo", "inpaint serve")


def blocks(page: str) -> list[tuple[str, str]]:
    """The code of a page: (language, text) from top to bottom."""
    text = (ROOT / page).read_text(encoding="utf-8")
    return re.findall(r"```(sh|python)\n(.*?)```", text, re.S)


@pytest.fixture
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy without weights but for the link to them, and ``inpaint`` on the path."""
    copy = tmp_path_factory.mktemp("checkout")
    left_out = shutil.ignore_patterns("zoo", "__pycache__")
    for name in ("inpaint", "pretrain", "examples", "tests/contract"):
        shutil.copytree(ROOT / name, copy / name, ignore=left_out)
    for name in ("inpaint/zoo", "samples"):
        (copy / name).symlink_to(ROOT / name)
    for name in ("tests/conftest.py", "pyproject.toml"):
        shutil.copy(ROOT / name, copy / name)
    (copy / "bin").mkdir()
    offline = f'--quiet --no-deps --no-build-isolation --target "{copy / "site"}"'
    programs = {"inpaint": "-m inpaint", "pretrain": "-m pretrain", "python": "", "pip": "-m pip"}
    for program, words in programs.items():
        more = offline if program == "pip" else ""
        script = copy / "bin" / program
        script.write_text(f'#!/bin/sh\nexec "{sys.executable}" {words} "$@" {more}\n')
        script.chmod(0o755)
    return copy


def run(checkout: Path, block: str) -> str:
    path = f"{checkout / 'bin'}{os.pathsep}{os.environ['PATH']}"
    environment = {
        **os.environ,
        "PATH": path,
        "PYTHONPATH": f"{checkout}{os.pathsep}{checkout / 'site'}",
    }
    done = subprocess.run(
        ["bash", "-e", "-c", block], cwd=checkout, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return done.stdout


@pytest.mark.slow
def test_every_command_of_the_readme_works_in_order(checkout: Path) -> None:
    said = []
    for language, block in blocks("README.md"):
        if not any(word in block for word in SKIPPED):
            code = f"python - <<'END'\n{block}\nEND\n" if language == "python" else block
            said.append(run(checkout, code))
    assert len(said) == 5
    names = {path.stem for path in (checkout / "filled").iterdir()}
    assert {"chelsea", "coffee", "face", "rocket", "seeding"} <= names
    for made in (
        "clean.jpg",
        "eval/report.html",
        "coffee.png",
        "coffee.jpg",
        "rocket.jpg",
        "calm.jpg",
    ):
        assert (checkout / made).stat().st_size > 10_000, made
    assert "scenes64-gaussian" in said[-1]


@pytest.mark.slow
def test_every_command_of_the_extending_page_works_in_order(checkout: Path) -> None:
    function, objects, package = (
        run(checkout, f"python - <<'END'\n{block}\nEND\n" if language == "python" else block)
        for language, block in blocks("docs/extending.md")
    )
    assert function == ""
    assert "planes: poisson + warmer" in objects
    assert re.search(r"^grain +Grain: give the hole .*inpaint-examples 0.1", package, re.M)
    assert re.search(r"^power-law +Power law: .*inpaint-examples 0.1", package, re.M)
    for made in ("warm.png", "mine.png", "grainy.png", "waves.png"):
        assert (checkout / made).stat().st_size > 10_000, made

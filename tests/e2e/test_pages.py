"""Every command of README.md and of the pages in docs, as it is written, in a copy of the checkout.

A page's blocks of ``sh`` and ``python`` are run from top to bottom. ``text`` blocks are not meant
to be pasted, and each says why.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
# Lines that install, wait for a browser or for such a server, or start processes of a trainer
# (tests/unit/test_pretrain_parallel.py runs those); and where the pages tell of a network that
# is not ours to ship.
SKIPPED = re.compile(r"^(make|source|pip install '\.|inpaint serve|curl|accelerate)\b|\.onnx", re.M)
PAGES = ["README.md", *sorted(f"docs/{path.name}" for path in (ROOT / "docs").glob("*.md"))]


def blocks(page: str) -> list[tuple[str, str]]:
    """The code of a page: (language, text) from top to bottom, but for what is skipped."""
    text = (ROOT / page).read_text(encoding="utf-8")
    found = re.findall(r"^```(sh|python)\n(.*?)^```", text, re.S | re.M)
    return [(language, block) for language, block in found if not SKIPPED.search(block)]


@pytest.fixture
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy without weights but for the link to them, and ``inpaint`` on the path."""
    copy = tmp_path_factory.mktemp("checkout")
    left_out = shutil.ignore_patterns("zoo", "*.pyc")  # machine code of the kernels comes along
    for name in ("inpaint", "pretrain", "examples", "tests/contract"):
        shutil.copytree(ROOT / name, copy / name, ignore=left_out)
    for name in ("inpaint/zoo", "samples", "benchmarks", "docs"):
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


def run(checkout: Path, language: str, block: str) -> str:
    """What a block prints; it must end with 0."""
    if language == "python":
        block = f"python - <<'END'\n{block}\nEND\n"
    path = f"{checkout / 'bin'}{os.pathsep}{os.environ['PATH']}"
    environment = {
        **os.environ,
        "PATH": path,
        "PYTHONPATH": f"{checkout}{os.pathsep}{checkout / 'site'}",
    }
    done = subprocess.run(
        ["bash", "-e", "-c", block], cwd=checkout, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, f"{block}\n{done.stdout[-3000:]}{done.stderr[-3000:]}"
    return done.stdout


# What must lie there after a page, and of a picture that it is more than a speck.
MADE = {
    "README.md": ("clean.jpg", "eval/report.html", "coffee.png", "coffee.jpg", "calm.png",
                  "rocket.jpg"),
    "docs/evaluate.md": ("eval/report.html",),
    "docs/extending.md": ("warm.png", "mine.png", "grainy.png", "waves.png"),
    "docs/faces.md": ("astronaut.png",),
    "docs/how-it-works.md": ("face.png", "trace/sheet.png", "best.png"),
    "docs/pretrain.md": ("my-gaussian/model.safetensors", "my-network/model.safetensors",
                         "gan-r3/model.safetensors", "cup.jpg", "sheets/score.json"),
    "docs/refiners.md": ("my-refiner/model.safetensors",),
    "docs/remove.md": ("clean.jpg", "look.png", "without-mast.jpg", "meadow.jpg", "no-spoon.jpg"),
    "docs/restore.md": ("calm.png", "large.png", "coloured.png"),
    "docs/scale.md": ("filled/coffee.jpg", "no-spoons/coffee.jpg", "meadow/seeding.jpg",
                      "again/coffee.jpg"),
}  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("page", [page for page in PAGES if blocks(page)])
def test_every_command_of_a_page_works_in_order(page: str, checkout: Path) -> None:
    said = [run(checkout, *block) for block in blocks(page)]
    for made in MADE[page]:
        assert (checkout / made).stat().st_size > 200, made
    if page == "README.md":
        names = {path.stem for path in (checkout / "filled").iterdir()}
        assert {"chelsea", "coffee", "face", "rocket", "seeding"} <= names
        assert "scenes64-gaussian" in "".join(said)
    if page == "docs/extending.md":
        assert "planes: poisson + warmer" in said[1]
        assert re.search(r"^grain +Grain: give the hole .*inpaint-examples 0.1", said[2], re.M)
        assert re.search(r"^power-law +Power law: .*inpaint-examples 0.1", said[2], re.M)


def test_what_is_not_run_says_why() -> None:
    """A command outside a block that is run stands beside a word that tells why it is not."""
    reasons = re.compile(r"bucket|checkout|\.onnx|serve|# ")
    for page in PAGES:
        text = (ROOT / page).read_text(encoding="utf-8")
        for block in re.findall(r"^```(?:text)?\n(.*?)^```", text, re.S | re.M):
            if re.search(r"^(inpaint|pretrain) ", block, re.M):
                assert reasons.search(block), f"{page}: {block}"

"""The documentation builds without a warning and fetches nothing."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("mkdocs", reason="needs the docs extra")
ROOT = Path(__file__).parents[2]
# What a browser loads by itself.
LOADED = re.compile(
    r"<(?:script|img|iframe|source)[^>]*\ssrc=[\"']?(https?:)?//[^\"' >]+"
    r"|<link[^>]*rel=[\"']?(?:stylesheet|preconnect|icon)[^>]*href=[\"']?(https?:)?//[^\"' >]+"
)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("site")
    done = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(out)],
        cwd=ROOT, env={**os.environ, "NO_MKDOCS_2_WARNING": "1"}, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    return out


def test_it_shows_readme_docs_cards_decisions_examples_and_api(site: Path) -> None:
    pages = {path.relative_to(site).as_posix() for path in site.rglob("*.html")}
    docs = [path.stem for path in (ROOT / "docs").glob("*.md")]
    expected = {"index.html", "api/inpaint.html", "api/pretrain.html", "examples/grain.html"}
    expected |= {"examples/objects.html", "examples/power_law.html"}
    expected |= {f"{name}.html" for name in docs} | {"cards/faces64-vae.html"}
    assert expected <= pages
    search = (site / "api" / "inpaint.search.html").read_text()
    assert "the number of starts for each image" in search
    assert "../cards/" not in (site / "zoo.html").read_text()


def test_nothing_is_loaded_from_elsewhere(site: Path) -> None:
    for page in site.rglob("*.html"):
        found = LOADED.search(page.read_text())
        assert found is None, f"{page.name}: {found and found[0]}"
    for style in site.rglob("*.css"):
        assert not re.search(r"url\([\"']?(https?:)?//", style.read_text()), style.name


def test_a_broken_link_would_be_seen(tmp_path: Path) -> None:
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "index.md").write_text("[gone](gone.md)")
    strict = (ROOT / "mkdocs.yml").read_text()
    validation = strict[strict.index("validation:") : strict.index("nav:\n  - Start")]
    (tmp_path / "mkdocs.yml").write_text(f"site_name: x\n{validation}")
    done = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict"],
        cwd=tmp_path, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode != 0
    assert "gone.md" in done.stderr

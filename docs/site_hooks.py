"""What the site shows beside docs/: README, changelog, model cards, examples, decisions, the API.

MkDocs calls the ``on_...`` functions. The files are read where they lie and nothing is copied into
docs/; links between them are those that work in the checkout, and are turned into the site's here.
"""

from __future__ import annotations

import posixpath
import re
from pathlib import Path
from typing import Any

from mkdocs.structure.files import File, Files

ROOT = Path(__file__).parents[1]
LINK = re.compile(r"(\]\()([^)#\s]+)")
# Parts of the packages that have no API: recipes, the page's files, what click makes.
NO_API = {"recipes", "static", "cli", "__pycache__"}


def shown() -> dict[str, str]:
    """Pages by their path in the site, and the files of the checkout that they show."""
    pages = {"index.md": "README.md", "changelog.md": "CHANGELOG.md", "licence.md": "LICENSE"}
    pages |= {"samples.md": "samples/SOURCES.md", "benchmarks.md": "benchmarks/RESULTS.md"}
    pages |= {"contributing.md": "CONTRIBUTING.md", "security.md": "SECURITY.md"}
    pages |= {"citation.md": "CITATION.cff"}
    for card in sorted(ROOT.glob("inpaint/zoo/*/MODEL_CARD.md")):
        pages[f"cards/{card.parent.name}.md"] = card.relative_to(ROOT).as_posix()
    for example in sorted((ROOT / "examples").rglob("*.py")):
        if example.stem != "__init__":
            pages[f"examples/{example.stem}.md"] = example.relative_to(ROOT).as_posix()
    return {page: path for page, path in pages.items() if (ROOT / path).exists()}


def api() -> dict[str, list[str]]:
    """Modules by their page: one page a package, and one for the modules beside the packages."""
    pages: dict[str, list[str]] = {}
    for package in ("inpaint", "pretrain"):
        for path in sorted((ROOT / package).rglob("*.py")):
            parts = path.relative_to(ROOT).with_suffix("").parts
            if NO_API & set(parts) or path.stem == "__main__":
                continue
            name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
            pages.setdefault(".".join(parts[:2][: len(parts) - 1]), []).append(name)
    return {name: sorted(modules) for name, modules in pages.items()}


def on_config(config: Any) -> Any:
    """Add to the navigation what is found rather than listed."""
    decisions = sorted(p.name for p in (ROOT / "docs" / "decisions").glob("*.md"))
    pages = shown()
    config.nav += [
        {"Decisions": [f"decisions/{name}" for name in decisions]},
        {"Examples": [page for page in pages if page.startswith("examples/")]},
        {"API reference": [{name: f"api/{name}.md"} for name in api()]},
        {"Model cards": [page for page in pages if page.startswith("cards/")]},
        {
            "About": [
                {name: page}
                for name, page in (
                    ("Benchmarks", "benchmarks.md"),
                    ("Changelog", "changelog.md"),
                    ("Samples", "samples.md"),
                    ("Licence", "licence.md"),
                    ("Contributing", "contributing.md"),
                    ("Security", "security.md"),
                    ("Citation", "citation.md"),
                )
                if page in pages
            ]
        },
    ]
    return config


def on_files(files: Files, config: Any) -> Files:
    """Add the pages that do not lie in docs/."""
    for page, path in shown().items():
        text = (ROOT / path).read_text(encoding="utf-8")
        if path.endswith(".py"):
            text = f"# {path}\n\n```python\n{text}```\n"
        elif not path.endswith(".md"):
            text = f"# {path}\n\n```text\n{text}```\n"
        files.append(File.generated(config, page, content=text))
    for name, modules in api().items():
        text = f"# {name}\n\n" + "".join(f"::: {module}\n\n" for module in modules)
        files.append(File.generated(config, f"api/{name}.md", content=text))
    return files


def on_page_markdown(markdown: str, page: Any, **_: Any) -> str:
    """Turn links that work in the checkout into links of the site."""
    here = page.file.src_uri
    places = shown()
    origin = places.get(here, f"docs/{here}")
    sites = {path: uri for uri, path in places.items()}

    def turned(match: re.Match[str]) -> str:
        target = match[2]
        if re.match(r"[a-z]+:", target):
            return match[0]
        path = posixpath.normpath(posixpath.join(posixpath.dirname(origin), target))
        uri = sites.get(path, path.removeprefix("docs/"))
        return match[1] + posixpath.relpath(uri, posixpath.dirname(here) or ".")

    # Code holds brackets that are no links.
    parts = re.split(r"(```.*?```|`[^`\n]*`)", markdown, flags=re.S)
    return "".join(p if p.startswith("`") else LINK.sub(turned, p) for p in parts)

from __future__ import annotations

import re
from pathlib import Path

import click
import pytest

import inpaint
from inpaint.cli import group
from pretrain.cli import group as pretrain_group

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").rglob("*.md"))]
COMMAND = re.compile(r"^(inpaint|pretrain) (\w+) ?(.*)$", re.M)


def option_names(command: click.Command) -> set[str]:
    return {name for parameter in command.params for name in parameter.opts}


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.name)
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)", page.read_text()):
        if not target.startswith("http"):
            assert (page.parent / target).exists(), target


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.name)
def test_commands_in_code_blocks_exist_with_their_options(page: Path) -> None:
    blocks = "\n".join(re.findall(r"```sh\n(.*?)```", page.read_text(), re.S))
    for program, name, rest in COMMAND.findall(blocks.replace("\\\n", " ")):
        commands = group if program == "inpaint" else pretrain_group
        with click.Context(commands) as context:
            command = commands.get_command(context, name)
        assert command is not None, f"{program} {name}"
        used = set(re.findall(r"(?<!\S)--[a-z0-9-]+", rest.partition("#")[0]))
        assert used <= option_names(command), f"{program} {name}: {used - option_names(command)}"


def test_paths_named_in_the_docs_exist() -> None:
    for page in PAGES:
        for path in re.findall(
            r"`((?:inpaint|pretrain|benchmarks|docs)/[\w/.-]+)`", page.read_text()
        ):
            if not re.search(r"KIND|NAME", path):
                assert (ROOT / path).exists(), f"{page.name}: {path}"


def test_options_in_the_readme_table_are_options_of_fill() -> None:
    with click.Context(group) as context:
        fill = group.get_command(context, "fill")
    assert fill is not None
    table = re.findall(r"^\|.*\| `(--[a-z-]+)", (ROOT / "README.md").read_text(), re.M)
    assert len(table) >= 5
    assert set(table) <= option_names(fill)


def test_the_citation_names_this_version_and_package() -> None:
    cited = (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    assert re.search(rf"^version: {re.escape(inpaint.__version__)}$", cited, re.M)
    assert re.search(r'^name = "latent-inpaint"$', (ROOT / "pyproject.toml").read_text(), re.M)
    assert "latent-inpaint" in cited


def test_every_public_name_exists_and_says_what_it_is() -> None:
    for name in inpaint.__all__:
        assert getattr(inpaint, name).__doc__ or name == "__version__", name


def test_every_shipped_prior_has_a_card_with_data_licence_and_figures() -> None:
    for config in sorted((ROOT / "inpaint" / "zoo").glob("*/config.json")):
        card = (config.parent / "MODEL_CARD.md").read_text()
        for word in ("data", "licence", "measured"):
            assert word in card.lower(), f"{config.parent.name}: {word}"
        assert "@" not in card, f"{config.parent.name}: a figure was not filled in"

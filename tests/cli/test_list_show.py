"""``inpaint list``, ``inpaint show``, and the help of every command."""

from __future__ import annotations

import json
import resource
import subprocess
import sys
from pathlib import Path
from typing import Any

import click
import pytest

import inpaint
from inpaint.cli import SUMMARIES, group
from inpaint.evaluate.methods import catalogue
from inpaint.zoo import registry

INPAINT = Path(sys.executable).with_name("inpaint")
COMMANDS = group.list_commands(click.Context(group))  # type: ignore[attr-defined]
HELPS = [["--help"], *([name, "--help"] for name in COMMANDS)]


@pytest.mark.parametrize("arguments", HELPS, ids=" ".join)
def test_help_is_instant(arguments: list[str]) -> None:
    times = []
    for _ in range(3):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        done = subprocess.run([INPAINT, *arguments], capture_output=True, text=True, check=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        # Processor time: the clock on the wall measures the machine's other work too.
        times.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    assert done.stdout.startswith("Usage: inpaint")
    assert done.stderr == ""
    assert min(times) < 0.5


@pytest.mark.parametrize(
    "arguments", [*HELPS, ["list", "priors"], ["list", "stages"]], ids=" ".join
)
def test_help_and_names_do_not_import_torch(arguments: list[str]) -> None:
    code = (
        "import sys, atexit; from inpaint.cli import main; "
        f"sys.argv = ['inpaint', *{arguments!r}]; "
        "atexit.register(lambda: print('torch' in sys.modules, file=sys.stderr)); main()"
    )
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stderr == "False\n"


def test_every_command_has_a_summary() -> None:
    assert set(COMMANDS) <= set(SUMMARIES)


def test_the_top_shows_all_commands(run: Any) -> None:
    done = run("--help")
    assert (done.code, done.err) == (0, "")
    for name in COMMANDS:
        assert f"  {name} " in done.out
    assert run("--version").out == f"inpaint, version {inpaint.__version__}\n"


def test_without_a_command_the_help_comes_and_exit_is_2(run: Any) -> None:
    done = run()
    assert done.code == 2
    assert "Usage: inpaint" in done.err + done.out
    assert "Traceback" not in done.err


def test_an_unknown_command_gets_a_hint(run: Any) -> None:
    assert run("fil").complaint() == "unknown command 'fil'; did you mean 'fill'?"
    assert run("fil").code == 2


def test_lists_name_what_there_is(run: Any) -> None:
    for what, names in (
        ("priors", registry.priors()),
        ("stages", registry.stages()),
        ("methods", list(catalogue())),
    ):
        done = run("list", what)
        assert (done.code, done.err) == (0, "")
        lines = done.out.splitlines()
        assert [line.split()[0] for line in lines] == list(names)
        assert all(len(line.split()) > 2 for line in lines), "each with a line about it"
        assert list(json.loads(run("list", what, "--json").out)) == list(names)


def test_an_unknown_list_is_explained(run: Any) -> None:
    assert "'prior' is not one of" in run("list", "prior").complaint()


@pytest.mark.parametrize("name", registry.priors())
def test_show_describes_a_prior(run: Any, name: str) -> None:
    done = run("show", name)
    assert (done.code, done.err) == (0, "")
    assert len(done.out) > 50
    config = json.loads(run("show", name, "--json").out)
    assert config["kind"] in registry.kinds()
    assert len(config["sha256"]) == 64


@pytest.mark.parametrize("name", registry.stages())
def test_show_describes_a_stage(run: Any, name: str) -> None:
    about = run("show", name).out
    assert len(about) > 20
    assert json.loads(run("show", name, "--json").out) == {
        "name": name,
        "about": about.rstrip("\n"),
    }


def test_show_takes_a_folder(run: Any, tiny_folders: dict[str, str]) -> None:
    for kind, folder in tiny_folders.items():
        assert json.loads(run("show", folder, "--json").out)["kind"] == kind


def test_show_of_an_unknown_name_gets_a_hint(run: Any) -> None:
    assert "did you mean 'poisson'" in run("show", "poison").complaint()
    assert run("show", "poison").code == 2


def test_show_of_a_broken_folder_is_one_line(run: Any, tmp_path: Path) -> None:
    assert "config.json" in run("show", tmp_path).complaint()
    (tmp_path / "config.json").write_text("[]")
    assert "kind" in run("show", tmp_path, "--json").complaint()

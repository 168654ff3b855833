"""``make bench``: every benchmark has a short form, its options exist, its output is understood."""

from __future__ import annotations

import re
import shlex
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
sys.path.insert(0, str(BENCHMARKS))

import run_all  # noqa: E402
import short_forms  # noqa: E402
import small_data  # noqa: E402

by_name = {short.script.removesuffix(".py"): short for short in short_forms.SHORT}
each = pytest.mark.parametrize("short", by_name.values(), ids=by_name)


def test_every_benchmark_has_a_short_form_or_a_reason() -> None:
    paths = BENCHMARKS.glob("*.py")
    scripts = {p.stem for p in paths if "__main__" in p.read_text()} - {"run_all"}
    assert scripts <= set(by_name) | set(short_forms.LEFT_OUT)
    assert set(by_name) <= scripts


@each
def test_its_options_are_in_the_script(short: short_forms.Short) -> None:
    source = (BENCHMARKS / short.script).read_text()
    for option in re.findall(r"--[a-z-]+", short.words):
        assert f'"{option}"' in source, option


def test_small_sets_stand_in_for_absent_data(tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir()
    (data / "faces64-val.tar").touch()
    found = small_data.sets(data, tmp_path / "scratch")
    assert found["faces"] == (data / "faces64-val.tar", "faces64-val")
    assert found["photos"][1] == "samples (4)"
    assert len(list(found["photos"][0].glob("*.png"))) == 4
    assert "train" not in found
    assert run_all.run(by_name["gan_recipes"], found, tmp_path, 1) is None


@pytest.mark.slow
def test_a_real_run_makes_the_table(tmp_path: Path) -> None:
    out = tmp_path / "RESULTS.md"
    words = ["--only", "ceiling", "--only", "gan_recipes", "--out", str(out)]
    done = CliRunner().invoke(run_all.main, words, catch_exceptions=False)
    assert done.exit_code == 0
    text = out.read_text()
    row = re.search(
        r"\| `ceiling` \| samples \(1\) \| faces64-gaussian.* \| ([\d.]+) dB \| \d+ \|", text
    )
    assert row is not None
    assert 25 < float(row[1]) < 45
    assert "- `gan_recipes` needs faces64-train.tar" in text
    for word in ("date: 20", "commit: ", "machine: ", "torch 2"):
        assert word in text


@pytest.mark.slow
def test_a_failure_is_a_row_and_exit_code_1(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    short = by_name["ceiling"]._replace(words="no-such-prior {faces}")
    monkeypatch.setattr(run_all, "SHORT", (short,))
    out = tmp_path / "RESULTS.md"
    done = CliRunner().invoke(run_all.main, ["--out", str(out)])
    assert done.exit_code == 1
    assert re.search(r"\*\*failed\*\* \| exit code 1: .*no-such-prior", out.read_text())


@each
def test_what_is_no_output_is_refused(short: short_forms.Short) -> None:
    with pytest.raises(short_forms.UnreadableError):
        short_forms.figures(short, "Traceback\n")


def test_a_path_with_blanks_stays_one_word() -> None:
    assert run_all.filled("{faces} --limit 2", {"faces": "/my data/faces"}) == [
        "/my data/faces", *shlex.split("--limit 2"),
    ]  # fmt: skip


def test_the_committed_table_has_every_benchmark() -> None:
    text = (BENCHMARKS / "RESULTS.md").read_text()
    assert "**failed**" not in text
    assert {name for name in by_name if f"`{name}`" not in text} == set()

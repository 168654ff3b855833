"""``benchmarks/speed.py``: pictures and holes are as described, figures are measured."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
sys.path.insert(0, str(BENCHMARKS))

import small_data  # noqa: E402
import speed  # noqa: E402


@pytest.fixture(scope="module")
def sets(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    found = small_data.sets(None, tmp_path_factory.mktemp("sets"))
    return found["photos"][0], found["silhouettes"][0]


@pytest.mark.parametrize("size", ["64", "128", "1MP"])
def test_holes_take_5_to_10_percent(sets: tuple[Path, Path], size: str) -> None:
    case = next(speed.pictures(size, (*sets, None), 0))
    again = next(speed.pictures(size, (*sets, None), 0))
    pixels = 1e6 if size == "1MP" else int(size) ** 2
    assert case.image.dtype == np.uint8
    assert case.image.shape == (*case.mask.shape, 3)
    assert abs(case.mask.size - pixels) < 0.002 * pixels
    assert np.array_equal(case.mask, again.mask)
    assert 0.045 < case.mask.mean() < 0.105


def test_photos_keep_their_shape(sets: tuple[Path, Path]) -> None:
    case = next(speed.pictures("481x321", (*sets, None), 0))
    assert max(case.image.shape) == 481


def test_dust_is_200_specks_on_a_large_photo() -> None:
    case = speed.dusty(0)
    assert case.image.shape == (1600, 2400, 3)
    assert 1000 < case.mask.sum() < 200 * 37


@pytest.mark.slow
def test_a_run_measures_what_is_installed(sets: tuple[Path, Path], tmp_path: Path) -> None:
    out = tmp_path / "speed.json"
    words = [*map(str, sets), "--size", "64", "--method", "telea", "--json", str(out)]
    done = CliRunner().invoke(speed.main, words, catch_exceptions=False)
    assert done.exit_code == 0, done.output
    facts = json.loads(out.read_text())
    assert {"commit", "machine", "versions", "absent"} <= set(facts)
    (case,) = facts["cases"]
    assert (case["size"], case["method"], len(case["pictures"])) == ("64", "telea", 1)
    assert 0 < case["wall"]["median"] < 5
    assert 20 < case["resting_mib"] <= case["peak_mib"]
    assert 5 < case["psnr_hole"]["mean"] < 40
    assert 0 < case["lpips"]["mean"] < 0.5


def test_what_takes_too_long_has_no_figures(sets: tuple[Path, Path], tmp_path: Path) -> None:
    out = tmp_path / "speed.json"
    words = [*map(str, sets), "--size", "64", "--method", "telea", "--limit", "0.05"]
    done = CliRunner().invoke(speed.main, [*words, "--json", str(out)], catch_exceptions=False)
    assert "no figures" in done.output
    facts = json.loads(out.read_text())
    assert facts["cases"] == []
    assert facts["over_the_limit"] == [["64", "telea"]]

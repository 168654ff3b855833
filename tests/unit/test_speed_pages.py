"""Pages and plot with times of benchmarks/speed.json say what the file says, and no more."""

from __future__ import annotations

import importlib.util
import json
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]


def script(name: str) -> ModuleType:
    """A script of docs/, as a module."""
    spec = importlib.util.spec_from_file_location(name, ROOT / "docs" / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def data() -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads((ROOT / "benchmarks" / "speed.json").read_text())
    return loaded


def test_the_pages_say_what_the_file_says(data: dict[str, Any]) -> None:
    for path, text in script("make_compare").pages(data).items():
        assert path.read_text(encoding="utf-8") == text, "run python docs/make_compare.py"


def test_the_plot_shows_what_the_file_says(data: dict[str, Any]) -> None:
    plot = script("make_speed_plot").plot(data)
    written = (ROOT / "docs" / "images" / "speed.svg").read_text(encoding="utf-8")
    assert written == plot, "run python docs/make_speed_plot.py"


def test_other_figures_make_other_pages(data: dict[str, Any]) -> None:
    for case in data["cases"]:
        if case["method"] == "auto" and case["size"] == "256":
            case["cpu"]["median"] = 123.4
    make_compare = script("make_compare")
    assert "123 s" in make_compare.table(data)
    assert "123 s" in make_compare.sentence(data)


def test_a_method_that_was_not_measured_has_no_row(data: dict[str, Any]) -> None:
    data["cases"] = [case for case in data["cases"] if case["method"] != "patchmatch"]
    make_compare = script("make_compare")
    assert "PyPatchMatch" not in make_compare.table(data)
    with pytest.raises(ValueError, match="0 blocks"):
        make_compare.replaced("a page without a block", "text")

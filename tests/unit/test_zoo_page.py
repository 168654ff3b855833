"""docs/zoo.md says what is in inpaint/zoo, and no more."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from PIL import Image

from inpaint.priors import gaussian
from inpaint.zoo import registry, weights

ROOT = Path(__file__).parents[2]


@pytest.fixture
def make_zoo() -> ModuleType:
    """docs/make_zoo.py, fresh, so that a test may point it elsewhere."""
    spec = importlib.util.spec_from_file_location("make_zoo", ROOT / "docs" / "make_zoo.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_page_is_up_to_date(make_zoo: ModuleType) -> None:
    written = (ROOT / "docs" / "zoo.md").read_text(encoding="utf-8")
    assert written == make_zoo.page(), "run python docs/make_zoo.py"


def test_every_folder_has_its_row_with_data_and_licence(make_zoo: ModuleType) -> None:
    folders = sorted(path.parent for path in (ROOT / "inpaint" / "zoo").glob("*/config.json"))
    assert {f.name for f in folders} >= set(registry.priors())
    for folder in folders:
        cells = dict(zip(make_zoo.COLUMNS, make_zoo.row(folder), strict=True))
        assert cells["name"].startswith(f"[{folder.name}]")
        for column in ("MB", "data", "licence"):
            assert cells[column] != make_zoo.NONE, f"{folder.name}: {column}"


def test_pictures_are_small_and_belong_to_weights_that_are_there() -> None:
    known = [path.parent.name for path in (ROOT / "inpaint" / "zoo").glob("*/config.json")]
    for path in (ROOT / "docs" / "images" / "zoo").iterdir():
        assert path.stat().st_size <= 300_000, path.name
        assert path.stem.rpartition("-")[0] in known, f"{path.name}: of weights that are gone"


def test_the_weights_are_within_their_budget(make_zoo: ModuleType) -> None:
    sizes = [path.stat().st_size for path in (ROOT / "inpaint" / "zoo").glob("*/*.safetensors")]
    assert sum(sizes) <= make_zoo.BUDGET


def test_figures_of_other_weights_are_not_shown(make_zoo: ModuleType, tmp_path: Path) -> None:
    folder, prior = tmp_path / "mine", gaussian.tiny()
    weights.save(folder, {**prior.config(), "training": {"seconds": 90}}, prior.tensors())
    config = weights.read_config(folder)
    measured = {
        "sha256": config["sha256"],
        "ceiling": {"psnr": 21.54},
        "kid": {"mean": 3.21},
        "kid_floor": {"mean": -0.12},
        "memory": {"share": 0.043},
    }
    (folder / "config.json").write_text(json.dumps({**config, "measured": measured}))
    cells = dict(zip(make_zoo.COLUMNS, make_zoo.row(folder), strict=True))
    shown = [cells[c] for c in ("ceiling", "KID", "copies", "time, machine")]
    assert shown == ["21.5", "3.2 (-0.1)", "4 %", "90 s"]
    measured["sha256"] = "of others"
    (folder / "config.json").write_text(json.dumps({**config, "measured": measured}))
    cells = dict(zip(make_zoo.COLUMNS, make_zoo.row(folder), strict=True))
    assert {cells[c] for c in ("ceiling", "KID", "copies")} == {make_zoo.NONE}


def test_sheets_are_made_small_enough(make_zoo: ModuleType, tmp_path: Path) -> None:
    """Noise does not compress, so pixels must go."""
    noise = np.random.default_rng(0).integers(0, 256, (400, 450, 3), dtype=np.uint8)
    Image.fromarray(noise).save(tmp_path / "sheet.png")
    png = make_zoo.shrunk(tmp_path / "sheet.png")
    assert len(png) <= 300_000
    (tmp_path / "small.png").write_bytes(png)
    width, height = Image.open(tmp_path / "small.png").size
    assert width / height == pytest.approx(900 / 800, rel=0.01)

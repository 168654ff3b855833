"""A package of somebody else, installed beside ours, adds a stage and a prior by entry points."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from inpaint import images

ROOT = Path(__file__).parents[2]


def install(source: Path, target: Path) -> None:
    """From a copy, so that nothing is built in the checkout; without a download."""
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps"]
    command += ["--no-build-isolation", "--no-index", "--target", str(target), str(source)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the example is installed."""
    root = tmp_path_factory.mktemp("plugin")
    shutil.copytree(ROOT / "examples" / "plugin", root / "source")
    install(root / "source", root / "site")
    return root / "site"


def inpaint(*words: object, site: Path | None, code: int = 0) -> subprocess.CompletedProcess[str]:
    """Run the command line where only the packages in ``site`` are installed beside ours."""
    path = os.pathsep.join(str(p) for p in (ROOT, site) if p)
    done = subprocess.run(
        [sys.executable, "-m", "inpaint", *map(str, words)],
        capture_output=True, text=True, env={**os.environ, "PYTHONPATH": path},
    )  # fmt: skip
    assert done.returncode == code, done.stderr
    return done


@pytest.fixture
def photo(tmp_path: Path) -> list[Path]:
    """A picture with noise, and a mask."""
    rng = np.random.default_rng(0)
    pixels = (128 + 12 * rng.standard_normal((64, 64, 3))).clip(0, 255).astype(np.uint8)
    mask = np.zeros((64, 64, 3), np.uint8)
    mask[20:44, 20:44] = 255
    for name, array in (("photo.png", pixels), ("mask.png", mask)):
        images.write(tmp_path / name, images.from_array(array))
    return [tmp_path / "photo.png", tmp_path / "mask.png"]


def test_both_are_listed_and_shown_with_their_package(site: Path) -> None:
    for what, name in (("stages", "grain"), ("priors", "power-law")):
        assert name not in inpaint("list", what, site=None).stdout
        listed = json.loads(inpaint("list", what, "--json", site=site).stdout)
        assert listed[name].endswith("[inpaint-examples 0.1]")
        assert listed[name] in inpaint("show", name, site=site).stdout


def test_the_stage_runs_by_its_name_and_is_reported(
    site: Path, photo: list[Path], tmp_path: Path
) -> None:
    common = ["fill", photo[0], "--mask", photo[1], "--prior", "scenes64-gaussian", "--json"]
    rough: dict[str, float] = {}
    for stages in (["poisson"], ["poisson", "grain"]):
        out = tmp_path / f"{'-'.join(stages)}.png"
        words = [word for stage in stages for word in ("--stage", stage)]
        report = json.loads(inpaint(*common, "--out", out, *words, site=site).stdout)
        assert report["crops"][0]["stages"] == stages
        rough[stages[-1]] = float(images.read(out).pixels[24:40, 24:40].astype(float).std())
    assert rough["grain"] > 1.5 * rough["poisson"], "the noise of the photo goes on in the hole"


def test_the_prior_fills_by_its_name_alone_and_in_a_batch(
    site: Path, photo: list[Path], tmp_path: Path
) -> None:
    words = ["--prior", "power-law", "--steps", 2, "--json"]
    out = tmp_path / "out.png"
    report = json.loads(
        inpaint("fill", photo[0], "--mask", photo[1], "--out", out, *words, site=site).stdout
    )
    assert report["crops"][0]["prior"] == "power-law"
    before, after = (images.read(p).pixels for p in (photo[0], out))
    mask = images.read(photo[1]).pixels[..., 0] > 127
    np.testing.assert_array_equal(after[~mask], before[~mask])
    assert abs(float(after[mask].mean()) - 128) < 15
    (tmp_path / "in").mkdir()
    shutil.copy(photo[0], tmp_path / "in")
    folder = [tmp_path / "in", "--masks", photo[1], "--out", tmp_path / "filled"]
    for done in (1, 0):  # the second time everything is there
        summary = json.loads(inpaint("batch", *folder, "--workers", 1, *words, site=site).stdout)
        assert summary["done"] == done, summary


def test_its_names_are_unknown_where_it_is_not_installed(photo: list[Path], tmp_path: Path) -> None:
    common = ["fill", photo[0], "--mask", photo[1], "--out", tmp_path / "out.png"]
    for option, name in (("--stage", "grain"), ("--prior", "power-law")):
        done = inpaint(*common, option, name, site=None, code=2)
        assert f"unknown {option[2:]} '{name}'" in done.stderr


def test_a_broken_package_is_named_and_hides_nothing(photo: list[Path], tmp_path: Path) -> None:
    source = tmp_path / "source"
    (source / "broken").mkdir(parents=True)
    (source / "broken" / "__init__.py").write_text("import no_such_module\n")
    (source / "pyproject.toml").write_text(
        '[build-system]\nrequires = ["setuptools"]\nbuild-backend = "setuptools.build_meta"\n'
        '[project]\nname = "broken"\nversion = "2.0"\n'
        '[project.entry-points."inpaint.stages"]\nbroken = "broken:apply"\npoisson = "broken:x"\n'
        '[tool.setuptools]\npackages = ["broken"]\n'
    )
    install(source, tmp_path / "site")
    listed = inpaint("list", "stages", site=tmp_path / "site").stdout
    assert "texture" in listed
    assert "package broken 2.0 cannot be loaded (ModuleNotFoundError" in listed
    common = ["fill", photo[0], "--mask", photo[1], "--out", tmp_path / "out.png"]
    common += ["--prior", "scenes64-gaussian"]
    said = inpaint(*common, "--stage", "broken", site=tmp_path / "site", code=1).stderr
    assert "no_such_module" in said
    assert "Traceback" not in said
    inpaint(*common, "--stage", "poisson", site=tmp_path / "site")  # ours, not theirs


def test_help_does_not_look_for_packages(site: Path) -> None:
    code = (
        "import sys, atexit; from inpaint.cli import main;"
        "sys.argv = ['inpaint', 'fill', '--help'];"
        "atexit.register(lambda: print('importlib.metadata' in sys.modules, file=sys.stderr));"
        "main()"
    )
    path = f"{ROOT}{os.pathsep}{site}"
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True, text=True, env={**os.environ, "PYTHONPATH": path},
    )  # fmt: skip
    assert done.stderr == "False\n"

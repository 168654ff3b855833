"""``--class``: from folders of photos to a fill of one class."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

import inpaint
from inpaint.errors import UnknownNameError
from inpaint.priors import cgan, gaussian
from inpaint.zoo import registry, weights
from pretrain import cli as pretrain_cli

Fails = Callable[..., str]


@pytest.fixture
def cgan_words(tiny_folders: dict[str, str]) -> list[str]:
    """A correct command but for --out and --class, on a prior that knows day and night."""
    prior = tiny_folders["cgan"]
    return ["fill", "photo.png", "--mask", "mask.png", "--prior", prior, "--steps", "2"]


@pytest.fixture
def zoo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A zoo of two families, one of which has classes."""
    folder = tmp_path / "zoo"
    for name, prior in {"a-gaussian": gaussian.tiny(), "b-gaussian": gaussian.tiny(1)}.items():
        weights.save(folder / name, {**prior.config(), "family": name[0]}, prior.tensors())
    known = cgan.tiny()
    weights.save(folder / "b-cgan", {**known.config(), "family": "b"}, known.tensors())
    monkeypatch.setattr(registry, "ZOO", folder)
    return folder


def hole_of(path: str) -> np.ndarray:
    image, mask = cv2.imread(path), cv2.imread("mask.png", cv2.IMREAD_GRAYSCALE)
    assert image is not None
    assert mask is not None
    before = cv2.imread("photo.png")
    np.testing.assert_array_equal(image[mask == 0], before[mask == 0])
    return image[mask == 255]


def test_each_class_fills_in_its_own_way(run: Any, desk: Path, cgan_words: list[str]) -> None:
    fills = {}
    for name in ("day", "night", None):
        words = [] if name is None else ["--class", name]
        done = run(*cgan_words, "--out", f"{name}.png", *words)
        assert done.code == 0, done.err
        fills[name] = hole_of(f"{name}.png")
    assert (fills["day"] != fills["night"]).mean() > 0.5
    assert (fills["day"] != fills[None]).mean() > 0.5
    again = run(*cgan_words, "--out", "again.png", "--class", "day")
    assert again.code == 0
    assert Path("again.png").read_bytes() == Path("day.png").read_bytes()


def test_arrays_take_a_class_too(tiny_folders: dict[str, str]) -> None:
    rng = np.random.default_rng(0)
    image = rng.integers(0, 256, (20, 20, 3), dtype=np.uint8)
    mask = np.zeros((20, 20), bool)
    mask[5:12, 5:12] = True
    options = {"prior": tiny_folders["cgan"], "search": {"steps": 2}}
    day, night = (inpaint.fill(image, mask, class_name=c, **options) for c in ("day", "night"))
    assert (day[mask] != night[mask]).any()
    with pytest.raises(UnknownNameError, match="did you mean 'night'"):
        inpaint.fill(image, mask, class_name="nigth", **options)


def test_an_unknown_class_is_explained(fails: Fails, cgan_words: list[str]) -> None:
    said = fails(*cgan_words, "--out", "out.png", "--class", "nihgt")
    assert "unknown class of prior" in said
    assert "did you mean 'night'?" in said
    assert "known: day, night" in fails(*cgan_words, "--out", "out.png", "--class", "zebra")


@pytest.mark.parametrize("prior", ["faces64-gaussian", "vae"])
def test_a_prior_without_classes_is_explained(
    fails: Fails, tiny_folders: dict[str, str], prior: str
) -> None:
    words = ["--prior", tiny_folders.get(prior, prior), "--class", "day", "--out", "out.png"]
    assert "has no classes" in fails("fill", "photo.png", "--mask", "mask.png", *words)


def test_an_unknown_prior_is_named_before_its_class(fails: Fails) -> None:
    words = ["--prior", "faces64-gausian", "--class", "day", "--out", "out.png"]
    said = fails("fill", "photo.png", "--mask", "mask.png", *words)
    assert "did you mean 'faces64-gaussian'" in said


def test_auto_takes_the_shipped_prior_that_knows_the_class(run: Any, desk: Path, zoo: Path) -> None:
    words = ["fill", "photo.png", "--mask", "mask.png", "--out", "out.png", "--steps", 2, "--json"]
    done = run(*words, "--class", "night")
    assert done.code == 0, done.err
    assert {crop["prior"] for crop in json.loads(done.out)["crops"]} == {"b-cgan"}
    assert "did you mean 'night'" in run(*words, "--class", "nigt").complaint()


def test_auto_without_any_such_prior_is_explained(fails: Fails, zoo: Path) -> None:
    (zoo / "b-cgan" / "config.json").unlink()
    words = ["fill", "photo.png", "--mask", "mask.png", "--out", "out.png", "--class", "night"]
    assert "unknown class of prior 'auto' 'night'; known: none: it has no classes" in fails(*words)


def test_a_wrong_class_is_refused_without_importing_torch(
    desk: Path, cgan_words: list[str]
) -> None:
    code = (
        "import sys; from inpaint.cli import group\n"
        f"try: group({[*cgan_words, '--out', 'o.png', '--class', 'x']!r}, standalone_mode=False)\n"
        "except Exception as error: print(error)\n"
        "sys.exit('torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "unknown class" in done.stdout


# Training


@pytest.fixture
def train(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], desk: Path) -> Any:
    """``train("--classes", ...)``: a tiny ``pretrain gan`` on cats, dogs and a folder misc."""
    rng = np.random.default_rng(0)
    for i in range(9):
        folder = desk / "photos" / ("cats", "dogs", "misc")[i % 3]
        folder.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(folder / f"{i}.png"), rng.integers(0, 256, (20, 20, 3), dtype=np.uint8))

    def call(*words: object) -> tuple[int, str]:
        size = ["--size", 16, "--latent", 4, "--width", 4, "--critic-width", 4, "--batch", 4]
        arguments = ["gan", "photos", "--out", "model", "--steps", 2, *size, *words]
        monkeypatch.setattr("sys.argv", ["pretrain", *map(str, arguments)])
        capfd.readouterr()
        with pytest.raises(SystemExit) as stop:
            pretrain_cli.main()
        return int(str(stop.value.code)), capfd.readouterr().err

    return call


def test_folders_become_the_classes_of_a_prior_that_fills(run: Any, train: Any) -> None:
    code, said = train("--classes", "--unlabelled", "misc", "--codes", "1", "--loss", "r3")
    assert code == 0, said
    config = json.loads(Path("model/config.json").read_text())
    assert (config["kind"], config["classes"]) == ("cgan", ["cats", "dogs"])
    assert config["generator"]["codes"] == [1]
    words = ["fill", "photo.png", "--mask", "mask.png", "--prior", "model", "--steps", 2]
    assert run(*words, "--out", "out.png", "--class", "dogs").code == 0
    assert len(hole_of("out.png"))
    assert "did you mean 'cats'" in run(*words, "--out", "o.png", "--class", "cat").complaint()
    assert Path("model/run/samples.png").exists()


def test_without_the_option_folders_do_not_matter(train: Any) -> None:
    assert train()[0] == 0
    config = json.loads(Path("model/config.json").read_text())
    assert config["kind"] == "dcgan"
    assert "classes" not in config


def test_a_run_with_classes_is_not_resumed_without(train: Any) -> None:
    assert train("--classes")[0] == 0
    code, said = train("--resume", "--steps", 3)
    assert code == 1
    assert "Error: " in said
    assert "is of another training" in said


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (["--codes", "2;1"], "--codes is 2;1; expected numbers with commas"),
        (["--codes", "1,1"], "at --size 16 expected at most 1 numbers"),
        (["--unlabelled", ""], "--unlabelled is ; expected a name"),
        (["--gamma", -1], "--gamma is -1"),
        (["--penalty-every", 0], "--penalty-every is 0"),
        (["--penalty", "r2"], "unknown penalty 'r2'"),
        (["--critic-norm", "batched"], "did you mean 'batch'?"),
        (["--loss", "r4"], "did you mean 'r3'?"),
        (["--drop-labels", 2], "--drop-labels is 2"),
    ],
    ids=str,
)
def test_wrong_options_of_training_are_explained(
    train: Any, words: list[object], text: str
) -> None:
    code, said = train(*words)
    assert code in (1, 2)
    assert text in said
    assert "Traceback" not in said
    assert not Path("model").exists()


def test_classes_without_folders_are_explained(train: Any, desk: Path) -> None:
    for path in (desk / "photos").rglob("*.png"):
        path.rename(desk / "photos" / path.name)
    code, said = train("--classes", "--unlabelled", "photos")
    assert code == 1
    assert "--classes: no image lies in a folder that names its class" in said

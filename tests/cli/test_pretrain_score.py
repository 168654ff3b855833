"""``pretrain score``: figures on stdout, sheets in a folder, the card on demand."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from inpaint.priors import gaussian
from inpaint.zoo import weights
from inpaint.zoo.weights import read_config
from pretrain import cli

Outcome = tuple[int, str, str]
SMALL = ["--samples", 8, "--count", 8, "--steps", 2, "--starts", 1]


def write(folder: Path, count: int, seed: int) -> None:
    folder.mkdir(parents=True)
    rng = np.random.default_rng(seed)
    for i in range(count):
        rough = rng.integers(0, 256, (4, 4, 3), dtype=np.uint8)
        cv2.imwrite(str(folder / f"{i}.png"), cv2.resize(rough, (16, 16)))


@pytest.fixture
def pretrain(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], tmp_path: Path
) -> Callable[..., Outcome]:
    monkeypatch.chdir(tmp_path)
    write(tmp_path / "val", 10, 0)
    write(tmp_path / "train" / "sea", 60, 1)
    prior = gaussian.tiny()
    weights.save(tmp_path / "mine", {**prior.config(), "family": "x"}, prior.tensors())

    def call(*words: object) -> Outcome:
        monkeypatch.setattr("sys.argv", ["pretrain", "score", *map(str, words)])
        capfd.readouterr()
        with pytest.raises(SystemExit) as stop:
            cli.main()
        assert isinstance(stop.value.code, int)
        return stop.value.code, *capfd.readouterr()

    return call


def test_figures_sheets_and_card(pretrain: Callable[..., Outcome]) -> None:
    words = ["mine", "val", "--train", "train", "--out", "out", "--card", *SMALL]
    code, out, err = pretrain(*words)
    assert (code, err) == (0, "")
    assert [line.split(":")[0] for line in out.splitlines()] == [
        "Measured", "Ceiling", "KID (AlexNet)", "Memory",
    ]  # fmt: skip
    facts = json.loads(Path("out/score.json").read_text())
    assert facts["prior"] == "mine"
    assert facts["held_out"] == {"data": ["val"], "images": 10}
    assert facts["ceiling"]["images"] == 8
    assert f"{facts['ceiling']['psnr']:.2f} dB" in out
    assert {p.name for p in Path("out").iterdir()} == {
        "score.json", "samples.png", "ceiling.png", "neighbours.png",
    }  # fmt: skip
    assert Image.open("out/ceiling.png").size == (8 * 18 + 2, 2 * 18 + 2)
    config = read_config(Path("mine"))
    assert config["measured"]["sha256"] == config["sha256"]
    assert config["measured"]["kid"] == facts["kid"]
    written = [p.read_bytes() for p in sorted(Path("mine").iterdir())]
    assert pretrain(*words)[0] == 0
    assert [p.read_bytes() for p in sorted(Path("mine").iterdir())] == written


def test_json_alone_writes_nothing(pretrain: Callable[..., Outcome]) -> None:
    before = sorted(Path().rglob("*"))
    code, out, err = pretrain("mine", "val", "--json", *SMALL)
    assert (code, err) == (0, "")
    assert set(json.loads(out)) == {
        "prior", "sha256", "held_out", "ceiling", "kid", "settings",
    }  # fmt: skip
    assert sorted(Path().rglob("*")) == before


def test_mistakes_are_one_line(pretrain: Callable[..., Outcome]) -> None:
    Path("empty").mkdir()
    Path("file").write_text("")
    config = read_config(Path("mine"))
    prior = gaussian.tiny()
    weights.save(Path("odd"), {**config, "training": {"min_scale": 0}}, prior.tensors())
    cases: dict[tuple[object, ...], str] = {
        ("mien", "val"): "unknown prior 'mien'",
        ("mine", "nowhere"): "nowhere does not exist; give a folder or a tar file",
        ("mine", "empty"): "holds no image",
        ("mine", "val", "--train", "val"): "10 training images; to tell a copy from chance",
        ("mine", "val", "--samples", 3): "3 samples; expected 8 or more",
        ("mine", "val", "--out", "file"): "file: cannot be made",
        ("odd", "val"): "training.min_scale is 0; expected 0.05 to 1",
        ("mine", "val", "--device", "gpu"): "unknown device 'gpu'",
        ("mine", "val", "--count", 0): "--count",
        ("mine",): "Missing argument",
    }
    for words, said in cases.items():
        rest = [] if "--samples" in words or "--count" in words else SMALL
        code, out, err = pretrain(*words, *rest)
        assert code in (1, 2), words
        assert out == "", words
        assert said in err.splitlines()[-1], (words, err)
        assert "Traceback" not in err
        assert "internal error" not in err


def test_help_of_score_and_recipe_does_not_import_torch() -> None:
    code = (
        "import sys; from pretrain.cli import group\n"
        "for words in (['score', '--help'], ['recipe', '--help'], ['recipe', 'list'],\n"
        "              ['recipe', 'faces64-vae', '--help']):\n"
        "    group.main(words, standalone_mode=False)\n"
        "assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)

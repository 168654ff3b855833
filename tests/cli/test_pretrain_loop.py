"""What surrounds a training: places that must not be touched, options that must not be lost."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from pretrain import cli

Pretrain = Callable[..., tuple[int, str, str]]
SMALL = ["--size", 16, "--latent", 4, "--width", 4, "--critic-width", 4, "--batch", 4]


@pytest.fixture
def pretrain(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], desk: Path
) -> Pretrain:
    rng = np.random.default_rng(0)
    (desk / "photos").mkdir()
    for i in range(9):
        cv2.imwrite(str(desk / "photos" / f"{i}.png"), rng.integers(0, 256, (20, 24, 3)))

    def call(*words: object) -> tuple[int, str, str]:
        monkeypatch.setattr("sys.argv", ["pretrain", *map(str, words)])
        capfd.readouterr()
        with pytest.raises(SystemExit) as stop:
            cli.main()
        assert isinstance(stop.value.code, int)
        return stop.value.code, *capfd.readouterr()

    return call


def gan(*words: object) -> list[object]:
    return ["gan", "photos", "--out", "model", *SMALL, "--steps", 3, *words]


def step() -> int:
    state = torch.load("model/run/checkpoint.pt", weights_only=True)
    return int(state["facts"]["step"])


def test_a_training_is_not_overwritten_by_accident(pretrain: Pretrain) -> None:
    assert pretrain(*gan())[0] == 0
    paths = [Path("model", n) for n in ("run/checkpoint.pt", "run/log.csv", "model.safetensors")]
    before = [path.read_bytes() for path in paths]
    code, out, err = pretrain(*gan("--seed", 1))
    assert (code, out) == (1, "")
    assert err == (
        "Error: model/run/checkpoint.pt is of an earlier training; use --resume to go on, "
        "--overwrite to start anew, or another --out\n"
    )
    assert [path.read_bytes() for path in paths] == before
    assert pretrain(*gan("--overwrite", "--steps", 2))[0] == 0
    assert step() == 2
    assert pretrain(*gan("--resume", "--steps", 5))[0] == 0
    assert step() == 5


@pytest.mark.parametrize("out", ["photos", "photos/model", "photos/../photos/a/b"])
def test_a_result_inside_the_images_is_refused(pretrain: Pretrain, out: str) -> None:
    before = sorted(Path("photos").rglob("*"))
    code, _, err = pretrain(*gan("--out", out))
    assert code == 1
    assert "lies inside the images of photos; name an --out outside of it" in err
    assert sorted(Path("photos").rglob("*")) == before


def test_resuming_names_what_changed(pretrain: Pretrain) -> None:
    assert pretrain(*gan())[0] == 0
    code, _, err = pretrain(*gan("--resume", "--steps", 4, "--lr", 1e-4, "--no-mirror"))
    assert code == 0, err
    assert "resumed with another --lr: 0.0002 then, 0.0001 now" in err
    assert "resumed with another --mirror: True then, False now" in err
    code, _, err = pretrain(*gan("--resume", "--width", 8))
    assert code == 1
    assert "is of another training (--width: 4 then, 8 now); " in err
    os.unlink("photos/0.png")
    assert "--images: 9 then, 8 now" in pretrain(*gan("--resume", "--steps", 5))[2]


def test_devices_are_checked_before_anything_is_decoded(pretrain: Pretrain) -> None:
    code, _, err = pretrain(*gan("--device", "cdua"))
    assert code == 2
    assert "did you mean 'cuda'?" in err
    if not torch.cuda.is_available():
        assert "use --device cpu" in pretrain(*gan("--device", "cuda"))[2]
    assert not Path("model").exists()
    assert pretrain(*gan("--device", "cpu"))[0] == 0


@pytest.mark.skipif(find_spec("tensorboard") is not None, reason="the train extra is there")
def test_a_missing_extra_is_named_before_anything_is_decoded(pretrain: Pretrain) -> None:
    code, _, err = pretrain(*gan("--tensorboard"))
    assert code == 1
    assert "pip install 'latent-inpaint[train]'" in err
    assert not Path("model").exists()


def test_workers_change_nothing_but_the_time(pretrain: Pretrain) -> None:
    for workers in (1, 3):
        assert pretrain(*gan("--workers", workers, "--out", f"m{workers}"))[0] == 0
    for name in ("*.npy", "*.json"):
        one, three = (next(Path(f"m{w}", "cache").glob(name)).read_bytes() for w in (1, 3))
        assert one == three
    assert Path("m1/model.safetensors").read_bytes() == Path("m3/model.safetensors").read_bytes()


def test_without_mirror_is_kept_in_the_config(pretrain: Pretrain) -> None:
    assert pretrain(*gan("--no-mirror"))[0] == 0
    assert json.loads(Path("model/config.json").read_text())["training"]["mirror"] is False


def test_a_batch_that_cannot_be_split_stops_before_decoding(
    pretrain: Pretrain, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pretrain.parallel.world", lambda: 3)
    monkeypatch.setattr("pretrain.parallel.rank", lambda: 0)
    code, _, err = pretrain(*gan())
    assert code == 1
    assert "--batch is 4; expected a multiple of 3" in err
    assert not Path("model").exists()

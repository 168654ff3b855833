"""What a run shows of itself: signs of failure, curves, TensorBoard, and options that changed."""

from __future__ import annotations

import io
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch
from rich.console import Console
from torch import nn

from inpaint.errors import InpaintError, WeightsError
from pretrain import checkpoint, curves, log
from pretrain.run import Outcome, Plan, run_loop
from pretrain.watch import SIGNS, Watch


def told(column: str, values: list[float], every: int = 100) -> list[str]:
    watch = Watch()
    said = [watch.told({column: v, "other": 1.0}, (i + 1) * every) for i, v in enumerate(values)]
    return [text for lines in said for text in lines]


@pytest.mark.parametrize("sign", SIGNS, ids=lambda s: s.column)
def test_a_sign_speaks_once_when_it_has_lasted(sign: Any) -> None:
    count = sign.steps // 100
    low, high = [sign.limit], [sign.limit * 1.1]
    assert told(sign.column, low * count) == [], "too early"
    said = told(sign.column, low * (count + 5))
    assert said == [f"step {sign.steps + 100}: {sign.text}"]
    assert told(sign.column, (low * count + high) * 4) == [], "it recovered in between"
    assert len(told(sign.column, (low * (count + 2) + high) * 2)) == 2
    assert "; " in sign.text


def test_a_sign_that_has_passed_no_longer_stands() -> None:
    watch = Watch()
    for step in range(0, 1000, 100):
        watch.told({"spread": 0.01}, step)
    assert "collapsed" in watch.standing[0]
    watch.told({"spread": 0.8}, 1000)
    assert watch.standing == []


class Told:
    """A loop whose loss is a function of the step, and a weight that counts."""

    def __init__(self, column: str, value: float) -> None:
        self.model, self.column, self.value = nn.Linear(1, 1, bias=False), column, value
        self.said = io.StringIO()

    def run(self, out: Path, steps: int, **plan: Any) -> Outcome:
        def step(t: int) -> dict[str, torch.Tensor]:
            return {self.column: torch.tensor(self.value)}

        console = Console(file=self.said, width=60)
        return run_loop(
            step, {"model": self.model}, Plan(out, steps, batch=1, **plan), console=console
        )


def test_a_collapsed_run_goes_on_but_says_so(tmp_path: Path) -> None:
    toy = Told("spread", 0.0)
    outcome = toy.run(tmp_path, 400)
    assert outcome.finished
    assert "the generator has collapsed" in outcome.warnings[0]
    assert toy.said.getvalue().count("step 325: the generator has collapsed") == 1
    assert Told("spread", 0.9).run(tmp_path, 400).warnings == ()


# Curves


def test_a_run_leaves_a_plot_of_every_column(tmp_path: Path) -> None:
    Told("d", 0.5).run(tmp_path, 100)
    picture = cv2.imread(str(tmp_path / "losses.png"))
    assert picture.shape == (curves.HEIGHT, 2 * curves.WIDTH, 3)


def test_a_curve_is_drawn_where_its_numbers_are() -> None:
    steps = np.arange(101.0)
    columns = {"step": steps, "seconds": steps, "up": steps, "down": -steps, "nan": steps * np.nan}
    picture = curves.draw(columns)
    assert picture is not None
    assert picture.shape == (2 * curves.HEIGHT, 2 * curves.WIDTH, 3), "three plots, two a row"
    for i, rising in enumerate((True, False)):
        panel = picture[: curves.HEIGHT, i * curves.WIDTH :][:, : curves.WIDTH]
        y, x = np.nonzero((np.abs(panel.astype(int) - curves.LINE) < 40).all(2))
        assert x.min() <= curves.LEFT + 1
        assert x.max() >= curves.WIDTH - curves.RIGHT - 2
        assert np.corrcoef(x, y)[0, 1] * (-1 if rising else 1) > 0.99
    assert curves.draw({}) is None
    assert curves.draw({"step": np.zeros(0), "d": np.zeros(0)}) is None


def test_a_torn_row_is_left_out(tmp_path: Path) -> None:
    table = tmp_path / "log.csv"
    table.write_text("step,seconds,d\r\n25,1.0,0.5\r\n50,2.0\r\n75,3.0,0.25\r\n")
    assert curves.read(table)["d"].tolist() == [0.5, 0.25]
    assert curves.read(tmp_path / "nothing.csv") == {}


# TensorBoard


def test_a_missing_tensorboard_is_named_with_its_install_line(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
    with pytest.raises(InpaintError, match=r"pip install 'latent-inpaint\[train\]'"):
        log.writer()


@pytest.mark.skipif(find_spec("tensorboard") is None, reason="needs the train extra")
def test_tensorboard_gets_the_rows_of_the_log(tmp_path: Path) -> None:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    Told("d", 0.5).run(tmp_path, 50, tensorboard=True)
    Told("d", 0.25).run(tmp_path, 100, tensorboard=True, resume=True)
    events = EventAccumulator(str(tmp_path / "tensorboard"))
    events.Reload()
    points = [(e.step, e.value) for e in events.Scalars("d")]
    assert points == [(25, 0.5), (50, 0.5), (75, 0.25), (100, 0.25)]
    assert "images/s" in events.Tags()["scalars"]


# Options on resuming


def test_options_that_shape_the_networks_may_not_change(tmp_path: Path) -> None:
    Told("d", 1.0).run(tmp_path, 25, options={"latent": 4, "width": 8, "lr": 0.1, "images": 9})
    before = (tmp_path / "checkpoint.pt").read_bytes()
    with pytest.raises(WeightsError) as error:
        Told("d", 1.0).run(tmp_path, 50, resume=True, options={"latent": 5, "width": 9, "lr": 0.1})
    assert "--latent: 4 then, 5 now, --width: 8 then, 9 now" in str(error.value)
    assert "--lr" not in str(error.value)
    assert (tmp_path / "checkpoint.pt").read_bytes() == before


def test_others_may_and_are_named(tmp_path: Path) -> None:
    Told("d", 1.0).run(tmp_path, 25, options={"latent": 4, "critic_lr": 0.1, "images": 9})
    toy = Told("d", 1.0)
    now = {"latent": 4, "critic_lr": 0.2, "images": 9, "new": 1}
    assert toy.run(tmp_path, 50, resume=True, options=now).finished
    assert "resumed with another --critic-lr: 0.1 then, 0.2 now\n" in toy.said.getvalue()
    assert toy.said.getvalue().count("resumed") == 1


def test_changes_are_those_of_options_that_both_know() -> None:
    assert checkpoint.changes({"a_b": 1, "c": 2}, {"a_b": 2, "d": 3}) == ["--a-b: 1 then, 2 now"]

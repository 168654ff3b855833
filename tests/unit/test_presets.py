"""Presets: each is a set of options that its command takes, and longer ones train longer."""

from __future__ import annotations

import io
import re
import time
from pathlib import Path

import pytest
import torch
from rich.console import Console

from pretrain import presets
from pretrain.cli import completion, encoder, gan, refiner, vae
from pretrain.options import (
    CompletionOptions,
    EncoderOptions,
    GanOptions,
    RefinerOptions,
    VaeOptions,
)
from pretrain.run import Plan, run_loop, spoken

KINDS = {
    "gan": GanOptions,
    "vae": VaeOptions,
    "encoder": EncoderOptions,
    "refiner": RefinerOptions,
    "completion": CompletionOptions,
}
COMMANDS = {
    "gan": gan.command,
    "vae": vae.command,
    "encoder": encoder.command,
    "refiner": refiner.command,
    "completion": completion.command,
}


NEEDED = {
    "encoder": ["prior", "data"],
    "refiner": ["data", "--prior", "prior"],
    "completion": ["data", "--prior", "prior"],
}


def parsed(command: str, *words: str) -> dict[str, object]:
    """The parameters of a command with all that it needs, and ``words``."""
    given = [*NEEDED.get(command, ["data"]), "--out", "out", *words]
    return COMMANDS[command].make_context(command, given).params


@pytest.mark.parametrize("name", presets.NAMES)
@pytest.mark.parametrize("command", presets.OF)
def test_a_preset_is_made_of_options_of_its_command(command: str, name: str) -> None:
    values = dict(presets.OF[command][name])
    given = parsed(command, "--preset", name)
    assert {key: given[key] for key in values} == values
    values.pop("steps")
    KINDS[command](**values)  # checks their ranges


@pytest.mark.parametrize("command", presets.OF)
def test_longer_presets_train_longer_and_own_options_win(command: str) -> None:
    steps = [presets.OF[command][name]["steps"] for name in presets.NAMES]
    assert steps == sorted(set(steps))
    assert parsed(command, "--steps", "7", "--preset", "best")["steps"] == 7


def test_the_loop_tells_in_advance_how_long_it_will_take(tmp_path: Path) -> None:
    def step(t: int) -> dict[str, torch.Tensor]:
        time.sleep(0.002)
        return {"loss": torch.tensor(1.0)}

    said = io.StringIO()
    run_loop(step, {}, Plan(tmp_path, 60, batch=4), console=Console(file=said, width=200))
    assert re.search(r"40 steps of 4 images will take about \d+ (s|min)$", said.getvalue(), re.M)


@pytest.mark.parametrize(
    ("seconds", "text"), [(42, "about 42 s"), (700, "about 12 min"), (9000, "about 2.5 h")]
)
def test_times_are_told_as_people_say_them(seconds: float, text: str) -> None:
    assert spoken(seconds) == text

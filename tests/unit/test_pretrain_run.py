"""Training runs: whatever stops one, it goes on as if nothing had happened."""

from __future__ import annotations

import csv
import io
import math
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from rich.console import Console
from small_disk import small_disk
from torch import Tensor, nn

from inpaint.errors import InpaintError, OutputError, SearchError, WeightsError
from inpaint.zoo import registry
from pretrain import checkpoint, data, gan, vae
from pretrain.cli import main
from pretrain.options import GanOptions, VaeOptions
from pretrain.run import Outcome, Plan, run_loop

QUIET = Console(file=io.StringIO())
PRETRAIN = Path(sys.executable).with_name("pretrain")
Step = Callable[[int], Mapping[str, Tensor]]


def images(count: int = 24, size: int = 16) -> data.Images:
    rough = np.random.default_rng(0).integers(40, 216, (count, 4, 4, 3), dtype=np.uint8)
    pixels = rough.repeat(size // 4, 1).repeat(size // 4, 2)
    return data.Images(pixels, np.zeros(count, np.int64), (".",))


def train_gan(out: Path, steps: int, *, lr: float = 2e-4, **plan: Any) -> Outcome:
    options = GanOptions(size=16, latent=6, width=4, critic_width=4, batch=4, lr=lr, ema=0.9)
    return gan.train(images(), options, Plan(out, steps, batch=4, report_every=1, **plan))[1]


def train_vae(out: Path, steps: int, *, lr: float = 1e-3, **plan: Any) -> Outcome:
    sizes = {"size": 16, "latent": 6, "width": 4, "encoder_cap": 8, "decoder_cap": 8}
    options = VaeOptions(**sizes, batch=4, warmup=5, lr=lr, ema=0.9, min_scale=0.8)
    return vae.train(images(), options, Plan(out, steps, batch=4, report_every=1, **plan))[1]


TRAINERS = {"gan": train_gan, "vae": train_vae}
each_trainer = pytest.mark.parametrize("train", TRAINERS.values(), ids=TRAINERS.keys())


class Toy:
    """A weight that counts its steps, and a loss that is a function of the step."""

    def __init__(self, losses: Callable[[int], float] = lambda t: 1 / (t + 1)) -> None:
        self.model = nn.Linear(1, 1, bias=False)
        nn.init.zeros_(self.model.weight)
        self.parts = {"model": self.model}
        self.losses = losses
        self.before: Callable[[int], object] = lambda t: None

    @property
    def steps(self) -> float:
        return self.model.weight.item()

    def step(self, t: int) -> dict[str, Tensor]:
        self.before(t)
        assert t == self.steps, "a step was lost or done twice"
        self.model.weight.data.add_(1)
        return {"loss": torch.tensor(self.losses(t))}

    def run(self, out: Path, steps: int, **plan: Any) -> Outcome:
        options = {"report_every": 1, **plan}
        return run_loop(self.step, self.parts, Plan(out, steps, batch=1, **options), console=QUIET)


def rows(out: Path) -> list[dict[str, str]]:
    with (out / "log.csv").open(newline="") as stream:
        return list(csv.DictReader(stream))


def steps_logged(out: Path) -> list[int]:
    return [int(row["step"]) for row in rows(out)]


def without_time(out: Path) -> list[dict[str, str]]:
    return [{k: v for k, v in row.items() if k != "seconds"} for row in rows(out)]


def state(out: Path) -> dict[str, Any]:
    loaded: dict[str, Any] = torch.load(out / "checkpoint.pt", weights_only=True)
    return loaded


def flattened(value: Any, name: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(value, Mapping):
        for key in value:
            yield from flattened(value[key], f"{name}/{key}")
    elif isinstance(value, list | tuple):
        for i, item in enumerate(value):
            yield from flattened(item, f"{name}/{i}")
    else:
        yield name, value


def assert_same_state(one: Path, other: Path) -> None:
    """Weights, averages, optimisers and step: equal to the bit."""
    ours, theirs = dict(flattened(state(one))), dict(flattened(state(other)))
    assert ours.keys() == theirs.keys()
    assert sum(isinstance(v, Tensor) for v in ours.values()) > 20
    for name in ours.keys() - {"/facts/seconds"}:
        if isinstance(ours[name], Tensor):
            assert torch.equal(ours[name], theirs[name]), name
        else:
            assert ours[name] == theirs[name], name


def one_line(error: pytest.ExceptionInfo[InpaintError]) -> str:
    text = str(error.value)
    assert "\n" not in text
    assert ";" in text, "no advice: " + text
    return text


# Checkpoints


def test_a_checkpoint_gives_back_states_and_facts(tmp_path: Path) -> None:
    path = tmp_path / "checkpoint.pt"
    made, other = nn.Linear(3, 3), nn.Linear(3, 3)
    checkpoint.save(path, {"model": made}, step=7, seconds=1.5)
    assert checkpoint.restore(path, {"model": other}) == {"step": 7, "seconds": 1.5}
    assert made.weight.equal(other.weight)


def test_a_full_disk_keeps_the_old_checkpoint_and_says_what_to_do(tmp_path: Path) -> None:
    path = tmp_path / "checkpoint.pt"
    model = nn.Linear(300, 300)
    checkpoint.save(path, {"model": model}, step=1)
    before = path.read_bytes()
    with small_disk(len(before) // 2), pytest.raises(OutputError) as error:
        checkpoint.save(path, {"model": model}, step=2)
    assert "free some space" in one_line(error)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("moment", ["writing", "replacing"])
def test_a_save_that_is_cut_off_keeps_the_old_checkpoint(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, moment: str
) -> None:
    class Cut(BaseException):
        pass

    def half(state: object, path: Path) -> None:
        Path(path).write_bytes(b"half")
        raise Cut

    def never(*args: object) -> None:
        raise Cut

    path = tmp_path / "checkpoint.pt"
    model = nn.Linear(3, 3)
    checkpoint.save(path, {"model": model}, step=1)
    if moment == "writing":
        monkeypatch.setattr(torch, "save", half)
    else:
        monkeypatch.setattr(os, "replace", never)
    with pytest.raises(Cut):
        checkpoint.save(path, {"model": model}, step=2)
    assert checkpoint.restore(path, {"model": model})["step"] == 1


def test_a_failing_save_in_a_run_keeps_the_old_checkpoint(tmp_path: Path) -> None:
    toy = Toy()
    toy.run(tmp_path, 5)
    before = (tmp_path / "checkpoint.pt").read_bytes()
    with small_disk(len(before) - 1), pytest.raises(OutputError):
        toy.run(tmp_path, 10, resume=True)
    assert (tmp_path / "checkpoint.pt").read_bytes() == before
    again = Toy()
    assert again.run(tmp_path, 10, resume=True).finished
    assert again.steps == 10
    assert steps_logged(tmp_path) == list(range(1, 11))


def mangled(path: Path, how: str) -> None:
    whole = path.read_bytes()
    if how == "folder":
        path.unlink()
        path.mkdir()
    elif how == "list":
        torch.save([1, 2], path)
    elif how == "no facts":
        torch.save({k: v for k, v in torch.load(path).items() if k != "facts"}, path)
    elif how == "no part":
        torch.save({k: v for k, v in torch.load(path).items() if k != "average"}, path)
    elif how == "odd part":
        torch.save({**torch.load(path), "optimiser": 3}, path)
    else:
        damage = {
            "empty": b"",
            "cut": whole[: len(whole) // 2],
            "zeros": bytes(1000),
            "text": b"hello world\n",
            "png": b"\x89PNG\r\n\x1a\n" + bytes(99),
            "hole": whole[:300] + bytes(200) + whole[500:],
        }
        path.write_bytes(damage[how])


@pytest.mark.parametrize(
    "how",
    [
        "empty",
        "cut",
        "zeros",
        "text",
        "png",
        "hole",
        "list",
        "folder",
        "no facts",
        "no part",
        "odd part",
    ],
)
def test_a_broken_checkpoint_is_one_line(tmp_path: Path, how: str) -> None:
    train_vae(tmp_path, 1)
    mangled(tmp_path / "checkpoint.pt", how)
    with pytest.raises(WeightsError) as error:
        train_vae(tmp_path, 2, resume=True)
    assert str(tmp_path / "checkpoint.pt") in one_line(error)
    assert len(one_line(error)) < 400


def test_a_checkpoint_of_another_kind_or_size_is_one_line(tmp_path: Path) -> None:
    train_gan(tmp_path, 1)
    with pytest.raises(WeightsError) as error:
        train_vae(tmp_path, 2, resume=True)
    assert "checkpoint.pt" in one_line(error)
    options = GanOptions(size=16, latent=6, width=8, critic_width=4, batch=4)
    with pytest.raises(WeightsError) as error:
        gan.train(images(), options, Plan(tmp_path, 2, batch=4, resume=True))
    assert "size" in one_line(error)


# Going on


@each_trainer
def test_the_same_run_twice_gives_the_same_weights(tmp_path: Path, train: Any) -> None:
    for name in "ab":
        torch.manual_seed(ord(name))
        train(tmp_path / name, 3)
    assert_same_state(tmp_path / "a", tmp_path / "b")


@each_trainer
def test_a_resumed_run_ends_in_the_same_weights(
    tmp_path: Path, train: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert train(tmp_path / "whole", 12).finished
    original = data.batch

    def interrupted(*args: Any, step: int, **options: Any) -> tuple[Tensor, Tensor]:
        if step in (4, 5, 9):
            os.kill(os.getpid(), signal.SIGINT)
        return original(*args, step=step, **options)

    monkeypatch.setattr(data, "batch", interrupted)
    stops = []
    for _ in range(4):
        torch.manual_seed(len(stops))
        outcome = train(tmp_path / "parts", 12, resume=True)
        stops.append((outcome.step, outcome.finished))
    assert stops == [(5, False), (6, False), (10, False), (12, True)]
    assert_same_state(tmp_path / "whole", tmp_path / "parts")
    assert without_time(tmp_path / "whole") == without_time(tmp_path / "parts")


@each_trainer
def test_a_finished_run_resumed_stays_as_it_is(tmp_path: Path, train: Any) -> None:
    train(tmp_path / "a", 3)
    train(tmp_path / "b", 3)
    assert train(tmp_path / "b", 3, resume=True).finished
    assert_same_state(tmp_path / "a", tmp_path / "b")
    assert steps_logged(tmp_path / "b") == [1, 2, 3]


@each_trainer
def test_a_resumed_run_takes_the_step_size_that_it_is_told(tmp_path: Path, train: Any) -> None:
    """The advice after a broken training is to resume with a smaller --lr."""
    train(tmp_path, 2, lr=1e-3)
    before = state(tmp_path)
    train(tmp_path, 4, lr=1e-30, resume=True)
    after = state(tmp_path)
    name = "generator" if "generator" in after else "model"
    moved = {k: v for k, v in before[name].items() if "weight" in k and not after[name][k].equal(v)}
    assert not moved, "the old step size was kept"


def test_the_step_size_of_a_vae_falls_to_a_tenth_along_a_cosine(tmp_path: Path) -> None:
    def last(steps: int, **plan: Any) -> float:
        train_vae(tmp_path, steps, lr=1.0e-3, **plan)
        return float(state(tmp_path)["optimiser"]["param_groups"][0]["lr"])

    assert last(1) == pytest.approx(1e-3)
    assert last(40) == pytest.approx(1e-3 * (0.55 + 0.45 * math.cos(math.pi * 39 / 40)))
    assert last(80, resume=True) < 1.01e-4, "a longer plan stretches the cosine"


def test_without_resume_a_run_starts_anew(tmp_path: Path) -> None:
    Toy().run(tmp_path, 5)
    again = Toy()
    assert again.run(tmp_path, 3).step == 3
    assert steps_logged(tmp_path) == [1, 2, 3]
    assert state(tmp_path)["facts"]["step"] == 3


def test_resume_without_a_checkpoint_starts_at_zero(tmp_path: Path) -> None:
    toy = Toy()
    assert toy.run(tmp_path / "new", 3, resume=True).finished
    assert toy.steps == 3


def test_seconds_add_up_over_runs(tmp_path: Path) -> None:
    toy = Toy()
    toy.before = lambda t: time.sleep(0.01)
    first = toy.run(tmp_path, 5).seconds
    second = toy.run(tmp_path, 10, resume=True).seconds
    assert first > 0.05
    assert second > first + 0.05
    seconds = [float(row["seconds"]) for row in rows(tmp_path)]
    assert seconds == sorted(seconds)


# The log


def test_the_log_has_every_report_and_the_last_step(tmp_path: Path) -> None:
    Toy().run(tmp_path, 11, report_every=4)
    assert steps_logged(tmp_path) == [4, 8, 11]
    assert [float(row["loss"]) for row in rows(tmp_path)] == pytest.approx([1 / 4, 1 / 8, 1 / 11])


@pytest.mark.parametrize("tail", ["", "8,0.1", "8,0.1,0.12", "8,0.1,0.125\r\n9,0.", "\x00\x00"])
def test_rows_after_the_checkpoint_are_written_once(tmp_path: Path, tail: str) -> None:
    """After SIGKILL the log is ahead of the checkpoint, and its last row may be torn."""
    Toy().run(tmp_path, 5)
    with (tmp_path / "log.csv").open("a", newline="") as stream:
        stream.write("6,0.1,0.1666\r\n7,0.1,99.0\r\n" + tail)
    toy = Toy()
    toy.run(tmp_path, 9, resume=True)
    assert steps_logged(tmp_path) == list(range(1, 10))
    assert [float(row["loss"]) for row in rows(tmp_path)] == pytest.approx(
        [1 / t for t in range(1, 10)]
    )


def test_a_log_that_was_deleted_begins_again_with_its_header(tmp_path: Path) -> None:
    Toy().run(tmp_path, 5)
    (tmp_path / "log.csv").unlink()
    Toy().run(tmp_path, 7, resume=True)
    assert steps_logged(tmp_path) == [6, 7]


# Stopping


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_the_run_after_its_step_with_a_checkpoint(
    tmp_path: Path, number: signal.Signals
) -> None:
    toy = Toy()
    toy.before = lambda t: os.kill(os.getpid(), number) if t == 3 else None
    handlers = signal.getsignal(number)
    outcome = toy.run(tmp_path, 10)
    assert (outcome.step, outcome.finished) == (4, False)
    assert state(tmp_path)["facts"]["step"] == 4
    assert state(tmp_path)["model"]["weight"].item() == 4
    assert signal.getsignal(number) is handlers


def test_an_impatient_second_signal_does_not_lose_the_checkpoint(tmp_path: Path) -> None:
    class Impatient(nn.Linear):
        def state_dict(self, *args: Any, **kwargs: Any) -> Any:
            os.kill(os.getpid(), signal.SIGINT)
            return super().state_dict(*args, **kwargs)

    toy = Toy()
    toy.model = Impatient(1, 1, bias=False)
    nn.init.zeros_(toy.model.weight)
    toy.parts = {"model": toy.model}
    toy.before = lambda t: os.kill(os.getpid(), signal.SIGINT) if t == 3 else None
    assert toy.run(tmp_path, 10).step == 4
    assert state(tmp_path)["facts"]["step"] == 4


def test_handlers_come_back_after_an_error(tmp_path: Path) -> None:
    before = [signal.getsignal(s) for s in (signal.SIGINT, signal.SIGTERM)]
    with pytest.raises(SearchError):
        Toy(lambda t: math.nan).run(tmp_path, 3)
    assert [signal.getsignal(s) for s in (signal.SIGINT, signal.SIGTERM)] == before


def test_the_time_limit_stops_in_time_and_the_run_can_go_on(tmp_path: Path) -> None:
    toy = Toy()
    toy.before = lambda t: time.sleep(0.01)
    started = time.monotonic()
    outcome = toy.run(tmp_path, 10_000, minutes=0.2 / 60)
    assert 0.2 <= time.monotonic() - started < 10
    assert not outcome.finished
    assert outcome.step == state(tmp_path)["facts"]["step"] == toy.steps
    assert toy.run(tmp_path, outcome.step + 2, resume=True).finished


class Clock:
    """In place of the module ``time``: every step takes a minute."""

    def __init__(self, toy: Toy) -> None:
        self.minutes = 100
        toy.before = self.tick

    def tick(self, t: int) -> None:
        self.minutes += 1

    def monotonic(self) -> float:
        return self.minutes * 60.0


def test_a_checkpoint_comes_at_its_minutes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    toy = Toy()
    monkeypatch.setattr("pretrain.run.time", Clock(toy))
    saved: list[int] = []
    monkeypatch.setattr(checkpoint, "save", lambda path, parts, step, seconds: saved.append(step))
    toy.run(tmp_path, 20, save_every=5)
    assert saved == [6, 12, 18, 20]


def test_the_time_limit_counts_this_run_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    toy = Toy()
    monkeypatch.setattr("pretrain.run.time", Clock(toy))
    stops = [toy.run(tmp_path, 30, minutes=10, resume=True) for _ in range(3)]
    assert [outcome.step for outcome in stops] == [11, 22, 30]
    assert [outcome.finished for outcome in stops] == [False, False, True]
    assert stops[-1].seconds == 30 * 60


def test_a_folder_that_cannot_be_made_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(OutputError) as error:
        Toy().run(tmp_path / "file" / "run", 3)
    assert "file" in one_line(error)


def test_a_log_on_a_full_disk_is_one_line(tmp_path: Path) -> None:
    toy = Toy()
    toy.before = lambda t: time.sleep(0.001)
    with small_disk(200), pytest.raises(OutputError) as error:
        toy.run(tmp_path, 500)
    assert "ulimit -f" in one_line(error)


# Broken training


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("report_every", [1, 5, 100])
def test_a_loss_that_is_no_number_keeps_the_last_good_checkpoint(
    tmp_path: Path, bad: float, report_every: int
) -> None:
    toy = Toy(lambda t: 1.0 if t < 6 else bad)
    with pytest.raises(SearchError) as error:
        toy.run(tmp_path, 30, save_every=0, report_every=report_every)
    assert "--lr" in one_line(error)
    assert state(tmp_path)["facts"]["step"] == 6, "a broken step was saved"


@pytest.mark.parametrize("way", ["signal", "time limit"])
def test_a_broken_run_that_is_stopped_saves_nothing(tmp_path: Path, way: str) -> None:
    Toy().run(tmp_path, 5)
    toy = Toy(lambda t: math.nan)
    if way == "signal":
        toy.before = lambda t: os.kill(os.getpid(), signal.SIGTERM)
    with pytest.raises(SearchError):
        toy.run(tmp_path, 90, resume=True, report_every=50, minutes=1e-9)
    assert state(tmp_path)["facts"]["step"] == 5


def test_weights_that_are_no_numbers_are_not_saved_behind_a_finite_loss(tmp_path: Path) -> None:
    """The loss of a step is from before its update; the update may be what breaks."""
    toy = Toy()

    def step(t: int) -> dict[str, Tensor]:
        toy.model.weight.data.add_(1 if t < 4 else math.nan)
        return {"loss": torch.tensor(1.0)}

    with pytest.raises(SearchError) as error:
        run_loop(step, toy.parts, Plan(tmp_path, 9, batch=1, save_every=0), console=QUIET)
    assert "model" in one_line(error)
    assert state(tmp_path)["facts"]["step"] == 4


@each_trainer
def test_a_training_that_diverges_is_stopped(tmp_path: Path, train: Any) -> None:
    train(tmp_path, 2)
    with pytest.raises(SearchError) as error:
        train(tmp_path, 60, lr=1e38, resume=True, save_every=0)
    assert "step" in one_line(error)
    for name, value in flattened(state(tmp_path)):
        if isinstance(value, Tensor):
            assert value.isfinite().all(), name


# Killed for good


def train_slowly(out: Path, kind: str) -> None:
    """In a child: 30 steps of about 10 ms, saving all the time."""
    original = data.batch

    def slow(*args: Any, **options: Any) -> tuple[Tensor, Tensor]:
        time.sleep(0.005)
        return original(*args, **options)

    data.batch = slow
    sys.stderr = io.StringIO()
    TRAINERS[kind](out, 30, resume=True, save_every=0.02 / 60)


def killed(out: Path, kind: str, after: float) -> int:
    """Train in a child, SIGKILL it ``after`` seconds behind its first row; its exit code."""
    child = os.fork()
    if child == 0:
        try:
            train_slowly(out, kind)
        finally:
            os._exit(0)
    deadline = time.monotonic() + 20
    known = (out / "log.csv").stat().st_size if (out / "log.csv").exists() else 0
    while time.monotonic() < deadline:
        if (out / "log.csv").exists() and (out / "log.csv").stat().st_size not in (0, known):
            break
        time.sleep(0.002)
    time.sleep(after)
    os.kill(child, signal.SIGKILL)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


@pytest.mark.slow
@pytest.mark.parametrize("kind", TRAINERS)
def test_a_run_killed_at_random_moments_ends_like_one_that_was_not(
    tmp_path: Path, kind: str
) -> None:
    TRAINERS[kind](tmp_path / "whole", 30)
    moments = random.Random(0)
    codes = [killed(tmp_path / "killed", kind, moments.uniform(0, 0.12)) for _ in range(4)]
    assert -signal.SIGKILL in codes
    assert TRAINERS[kind](tmp_path / "killed", 30, resume=True).finished
    assert_same_state(tmp_path / "whole", tmp_path / "killed")
    assert without_time(tmp_path / "whole") == without_time(tmp_path / "killed")
    left = {p.name for p in (tmp_path / "killed").iterdir()}
    assert left == {"checkpoint.pt", "log.csv", "samples.png", "losses.png"}, (
        "temporaries of killed runs"
    )


def command(folder: Path, *words: str) -> list[str]:
    """A tiny ``pretrain vae`` in ``folder``, which gets its photos."""
    if not (folder / "photos").exists():
        (folder / "photos").mkdir()
        for i, pixels in enumerate(images(6).pixels):
            Image.fromarray(pixels).save(folder / "photos" / f"{i}.png")
    sizes = {"size": 16, "latent": 4, "width": 4, "encoder-cap": 4, "decoder-cap": 4, "batch": 2}
    options = [word for name, value in sizes.items() for word in (f"--{name}", str(value))]
    return ["vae", "photos", "--out", "model", *options, *words]


def wait_for_a_row(folder: Path) -> None:
    log = folder / "model" / "run" / "log.csv"
    deadline = time.monotonic() + 60
    while not (log.exists() and log.stat().st_size) and time.monotonic() < deadline:
        time.sleep(0.005)


def forked(folder: Path, *words: str) -> int:
    """Start the command line in a child that has torch loaded already; its process number."""
    arguments = command(folder, *words)
    child = os.fork()
    if child == 0:
        try:
            os.chdir(folder)
            for number, name in ((1, "out.txt"), (2, "err.txt")):
                os.dup2(os.open(name, os.O_CREAT | os.O_WRONLY | os.O_TRUNC), number)
            sys.stdout, sys.stderr = os.fdopen(1, "w"), os.fdopen(2, "w")
            sys.argv = ["pretrain", *arguments]
            main()
        except SystemExit as stop:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(int(stop.code or 0))
        finally:
            os._exit(99)
    return child


def assert_stopped_cleanly(folder: Path, code: int, out: str, err: str) -> None:
    """The weights are there, and the same command with --resume goes on."""
    assert code == 0, err
    assert out == "model\n"
    assert "--resume" in err
    assert "Traceback" not in err
    log = folder / "model" / "run"
    done = state(log)["facts"]["step"]
    assert done >= steps_logged(log)[-1] > 0
    assert registry.load_prior(str(folder / "model")).kind == "vae"
    child = forked(folder, "--steps", str(done + 5), "--resume")
    assert os.waitpid(child, 0)[1] == 0, (folder / "err.txt").read_text()
    assert state(log)["facts"]["step"] == done + 5
    assert steps_logged(log) == sorted({*steps_logged(log), done + 5})


@pytest.mark.slow
def test_the_command_ends_cleanly_on_sigterm(tmp_path: Path) -> None:
    words = [str(PRETRAIN), *command(tmp_path, "--steps", "1000000")]
    with subprocess.Popen(words, cwd=tmp_path, stdout=-1, stderr=-1, text=True) as process:
        wait_for_a_row(tmp_path)
        process.terminate()
        out, err = process.communicate(timeout=30)
    assert_stopped_cleanly(tmp_path, process.returncode, out, err)


def test_the_command_ends_cleanly_on_ctrl_c_even_twice(tmp_path: Path) -> None:
    child = forked(tmp_path, "--steps", "1000000")
    wait_for_a_row(tmp_path)
    os.kill(child, signal.SIGINT)
    os.kill(child, signal.SIGINT)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    out, err = (tmp_path / "out.txt").read_text(), (tmp_path / "err.txt").read_text()
    assert_stopped_cleanly(tmp_path, code, out, err)

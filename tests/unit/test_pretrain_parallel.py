"""Two processes train as one: the same losses and weights, to float32 rounding."""

from __future__ import annotations

import csv
import os
import socket
import subprocess
import sys
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor, nn

from inpaint.errors import InpaintError
from pretrain import data, gan, parallel, precision, vae
from pretrain.options import GanOptions, VaeOptions
from pretrain.run import Plan

STEPS, BATCH = 12, 8
SMALL = {"size": 16, "latent": 6, "width": 4, "critic_width": 4, "batch": BATCH, "min_scale": 0.8}
GANS = {
    "hinge": GanOptions(**SMALL, policy="color,translation,cutout"),
    "r3, penalties": GanOptions(**SMALL, loss="r3", penalty_every=2),
    "classes, two steps of G": GanOptions(**SMALL, classes=True, generator_steps=2),
    "batch norm in D": GanOptions(**SMALL, critic_norm="batch"),
}
SMALL_VAE = {**SMALL, "encoder_cap": 8, "decoder_cap": 8, "warmup": 5}
VAES = {
    "plain": VaeOptions(**SMALL_VAE, free_bits=0.02),
    "adversarial": VaeOptions(**SMALL_VAE, adversarial=0.5),
}


@pytest.fixture(autouse=True)
def _float32(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a processor has bfloat16, its rounding would hide what is compared here."""
    monkeypatch.setattr(precision, "has_bfloat16", lambda device: False)


def images(count: int = 24) -> data.Images:
    rough = np.random.default_rng(0).integers(40, 216, (count, 5, 5, 3), dtype=np.uint8)
    pixels = rough.repeat(4, 1).repeat(4, 2)
    return data.Images(pixels, np.arange(count) % 2, ("cats", "dogs"))


def together(work: Callable[[], None]) -> None:
    """Run ``work`` in two processes that know of each other."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    children = []
    for rank in range(2):
        child = os.fork()
        if child == 0:
            code = 1
            try:
                os.environ |= {
                    "RANK": str(rank), "WORLD_SIZE": "2", "LOCAL_RANK": str(rank),
                    "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port),
                }  # fmt: skip
                torch.set_num_threads(1)
                parallel.start("cpu")
                work()
                parallel.finish()
                code = 0
            finally:
                os._exit(code)
        children.append(child)
    codes = [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children]
    assert codes == [0, 0]


def table(out: Path) -> dict[str, np.ndarray]:
    with (out / "log.csv").open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    return {k: np.array([float(r[k]) for r in rows]) for k in rows[0] if k != "seconds"}


def assert_same_curves(one: Path, two: Path, *, steps: int) -> None:
    ours, theirs = table(one), table(two)
    assert len(ours["step"]) == steps
    assert ours.keys() == theirs.keys()
    for name in ours.keys() - {"spread"}:  # a figure of a few images of the first process
        # The bias of D's head has no gradient in r3 but rounding, which Adam makes a step of: a
        # shift of all logits, that no loss sees; how large it is depends on the processor.
        room = 1e-2 if name in ("real", "fake") else 2e-4
        np.testing.assert_allclose(theirs[name], ours[name], rtol=2e-4, atol=room, err_msg=name)
    if "real" in ours:
        apart, together = (t["real"] - t["fake"] for t in (ours, theirs))
        np.testing.assert_allclose(together, apart, rtol=0, atol=5e-4)


def weights(out: Path, part: str) -> dict[str, Tensor]:
    state: dict[str, Tensor] = torch.load(out / "checkpoint.pt", weights_only=True)[part]
    return state


@pytest.mark.slow
@pytest.mark.parametrize("options", GANS.values(), ids=GANS.keys())
def test_a_gan_trains_in_two_processes_as_in_one(tmp_path: Path, options: GanOptions) -> None:
    def train(name: str) -> None:
        plan = Plan(tmp_path / name, STEPS, batch=BATCH, report_every=1)
        gan.train(images(), options, plan)

    train("one")
    together(lambda: train("two"))
    assert_same_curves(tmp_path / "one", tmp_path / "two", steps=STEPS)
    one, two = (weights(tmp_path / name, "generator") for name in ("one", "two"))
    for key, value in one.items():
        # Adam's first steps are of size lr however small the gradient: rounding may turn a few.
        apart = (two[key] - value).abs().double()
        assert apart.mean() < 2e-5 + 1e-3 * value.abs().double().mean(), key


@pytest.mark.slow
@pytest.mark.parametrize("options", VAES.values(), ids=VAES.keys())
def test_a_vae_trains_in_two_processes_as_in_one(tmp_path: Path, options: VaeOptions) -> None:
    def train(name: str) -> None:
        plan = Plan(tmp_path / name, STEPS, batch=BATCH, report_every=1)
        vae.train(images(), options, plan)

    train("one")
    together(lambda: train("two"))
    assert_same_curves(tmp_path / "one", tmp_path / "two", steps=STEPS)


@pytest.mark.slow
def test_shared_norms_are_torch_s_over_the_whole_batch(tmp_path: Path) -> None:
    x = torch.randn((8, 3, 5, 5), generator=torch.Generator().manual_seed(0)) * 3 + 7

    def work(name: str) -> None:
        norm = nn.BatchNorm2d(3)
        nn.init.constant_(norm.weight, 1.5)
        count = parallel.share(8)
        part = x[parallel.rank() * count :][:count].clone().requires_grad_()
        with parallel.shared_norms(norm):
            y = norm(part)
            (y.square() * part.detach()).mean().backward()
        parallel.average_gradients(norm.parameters())
        assert part.grad is not None
        torch.save(
            [y.detach(), part.grad / parallel.world(), norm.weight.grad, norm.state_dict()],
            tmp_path / f"{name}{parallel.rank()}.pt",
        )

    work("one")
    together(lambda: work("two"))
    whole = torch.load(tmp_path / "one0.pt")
    halves = [torch.load(tmp_path / f"two{i}.pt") for i in range(2)]
    for i in (0, 1):
        torch.testing.assert_close(
            torch.cat([half[i] for half in halves]), whole[i], rtol=1e-4, atol=1e-5
        )
    for half in halves:
        torch.testing.assert_close(half[2], whole[2], rtol=1e-4, atol=1e-5)
        torch.testing.assert_close(half[3], whole[3], rtol=1e-4, atol=1e-5)


@pytest.mark.slow
def test_only_the_first_process_writes_and_all_stop_together(tmp_path: Path) -> None:
    def train() -> None:
        plan = Plan(tmp_path / f"of {parallel.rank()}", 1000, batch=BATCH, minutes=0.5 / 60)
        _, outcome = gan.train(images(), GANS["hinge"], plan)
        (tmp_path / f"stop {parallel.rank()}").write_text(str(outcome.step))

    together(train)
    assert (tmp_path / "of 0" / "checkpoint.pt").exists()
    assert not list((tmp_path / "of 1").iterdir())
    stops = [(tmp_path / f"stop {i}").read_text() for i in range(2)]
    assert stops[0] == stops[1]
    assert 0 < int(stops[0]) < 1000


def test_a_batch_that_cannot_be_split_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parallel, "world", lambda: 3)
    with pytest.raises(InpaintError, match="multiple of 3"):
        parallel.share(64)


LAUNCHERS = {
    "accelerate": ["accelerate.commands.launch", "--multi_gpu", "--num_processes", "2"],
    "torch": ["torch.distributed.run", "--nproc-per-node", "2"],
}


@pytest.mark.slow
@pytest.mark.parametrize("launcher", LAUNCHERS)
def test_the_command_line_in_two_processes(tmp_path: Path, launcher: str) -> None:
    if find_spec(LAUNCHERS[launcher][0].partition(".")[0]) is None:
        pytest.skip("needs the train extra: pip install 'latent-inpaint[train]'")
    (tmp_path / "photos").mkdir()
    for i, pixels in enumerate(images().pixels):
        Image.fromarray(pixels).save(tmp_path / "photos" / f"{i:02}.png")
    words = ["gan", "photos", "--size", "16", "--latent", "6", "--width", "4", "--device", "cpu",
             "--critic-width", "4", "--batch", "8", "--steps", "50", "--loss", "r3"]  # fmt: skip
    environment = {
        **os.environ,
        "OMP_NUM_THREADS": "1",
        "ONEDNN_MAX_CPU_ISA": "AVX2",
    }  # no bfloat16
    outcomes = []
    for name, start in (("one", []), ("two", LAUNCHERS[launcher])):
        started = [sys.executable, *(["-m"] if start else []), *start, "-m", "pretrain", *words]
        outcomes.append(
            subprocess.run(
                [*started, "--out", name],
                cwd=tmp_path, env=environment, capture_output=True, text=True, check=False,
            )
        )  # fmt: skip
    for outcome, name in zip(outcomes, ("one", "two"), strict=True):
        assert outcome.returncode == 0, outcome.stderr
        assert outcome.stdout == f"{name}\n", "said once"
        assert outcome.stderr.count("24 images of 16 px") == 1
    assert_same_curves(tmp_path / "one" / "run", tmp_path / "two" / "run", steps=2)
    assert (tmp_path / "two" / "model.safetensors").exists()

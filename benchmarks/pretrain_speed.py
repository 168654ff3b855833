"""Seconds a step of DCGAN at 64 px: this package's loop against a plain PyTorch one, as JSON.

    OMP_NUM_THREADS=1 python benchmarks/pretrain_speed.py [--rounds 7] [--threads 1]
    python benchmarks/pretrain_speed.py --memory

Both train the same networks (width 64, latent 100, batch norm in both, as in the paper) on batches
of 64 with the non-saturating loss and Adam: one step of D on real and generated images, one of G.
The plain loop is written as tutorials write it: float32, NCHW, two passes of D, two backwards, G's
step through a D that computes its own gradients too. Both read the same images in memory.

The runs alternate, step by step, in one process; ``ratio`` is the median of plain / ours over the
pairs. Wall clock and processor seconds: on a machine with other work trust the latter, with one
thread. ``drift`` is how far one step of ours is from a plain step on the same batch, z and weights,
relative to the length of that step: they are the same arithmetic up to rounding.

``--memory`` trains a tiny GAN for 2,000 steps and prints the resident memory on the way.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import tempfile
import time
from collections.abc import Callable, Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import torch
from provenance import commit
from rich.console import Console
from torch import Tensor, nn
from torch.nn.functional import softplus

from inpaint.priors.convnets import Downward, Upward
from pretrain import data, gan
from pretrain.options import GanOptions
from pretrain.run import Outcome, Plan

BATCH, SIZE, WIDTH, LATENT = 64, 64, 64, 100
OPTIONS = GanOptions(
    size=SIZE, latent=LATENT, width=WIDTH, critic_width=WIDTH, critic_norm="batch", batch=BATCH,
    loss="nonsaturating", policy="", mirror=False, beta2=0.999,
)  # fmt: skip
PACKAGES = ("inpaint", "torch", "numpy")
Step = Callable[[int], Mapping[str, Tensor]]


def made_up(count: int, size: int) -> data.Images:
    rough = np.random.default_rng(0).integers(0, 256, (count, 8, 8, 3), dtype=np.uint8)
    pixels = rough.repeat(size // 8, 1).repeat(size // 8, 2)
    return data.Images(pixels, np.zeros(count, np.int64), (".",))


class Plain:
    """The loop of a tutorial."""

    def __init__(self, images: data.Images) -> None:
        self.images = torch.from_numpy(images.pixels).permute(0, 3, 1, 2).float().div(127.5).sub(1)
        with torch.random.fork_rng():
            torch.manual_seed(0)
            self.g = Upward(size=SIZE, latent=LATENT, width=WIDTH)
            self.d = Downward(size=SIZE, outputs=1, width=WIDTH, norm="batch")
        self.adam_g = torch.optim.Adam(self.g.parameters(), lr=2e-4, betas=(0.5, 0.999))
        self.adam_d = torch.optim.Adam(self.d.parameters(), lr=2e-4, betas=(0.5, 0.999))

    def step(self, t: int) -> dict[str, Tensor]:
        """One step of D and one of G."""
        # Real images and z are those that our loop draws for this step.
        real = self.images[data.indices(len(self.images), BATCH, seed=0, step=t)]
        z = torch.randn((BATCH, LATENT), generator=torch.Generator().manual_seed(t))
        self.adam_d.zero_grad()
        loss_real = softplus(-self.d(real)).mean()
        loss_real.backward()
        fake = self.g(z)
        loss_fake = softplus(self.d(fake.detach())).mean()
        loss_fake.backward()
        self.adam_d.step()
        self.adam_g.zero_grad()
        loss_g = softplus(-self.d(fake)).mean()
        loss_g.backward()
        self.adam_g.step()
        return {"d": (loss_real + loss_fake).detach(), "g": loss_g.detach()}


def with_our_loop(
    images: data.Images, work: Callable[[Step, Mapping[str, Any]], None], *, compiled: bool
) -> None:
    """Let ``gan.train`` build everything, and give ``work`` its step in place of its own run."""

    def taken(step: Step, parts: Mapping[str, Any], plan: Plan, **_: Any) -> Outcome:
        work(step, parts)
        return Outcome(0, 0.0, True)

    original = gan.run_loop
    gan.run_loop = taken
    try:
        gan.train(images, OPTIONS, Plan(Path(), 1, batch=BATCH, compiled=compiled))
    finally:
        gan.run_loop = original


def timed(step: Step, t: int) -> tuple[float, float]:
    start, spent = time.perf_counter(), time.process_time()
    step(t)
    return time.perf_counter() - start, time.process_time() - spent


def summary(values: list[float]) -> dict[str, float]:
    low, middle, high = (round(f(values), 4) for f in (min, statistics.median, max))
    return {"median": middle, "min": low, "max": high}


def drift(plain: Plain, step: Step, parts: Mapping[str, Any]) -> float:
    """Largest difference of a weight's step, over the root mean square of all steps of its kind.

    Adam divides a gradient by its own size, so where a gradient is nothing but rounding the first
    steps differ; both optimisers are plain gradient descent here.
    """
    pairs = ((plain.g, parts["generator"]), (plain.d, parts["critic"]))
    for theirs, ours in pairs:
        theirs.load_state_dict(ours.state_dict())
    before = [[p.detach().clone() for p in theirs.parameters()] for theirs, _ in pairs]
    gradients: list[list[Tensor]] = []

    def kept(module: nn.Module) -> None:
        gradients.append([p.grad.clone() for p in module.parameters() if p.grad is not None])

    hooks = [
        optimiser.register_step_pre_hook(lambda o, a, k, m=module: kept(m))
        for optimiser, module in (
            (plain.adam_d, plain.d), (plain.adam_g, plain.g),
            (parts["optimiser_d"], parts["critic"]), (parts["optimiser_g"], parts["generator"]),
        )
    ]  # fmt: skip
    plain.step(0)
    step(0)
    for hook in hooks:
        hook.remove()
    for (theirs, _), weights in zip(pairs, before, strict=True):
        for parameter, value in zip(theirs.parameters(), weights, strict=True):
            parameter.data.copy_(value)
    theirs_d, theirs_g, ours_d, ours_g = gradients
    # D's gradients come first in a step: G's follow an Adam step of D, which rounding may turn.
    del theirs_g, ours_g
    apart = [float((a - b).norm() / a.norm()) for a, b in zip(theirs_d, ours_d, strict=True)]
    return max(apart)


def speed(rounds: int, *, compiled: bool) -> dict[str, Any]:
    images = made_up(256, SIZE)
    plain = Plain(images)
    report: dict[str, Any] = {}

    def work(step: Step, parts: Mapping[str, Any]) -> None:
        report["drift"] = drift(plain, step, parts)
        for t in (1, 2):
            plain.step(t)
            step(t)
        pairs = [(timed(plain.step, t), timed(step, t)) for t in range(3, 3 + rounds)]
        for i, clock in enumerate(("wall", "cpu")):
            report[clock] = {
                "plain_seconds": summary([a[i] for a, _ in pairs]),
                "ours_seconds": summary([b[i] for _, b in pairs]),
                "ratio": summary([a[i] / b[i] for a, b in pairs]),
            }

    with_our_loop(images, work, compiled=compiled)
    return report


def memory() -> dict[str, Any]:
    """Resident MiB of a tiny GAN after so many steps."""
    options = GanOptions(size=16, latent=8, width=8, critic_width=8, batch=8)
    pages = os.sysconf("SC_PAGESIZE")
    seen: dict[str, float] = {}
    original = gan.run_loop

    def watched(step: Step, parts: Any, plan: Plan, **rest: Any) -> Outcome:
        def counted(t: int) -> Mapping[str, Tensor]:
            if t + 1 in (100, 200, 500, 1000, 1500, 2000):
                resident = int(Path("/proc/self/statm").read_text().split()[1]) * pages
                seen[str(t + 1)] = round(resident / 2**20, 1)
            return step(t)

        rest.setdefault("console", Console(quiet=True))
        return original(counted, parts, plan, **rest)

    gan.run_loop = watched
    with tempfile.TemporaryDirectory() as place:
        gan.train(made_up(64, 16), options, Plan(Path(place), 2000, batch=8, save_every=0.05))
    gan.run_loop = original
    return {"resident_mib_after_steps": seen}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--compile", action="store_true", help="torch.compile in our loop")
    parser.add_argument("--memory", action="store_true")
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    report = memory() if given.memory else speed(given.rounds, compiled=given.compile)
    report |= {
        "networks": f"DCGAN {SIZE} px, width {WIDTH}, latent {LATENT}, batch {BATCH}",
        "rounds": given.rounds,
        "threads": given.threads,
        "load_average": os.getloadavg()[0],
        "machine": f"{platform.machine()}, {os.cpu_count()} processors",
        "commit": commit(),
        "versions": {p: version(p) for p in PACKAGES} | {"python": platform.python_version()},
    }
    print(json.dumps(report, indent=2))


if __name__ == "__main__":
    main()

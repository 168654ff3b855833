"""Training of a refiner, self-supervised: whole images, wide masks, and the fills made of them.

One network learns two aims, told apart by its input ``sharpness``. With y its picture, x the true
one and H the hole,

- at 0, fidelity:   log MSE_H(y, x), whose gradient is that of the PSNR of the hole;
- at 1, sharpness:  w log MSE_H(y, x) + v LPIPS(y, x) - a D(y, m)

with LPIPS as in Zhang et al. 2018, and D a discriminator of patches (Isola et al. 2017; hinge
loss, spectral norm) that sees the mask m too. Without D, LPIPS alone is soon satisfied by ripples
that no photo has.

The earlier passes of a recurrent refiner count too, with a smaller weight.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import leaky_relu, relu
from torch.nn.utils.parametrizations import spectral_norm

from inpaint.evaluate import lpips
from inpaint.refine import load
from inpaint.stages.attention import Attention
from inpaint.stages.recurrent import Recurrent
from pretrain import fills, sheets
from pretrain.checkpoint import Stateful
from pretrain.ema import Average
from pretrain.options import RefinerOptions
from pretrain.run import Outcome, Plan, run

# What an earlier pass of a recurrent refiner weighs against the last one.
EARLIER = 0.2
# LPIPS looks at a window of this side around the hole: the rest is known and costs time.
LOOK = 96
Before = Callable[[Tensor, Tensor, Tensor], Tensor]


def fresh(o: RefinerOptions) -> Attention | Recurrent:
    """An untrained network as the options say."""
    with torch.random.fork_rng():
        torch.default_generator.manual_seed(o.seed)
        if o.cell == "attention":
            return Attention(size=o.size, width=o.width, attend=not o.plain)
        return Recurrent(size=o.size, width=o.width, cell=o.cell)


class PatchCritic(nn.Module):
    """Picture and mask (N, 4, S, S) -> logits of patches (N, 1, S/8, S/8)."""

    def __init__(self, width: int = 32) -> None:
        super().__init__()
        widths = (4, width, 2 * width, 4 * width)
        self.layers = nn.ModuleList(
            spectral_norm(nn.Conv2d(a, b, 4, stride=2, padding=1)) for a, b in pairwise(widths)
        )
        self.last = spectral_norm(nn.Conv2d(widths[-1], 1, 3, padding=1))

    def forward(self, x: Tensor) -> Tensor:
        """Logits: above 0 for real."""
        for layer in self.layers:
            x = leaky_relu(layer(x), 0.2)
        logits: Tensor = self.last(x)
        return logits


def earlier(folder: Path) -> Before:
    """The refiner in ``folder`` as the ``before`` of ``train``."""
    network = load(folder)

    def run_before(filled: Tensor, mask: Tensor, sharpness: Tensor) -> Tensor:
        with torch.no_grad():
            refined: Tensor = network(filled, mask, sharpness)[-1]
        return refined.clamp(0, 1)

    return run_before


def log_mse(y: Tensor, x: Tensor, mask: Tensor) -> Tensor:
    """Log of the mean squared error in the hole, (N,); images (N, 3, S, S), mask (N, S, S)."""
    hole = mask[:, None].to(x.dtype)
    error = ((y - x).square() * hole).sum((1, 2, 3)) / (3 * hole.sum((1, 2, 3))).clamp_min(1)
    return (error + 1e-5).log()


def windows(images: Tensor, mask: Tensor, side: int) -> Tensor:
    """Of each image (N, 3, S, S) the square of ``side`` around the middle of its hole."""
    if images.shape[2] <= side:
        return images
    cuts = []
    for image, hole in zip(images, mask, strict=True):
        middle = hole.nonzero().float().mean(0)
        y, x = (int(min(max(c - side / 2, 0), images.shape[2] - side)) for c in middle)
        cuts.append(image[:, y : y + side, x : x + side])
    return torch.stack(cuts)


def train(
    pairs: fills.Fills,
    options: RefinerOptions,
    plan: Plan,
    *,
    before: Before | None = None,
) -> tuple[nn.Module, Outcome]:
    """Train on ``pairs`` until ``plan`` says stop; returns the averaged network.

    ``before(filled, mask, sharpness)`` is an earlier refiner, which half of the fills go through,
    so that this one works after it and without it.
    """
    o = options
    torch.set_flush_denormal(True)
    network = fresh(o)
    nn.Module.to(network, memory_format=torch.channels_last)  # type: ignore[call-overload]
    average = Average(network, o.ema)
    optimiser = torch.optim.Adam(network.parameters(), o.lr, (0.9, 0.99), fused=True)
    judge = lpips.load()
    with torch.random.fork_rng():
        torch.default_generator.manual_seed(o.seed)
        critic = PatchCritic()
    optimiser_d = torch.optim.Adam(critic.parameters(), 4e-4, (0.5, 0.99), fused=True)
    extra: dict[str, Any] = {} if o.cell == "attention" else {"passes": o.passes}
    faithful = o.batch - max(1, round(o.batch * o.sharp_share))
    sharpness = (torch.arange(o.batch) >= faithful).float()

    def drawn(t: int) -> tuple[Tensor, Tensor, Tensor]:
        x, filled, mask = fills.batch(pairs, o.batch, seed=o.seed, step=t, proxy=o.proxy)
        if before:
            again = before(filled, mask, sharpness)
            filled = torch.cat([again[0::2], filled[1::2]])
            order = torch.cat([torch.arange(0, o.batch, 2), torch.arange(1, o.batch, 2)])
            # Back to the order of the batch: the sharp ones come last.
            filled = filled[order.argsort()]
        return x, filled, mask

    def step(t: int) -> dict[str, Tensor]:
        turn = torch.tensor(torch.pi * min(1.0, t / plan.steps)).cos().item()
        optimiser.param_groups[0]["lr"] = o.lr * (0.525 + 0.475 * turn)
        x, filled, mask = drawn(t)
        passes = network(filled, mask, sharpness, **extra)
        weight = torch.where(sharpness > 0, o.fidelity, 1.0)
        loss = torch.zeros(())
        for y in passes[:-1]:
            loss = loss + EARLIER / max(1, len(passes) - 1) * (weight * log_mse(y, x, mask)).mean()
        last = log_mse(passes[-1], x, mask)
        loss = loss + (weight * last).mean()
        sharp = slice(faithful, None)
        shown = [windows(a[sharp], mask[sharp], LOOK) for a in (passes[-1].clamp(0, 1), x)]
        seen = judge.loss(*shown)
        loss = loss + o.lpips * seen.sum() / o.batch
        verdict: dict[str, Tensor] = {}
        if o.adversarial:
            holes = windows(mask[sharp, None].float(), mask[sharp], LOOK)
            fake, real = (torch.cat([a * 2 - 1, holes], 1) for a in shown)
            optimiser_d.zero_grad()
            logits = critic(torch.cat([real, fake.detach()]))
            d = relu(1 - logits[: len(real)]).mean() + relu(1 + logits[len(real) :]).mean()
            d.backward()
            optimiser_d.step()
            critic.requires_grad_(False)
            loss = loss - o.adversarial * critic(fake).mean() * len(fake) / o.batch
            critic.requires_grad_(True)
            verdict = {"d": d.detach()}
        optimiser.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimiser.step()
        average.update(network)
        first = slice(faithful)
        start = -4.343 * log_mse(filled[first], x[first], mask[first]).mean()
        return {
            "gain": (-4.343 * last[first].mean() - start).detach(),
            "psnr": -4.343 * last[first].mean().detach(),
            "lpips": seen.mean().detach(),
            **verdict,
        }

    def sheet(path: Path) -> None:
        x, filled, mask = drawn(0)
        with torch.no_grad():
            rows = [
                average.module(filled, mask, torch.full((o.batch,), float(s)), **extra)[-1]
                for s in (0, 1)
            ]
        erased = torch.where(mask[:, None], 0.5, x)
        together = torch.stack([erased, filled, *rows, x], 1)[:8].flatten(0, 1)
        sheets.write(path, together.clamp(0, 1), columns=10)

    parts: dict[str, Stateful] = {"network": network, "average": average, "optimiser": optimiser}
    if o.adversarial:
        parts |= {"critic": critic, "optimiser_d": optimiser_d}
    outcome = run(step, parts, plan, sheet=sheet)
    return average.module, outcome

"""Training of a refiner, self-supervised by whole images, wide masks, and fills made of them.

One network learns two aims, and its input ``sharpness`` says which one counts. With its picture y,
the true picture x and the hole H, it minimises

- at 0, fidelity:   log MSE_H(y, x), whose gradient is that of the PSNR of the hole;
- at 1, sharpness:  w log MSE_H(y, x) + v LPIPS(y, x) - a D(y, m)

where LPIPS is that of Zhang et al. 2018, and D a discriminator of patches (Isola et al. 2017; hinge
loss, spectral norm) that also sees the mask m. Without D, ripples that no photo has can have a low
LPIPS.

The earlier passes of a recurrent refiner are part of the loss too, with a smaller weight.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import leaky_relu, relu
from torch.nn.utils.parametrizations import spectral_norm

from inpaint.errors import WeightsError
from inpaint.evaluate import lpips
from inpaint.stages.attention import Attention
from inpaint.stages.recurrent import Recurrent
from inpaint.stages.refine import load
from pretrain import fills, precision, sheets
from pretrain.checkpoint import Stateful
from pretrain.ema import Average
from pretrain.options import RefinerOptions
from pretrain.precision import autocast
from pretrain.run import Outcome, Plan, run_loop

# Weight of an earlier pass of a recurrent refiner; the last pass has the weight 1.
EARLIER = 0.2
# LPIPS is computed in a window of this side around the hole, since the rest is known.
LOOK = 96
CRITIC_LR = 4e-4
# log MSE -> PSNR of images in [0, 1]
DECIBELS = -10 / math.log(10)
Before = Callable[[Tensor, Tensor, Tensor], Tensor]


def fresh(o: RefinerOptions, init: Path | None = None) -> Attention | Recurrent:
    """An untrained network as the options say, or with the weights of the refiner ``init``.

    Raises WeightsError when ``init`` has other sizes.
    """
    network: Attention | Recurrent
    with torch.random.fork_rng():
        torch.default_generator.manual_seed(o.seed)
        if o.cell == "attention":
            network = Attention(size=o.size, width=o.width, attend=not o.plain)
        else:
            network = Recurrent(size=o.size, width=o.width, cell=o.cell)
    adopt(network, init, "has other sizes than these options; give its --cell, --size and --width")
    return network


def adopt(network: nn.Module, init: Path | None, unlike: str) -> None:
    """Give a network the weights of the folder ``init``, if there is one.

    Raises WeightsError, which says what is ``unlike`` and what to do, when they do not fit.
    """
    if init:
        try:
            network.load_state_dict(load(init).state_dict())
        except RuntimeError as error:
            raise WeightsError(f"{init}: {unlike}") from error


# ``pretrain.critic`` has a stronger discriminator: two scales, only patches with hole, R1 and
# feature matching. This one stays as it is, because the recipes of the shipped refiners were
# trained against it and would give other weights with another.


class PatchCritic(nn.Module):
    """Maps picture and mask (N, 4, S, S) to logits of patches (N, 1, S/8, S/8)."""

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
    """Return the refiner in ``folder`` as the ``before`` of ``train``."""
    return running(load(folder))


def running(network: nn.Module) -> Before:
    """Return a trained network as the ``before`` of ``train``."""

    def run_before(filled: Tensor, mask: Tensor, sharpness: Tensor) -> Tensor:
        with torch.no_grad():
            refined: Tensor = network.to(filled.device)(filled, mask, sharpness)[-1]
        return refined.clamp(0, 1)

    return run_before


def log_mse(y: Tensor, x: Tensor, mask: Tensor) -> Tensor:
    """Log of the mean squared error in the hole, (N,); images (N, 3, S, S), mask (N, S, S)."""
    hole = mask[:, None].to(x.dtype)
    error = ((y - x).square() * hole).sum((1, 2, 3)) / (3 * hole.sum((1, 2, 3))).clamp_min(1)
    return (error + 1e-5).log()


def windows(images: Tensor, mask: Tensor, side: int) -> Tensor:
    """Return the square of ``side`` around the middle of the hole of each image (N, 3, S, S)."""
    if images.shape[2] <= side:
        return images
    cuts = []
    for image, hole in zip(images, mask, strict=True):
        middle = hole.nonzero().float().mean(0)
        y, x = (int(min(max(c - side / 2, 0), images.shape[2] - side)) for c in middle)
        cuts.append(image[:, y : y + side, x : x + side])
    return torch.stack(cuts)


class Opponent:
    """The discriminator and its optimiser, which make sharp fills look like photos."""

    def __init__(self, *, seed: int, device: torch.device) -> None:
        with torch.random.fork_rng():
            torch.default_generator.manual_seed(seed)
            self.network = PatchCritic().to(device)
        self.optimiser = torch.optim.Adam(
            self.network.parameters(), CRITIC_LR, (0.5, 0.99), fused=True
        )

    def parts(self) -> dict[str, Stateful]:
        """The parts that a checkpoint keeps."""
        return {"critic": self.network, "optimiser_d": self.optimiser}

    def step(self, fake: Tensor, real: Tensor) -> Tensor:
        """Train D on pictures with their masks (N, 4, S, S); return its hinge loss."""
        self.optimiser.zero_grad()
        logits = self.network(torch.cat([real, fake.detach()]))
        loss = relu(1 - logits[: len(real)]).mean() + relu(1 + logits[len(real) :]).mean()
        loss.backward()
        self.optimiser.step()
        return loss.detach()

    def verdict(self, fake: Tensor) -> Tensor:
        """Return the loss of the refiner's pictures by D, with gradients for the pictures only."""
        self.network.requires_grad_(False)
        logits = self.network(fake).mean()
        self.network.requires_grad_(True)
        return logits


def train(
    pairs: fills.Fills,
    options: RefinerOptions,
    plan: Plan,
    *,
    before: Before | None = None,
    init: Path | None = None,
) -> tuple[nn.Module, Outcome]:
    """Train on ``pairs`` until ``plan`` says stop; returns the averaged network.

    ``before(filled, mask, sharpness)`` is an earlier refiner, which half of the fills go through,
    so that this one works after it and without it. ``init`` is a refiner to go on from. Raises
    WeightsError when that has other sizes.
    """
    o, device = options, plan.device
    precision.prepare(device)
    network = fresh(o, init)
    nn.Module.to(network, device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    average = Average(network, o.ema)
    optimiser = torch.optim.Adam(network.parameters(), o.lr, (0.9, 0.99), fused=True)
    judge = lpips.load(device=device)
    opponent = Opponent(seed=o.seed, device=device) if o.adversarial else None
    extra: dict[str, Any] = {} if o.cell == "attention" else {"passes": o.passes}
    faithful = o.batch - max(1, round(o.batch * o.sharp_share))
    first, sharp = slice(faithful), slice(faithful, None)
    sharpness = (torch.arange(o.batch) >= faithful).float().to(device)
    weight = torch.where(sharpness > 0, o.fidelity, 1.0)

    def drawn(t: int) -> tuple[Tensor, Tensor, Tensor]:
        made = fills.batch(pairs, o.batch, seed=o.seed, step=t, proxy=o.proxy)
        x, filled, mask = (part.to(device) for part in made)
        if before:
            again = before(filled, mask, sharpness)
            filled = torch.where(torch.arange(o.batch, device=device).view(-1, 1, 1, 1) % 2 == 0,
                                 again, filled)  # fmt: skip
        return x, filled, mask

    def step(t: int) -> dict[str, Tensor]:
        turn = torch.tensor(torch.pi * min(1.0, t / plan.steps)).cos().item()
        optimiser.param_groups[0]["lr"] = o.lr * (0.525 + 0.475 * turn)
        x, filled, mask = drawn(t)
        with autocast(device):
            passes = network(filled, mask, sharpness, **extra)
        *earlier_passes, y = (one.float() for one in passes)
        last = log_mse(y, x, mask)
        loss = (weight * last).mean()
        for one in earlier_passes:
            share = EARLIER / len(earlier_passes)
            loss = loss + share * (weight * log_mse(one, x, mask)).mean()
        fake, real = (windows(a[sharp], mask[sharp], LOOK) for a in (y.clamp(0, 1), x))
        seen = judge.loss(fake, real)
        loss = loss + o.lpips * seen.sum() / o.batch
        shown = {"lpips": seen.mean().detach()}
        if opponent:
            holes = windows(mask[sharp, None].to(x.dtype), mask[sharp], LOOK)
            fake, real = (torch.cat([a * 2 - 1, holes], 1) for a in (fake, real))
            shown["d"] = opponent.step(fake, real)
            loss = loss - o.adversarial * opponent.verdict(fake) * len(fake) / o.batch
        optimiser.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimiser.step()
        average.update(network)
        start = log_mse(filled[first], x[first], mask[first])
        gain = DECIBELS * (last[first] - start).mean().detach()
        return {"gain": gain, "psnr": DECIBELS * last[first].mean().detach(), **shown}

    def sheet(path: Path) -> None:
        x, filled, mask = drawn(0)
        with torch.no_grad():
            rows = [
                average.module(filled, mask, torch.full_like(sharpness, s), **extra)[-1]
                for s in (0.0, 1.0)
            ]
        erased = torch.where(mask[:, None], 0.5, x)
        together = torch.stack([erased, filled, *rows, x], 1)[:8].flatten(0, 1)
        sheets.write(path, together.clamp(0, 1), columns=10)

    parts: dict[str, Stateful] = {"network": network, "average": average, "optimiser": optimiser}
    if opponent:
        parts |= opponent.parts()
    outcome = run_loop(step, parts, plan, sheet=sheet)
    return average.module.cpu(), outcome

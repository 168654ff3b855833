"""Training of the amortised start: E(x * m, m) -> (mu, sigma²) for a prior that does not change.

A search that starts from E's guess begins near its end. For images x and random holes, with
z ~ N(mu, sigma²), the weights V of the pixels and D numbers per image, the minimised sum is

    L = log(sum V |G(z) - x|) + a LPIPS + b KL(N(mu, sigma²) || p(z)) / D - c log N(z*; mu, sigma²)

The first term is the likelihood of a Laplace distribution at its best width, as log(MSE)/2 is
for a Gaussian in ``pretrain.vae``. V are the search's own weights on the known pixels and 1 in
the hole, each part summing to its share. z* is known where x was made from it: a prior with an
encoder gives z* ~ q(z|x) of the whole image, for one without pairs (z*, G(z*)) are drawn (the
"sleep" phase of Hinton et al. 1995; Bau et al. 2019 start their inversions so).
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor, nn

from inpaint.errors import InpaintError
from inpaint.evaluate import protocols
from inpaint.priors import Prior, SavedPrior
from inpaint.priors.start import Start, shapes_of
from inpaint.search.contextual import context_weights
from pretrain import data, precision, sheets
from pretrain.checkpoint import Stateful
from pretrain.ema import Average
from pretrain.options import EncoderOptions, named
from pretrain.precision import autocast
from pretrain.run import Outcome, Plan, run_loop
from pretrain.vae import distance, kl_divergence


def draw_masks(names: list[str], n: int, size: int, *, seed: int, step: int) -> Tensor:
    """Draw ``n`` masks (n, S, S) of bool, each of a random protocol, turned and mirrored."""
    rng = np.random.default_rng([seed, step, 2])
    masks = []
    for _ in range(n):
        name = names[rng.integers(len(names))]
        mask = protocols.make(name, (size, size), int(rng.integers(2**32)))
        masks.append(np.rot90(mask, int(rng.integers(4)))[:, :: rng.choice([-1, 1])])
    return torch.from_numpy(np.stack(masks))


def pixel_weights(mask: Tensor, *, base: float, hole: float) -> Tensor:
    """Return V of masks (N, S, S): it sums to 1 - ``hole`` over known pixels, else ``hole``."""
    known = context_weights(mask, base=base, normalise=True)
    inside = mask.float()
    inside = inside / inside.sum((1, 2), keepdim=True).clamp_min(1)
    return (1 - hole) * known + hole * inside


def negative_log_likelihood(z: Tensor, mu: Tensor, log_variance: Tensor) -> Tensor:
    """-log N(z; mu, sigma²) without its constant, mean over the dimensions: (N, D) -> (N,)."""
    return 0.5 * ((z - mu).square() * (-log_variance).exp() + log_variance).mean(1)


def drawn_z(mu: Tensor, log_variance: Tensor, rng: torch.Generator) -> Tensor:
    """Draw one z ~ N(mu, sigma²) for each row, (N, D), differentiable in mu and sigma."""
    return mu + (log_variance / 2).exp() * torch.randn(mu.shape, generator=rng).to(mu)


class Classes:
    """A prior steered to each class that it shares with the images, and to any class.

    Each step has one class; in half of the steps it is any. A prior without classes stays as it is.
    """

    def __init__(self, prior: Any, images: data.Images, seed: int) -> None:
        self.images, self.seed = images, seed
        self.any = prior
        known = [c for c in getattr(prior, "classes", ()) if c in images.classes]
        self.named = [prior.with_class(name) for name in known]
        self.rows = [np.flatnonzero(images.labels == images.classes.index(c)) for c in known]

    def at(self, step: int, batch: int) -> tuple[Any, np.ndarray]:
        """Return the prior of a step and the images (batch,) that it uses."""
        rng = np.random.default_rng([self.seed, step, 3])
        if not self.named or rng.random() < 0.5:
            return self.any, data.indices(len(self.images), batch, seed=self.seed, step=step)
        which = int(rng.integers(len(self.named)))
        return self.named[which], rng.choice(self.rows[which], batch)


def check(prior: Prior, folder: Path, out: Path, *, lpips: float = 0.0) -> None:
    """Raise InpaintError if ``prior`` needs no start network, or would be overwritten.

    It is also raised if the images are too small for the LPIPS term.
    """
    if not hasattr(prior, "start"):
        raise InpaintError(
            f"{folder.name} is a {prior.kind}, which has its start in closed form; "
            "name a dcgan, cgan or vae"
        )
    if out.resolve() == folder.resolve():
        raise InpaintError(f"--out {out} is the prior itself; name another folder")
    if lpips and prior.size < 32:
        raise InpaintError(f"--lpips needs a prior of 32 px or more, got {prior.size}; leave it")


def fresh(prior: Prior, options: EncoderOptions) -> Start:
    """An untrained network for ``prior``."""
    classes = len(getattr(prior, "classes", ()))
    with torch.random.fork_rng():
        torch.default_generator.manual_seed(options.seed)
        return Start(
            size=prior.size,
            shapes=shapes_of(cast(SavedPrior, prior).config()),
            width=options.width,
            cap=options.cap,
            classes=classes + 1 if classes else 0,
        )


def train(
    images: data.Images, prior: Any, options: EncoderOptions, plan: Plan
) -> tuple[Start, Outcome]:
    """Train a start network for ``prior`` until ``plan`` says stop; the prior does not change."""
    o, device = options, plan.device
    precision.prepare(device)
    prior.to(device)
    size, names = prior.size, named(o.masks)
    model = fresh(prior, o)
    nn.Module.to(model, device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    average = Average(model, o.ema)
    optimiser = torch.optim.Adam(model.parameters(), lr=o.lr, fused=True)
    lpips = distance(device) if o.lpips else None
    classes = Classes(prior, images, o.seed)
    base = prior.search_defaults.get("base", 0.0)
    # A uniform latent has a variance of a third; its KL is taken to a normal of that variance.
    narrow = math.sqrt(3) if getattr(prior, "distribution", "normal") == "uniform" else 1.0
    made = 0 if hasattr(prior, "encode") else max(1, o.batch // 2)

    def step(t: int) -> dict[str, Tensor]:
        turn = math.cos(math.pi * min(1.0, t / plan.steps))
        optimiser.param_groups[0]["lr"] = o.lr * (0.55 + 0.45 * turn)
        rng = torch.Generator().manual_seed(o.seed * 1_000_003 + t)
        one, chosen = classes.at(t, o.batch)
        x = data.views(
            images, chosen, size, seed=o.seed, step=t, min_scale=o.min_scale, mirror=o.mirror
        ).to(device)
        mask = draw_masks(names, o.batch + made, size, seed=o.seed, step=t).to(device)
        with torch.no_grad():
            if made:
                target = one.sample_z(made, rng)
                seen = torch.cat([x, one.generate(target)])
            else:
                mean, spread = one.encode(x)
                target, seen = drawn_z(mean, spread, rng), x
        with autocast(device):
            mu, log_variance = model(seen, mask, getattr(one, "label", -1))
            z = one.constrain_z(drawn_z(mu, log_variance, rng)[: o.batch])
            y = one.generate(z).float()
        weights = pixel_weights(mask[: o.batch], base=base, hole=o.hole)
        l1 = (weights[:, None] * (y - x).abs()).sum((1, 2, 3)).mean() / 3
        kl = kl_divergence(mu * narrow, log_variance + 2 * math.log(narrow))[: o.batch]
        rows = slice(o.batch, None) if made else slice(None)
        nll = negative_log_likelihood(target, mu[rows], log_variance[rows]).mean()
        found = {"l1": l1, "kl": kl.sum(1).mean(), "nll": nll}
        loss = l1.log() + o.kl * found["kl"] / x[0].numel() + o.regression * nll
        if lpips:
            found["lpips"] = lpips(y * 2 - 1, x * 2 - 1)
            loss = loss + o.lpips * found["lpips"]
        optimiser.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimiser.step()
        average.update(model)
        return {name: value.detach() for name, value in found.items()}

    first = data.indices(len(images), 16, seed=o.seed, step=0)
    shown = data.views(images, first, size, seed=o.seed, step=0).to(device)
    holes = draw_masks(names, 16, size, seed=o.seed, step=0).to(device)

    def sheet(path: Path) -> None:
        """Images with their holes, and the first start of each."""
        with torch.no_grad():
            mu, _ = average.module(shown, holes)
            guess = prior.generate(prior.constrain_z(mu))
        sheets.write(path, torch.cat([torch.where(holes[:, None], 0.5, shown), guess]))

    parts: dict[str, Stateful] = {"model": model, "average": average, "optimiser": optimiser}
    outcome = run_loop(step, parts, plan, sheet=sheet)
    prior.to(torch.device("cpu"))
    return average.module.cpu(), outcome

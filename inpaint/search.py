"""The latent search: one pure function, its schedules as keyword-only options (Yeh et al. 2017).

    z* = argmin_z  L_context(z | y, M) + lambda * L_prior(z)

Rows of a batch never meet: losses and gradients are those of each row alone. To the last bit,
though, kernels round by the batch's shape, so callers that promise the same bytes keep the
number of rows fixed (``inpaint.pipeline`` searches one image's restarts at a time on the CPU).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor

from inpaint.errors import SearchError, UnknownNameError
from inpaint.losses import Norm, context_weights, contextual_loss
from inpaint.priors import Prior

Optimizer = Literal["adam", "momentum"]
Callback = Callable[[int, dict[str, Tensor]], None]

# Yeh et al.'s settings as published: one start from the prior, Adam, 1500 iterations, window 7,
# lambda 0.003, sums over the pixels of images in [-1, 1] (twice our range). The step size is not
# in the paper; 0.01 is what the TensorFlow port by B. Amos uses.
REFERENCE: dict[str, Any] = {
    "restarts": 1,
    "steps": 1500,
    "optimizer": "adam",
    "lr": 0.01,
    "anneal": False,
    "norm": "l1",
    "window": 7,
    "base": 0.0,
    "normalise": False,
    "lam": 0.003 / 2,
    "start": "sample",
}
BETAS = (0.9, 0.999)
OPTIMIZERS, NORMS, STARTS = ("adam", "momentum"), ("l1", "l2"), ("prior", "sample")


@dataclass(frozen=True)
class Found:
    """What a search returns, restarts sorted by their loss, best first.

    Attributes
    ----------
    z : Tensor (B, R, D)
    x : Tensor (B, R, 3, S, S)
        Images of ``z``, in [0, 1].
    loss, contextual, perceptual : Tensor (B, R)
        The minimised sum, and its two terms (the second one before lambda).
    """

    z: Tensor
    x: Tensor
    loss: Tensor
    contextual: Tensor
    perceptual: Tensor


def search(
    prior: Prior,
    image: Tensor,
    mask: Tensor,
    *,
    seeds: Sequence[int],
    restarts: int = 4,
    steps: int = 100,
    optimizer: Optimizer = "adam",
    lr: float = 0.05,
    momentum: float = 0.9,
    anneal: bool = True,
    norm: Norm = "l1",
    window: int = 7,
    base: float = 0.2,
    normalise: bool = True,
    lam: float = 0.003,
    start: Literal["prior", "sample"] | Tensor = "prior",
    callback: Callback | None = None,
) -> Found:
    """Search the latents whose images agree with the known pixels and are likely.

    Parameters
    ----------
    prior : Prior
        Any prior; its weights do not change.
    image : Tensor (B, 3, S, S)
        In [0, 1]; values in the hole are not read.
    mask : Tensor (B, S, S) of bool
        True = hole.
    seeds : sequence of int
        One an image: all its randomness, so that a result does not depend on its batch.
    restarts : int
        Searches from different starts, R of them for each image, all at once.
    steps : int
        Gradient steps; 0 returns the starts.
    optimizer : {"adam", "momentum"}
        Adam (Kingma and Ba 2015), or gradient descent with Nesterov momentum.
    lr : float
        Step size, in units of z.
    momentum : float
        For the ``momentum`` optimizer.
    anneal : bool
        Let the step size fall to zero along a cosine.
    norm, window, base, normalise
        The contextual loss, see ``losses.context_weights`` and ``losses.contextual_loss``.
    lam : float
        lambda, the weight of the perceptual loss.
    start : {"prior", "sample"} or Tensor (B, R, D)
        The prior's own starts (amortised or closed form), plain samples, or given ones.
    callback : callable, optional
        ``callback(step, {"x": (B, R, 3, S, S), "loss": (B, R), ...})`` before every step and
        after the last one. Reading a loss makes the device wait.

    Returns
    -------
    Found
        For every restart the best of its iterates, never simply the last one.

    Raises
    ------
    SearchError
        When no restart of some image has a finite loss.
    """
    count = len(image)
    _check_images(image, mask, seeds, prior.size)
    _check_settings(restarts, steps, optimizer, norm, window, start, (count, prior.latent))
    z = _starts(prior, image, mask, seeds, restarts, start)
    target = image.repeat_interleave(restarts, 0)
    weights = context_weights(mask, window=window, base=base, normalise=normalise)
    weights = weights.repeat_interleave(restarts, 0)

    def losses(z: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        x = prior.generate(z)
        contextual = contextual_loss(x, target, weights, norm=norm)
        perceptual = prior.perceptual_loss(z, x)
        return x, contextual + lam * perceptual, contextual, perceptual

    z = z.detach().clone().requires_grad_(True)
    rule = _Rule(z.detach(), optimizer, momentum)  # shares z's memory
    best_z = z.detach().clone()
    best = torch.full((len(z),), math.inf, device=z.device)
    for step in range(steps + 1):
        with torch.set_grad_enabled(step < steps):
            x, loss, contextual, perceptual = losses(z)
        with torch.no_grad():
            better = (loss < best) & loss.isfinite()  # a broken iterate is never kept
            best = torch.where(better, loss, best)
            best_z = torch.where(better[:, None], z, best_z)
        if callback:
            shape = (count, restarts)
            terms = {"loss": loss, "contextual": contextual, "perceptual": perceptual}
            seen = {k: v.detach().reshape(shape) for k, v in terms.items()}
            callback(step, {"x": x.detach().unflatten(0, shape), **seen})
        if step == steps:
            break
        rate = lr * (1 + math.cos(math.pi * step / steps)) / 2 if anneal else lr
        (grad,) = torch.autograd.grad(loss.sum(), z)
        rule.step(grad, rate)
        with torch.no_grad():
            z.copy_(prior.constrain_z(z))
    return _found(best_z, losses, (count, restarts))


def _check_images(image: Tensor, mask: Tensor, seeds: Sequence[int], side: int) -> None:
    count = len(image)
    expected = f"({count}, 3, {side}, {side})"
    if tuple(image.shape) != (count, 3, side, side):
        raise SearchError(f"image is {tuple(image.shape)}; this prior expects {expected}")
    if tuple(mask.shape) != (count, side, side) or mask.dtype != torch.bool:
        raise SearchError(
            f"mask is {tuple(mask.shape)} {mask.dtype}; expected ({count}, {side}, {side}) bool"
        )
    if len(seeds) != count:
        raise SearchError(f"{len(seeds)} seeds for {count} images; give one an image")


def _check_settings(
    restarts: int,
    steps: int,
    optimizer: str,
    norm: str,
    window: int,
    start: str | Tensor,
    shape: tuple[int, int],
) -> None:
    if restarts < 1 or steps < 0:
        raise SearchError(f"restarts is {restarts}, steps {steps}; expected >= 1 and >= 0")
    if window < 1 or window % 2 == 0:
        raise SearchError(f"window is {window}; expected an odd number of pixels")
    if isinstance(start, Tensor):
        expected = (shape[0], restarts, shape[1])
        if tuple(start.shape) != expected:
            raise SearchError(f"start is {tuple(start.shape)}; expected {expected}")
    elif start not in STARTS:
        raise UnknownNameError("start", start, STARTS)
    if optimizer not in OPTIMIZERS:
        raise UnknownNameError("optimizer", optimizer, OPTIMIZERS)
    if norm not in NORMS:
        raise UnknownNameError("norm", norm, NORMS)


def _starts(
    prior: Prior,
    image: Tensor,
    mask: Tensor,
    seeds: Sequence[int],
    restarts: int,
    start: Literal["prior", "sample"] | Tensor,
) -> Tensor:
    """Starting latents (B * R, D), each image from its own generator."""
    if isinstance(start, Tensor):
        return start.flatten(0, 1)
    rows = []
    for one, hole, seed in zip(image, mask, seeds, strict=True):
        generator = torch.Generator().manual_seed(seed)
        if start == "sample":
            rows.append(prior.sample_z(restarts, generator))
        else:
            rows.append(prior.start_z(one, hole, restarts, generator))
    return torch.cat(rows)


class _Rule:
    """One step of gradient descent, in place on z (N, D).

    Our own few lines: the constructors of ``torch.optim`` import torch's compiler, which takes
    longer than a whole fill.
    """

    def __init__(self, z: Tensor, optimizer: Optimizer, momentum: float) -> None:
        self.z, self.optimizer, self.momentum = z, optimizer, momentum
        self.mean, self.square = torch.zeros_like(z), torch.zeros_like(z)
        self.count = 0

    def step(self, grad: Tensor, lr: float) -> None:
        """Move z against ``grad`` by ``lr``."""
        self.count += 1
        if self.optimizer == "momentum":  # Nesterov's, as Sutskever et al. 2013 write it
            self.mean.mul_(self.momentum).add_(grad)
            self.z.add_(grad + self.momentum * self.mean, alpha=-lr)
            return
        self.mean.lerp_(grad, 1 - BETAS[0])  # Kingma and Ba 2015, algorithm 1
        self.square.lerp_(grad.square(), 1 - BETAS[1])
        mean = self.mean / (1 - BETAS[0] ** self.count)
        square = self.square / (1 - BETAS[1] ** self.count)
        self.z.addcdiv_(mean, square.sqrt() + 1e-8, value=-lr)


@torch.no_grad()
def _found(
    z: Tensor,
    losses: Callable[[Tensor], tuple[Tensor, Tensor, Tensor, Tensor]],
    shape: tuple[int, int],
) -> Found:
    """Evaluate the kept latents once more and sort each image's restarts by loss."""
    x, loss, contextual, perceptual = (t.unflatten(0, shape) for t in losses(z))
    loss = torch.where(loss.isfinite(), loss, math.inf)
    broken = [i for i, row in enumerate(loss) if not row.isfinite().any()]
    if broken:
        raise SearchError(
            f"the search broke: no finite loss for image {broken[0]} of {shape[0]}; "
            "its known pixels or the prior's weights hold NaN, or the step size is far too large"
        )
    order = loss.argsort(dim=1, stable=True)
    rows = torch.arange(shape[0], device=z.device)[:, None]
    parts = (z.unflatten(0, shape), x, loss, contextual, perceptual)
    return Found(*(part[rows, order] for part in parts))

"""The reconstruction ceiling: how closely a prior can draw images that it was not trained on.

Here each pixel of a held-out image y is known, so that only the range of G and the search limit the
figure. No search for a fill can come closer to y than ::

    z* = argmin_z |G(z) - y|²,      ceiling = mean over y of PSNR(G(z*), y)

lambda is 0 here, but ``constrain_z`` is applied, because latents that no search for a fill may
reach do not count.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from inpaint.priors import Prior
from inpaint.priors.gaussian import Gaussian
from inpaint.search import search
from inpaint.zoo.classes import Steerable

Progress = Callable[[int, int], None]

CHUNK = 4
"""Images searched at once: a fixed shape, so that a figure does not depend on their number."""
SCREEN = 60
"""Steps that all starts take; the best of them go on."""
RATE = 0.2
"""Step size. Of 0.05, 0.1, 0.2 and 0.4 it is the best for a DCGAN; for a VAE all are equal."""
ROUNDS = 20


@dataclass(frozen=True)
class Ceiling:
    """What ``ceiling`` found: images (N, 3, S, S) in [0, 1] and PSNR (N,) in dB."""

    images: Tensor
    psnr: np.ndarray


def psnr(x: Tensor, y: Tensor) -> np.ndarray:
    """PSNR of each image, (N, 3, S, S) in [0, 1], peak 1: (N,) in dB; 100 dB where they are equal.

    Without the limit, one image that is drawn exactly would make the average infinite.
    """
    error = (x.double() - y.double()).square().mean((1, 2, 3)).clamp_min(1e-10)
    found: np.ndarray = (-10 * error.log10()).cpu().numpy()
    return found


def ceiling(
    prior: Prior,
    images: Tensor,
    labels: Sequence[str] | None = None,
    *,
    steps: int = 300,
    starts: int = 4,
    kept: int = 1,
    seed: int = 0,
    callback: Progress | None = None,
) -> Ceiling:
    """Draw each image as well as ``prior`` can.

    A Gaussian's best z is known in closed form, see ``projected``. For other priors, Adam takes
    ``SCREEN`` steps from each of ``starts`` starts; then the ``kept`` best take ``steps`` steps
    more, with a step size that falls to zero along a cosine.

    Parameters
    ----------
    prior : Prior
        A prior with classes draws each image as its own class if it has that class.
    images : Tensor (N, 3, S, S)
        In [0, 1], at the prior's size.
    labels : sequence of str, optional
        The images' classes.
    steps, starts, kept : int
        The budget; see above.
    seed : int
        Image i starts from seed + i.
    callback : callable, optional
        ``callback(done, total)`` in steps of search.
    """
    if isinstance(prior, Gaussian):
        found = projected(prior, images)
        return Ceiling(found, psnr(found, images))
    rows = torch.empty_like(images)
    jobs = [
        (one, chosen[i : i + CHUNK])
        for one, chosen in _by_class(prior, len(images), labels)
        for i in range(0, len(chosen), CHUNK)
    ]
    each = SCREEN + steps
    for job, (one, chosen) in enumerate(jobs):

        def step(t: int, _: object, begun: int = job * each) -> None:
            if callback:
                callback(begun + t, len(jobs) * each)

        # The last chunk is padded to the size of the others, so that kernels round it alike.
        full = [*chosen, *[chosen[-1]] * (CHUNK - len(chosen))]
        seeds = [seed + i for i in full]
        found = _searched(one, images[full], seeds, (steps, starts, kept), step)
        rows[chosen] = found[: len(chosen)]
    return Ceiling(rows, psnr(rows, images))


def _searched(
    prior: Prior,
    images: Tensor,
    seeds: list[int],
    budget: tuple[int, int, int],
    step: Callable[[int, object], None],
) -> Tensor:
    """The best images (n, 3, S, S) of a screening and a longer search from its winners."""
    steps, starts, kept = budget
    device = prior.sample_z(1, torch.Generator()).device
    images = images.to(device)
    nothing = torch.zeros((len(images), prior.size, prior.size), dtype=torch.bool, device=device)
    fixed = {"seeds": seeds, "norm": "l2", "base": 1.0, "lam": 0.0, "lr": RATE}
    first = search(
        prior, images, nothing, restarts=starts, steps=SCREEN, anneal=False,
        callback=step, **fixed,  # type: ignore[arg-type]
    )  # fmt: skip
    winners = first.z[:, : min(kept, starts)].contiguous()
    last = search(
        prior, images, nothing, restarts=winners.shape[1], steps=steps, start=winners,
        callback=lambda t, seen: step(SCREEN + t, seen), **fixed,  # type: ignore[arg-type]
    )  # fmt: skip
    return last.x[:, 0].cpu()


def _by_class(
    prior: Prior, count: int, labels: Sequence[str] | None
) -> list[tuple[Prior, list[int]]]:
    """Which images to draw with which version of the prior: its classes, or itself for the rest."""
    if labels is None or not isinstance(prior, Steerable):
        return [(prior, list(range(count)))]
    groups: dict[str | None, list[int]] = {}
    for i, label in enumerate(labels):
        groups.setdefault(label if label in prior.classes else None, []).append(i)
    return [(prior.with_class(name) if name else prior, rows) for name, rows in groups.items()]


def projected(prior: Gaussian, images: Tensor) -> Tensor:
    """The images W z + mu, clipped to [0, 1], that are nearest to ``images`` (N, 3, S, S).

    Without the clip z = (WᵀW)⁻¹ Wᵀ (y - mu). With it, values beyond the range cost nothing, so the
    residual r of the clipped image is projected again, z += (WᵀW)⁻¹ Wᵀ r, for ``ROUNDS`` rounds,
    and the best z of each image is kept.
    """
    W = prior.W.double()
    gram = W.T @ W
    # A component that was quantised to nothing would make the matrix singular.
    gram.diagonal().add_(1e-12 * float(gram.diagonal().mean()))
    factor = torch.linalg.cholesky(gram)
    y = images.to(W.device).double().flatten(1)
    x = torch.zeros_like(y) + prior.mean
    z = torch.zeros(len(y), prior.latent, dtype=torch.float64, device=W.device)
    best, least = x, torch.full((len(y), 1), torch.inf, dtype=torch.float64, device=W.device)
    for _ in range(ROUNDS):
        z = z + torch.cholesky_solve(W.T @ (y - x).T, factor).T
        x = (prior.mean + z @ W.T).clamp(0, 1)
        error = (x - y).square().mean(1, keepdim=True)
        best, least = torch.where(error < least, x, best), torch.minimum(error, least)
    return best.float().reshape(images.shape).cpu()

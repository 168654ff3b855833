"""The latent search: one pure function, its schedules as keyword-only options (Yeh et al. 2017).

    z* = argmin_z  L_context(z | y, M) + lambda * L_prior(z)

Starts, descents, and then perhaps what lies beyond the generator's range; restarts that fall
behind are given up on the way. Rows of a batch never meet: losses and gradients are those of each
row alone. To the last bit, though, kernels round by the batch's shape, so callers that promise
the same bytes keep the number of rows fixed (``inpaint.pipeline`` searches one image's restarts
at a time on the CPU).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import nullcontext
from typing import Any

import torch
from torch import Tensor

from inpaint.devices import one_thread
from inpaint.priors import Prior
from inpaint.search import checks, starts
from inpaint.search import expand as beyond
from inpaint.search.contextual import Norm
from inpaint.search.descent import Best, Descent, Tell, cosine
from inpaint.search.found import Found, join
from inpaint.search.halving import halve
from inpaint.search.objective import Operator, Terms, objective
from inpaint.search.optimizers import Optimizer, make
from inpaint.search.starts import Start

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
    start: Start | Tensor = "prior",
    pool: int = 0,
    keep: Sequence[int] = (),
    hidden: float = 0.0,
    expand: int = 0,
    level: int = 2,
    radius: float = 0.1,
    expand_lr: float = 0.01,
    tune: int = 0,
    tune_lr: float = 3e-4,
    operator: Operator | None = None,
    guess: Tensor | None = None,
    max_rows: int | None = None,
    callback: Callback | None = None,
) -> Found:
    """Search the latents whose images agree with the known pixels and are likely.

    >>> import torch
    >>> from inpaint.zoo.registry import load_prior
    >>> prior = load_prior("faces64-gaussian")
    >>> image = prior.generate(prior.sample_z(1, torch.Generator().manual_seed(0)))
    >>> mask = torch.zeros(1, 64, 64, dtype=torch.bool)
    >>> mask[:, 20:40, 20:40] = True
    >>> found = search(prior, image, mask, seeds=[0], **prior.search_defaults)
    >>> tuple(found.x.shape)  # images, restarts, channels, height, width
    (1, 1, 3, 64, 64)
    >>> bool((found.x[0, 0] - image[0]).abs().mean() < 0.05)
    True

    With a linear operator A the known pixels are those of y = A x, and the contextual loss
    compares A G(z) with y: a blur, a smaller image, a grey one.

    Parameters
    ----------
    prior : Prior
        Any prior; its weights do not change.
    image : Tensor (B, 3, S, S), or (B, C, H, W) as ``operator`` gives it
        In [0, 1]; values in the hole are not read.
    mask : Tensor (B, S, S), or (B, H, W), of bool
        True = hole.
    seeds : sequence of int
        One an image: all its randomness, so that a result does not depend on its batch.
    restarts : int
        Searches from different starts, R of them for each image, all at once.
    steps : int
        Gradient steps; 0 returns the starts.
    optimizer : {"adam", "momentum", "lbfgs"}
        Adam (Kingma and Ba 2015), gradient descent with Nesterov momentum, or L-BFGS, of which
        a step is one evaluation, be it of a new direction or of its line search.
    lr : float
        Step size, in units of z; of L-BFGS the length of the first step only.
    momentum : float
        For the ``momentum`` optimizer.
    anneal : bool
        Let the step size fall to zero along a cosine; L-BFGS has its own.
    norm, window, base, normalise
        The contextual loss, see ``contextual.context_weights`` and ``contextual.contextual_loss``.
    lam : float
        lambda, the weight of the perceptual loss; at 0 that loss is not computed.
    start : {"prior", "sample"} or Tensor (B, R, D)
        The prior's own starts (amortised or closed form), plain samples, or given ones.
    pool : int
        Draw this many starts, look at each once, and go on with the best ``restarts``; 0 takes
        the first ones as they come.
    keep : sequence of int
        Successive halving: restarts left after each rung, such as (4, 1) of 16. Rungs are equal
        shares of the steps; those with the best loss so far go on, and only they are returned.
    hidden : float
        Share of the known pixels to hold back, see ``holdout``. Their error chooses the best
        iterate and stops rows where it rises.
    expand, level, radius, expand_lr
        Steps on the features of a level, within a ball around those of z: see
        ``expand.features``.
    tune, tune_lr
        Steps on the generator's weights, a copy a row: see ``expand.weights``.
    operator : callable, optional
        A, from images (N, 3, S, S) to (N, C, H, W), row by row and differentiable; the identity
        by default.
    guess : Tensor (B, 3, S, S), optional
        A whole image to start near: the prior's own starts are asked about it, nothing hidden,
        rather than about ``image`` and ``mask``. Where A changes the shape and there is no
        guess, the starts are samples.
    max_rows : int, optional
        Go through the images in groups of at most this many rows, which bounds the memory.
    callback : callable, optional
        ``callback(step, {"x": (B, R, 3, S, S), "loss": (B, R), ...})`` before every step on z
        and after the last one, with the restarts (and images) then at work. Reading a loss makes
        the device wait.

    Returns
    -------
    Found
        For every restart the best of its iterates, never simply the last one: by the loss, or
        by the error on the pixels held back.

    Raises
    ------
    SearchError
        When no restart of some image has a finite loss, or a setting cannot be.
    """
    count = len(image)
    checks.images(image, mask, seeds, prior.size, operator, guess)
    checks.settings(steps, optimizer, norm, window, hidden, (expand, tune))
    checks.starts(start, restarts, pool, keep, (count, prior.latent))
    layered = beyond.layered(prior, level) if expand or tune else None
    whole = objective(
        prior,
        image,
        mask,
        seeds=seeds,
        norm=norm,
        window=window,
        base=base,
        normalise=normalise,
        lam=lam,
        hidden=hidden,
        operator=operator,
    )
    unseen = mask if whole.hidden is None else mask | whole.hidden

    def some(images: Tensor) -> Best:
        """Search some of the images; what is left of their restarts, image by image."""
        judge, near = whole.take(images), None if guess is None else guess[images]
        if isinstance(start, Tensor):
            z = start[images].detach()
        else:
            own = [seeds[i] for i in images.tolist()]
            y, m, total = image[images], unseen[images], pool or restarts
            z = starts.draw(prior, y, m, seeds=own, count=total, start=start, guess=near)
        if pool:
            z = starts.best_of(prior, judge, z, restarts)
        judge = judge.take(torch.arange(len(z), device=z.device).repeat_interleave(restarts))
        z = z.flatten(0, 1)
        rule = make(optimizer, z, momentum=momentum)
        descent = Descent(
            z, lambda v: (v, prior.generate(v)), judge, rule=rule, constrain=prior.constrain_z
        )
        tell = _teller(callback, len(images))
        best = halve(descent, steps, cosine(lr, steps, anneal), keep, tell, len(images))
        if layered and expand:
            best = beyond.features(
                layered,
                descent.objective,
                best.z,
                level=level,
                steps=expand,
                radius=radius,
                lr=expand_lr,
            )
        if layered and tune:
            best = beyond.weights(
                layered, descent.objective, best, level=level, steps=tune, lr=tune_lr
            )
        return best

    group = count if max_rows is None else max(1, max_rows // max(pool, restarts))
    every = torch.arange(count, device=image.device).split(max(1, group))
    alone = one_thread(image.device) if steps or expand or tune else nullcontext()
    with alone:
        return join([some(images) for images in every], count)


def _teller(callback: Callback | None, count: int) -> Tell | None:
    if callback is None:
        return None

    def tell(step: int, x: Tensor, terms: Terms) -> None:
        shaped = {"x": x, **terms._asdict()}
        callback(step, {name: t.detach().unflatten(0, (count, -1)) for name, t in shaped.items()})

    return tell

"""The latent search: one pure function with its schedules as keyword-only options.

The search of Yeh et al. 2017 finds

    z* = argmin_z  L_context(z | y, M) + lambda * L_prior(z)

by gradient descent from several starts at once, each a row of the batch. The loss and gradient of
a row depend on that row alone. Kernels round differently for other batch sizes, however, so
callers that promise the same bytes keep the number of rows fixed (``inpaint.pipeline`` searches
the restarts of one image at a time).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import nullcontext
from typing import Any

from torch import Tensor

from inpaint.devices import one_thread
from inpaint.priors import Prior
from inpaint.search import checks, starts
from inpaint.search.contextual import Norm
from inpaint.search.descent import Tell, cosine, descend
from inpaint.search.found import Found, ranked
from inpaint.search.objective import Operator, Terms, objective
from inpaint.search.optimizers import Optimizer, make
from inpaint.search.starts import Start

Callback = Callable[[int, dict[str, Tensor]], None]

# The settings that Yeh et al. published: one start drawn from the prior, Adam, 1500 iterations,
# window 7, lambda 0.003, sums over the pixels of images in [-1, 1], which is twice our range. The
# paper does not give the step size; 0.01 is that of the TensorFlow port by B. Amos.
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
    operator: Operator | None = None,
    guess: Tensor | None = None,
    callback: Callback | None = None,
) -> Found:
    """Search latents whose images agree with the known pixels and are likely.

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

    With a linear operator A, such as a blur, the known pixels are those of y = A x, and the
    contextual loss compares A G(z) with y.

    Parameters
    ----------
    prior : Prior
        Any prior. Its weights do not change.
    image : Tensor (B, 3, S, S), or (B, C, H, W) as ``operator`` gives it
        In [0, 1]; values in the hole are not read.
    mask : Tensor (B, S, S), or (B, H, W), of bool
        True = hole.
    seeds : sequence of int
        One for each image. All randomness of an image comes from its seed, so that its result does
        not depend on the batch.
    restarts : int
        R, the number of starts for each image. All of them are searched at once.
    steps : int
        Gradient steps; 0 returns the starts.
    optimizer : {"adam", "momentum", "lbfgs"}
        Adam (Kingma and Ba 2015), gradient descent with Nesterov momentum, or L-BFGS, of which
        a step is one evaluation of the loss, also within a line search.
    lr : float
        Step size, in units of z; for L-BFGS the length of the first step only.
    momentum : float
        Share of the last step that is kept, for the ``momentum`` optimizer only.
    anneal : bool
        Let the step size fall to zero along a cosine. L-BFGS chooses its own step sizes.
    norm, window, base, normalise
        The contextual loss, see ``contextual.context_weights`` and ``contextual.contextual_loss``.
    lam : float
        lambda, the weight of the perceptual loss. At 0 that loss is not computed.
    start : {"prior", "sample"} or Tensor (B, R, D)
        The prior's own starts (from an encoder or in closed form), samples, or given latents.
    operator : callable, optional
        A, from images (N, 3, S, S) to (N, C, H, W). It must be differentiable and treat every
        row by itself. The default is the identity.
    guess : Tensor (B, 3, S, S), optional
        Whole images to start near: the prior derives its own starts from them, without a hole,
        instead of from ``image`` and ``mask``. Where A changes the shape and there is no guess,
        the starts are samples.
    callback : callable, optional
        ``callback(step, {"x": (B, R, 3, S, S), "loss": (B, R), ...})`` before every step and
        after the last one. On a GPU, reading a value waits for the device.

    Returns
    -------
    Found
        For every restart the iterate of least loss, which need not be the last one.

    Raises
    ------
    SearchError
        When no restart of some image has a finite loss, or a setting is out of its range.
    """
    count = len(image)
    checks.images(image, mask, seeds, prior.size, operator, guess)
    checks.settings(steps, optimizer, norm, window)
    checks.starts(start, restarts, (count, prior.latent))
    judge = objective(
        prior,
        image,
        mask,
        restarts=restarts,
        norm=norm,
        window=window,
        base=base,
        normalise=normalise,
        lam=lam,
        operator=operator,
    )
    # Starting from the optimum in closed form takes no steps, and may use every thread.
    with one_thread(image.device) if steps else nullcontext():
        if isinstance(start, Tensor):
            z = start.detach()
        else:
            z = starts.draw(
                prior, image, mask, seeds=seeds, count=restarts, start=start, guess=guess
            )
        z = z.flatten(0, 1)
        best = descend(
            prior,
            judge,
            z,
            rule=make(optimizer, z, momentum=momentum),
            steps=steps,
            rate=cosine(lr, steps, anneal),
            tell=_teller(callback, count),
        )
        return ranked(best, count)


def _teller(callback: Callback | None, count: int) -> Tell | None:
    if callback is None:
        return None

    def tell(step: int, x: Tensor, terms: Terms) -> None:
        shaped = {"x": x, **terms._asdict()}
        callback(step, {name: t.detach().unflatten(0, (count, -1)) for name, t in shaped.items()})

    return tell

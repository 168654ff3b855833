"""Makes the starts of a search: the prior's own guesses, samples, or an encoded image.

Every image has a random generator of its own, so that its starts do not depend on its batch.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import torch
from torch import Tensor

from inpaint.priors import Prior

Start = Literal["prior", "sample"]
STARTS = ("prior", "sample")


def draw(
    prior: Prior,
    image: Tensor,
    mask: Tensor,
    *,
    seeds: Sequence[int],
    count: int,
    start: Start,
    guess: Tensor | None = None,
) -> Tensor:
    """Draw ``count`` starts for every image, (B, count, D).

    Parameters
    ----------
    prior : Prior
        The prior whose latents are drawn.
    image, mask : Tensor (B, 3, S, S) in [0, 1] and (B, S, S) of bool
        What the prior's own starts are derived from. Where ``image`` has another shape, because
        an operator changes it, the prior cannot read it and the starts are samples.
    seeds : sequence of int
        One for each image.
    count : int
        Number of starts for each image.
    start : {"prior", "sample"}
        ``prior.start_z`` (amortised or closed form), or ``prior.sample_z``.
    guess : Tensor (B, 3, S, S), optional
        Whole images to derive the starts from instead: an encoder then sees no hole at all.
    """
    if guess is not None:
        image, mask = guess, torch.zeros_like(guess[:, 0], dtype=torch.bool)
    elif image.shape[1:] != (3, prior.size, prior.size):
        start = "sample"
    rows = []
    for one, hole, seed in zip(image, mask, seeds, strict=True):
        generator = torch.Generator().manual_seed(seed)
        if start == "sample":
            rows.append(prior.sample_z(count, generator))
        else:
            rows.append(prior.start_z(one, hole, count, generator))
    return torch.stack(rows).detach()

"""What a search minimises, with everything that is constant over its steps computed once.

L(z, x) = L_context(A x | y, M) + lambda * L_prior(z, x)
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from inpaint.priors import Prior
from inpaint.search.contextual import Norm, context_weights, contextual_loss

Operator = Callable[[Tensor], Tensor]


class Terms(NamedTuple):
    """The losses of N rows, (N,) each; ``perceptual`` is not yet multiplied by lambda."""

    loss: Tensor
    contextual: Tensor
    perceptual: Tensor


@dataclass(frozen=True)
class Objective:
    """The loss of N rows, each with a target of its own.

    Attributes
    ----------
    prior : Prior
        Says how unlikely an image is; not asked where ``lam`` is 0.
    target : Tensor (N, C, H, W)
        y, never read where ``weights`` is 0.
    weights : Tensor (N, H, W)
        Weights of the known pixels, 0 in the hole.
    lam : float
        lambda, the weight of the perceptual loss.
    norm : {"l1", "l2"}
        Of the contextual loss.
    operator : callable or None
        A; None is the identity.
    """

    prior: Prior
    target: Tensor
    weights: Tensor
    lam: float
    norm: Norm
    operator: Operator | None

    def __call__(self, z: Tensor, x: Tensor) -> Terms:
        """Judge latents (N, D) and their images (N, 3, S, S) in [0, 1]."""
        seen = x if self.operator is None else self.operator(x)
        contextual = contextual_loss(seen, self.target, self.weights, norm=self.norm)
        loss, perceptual = contextual, torch.zeros_like(contextual)
        if self.lam:
            perceptual = self.prior.perceptual_loss(z, x)
            loss = contextual + self.lam * perceptual
        return Terms(loss, contextual, perceptual)


def objective(
    prior: Prior,
    image: Tensor,
    mask: Tensor,
    *,
    restarts: int,
    norm: Norm,
    window: int,
    base: float,
    normalise: bool,
    lam: float,
    operator: Operator | None,
) -> Objective:
    """The objective of images (B, C, H, W) with masks (B, H, W).

    It has ``restarts`` rows for each image, and those of one image are neighbours.
    """
    weights = context_weights(mask, window=window, base=base, normalise=normalise)
    rows = torch.arange(len(image), device=image.device).repeat_interleave(restarts)
    return Objective(prior, image[rows], weights[rows], lam, norm, operator)

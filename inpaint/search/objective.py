"""What a search minimises, with all that is constant over its steps computed once.

L(z, x) = L_context(A x | y, M) + lambda * L_prior(z, x)
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import torch
from torch import Tensor

from inpaint.priors import Prior
from inpaint.search.contextual import Norm, context_weights, contextual_loss
from inpaint.search.holdout import hidden_error, hold_back

Operator = Callable[[Tensor], Tensor]


class Terms(NamedTuple):
    """Losses of rows, (N,) each; ``perceptual`` is before lambda."""

    loss: Tensor
    contextual: Tensor
    perceptual: Tensor
    hidden: Tensor


@dataclass(frozen=True)
class Objective:
    """The loss of rows (N), each with its own target.

    Attributes
    ----------
    prior : Prior
        Judge of realism; not asked where ``lam`` is 0.
    target : Tensor (N, C, H, W)
        y, never read where ``weights`` is 0 and ``hidden`` is False.
    weights : Tensor (N, H, W)
        0 in the hole and on pixels held back.
    hidden : Tensor (N, H, W) of bool, or None
        Known pixels held back.
    """

    prior: Prior
    target: Tensor
    weights: Tensor
    hidden: Tensor | None
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
        if self.hidden is None:
            hidden = torch.full_like(contextual, torch.nan)
        else:
            hidden = hidden_error(seen.detach(), self.target, self.hidden)
        return Terms(loss, contextual, perceptual, hidden)

    def take(self, rows: Tensor) -> Objective:
        """The objective of some rows, by their indices (n,)."""
        hidden = None if self.hidden is None else self.hidden[rows]
        return replace(self, target=self.target[rows], weights=self.weights[rows], hidden=hidden)


def objective(
    prior: Prior,
    image: Tensor,
    mask: Tensor,
    *,
    seeds: Sequence[int],
    norm: Norm,
    window: int,
    base: float,
    normalise: bool,
    lam: float,
    hidden: float,
    operator: Operator | None,
) -> Objective:
    """The objective of images (B, C, H, W) with masks (B, H, W), a row an image."""
    held = hold_back(mask, hidden, seeds=seeds) if hidden else None
    weights = context_weights(mask, window=window, base=base, normalise=normalise, hidden=held)
    return Objective(prior, image, weights, held, lam, norm, operator)

"""Successive halving: restarts that fall behind are given up on the way (Karnin et al. 2013)."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from inpaint.search.descent import Best, Descent, Tell


def halve(
    descent: Descent,
    steps: int,
    rate: Callable[[int], float],
    keep: Sequence[int],
    tell: Tell | None,
    count: int,
) -> Best:
    """Run the rungs, of equal length to a step; after each, only the leaders go on.

    Parameters
    ----------
    descent : Descent
        Of the restarts of ``count`` images, image by image.
    steps : int
        In all rungs together.
    rate : callable
        Step size by step.
    keep : sequence of int
        Restarts of every image left after each rung but the last; none: one descent of all.
    tell : callable, optional
        See ``descent.Tell``.
    count : int
        Images.

    Returns
    -------
    Best
        Of the restarts that are left.
    """
    rungs = len(keep) + 1
    going = True
    for rung in range(rungs):
        if rung and descent.best is not None:
            descent.take(_leaders(descent.best, count, keep[rung - 1]))
        length = steps * (rung + 1) // rungs - steps * rung // rungs
        going = going and descent.run(length, rate, tell)
    best = descent.finish(tell)
    if keep and len(best.z) > count * keep[-1]:  # too few steps for so many rungs
        leaders = _leaders(best, count, keep[-1])
        descent.take(leaders)
        best = best.take(leaders)
    return best


def _leaders(best: Best, count: int, keep: int) -> Tensor:
    """Indices of the ``keep`` rows of every image with the smallest loss so far."""
    loss = best.terms.loss.nan_to_num(math.inf).view(count, -1)
    order = loss.argsort(dim=1, stable=True)[:, :keep].sort(dim=1).values
    first = torch.arange(count, device=loss.device)[:, None] * loss.shape[1]
    return (first + order).flatten()

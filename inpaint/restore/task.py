"""What a task of restoration is: a linear operator, and how its answer becomes a picture.

    y = A x + n,   n ~ N(0, sigma² I)

A task's module defines ``task(*, scale, grey) -> Task``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from torch import Tensor

REC601 = (0.299, 0.587, 0.114)
# A A^T of the luma: the sum of its squared weights.
LUMA_ENERGY = sum(w * w for w in REC601)


class Assemble(Protocol):
    """From y and a prior's image x to a window (N, C', S, S) of the result."""

    def __call__(self, y: Tensor, x: Tensor, gain: Tensor) -> Tensor:
        """``gain`` (N, 1, 1, 1) or (N, 1, h, w): share of y - A x that is no noise."""
        ...


@dataclass(frozen=True)
class Task:
    """One known operator A.

    Attributes
    ----------
    scale : int
        Side of x over the side of y.
    channels : int
        Of y and of the pictures that ``observe`` gives.
    operator : callable
        A: images (N, 3, S, S) in [0, 1] -> (N, channels, S / scale, S / scale).
    energy : float
        A A^T = energy * I for what the prior leaves out.
    guess : callable
        A rough image (N, 3, S, S) from y, for a search to start near.
    assemble : Assemble
        What a window of the result takes from y and what from the prior.
    observe : callable
        ``observe(values (H, W, C), side, whole) -> (h, w, channels)``: the picture that windows
        of ``side`` pixels are cut from.
    finish : callable
        ``finish(values, blended) -> (H', W', C')`` from the blended windows.
    fits : bool
        Whether a prior of whole pictures can serve pictures of any size.
    local : bool
        Whether small patches serve better than a prior's whole windows of photos: they do where
        noise is what must be told from the picture.
    predicts : bool
        Whether the answer is what A cannot see at all, such as colours or detail. It then comes
        from correlations alone, whose own error asks for a larger noise: the one tuned for
        filling.
    blind : bool
        Whether sigma is to be estimated where it is not given; it is 0 else.
    """

    scale: int
    channels: int
    operator: Callable[[Tensor], Tensor]
    energy: float
    guess: Callable[[Tensor], Tensor]
    assemble: Assemble
    observe: Callable[[np.ndarray, int, bool], np.ndarray]
    finish: Callable[[np.ndarray, np.ndarray], np.ndarray]
    fits: bool = False
    local: bool = False
    predicts: bool = False
    blind: bool = False


def luma(x: Tensor) -> Tensor:
    """Rec. 601 luma of images (N, 3, H, W): (N, 1, H, W)."""
    return (x * x.new_tensor(REC601)[:, None, None]).sum(1, keepdim=True)


def as_it_is(values: np.ndarray, side: int, whole: bool) -> np.ndarray:
    """Windows are cut from the picture itself. (H, W, 3) in [0, 1]."""
    return values


def blended_only(values: np.ndarray, blended: np.ndarray) -> np.ndarray:
    """The blended windows are the result. Both (H, W, 3) in [0, 1]."""
    return blended

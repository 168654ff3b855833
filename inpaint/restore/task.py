"""A task of restoration: a known linear operator A, and how an answer becomes a picture.

    y = A x + n,   n ~ N(0, sigma² I)

The module of each task defines ``task(*, scale, grey) -> Task``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from torch import Tensor

REC601 = (0.299, 0.587, 0.114)
# A A^T where A is the luma: the sum of its squared weights.
LUMA_ENERGY = sum(w * w for w in REC601)


class Assemble(Protocol):
    """Makes a window (N, C', S, S) of the result from y and a prior's image x."""

    def __call__(self, y: Tensor, x: Tensor, gain: Tensor) -> Tensor:
        """Return it; ``gain`` (N, 1, 1, 1) or (N, 1, h, w) is the share of y - A x to keep."""
        ...


@dataclass(frozen=True)
class Task:
    """One known operator A.

    Attributes
    ----------
    scale : int
        Side of x divided by the side of y.
    channels : int
        Number of channels of y and of the pictures that ``observe`` returns.
    operator : callable
        A: images (N, 3, S, S) in [0, 1] -> (N, channels, S / scale, S / scale).
    energy : float
        The factor in A A^T = energy * I, for the part of an image that the prior leaves out.
    guess : callable
        Makes a rough image (N, 3, S, S) from y, which a search starts near.
    assemble : Assemble
        Decides what a window of the result takes from y and what from the prior.
    observe : callable
        ``observe(values (H, W, C), side, whole) -> (h, w, channels)`` makes the picture from
        which windows of ``side`` pixels are cut.
    finish : callable
        ``finish(values, blended) -> (H', W', C')`` makes the result from the blended windows.
    fits : bool
        Whether a prior of whole pictures can serve pictures of any size.
    local : bool
        Whether photos are solved in small patches instead of windows of the prior's size. Patches
        serve better where noise must be told from the picture.
    predicts : bool
        Whether the answer is something that A cannot see at all, such as colours or detail. It
        then follows from correlations alone. These have errors of their own, which are allowed
        for by the larger noise that was tuned for filling.
    blind : bool
        Whether sigma is estimated where it is not given. Otherwise it is 0 then.
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
    """Return the Rec. 601 luma (N, 1, H, W) of images (N, 3, H, W)."""
    return (x * x.new_tensor(REC601)[:, None, None]).sum(1, keepdim=True)


def as_it_is(values: np.ndarray, side: int, whole: bool) -> np.ndarray:
    """Return the picture (H, W, 3) in [0, 1] itself, so that windows are cut from it."""
    return values


def blended_only(values: np.ndarray, blended: np.ndarray) -> np.ndarray:
    """Return the blended windows as the result; both are (H, W, 3) in [0, 1]."""
    return blended

"""Settings that a search refuses, each with an error of one line."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from inpaint.errors import SearchError, UnknownNameError
from inpaint.search.objective import Operator
from inpaint.search.optimizers import OPTIMIZERS
from inpaint.search.starts import STARTS

NORMS = ("l1", "l2")


def images(
    image: Tensor,
    mask: Tensor,
    seeds: Sequence[int],
    side: int,
    operator: Operator | None,
    guess: Tensor | None,
) -> None:
    """Refuse shapes that do not fit the operator, or the prior, whose images have this ``side``.

    ``image`` and ``guess`` are (B, C, H, W), ``mask`` is (B, H, W). Raises SearchError.
    """
    whole: tuple[int, ...] = (len(image), 3, side, side)
    expected, asks = whole, "this prior expects"
    if operator is not None:
        blank = torch.zeros(whole, device=image.device)
        expected, asks = tuple(operator(blank).shape), "the operator gives"
    if tuple(image.shape) != expected:
        raise SearchError(f"image is {tuple(image.shape)}; {asks} {expected}")
    flat = (expected[0], *expected[2:])
    if tuple(mask.shape) != flat or mask.dtype != torch.bool:
        raise SearchError(f"mask is {tuple(mask.shape)} {mask.dtype}; expected {flat} bool")
    if len(seeds) != len(image):
        raise SearchError(f"{len(seeds)} seeds for {len(image)} images; give one for each image")
    if guess is not None and tuple(guess.shape) != whole:
        raise SearchError(f"guess is {tuple(guess.shape)}; this prior expects {whole}")


def settings(steps: int, optimizer: str, norm: str, window: int) -> None:
    """Refuse names and numbers that mean nothing.

    Raises SearchError for a number, and UnknownNameError for a name.
    """
    if steps < 0:
        raise SearchError(f"steps is {steps}; expected 0 or more")
    if window < 1 or window % 2 == 0:
        raise SearchError(f"window is {window}; expected an odd number of pixels")
    if optimizer not in OPTIMIZERS:
        raise UnknownNameError("optimizer", optimizer, OPTIMIZERS)
    if norm not in NORMS:
        raise UnknownNameError("norm", norm, NORMS)


def starts(start: str | Tensor, restarts: int, shape: tuple[int, int]) -> None:
    """Refuse a number of restarts below 1, and given starts of a wrong shape.

    ``shape`` is (images, numbers in a latent), so that given starts must be (B, R, D). Raises
    SearchError, and UnknownNameError for a name.
    """
    if restarts < 1:
        raise SearchError(f"restarts is {restarts}; expected 1 or more")
    if isinstance(start, Tensor):
        expected = (shape[0], restarts, shape[1])
        if tuple(start.shape) != expected:
            raise SearchError(f"start is {tuple(start.shape)}; expected {expected}")
    elif start not in STARTS:
        raise UnknownNameError("start", start, STARTS)

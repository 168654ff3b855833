"""What a search refuses, each in one line."""

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
    """Shapes against those of the prior (``side``) and the operator.

    ``image`` and ``guess`` are (B, C, H, W), ``mask`` (B, H, W). Raises SearchError.
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
        raise SearchError(f"{len(seeds)} seeds for {len(image)} images; give one an image")
    if guess is not None and tuple(guess.shape) != whole:
        raise SearchError(f"guess is {tuple(guess.shape)}; this prior expects {whole}")


def settings(
    steps: int, optimizer: str, norm: str, window: int, hidden: float, beyond: tuple[int, int]
) -> None:
    """Names and ranges; ``beyond`` is the numbers of steps (expand, tune).

    Raises SearchError, and UnknownNameError for a name.
    """
    if steps < 0 or min(beyond) < 0:
        raise SearchError(f"steps is {steps}, expand {beyond[0]}, tune {beyond[1]}; expected >= 0")
    if window < 1 or window % 2 == 0:
        raise SearchError(f"window is {window}; expected an odd number of pixels")
    if not 0 <= hidden < 1:
        raise SearchError(f"hidden is {hidden}; expected a share of the known pixels, in [0, 1)")
    if optimizer not in OPTIMIZERS:
        raise UnknownNameError("optimizer", optimizer, OPTIMIZERS)
    if norm not in NORMS:
        raise UnknownNameError("norm", norm, NORMS)


def starts(
    start: str | Tensor, restarts: int, pool: int, keep: Sequence[int], shape: tuple[int, int]
) -> None:
    """Numbers of restarts, and given starts for ``shape`` = (images, latent).

    A given start is (B, R, D). Raises SearchError, and UnknownNameError for a name.
    """
    if restarts < 1:
        raise SearchError(f"restarts is {restarts}; expected >= 1")
    if pool and pool < restarts:
        raise SearchError(f"pool is {pool}; expected 0, or at least the {restarts} restarts")
    falling = [restarts, *keep]
    if min(falling) < 1 or sorted(falling, reverse=True) != falling:
        raise SearchError(f"keep is {tuple(keep)} of {restarts} restarts; expected a falling row")
    if isinstance(start, Tensor):
        expected = (shape[0], pool or restarts, shape[1])
        if tuple(start.shape) != expected:
            raise SearchError(f"start is {tuple(start.shape)}; expected {expected}")
    elif start not in STARTS:
        raise UnknownNameError("start", start, STARTS)

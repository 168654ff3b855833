"""Known pixels held back: a search may not look at them, so their error tells how it generalises.

They are hidden in small squares, since a single pixel is given away by its neighbours.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn.functional import max_pool2d

SIDE = 3


def hold_back(mask: Tensor, share: float, *, seeds: Sequence[int], side: int = SIDE) -> Tensor:
    """Choose about ``share`` of the known pixels, in squares, to be held back.

    Parameters
    ----------
    mask : Tensor (B, H, W) of bool
        True = hole.
    share : float
        Expected share of the known pixels, in [0, 1).
    seeds : sequence of int
        One an image.
    side : int
        Odd side of the squares, in pixels. Where a square reaches into the hole or over the
        border only its known pixels count.

    Returns
    -------
    Tensor (B, H, W) of bool
        True = known, but held back. All False where ``share`` is 0 or nothing is known.
    """
    if share <= 0:
        return torch.zeros_like(mask)
    # A pixel is taken when any of the side² centres around it is.
    chance = 1 - (1 - share) ** (1 / side**2)
    centres = torch.stack(
        [
            torch.rand(mask.shape[1:], generator=torch.Generator().manual_seed(seed)) < chance
            for seed in seeds
        ]
    )
    squares = max_pool2d(centres[:, None].float(), side, 1, side // 2)[:, 0] > 0
    return squares.to(mask.device) & ~mask


def hidden_error(x: Tensor, y: Tensor, hidden: Tensor) -> Tensor:
    """Mean of (x - y)² over the values held back, (N,); NaN where there are none.

    x, y (N, C, H, W) and hidden (N, H, W); y is not read elsewhere.
    """
    chosen = hidden[:, None]
    squares = torch.where(chosen, x - y, torch.zeros_like(x)).square().sum((1, 2, 3))
    return squares / (chosen.sum((1, 2, 3)) * x.shape[1])

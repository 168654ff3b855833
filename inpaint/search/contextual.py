"""The contextual loss of the search: how far an image is from the known region (Yeh et al. 2017).

    z* = argmin_z  L_context(z | y, M) + lambda * L_prior(z)

y is the image and M its known region. Our masks mark the hole, so M = ~mask. L_prior is the
prior's own ``perceptual_loss``.
"""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d

Norm = Literal["l1", "l2"]


def context_weights(
    mask: Tensor,
    *,
    window: int = 7,
    base: float = 0.0,
    normalise: bool = False,
) -> Tensor:
    """Weights W of the known pixels by the share of hole around them (Yeh et al. 2017, eq. 3).

        W_i = base + sum_{j in N(i)} (1 - M_j) / |N(i)|   if i is known, else 0

    Parameters
    ----------
    mask : Tensor (N, H, W) of bool
        True = hole.
    window : int
        Odd side of the neighbourhood N(i), in pixels; what lies outside the image counts as known.
    base : float
        Weight that is added to every known pixel. At 0, as in the paper, pixels that are farther
        than half a window from the hole do not count at all.
    normalise : bool
        Scale the weights of each image to sum to 1.

    Returns
    -------
    Tensor (N, H, W)
        Float32 weights, 0 in the hole.
    """
    hole = mask.float()
    share = avg_pool2d(hole[:, None], window, 1, window // 2, count_include_pad=True)[:, 0]
    weights = (base + share) * (1 - hole)
    if normalise:
        weights = weights / weights.sum((1, 2), keepdim=True).clamp_min(1e-12)
    return weights


def contextual_loss(x: Tensor, y: Tensor, weights: Tensor, *, norm: Norm = "l1") -> Tensor:
    """L_context = || W * (x - y) || over the known pixels (Yeh et al. 2017, eq. 4).

    Parameters
    ----------
    x, y : Tensor (N, C, H, W)
        Generated and given images; y may hold anything (even NaN) where ``weights`` is 0.
    weights : Tensor (N, H, W)
        From ``context_weights``.
    norm : {"l1", "l2"}
        Sum of W * abs(x - y), or of W * (x - y)**2.

    Returns
    -------
    Tensor (N,)
        One value for each image.
    """
    difference = torch.where(weights[:, None] > 0, x - y, torch.zeros_like(x))
    distance = difference.abs() if norm == "l1" else difference.square()
    return (weights[:, None] * distance).sum((1, 2, 3))

"""What a search returns."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from inpaint.errors import SearchError
from inpaint.search.descent import Best


@dataclass(frozen=True)
class Found:
    """What a search returns, the restarts of each image sorted by their loss, best first.

    Attributes
    ----------
    z : Tensor (B, R, D)
        Latents.
    x : Tensor (B, R, 3, S, S)
        Images of ``z``, in [0, 1].
    loss, contextual, perceptual : Tensor (B, R)
        The minimised sum and its two terms. The perceptual loss is given before it is multiplied
        by lambda, and is 0 where lambda is 0.
    """

    z: Tensor
    x: Tensor
    loss: Tensor
    contextual: Tensor
    perceptual: Tensor


def ranked(best: Best, count: int) -> Found:
    """Sort the restarts of each of ``count`` images by loss.

    Parameters
    ----------
    best : Best
        The same number of restarts for every image; the restarts of one image are neighbours.
    count : int
        Number of images.

    Raises
    ------
    SearchError
        When no restart of some image has a finite loss.
    """
    z, x, loss, *terms = (t.unflatten(0, (count, -1)) for t in (best.z, best.x, *best.terms))
    loss = torch.where(loss.isfinite(), loss, math.inf)
    broken = [i for i, row in enumerate(loss) if not row.isfinite().any()]
    if broken:
        raise SearchError(
            f"the search broke: no finite loss for image {broken[0]} of {count}; "
            "its known pixels or the prior's weights hold NaN, or the step size is far too large"
        )
    order = loss.argsort(dim=1, stable=True)
    rows = torch.arange(count, device=z.device)[:, None]
    return Found(*(part[rows, order] for part in (z, x, loss, *terms)))

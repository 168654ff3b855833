"""What a search returns, and how it is put together."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from inpaint.errors import SearchError
from inpaint.search.descent import Best


@dataclass(frozen=True)
class Found:
    """What a search returns, restarts sorted by their loss, best first.

    Attributes
    ----------
    z : Tensor (B, R, D)
    x : Tensor (B, R, 3, S, S)
        Images of ``z``, in [0, 1]; after an expansion, images near them.
    loss, contextual, perceptual : Tensor (B, R)
        The minimised sum, and its two terms (the second one before lambda; 0 where lambda is 0).
    hidden : Tensor (B, R)
        Mean squared error on the known pixels that were held back; NaN where there are none.
    """

    z: Tensor
    x: Tensor
    loss: Tensor
    contextual: Tensor
    perceptual: Tensor
    hidden: Tensor


def join(groups: Sequence[Best], count: int) -> Found:
    """Join the groups of images and sort each image's restarts by loss.

    Parameters
    ----------
    groups : sequence of Best
        The same number of restarts for each of ``count`` images, image by image.
    count : int
        Images in all groups together.

    Raises
    ------
    SearchError
        When no restart of some image has a finite loss.
    """
    z, x = (torch.cat([getattr(g, name) for g in groups]) for name in ("z", "x"))
    terms = map(torch.cat, zip(*(g.terms for g in groups), strict=True))
    parts = [t.unflatten(0, (count, -1)) for t in (z, x, *terms)]
    parts[2] = loss = torch.where(parts[2].isfinite(), parts[2], math.inf)
    broken = [i for i, row in enumerate(loss) if not row.isfinite().any()]
    if broken:
        raise SearchError(
            f"the search broke: no finite loss for image {broken[0]} of {count}; "
            "its known pixels or the prior's weights hold NaN, or the step size is far too large"
        )
    order = loss.argsort(dim=1, stable=True)
    rows = torch.arange(count, device=z.device)[:, None]
    return Found(*(part[rows, order] for part in parts))

"""Which prior restores a picture: the one under which what A saw of it is most likely.

As for holes (``inpaint.pipeline.choose``), families are compared on a small view of the whole
picture: here of a full-size picture made of what A saw.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from inpaint.errors import ImageError, InpaintError, WeightsError
from inpaint.pipeline.choose import ALIGNED_SIDES, compared, families, most_likely, sees_whole
from inpaint.pipeline.prior import Known
from inpaint.restore.task import Task
from inpaint.zoo import registry


def check_size(known: Known, job: Task, values: np.ndarray) -> None:
    """Raise ImageError for a prior of whole pictures of another size; ``values`` are (H, W, C)."""
    size = known.model.size
    if known.whole and not _fits(job, values, size):
        height, width = (job.scale * n for n in values.shape[:2])
        raise ImageError(
            f"{known.name} knows whole pictures of {size}x{size} px only, the result would be "
            f"{width}x{height}; use --prior auto, or one whose view is 'crop'"
        )


def check_searchable(known: Known) -> None:
    """Raise InpaintError for a network that fills holes and knows nothing else."""
    if known.feed_forward:
        raise InpaintError(
            f"{known.name} is a network that fills holes in one pass and cannot restore; use "
            "--prior auto, or another prior"
        )


def select_prior(job: Task, values: np.ndarray) -> tuple[str, dict[str, float]]:
    """The prior's name, and by family the evidence that decided.

    ``values`` are (H, W, C) in [0, 1]. Raises WeightsError without a Gaussian of this size.
    """
    names = {family: kinds["gaussian"] for family, kinds in families().items()}
    framed = max(values.shape[:2]) <= ALIGNED_SIDES * min(values.shape[:2])
    able = {
        family: name
        for family, name in names.items()
        if not sees_whole(name) or (framed and _fits(job, values, int(_config(name)["size"])))
    }
    if not able:
        raise WeightsError(
            f"{registry.ZOO}: no gaussian prior for pictures of this size; install the package "
            "again, or name a prior folder with --prior"
        )
    if len(able) == 1:
        return next(iter(able.values())), {}
    size = max(int(_config(name)["size"]) for name in able.values())
    full = _looks(job, values, size)
    evidence = compared(able, full, np.zeros(full.shape[:2], np.bool_))
    return able[most_likely(evidence, able)], evidence


def _looks(job: Task, values: np.ndarray, size: int) -> np.ndarray:
    """The whole picture as a prior of ``size`` is shown it: noisy, enlarged, or grey in three.

    (H, W, 3) in [0, 1].
    """
    y = torch.from_numpy(np.ascontiguousarray(job.observe(values, size, True))).permute(2, 0, 1)
    return np.asarray(job.guess(y[None])[0].permute(1, 2, 0).numpy().clip(0, 1))


def _config(name: str) -> dict[str, Any]:
    return registry.prior_config(name)


def _fits(job: Task, values: np.ndarray, size: int) -> bool:
    """Whether a prior of whole pictures can serve this one."""
    return job.fits or all(job.scale * side == size for side in values.shape[:2])

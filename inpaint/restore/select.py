"""Chooses the prior that restores a picture: the one under which A's view of it is most likely.

Families are compared on a small view of the whole picture, as for holes
(``inpaint.pipeline.choose``). Here that view is made from y, the picture as A saw it.
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
    """Raise ImageError for a prior of whole pictures of another size than ``values`` (H, W, C)."""
    size = known.model.size
    if known.whole and not _fits(job, values, size):
        height, width = (job.scale * n for n in values.shape[:2])
        raise ImageError(
            f"{known.name} knows only whole pictures of {size}x{size} px, the result would be "
            f"{width}x{height}; use --prior auto, or a prior whose view is 'crop'"
        )


def check_searchable(known: Known) -> None:
    """Raise InpaintError for a network that fills holes and knows nothing else."""
    if known.feed_forward:
        raise InpaintError(
            f"{known.name} is a network that fills holes in one pass and cannot restore; use "
            "--prior auto, or another prior"
        )


def select_prior(job: Task, values: np.ndarray) -> tuple[str, dict[str, float]]:
    """Choose the Gaussian prior of a family.

    Parameters
    ----------
    job : Task
        The task.
    values : ndarray (H, W, C)
        Colours in [0, 1].

    Returns
    -------
    (str, dict)
        The prior's name, and the evidence of each family that was compared.

    Raises
    ------
    WeightsError
        If there is no Gaussian prior for pictures of this size.
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
    """Return the whole picture as a prior of ``size`` is shown it, (H, W, 3) in [0, 1].

    It is noisy, enlarged, or grey in three channels, depending on the task.
    """
    y = torch.from_numpy(np.ascontiguousarray(job.observe(values, size, True))).permute(2, 0, 1)
    return np.asarray(job.guess(y[None])[0].permute(1, 2, 0).numpy().clip(0, 1))


def _config(name: str) -> dict[str, Any]:
    return registry.prior_config(name)


def _fits(job: Task, values: np.ndarray, size: int) -> bool:
    """Return whether a prior of whole pictures of side ``size`` can serve this picture."""
    return job.fits or all(job.scale * side == size for side in values.shape[:2])

"""Which prior restores a picture: the one under which what A saw of it is most likely.

As for holes (``inpaint.pipeline.choose``), aligned pictures must also foresee hidden pixels about
as well as the best other family; they are asked about a full-size picture made of what A saw.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import torch

from inpaint.errors import ImageError, WeightsError
from inpaint.pipeline.choose import ALIGNED_SIDES, View, best, families, sees_whole, view
from inpaint.pipeline.prior import Known
from inpaint.priors.gaussian import Gaussian
from inpaint.restore import windows
from inpaint.restore.posterior import Posterior
from inpaint.restore.task import Task
from inpaint.zoo import registry

COMPARED = 16  # windows of a photo


def check_size(known: Known, job: Task, values: np.ndarray) -> None:
    """Raise ImageError for a prior of whole pictures of another size; ``values`` are (H, W, C)."""
    size = known.model.size
    if known.whole and not _fits(job, values, size):
        height, width = (job.scale * n for n in values.shape[:2])
        raise ImageError(
            f"{known.name} knows whole pictures of {size}x{size} px only, the result would be "
            f"{width}x{height}; use --prior auto, or one whose view is 'crop'"
        )


def select_prior(
    job: Task, values: np.ndarray, sigma: float, device: str
) -> tuple[str, dict[str, float]]:
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
    evidence = {}
    for family, name in able.items():
        model = registry.load_prior(name, device)
        assert isinstance(model, Gaussian)
        y = job.observe(values, model.size, sees_whole(name))
        some = windows.some(y, model.size // job.scale, at_most=COMPARED).to(model.mean.device)
        evidence[family] = float(Posterior(model, job, sigma).evidence(some).mean())
    look = partial(_look, job, values, device=device)
    return able[best(evidence, able, look, device=device)], evidence


def _look(job: Task, values: np.ndarray, size: int, *, device: str) -> View:
    """The whole picture for a prior of ``size``: noisy as it is, enlarged, or grey in three."""
    y = torch.from_numpy(job.observe(values, size, True)).permute(2, 0, 1)
    full = job.guess(y[None])[0].permute(1, 2, 0).numpy()
    return view(full, np.zeros(full.shape[:2], np.bool_), size, device=device)


def _config(name: str) -> dict[str, Any]:
    return registry.prior_config(name)


def _fits(job: Task, values: np.ndarray, size: int) -> bool:
    """Whether a prior of whole pictures can serve this one."""
    return job.fits or all(job.scale * side == size for side in values.shape[:2])

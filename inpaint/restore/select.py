"""Which prior restores a picture: the one under which what A saw of it is most likely."""

from __future__ import annotations

from typing import Any

import numpy as np

from inpaint import registry, weights
from inpaint.choose import families, sees_whole
from inpaint.errors import ImageError, WeightsError
from inpaint.priors.gaussian import Gaussian
from inpaint.restore import windows
from inpaint.restore.posterior import Posterior
from inpaint.restore.task import Task

# Longer side over the shorter one beyond which no picture is taken for an aligned one.
ASPECT = 1.25
COMPARED = 16  # windows of a photo


def choose(
    prior: str, job: Task, values: np.ndarray, sigma: float, device: str
) -> tuple[str, dict[str, float]]:
    """The prior's name, and by family the evidence that decided.

    ``values`` are (H, W, 3) in [0, 1]. Raises WeightsError without a Gaussian of this size,
    ImageError for a prior of whole pictures of another size.
    """
    if prior != "auto":
        size = int(_config(prior)["size"])
        if sees_whole(prior) and not _fits(job, values, size):
            height, width = (job.scale * n for n in values.shape[:2])
            raise ImageError(
                f"{prior} knows whole pictures of {size}x{size} px only, the result would be "
                f"{width}x{height}; use --prior auto, or one whose view is 'crop'"
            )
        return prior, {}
    names = {family: kinds["gaussian"] for family, kinds in families().items()}
    framed = max(values.shape[:2]) <= ASPECT * min(values.shape[:2])
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
    return able[max(evidence, key=lambda family: evidence[family])], evidence


def _config(name: str) -> dict[str, Any]:
    return weights.read_config(registry.prior_folder(name))


def _fits(job: Task, values: np.ndarray, size: int) -> bool:
    """Whether a prior of whole pictures can serve this one."""
    return job.fits or all(job.scale * side == size for side in values.shape[:2])

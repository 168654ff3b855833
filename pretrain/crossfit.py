"""Fits Gaussians without the images that they fill, so that a refiner learns from honest fills.

A prior completes the images it was fitted on better than new ones. Cross-fitting (as in stacking:
Wolpert 1992) splits the images into N shares and fits N priors, each on all shares but one; image
i is then filled by prior i mod N, which was not fitted on it.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

from inpaint.errors import InpaintError
from inpaint.priors.gaussian import Gaussian
from pretrain import data, gaussian
from pretrain.options import GaussianOptions


def check(config: Mapping[str, Any]) -> dict[str, Any]:
    """Return the options with which the Gaussian of ``config`` was fitted.

    Raises InpaintError when it is none that ``pretrain gaussian`` made.
    """
    known = {f.name for f in dataclasses.fields(GaussianOptions)}
    training = {k: v for k, v in config.get("training", {}).items() if k in known}
    if config.get("kind") != "gaussian" or not training:
        raise InpaintError(
            f"--folds needs a prior made by 'pretrain gaussian', got one of kind "
            f"{config.get('kind')!r}; leave --folds away, or name another --prior"
        )
    return training


def priors(
    images: data.Images,
    config: Mapping[str, Any],
    folds: int,
    *,
    callback: Callable[[int, int], None] | None = None,
) -> list[Gaussian]:
    """Fit ``folds`` Gaussians like that of ``config``, the k-th without images k mod folds.

    Parameters
    ----------
    images : data.Images
        Cached at any side.
    config : mapping
        The config of a prior made by ``pretrain gaussian``, whose ``training`` holds the options.
    folds : int
        How many Gaussians, at least 2.
    callback : callable, optional
        ``callback(done, total)`` after every Gaussian.

    Raises
    ------
    InpaintError
        When the config is not of a Gaussian that ``pretrain gaussian`` made.
    ImageError
        When a share leaves fewer images than components.
    """
    training = check(config)
    made = []
    for k in range(folds):
        options = GaussianOptions(**{**training, "leave_out": f"{k}/{folds}"})
        made.append(gaussian.train(images, options))
        if callback:
            callback(k + 1, folds)
    return made

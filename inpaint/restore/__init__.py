"""Denoise, enlarge and colourise images with the priors that fill holes.

All three are one problem with different known operators: find x where y = A x + n is given and n
is noise. The flow, from ``compose``:

    picture -> what A saw of it -> overlapping windows -> prior (closed form or search) -> blend

Each task has a file that defines A and what becomes of the answer: ``denoise``, ``superres``,
``colorize``. ``solve`` answers one window, ``windows`` cuts and blends them, ``select`` chooses
the prior, ``colours`` takes a picture apart and puts it together again.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from types import ModuleType
from typing import Any

import numpy as np

from inpaint import images
from inpaint.pipeline.prior import Given
from inpaint.restore.compose import Restored, restore_picture
from inpaint.search import SearchOptions

__all__ = ["Restored", "restore", "restore_picture"]


def restore(
    image: np.ndarray,
    *,
    task: str,
    prior: Given = "auto",
    noise: float | None = None,
    scale: int = 2,
    search: SearchOptions | Mapping[str, Any] | None = None,
    seed: int = 0,
    device: str = "auto",
) -> np.ndarray:
    """Restore an image.

    >>> import numpy as np
    >>> image = np.full((64, 64, 3), 128, np.uint8)
    >>> restore(image, task="superres", prior="scenes64-gaussian", scale=2).shape
    (128, 128, 3)

    Parameters
    ----------
    image : ndarray (H, W), (H, W, 1), (H, W, 3) or (H, W, 4)
        RGB order; uint8, uint16, or float in [0, 1]. Not modified.
    task : {"denoise", "superres", "colorize"}
        ``superres`` returns (scale * H, scale * W), ``colorize`` makes grey RGB.
    prior, noise, scale, search, seed, device
        See ``restore_picture``.

    Returns
    -------
    ndarray
        Of the type of ``image``; its alpha is kept.

    Raises
    ------
    ImageError, InpaintError, UnknownNameError, WeightsError, SearchError
        Each says what came, what was expected and what to do.
    """
    restored = restore_picture(
        images.from_array(image),
        task=task,
        prior=prior,
        noise=noise,
        scale=scale,
        search=search,
        seed=seed,
        device=device,
    )
    pixels = restored.picture.pixels
    if image.ndim == 2 and pixels.shape[2] == 1:
        pixels = pixels[..., 0]
    if np.issubdtype(image.dtype, np.floating):
        return (pixels / 65535).astype(image.dtype)
    return pixels >= 128 if image.dtype == np.bool_ else pixels.astype(image.dtype)


class _Callable(ModuleType):
    """Makes ``inpaint.restore(image, task=...)`` work, which names this package as well."""

    __call__ = staticmethod(restore)


sys.modules[__name__].__class__ = _Callable

"""Denoise, enlarge, colourise: the latent search with another known operator, y = A x + n.

picture -> what A saw of it -> overlapping windows -> prior (closed form or search) -> blend

One file a task defines A and what becomes of the answer (``denoise``, ``superres``,
``colorize``). A Gaussian prior is solved exactly, the others are searched.
"""

from __future__ import annotations

import importlib
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from types import ModuleType
from typing import Any

import cv2
import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d

from inpaint import images
from inpaint.devices import one_thread, resolve
from inpaint.errors import ImageError, InpaintError, UnknownNameError, WeightsError
from inpaint.images import Picture
from inpaint.images.resize import fill_nearest
from inpaint.pipeline.prior import Given, known
from inpaint.priors import Prior
from inpaint.priors.gaussian import Gaussian
from inpaint.restore import patches, select, windows
from inpaint.restore.noise import estimate
from inpaint.restore.posterior import Posterior
from inpaint.restore.task import Task
from inpaint.search import SearchOptions
from inpaint.search import search as latent_search
from inpaint.zoo import registry

SCALES = (2, 4)
SEARCHED = 8  # windows at once
# Side of the neighbourhood in which what a network leaves out is measured.
AROUND = 9
# callback(windows done, windows in all)
Callback = Callable[[int, int], None]


@dataclass(frozen=True)
class Restored:
    """A restored picture, and how it came about."""

    picture: Picture
    task: str
    prior: str
    noise: float
    windows: int
    seconds: float
    evidence: dict[str, float] = field(default_factory=dict)


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


@one_thread(torch.device("cpu"))
def restore_picture(
    picture: Picture,
    *,
    task: str,
    prior: Given = "auto",
    noise: float | None = None,
    scale: int = 2,
    search: SearchOptions | Mapping[str, Any] | None = None,
    seed: int = 0,
    device: str = "auto",
    callback: Callback | None = None,
) -> Restored:
    """Restore a picture of any size.

    Raises UnknownNameError for a task, InpaintError for a number out of range, ImageError for a
    picture that would become too large, WeightsError for a prior that does not fit.

    Parameters
    ----------
    picture : Picture
        From ``images.read`` or ``images.from_array``. Pixels whose alpha is below its peak count
        as unknown: their colours are not read, and where the size stays they are left as they
        are.
    task : str
        A name of ``registry.tasks()``.
    prior : str, path or Prior
        A name of ``inpaint list priors``, a folder made by ``pretrain``, an object with the
        methods of ``inpaint.Prior``, or ``auto``: the Gaussian prior under which the picture, as
        A saw it, is most likely.
    noise : float, optional
        Standard deviation of the noise in 8 bit steps (0 to 255), whatever the depth. By default
        ``denoise`` estimates it and the other tasks take 0.
    scale : {2, 4}
        For ``superres``; the other tasks keep the size and refuse anything but 2.
    search : SearchOptions or mapping, optional
        How to search, over the prior's own ``search_defaults``. A Gaussian prior is solved
        exactly where this is left out, and searched where it is not.
    seed : int
        The same seed gives the same bytes on the same machine and device. Gaussian priors draw
        nothing.
    device : str
        ``auto``, ``cpu``, ``cuda`` or ``mps``: where the priors run.
    callback : callable, optional
        ``callback(done, all)`` after every lot of windows.

    Returns
    -------
    Restored
        Depth, alpha and metadata of ``picture``.
    """
    started = time.perf_counter()
    if task not in registry.tasks():
        raise UnknownNameError("task", task, registry.tasks())
    if scale not in SCALES:
        raise InpaintError(f"scale is {scale}; expected 2 or 4")
    if noise is not None and not 0 <= noise <= 255:
        raise InpaintError(f"noise is {noise}; expected a standard deviation from 0 to 255")
    if scale != 2 and task != "superres":
        raise InpaintError(f"scale is {scale}; {task} keeps the size, leave it out")
    chosen, where = SearchOptions.of(search).chosen(), resolve(device)
    area = picture.height * picture.width * _job(task, scale, False).scale ** 2
    if area > images.MAX_PIXELS:  # what is written can be read again
        raise ImageError(
            f"the result would have {area / 1e6:.0f} million pixels, the limit is "
            f"{images.MAX_PIXELS / 1e6:.0f} million; take a smaller --scale or a part of it"
        )
    unseen = picture.unseen
    values, grey = _values(picture, unseen)
    job = _job(task, scale, grey)
    sigma = noise / 255 if noise is not None else estimate(values, unseen) if job.blind else 0.0
    evidence: dict[str, float] = {}
    if prior == "auto":
        prior, evidence = select.select_prior(job, values)
    found = known(prior, where)
    model, name, whole = found.model, found.name, found.whole
    select.check_searchable(found)
    select.check_size(found, job, values)
    if model.size % job.scale:
        raise WeightsError(f"{name} has {model.size} px, which {job.scale} does not divide")
    y = job.observe(values, model.size, whole)
    side, step, solve = _solver(model, job, sigma, whole, seed, chosen)
    total = windows.count(y.shape, side, step)

    def answer(some: Tensor, first: int) -> Tensor:
        solved = solve(some.to(where), first)
        if callback:
            callback(first + len(some), total)
        return solved

    blended = windows.over(y, side, step, job.scale, answer)
    result = _into(picture, job.finish(values, blended), unseen)
    seconds = time.perf_counter() - started
    return Restored(result, task, name, 255 * sigma, total, seconds, evidence)


@lru_cache(maxsize=8)
def _job(task: str, scale: int, grey: bool) -> Task:
    """Return the task, the same object every time: the closed form is kept by it."""
    job: Task = importlib.import_module(f"inpaint.restore.{task}").task(scale=scale, grey=grey)
    return job


def _values(picture: Picture, unseen: np.ndarray) -> tuple[np.ndarray, bool]:
    """Colours in [0, 1], (H, W, 3), or (H, W, 1) where all pixels are grey; and whether so.

    ``unseen`` pixels (H, W) take the colour of the nearest known one.
    """
    if unseen.all():
        raise ImageError(
            "no pixel is opaque, so no colour is known; lay the picture on a background first"
        )
    values = images.rgb01(picture)
    if unseen.any():
        values = fill_nearest(values, unseen)
    grey = bool((values == values[..., :1]).all())
    return (values[..., :1] if grey else values), grey


def _solver(
    model: Prior,
    job: Task,
    sigma: float,
    whole: bool,
    seed: int,
    options: dict[str, Any],
) -> tuple[int, int, Callable[[Tensor, int], Tensor]]:
    """Side of the windows of y, the step between them, and their solver.

    The solver takes windows and the index of the first, and gives windows of the result.
    """
    side = model.size // job.scale
    step = max(1, side // 2)
    if isinstance(model, Gaussian) and not options:
        seen: Gaussian | patches.Patches = model
        if job.local and not whole:
            seen = patches.of(model)
            side, step = seen.size, patches.STEP
        posterior = Posterior(seen, job, sigma)

        def exact(y: Tensor, first: int) -> Tensor:
            x, left_out = posterior(y)
            return job.assemble(y, x, _gain(left_out, sigma))

        return side, step, exact

    def searched(y: Tensor, first: int) -> Tensor:
        lots = [
            _search(model, job, lot, seed + first + SEARCHED * i, options)
            for i, lot in enumerate(y.split(SEARCHED))
        ]
        x = torch.cat(lots)
        # Only the rest itself says what a network leaves out: its mean square around each pixel,
        # less the noise (Lee 1980).
        power = (y - job.operator(x)).square().mean(1, keepdim=True)
        power = avg_pool2d(power, AROUND, 1, AROUND // 2, count_include_pad=False)
        return job.assemble(y, x, _gain((power - sigma**2).clamp_min(0), sigma))

    return side, step, searched


def _gain(left_out: Tensor, sigma: float) -> Tensor:
    """Wiener's r / (r + sigma²); 1 without noise."""
    if not sigma:
        return torch.ones_like(left_out)
    return left_out / (left_out + sigma**2)


def _search(model: Prior, job: Task, y: Tensor, seed: int, options: dict[str, Any]) -> Tensor:
    """Best image (n, 3, S, S) that a search finds for each window of y (n, C, s, s)."""
    # Every value is known alike: no window around a hole.
    settings = {**model.search_defaults, "window": 1, "base": 1.0, **options}
    nothing = torch.zeros(y[:, 0].shape, dtype=torch.bool, device=y.device)
    found = latent_search(
        model,
        y,
        nothing,
        seeds=[seed + i for i in range(len(y))],
        operator=job.operator,
        guess=job.guess(y),
        **settings,
    )
    return found.x[:, 0]


def _into(picture: Picture, values: np.ndarray, unseen: np.ndarray) -> Picture:
    """``values`` (H', W', 1 or 3) at the depth of ``picture``, with its alpha resized.

    Where the size stays, ``unseen`` pixels (H, W) are those of ``picture``.
    """
    colours = values.shape[2]
    if picture.pixels.shape[2] > 2 and colours == 1:
        values, colours = np.repeat(values, 3, axis=2), 3
    pixels = np.rint(np.clip(values.astype(np.float64), 0, 1) * picture.peak)
    pixels = pixels.astype(picture.pixels.dtype)
    if pixels.shape[:2] == unseen.shape:
        pixels[unseen] = picture.pixels[unseen][:, : 3 if picture.pixels.shape[2] > 2 else 1]
    if picture.alpha is not None:
        alpha = np.ascontiguousarray(picture.alpha)
        height, width = pixels.shape[:2]
        if alpha.shape != (height, width):
            alpha = cv2.resize(alpha, (width, height), interpolation=cv2.INTER_LINEAR)
        pixels = np.concatenate([pixels, alpha[..., None]], axis=2)
    if pixels.shape[2] == picture.pixels.shape[2]:
        return replace(picture, pixels=pixels)
    # Colours where there were none: a grey JPEG's one table does not fit them.
    return replace(picture, pixels=pixels, qtables=None, subsampling=None)


class _Callable(ModuleType):
    """Makes ``inpaint.restore(image, task=...)`` work, which names this package as well."""

    __call__ = staticmethod(restore)


sys.modules[__name__].__class__ = _Callable

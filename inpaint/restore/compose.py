"""One picture through a task of restoration: checks, prior, windows, and the picture again."""

from __future__ import annotations

import importlib
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import torch
from torch import Tensor

from inpaint import images
from inpaint.devices import one_thread, resolve
from inpaint.errors import ImageError, InpaintError, UnknownNameError, WeightsError
from inpaint.images import Picture
from inpaint.pipeline.prior import Given, known
from inpaint.restore import colours, select, windows
from inpaint.restore.noise import estimate
from inpaint.restore.solve import solver
from inpaint.restore.task import Task
from inpaint.search import SearchOptions
from inpaint.zoo import registry

SCALES = (2, 4)
# callback(windows done, windows in all)
Callback = Callable[[int, int], None]


@dataclass(frozen=True)
class Restored:
    """A restored picture, and how it came about.

    Attributes
    ----------
    picture : Picture
        The result.
    task, prior : str
        Their names.
    noise : float
        Standard deviation of the noise that was assumed, in 8 bit steps.
    windows : int
        How many windows were solved.
    seconds : float
        Time that it took.
    evidence : dict
        What ``auto`` chose by: for each family, how likely the picture is.
    """

    picture: Picture
    task: str
    prior: str
    noise: float
    windows: int
    seconds: float
    evidence: dict[str, float] = field(default_factory=dict)


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
        methods of ``inpaint.Prior``, or ``auto``: the Gaussian prior under which A's view of the
        picture is most likely.
    noise : float, optional
        Standard deviation of the noise in 8 bit steps (0 to 255), whatever the depth. By default
        ``denoise`` estimates it and the other tasks take 0.
    scale : {2, 4}
        For ``superres``; the other tasks keep the size and refuse anything but 2.
    search : SearchOptions or mapping, optional
        Settings that replace the prior's own ``search_defaults``. A Gaussian prior is solved
        exactly where this is left out, and searched where it is given.
    seed : int
        The same seed gives the same bytes on the same machine and device. Gaussian priors draw
        nothing.
    device : str
        ``auto``, ``cpu``, ``cuda`` or ``mps``: where the priors run.
    callback : callable, optional
        ``callback(done, all)`` after each batch of windows.

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
    if area > images.MAX_PIXELS:  # so that what is written can be read again
        raise ImageError(
            f"the result would have {area / 1e6:.0f} million pixels, the limit is "
            f"{images.MAX_PIXELS / 1e6:.0f} million; take a smaller --scale or a part of it"
        )
    unseen = picture.unseen
    values, grey = colours.taken(picture, unseen)
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
    side, step, solve = solver(model, job, sigma, whole, seed, chosen)
    total = windows.count(y.shape, side, step)

    def answer(some: Tensor, first: int) -> Tensor:
        solved = solve(some.to(where), first)
        if callback:
            callback(first + len(some), total)
        return solved

    blended = windows.over(y, side, step, job.scale, answer)
    result = colours.returned(picture, job.finish(values, blended), unseen)
    seconds = time.perf_counter() - started
    return Restored(result, task, name, 255 * sigma, total, seconds, evidence)


@lru_cache(maxsize=8)
def _job(task: str, scale: int, grey: bool) -> Task:
    """Return a task, the same object for the same arguments: its closed form is cached by it."""
    job: Task = importlib.import_module(f"inpaint.restore.{task}").task(scale=scale, grey=grey)
    return job

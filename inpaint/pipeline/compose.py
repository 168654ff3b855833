"""What ``fill`` does: crop around the hole, search the prior, blend, paste back.

image, mask -> choose a prior -> plan crops -> fill each (``filler``) -> paste into the hole
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor

from inpaint import images, masks
from inpaint.devices import one_thread, resolve
from inpaint.errors import InpaintError, MaskError, UnknownNameError
from inpaint.images import Picture
from inpaint.pipeline.choose import Choice, choose_prior, companion, overview, sees_whole
from inpaint.pipeline.crop import Box, Crop, plan_crops, seeing
from inpaint.pipeline.filler import Filler
from inpaint.pipeline.router import Route
from inpaint.search import Found
from inpaint.stages import chain
from inpaint.stages.chain import MODES
from inpaint.zoo import classes, registry
from inpaint.zoo.classes import Steerable
from inpaint.zoo.weights import read_config

# callback(crop, crops, steps, step, terms): see ``search.search`` for the terms.
Callback = Callable[[int, int, int, int, dict[str, Tensor]], None]


@dataclass(frozen=True)
class Report:
    """What was done to one crop, in plain values ready for JSON."""

    box: tuple[int, int, int, int]
    prior: str
    loss: float
    contextual: float
    perceptual: float
    evidence: dict[str, float] = field(default_factory=dict)
    method: str = "prior"
    hidden_errors: dict[str, float] = field(default_factory=dict)
    why: str = ""
    stages: tuple[str, ...] = ()


@dataclass(frozen=True)
class Result:
    """The fills of one picture, best first, and how they came about."""

    pictures: tuple[Picture, ...]
    reports: tuple[Report, ...]
    seconds: float


def fill(image: np.ndarray, mask: np.ndarray, **options: Any) -> np.ndarray:
    """Fill the hole of an image.

    Parameters
    ----------
    image : ndarray (H, W), (H, W, 1), (H, W, 3) or (H, W, 4)
        RGB order; uint8, uint16, or float in [0, 1]. Not modified.
    mask : ndarray (H, W)
        True, 255 or 1.0 = hole. Not modified.
    **options
        ``prior``, ``class_name``, ``stages``, ``mode``, ``steps``, ``seed``, ``device``: see
        ``complete``.

    Returns
    -------
    ndarray
        Shape and dtype of ``image``; every pixel outside the hole is bit-identical.

    Raises
    ------
    ImageError, MaskError, UnknownNameError, WeightsError, SearchError
        Each says what came, what was expected and what to do.
    """
    picture = images.from_array(image)
    hole = masks.as_mask(mask, (picture.height, picture.width))
    return images.to_array(complete(picture, hole, **options).pictures[0], like=image)


@one_thread(torch.device("cpu"))
def complete(
    picture: Picture,
    mask: np.ndarray,
    *,
    prior: str = "auto",
    class_name: str | None = None,
    stages: Sequence[str] = chain.AUTO,
    mode: str = "sharp",
    candidates: int = 1,
    seed: int = 0,
    device: str = "auto",
    context: float = 1.0,
    opaque: bool = False,
    callback: Callback | None = None,
    on_crop: Callable[[int, int, Box], None] | None = None,
    on_stage: chain.Watch | None = None,
    **search_options: Any,
) -> Result:
    """Fill the hole of a picture in ``candidates`` ways.

    Parameters
    ----------
    picture : Picture
        From ``images.read`` or ``images.from_array``. Pixels whose alpha is below its peak count
        as unknown, and are left as they are outside the hole.
    mask : ndarray (H, W) of bool
        True = hole.
    prior : str
        A name of ``inpaint list priors``, a folder made by ``pretrain``, or ``auto``: the prior
        under which the known pixels are most likely.
    class_name : str, optional
        Class to steer a class-conditional prior; with ``auto`` the first shipped one that has it.
    stages : sequence of str
        Names of ``inpaint list stages``, applied in this order after the search; ``("auto",)``
        is the blend and the refiners that suit the mode and the picture, and with a class the
        blend alone.
    mode : {"sharp", "psnr"}
        Keep the most likely restart and refine for a natural look, or average the restarts
        weighted by exp(-loss) and refine for the most likely pixel values.
    candidates : int
        How many fills to return, most likely first.
    seed : int
        The same seed gives the same bytes on the same machine and device.
    device : str
        ``auto``, ``cpu``, ``cuda`` or ``mps``.
    context : float
        Margin around a hole that the prior gets to see, as a multiple of the hole's side.
    opaque : bool
        Make the hole opaque in a picture with alpha (when the mask was its alpha).
    callback : callable, optional
        ``callback(crop, crops, steps, step, terms)``: before every step of every crop.
    on_crop : callable, optional
        ``on_crop(crop, crops, box)``: before every crop.
    on_stage : callable, optional
        ``on_stage(name, patch)``: before every stage of every candidate of a crop. Each of the
        three may raise, which ends the work.
    **search_options
        Any keyword of ``search.search``, over the prior's own defaults.

    Returns
    -------
    Result
    """
    started = time.perf_counter()
    masks.check(mask, (picture.height, picture.width))
    _check(mode, candidates, stages)
    unknown = _unknown(picture, mask)
    choice, where = _choice(prior, class_name, picture, unknown, mode), resolve(device)
    order = chain.names(stages, mode=mode, whole=choice.whole, steered=class_name is not None)
    filler = _filler(choice, class_name, order, mode, candidates, where, search_options)
    if on_stage:
        filler = replace(filler, stages=chain.watched(order, filler.stages, on_stage))
    size = filler.prior.size
    crops = [_whole(mask)] if choice.whole else plan_crops(mask, context=context, min_side=size)
    if unknown is not mask:
        crops = [seeing(crop, unknown) for crop in crops]
    # In the picture's own depth, and floats of one crop at a time: memory follows the hole.
    fills = [replace(picture, pixels=picture.pixels.copy()) for _ in range(candidates)]
    reports = []
    for index, crop in enumerate(crops):
        if on_crop:
            on_crop(index, len(crops), crop.box)
        tell = partial(callback, index, len(crops), filler.options["steps"]) if callback else None
        seen = crop.box.slices
        image = images.rgb01(images.part(picture, seen))
        made, found, way = filler(image, crop.mask, seed=seed + index, callback=tell)
        for filled, one in zip(fills, made, strict=True):
            own = images.with_hole(images.part(filled, seen), crop.own, one, opaque=opaque)
            filled.pixels[seen] = own.pixels
        reports.append(_report(crop.box, choice, found, way, order))
    return Result(tuple(fills), tuple(reports), time.perf_counter() - started)


def _check(mode: str, candidates: int, stages: Sequence[str]) -> None:
    """Raise before all work what a wrong name or number would raise after some of it."""
    if mode not in MODES:
        raise UnknownNameError("mode", mode, MODES)
    if candidates < 1:
        raise InpaintError(f"candidates is {candidates}; ask for at least 1")
    for name in set(stages) - set(chain.AUTO):
        registry.stage(name)


def _unknown(picture: Picture, mask: np.ndarray) -> np.ndarray:
    """The hole (H, W) and all that is not opaque; the mask itself in an opaque picture."""
    if not picture.has_alpha or not (picture.unseen & ~mask).any():
        return mask
    unknown: np.ndarray = mask | picture.unseen
    if unknown.all():
        raise MaskError(
            "every pixel outside the hole is transparent, wholly or in part, so nothing is known "
            "to fill it from; lay the picture on a background first"
        )
    return unknown


def _choice(
    prior: str, class_name: str | None, picture: Picture, mask: np.ndarray, mode: str
) -> Choice:
    """The prior asked for, which no evidence speaks for, or the one that suits the picture."""
    if class_name is not None:
        prior = classes.prior_of(prior, class_name)
    if prior != "auto":
        return Choice(prior, sees_whole(prior))
    return choose_prior(*overview(picture, mask), mode=mode)


def _filler(
    choice: Choice,
    class_name: str | None,
    order: Sequence[str],
    mode: str,
    candidates: int,
    device: torch.device,
    search_options: dict[str, Any],
) -> Filler:
    """Load what is the same for all crops: priors, options of their searches, stages."""
    prior = registry.load_prior(choice.name, str(device))
    if class_name is not None and isinstance(prior, Steerable):
        prior = prior.with_class(class_name)
    options = {**prior.search_defaults, **search_options}
    if options["restarts"] < 1:
        raise InpaintError(f"restarts is {options['restarts']}; ask for at least 1")
    options["restarts"] = max(candidates, options["restarts"])
    guided = mode == "psnr" or options.get("start", "prior") == "prior"
    steady = companion(choice.name) if guided else None
    family = str(read_config(registry.prior_folder(choice.name)).get("family", ""))
    return Filler(
        prior=prior,
        steady=registry.load_prior(steady, str(device)) if steady else None,
        options=options,
        stages=chain.build(order, family=family, mode=mode),
        mode=mode,
        candidates=candidates,
        routed=bool(choice.evidence) and candidates == 1,
        device=device,
    )


def _whole(mask: np.ndarray) -> Crop:
    return Crop(Box(0, 0, *mask.shape), mask, mask)


def _report(box: Box, choice: Choice, found: Found, way: Route, stages: tuple[str, ...]) -> Report:
    return Report(
        box=(box.y0, box.x0, box.y1, box.x1),
        prior=choice.name,
        loss=float(found.loss[0, 0]),
        contextual=float(found.contextual[0, 0]),
        perceptual=float(found.perceptual[0, 0]),
        evidence=choice.evidence,
        method=way.method,
        hidden_errors=way.errors,
        why=way.why,
        stages=stages,
    )

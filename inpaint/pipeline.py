"""What ``fill`` does: crop around the hole, search the prior, blend, paste back.

image, mask -> plan crops -> route -> shrink -> search -> enlarge -> stages -> paste into the hole
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor

from inpaint import chain, classes, images, masks, registry, router
from inpaint.choose import choose, companion, sees_whole
from inpaint.classes import Steerable
from inpaint.crop import Box, Crop, enlarge, plan, shrink
from inpaint.devices import resolve
from inpaint.errors import InpaintError, SearchError, UnknownNameError
from inpaint.images import Picture
from inpaint.patch import Patch
from inpaint.priors import Prior
from inpaint.router import Route
from inpaint.search import Found, search
from inpaint.stages.poisson import blend
from inpaint.weights import read_config

MODES = ("psnr", "sharp")
# Share of the family's Gaussian in the mean of another prior's restarts, in the mode ``psnr``. Two
# models err in different places: 0.3 VAE + 0.7 Gaussian has a higher PSNR than either.
GAUSSIAN_SHARE = 0.7
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
    **search_options: Any,
) -> Result:
    """Fill the hole of a picture in ``candidates`` ways.

    Parameters
    ----------
    picture : Picture
        From ``images.read`` or ``images.from_array``.
    mask : ndarray (H, W) of bool
        True = hole.
    prior : str
        A name of ``inpaint list priors``, a folder made by ``pretrain``, or ``auto``: the prior
        under which the known pixels are most likely.
    class_name : str, optional
        Class to steer a class-conditional prior; with ``auto`` the first shipped one that has it.
    stages : sequence of str
        Names of ``inpaint list stages``, applied in this order after the search; ``("auto",)``
        is the blend and the refiners that suit the mode and the picture.
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
    **search_options
        Any keyword of ``search.search``, over the prior's own defaults.

    Returns
    -------
    Result
    """
    started = time.perf_counter()
    masks.check(mask, (picture.height, picture.width))
    if mode not in MODES:
        raise UnknownNameError("mode", mode, MODES)
    if candidates < 1:
        raise InpaintError(f"candidates is {candidates}; ask for at least 1")
    for name in set(stages) - set(chain.AUTO):  # a wrong name fails before all work
        registry.stage(name)
    where = resolve(device)
    values = images.rgb01(picture)
    evidence: dict[str, float] = {}
    if class_name is not None:
        prior = classes.prior_of(prior, class_name)
    automatic = prior == "auto"
    if automatic:
        choice = choose(values, mask, mode=mode)
        prior, whole, evidence = choice.name, choice.whole, choice.evidence
    else:
        whole = sees_whole(prior)
    model = registry.load_prior(prior, str(where))
    if class_name is not None and isinstance(model, Steerable):
        model = model.with_class(class_name)
    options = {**model.search_defaults, **search_options}
    guided = mode == "psnr" or options.get("start", "prior") == "prior"
    steady = companion(prior) if guided else None
    if options["restarts"] < 1:
        raise InpaintError(f"restarts is {options['restarts']}; ask for at least 1")
    options["restarts"] = max(candidates, options["restarts"])

    order = chain.names(stages, mode=mode, whole=whole)
    family = str(read_config(registry.prior_folder(prior)).get("family", ""))
    refine = chain.build(order, family=family, mode=mode)

    crops = [_whole(mask)] if whole else plan(mask, context=context, min_side=model.size)
    fills = [values.copy() for _ in range(candidates)]
    reports = []
    for index, crop in enumerate(crops):
        tell = partial(callback, index, len(crops), options["steps"]) if callback else None
        image, one = values[crop.box.slices], seed + index
        other = None
        if steady:
            gaussian = registry.load_prior(steady, str(where))
            other = _search(gaussian, image, crop.mask, one, where, gaussian.search_defaults)
            # Its fill, encoded, is a better start than the masked image.
            options["guess"] = other.x[:, 0]
        found = _search(model, image, crop.mask, one, where, options, tell)
        way = Route("prior", why="asked for")
        if automatic and candidates == 1:
            quick = partial(_quick, model, one, where, options)
            way = router.route(image, crop.mask, quick, size=model.size, seed=one)
        for filled, guide in zip(fills, _guides(found, mode, candidates, other), strict=True):
            if way.method == "prior":
                full = enlarge(guide, image.shape[:2])
            else:
                full = router.classical(way.method, image, crop.mask)
            patch = _refine(image, crop.mask, full, one, refine)
            filled[crop.box.slices][crop.own] = patch[crop.own]
        reports.append(_report(crop.box, prior, found, evidence, way, order))
    pictures = tuple(images.with_hole(picture, mask, f, opaque=opaque) for f in fills)
    return Result(pictures, tuple(reports), time.perf_counter() - started)


def _whole(mask: np.ndarray) -> Crop:
    return Crop(Box(0, 0, *mask.shape), mask, mask)


def _search(
    model: Prior,
    image: np.ndarray,
    mask: np.ndarray,
    seed: int,
    device: torch.device,
    options: dict[str, Any],
    callback: Callable[[int, dict[str, Tensor]], None] | None = None,
) -> Found:
    """Search one crop (H, W, 3) alone: the same rows in every kernel, so the same bytes."""
    small, hole = shrink(image, mask, model.size)
    x = torch.from_numpy(small).permute(2, 0, 1)[None].to(device)
    m = torch.from_numpy(hole)[None].to(device)
    return search(model, x, m, seeds=[seed], callback=callback, **options)


def _guides(found: Found, mode: str, candidates: int, other: Found | None) -> list[np.ndarray]:
    """The images (S, S, 3) to return, best first; in ``psnr`` mode the first is a mean.

    The weights exp(-loss / T) take T as the loss's own spread, so that their meaning does not
    depend on the scale of the loss. Restarts without a finite loss do not take part. ``other`` is
    what the family's Gaussian found, to be mixed into the mean.
    """
    sound = found.loss[0].isfinite()
    x, loss = found.x[0, sound], found.loss[0, sound]
    if mode == "psnr":
        spread = loss.std(correction=0).clamp_min(1e-12)
        weights = torch.softmax(-(loss - loss[0]) / spread, 0)
        mean = torch.einsum("r,rchw->chw", weights, x)
        if other is not None:
            mean = torch.lerp(mean, other.x[0, 0], GAUSSIAN_SHARE)
        x = torch.cat([mean[None], x])
    if len(x) < candidates:
        raise SearchError(
            f"only {len(x)} of {candidates} candidates have a finite loss; ask for fewer"
        )
    return [g.permute(1, 2, 0).cpu().numpy() for g in x[:candidates]]


def _quick(
    model: Prior,
    seed: int,
    device: torch.device,
    options: dict[str, Any],
    image: np.ndarray,
    mask: np.ndarray,
) -> np.ndarray:
    """What the prior and a blend make of a crop (h, w, 3): its entry in the router's contest."""
    found = _search(model, image, mask, seed, device, options)
    guide = enlarge(found.x[0, 0].permute(1, 2, 0).cpu().numpy(), image.shape[:2])
    return blend(image, guide, mask)


def _refine(
    image: np.ndarray,
    mask: np.ndarray,
    guide: np.ndarray,
    seed: int,
    stages: Sequence[chain.Stage],
) -> np.ndarray:
    """Run the stages on a crop's guide (h, w, 3): (h, w, 3)."""
    patch = Patch(image, mask, np.where(mask[..., None], guide, image), guide, seed)
    for stage in stages:
        patch = stage(patch)
    return patch.filled


def _report(
    box: Box,
    prior: str,
    found: Found,
    evidence: dict[str, float],
    way: Route,
    stages: tuple[str, ...],
) -> Report:
    return Report(
        box=(box.y0, box.x0, box.y1, box.x1),
        prior=prior,
        loss=float(found.loss[0, 0]),
        contextual=float(found.contextual[0, 0]),
        perceptual=float(found.perceptual[0, 0]),
        evidence=evidence,
        method=way.method,
        hidden_errors=way.errors,
        why=way.why,
        stages=stages,
    )

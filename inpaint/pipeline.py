"""What ``fill`` does: crop around the hole, search the prior, blend, paste back.

image, mask -> plan crops -> shrink -> search -> enlarge -> stages -> paste into the hole
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

from inpaint import images, masks, registry
from inpaint.choose import choose, sees_whole
from inpaint.crop import Box, Crop, enlarge, plan, shrink
from inpaint.devices import resolve
from inpaint.errors import InpaintError, SearchError, UnknownNameError
from inpaint.images import Picture
from inpaint.patch import Patch
from inpaint.priors import Prior
from inpaint.search import Found, search

MODES = ("psnr", "sharp")
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
        ``prior``, ``stages``, ``mode``, ``steps``, ``seed``, ``device``: see ``complete``.

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
    stages: Sequence[str] = ("poisson",),
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
    stages : sequence of str
        Names of ``inpaint list stages``, applied in this order after the search.
    mode : {"sharp", "psnr"}
        Keep the most likely restart, or average the restarts weighted by exp(-loss).
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
    chain = [registry.stage(name) for name in stages]
    where = resolve(device)
    values = images.rgb01(picture)
    evidence: dict[str, float] = {}
    if prior == "auto":
        choice = choose(values, mask, mode=mode)
        prior, whole, evidence = choice.name, choice.whole, choice.evidence
    else:
        whole = sees_whole(prior)
    model = registry.load_prior(prior, str(where))
    options = {**model.search_defaults, **search_options}
    if options["restarts"] < 1:
        raise InpaintError(f"restarts is {options['restarts']}; ask for at least 1")
    options["restarts"] = max(candidates, options["restarts"])

    crops = [_whole(mask)] if whole else plan(mask, context=context, min_side=model.size)
    fills = [values.copy() for _ in range(candidates)]
    reports = []
    for index, crop in enumerate(crops):
        tell = partial(callback, index, len(crops), options["steps"]) if callback else None
        image = values[crop.box.slices]
        found = _search(model, image, crop.mask, seed + index, where, options, tell)
        for filled, guide in zip(fills, _guides(found, mode, candidates), strict=True):
            patch = _refine(image, crop.mask, guide, seed + index, chain)
            filled[crop.box.slices][crop.own] = patch[crop.own]
        reports.append(_report(crop.box, prior, found, evidence))
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
    callback: Callable[[int, dict[str, Tensor]], None] | None,
) -> Found:
    """Search one crop (H, W, 3) alone: the same rows in every kernel, so the same bytes."""
    small, hole = shrink(image, mask, model.size)
    x = torch.from_numpy(small).permute(2, 0, 1)[None].to(device)
    m = torch.from_numpy(hole)[None].to(device)
    return search(model, x, m, seeds=[seed], callback=callback, **options)


def _guides(found: Found, mode: str, candidates: int) -> list[np.ndarray]:
    """The images (S, S, 3) to return, best first; in ``psnr`` mode the first is a mean.

    The weights exp(-loss / T) take T as the loss's own spread, so that their meaning does not
    depend on the scale of the loss. Restarts without a finite loss do not take part.
    """
    sound = found.loss[0].isfinite()
    x, loss = found.x[0, sound], found.loss[0, sound]
    if mode == "psnr":
        spread = loss.std(correction=0).clamp_min(1e-12)
        weights = torch.softmax(-(loss - loss[0]) / spread, 0)
        x = torch.cat([torch.einsum("r,rchw->chw", weights, x)[None], x])
    if len(x) < candidates:
        raise SearchError(
            f"only {len(x)} of {candidates} candidates have a finite loss; ask for fewer"
        )
    return [g.permute(1, 2, 0).cpu().numpy() for g in x[:candidates]]


def _refine(
    image: np.ndarray,
    mask: np.ndarray,
    guide: np.ndarray,
    seed: int,
    chain: Sequence[Callable[[Patch], Patch]],
) -> np.ndarray:
    """Bring the prior's picture (S, S, 3) to the crop's size and run the stages: (h, w, 3)."""
    guide = enlarge(guide, image.shape[:2])
    patch = Patch(image, mask, np.where(mask[..., None], guide, image), guide, seed)
    for stage in chain:
        patch = stage(patch)
    return patch.filled


def _report(box: Box, prior: str, found: Found, evidence: dict[str, float]) -> Report:
    return Report(
        box=(box.y0, box.x0, box.y1, box.x1),
        prior=prior,
        loss=float(found.loss[0, 0]),
        contextual=float(found.contextual[0, 0]),
        perceptual=float(found.perceptual[0, 0]),
        evidence=evidence,
    )

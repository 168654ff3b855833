"""``fill`` for arrays and ``complete`` for pictures; ``complete`` is a whole fill on one screen.

image, mask -> find the prior -> plan crops -> fill each (``filler``) -> paste into the hole
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor

from inpaint import images, masks
from inpaint.devices import one_thread, resolve
from inpaint.errors import InpaintError, MaskError
from inpaint.images import Picture
from inpaint.pipeline import prior as priors
from inpaint.pipeline.crop import Crop, plan_crops, seeing, whole_crop
from inpaint.pipeline.faces import fill_faces, paste_faces
from inpaint.pipeline.groups import Box
from inpaint.pipeline.prepare import check, prepare
from inpaint.pipeline.prior import Given
from inpaint.pipeline.report import Report, Result
from inpaint.pipeline.specks import DEEPEST, WIDEST, fill_speck, find_specks
from inpaint.search import SearchOptions
from inpaint.stages import Stage, chain

# callback(crop, crops, steps, step, terms): see ``search.search`` for the terms.
Callback = Callable[[int, int, int, int, dict[str, Tensor]], None]
Search = SearchOptions | Mapping[str, Any]


def fill(
    image: np.ndarray,
    mask: np.ndarray,
    *,
    prior: Given = "auto",
    class_name: str | None = None,
    stages: Sequence[str | Stage] = chain.AUTO,
    mode: str = "sharp",
    search: Search | None = None,
    seed: int = 0,
    device: str = "auto",
    context: float = 1.0,
    faces: bool = True,
    opaque: bool = False,
    callback: Callback | None = None,
) -> np.ndarray:
    """Fill the hole of an image.

    >>> import numpy as np
    >>> image = np.linspace(0, 255, 48 * 48 * 3).reshape(48, 48, 3).astype(np.uint8)
    >>> mask = np.zeros((48, 48), bool)
    >>> mask[16:32, 12:30] = True
    >>> filled = fill(image, mask, prior="scenes64-gaussian", stages=("poisson",))
    >>> bool((filled[~mask] == image[~mask]).all())
    True

    Parameters
    ----------
    image : ndarray (H, W), (H, W, 1), (H, W, 3) or (H, W, 4)
        RGB order; uint8, uint16, or float in [0, 1]. Not modified.
    mask : ndarray (H, W)
        True, 255 or 1.0 = hole. Not modified.
    prior, class_name, stages, mode, search, seed, device, context, faces, opaque, callback
        See ``complete``, which also returns several candidates and a report.

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
    result = complete(
        picture,
        hole,
        prior=prior,
        class_name=class_name,
        stages=stages,
        mode=mode,
        search=search,
        seed=seed,
        device=device,
        context=context,
        faces=faces,
        opaque=opaque,
        callback=callback,
    )
    return images.to_array(result.pictures[0], like=image)


@one_thread(torch.device("cpu"))
def complete(
    picture: Picture,
    mask: np.ndarray,
    *,
    prior: Given = "auto",
    class_name: str | None = None,
    stages: Sequence[str | Stage] = chain.AUTO,
    mode: str = "sharp",
    search: Search | None = None,
    candidates: int = 1,
    seed: int = 0,
    device: str = "auto",
    context: float = 1.0,
    faces: bool = True,
    opaque: bool = False,
    callback: Callback | None = None,
    on_crop: Callable[[int, int, Box], None] | None = None,
    on_stage: chain.Watch | None = None,
    on_candidate: Callable[[int, Picture], None] | None = None,
    first: int = 0,
) -> Result:
    """Fill the hole of a picture in ``candidates`` ways.

    >>> import numpy as np
    >>> from inpaint import images
    >>> mask = np.zeros((48, 48), bool)
    >>> mask[16:32, 12:30] = True
    >>> picture = images.from_array(np.full((48, 48, 3), 128, np.uint8))
    >>> result = complete(picture, mask, prior="scenes64-gaussian", stages=("poisson",))
    >>> result.reports[0].method, result.reports[0].stages
    ('prior', ('poisson',))

    Parameters
    ----------
    picture : Picture
        From ``images.read`` or ``images.from_array``. Pixels whose alpha is below its peak count
        as unknown, and are left as they are outside the hole.
    mask : ndarray (H, W) of bool
        True = hole.
    prior : str, path or Prior
        A name of ``inpaint list priors``, a folder made by ``pretrain``, an object with the
        methods of ``inpaint.Prior``, or ``auto``: the prior that suits the picture.
    class_name : str, optional
        Class to steer a class-conditional prior; with ``auto`` the first shipped one that has it.
    stages : sequence of str or callable
        What follows the search, in the order given: names of ``inpaint list stages``, and
        functions ``Patch -> Patch``. ``("auto",)`` stands for the blend and the refiners that
        suit the mode and the picture, or with a class for the blend alone.
    mode : {"sharp", "psnr"}
        ``sharp`` keeps the most likely restart and refines for a natural look. ``psnr`` averages
        the restarts, weighted by exp(-loss), and refines for the most likely pixel values.
    search : SearchOptions or mapping, optional
        Settings of the search such as ``{"steps": 40}``, which replace the prior's own
        ``search_defaults``.
    candidates : int
        How many fills to return. The first is the one that ``candidates=1`` returns. The others
        come from the prior, the most likely ones first.
    seed : int
        The same seed gives the same bytes on the same machine and device.
    device : str
        ``auto``, ``cpu``, ``cuda`` or ``mps``: where priors and learned refiners run. Everything
        else runs on the CPU, and so does the choice of the prior.
    context : float
        Margin around a hole that the prior gets to see, as a multiple of the hole's side.
    faces : bool
        Look for faces that the hole touches, and fill it there with the prior of portraits. Only
        for the prior and stages ``auto``, and not in a picture that was chosen to be one face.
    opaque : bool
        Make the hole opaque in a picture with alpha (when the mask was its alpha).
    callback : callable, optional
        ``callback(crop, crops, steps, step, terms)`` is called before each step of each search. A
        second search, for more candidates than restarts, goes on counting its steps.
    on_crop : callable, optional
        ``on_crop(crop, crops, box)`` is called before each crop.
    on_stage : callable, optional
        ``on_stage(name, patch)`` is called before each stage of each candidate of a crop.
    on_candidate : callable, optional
        ``on_candidate(index, picture)`` is called with each picture of the result as soon as it is
        whole, so that the first can be looked at while the others are made. Each of the four may
        raise an error, which ends the work.
    first : int
        Leave out the candidates before this one, which the caller has already; the result and
        ``on_candidate`` begin with it.

    Returns
    -------
    Result

    Raises
    ------
    MaskError, UnknownNameError, WeightsError, SearchError, InpaintError
        Each says what came, what was expected and what to do.
    """
    started = time.perf_counter()
    masks.check(mask, (picture.height, picture.width))
    check(
        mode=mode, stages=stages, search=search, candidates=candidates, seed=seed, context=context
    )
    if not 0 <= first < candidates:
        raise InpaintError(f"first is {first}; expected a number from 0 to {candidates - 1}")
    where, unknown = resolve(device), _unknown(picture, mask)
    known = priors.find(prior, class_name, picture, unknown, device=where)
    filler = prepare(
        known,
        mode=mode,
        stages=stages,
        search=search,
        candidates=candidates,
        device=where,
        steered=class_name is not None,
        on_stage=on_stage,
    )
    size = known.model.size
    reports: list[Report] = []
    # With nothing asked for, specks and faces in a photo are filled each in their own way.
    photo = known.chosen and not known.whole and tuple(stages) == chain.AUTO
    if photo:
        picture, mask, unknown, told = _without_specks(picture, mask, unknown, known.name, opaque)
        reports += told
    # Floats are made of one crop at a time, so that memory depends on the hole and not the picture.
    fills = [replace(picture, pixels=picture.pixels.copy()) for _ in range(candidates - first)]
    if faces and photo and mask.any():
        found = fill_faces(
            picture,
            mask,
            unknown,
            place=known.name,
            mode=mode,
            search=search,
            candidates=candidates,
            seed=seed,
            device=where,
        )
        if found:
            picture, mask, unknown = paste_faces(
                found, picture, fills, mask, unknown, first=first, opaque=opaque
            )
            reports += [one.report for one in found]
    crops = [whole_crop(mask)] if known.whole else plan_crops(mask, context=context, min_side=size)
    if unknown is not mask:
        crops = [seeing(crop, unknown) for crop in crops]
    for index, crop in enumerate(crops):
        if on_crop:
            on_crop(index, len(crops), crop.box)
        tell = partial(callback, index, len(crops), filler.steps) if callback else None
        last = index == len(crops) - 1
        seen = crop.box.slices

        def paste(
            which: int, one: np.ndarray, crop: Crop = crop, last: bool = last, start: int = 0
        ) -> None:
            filled, seen = fills[start + which], crop.box.slices
            own = images.with_hole(images.part(filled, seen), crop.own, one, opaque=opaque)
            filled.pixels[seen] = own.pixels
            if last and on_candidate:
                on_candidate(start + which, filled)

        hole = mask[seen] & crop.mask
        run = partial(filler, mask=crop.mask, hole=hole, seed=seed + index, callback=tell)
        if crop.earlier is None:
            image = images.rgb01(images.part(picture, seen))
            made = run(image, on_fill=paste, first=first)
        else:  # each candidate goes on from its own earlier pieces
            each = []
            for which, own in enumerate(fills):
                image = images.rgb01(images.part(own, seen))
                put = partial(paste, start=which)
                each.append(run(image, on_fill=put, first=first + which, alone=True))
            made = each[0]
        reports.append(made.report(crop.box, known))
    if on_candidate and not crops:  # specks and faces alone
        for which, filled in enumerate(fills):
            on_candidate(which, filled)
    return Result(tuple(fills), tuple(reports), time.perf_counter() - started)


def _unknown(picture: Picture, mask: np.ndarray) -> np.ndarray:
    """Return the hole (H, W) and all pixels that are not opaque; ``mask`` itself if all are."""
    if not picture.has_alpha or not (picture.unseen & ~mask).any():
        return mask
    unknown: np.ndarray = mask | picture.unseen
    if unknown.all():
        raise MaskError(
            "every pixel outside the hole is transparent, wholly or in part, so nothing is known "
            "to fill it from; lay the picture on a background first"
        )
    return unknown


def _without_specks(
    picture: Picture, mask: np.ndarray, unknown: np.ndarray, prior: str, opaque: bool
) -> tuple[Picture, np.ndarray, np.ndarray, list[Report]]:
    """The picture with its specks filled, what is hole and unknown then, and a report of them."""
    found = find_specks(mask, unknown)
    if not found:
        return picture, mask, unknown, []
    picture = replace(picture, pixels=picture.pixels.copy())
    rest, dark = mask.copy(), unknown.copy()
    for one in found:
        part = images.part(picture, one.window)
        filled = fill_speck(images.rgb01(part), one.own, unknown[one.window])
        picture.pixels[one.window] = images.with_hole(part, one.own, filled, opaque=opaque).pixels
        rest[one.window][one.own] = False
        dark[one.window][one.own] = False
    rows, columns = zip(*(one.window for one in found), strict=True)
    box = (
        min(r.start for r in rows),
        min(c.start for c in columns),
        min(max(r.stop for r in rows), mask.shape[0]),
        min(max(c.stop for c in columns), mask.shape[1]),
    )
    many = f"{len(found)} specks" if len(found) > 1 else "a speck"
    why = f"{many}, at most {DEEPEST:.0f} px deep and {WIDEST} px wide: interpolated in place"
    told = Report(box, prior, None, None, None, method="biharmonic", why=why)
    return picture, rest, rest if unknown is mask else dark, [told]

"""Prepares what all crops of a picture share: the prior, how to search it, and the stages."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch

from inpaint.errors import InpaintError, SearchError, UnknownNameError
from inpaint.pipeline.choose import companion
from inpaint.pipeline.filler import Filler
from inpaint.pipeline.prior import Known
from inpaint.priors import Prior
from inpaint.search import SearchOptions
from inpaint.stages import Stage, chain
from inpaint.stages.chain import MODES
from inpaint.zoo import registry
from inpaint.zoo.weights import read_config

LARGEST_SEED = 2**63 - 1
# A network of others keeps more detail than texture would bring where its picture is enlarged less
# than this.
ENLARGED = 2
# A completion network too, but only in a large hole: its share of the crop, and how much the crop
# may be larger than what the network sees (docs/refiners.md).
LARGE_HOLE, STRETCHED = 0.25, 1.25
# A search that starts from what a completion network drew is near its end: more steps and further
# starts lead away from it, to lower PSNR and higher LPIPS (docs/search.md).
NEAR = {"restarts": 1, "steps": 6}


def check(
    *,
    mode: str,
    stages: Sequence[str | Stage],
    search: SearchOptions | Mapping[str, Any] | None,
    candidates: int,
    seed: int,
    context: float,
) -> None:
    """Refuse a wrong name or number before any work, which it would end later.

    Raises UnknownNameError for a name, SearchError for a search option, InpaintError for a number.
    """
    if mode not in MODES:
        raise UnknownNameError("mode", mode, MODES)
    _whole("candidates", candidates, 1, 2**31)
    _whole("seed", seed, 0, LARGEST_SEED)
    if not 0 <= context < math.inf:
        raise InpaintError(f"context is {context}; expected a finite number, 0 or more")
    chain.check(stages)
    SearchOptions.of(search)


def _whole(name: str, value: int, least: int, most: int) -> None:
    whole = isinstance(value, int | np.integer) and not isinstance(value, bool)
    if not (whole and least <= value <= most):
        raise InpaintError(f"{name} is {value}; expected a whole number from {least} to {most}")


def prepare(
    known: Known,
    *,
    mode: str,
    stages: Sequence[str | Stage],
    search: SearchOptions | Mapping[str, Any] | None,
    candidates: int,
    device: torch.device,
    steered: bool,
    on_stage: chain.Watch | None,
) -> Filler:
    """Return the filler of the crops of one picture, with the prior that was found.

    Raises WeightsError for a stage that was asked for and has no weights for this prior, and
    SearchError for steps of a prior that cannot be searched.
    """
    order = chain.names(stages, mode=mode, whole=known.whole, family=known.family, steered=steered)
    order = chain.able(
        order, family=known.family, prior=known.name, asked=tuple(stages) != chain.AUTO
    )

    def ready(order: Sequence[str | Stage]) -> tuple[tuple[str, Stage], ...]:
        built = chain.build(order, family=known.family, mode=mode, device=str(device))
        labels = [chain.label(stage) for stage in order]
        if on_stage:
            built = chain.watched(labels, built, on_stage)
        return tuple(zip(labels, built, strict=True))

    wanted = SearchOptions.of(search).chosen()
    guided = mode == "psnr" or wanted.get("start", "prior") == "prior"
    gaussian = companion(known.name) if guided and known.named else None
    other = registry.load_prior(gaussian, str(device)) if gaussian else None
    steady = other if other and other.size == known.model.size else None
    drawn = not steady and not steered and "start" not in wanted
    sketch = _sketch(other, known.family, mode, device) if other and drawn else None
    near = NEAR if sketch and not known.feed_forward else {}
    options = {**known.model.search_defaults, **near, **wanted}
    if known.feed_forward and options["steps"]:
        raise SearchError(
            f"steps is {options['steps']}, but {known.name} is a network that fills a hole in one "
            "pass and cannot be searched; leave the steps out"
        )
    detailed, share = _own_detail(known, order) if tuple(stages) == chain.AUTO else (0, 0.0)
    return Filler(
        prior=known.model,
        steady=steady,
        sketch=sketch,
        options=options,
        stages=ready(order),
        mode=mode,
        candidates=candidates,
        routed=known.chosen,
        device=device,
        detailed_stages=ready([stage for stage in order if stage != "texture"]),
        detailed=detailed,
        detailed_share=share,
        aligned=known.whole,
    )


def _own_detail(known: Known, order: Sequence[str | Stage]) -> tuple[int, float]:
    """Side of the largest crop, and least share of it that is hole, which need no texture."""
    if known.feed_forward:
        return ENLARGED * known.model.size, 0.0
    folder = registry.refiner_folder("completion", known.family)
    if "completion" not in order or folder is None:
        return 0, 0.0
    config = read_config(folder)
    return int(STRETCHED * config.get("largest", config["size"])), LARGE_HOLE


def _sketch(other: Prior, family: str, mode: str, device: torch.device) -> Filler | None:
    """The family's Gaussian and its completion network, which draw a hole at once; None without."""
    if registry.refiner_folder("completion", family) is None:
        return None
    stages = ("poisson", "completion")
    built = chain.build(stages, family=family, mode=mode, device=str(device))
    return Filler(
        prior=other,
        steady=None,
        options=other.search_defaults,
        stages=tuple(zip(stages, built, strict=True)),
        mode=mode,
        candidates=1,
        routed=False,
        device=device,
    )

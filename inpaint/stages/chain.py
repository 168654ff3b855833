"""Which stages follow a search, which of them can run, and with what settings."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np

from inpaint.errors import InpaintError, WeightsError
from inpaint.stages import Stage
from inpaint.stages.patch import Patch
from inpaint.zoo import registry

Watch = Callable[[str, Patch], None]
AUTO = ("auto",)
# What a refiner aims at: 0 the most likely pixel values, 1 the most natural look. A fifth of the
# former takes the specks out of the latter at the same LPIPS (docs/refiners.md).
SHARPNESS = {"sharp": 0.8, "psnr": 0.0}
MODES = tuple(SHARPNESS)  # the default first


def check(stages: Sequence[str | Stage]) -> None:
    """Refuse what is neither the name of a stage nor a function.

    Raises UnknownNameError for a name, InpaintError for anything else.
    """
    if isinstance(stages, str) or not isinstance(stages, Sequence):
        raise InpaintError(f"stages is {stages!r}; expected a sequence such as ('poisson',)")
    for stage in stages if tuple(stages) != AUTO else ():
        if isinstance(stage, str):
            registry.stage(stage)
        elif not callable(stage):
            raise InpaintError(f"a stage is {stage!r}; expected a name, or a function of a Patch")


def names(
    stages: Sequence[str | Stage],
    *,
    mode: str,
    whole: bool,
    family: str = "",
    steered: bool = False,
) -> tuple[str | Stage, ...]:
    """The stages that were asked for, with ``auto`` spelt out.

    ``auto`` blends and lets the ``family``'s completion network draw the hole, or where it has none
    lets the hole attend to the known region; the recurrent refiner before that costs time and adds
    nothing that was measured (docs/refiners.md). Texture is copied from the
    photo itself in the mode ``sharp``; not in aligned pictures (``whole``), where nothing repeats.
    A fill that a class has ``steered`` is only blended: the network and the texture copy would
    replace what the class has drawn by what surrounds the hole.
    """
    if tuple(stages) != AUTO:
        return tuple(stages)
    if steered:
        return ("poisson",)
    texture = ("texture",) if mode == "sharp" and not whole else ()
    network = "completion" if registry.refiner_folder("completion", family) else "attention"
    return ("poisson", network, *texture)


def able(
    stages: Sequence[str | Stage], *, family: str, prior: str, asked: bool
) -> tuple[str | Stage, ...]:
    """The stages that can run after a prior of this family.

    A stage of ours that takes ``family`` is a learned refiner, and needs weights for it.

    Raises WeightsError for one without weights if it was ``asked`` for; else it is left out.
    """
    found: list[str | Stage] = []
    for stage in stages:
        if isinstance(stage, str) and _lacks_weights(stage, family):
            if asked:
                raise WeightsError(
                    f"the stage {stage!r} has no weights for the prior {prior!r}, so it would do "
                    f"nothing; leave it out, or use a prior that it has learnt from: "
                    f"{', '.join(registry.learnt_from(stage)) or 'none is installed'}"
                )
            continue
        found.append(stage)
    return tuple(found)


def _lacks_weights(name: str, family: str) -> bool:
    learned = name in registry.own_stages() and "family" in _taken(registry.stage(name))
    return learned and registry.refiner_folder(name, family) is None


def _taken(apply: Callable[..., Patch]) -> set[str]:
    """Names of a function's parameters; none where it does not tell them."""
    try:
        return set(inspect.signature(apply).parameters)
    except (TypeError, ValueError):
        return set()


def build(
    stages: Sequence[str | Stage], *, family: str, mode: str, device: str = "cpu"
) -> list[Stage]:
    """The stages' functions; those asked for by name get the settings that they take.

    These are ``family``, ``sharpness``, ``device`` and ``coarse``. Raises UnknownNameError for a
    name that is no stage.
    """
    settings: dict[str, Any] = {
        "family": family,
        "sharpness": SHARPNESS[mode],
        "device": device,
        # Texture takes from a fill no detail that is finer than this.
        "coarse": "texture" in stages,
    }
    chain: list[Stage] = []
    for stage in stages:
        if isinstance(stage, str):
            function = registry.stage(stage)
            taken = _taken(function)
            stage = partial(function, **{k: v for k, v in settings.items() if k in taken})
        chain.append(stage)
    return chain


def label(stage: str | Stage) -> str:
    """The name of a stage as it is reported: a function's own name, or that of its class."""
    if isinstance(stage, str):
        return stage
    return str(getattr(stage, "__name__", type(stage).__name__))


def run(name: str, stage: Stage, patch: Patch) -> Patch:
    """What a stage makes of a patch; one that has nothing to do returns the patch it got.

    Raises InpaintError for a stage that returns anything but a patch with a picture as ``filled``.
    """
    after = stage(patch)
    if not isinstance(after, Patch):
        raise InpaintError(
            f"the stage {name!r} returned {type(after).__name__}; expected a Patch, such as "
            "patch.with_filled(array) gives"
        )
    filled = after.filled
    if filled.shape != patch.filled.shape or not np.isfinite(filled).all():
        raise InpaintError(
            f"the stage {name!r} returned a fill of shape {filled.shape} with "
            f"{np.count_nonzero(~np.isfinite(filled))} values that are not finite; expected "
            f"{patch.filled.shape} in [0, 1]"
        )
    return after


def watched(names: Sequence[str], stages: Sequence[Stage], watch: Watch) -> list[Stage]:
    """The stages, each preceded by ``watch(name, patch)`` with what it gets; that may raise."""
    return [partial(_watched, *pair, watch) for pair in zip(names, stages, strict=True)]


def _watched(name: str, stage: Stage, watch: Watch, patch: Patch) -> Patch:
    watch(name, patch)
    return stage(patch)

"""Which stages follow a search, and with what settings."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from inpaint.stages.patch import Patch
from inpaint.zoo import registry

Stage = Callable[[Patch], Patch]
Watch = Callable[[str, Patch], None]
AUTO = ("auto",)
# What a refiner aims at: 0 the most likely pixel values, 1 the most natural look. A fifth of the
# former takes the specks out of the latter at the same LPIPS (docs/refiners.md).
SHARPNESS = {"sharp": 0.8, "psnr": 0.0}
MODES = tuple(SHARPNESS)  # the default first


def names(
    stages: Sequence[str], *, mode: str, whole: bool, steered: bool = False
) -> tuple[str, ...]:
    """The stages' names, with ``auto`` spelt out.

    ``auto`` blends and lets the hole attend to the known region; the recurrent refiner before that
    costs time and adds nothing that was measured (docs/refiners.md). Texture is copied from the
    photo itself in the mode ``sharp``; not in aligned pictures (``whole``), where nothing repeats.
    A fill that a class has ``steered`` is only blended: both would bring back what is around it.
    """
    if tuple(stages) != AUTO:
        return tuple(stages)
    if steered:
        return ("poisson",)
    texture = ("texture",) if mode == "sharp" and not whole else ()
    return ("poisson", "attention", *texture)


def build(stages: Sequence[str], *, family: str, mode: str) -> list[Stage]:
    """The stages' functions, each given those of the settings that it takes.

    Raises UnknownNameError for a name that is no stage.
    """
    settings: dict[str, Any] = {"family": family, "sharpness": SHARPNESS[mode]}
    chain: list[Stage] = []
    for name in stages:
        apply = registry.stage(name)
        taken = inspect.signature(apply).parameters
        chain.append(partial(apply, **{k: v for k, v in settings.items() if k in taken}))
    return chain


def watched(names: Sequence[str], stages: Sequence[Stage], watch: Watch) -> list[Stage]:
    """The stages, each preceded by ``watch(name, patch)`` with what it gets; that may raise."""
    return [partial(_watched, *pair, watch) for pair in zip(names, stages, strict=True)]


def _watched(name: str, stage: Stage, watch: Watch, patch: Patch) -> Patch:
    watch(name, patch)
    return stage(patch)

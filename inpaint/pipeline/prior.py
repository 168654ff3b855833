"""Loads the prior of a fill, given by name, folder or object, onto a device."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import torch

from inpaint.errors import InpaintError, UnknownNameError
from inpaint.images import Picture
from inpaint.pipeline.choose import choose_prior, overview
from inpaint.priors import Prior
from inpaint.zoo import classes, registry
from inpaint.zoo.classes import Steerable

Given = str | os.PathLike[str] | Prior
_NEEDED = sorted({n for n in dir(Prior) if n[0] != "_"} | set(Prior.__annotations__))


@dataclass(frozen=True)
class Known:
    """A prior, and what the pipeline needs to know about it.

    Attributes
    ----------
    name : str
        Its name in reports.
    model : Prior
        The prior on its device, steered if a class was asked for.
    config : mapping
        ``kind``, ``size`` and perhaps ``family``, ``view``, ``classes`` and ``feed_forward``.
    evidence : dict
        How the families compared; empty for a prior that was asked for.
    chosen : bool
        Whether ``auto`` chose it, and the caller did not ask for it.
    named : bool
        Whether ``name`` can be looked up. It cannot for an object that was made elsewhere.
    """

    name: str
    model: Prior
    config: Mapping[str, Any]
    evidence: dict[str, float] = field(default_factory=dict)
    chosen: bool = False
    named: bool = True

    @property
    def whole(self) -> bool:
        """Whether the prior knows whole, aligned pictures only."""
        return self.config.get("view") == "whole"

    @property
    def family(self) -> str:
        """The family whose refiners were trained on its fills, or an empty string."""
        return str(self.config.get("family", ""))

    @property
    def feed_forward(self) -> bool:
        """Whether it fills a hole in one pass, so that no step of a search can follow."""
        return bool(self.config.get("feed_forward"))


def find(
    prior: Given,
    class_name: str | None,
    picture: Picture,
    mask: np.ndarray,
    *,
    device: torch.device,
) -> Known:
    """Return the prior that was asked for, or for ``auto`` the one that suits the picture.

    ``mask`` is (H, W) bool. Raises UnknownNameError, WeightsError, and InpaintError for an object
    that is no prior.
    """
    if class_name is not None:
        return _steered(prior, class_name, device)
    if prior != "auto":
        return known(prior, device)
    choice = choose_prior(*overview(picture, mask))
    return replace(known(choice.name, device), evidence=choice.evidence, chosen=True)


def known(prior: Given, device: torch.device) -> Known:
    """Return a prior by name, folder or object, on ``device``.

    An object that ``inpaint.load_prior`` returned is treated as its name. Any other is moved by its
    own ``to``. Raises UnknownNameError, WeightsError, and InpaintError for what is no prior.
    """
    if not isinstance(prior, str | os.PathLike):
        missing = [name for name in _NEEDED if not hasattr(prior, name)]
        if missing:
            raise InpaintError(
                f"prior is {type(prior).__name__} without {', '.join(missing)}; expected a name, "
                "a folder, or an object with all methods of inpaint.Prior"
            )
        origin = registry.origin(prior)
        if origin is None:
            config = registry.facts(prior)
            return Known(config["kind"], prior.to(device), config, named=False)
        prior = origin
    name = os.fspath(prior)
    return Known(name, registry.load_prior(name, str(device)), registry.prior_config(name))


def _steered(prior: Given, class_name: str, device: torch.device) -> Known:
    """Return the prior, steered to a class; for ``auto``, the first shipped one that has it."""
    if isinstance(prior, str | os.PathLike):
        prior = classes.prior_of(os.fspath(prior), class_name)
    found = known(prior, device)
    if class_name not in found.config.get("classes", ()) or not isinstance(found.model, Steerable):
        has = found.config.get("classes") or ["none: it has no classes"]
        raise UnknownNameError(f"class of prior {found.name!r}", class_name, has)
    return replace(found, model=found.model.with_class(class_name))

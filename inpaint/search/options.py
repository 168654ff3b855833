"""The settings of a search that a caller may change, as one typed value."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from torch import Tensor

from inpaint.errors import SearchError, UnknownNameError
from inpaint.search.checks import NORMS
from inpaint.search.contextual import Norm
from inpaint.search.optimizers import OPTIMIZERS, Optimizer
from inpaint.search.starts import STARTS, Start


@dataclass(frozen=True)
class SearchOptions:
    """Settings of a search; those that stay None are taken from the prior's ``search_defaults``.

    ``fill``, ``complete`` and ``restore`` take one as ``search=``, or a mapping of the same names:

    >>> SearchOptions.of({"steps": 40, "lr": 0.1}) == SearchOptions(steps=40, lr=0.1)
    True
    >>> SearchOptions.of({"step": 40})
    Traceback (most recent call last):
    ...
    inpaint.errors.UnknownNameError: unknown search option 'step'; did you mean 'steps'?

    Attributes
    ----------
    restarts : int
        Searches from different starts, at least 1.
    steps : int
        Gradient steps; 0 takes the starts as they are.
    optimizer : {"adam", "momentum", "lbfgs"}
        The rule of descent.
    lr : float
        Step size in units of z, above 0; of L-BFGS the length of the first step only.
    momentum : float
        Share of the last step that the ``momentum`` optimizer keeps, in [0, 1).
    anneal : bool
        Whether the step size falls to zero along a cosine.
    norm : {"l1", "l2"}
        The norm of the difference on the known pixels.
    window : int
        Odd side, in pixels, of the neighbourhood whose share of hole is a known pixel's weight.
    base : float
        Weight that is added for each known pixel, at least 0.
    normalise : bool
        Whether the weights are scaled to sum to 1.
    lam : float
        Weight of the perceptual loss, at least 0.
    start : {"prior", "sample"} or Tensor (1, R, D)
        The prior's own starts, samples, or given latents for R = ``restarts``.

    Raises
    ------
    SearchError, UnknownNameError
        For a value of another type or range, and for a name that does not exist.
    """

    restarts: int | None = None
    steps: int | None = None
    optimizer: Optimizer | None = None
    lr: float | None = None
    momentum: float | None = None
    anneal: bool | None = None
    norm: Norm | None = None
    window: int | None = None
    base: float | None = None
    normalise: bool | None = None
    lam: float | None = None
    start: Start | Tensor | None = None

    def __post_init__(self) -> None:
        """Refuse what the search could not use."""
        for name, (expected, allows) in _ALLOWED.items():
            value = getattr(self, name)
            if value is not None and not allows(value):
                raise SearchError(f"{name} is {value!r}; expected {expected}")
        for name, known in (("optimizer", OPTIMIZERS), ("norm", NORMS), ("start", STARTS)):
            value = getattr(self, name)
            if value is not None and not isinstance(value, Tensor) and value not in known:
                raise UnknownNameError(name, str(value), known)

    @classmethod
    def of(cls, given: SearchOptions | Mapping[str, Any] | None) -> SearchOptions:
        """The options themselves, those of a mapping, or none.

        Raises UnknownNameError for a name that is no option, SearchError for another type.
        """
        if isinstance(given, cls):
            return given
        if given is None:
            return cls()
        if not isinstance(given, Mapping):
            raise SearchError(
                f"search is {type(given).__name__}; expected SearchOptions or a mapping such as "
                '{"steps": 40}'
            )
        known = [field.name for field in fields(cls)]
        for name in given:
            if name not in known:
                raise UnknownNameError("search option", str(name), known)
        return cls(**given)

    def chosen(self) -> dict[str, Any]:
        """Keywords of ``search.search``: all that is not None."""
        return {f.name: v for f in fields(self) if (v := getattr(self, f.name)) is not None}


def _whole(least: int) -> Any:
    return lambda v: isinstance(v, int) and not isinstance(v, bool) and v >= least


def _real(allows: Any) -> Any:
    def check(v: Any) -> bool:
        number = isinstance(v, int | float) and not isinstance(v, bool)
        return number and math.isfinite(v) and allows(v)

    return check


def _flag(v: Any) -> bool:
    return isinstance(v, bool)


_ALLOWED = {
    "restarts": ("a whole number, at least 1", _whole(1)),
    "steps": ("a whole number, at least 0", _whole(0)),
    "lr": ("a number above 0", _real(lambda v: v > 0)),
    "momentum": ("a number from 0 to below 1", _real(lambda v: 0 <= v < 1)),
    "anneal": ("True or False", _flag),
    "window": ("an odd number of pixels", lambda v: _whole(1)(v) and v % 2 == 1),
    "base": ("a number, at least 0", _real(lambda v: v >= 0)),
    "normalise": ("True or False", _flag),
    "lam": ("a number, at least 0", _real(lambda v: v >= 0)),
}

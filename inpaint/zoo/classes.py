"""Priors of several classes, and which of them has a class.

The classes are read from the configs alone, so that a wrong name fails before anything is loaded.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, runtime_checkable

from inpaint.errors import UnknownNameError
from inpaint.zoo import registry

if TYPE_CHECKING:
    from inpaint.priors import Prior


@runtime_checkable
class Steerable(Protocol):
    """A prior that draws images of one class, or of any."""

    classes: tuple[str, ...]

    def with_class(self, name: str | None) -> Prior:
        """Return the same prior for one class, None for any; UnknownNameError for another name."""
        ...


def prior_of(prior: str, name: str) -> str:
    """Return the prior to load for a class: ``prior`` itself, or for ``auto`` a shipped one.

    Raises UnknownNameError for a prior without classes and for a class that it does not have.
    """
    configs = registry.shipped() if prior == "auto" else {prior: registry.prior_config(prior)}
    known = {key: config["classes"] for key, config in configs.items() if config.get("classes")}
    for key, classes in known.items():
        if name in classes:
            return key
    kind = f"class of prior {prior!r}"
    if not known:
        raise UnknownNameError(kind, name, ["none: it has no classes"])
    raise UnknownNameError(kind, name, {one for classes in known.values() for one in classes})

"""Priors and stages of other installed packages, found by their entry points.

A package offers a stage under the group ``inpaint.stages``, a prior under ``inpaint.priors``::

    [project.entry-points."inpaint.stages"]
    grain = "my_package.grain:apply"

Entry points are read when a name is first looked up, and a package is imported when its prior or
stage is used, so that ``--help`` does neither. Where a package offers a name that we use, ours is
meant.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

from inpaint.errors import InpaintError

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

GROUPS = {"prior": "inpaint.priors", "stage": "inpaint.stages"}


@lru_cache(maxsize=len(GROUPS))
def _found(what: str) -> dict[str, tuple[EntryPoint, ...]]:
    """Entry points of a group by name; several where packages disagree."""
    from importlib.metadata import entry_points  # slow to import

    found: dict[str, tuple[EntryPoint, ...]] = {}
    for point in entry_points(group=GROUPS[what]):
        found[point.name] = (*found.get(point.name, ()), point)
    return dict(sorted(found.items()))


def names(what: str) -> list[str]:
    """Names that installed packages offer, sorted; ``what`` is ``prior`` or ``stage``."""
    return list(_found(what))


def package(what: str, name: str) -> str:
    """Name and version of the package that offers ``name``, such as ``inpaint-grain 1.2``."""
    return ", ".join(
        f"{p.dist.name} {p.dist.version}" if p.dist else p.value for p in _found(what)[name]
    )


def load(what: str, name: str) -> Any:
    """Import and return what the entry point ``name`` stands for.

    Raises InpaintError where the package cannot be imported, or two packages offer the name.
    """
    points = _found(what)[name]
    if len(points) > 1:
        raise InpaintError(
            f"several packages offer the {what} {name!r}: {package(what, name)}; uninstall all "
            "but one"
        )
    try:
        return points[0].load()
    except Exception as error:  # code of another package may raise anything
        reason = " ".join(f"{type(error).__name__}: {error}".split())[:200]
        raise InpaintError(
            f"the {what} {name!r} of the package {package(what, name)} cannot be loaded "
            f"({reason}); update the package or uninstall it"
        ) from error


def about(what: str, name: str) -> str:
    """The docstring of what the entry point stands for, or why it cannot be loaded."""
    try:
        thing = load(what, name)
    except InpaintError as error:
        return str(error)
    text = " ".join((getattr(thing, "__doc__", None) or "no description").split("\n\n")[0].split())
    return f"{text} [{package(what, name)}]"


def stage(name: str) -> Any:
    """The function of the stage ``name``.

    Raises InpaintError as ``load`` does, and where it is no function.
    """
    apply = load("stage", name)
    if not callable(apply):
        raise InpaintError(
            f"the stage {name!r} of the package {package('stage', name)} is a "
            f"{type(apply).__name__}; expected a function from patch to patch"
        )
    return apply


@lru_cache(maxsize=8)
def prior(name: str, device: str) -> Any:
    """The prior ``name``, whose entry point is a function that makes it, on its device.

    Raises InpaintError as ``load`` does, and where the function fails.
    """
    import torch

    make = load("prior", name)
    try:
        return make().to(torch.device(device))
    except Exception as error:  # code of another package may raise anything
        reason = " ".join(f"{type(error).__name__}: {error}".split())[:200]
        raise InpaintError(
            f"the prior {name!r} of the package {package('prior', name)} cannot be made "
            f"({reason}); update the package or uninstall it"
        ) from error

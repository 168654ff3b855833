"""Priors, stages and tasks by name: those of this package by their files, others by entry points.

A prior kind or a stage is a module, and a shipped prior is a folder. Sources are read without
importing them (``zoo/sources.py``), so that ``--help`` is instant.
"""

from __future__ import annotations

import importlib
import json
import logging
import os
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from inpaint.errors import InpaintError, UnknownNameError, WeightsError
from inpaint.zoo import networks, plugins
from inpaint.zoo.sources import described, modules
from inpaint.zoo.weights import CONFIG, read_config, state_of

if TYPE_CHECKING:
    from inpaint.priors import Prior
    from inpaint.stages.patch import Patch

log = logging.getLogger(__name__)
ZOO = Path(__file__).parent


def kinds() -> list[str]:
    """Names of the prior kinds: modules of ``inpaint/priors`` that build a prior."""
    return list(modules("priors"))


def own_stages() -> list[str]:
    """Names of our own stages: modules of ``inpaint/stages`` that have an ``apply``."""
    return list(modules("stages"))


def stages() -> list[str]:
    """Names of all stages: our own, then those of installed packages."""
    own = own_stages()
    return [*own, *(name for name in plugins.names("stage") if name not in own)]


def tasks() -> list[str]:
    """Names of the tasks of ``inpaint restore``: modules of ``inpaint/restore`` that make one."""
    return list(modules("restore"))


def priors() -> list[str]:
    """Names of the shipped priors: the folders in ``inpaint/zoo`` whose kind is a prior."""
    return list(shipped())


def installed_priors() -> list[str]:
    """Names of the priors that installed packages offer."""
    own = priors()
    return [name for name in plugins.names("prior") if name not in own]


def shipped() -> dict[str, dict[str, Any]]:
    """Configs of the shipped priors by name.

    A folder that cannot be read is left out with a warning, so that it does not take the others
    with it.
    """
    return {f.name: config for f, config in _configs().items() if config["kind"] in kinds()}


def _configs() -> dict[Path, dict[str, Any]]:
    """Configs of all weights in the zoo by folder, read again only when a file has changed."""
    folders: list[tuple[str, tuple[int, ...]]] = []
    base = os.fspath(ZOO)
    for name in sorted(os.listdir(base)):
        path = f"{base}/{name}/{CONFIG}"
        try:
            folders.append((name, state_of(path)))
        except OSError:  # no folder, or one without a config; a dangling link: reading says so
            if os.path.islink(path):
                folders.append((name, ()))
    return _scanned(ZOO, tuple(folders))


@lru_cache(maxsize=2)
def _scanned(
    zoo: Path, folders: tuple[tuple[str, tuple[int, ...]], ...]
) -> dict[Path, dict[str, Any]]:
    """Read the folders' configs; each comes with its state, which only tells old from new."""
    found = {}
    for name, _ in folders:
        try:
            found[zoo / name] = read_config(zoo / name)
        except WeightsError as error:
            log.warning("%s", error)
    return found


def about(stage: str) -> str:
    """The description of a stage; of one of ours its module's docstring, read without import."""
    if stage not in own_stages():
        return plugins.about("stage", stage)
    return described("stages", stage)


def stage(name: str) -> Callable[[Patch], Patch]:
    """Return the stage's function.

    Raises UnknownNameError for a name that no stage has, InpaintError for an installed package
    whose stage cannot be used.
    """
    apply: Callable[[Patch], Patch]
    if name in own_stages():
        apply = importlib.import_module(f"inpaint.stages.{name}").apply
        return apply
    if name not in stages():
        raise UnknownNameError("stage", name, stages())
    apply = plugins.stage(name)
    return apply


def _refiners() -> dict[tuple[str, str], Path]:
    """Folders of the shipped refiners by kind and family."""
    return {
        (config["kind"], str(config.get("family"))): folder
        for folder, config in _configs().items()
        if config["kind"] in own_stages()
    }


def refiners() -> list[Path]:
    """Folders of all shipped refiners."""
    return list(_refiners().values())


def others(kind: str) -> dict[Path, dict[str, Any]]:
    """Folders and configs of the shipped weights of a kind that is no prior and no stage."""
    return {folder: config for folder, config in _configs().items() if config["kind"] == kind}


def learnt_from(kind: str) -> list[str]:
    """Names of the shipped priors that the refiner ``kind`` has weights for."""
    of = {family for name, family in _refiners() if name == kind}
    return [name for name, config in shipped().items() if config.get("family") in of]


def refiner_folder(kind: str, family: str) -> Path | None:
    """Folder of the shipped refiner ``kind`` (a stage's name) for a family of priors, if any."""
    return _refiners().get((kind, family))


def refiner_named(name: str) -> Path:
    """Folder of the shipped refiner ``name``, or ``name`` itself when it is a folder.

    Raises UnknownNameError for anything else.
    """
    shipped = {folder.name: folder for folder in refiners()}
    folder = shipped.get(name, Path(name))
    if not folder.is_dir():
        raise UnknownNameError("refiner", name, shipped)
    return folder


def prior_folder(name: str) -> Path:
    """Folder of a shipped prior, or ``name`` itself when it is a folder.

    A name without a path separator is looked up in the zoo first. Raises UnknownNameError, and
    InpaintError for a prior of an installed package or a network, which have no folder.
    """
    known = priors()
    if name in known:
        return ZOO / name
    if name in installed_priors():
        raise InpaintError(
            f"the prior {name!r} comes from the package {plugins.package('prior', name)} and has "
            "no folder; name one of the zoo, or a folder"
        )
    if networks.is_network(name):
        networks.check(name)
        raise InpaintError(f"the prior {name!r} is a network and not a folder; name a folder")
    try:
        if name and Path(name).is_dir():
            return Path(name)
    except (OSError, ValueError):  # the name is too long for a path, or holds a null byte
        pass
    raise UnknownNameError("prior", name, [*known, *installed_priors()])


def check_prior(name: str) -> None:
    """Refuse a name that is no prior, and a folder without a config, without loading anything.

    Raises UnknownNameError and WeightsError.
    """
    if networks.is_network(name):
        networks.check(name)
    elif name not in installed_priors():
        read_config(prior_folder(name))


def prior_config(name: str) -> dict[str, Any]:
    """What is known about a prior beside its tensors: its folder's config.

    A prior of an installed package and a network are loaded, and asked with ``facts``. Raises
    UnknownNameError, WeightsError, and InpaintError for what cannot be loaded.
    """
    if networks.is_network(name):
        return networks.config(name, facts(load_prior(name)))
    if own := shipped().get(name):
        return dict(own)
    if name not in installed_priors():
        return read_config(prior_folder(name))
    return {**facts(load_prior(name)), "package": plugins.package("prior", name)}


def facts(prior: Prior) -> dict[str, Any]:
    """The config keys that the pipeline reads, of a prior that is an object.

    ``view`` (``whole``: it knows whole, aligned pictures only), ``family`` (of whose refiners it
    may make use), ``classes`` and ``feed_forward`` (it fills in one pass, and cannot be searched)
    may be left out by the object.
    """
    kind = str(getattr(prior, "kind", type(prior).__name__))
    config: dict[str, Any] = {"kind": kind, "size": prior.size}
    for key in ("view", "family", "classes", "feed_forward"):
        if value := getattr(prior, key, None):
            config[key] = value
    return config


def load_prior(name: str, device: str = "cpu") -> Prior:
    """Load a prior by name or folder onto ``device``, once.

    A folder whose config (and so whose weights' hash) has changed is loaded anew. Raises
    UnknownNameError for a name that is neither, WeightsError for files that do not fit,
    InpaintError for an installed package whose prior cannot be used. The path of an ONNX file is a
    name too.
    """
    if networks.is_network(name):
        network = networks.load(name, device)
        _ORIGINS[network] = name
        return network
    if name in installed_priors():
        made: Prior = plugins.prior(name, device)
        _ORIGINS[made] = name
        return made
    folder = prior_folder(name).resolve()
    return _load(folder, json.dumps(read_config(folder), sort_keys=True), device)


def origin(prior: Prior) -> str | None:
    """The name by which an object that ``load_prior`` returned can be loaded again, else None."""
    try:
        return _ORIGINS.get(prior)
    except TypeError:  # an object that cannot be hashed was not made here
        return None


_ORIGINS: WeakKeyDictionary[Any, str] = WeakKeyDictionary()


@lru_cache(maxsize=8)
def _load(folder: Path, version: str, device: str) -> Prior:
    """Load a folder; ``version`` makes the cache tell its states apart."""
    import torch

    from inpaint.zoo import weights

    config, tensors = weights.load(folder)
    module = _kind(str(config["kind"]))
    try:
        prior: Prior = module.from_config(config, tensors)
    except (KeyError, RuntimeError, TypeError, ValueError) as error:
        reason = " ".join(str(error).split())[:200]
        raise WeightsError(
            f"{folder}: config and weights do not fit together ({reason}); "
            "install the package again or train the prior anew"
        ) from error
    prior = prior.to(torch.device(device))
    _ORIGINS[prior] = folder.name if folder.parent == ZOO.resolve() else str(folder)
    return prior


def _kind(name: str) -> Any:
    """What builds priors of a kind: a module of ours, or of an installed package.

    The latter is what the entry point of that name stands for, where it has ``from_config``.
    Raises UnknownNameError.
    """
    if name in kinds():
        return importlib.import_module(f"inpaint.priors.{name}")
    if name in installed_priors():
        made = plugins.load("prior", name)
        if hasattr(made, "from_config"):
            return made
    raise UnknownNameError("prior kind", name, kinds())

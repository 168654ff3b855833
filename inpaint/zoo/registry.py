"""What there is, by file name: a prior kind or a stage is a module, a shipped prior a folder.

Names are read from the file system without importing anything, so that ``--help`` is instant.
"""

from __future__ import annotations

import ast
import importlib
import json
import logging
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from inpaint.errors import UnknownNameError, WeightsError
from inpaint.zoo.weights import read_config

if TYPE_CHECKING:
    from inpaint.priors import Prior
    from inpaint.stages.patch import Patch

log = logging.getLogger(__name__)
ZOO = Path(__file__).parent
HERE = ZOO.parent
# Files in priors/ that several kinds share, and those in restore/ that several tasks share.
SHARED = {"__init__", "convnets", "packing", "perceptual", "spatial", "start"}
SHARED |= {"patch", "chain", "refine"}
SHARED |= {"noise", "patches", "posterior", "select", "task", "windows"}


def _modules(folder: str) -> list[str]:
    found = {p.stem for p in (HERE / folder).glob("*.py")}
    found |= {p.parent.name for p in (HERE / folder).glob("*/__init__.py")}
    return sorted(found - SHARED)


def kinds() -> list[str]:
    """Names of the prior kinds: the files in ``inpaint/priors``."""
    return _modules("priors")


def stages() -> list[str]:
    """Names of the stages: the files in ``inpaint/stages``."""
    return _modules("stages")


def tasks() -> list[str]:
    """Names of the tasks of ``inpaint restore``: the files in ``inpaint/restore``."""
    return _modules("restore")


def priors() -> list[str]:
    """Names of the shipped priors: the folders in ``inpaint/zoo`` whose kind is a prior."""
    return list(shipped())


def shipped() -> dict[str, dict[str, Any]]:
    """Configs of the shipped priors by name, each file read once.

    A folder that cannot be read is left out with a warning, so that it does not take the others
    with it.
    """
    found = {}
    for path in sorted(ZOO.glob("*/config.json")):
        try:
            config = read_config(path.parent)
        except WeightsError as error:
            log.warning("%s", error)
            continue
        if config["kind"] in kinds():
            found[path.parent.name] = config
    return found


def about(stage: str) -> str:
    """The description of a stage: its module's docstring, read without importing it."""
    file = HERE / "stages" / f"{stage}.py"
    text = (file if file.exists() else file.with_suffix("") / "__init__.py").read_text("utf-8")
    return ast.get_docstring(ast.parse(text)) or ""


def stage(name: str) -> Callable[[Patch], Patch]:
    """Return the stage's function; UnknownNameError if there is no such file."""
    if name not in stages():
        raise UnknownNameError("stage", name, stages())
    apply: Callable[[Patch], Patch] = importlib.import_module(f"inpaint.stages.{name}").apply
    return apply


@lru_cache(maxsize=1)
def _refiners() -> dict[tuple[str, str], Path]:
    """Folders of the shipped refiners by kind and family."""
    found = {}
    for path in sorted(ZOO.glob("*/config.json")):
        try:
            config = read_config(path.parent)
        except WeightsError:
            continue  # ``shipped`` has warned of it
        if config["kind"] in stages():
            found[config["kind"], str(config.get("family"))] = path.parent
    return found


def refiners() -> list[Path]:
    """Folders of all shipped refiners."""
    return list(_refiners().values())


def refiner_folder(kind: str, family: str) -> Path | None:
    """Folder of the shipped refiner ``kind`` (a stage's name) for a family of priors, if any."""
    return _refiners().get((kind, family))


def prior_folder(name: str) -> Path:
    """Folder of a shipped prior, or ``name`` itself when it is a folder.

    A name without a path separator is looked up in the zoo first. Raises UnknownNameError.
    """
    known = priors()
    if name in known:
        return ZOO / name
    try:
        if name and Path(name).is_dir():
            return Path(name)
    except (OSError, ValueError):  # too long for a path, or holds a NUL
        pass
    raise UnknownNameError("prior", name, known)


def load_prior(name: str, device: str = "cpu") -> Prior:
    """Load a prior by name or folder onto ``device``, once.

    A folder whose config (and so whose weights' hash) has changed is loaded anew. Raises
    UnknownNameError for a name that is neither, WeightsError for files that do not fit.
    """
    folder = prior_folder(name).resolve()
    return _load(folder, json.dumps(read_config(folder), sort_keys=True), device)


@lru_cache(maxsize=8)
def _load(folder: Path, version: str, device: str) -> Prior:
    """Load; ``version`` only tells an older state of the folder from a newer one."""
    import torch

    from inpaint.zoo import weights

    config, tensors = weights.load(folder)
    if config["kind"] not in kinds():
        raise UnknownNameError("prior kind", str(config["kind"]), kinds())
    module = importlib.import_module(f"inpaint.priors.{config['kind']}")
    try:
        prior: Prior = module.from_config(config, tensors)
    except (KeyError, RuntimeError, TypeError, ValueError) as error:
        reason = " ".join(str(error).split())[:200]
        raise WeightsError(
            f"{folder}: config and weights do not fit together ({reason}); "
            "install the package again or train the prior anew"
        ) from error
    return prior.to(torch.device(device))

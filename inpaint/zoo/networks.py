"""Networks of others as priors: an ONNX file, and beside it a JSON file where one is needed.

``lama.onnx`` is a prior by its path, as a folder of weights is. What a file with unusual inputs
cannot say itself stands in ``lama.json``; this module reads that, and tells one state of the two
files from another. The graph itself is read by ``inpaint.priors.network``.
"""

from __future__ import annotations

import hashlib
import importlib
import json
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from inpaint.errors import UnknownNameError, WeightsError
from inpaint.system import files
from inpaint.zoo.weights import state_of

if TYPE_CHECKING:
    from inpaint.priors import Prior

SUFFIX = ".onnx"
# What the JSON file may say, and the type of each; the last three are for people.
KEYS: dict[str, tuple[type, ...]] = {
    "image": (str,),
    "mask": (str,),
    "output": (str,),
    "size": (int,),
    "image_range": (list,),
    "output_range": (list,),
    "mask_hole": (int, float),
    "mask_known": (int, float),
    "data": (str,),
    "licence": (str,),
    "source": (str,),
}
FOR_PEOPLE = ("data", "licence", "source")


def is_network(name: str) -> bool:
    """Whether the name of a prior is the path of an ONNX file, which need not exist."""
    try:
        return name.lower().endswith(SUFFIX) and not Path(name).is_dir()
    except (OSError, ValueError):  # too long for a path, or holds a NUL
        return False


def check(name: str) -> None:
    """Refuse a file that is not there, and a JSON file beside it that cannot be used.

    Raises WeightsError, and UnknownNameError for a key that means nothing.
    """
    _state(Path(name))
    overrides(Path(name))


def overrides(path: Path) -> dict[str, Any]:
    """What the JSON file beside the network at ``path`` says; nothing where there is none.

    Raises WeightsError for a file that is no JSON object or has a value of another type, and
    UnknownNameError for a key that means nothing.
    """
    beside = path.with_suffix(".json")
    try:
        found = json.loads(files.read_text(beside))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, RecursionError) as error:
        raise WeightsError(
            f"{beside}: cannot be read as JSON ({error}); correct it or remove it"
        ) from error
    if not isinstance(found, dict):
        raise WeightsError(f"{beside}: holds no JSON object; expected one such as {{'size': 512}}")
    value: Any
    for key, value in found.items():
        if key not in KEYS:
            raise UnknownNameError(f"key in {beside}:", key, KEYS)
        if not isinstance(value, KEYS[key]) or isinstance(value, bool):
            kinds = " or ".join(kind.__name__ for kind in KEYS[key])
            raise WeightsError(f"{beside}: {key} is {value!r}; expected {kinds}")
        if key.endswith("_range") and not _is_range(value):
            raise WeightsError(
                f"{beside}: {key} is {value!r}; expected the values of black and white, as [0, 255]"
            )
    return found


def load(name: str, device: str) -> Prior:
    """Load the network at the path ``name``, once for each state of its files.

    Raises WeightsError for a file that is no network for inpainting, InpaintError where the extra
    ``onnx`` is not installed, UnknownNameError for a key in the JSON file that means nothing.
    """
    path = Path(name)
    settings = json.dumps(overrides(path), sort_keys=True)
    return _load(path.resolve(), _state(path), settings, device)


def config(name: str, facts: dict[str, Any]) -> dict[str, Any]:
    """What is known about the network beside its graph: ``facts``, its hash, and its JSON file.

    Raises WeightsError for a file that cannot be read.
    """
    path = Path(name)
    return {**facts, "sha256": _digest(path.resolve(), _state(path)), **overrides(path)}


def read(path: Path) -> bytes:
    """The bytes of a network's file; raises WeightsError where it cannot be read."""
    try:
        return files.read_bytes(path)
    except OSError as error:
        raise WeightsError(f"{path}: cannot be read ({error.strerror}); check the path") from error


def _state(path: Path) -> tuple[int, ...]:
    """The file's state; WeightsError where it is not there."""
    try:
        return state_of(path)
    except OSError as error:
        raise WeightsError(
            f"{path}: no such network ({error.strerror}); give the path of an ONNX file"
        ) from error


def _is_range(value: Any) -> bool:
    numbers = [v for v in value if isinstance(v, int | float) and not isinstance(v, bool)]
    return len(numbers) == len(value) == 2 and value[0] != value[1]


@lru_cache(maxsize=8)
def _load(path: Path, state: tuple[int, ...], settings: str, device: str) -> Prior:
    """Load; ``state`` only tells an older state of the file from a newer one."""
    module = importlib.import_module("inpaint.priors.network")
    prior: Prior = module.load(path, json.loads(settings), device)
    return prior


@lru_cache(maxsize=32)
def _digest(path: Path, state: tuple[int, ...]) -> str:
    """The file's sha256; ``state`` only tells an older state of it from a newer one."""
    return hashlib.sha256(read(path)).hexdigest()

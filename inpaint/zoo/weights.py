"""Weights as data: ``model.safetensors`` beside a readable ``config.json`` that holds its hash."""

from __future__ import annotations

import hashlib
import json
import marshal
import mmap
import os
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from inpaint.errors import OutputError, WeightsError, reason, remedy
from inpaint.system import files

if TYPE_CHECKING:
    from torch import Tensor

MODEL, CONFIG = "model.safetensors", "config.json"
_MARGIN = 1 << 20  # bytes, for what else loading takes


def save(folder: Path, config: Mapping[str, Any], tensors: Mapping[str, Tensor]) -> None:
    """Write ``tensors`` and ``config`` (with their sha256) into ``folder``, weights first.

    Raises OutputError when the folder cannot be made or written.
    """
    from safetensors.torch import save as save_bytes  # imports torch; configs are read without

    data = save_bytes({k: v.detach().cpu().contiguous() for k, v in tensors.items()})
    text = json.dumps({**config, "sha256": hashlib.sha256(data).hexdigest()}, indent=2) + "\n"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, content in ((MODEL, data), (CONFIG, text.encode())):
            temporary = folder / f".{name}.{os.getpid()}"
            temporary.write_bytes(content)
            os.replace(temporary, folder / name)
    except OSError as error:
        advice = remedy(error, "free some space or choose another folder")
        raise OutputError(f"{folder}: weights not written ({reason(error)}); {advice}") from error


def read_config(folder: Path) -> dict[str, Any]:
    """Return ``config.json`` of a weights folder; WeightsError when it is missing or not JSON.

    The file is parsed once for each of its states, and each caller gets its own copy.
    """
    path = folder / CONFIG
    try:
        config = marshal.loads(_parsed(path.absolute(), state_of(path)))
    except FileNotFoundError:
        raise WeightsError(
            f"{path}: not found; a prior is a folder with {CONFIG} and {MODEL}"
        ) from None
    except (OSError, ValueError, RecursionError) as error:
        raise WeightsError(
            f"{path}: cannot be read as JSON ({error}); install the package again or copy it anew"
        ) from error
    if not isinstance(config, dict) or "kind" not in config:
        raise WeightsError(f"{path}: has no 'kind'; expected a config written by pretrain")
    return config


def state_of(path: str | Path) -> tuple[int, ...]:
    """Return what tells the states of a file apart; raises OSError where there is no file.

    The inode is part of it because ``save`` replaces files, and two files of one size can be
    written within one tick of the file system's clock.
    """
    found = os.stat(path)
    return found.st_mtime_ns, found.st_size, found.st_ino


@lru_cache(maxsize=64)
def _parsed(path: Path, state: tuple[int, ...]) -> bytes:
    """Parse a JSON file; ``state`` makes the cache tell its states apart.

    The values are marshalled, because such are copied faster than by ``copy.deepcopy``.
    """
    return marshal.dumps(json.loads(files.read_text(path)))


def load(folder: Path) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """Return config and tensors of a weights folder, checked against the recorded sha256.

    Raises WeightsError when a file is missing, damaged, or is not the one that was recorded.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load as load_bytes

    config = read_config(folder)
    path = folder / MODEL
    try:
        data = files.read_bytes(path)
    except OSError as error:
        raise WeightsError(
            f"{path}: cannot be read ({error.strerror}); install the package again or copy it anew"
        ) from error
    digest = hashlib.sha256(data).hexdigest()
    if digest != config.get("sha256"):
        raise WeightsError(
            f"{path}: damaged or changed; its sha256 is {digest[:12]}..., {CONFIG} says "
            f"{str(config.get('sha256'))[:12]}...; install the package again or copy the file anew"
        )
    # Where there is no memory for the tensors, safetensors panics instead of raising an error.
    mmap.mmap(-1, len(data) + _MARGIN).close()
    try:
        return config, load_bytes(data)
    except SafetensorError as error:
        raise WeightsError(f"{path}: not a safetensors file ({error}); copy it anew") from error

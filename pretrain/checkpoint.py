"""Checkpoints that appear whole or not at all, and restore a run exactly where it was."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

import torch

from inpaint.errors import OutputError, WeightsError, reason, remedy
from inpaint.system import files

# Options that give the networks their shape or meaning. With another value for one of these the
# weights would be of no use. All other options, such as --lr and --batch, may change on resuming.
SHAPES = frozenset(
    (
        *("size", "latent", "codes", "distribution", "classes", "unlabelled", "spatial"),
        *("width", "cap", "encoder_cap", "decoder_cap", "cell", "plain"),
        *("critic_width", "critic_cap", "critic_norm"),
    )
)


class Stateful(Protocol):
    """Anything that can return its state and load it: a module, an optimizer, an average."""

    def state_dict(self) -> Any:
        """Return the state."""
        ...

    def load_state_dict(self, state: Any) -> Any:
        """Load the state."""
        ...


def save(path: Path, parts: Mapping[str, Stateful], **facts: Any) -> None:
    """Write the states of ``parts`` and plain ``facts`` (step, seconds) to ``path``, atomically.

    Raises OutputError when the disk refuses it.
    """
    temporary = path.with_suffix(".tmp")
    try:
        torch.save({"facts": facts, **{k: v.state_dict() for k, v in parts.items()}}, temporary)
        os.replace(temporary, path)
    except (OSError, RuntimeError) as error:
        advice = remedy(error, "free some space")
        raise OutputError(
            f"{path}: checkpoint not written ({reason(error)}); {advice}, then run with --resume"
        ) from error
    finally:
        temporary.unlink(missing_ok=True)


def restore(
    path: Path, parts: Mapping[str, Stateful], *, options: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """Load what ``save`` wrote into ``parts`` and return the facts.

    Raises WeightsError if the file is damaged, does not fit, or was made with other ``options``
    of those in ``SHAPES``.
    """
    try:
        with files.opened(path) as file:
            state = torch.load(file, map_location="cpu", weights_only=True)
        facts = dict(state["facts"])
    except Exception as error:  # a damaged file fails in many ways
        raise WeightsError(
            f"{path}: cannot be read as a checkpoint ({type(error).__name__}); "
            "move it away and start without --resume"
        ) from error
    asked = {k: v for k, v in (options or {}).items() if k in SHAPES}
    other = changes(facts.get("options", {}), asked)
    if other:
        raise WeightsError(
            f"{path}: is of another training ({', '.join(other)}); resume with the options it was "
            "started with, or name another --out"
        )
    try:
        for name, part in parts.items():
            part.load_state_dict(state[name])
    except Exception as error:  # parts of other names or shapes fail in as many ways
        reason = " ".join(str(error).split())[:200]
        raise WeightsError(
            f"{path}: is of another training ({reason}); resume with the --size, --width and "
            "other options it was started with, or name another --out"
        ) from error
    return facts


def changes(before: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """Return what differs, as ``--lr: 0.1 then, 0.2 now``, of the options that both sides know."""
    return [
        f"--{name.replace('_', '-')}: {before[name]} then, {now[name]} now"
        for name in sorted(before.keys() & now.keys())
        if before[name] != now[name]
    ]


def unsound(parts: Mapping[str, Stateful]) -> list[str]:
    """Names of the ``parts`` whose state holds a number that is not finite."""
    return [name for name, part in parts.items() if not _finite(part.state_dict())]


def _finite(state: Any) -> bool:
    if isinstance(state, torch.Tensor):
        return bool(state.isfinite().all())
    if isinstance(state, Mapping):
        return all(map(_finite, state.values()))
    return all(map(_finite, state)) if isinstance(state, list | tuple) else True

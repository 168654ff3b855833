"""Checkpoints that appear whole or not at all, and restore a run exactly where it was."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

import torch

from inpaint.errors import OutputError, WeightsError


class Stateful(Protocol):
    """Modules, optimisers and averages: whatever can give and take its state."""

    def state_dict(self) -> Any:
        """Return the state."""
        ...

    def load_state_dict(self, state: Any) -> Any:
        """Take the state."""
        ...


def save(path: Path, parts: Mapping[str, Stateful], **facts: Any) -> None:
    """Write the states of ``parts`` and plain ``facts`` (step, options) to ``path``, atomically."""
    temporary = path.with_suffix(f".{os.getpid()}.tmp")
    try:
        torch.save({"facts": facts, **{k: v.state_dict() for k, v in parts.items()}}, temporary)
        os.replace(temporary, path)
    except (OSError, RuntimeError) as error:
        temporary.unlink(missing_ok=True)
        raise OutputError(
            f"{path}: checkpoint not written ({error}); free some space and run with --resume"
        ) from error


def restore(path: Path, parts: Mapping[str, Stateful]) -> dict[str, Any]:
    """Load what ``save`` wrote into ``parts`` and return the facts; WeightsError if it cannot."""
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
        for name, part in parts.items():
            part.load_state_dict(state[name])
    except (OSError, RuntimeError, KeyError, ValueError) as error:
        reason = str(error).splitlines()[0]
        raise WeightsError(f"{path}: cannot resume from this checkpoint ({reason})") from error
    return dict(state["facts"])

"""Exponential moving average of a network's weights (Yazıcı et al. 2019)."""

from __future__ import annotations

import copy
from typing import Any, Generic, TypeVar

import torch
from torch import nn

Module = TypeVar("Module", bound=nn.Module)


class Average(Generic[Module]):
    """A shadow of ``module`` whose weights lag behind by about 1 / (1 - decay) steps.

    Early on the shorter memory (1 + t) / (10 + t) is used, so that the first weights are
    forgotten. Buffers (batch-norm statistics) are averaged too.
    """

    def __init__(self, module: Module, decay: float = 0.999) -> None:
        self.module = copy.deepcopy(module)
        self.module.requires_grad_(False).eval()
        self.decay, self.steps = decay, 0

    @torch.no_grad()
    def update(self, module: Module) -> None:
        """Move a little towards ``module``."""
        self.steps += 1
        keep = min(self.decay, (1 + self.steps) / (10 + self.steps))
        ours, theirs = self.module.state_dict(), module.state_dict()
        floats = [k for k, v in ours.items() if v.is_floating_point()]
        torch._foreach_lerp_([ours[k] for k in floats], [theirs[k] for k in floats], 1 - keep)

    def state_dict(self) -> dict[str, Any]:
        """Return the averaged weights and the number of updates."""
        return {"module": self.module.state_dict(), "steps": self.steps}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take what ``state_dict`` returned."""
        self.module.load_state_dict(state["module"])
        self.steps = state["steps"]

"""Brings the batches of a training to its device."""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import torch
from torch import Tensor

from pretrain import data

Batch = tuple[Tensor, Tensor]


class Feed:
    """``feed(t)`` returns images (n, 3, S, S) in [0, 1] and labels (n,) of step t on ``device``.

    For an accelerator, a thread makes the next batch meanwhile, in pinned memory. A batch is a
    function of its step alone, so this changes no result.
    """

    def __init__(self, images: data.Images, options: Any, device: torch.device) -> None:
        self._images, self._options, self._device = images, options, device
        self._pool = ThreadPoolExecutor(1) if device.type != "cpu" else None
        self._next: tuple[int, Future[Batch]] | None = None

    def __call__(self, t: int) -> Batch:
        """Return the batch of step ``t``."""
        if self._pool is None:
            return self._made(t)
        ready = self._next[1].result() if self._next and self._next[0] == t else self._made(t)
        self._next = t + 1, self._pool.submit(self._made, t + 1)
        x, labels = (part.to(self._device, non_blocking=True) for part in ready)
        return x, labels

    def _made(self, t: int) -> Batch:
        o = self._options
        x, labels = data.batch(
            self._images, o.size, o.batch, seed=o.seed, step=t, min_scale=o.min_scale,
            mirror=o.mirror,
        )  # fmt: skip
        if self._device.type == "cuda":
            return x.pin_memory(), labels.pin_memory()
        return x, labels

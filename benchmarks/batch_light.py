"""``inpaint batch`` with a fill that takes no time: all of the machinery around it, without torch.

    python benchmarks/batch_light.py batch IMAGES --masks DIR --out DIR --workers 2

A hole gets the mean of what is known. For suites of many rounds, of which each starts the command
and its workers twice: planning, reading, journal, manifest, writing and resuming are the real ones.
"""

from __future__ import annotations

import sys
import time
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np

from inpaint.batch import filling, local
from inpaint.images.picture import Picture

SECONDS = 0.03  # of each fill, so that faults find the workers at all stages of their work


def fill(picture: Picture, hole: np.ndarray, *_: Any, **__: Any) -> tuple[Any, None]:
    """In place of ``filling.fill``: hole (H, W) of bool, True inside."""
    time.sleep(SECONDS)
    pixels = picture.pixels.copy()
    pixels[hole] = pixels[~hole].mean(axis=0).astype(pixels.dtype)
    filled = replace(picture, pixels=pixels, indices=None)
    return SimpleNamespace(pictures=[filled], reports=[], seconds=SECONDS), None


def main() -> None:
    """Be the command, or one of its workers."""
    filling.prepare = lambda options, index: "cpu"
    filling.fill = fill  # type: ignore[assignment]
    if sys.argv[1:] == ["worker"]:
        from inpaint.batch import worker

        worker.main()
        return
    local.COMMAND = [sys.executable, __file__, "worker"]
    from inpaint import cli

    cli.main()


if __name__ == "__main__":
    main()

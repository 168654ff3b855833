"""Fills the holes of an image: ``fill`` takes arrays, ``complete`` takes pictures.

- ``compose`` holds both, and calls everything below in its order;
- ``prior`` loads a prior by name, folder or object, and ``choose`` decides which suits a picture;
- ``prepare`` makes what all crops share, and ``crop`` decides which crops cover the holes;
- ``router`` decides whether a method of ``classical`` does better than the prior;
- ``filler`` fills one crop, from the router to the last stage, and ``report`` says what was done;
- ``seeds`` makes the seed of a file, and ``trace`` writes into a folder how a fill evolved.

The public names are loaded on first use, so that ``seeds`` and ``classical`` work without torch.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from inpaint.pipeline.compose import complete as complete
    from inpaint.pipeline.compose import fill as fill
    from inpaint.pipeline.report import Report as Report
    from inpaint.pipeline.report import Result as Result

_LAZY = {"Report": "report", "Result": "report", "complete": "compose", "fill": "compose"}

__all__ = [*_LAZY]


def __getattr__(name: str) -> Any:
    if name not in _LAZY:
        raise AttributeError(f"module 'inpaint.pipeline' has no attribute {name!r}")
    return getattr(importlib.import_module(f"inpaint.pipeline.{_LAZY[name]}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)

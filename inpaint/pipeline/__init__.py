"""From an image and a mask to fills: ``fill`` for arrays, ``complete`` for pictures.

- ``compose``: both of them, and the order of everything below;
- ``crop``: which crops cover the holes; ``choose``: which prior suits the picture;
- ``filler``: one crop from the search to the last stage;
- ``router``: whether a method of ``classical`` does better than the prior;
- ``seeds``: a file's own seed; ``trace``: how a fill evolved, written into a folder.

The public names are loaded on first use: ``seeds`` and ``classical`` are of use without torch.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from inpaint.pipeline.compose import Report as Report
    from inpaint.pipeline.compose import Result as Result
    from inpaint.pipeline.compose import complete as complete
    from inpaint.pipeline.compose import fill as fill

_COMPOSED = ("Report", "Result", "complete", "fill")

__all__ = [*_COMPOSED]


def __getattr__(name: str) -> Any:
    if name not in _COMPOSED:
        raise AttributeError(f"module 'inpaint.pipeline' has no attribute {name!r}")
    return getattr(importlib.import_module("inpaint.pipeline.compose"), name)


def __dir__() -> list[str]:
    return sorted(__all__)

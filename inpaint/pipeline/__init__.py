"""From an image and a mask to fills: ``fill`` for arrays, ``complete`` for pictures.

- ``compose``: both of them, and the order of everything below;
- ``prior``: the prior by name, folder or object; ``choose``: which one suits the picture;
- ``prepare``: what is the same for all crops; ``crop``: which crops cover the holes;
- ``router``: whether a method of ``classical`` does better than the prior;
- ``filler``: one crop from the router to the last stage; ``report``: what was done;
- ``seeds``: a file's own seed; ``trace``: how a fill evolved, written into a folder.

The public names are loaded on first use: ``seeds`` and ``classical`` are of use without torch.
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

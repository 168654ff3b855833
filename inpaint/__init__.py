"""Semantic inpainting by latent search.

    filled = inpaint.fill(image, mask)          # arrays in, an array out
    result = inpaint.complete(picture, mask)    # several fills, and a report of what was done
    better = inpaint.restore(image, task="denoise")

The public names are loaded on first use, so that ``import inpaint`` does not import torch.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from inpaint import devices as _devices  # noqa: F401  (registers what a forked child needs)
from inpaint._version import __version__
from inpaint.errors import (
    ImageError,
    ImageSizeError,
    InpaintError,
    MaskError,
    OutputError,
    SearchError,
    SelectionError,
    UnknownNameError,
    WeightsError,
)

if TYPE_CHECKING:
    from inpaint import search as search
    from inpaint.pipeline import Report as Report
    from inpaint.pipeline import Result as Result
    from inpaint.pipeline import complete as complete
    from inpaint.pipeline import fill as fill
    from inpaint.priors import Prior as Prior
    from inpaint.restore import restore as restore
    from inpaint.search import SearchOptions as SearchOptions
    from inpaint.stages import Stage as Stage
    from inpaint.stages.patch import Patch as Patch
    from inpaint.zoo.registry import load_prior as load_prior

_LAZY = {
    "fill": "inpaint.pipeline",
    "complete": "inpaint.pipeline",
    "Report": "inpaint.pipeline",
    "Result": "inpaint.pipeline",
    "Patch": "inpaint.stages.patch",
    "Prior": "inpaint.priors",
    "SearchOptions": "inpaint.search",
    "Stage": "inpaint.stages",
    "load_prior": "inpaint.zoo.registry",
}
# Packages and not their functions: once imported, they would take the functions' places here
# anyway. ``restore`` can be called all the same (docs/decisions/0020-the-public-face.md).
_PARTS = ("restore", "search")

__all__ = [
    "ImageError",
    "ImageSizeError",
    "InpaintError",
    "MaskError",
    "OutputError",
    "SearchError",
    "SelectionError",
    "UnknownNameError",
    "WeightsError",
    "__version__",
    *_LAZY,
    *_PARTS,
]


def __getattr__(name: str) -> Any:
    if name in _PARTS:
        return importlib.import_module(f"inpaint.{name}")
    if name not in _LAZY:
        raise AttributeError(f"module 'inpaint' has no attribute {name!r}")
    return getattr(importlib.import_module(_LAZY[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)

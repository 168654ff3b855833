"""Semantic inpainting by latent search.

    >>> import inpaint
    >>> filled = inpaint.fill(image, mask)      # arrays in, arrays out

The public names are loaded on first use, so that ``import inpaint`` does not import torch.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from inpaint import forks as _forks  # noqa: F401  (registers what a forked child needs)
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
    from inpaint.pipeline import Result as Result
    from inpaint.pipeline import complete as complete
    from inpaint.pipeline import fill as fill
    from inpaint.zoo.registry import load_prior as load_prior

_LAZY = {
    "fill": "inpaint.pipeline",
    "complete": "inpaint.pipeline",
    "Result": "inpaint.pipeline",
    "load_prior": "inpaint.zoo.registry",
}
# A package and not its function: once imported, it would take the function's place here anyway.
_PARTS = ("search",)

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

"""The latent search: ``search`` is in ``latent.py``, and each of its parts has a file of its own.

``starts`` makes the starting points, ``objective`` is what is minimised (``contextual`` is its
first term), ``descent`` takes the steps by a rule of ``optimizers``, and ``found`` is the result.
"""

from __future__ import annotations

from inpaint.search.found import Found
from inpaint.search.latent import REFERENCE, Callback, search
from inpaint.search.options import SearchOptions

__all__ = ["REFERENCE", "Callback", "Found", "SearchOptions", "search"]

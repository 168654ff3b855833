"""The latent search: ``search`` is in ``latent.py``, and each of its parts in a file of its own.

objective (what is minimised) <- starts, descent (by a rule of optimizers), halving, expand
"""

from __future__ import annotations

from inpaint.search.found import Found
from inpaint.search.latent import REFERENCE, Callback, search
from inpaint.search.options import SearchOptions

__all__ = ["REFERENCE", "Callback", "Found", "SearchOptions", "search"]

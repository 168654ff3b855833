"""The latent search: ``search`` is in ``latent.py``, and each of its parts has a file of its own.

``starts`` says where to begin, ``objective`` what is minimised (``contextual`` is its first
term), ``descent`` walks by a rule of ``optimizers``, and ``found`` is what comes back.
"""

from __future__ import annotations

from inpaint.search.found import Found
from inpaint.search.latent import REFERENCE, Callback, search
from inpaint.search.options import SearchOptions

__all__ = ["REFERENCE", "Callback", "Found", "SearchOptions", "search"]

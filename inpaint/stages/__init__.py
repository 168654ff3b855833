"""Stages, which improve a fill after the search: one file for each, which bears its name.

A stage module defines one function ``apply(patch: Patch) -> Patch`` (keyword-only knobs with
defaults may follow) whose first docstring line is shown by ``inpaint list stages``.
"""

from __future__ import annotations

from typing import Protocol

from inpaint.stages.patch import Patch


class Stage(Protocol):
    """A pure function from patch to patch that may replace only ``filled``."""

    def __call__(self, patch: Patch) -> Patch:
        """Return ``patch`` with a better ``filled``."""
        ...

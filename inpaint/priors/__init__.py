"""Priors: distributions over images, with one file for each kind.

Any object with the methods of ``Prior`` can be passed to ``inpaint.fill``, without being listed
anywhere (docs/extending.md). A module ``inpaint/priors/KIND.py`` adds a kind to this package. It
defines

- ``from_config(config, tensors) -> SavedPrior``: build the prior from its saved form;
- ``tiny(seed) -> SavedPrior``: a small untrained instance, on which the contract tests run.
"""

from __future__ import annotations

from typing import Any, Protocol, runtime_checkable

import torch
from torch import Tensor


@runtime_checkable
class Prior(Protocol):
    """A distribution over images with a latent that can be searched.

    Three attributes may be left out: ``view = "whole"`` says that only whole, aligned pictures make
    sense, ``family`` names the family of priors whose learned refiners suit the fills, and
    ``feed_forward = True`` says that ``start_z`` fills the hole and no step of a search follows.

    Images are tensors (N, 3, S, S) in [0, 1], RGB; masks are (N, S, S) bool, True = hole;
    latents are (N, D) on the prior's device.
    """

    kind: str
    size: int
    latent: int

    @property
    def search_defaults(self) -> dict[str, Any]:
        """Settings of ``search.search`` that suit this prior."""
        ...

    def to(self, device: torch.device) -> Prior:
        """Move the weights to ``device`` in place and return self."""
        ...

    def sample_z(self, n: int, generator: torch.Generator) -> Tensor:
        """Draw ``n`` latents (n, D) from the prior's distribution."""
        ...

    def generate(self, z: Tensor) -> Tensor:
        """Decode latents (n, D) into images (n, 3, S, S) in [0, 1], differentiable in ``z``."""
        ...

    def perceptual_loss(self, z: Tensor, x: Tensor) -> Tensor:
        """How unlikely ``z`` and its image ``x`` are under the prior, (n,); lower is better."""
        ...

    def constrain_z(self, z: Tensor) -> Tensor:
        """Bring latents back where the prior was trained (clip, sphere, or nothing)."""
        ...

    def start_z(self, image: Tensor, mask: Tensor, n: int, generator: torch.Generator) -> Tensor:
        """``n`` starting latents (n, D) for one image (3, S, S) with mask (S, S)."""
        ...


@runtime_checkable
class SavedPrior(Prior, Protocol):
    """A prior that can be written to a folder; all kinds of this package are."""

    def config(self) -> dict[str, Any]:
        """Everything but the tensors that ``from_config`` needs, ready for JSON."""
        ...

    def tensors(self) -> dict[str, Tensor]:
        """The weights as ``from_config`` takes them, in the precision they are shipped in."""
        ...

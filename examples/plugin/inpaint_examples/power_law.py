"""A prior that needs no training: images are sums of waves whose strength falls with frequency.

The amplitude of natural images falls as 1 / f (Field 1987, *Relations between the statistics of
natural images and the response properties of cortical cells*). So let each coefficient of a cosine
transform be a normal number times 1 / f, and

    G(z) = sigmoid(sum_k z_k a_k phi_k),   z ~ N(0, I),   L_prior(z) = |z|^2 / 2D

with the basis phi of the DCT. It fills holes with smooth continuations. This is a whole prior:
pass ``make()`` to ``inpaint.fill(prior=...)``, or install this package and ask for it by its name,
``power-law``.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

CONTRAST = 1.5  # standard deviation of an image's logits
COLOUR = 0.3  # of the two colour axes, relative to grey
# Rows: grey, blue against yellow, red against green.
AXES = torch.tensor([[1.0, 1.0, 1.0], [-1.0, -1.0, 2.0], [1.0, -1.0, 0.0]])


class PowerLaw:
    """See the module. Latents are (n, 3 K K): K x K waves on each of three colour axes.

    Parameters
    ----------
    amplitude : Tensor (3, K, K)
        Standard deviation of each coefficient, a_k above.
    size : int
        Side S of its images, at least K.
    """

    kind = "power_law"

    def __init__(self, amplitude: Tensor, size: int) -> None:
        self.amplitude, self.size = amplitude.float(), size
        self.latent = amplitude.numel()
        places = (torch.arange(size) + 0.5) * torch.pi / size
        waves = torch.cos(torch.arange(amplitude.shape[1])[:, None] * places)
        self.waves = waves / waves.square().mean(1, keepdim=True).sqrt()  # (K, S), unit power
        self.axes = AXES / AXES.square().mean(1, keepdim=True).sqrt()

    @property
    def search_defaults(self) -> dict[str, Any]:
        """Nearly convex, so one start and L-BFGS."""
        return {"restarts": 1, "steps": 40, "optimizer": "lbfgs", "lr": 0.5, "lam": 0.01}

    def to(self, device: torch.device) -> PowerLaw:
        """Move in place and return self."""
        for name in ("amplitude", "waves", "axes"):
            setattr(self, name, getattr(self, name).to(device))
        return self

    def sample_z(self, n: int, generator: torch.Generator) -> Tensor:
        """Draw (n, D) standard normal numbers."""
        drawn = torch.randn(n, self.latent, generator=generator)
        return drawn.to(self.amplitude.device)

    def generate(self, z: Tensor) -> Tensor:
        """Decode (n, D) into images (n, 3, S, S)."""
        weighted = z.view(-1, *self.amplitude.shape) * self.amplitude
        planes = torch.einsum("nakl,ky,lx->nayx", weighted, self.waves, self.waves)
        return torch.sigmoid(torch.einsum("nayx,ac->ncyx", planes, self.axes))

    def perceptual_loss(self, z: Tensor, x: Tensor) -> Tensor:
        """-log p(z) a number, up to a constant: (n,) for ``z`` (n, D); ``x`` is not asked."""
        return z.square().mean(1) / 2

    def constrain_z(self, z: Tensor) -> Tensor:
        """Nothing: the normal density of ``z`` (n, D) keeps it where it belongs."""
        return z

    def start_z(self, image: Tensor, mask: Tensor, n: int, generator: torch.Generator) -> Tensor:
        """The coefficients of ``image`` (3, S, S) with its hole ``mask`` (S, S) in the mean colour.

        The first of the (n, D) starts is that, the others are jittered.
        """
        known = image[:, ~mask]
        mean = known.mean(1) if known.numel() else torch.full_like(image[:, 0, 0], 0.5)
        whole = torch.where(mask, mean[:, None, None], image).clamp(0.02, 0.98)
        planes = torch.einsum("cyx,ac->ayx", torch.logit(whole), self.axes / 3)
        found = torch.einsum("ayx,ky,lx->akl", planes, self.waves, self.waves) / self.size**2
        z = (found / self.amplitude).clamp(-3, 3).flatten()
        jitter = 0.1 * self.sample_z(n, generator)
        jitter[0] = 0
        return z + jitter


def make(size: int = 64, waves: int = 24) -> PowerLaw:
    """Power law: a sum of waves whose strength falls with frequency, as in natural photos."""
    k = torch.arange(waves).float()
    amplitude = 1 / (k[:, None].square() + k.square() + 1).sqrt()
    amplitude *= CONTRAST / amplitude.square().sum().sqrt()
    return PowerLaw(torch.stack([amplitude, COLOUR * amplitude, COLOUR * amplitude]), size)

"""DCGAN: a generator that is searched and a discriminator that judges (Radford et al. 2016)."""

from __future__ import annotations

import math
from typing import Any, ClassVar

import torch
from torch import Tensor

from inpaint.priors import start as starts
from inpaint.priors.convnets import Downward, Upward, from_unit, halved, load, to_unit
from inpaint.priors.perceptual import perceptual_loss

DISTRIBUTIONS = ("uniform", "normal")


def draw_z(n: int, latent: int, distribution: str, generator: torch.Generator) -> Tensor:
    """``n`` latents (n, latent): uniform in [-1, 1], or standard normal."""
    if distribution == "uniform":
        return torch.rand((n, latent), generator=generator) * 2 - 1
    return torch.randn((n, latent), generator=generator)


def _into_ball(z: Tensor) -> Tensor:
    """Shorten the rows of ``z`` (n, d) that are longer than sqrt(d)."""
    length = z.norm(dim=1, keepdim=True).clamp_min(1e-12)
    return z * (math.sqrt(z.shape[1]) / length).clamp_max(1)


class DCGAN:
    """Generator G: (N, latent) -> images, and discriminator D, both frozen.

    If G has ``codes``, ``latent`` counts the latents of all levels, which make one vector z.

    ``distribution`` is what G was trained on: ``uniform`` in [-1, 1]^latent, as in the papers,
    or ``normal``.
    """

    kind = "dcgan"
    start: starts.Start | None = None
    label = -1
    search_defaults: ClassVar[dict[str, Any]] = {
        "restarts": 4,
        "steps": 12,
        "optimizer": "lbfgs",
        "lr": 0.2,
        "base": 0.05,
        "window": 13,
        "lam": 0.003,
    }

    def __init__(self, generator: Upward, critic: Downward, *, distribution: str) -> None:
        if distribution not in DISTRIBUTIONS:
            raise ValueError(f"distribution is {distribution!r}; expected one of {DISTRIBUTIONS}")
        self.generator = generator.eval().requires_grad_(False)
        self.critic = critic.eval().requires_grad_(False)
        self._generate, self._judge = generator.fused(), critic.fused()
        self.distribution = distribution
        self.latent, self.size = generator.dimensions, generator.size

    def to(self, device: torch.device) -> DCGAN:
        """Move the weights to ``device``."""
        self._generate.to(device)
        self._judge.to(device)
        if self.start is not None:
            self.start.to(device)
        return self

    def sample_z(self, n: int, generator: torch.Generator) -> Tensor:
        """Draw (n, latent) from the training distribution."""
        device = next(self._generate.parameters()).device
        return draw_z(n, self.latent, self.distribution, generator).to(device)

    def generate(self, z: Tensor) -> Tensor:
        """G(z), (n, 3, S, S) in [0, 1]."""
        return to_unit(self._generate(z))

    def perceptual_loss(self, z: Tensor, x: Tensor) -> Tensor:
        """log(1 - D(x)), (n,)."""
        return perceptual_loss(self._judge(from_unit(x))[:, 0])

    def constrain_z(self, z: Tensor) -> Tensor:
        """Clip uniform latents to their cube, and shorten normal ones to their typical length.

        A normal vector of d dimensions has a length near sqrt(d), and G was not trained on longer
        ones. The latents of each level are shortened separately, so that one level cannot use up
        the length of another.
        """
        if self.distribution == "uniform":
            return z.clamp(-1, 1)
        parts = z.split([n for n in self.generator.parts if n], dim=1)
        return torch.cat([_into_ball(part) for part in parts], dim=1)

    def start_z(self, image: Tensor, mask: Tensor, n: int, generator: torch.Generator) -> Tensor:
        """Return guesses of the start network and then one sample; without a network, samples."""
        if self.start is None:
            return self.sample_z(n, generator)
        z = self.constrain_z(self.start.draw(image, mask, n, generator, label=self.label))
        z[1:][-1:] = self.sample_z(1, generator)
        return z

    def config(self) -> dict[str, Any]:
        """Sizes from which the networks are rebuilt."""
        return {
            "kind": self.kind,
            "size": self.size,
            "latent": self.generator.latent,
            "distribution": self.distribution,
            "generator": {
                "width": self.generator.width,
                "cap": self.generator.cap,
                **({"codes": list(self.generator.codes)} if self.generator.codes else {}),
            },
            "critic": {"width": self.critic.width, "cap": self.critic.cap},
            **starts.config(self.start),
        }

    def tensors(self) -> dict[str, Tensor]:
        """Weights in half precision, ``generator.*``, ``critic.*`` and perhaps ``start.*``."""
        return halved(generator=self.generator, critic=self.critic, **starts.networks(self.start))


def from_config(config: dict[str, Any], tensors: dict[str, Tensor]) -> DCGAN:
    """Rebuild from what ``config`` and ``tensors`` gave."""
    size = config["size"]
    generator = Upward(size=size, latent=config["latent"], **config["generator"])
    critic = Downward(size=size, outputs=1, **config["critic"])
    load(generator, tensors, "generator.")
    load(critic, tensors, "critic.")
    prior = DCGAN(generator, critic, distribution=config["distribution"])
    prior.start = starts.from_config(config, tensors)
    return prior


def tiny(seed: int = 0) -> DCGAN:
    """An untrained DCGAN of 16 px for tests."""
    with torch.random.fork_rng():
        torch.default_generator.manual_seed(seed)
        generator, critic = (
            Upward(size=16, latent=8, width=4),
            Downward(size=16, outputs=1, width=4),
        )
    for parameter in generator.parameters():
        parameter.data.mul_(5)  # far from constant grey, so that gradients can be tested
    return DCGAN(generator, critic, distribution="normal")

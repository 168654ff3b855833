"""Class-conditional GAN: G(z, c) and D(x, c), with a class for "any" (Miyato and Koyama 2018)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from inpaint.errors import UnknownNameError
from inpaint.priors import start
from inpaint.priors.convnets import Downward, Upward, load
from inpaint.priors.dcgan import DCGAN, DISTRIBUTIONS


class CGAN(DCGAN):
    """A GAN of several classes, which draws and judges images of the chosen class.

    The networks have ``len(classes) + 1`` classes. The last one, the dropped class, was trained
    on images without a label and on images whose label was hidden, so it stands for any class.
    For a given class, G and D become those of a plain DCGAN, so that a fill takes no longer.

    Raises UnknownNameError for a class that it does not know.
    """

    kind = "cgan"

    def __init__(
        self,
        generator: Upward,
        critic: Downward,
        *,
        distribution: str,
        classes: Sequence[str],
        chosen: str | None = None,
    ) -> None:
        if distribution not in DISTRIBUTIONS:
            raise ValueError(f"distribution is {distribution!r}; expected one of {DISTRIBUTIONS}")
        self.classes, self.chosen = tuple(classes), chosen
        if generator.classes != len(self.classes) + 1:
            raise ValueError(f"G has {generator.classes} classes; expected {len(self.classes)} + 1")
        if chosen is not None and chosen not in self.classes:
            raise UnknownNameError("class", chosen, self.classes)
        self.label = label = len(self.classes) if chosen is None else self.classes.index(chosen)
        self.generator = generator.eval().requires_grad_(False)
        self.critic = critic.eval().requires_grad_(False)
        self._generate = generator.conditioned(label).fused()
        self._judge = critic.conditioned(label).fused()
        self.distribution = distribution
        self.latent, self.size = generator.dimensions, generator.size

    def to(self, device: torch.device) -> CGAN:
        """Move the weights to ``device``."""
        super().to(device)
        return self

    def with_class(self, name: str | None) -> CGAN:
        """The same prior for one class, or with None for any; UnknownNameError for another name.

        It shares the weights, and is on the same device.
        """
        device = next(self._generate.parameters()).device
        one = CGAN(
            self.generator,
            self.critic,
            distribution=self.distribution,
            classes=self.classes,
            chosen=name,
        )
        one.start = self.start
        return one.to(device)

    def config(self) -> dict[str, Any]:
        """Sizes and class names from which the networks are rebuilt."""
        return {**super().config(), "classes": list(self.classes)}


def build(config: dict[str, Any]) -> tuple[Upward, Downward]:
    """Fresh generator and discriminator of the given sizes."""
    size, classes = config["size"], len(config["classes"]) + 1
    generator = Upward(size=size, latent=config["latent"], classes=classes, **config["generator"])
    return generator, Downward(size=size, outputs=1, classes=classes, **config["critic"])


def from_config(config: dict[str, Any], tensors: dict[str, Tensor]) -> CGAN:
    """Rebuild from what ``config`` and ``tensors`` gave."""
    generator, critic = build(config)
    load(generator, tensors, "generator.")
    load(critic, tensors, "critic.")
    distribution, classes = config["distribution"], config["classes"]
    prior = CGAN(generator, critic, distribution=distribution, classes=classes)
    prior.start = start.from_config(config, tensors)
    return prior


def tiny(seed: int = 0) -> CGAN:
    """An untrained CGAN of 16 px, two classes and latents at two levels for tests."""
    config = {
        "size": 16,
        "latent": 8,
        "classes": ["day", "night"],
        "generator": {"width": 4, "codes": [1]},
        "critic": {"width": 4},
    }
    with torch.random.fork_rng():
        torch.default_generator.manual_seed(seed)
        generator, critic = build(config)
        for module in generator.modules():
            if isinstance(module, nn.Embedding):
                nn.init.normal_(module.weight, 1.0, 0.5)  # classes that differ
    for parameter in generator.parameters():
        parameter.data.mul_(5)  # far from constant grey, so that gradients can be tested
    return CGAN(generator, critic, distribution="normal", classes=config["classes"])  # type: ignore[arg-type]

"""What shapes each training; every field is an option of the command of the same name.

Apart from the loops, so that ``--help`` does not import torch.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


def knob(default: Any, text: str) -> Any:
    """A field with a default and its line of ``--help``."""
    return field(default=default, metadata={"help": text})


@dataclass(frozen=True)
class GaussianOptions:
    """``pretrain gaussian``."""

    size: int = knob(64, "Side of the images in pixels.")
    components: int = knob(1000, "How many components to keep.")
    bits8: int = knob(100, "How many of them in 8 bits; the others get 4.")
    noise: float = knob(3e-3, "Noise variance, for pixels in [0, 1].")
    min_scale: float = knob(1.0, "Smallest random cut, as a share of the image's side.")
    views: int = knob(1, "Passes over the data, each with other random cuts.")
    seed: int = knob(0, "Seed of everything random.")


@dataclass(frozen=True)
class GanOptions:
    """``pretrain gan``."""

    size: int = knob(64, "Side of the images in pixels: 4 * 2**n.")
    latent: int = knob(100, "Dimensions of z.")
    distribution: str = knob("normal", "Distribution of z: uniform or normal.")
    width: int = knob(64, "Channels of G at the finest level, doubled at every coarser one.")
    critic_width: int = knob(64, "The same for the discriminator.")
    loss: str = knob("hinge", "nonsaturating or hinge.")
    lr: float = knob(2e-4, "Step size of G.")
    critic_lr: float = knob(2e-4, "Step size of D.")
    generator_steps: int = knob(1, "Steps of G for one of D.")
    policy: str = knob("color,translation", "DiffAugment: color, translation, cutout, commas.")
    ema: float = knob(0.999, "Decay of the moving average of G.")
    min_scale: float = knob(1.0, "Smallest random cut, as a share of the image's side.")
    batch: int = knob(64, "Images a step.")
    seed: int = knob(0, "Seed of everything random.")


@dataclass(frozen=True)
class VaeOptions:
    """``pretrain vae``."""

    size: int = knob(64, "Side of the images in pixels: 4 * 2**n.")
    latent: int = knob(128, "Dimensions of z.")
    width: int = knob(32, "Channels at the finest level, doubled at every coarser one.")
    encoder_cap: int = knob(128, "Most channels at any level of the encoder.")
    decoder_cap: int = knob(192, "Most channels at any level of the decoder.")
    lr: float = knob(1e-3, "Step size at the start; falls to a tenth along a cosine.")
    warmup: int = knob(1000, "Steps until the KL term counts in full.")
    ema: float = knob(0.999, "Decay of the moving average of the weights.")
    min_scale: float = knob(1.0, "Smallest random cut, as a share of the image's side.")
    batch: int = knob(64, "Images a step.")
    seed: int = knob(0, "Seed of everything random.")

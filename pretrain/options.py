"""What shapes each training; every field is an option of the command of the same name.

Apart from the loops, so that ``--help`` does not import torch.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field, fields
from typing import Any

from inpaint.errors import InpaintError, UnknownNameError

Rule = tuple[str, Callable[[Any], bool]]
COUNT: Rule = ("1 or more", lambda v: v >= 1)
NATURAL: Rule = ("0 or more", lambda v: v >= 0)
POSITIVE: Rule = ("above 0", lambda v: 0 < v < math.inf)
SHARE: Rule = ("0.05 to 1", lambda v: 0.05 <= v <= 1)
SEED: Rule = ("0 to 2**32 - 1", lambda v: 0 <= v < 2**32)
DECAY: Rule = ("0 or more and below 1", lambda v: 0 <= v < 1)
EVEN: Rule = ("an even number from 2", lambda v: v >= 2 and v % 2 == 0)
DOUBLED: Rule = ("8, 16, 32, 64, 128, ...", lambda v: v >= 8 and v & (v - 1) == 0)

LOSSES = ("nonsaturating", "hinge")
DISTRIBUTIONS = ("uniform", "normal")
POLICIES = ("color", "translation", "cutout")


def knob(default: Any, text: str, rule: Rule | None = None, *, names: tuple[str, ...] = ()) -> Any:
    """A field with a default, its line of ``--help``, and what is allowed: a rule or names."""
    return field(default=default, metadata={"help": text, "rule": rule, "names": names})


def named(policy: str) -> list[str]:
    """The parts of a comma-separated list, blanks taken off."""
    return [part.strip() for part in policy.split(",") if part.strip()]


class Checked:
    """Options that are looked at when they are made, so that no training starts in vain."""

    def __post_init__(self) -> None:
        """Raise UnknownNameError or InpaintError when a value is not allowed."""
        for one in fields(self):  # type: ignore[arg-type]
            value, label = getattr(self, one.name), one.name.replace("_", "-")
            names, rule = one.metadata["names"], one.metadata["rule"]
            for name in named(value) if one.name == "policy" else [value]:
                if names and name not in names:
                    raise UnknownNameError(label, name, names)
            if rule and not rule[1](value):
                raise InpaintError(f"--{label} is {value}; expected {rule[0]}")


@dataclass(frozen=True)
class GaussianOptions(Checked):
    """``pretrain gaussian``."""

    size: int = knob(64, "Side of the images in pixels.", EVEN)
    components: int = knob(1000, "How many components to keep.", COUNT)
    bits8: int = knob(100, "How many of them in 8 bits; the others get 4.", NATURAL)
    noise: float = knob(3e-3, "Noise variance, for pixels in [0, 1].", POSITIVE)
    min_scale: float = knob(1.0, "Smallest random cut, as a share of the image's side.", SHARE)
    views: int = knob(1, "Passes over the data, each with other random cuts.", COUNT)
    seed: int = knob(0, "Seed of everything random.", SEED)


@dataclass(frozen=True)
class GanOptions(Checked):
    """``pretrain gan``."""

    size: int = knob(64, "Side of the images in pixels: 4 * 2**n.", DOUBLED)
    latent: int = knob(100, "Dimensions of z.", COUNT)
    distribution: str = knob("normal", "Distribution of z: uniform or normal.", names=DISTRIBUTIONS)
    width: int = knob(64, "Channels of G at the finest level, doubled at every coarser one.", COUNT)
    critic_width: int = knob(64, "The same for the discriminator.", COUNT)
    loss: str = knob("hinge", "nonsaturating or hinge.", names=LOSSES)
    lr: float = knob(2e-4, "Step size of G.", POSITIVE)
    critic_lr: float = knob(2e-4, "Step size of D.", POSITIVE)
    generator_steps: int = knob(1, "Steps of G for one of D.", COUNT)
    policy: str = knob(
        "color,translation", "DiffAugment: color, translation, cutout, commas.", names=POLICIES
    )
    ema: float = knob(0.999, "Decay of the moving average of G.", DECAY)
    min_scale: float = knob(1.0, "Smallest random cut, as a share of the image's side.", SHARE)
    batch: int = knob(64, "Images a step.", COUNT)
    seed: int = knob(0, "Seed of everything random.", SEED)


@dataclass(frozen=True)
class VaeOptions(Checked):
    """``pretrain vae``."""

    size: int = knob(64, "Side of the images in pixels: 4 * 2**n.", DOUBLED)
    latent: int = knob(128, "Dimensions of z.", COUNT)
    width: int = knob(32, "Channels at the finest level, doubled at every coarser one.", COUNT)
    encoder_cap: int = knob(128, "Most channels at any level of the encoder.", COUNT)
    decoder_cap: int = knob(192, "Most channels at any level of the decoder.", COUNT)
    lr: float = knob(1e-3, "Step size at the start; falls to a tenth along a cosine.", POSITIVE)
    warmup: int = knob(1000, "Steps until the KL term counts in full.", COUNT)
    ema: float = knob(0.999, "Decay of the moving average of the weights.", DECAY)
    min_scale: float = knob(1.0, "Smallest random cut, as a share of the image's side.", SHARE)
    batch: int = knob(64, "Images a step.", COUNT)
    seed: int = knob(0, "Seed of everything random.", SEED)

"""The options of each training; each field is an option of the command of the same name.

They are apart from the loops, so that ``--help`` does not import torch.
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
WEIGHT: Rule = ("0 or more", lambda v: 0 <= v < math.inf)
PLACES: Rule = ("0, 2, 4, 8, 16, ...", lambda v: v == 0 or (v >= 2 and v & (v - 1) == 0))
EVEN: Rule = ("an even number from 2", lambda v: v >= 2 and v % 2 == 0)
CODES: Rule = ("numbers with commas, as in 2,1", lambda v: counts(v) is not None)
FLAG: Rule = ("on or off", lambda v: isinstance(v, bool))
FOLD: Rule = ("K/N with 0 <= K < N, or nothing", lambda v: v == "" or fold(v) is not None)
TEXT: Rule = ("a name", lambda v: isinstance(v, str) and bool(v.strip()))
DOUBLED: Rule = ("8, 16, 32, 64, 128, ...", lambda v: v >= 8 and v & (v - 1) == 0)

ZERO_UP: Rule = ("0 or more", lambda v: 0 <= v < math.inf)
PART: Rule = ("0 to 1", lambda v: 0 <= v <= 1)
FOLDED: Rule = ("a multiple of 32", lambda v: v >= 32 and v % 32 == 0)
EIGHTFOLD: Rule = ("a multiple of 8", lambda v: v >= 8 and v % 8 == 0)
FOURFOLD: Rule = ("a multiple of 4", lambda v: v >= 4 and v % 4 == 0)

REFINERS = ("rnn", "lstm", "attention")
LOSSES = ("nonsaturating", "hinge", "r3")
PENALTIES = ("auto", "none", "r1", "r1+r2")
CRITIC_NORMS = ("auto", "spectral", "batch", "none")
DISTRIBUTIONS = ("uniform", "normal")
POLICIES = ("color", "translation", "cutout")
MASKS = ("center", "half", "random80", "random50", "pattern", "thin", "medium", "thick")


def knob(default: Any, text: str, rule: Rule | None = None, *, names: tuple[str, ...] = ()) -> Any:
    """Return a field with a default, its line of ``--help``, and a rule or names that it allows."""
    return field(default=default, metadata={"help": text, "rule": rule, "names": names})


def counts(text: str) -> list[int] | None:
    """The numbers of a comma-separated list, as "2,1"; None if it is something else."""
    parts = [part.strip() for part in text.split(",")] if isinstance(text, str) else ["?"]
    if parts == [""]:
        return []
    return [int(part) for part in parts] if all(part.isdecimal() for part in parts) else None


def fold(text: str) -> tuple[int, int] | None:
    """(K, N) of a text K/N with 0 <= K < N and N of 2 or more; None if it is something else."""
    parts = text.split("/") if isinstance(text, str) else []
    if len(parts) != 2 or not all(part.isdecimal() for part in parts):
        return None
    k, n = int(parts[0]), int(parts[1])
    return (k, n) if 0 <= k < n and n > 1 else None


def named(policy: str) -> list[str]:
    """The parts of a comma-separated list, blanks taken off."""
    return [part.strip() for part in policy.split(",") if part.strip()]


class Checked:
    """Options that are checked when they are made, so that no training starts with wrong ones."""

    def __post_init__(self) -> None:
        """Raise UnknownNameError or InpaintError when a value is not allowed."""
        for one in fields(self):  # type: ignore[arg-type]
            value, label = getattr(self, one.name), one.name.replace("_", "-")
            names, rule = one.metadata["names"], one.metadata["rule"]
            for name in named(value) if one.name in ("policy", "masks") else [value]:
                if names and name not in names:
                    raise UnknownNameError(label, name, names)
            if rule and not rule[1](value):
                raise InpaintError(f"--{label} is {value}; expected {rule[0]}")


@dataclass(frozen=True)
class GaussianOptions(Checked):
    """``pretrain gaussian``."""

    size: int = knob(64, "Side of the images in pixels.", EVEN)
    components: int = knob(
        0, "How many components to keep; 0 keeps 1000, or fewer with few images.", NATURAL
    )
    bits8: int = knob(100, "How many components are stored in 8 bits; the others in 4.", NATURAL)
    noise: float = knob(3e-3, "Noise variance, for pixels in [0, 1].", POSITIVE)
    min_scale: float = knob(1.0, "Smallest random cut, as a share of the image's side.", SHARE)
    views: int = knob(1, "Passes over the data, each with different random cuts.", COUNT)
    leave_out: str = knob("", "K/N: leave out images K, K + N, K + 2 N, ...", FOLD)
    seed: int = knob(0, "Seed of everything random.", SEED)


@dataclass(frozen=True)
class GanOptions(Checked):
    """``pretrain gan``."""

    size: int = knob(64, "Side of the images in pixels: 4 * 2**n.", DOUBLED)
    latent: int = knob(100, "Dimensions of z at 4 px.", COUNT)
    codes: str = knob("", "Number of further maps of z at 8, 16, ... px, such as 2,1.", CODES)
    distribution: str = knob("normal", "Distribution of z: uniform or normal.", names=DISTRIBUTIONS)
    width: int = knob(64, "Channels of G at the finest level, doubled at every coarser one.", COUNT)
    critic_width: int = knob(64, "The same for the discriminator.", COUNT)
    critic_norm: str = knob(
        "auto", "auto (r3: none, else spectral), spectral, batch or none.", names=CRITIC_NORMS
    )
    loss: str = knob("hinge", "nonsaturating, hinge or r3.", names=LOSSES)
    penalty: str = knob(
        "auto", "D's gradient: auto (r3: r1+r2, else none), none, r1 or r1+r2.", names=PENALTIES
    )
    gamma: float = knob(1.0, "Weight of the penalty.", WEIGHT)
    penalty_every: int = knob(
        4, "Compute the penalty only every so many steps, and multiply it by that number.", COUNT
    )
    classes: bool = knob(False, "Class-conditional: a folder's name is its images' class.", FLAG)
    unlabelled: str = knob("unlabelled", "Folder whose images have no class.", TEXT)
    drop_labels: float = knob(
        0.1, "Share of labels to hide, so that the class 'any' is learnt.", PART
    )
    lr: float = knob(2e-4, "Step size of G.", POSITIVE)
    critic_lr: float = knob(2e-4, "Step size of D.", POSITIVE)
    beta1: float = knob(0.5, "Adam's first decay, of G and D.", DECAY)
    beta2: float = knob(0.99, "Adam's second decay.", DECAY)
    generator_steps: int = knob(1, "Steps of G for each step of D.", COUNT)
    policy: str = knob(
        "color,translation",
        "DiffAugment: color, translation and cutout, separated by commas.",
        names=POLICIES,
    )
    ema: float = knob(0.999, "Decay of the moving average of G.", DECAY)
    min_scale: float = knob(1.0, "Smallest random cut, as a share of the image's side.", SHARE)
    mirror: bool = knob(
        True, "Mirror every second image; not for text and other things that have one side.", FLAG
    )
    batch: int = knob(64, "Images per step.", COUNT)
    seed: int = knob(0, "Seed of everything random.", SEED)

    def __post_init__(self) -> None:
        """Raise InpaintError when there are codes for levels that do not exist."""
        super().__post_init__()
        levels = self.size.bit_length() - 4
        if len(counts(self.codes) or []) > levels:
            raise InpaintError(
                f"--codes is {self.codes}; at --size {self.size} expected at most {levels} numbers"
            )


@dataclass(frozen=True)
class EncoderOptions(Checked):
    """``pretrain encoder``."""

    width: int = knob(32, "Channels at the finest level, doubled at every coarser one.", COUNT)
    cap: int = knob(128, "Most channels at any level.", COUNT)
    masks: str = knob(",".join(MASKS), "Protocols of the masks, separated by commas.", names=MASKS)
    hole: float = knob(0.5, "Share of the hole in the loss of the image.", PART)
    regression: float = knob(1.0, "Weight of the likelihood of z where it is known.", WEIGHT)
    kl: float = knob(1.0, "Weight of the KL term, in nats per image.", WEIGHT)
    lpips: float = knob(0.0, "Weight of LPIPS beside log(L1); sizes from 32.", WEIGHT)
    lr: float = knob(1e-3, "Step size at the start; falls to a tenth along a cosine.", POSITIVE)
    ema: float = knob(0.995, "Decay of the moving average of the weights.", DECAY)
    min_scale: float = knob(1.0, "Smallest random cut, as a share of the image's side.", SHARE)
    mirror: bool = knob(
        True, "Mirror every second image; not for text and other things that have one side.", FLAG
    )
    batch: int = knob(32, "Images per step.", COUNT)
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
    warmup: int = knob(1000, "Steps until KL and adversarial terms count in full.", COUNT)
    spatial: int = knob(
        0, "Lay z out as N x N places of LATENT / N² numbers; 0: one vector.", PLACES
    )
    free_bits: float = knob(0.0, "Nats that each dimension of z may use at no cost.", WEIGHT)
    lpips: float = knob(0.0, "Weight of LPIPS beside log(MSE)/2; sizes from 32.", WEIGHT)
    adversarial: float = knob(
        0.0,
        "Length of the discriminator's gradient relative to that of the reconstruction.",
        WEIGHT,
    )
    critic_width: int = knob(32, "Channels of the discriminator at the finest level.", COUNT)
    critic_cap: int = knob(256, "Most channels at any level of the discriminator.", COUNT)
    critic_lr: float = knob(2e-4, "Step size of the discriminator.", POSITIVE)
    policy: str = knob(
        "color,translation",
        "DiffAugment: color, translation and cutout, separated by commas.",
        names=POLICIES,
    )
    ema: float = knob(0.999, "Decay of the moving average of the weights.", DECAY)
    min_scale: float = knob(1.0, "Smallest random cut, as a share of the image's side.", SHARE)
    mirror: bool = knob(
        True, "Mirror every second image; not for text and other things that have one side.", FLAG
    )
    batch: int = knob(64, "Images per step.", COUNT)
    seed: int = knob(0, "Seed of everything random.", SEED)

    def __post_init__(self) -> None:
        """Also look at what two options must agree on."""
        super().__post_init__()
        if self.spatial and (self.latent % self.spatial**2 or self.spatial >= self.size):
            raise InpaintError(
                f"--spatial is {self.spatial}; expected less than --size {self.size}, and its "
                f"square to divide --latent {self.latent}"
            )
        if self.lpips and self.size < 32:
            raise InpaintError(f"--lpips needs --size 32 or more, got {self.size}; leave it away")
        if self.adversarial and self.batch < 2:
            raise InpaintError("--adversarial needs --batch 2 or more, got 1")


@dataclass(frozen=True)
class RefinerOptions(Checked):
    """``pretrain refiner``."""

    cell: str = knob("attention", "rnn, lstm (recurrent) or attention.", names=REFINERS)
    size: int = knob(64, "Side of the images in pixels.", FOLDED)
    width: int = knob(32, "Channels at the finest level; a multiple of 4.", FOURFOLD)
    passes: int = knob(3, "Passes over the hole in training (recurrent).", COUNT)
    per_image: int = knob(2, "Fills made of every image.", COUNT)
    plain: bool = knob(False, "Leave the attention out, to measure what it adds.")
    lr: float = knob(1e-3, "Step size at the start; falls to a twentieth along a cosine.", POSITIVE)
    lpips: float = knob(20.0, "Weight of LPIPS in the sharp half of a batch.", ZERO_UP)
    adversarial: float = knob(0.0, "Weight of the discriminator in the sharp half.", ZERO_UP)
    fidelity: float = knob(0.25, "Weight of the pixels in the sharp half.", ZERO_UP)
    proxy: float = knob(0.1, "Share of the fills that are replaced by a cheap proxy.", PART)
    ema: float = knob(0.998, "Decay of the moving average of the weights.", DECAY)
    batch: int = knob(24, "Images per step.", EVEN)
    sharp_share: float = knob(0.25, "Share of the images that aims at sharpness.", PART)
    seed: int = knob(0, "Seed of everything random.", SEED)


@dataclass(frozen=True)
class CompletionOptions(Checked):
    """``pretrain completion``."""

    size: int = knob(128, "Side of the views in pixels.", FOLDED)
    width: int = knob(32, "Channels at the finest level; a multiple of 8.", EIGHTFOLD)
    per_image: int = knob(4, "Views of each image, each with another mask.", COUNT)
    min_scale: float = knob(1.0, "Smallest random cut, as a share of the image's side.", SHARE)
    pose: bool = knob(False, "Turn, scale and move every second view a little.", FLAG)
    published: float = knob(0.2, "Share of the masks that are of published protocols.", PART)
    fine_size: int = knob(128, "Side of the views of --fine in pixels.", FOLDED)
    fine_scale: float = knob(0.5, "Smallest random cut of --fine, as a share of the side.", SHARE)
    fine_side: int = knob(272, "Side at which the pictures of --fine are kept.", COUNT)
    fine_share: float = knob(0.35, "Share of the steps that see views of --fine.", PART)
    fine_per_image: int = knob(8, "Views of each picture of --fine.", COUNT)
    lr: float = knob(6e-4, "Step size at the start; falls to a twentieth along a cosine.", POSITIVE)
    critic_lr: float = knob(4e-4, "Step size of the discriminator.", POSITIVE)
    gamma: float = knob(0.1, "Weight of the discriminator's gradient penalty R1.", WEIGHT)
    lpips: float = knob(8.0, "Weight of LPIPS in the sharp part of a batch.", WEIGHT)
    features: float = knob(20.0, "Weight of feature matching in the sharp part.", WEIGHT)
    adversarial: float = knob(0.3, "Weight of the discriminator in the sharp part.", WEIGHT)
    fidelity: float = knob(0.25, "Weight of the pixels in the sharp part.", WEIGHT)
    ema: float = knob(0.998, "Decay of the moving average of the weights.", DECAY)
    batch: int = knob(16, "Images per step, 2 or more.", EVEN)
    sharp_share: float = knob(0.625, "Share of the images that aims at sharpness.", PART)
    seed: int = knob(0, "Seed of everything random.", SEED)


@dataclass(frozen=True)
class FinderOptions(Checked):
    """``pretrain finder``."""

    size: int = knob(32, "Side of the square that frames a face, in the network's pixels.", FOLDED)
    width: int = knob(32, "Channels at half that side; a multiple of 4.", FOURFOLD)
    fine_side: int = knob(272, "Side at which the pictures of --fine are kept.", COUNT)
    mined: int = knob(
        3, "Pictures without a face that are drawn for each one that is learnt from.", COUNT
    )
    lr: float = knob(2e-3, "Step size at the start; falls to a fiftieth along a cosine.", POSITIVE)
    ema: float = knob(0.998, "Decay of the moving average of the weights.", DECAY)
    batch: int = knob(32, "Pictures per step, half of them with a face.", EVEN)
    seed: int = knob(0, "Seed of everything random.", SEED)

"""The amortised start: a network that guesses z from the known pixels, E(x * m, m) -> (mu, sigma²).

A search that begins near its end needs a tenth of the steps. (Lahiri et al. 2020 and Ivanov et
al. 2019 fill with such a network alone.) The first start is the mean mu. The others are drawn from
N(mu, sigma²), except the last one, which does not depend on E, so that a bad guess cannot spoil all
restarts.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from inpaint.priors.convnets import from_unit, initialise, levels_of, load, widths_of
from inpaint.priors.spatial import Residual, folded

# Limits of log sigma². At the lower one a guess is certain, at the upper one it says nothing.
LEAST, MOST = -10.0, 2.0


class Start(nn.Module):
    """Maps known pixels and mask to the mean and log variance of z, flat, in the order of z.

    A tower of strided convolutions leads down to 4 x 4, where each place sees the whole image, and
    up again to the side of the finest latents. Features of the way down are added on the way up
    (Ronneberger et al. 2015).

    Parameters
    ----------
    size : int
        Side S of the images.
    shapes : sequence of (int, int)
        Numbers and side of each part of z: (n, 1) a vector, (n, N) a map of N x N, from coarse
        to fine.
    width, cap : int
        Channels at the finest level, doubled at every coarser one, at most ``cap``.
    classes : int
        Classes that the prior knows, the dropped one counted; 0 for a prior without.
    """

    def __init__(
        self,
        *,
        size: int,
        shapes: Sequence[Sequence[int]],
        width: int,
        cap: int,
        classes: int = 0,
    ) -> None:
        super().__init__()
        self.size, self.width, self.cap, self.classes = size, width, cap, classes
        self.shapes = [(int(n), int(side)) for n, side in shapes]
        levels = levels_of(size)
        widths = widths_of(levels, width, cap)
        if any(side not in (1, *(4 << i for i in range(levels))) for _, side in self.shapes):
            raise ValueError(f"shapes is {shapes}; expected sides 1, 4, 8, ... below {size}")
        self.layers, self.norms = nn.ModuleList(), nn.ModuleList()
        for i, (fan_in, fan_out) in enumerate(zip([4 + classes, *widths], widths, strict=False)):
            self.layers.append(nn.Conv2d(fan_in, fan_out, 4, 2, 1, bias=i == 0))
            self.norms.append(nn.BatchNorm2d(fan_out) if i else nn.Identity())
        self.mix = Residual(widths[-1])
        climbs = int(math.log2(max(4, *(side for _, side in self.shapes)) // 4))
        self.up = nn.ModuleList(
            nn.ConvTranspose2d(widths[-1 - i], widths[-2 - i], 4, 2, 1) for i in range(climbs)
        )
        self.heads = nn.ModuleList()
        for n, side in self.shapes:
            fan_in = widths[-1 - (max(side, 4) // 4).bit_length() + 1]
            kernel, padding = (4, 0) if side == 1 else (3, 1)
            self.heads.append(nn.Conv2d(fan_in, 2 * n, kernel, padding=padding))
        self.apply(initialise)

    def forward(self, image: Tensor, mask: Tensor, label: int = -1) -> tuple[Tensor, Tensor]:
        """Guess z of images (N, 3, S, S) in [0, 1] whose holes ``mask`` (N, S, S) are not read.

        ``label`` is the class, by default the last one, the dropped class. Returns mu and
        log sigma², (N, D) each.
        """
        hole = mask[:, None]
        parts = [torch.where(hole, 0, from_unit(image)), hole.to(image.dtype)]
        if self.classes:
            one = torch.zeros(self.classes, device=image.device, dtype=image.dtype)
            one[label] = 1
            parts.append(one.view(1, -1, 1, 1).expand(len(image), -1, self.size, self.size))
        x = torch.cat(parts, dim=1).contiguous(memory_format=torch.channels_last)
        features = []
        for layer, norm in zip(self.layers, self.norms, strict=True):
            x = nn.functional.leaky_relu(norm(layer(x)), 0.2)
            features.append(x)
        x = self.mix(x)
        maps = {4: x}
        for i, layer in enumerate(self.up):
            x = torch.relu(layer(x) + features[-2 - i])
            maps[8 << i] = x
        guesses = [
            head(maps[max(side, 4)]).float().flatten(2).chunk(2, dim=1)
            for head, (_, side) in zip(self.heads, self.shapes, strict=True)
        ]
        mu, log_variance = (torch.cat([g[i].flatten(1) for g in guesses], 1) for i in (0, 1))
        return mu, log_variance.clamp(LEAST, MOST)

    def draw(
        self, image: Tensor, mask: Tensor, n: int, generator: torch.Generator, *, label: int = -1
    ) -> Tensor:
        """``n`` starts (n, D) for one image (3, S, S): mu, then samples of N(mu, sigma²)."""
        mu, log_variance = self(image[None], mask[None], label)
        noise = torch.randn((n, mu.shape[1]), generator=generator).to(mu)
        noise[0] = 0
        starts: Tensor = mu + (log_variance / 2).exp() * noise
        return starts

    def config(self) -> dict[str, Any]:
        """Sizes from which ``from_config`` rebuilds the network."""
        shapes = [list(shape) for shape in self.shapes]
        known = {"shapes": shapes, "width": self.width, "cap": self.cap}
        return {**known, "classes": self.classes} if self.classes else known

    def fused(self) -> Start:
        """A frozen copy with the batch norms folded into the convolutions."""
        return folded(self)


def shapes_of(config: dict[str, Any]) -> list[tuple[int, int]]:
    """Numbers and side of each part of z of the prior with this ``config``, from coarse to fine."""
    latent, spatial = config["latent"], config.get("spatial")
    if spatial:
        return [(latent // spatial**2, spatial)]
    codes = config.get("generator", {}).get("codes", [])
    return [(latent, 1), *((n, 8 << i) for i, n in enumerate(codes) if n)]


def config(start: Start | None) -> dict[str, Any]:
    """Return the entry ``start`` of a prior's config; empty without a network."""
    return {"start": start.config()} if start else {}


def networks(start: Start | None) -> dict[str, Start]:
    """Return the entry ``start`` of a prior's networks; empty without one."""
    return {"start": start} if start else {}


def from_config(config: dict[str, Any], tensors: dict[str, Tensor]) -> Start | None:
    """The network of a prior whose ``config`` has one under ``start``, frozen; else None."""
    if "start" not in config:
        return None
    start = Start(size=config["size"], **config["start"])
    load(start, tensors, "start.")
    return start.eval().requires_grad_(False)

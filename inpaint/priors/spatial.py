"""Encoder and decoder towers whose code is a small picture: C numbers at each of N x N places.

A spatial code describes more detail with fewer weights than one vector does, because no dense layer
is needed between code and image. Outside of the towers the code is flat, (n, C * N * N), channel
first, so that a search handles it like that of any other prior. The 3 x 3 convolutions at N x N
carry information from each place to its neighbours, by which a hole is filled.
"""

from __future__ import annotations

import copy
from itertools import pairwise
from typing import TypeVar

import torch
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from inpaint.priors.convnets import initialise, widths_of

Module = TypeVar("Module", bound=nn.Module)


def levels_between(spatial: int, size: int) -> int:
    """Return the number of doublings from ``spatial`` to ``size``; ValueError if not whole."""
    levels = (size // spatial).bit_length() - 1 if spatial >= 1 else 0
    if levels < 1 or spatial << levels != size:
        raise ValueError(f"spatial is {spatial}; expected size {size} halved once or more")
    return levels


def channels_of(latent: int, spatial: int) -> int:
    """Return C of a flat code of ``latent`` numbers; ValueError if they do not fill the places."""
    channels, rest = divmod(latent, spatial * spatial)
    if rest or channels < 1:
        raise ValueError(f"latent is {latent}; expected a multiple of {spatial}² = {spatial**2}")
    return channels


class Residual(nn.Module):
    """relu(x + F(x)) with F of two 3 x 3 convolutions (He et al. 2016)."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.layers = nn.ModuleList(
            [nn.Conv2d(width, width, 3, padding=1, bias=False) for _ in range(2)]
        )
        self.norms = nn.ModuleList([nn.BatchNorm2d(width) for _ in range(2)])

    def forward(self, x: Tensor) -> Tensor:
        """Keep the shape (n, width, N, N)."""
        y = torch.relu(self.norms[0](self.layers[0](x)))
        return torch.relu(x + self.norms[1](self.layers[1](y)))


class SpatialUpward(nn.Module):
    """Code (n, C * N * N) -> image (n, channels, S, S) in [-1, 1]."""

    def __init__(
        self,
        *,
        size: int,
        latent: int,
        spatial: int,
        width: int,
        cap: int = 10**6,
        channels: int = 3,
        blocks: int = 2,
    ) -> None:
        super().__init__()
        self.size, self.latent, self.spatial = size, latent, spatial
        self.width, self.cap, self.blocks = width, cap, blocks
        widths = widths_of(levels_between(spatial, size), width, cap)[::-1]
        code = channels_of(latent, spatial)
        self.layers = nn.ModuleList([nn.Conv2d(code, widths[0], 3, padding=1, bias=False)])
        self.norms = nn.ModuleList([nn.BatchNorm2d(widths[0])])
        self.mix = nn.Sequential(*(Residual(widths[0]) for _ in range(blocks)))
        for fan_in, fan_out in pairwise(widths):
            self.layers.append(nn.ConvTranspose2d(fan_in, fan_out, 4, 2, 1, bias=False))
            self.norms.append(nn.BatchNorm2d(fan_out))
        self.image = nn.ConvTranspose2d(widths[-1], channels, 4, 2, 1)
        self.apply(initialise)

    def forward(self, z: Tensor) -> Tensor:
        """Decode ``z`` (n, latent)."""
        x = z.unflatten(1, (-1, self.spatial, self.spatial))
        for i, (layer, norm) in enumerate(zip(self.layers, self.norms, strict=True)):
            x = torch.relu(norm(layer(x)))
            if i == 0:
                x = self.mix(x)
        return torch.tanh(self.image(x))

    def fused(self) -> SpatialUpward:
        """A copy with the batch norms folded into the convolutions: faster, for inference."""
        return folded(self)


class SpatialDownward(nn.Module):
    """Image (n, channels, S, S) in [-1, 1] -> numbers (n, outputs), outputs / N² at each place."""

    def __init__(
        self,
        *,
        size: int,
        outputs: int,
        spatial: int,
        width: int,
        cap: int = 10**6,
        channels: int = 3,
        blocks: int = 2,
    ) -> None:
        super().__init__()
        self.size, self.outputs, self.spatial = size, outputs, spatial
        self.width, self.cap, self.blocks = width, cap, blocks
        widths = widths_of(levels_between(spatial, size), width, cap)
        self.layers, self.norms = nn.ModuleList(), nn.ModuleList()
        for i, (fan_in, fan_out) in enumerate(zip([channels, *widths], widths, strict=False)):
            # The first layer has no norm, which would remove the image's own mean and contrast.
            self.layers.append(nn.Conv2d(fan_in, fan_out, 4, 2, 1, bias=i == 0))
            self.norms.append(nn.BatchNorm2d(fan_out) if i else nn.Identity())
        self.mix = nn.Sequential(*(Residual(widths[-1]) for _ in range(blocks)))
        self.head = nn.Conv2d(widths[-1], channels_of(outputs, spatial), 3, padding=1)
        self.apply(initialise)

    def forward(self, x: Tensor) -> Tensor:
        """Reduce ``x`` (n, channels, S, S) to (n, outputs)."""
        for layer, norm in zip(self.layers, self.norms, strict=True):
            x = nn.functional.leaky_relu(norm(layer(x)), 0.2)
        return self.head(self.mix(x)).flatten(1)

    def fused(self) -> SpatialDownward:
        """A copy with the batch norms folded into the convolutions: faster, for inference."""
        return folded(self)


def folded(module: Module) -> Module:
    """A frozen copy of ``module``, every batch norm in ``norms`` folded into its ``layers``."""
    fast = copy.deepcopy(module).eval().requires_grad_(False)
    for part in fast.modules():
        layers, norms = getattr(part, "layers", []), getattr(part, "norms", [])
        for i, (layer, norm) in enumerate(zip(layers, norms, strict=True)):
            if isinstance(norm, nn.BatchNorm2d):
                transpose = isinstance(layer, nn.ConvTranspose2d)
                layers[i] = fuse_conv_bn_eval(layer, norm, transpose=transpose)
                norms[i] = nn.Identity()
    return fast

"""The two convolutional towers that the network priors are built from (Radford et al. 2016).

``Upward`` turns a code into an image and serves as the generator of a GAN and the decoder of a
VAE; ``Downward`` turns an image into numbers and serves as discriminator and encoder. Both
halve or double the side at every level, between 4 pixels and S = 4 * 2**levels.
"""

from __future__ import annotations

import copy
from itertools import pairwise
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval
from torch.nn.utils.parametrizations import spectral_norm

Norm = Literal["batch", "spectral", "none"]


def levels_of(size: int) -> int:
    """Number of doublings from 4 pixels to ``size``; ValueError unless it is a whole number."""
    levels = (size // 4).bit_length() - 1
    if size < 8 or 4 << levels != size:
        raise ValueError(f"size {size} is not 4 * 2**n with n >= 1 (8, 16, 32, 64, 128, ...)")
    return levels


def widths_of(levels: int, width: int, cap: int) -> list[int]:
    """Channels from the finest level to the coarsest: ``width``, doubled, at most ``cap``."""
    if width < 1 or cap < 1:
        raise ValueError(f"width is {width}, cap {cap}; expected at least 1")
    return [min(width << i, cap) for i in range(levels)]


class Upward(nn.Module):
    """Code (N, latent) -> image (N, channels, S, S) in [-1, 1] by transposed convolutions."""

    def __init__(
        self, *, size: int, latent: int, width: int, cap: int = 10**6, channels: int = 3
    ) -> None:
        super().__init__()
        self.size, self.latent, self.width, self.cap = size, latent, width, cap
        widths = widths_of(levels_of(size), width, cap)[::-1]
        self.layers = nn.ModuleList([nn.ConvTranspose2d(latent, widths[0], 4, bias=False)])
        self.norms = nn.ModuleList([nn.BatchNorm2d(widths[0])])
        for fan_in, fan_out in pairwise(widths):
            self.layers.append(nn.ConvTranspose2d(fan_in, fan_out, 4, 2, 1, bias=False))
            self.norms.append(nn.BatchNorm2d(fan_out))
        self.image = nn.ConvTranspose2d(widths[-1], channels, 4, 2, 1)
        self.apply(initialise)

    def forward(self, z: Tensor) -> Tensor:
        """Decode ``z`` (N, latent)."""
        x = z[:, :, None, None]
        for layer, norm in zip(self.layers, self.norms, strict=True):
            x = torch.relu(norm(layer(x)))
        return torch.tanh(self.image(x))

    def fused(self) -> Upward:
        """A copy with the batch norms folded into the convolutions: faster, for inference."""
        fast = copy.deepcopy(self).eval().requires_grad_(False)
        for i, (layer, norm) in enumerate(zip(fast.layers, fast.norms, strict=True)):
            if isinstance(norm, nn.BatchNorm2d) and isinstance(layer, nn.ConvTranspose2d):
                fast.layers[i] = fuse_conv_bn_eval(layer, norm, transpose=True)
                fast.norms[i] = nn.Identity()
        return fast


class Downward(nn.Module):
    """Image (N, channels, S, S) in [-1, 1] -> numbers (N, outputs) by strided convolutions."""

    def __init__(
        self,
        *,
        size: int,
        outputs: int,
        width: int,
        cap: int = 10**6,
        channels: int = 3,
        norm: Norm = "none",
    ) -> None:
        super().__init__()
        self.size, self.outputs, self.width, self.cap = size, outputs, width, cap
        widths = widths_of(levels_of(size), width, cap)
        wrap = spectral_norm if norm == "spectral" else (lambda layer: layer)
        self.layers, self.norms = nn.ModuleList(), nn.ModuleList()
        for i, (fan_in, fan_out) in enumerate(zip([channels, *widths], widths, strict=False)):
            # No norm on the first layer: it would hide the image's own mean and contrast.
            batch = norm == "batch" and i > 0
            self.layers.append(wrap(nn.Conv2d(fan_in, fan_out, 4, 2, 1, bias=not batch)))
            self.norms.append(nn.BatchNorm2d(fan_out) if batch else nn.Identity())
        self.head = wrap(nn.Conv2d(widths[-1], outputs, 4))
        self.apply(initialise)

    def forward(self, x: Tensor) -> Tensor:
        """Reduce ``x`` (N, channels, S, S) to (N, outputs)."""
        for layer, norm in zip(self.layers, self.norms, strict=True):
            x = nn.functional.leaky_relu(norm(layer(x)), 0.2)
        return self.head(x).flatten(1)

    def fused(self) -> Downward:
        """A copy with the batch norms folded into the convolutions: faster, for inference."""
        fast = copy.deepcopy(self).eval().requires_grad_(False)
        for i, (layer, norm) in enumerate(zip(fast.layers, fast.norms, strict=True)):
            if isinstance(norm, nn.BatchNorm2d) and isinstance(layer, nn.Conv2d):
                fast.layers[i] = fuse_conv_bn_eval(layer, norm)
                fast.norms[i] = nn.Identity()
        return fast


def initialise(module: nn.Module) -> None:
    """DCGAN's initial weights: normal with deviation 0.02, norms around 1."""
    if isinstance(module, (nn.Conv2d, nn.ConvTranspose2d)):
        nn.init.normal_(module.weight, 0.0, 0.02)
        if module.bias is not None:
            nn.init.zeros_(module.bias)
    elif isinstance(module, nn.BatchNorm2d):
        nn.init.normal_(module.weight, 1.0, 0.02)
        nn.init.zeros_(module.bias)


def halved(**parts: nn.Module) -> dict[str, Tensor]:
    """Weights and statistics of the named modules in half precision, as ``load`` takes them."""
    return {
        f"{name}.{key}": value.half()
        for name, part in parts.items()
        for key, value in part.state_dict().items()
        if value.is_floating_point()
    }


def load(module: nn.Module, tensors: dict[str, Tensor], prefix: str) -> None:
    """Load the float32 form of the tensors under ``prefix`` into ``module``, all or KeyError."""
    own = module.state_dict()
    state = {k: tensors[prefix + k].float() if v.is_floating_point() else v for k, v in own.items()}
    module.load_state_dict(state)


def from_unit(x: Tensor) -> Tensor:
    """[0, 1] -> [-1, 1], the range inside the networks."""
    return x * 2 - 1


def to_unit(x: Tensor) -> Tensor:
    """[-1, 1] -> [0, 1], the range outside the networks."""
    return x * 0.5 + 0.5

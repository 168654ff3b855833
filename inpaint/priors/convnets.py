"""The two convolutional towers that the network priors are built from (Radford et al. 2016).

``Upward`` turns a code into an image; it is the generator of a GAN and the decoder of a VAE.
``Downward`` turns an image into numbers; it is the discriminator and the encoder. Each level
doubles or halves the side, between 4 pixels and S = 4 * 2**levels.

Two extensions are off by default, and the weights are then those of the plain towers:

- ``codes``: a spatial latent for each of the levels of 8, 16 and more pixels, which is projected by
  a 1x1 convolution and added (like the latents per level of BigGAN and StyleGAN, but in space);
- ``classes``: in ``Upward`` a scale and shift of the batch norms for each class (Dumoulin et al.
  2017), in ``Downward`` a projection (Miyato and Koyama 2018). For one class both can be folded
  into the plain towers (``conditioned``).
"""

from __future__ import annotations

import copy
import math
from collections.abc import Sequence
from itertools import pairwise
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval
from torch.nn.utils.parametrizations import spectral_norm

from inpaint.priors.packing import unpacked

Norm = Literal["batch", "spectral", "none"]
SHARE = 0.5


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


class ClassNorm(nn.Module):
    """Batch norm with a scale and a shift for each class (Dumoulin et al. 2017)."""

    def __init__(self, channels: int, classes: int) -> None:
        super().__init__()
        self.norm = nn.BatchNorm2d(channels, affine=False)
        self.scale, self.shift = nn.Embedding(classes, channels), nn.Embedding(classes, channels)
        nn.init.normal_(self.scale.weight, 1.0, 0.02)
        nn.init.zeros_(self.shift.weight)

    def forward(self, x: Tensor, label: Tensor) -> Tensor:
        """Normalise ``x`` (N, C, H, W), then scale and shift by the classes ``label`` (N,)."""
        scale, shift = self.scale(label), self.shift(label)
        return torch.addcmul(shift[:, :, None, None], self.norm(x), scale[:, :, None, None])

    def conditioned(self, label: int) -> nn.BatchNorm2d:
        """The plain batch norm of one class."""
        plain = nn.BatchNorm2d(self.norm.num_features, eps=self.norm.eps)
        plain.load_state_dict(
            {
                **self.norm.state_dict(),
                "weight": self.scale.weight[label],
                "bias": self.shift.weight[label],
            }
        )
        return plain


class Upward(nn.Module):
    """Code (N, dimensions) -> image (N, channels, S, S) in [-1, 1] by transposed convolutions.

    The code's first ``latent`` numbers become the 4x4 map; then follow ``codes[0]`` maps of 8x8,
    ``codes[1]`` of 16x16, and so on, all flattened into the one vector that is searched.
    """

    def __init__(
        self,
        *,
        size: int,
        latent: int,
        width: int,
        cap: int = 10**6,
        channels: int = 3,
        codes: Sequence[int] = (),
        classes: int = 0,
    ) -> None:
        super().__init__()
        self.size, self.latent, self.width, self.cap = size, latent, width, cap
        self.codes, self.classes = tuple(codes), classes
        widths = widths_of(levels_of(size), width, cap)[::-1]
        if len(self.codes) >= len(widths) or any(n < 0 for n in self.codes):
            raise ValueError(
                f"codes is {self.codes}; expected at most {len(widths) - 1} numbers from 0 up"
            )
        self.parts = [latent, *(n * (8 << i) ** 2 for i, n in enumerate(self.codes))]
        self.dimensions = sum(self.parts)
        self.layers = nn.ModuleList([nn.ConvTranspose2d(latent, widths[0], 4, bias=False)])
        self.norms = nn.ModuleList([self._norm(widths[0])])
        for fan_in, fan_out in pairwise(widths):
            self.layers.append(nn.ConvTranspose2d(fan_in, fan_out, 4, 2, 1, bias=False))
            self.norms.append(self._norm(fan_out))
        self.image = nn.ConvTranspose2d(widths[-1], channels, 4, 2, 1)
        self.added = nn.ModuleList(
            nn.Conv2d(n, fan_out, 1, bias=False) if n else nn.Identity()
            for n, fan_out in zip(self.codes, widths[1:], strict=False)
        )
        self.apply(initialise)
        for n, fan_in, layer in zip(self.codes, widths, self.added, strict=False):
            if isinstance(layer, nn.Conv2d):
                # SHARE of the variance that comes from below: each pixel there sums 4 of the
                # 4x4 taps of fan_in channels, whose relu leaves half of the power.
                nn.init.normal_(layer.weight, 0.0, 0.02 * math.sqrt(SHARE * 2 * fan_in / n))

    def _norm(self, channels: int) -> nn.Module:
        if self.classes:
            return ClassNorm(channels, self.classes)
        return nn.BatchNorm2d(channels)

    def forward(self, z: Tensor, label: Tensor | None = None) -> Tensor:
        """Decode ``z`` (N, dimensions), of the classes ``label`` (N,) if there are any."""
        return torch.tanh(self.image(self.features(z, len(self.layers), label)))

    def features(self, z: Tensor, level: int, label: Tensor | None = None) -> Tensor:
        """The map after ``level`` layers: 4x4 after the first, 8x8 after the second."""
        x, *codes = z.split(self.parts, dim=1)
        x = x[:, :, None, None]
        for i in range(level):
            x = self.layers[i](x)
            if 0 < i <= len(codes) and self.codes[i - 1]:
                x = x + self.added[i - 1](codes[i - 1].unflatten(1, (-1, 4 << i, 4 << i)))
            norm = self.norms[i]
            x = torch.relu(norm(x) if label is None else norm(x, label))
        return x

    def conditioned(self, label: int) -> Upward:
        """A copy without classes that draws the class ``label``."""
        one = copy.deepcopy(self).requires_grad_(False)
        one.classes = 0
        for i, norm in enumerate(one.norms):
            if isinstance(norm, ClassNorm):
                one.norms[i] = norm.conditioned(label)
        return one.train(self.training).requires_grad_(False)

    def fused(self) -> Upward:
        """A copy with the batch norms folded into the convolutions: faster, for inference."""
        fast = copy.deepcopy(self).eval().requires_grad_(False)
        for i, (layer, norm) in enumerate(zip(fast.layers, fast.norms, strict=True)):
            if isinstance(norm, nn.BatchNorm2d) and isinstance(layer, nn.ConvTranspose2d):
                fast.layers[i] = fuse_conv_bn_eval(layer, norm, transpose=True)
                fast.norms[i] = nn.Identity()
                if 0 < i <= len(fast.added) and norm.running_var is not None:
                    scale = norm.weight * (norm.running_var + norm.eps).rsqrt()
                    for weight in fast.added[i - 1].parameters():
                        weight.mul_(scale[:, None, None, None])
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
        classes: int = 0,
    ) -> None:
        super().__init__()
        self.size, self.outputs, self.width, self.cap = size, outputs, width, cap
        widths = widths_of(levels_of(size), width, cap)
        wrap = spectral_norm if norm == "spectral" else (lambda layer: layer)
        self.layers, self.norms = nn.ModuleList(), nn.ModuleList()
        for i, (fan_in, fan_out) in enumerate(zip([channels, *widths], widths, strict=False)):
            # The first layer has no norm, which would remove the image's own mean and contrast.
            batch = norm == "batch" and i > 0
            self.layers.append(wrap(nn.Conv2d(fan_in, fan_out, 4, 2, 1, bias=not batch)))
            self.norms.append(nn.BatchNorm2d(fan_out) if batch else nn.Identity())
        self.head = wrap(nn.Conv2d(widths[-1], outputs, 4))
        # Miyato and Koyama pool over space first. This head does not, so its shift does not either.
        self.embed: nn.Module | None = None
        if classes:
            self.embed = wrap(nn.Conv2d(widths[-1], classes, 4, bias=False))
        self.apply(initialise)

    def forward(self, x: Tensor, label: Tensor | None = None) -> Tensor:
        """Reduce ``x`` (N, channels, S, S) to (N, outputs).

        With classes ``label`` (N,): D(x, c) = head(phi) + <e_c, phi> on the last features phi.
        """
        for layer, norm in zip(self.layers, self.norms, strict=True):
            x = nn.functional.leaky_relu(norm(layer(x)), 0.2)
        out = self.head(x).flatten(1)
        if self.embed is not None and label is not None:
            out = out + self.embed(x).flatten(1).gather(1, label[:, None])
        return out

    def conditioned(self, label: int) -> Downward:
        """A copy without classes that judges images as of the class ``label``."""
        one = copy.deepcopy(self).requires_grad_(False)
        if isinstance(one.head, nn.Conv2d) and isinstance(one.embed, nn.Conv2d):
            one.head.weight.data += one.embed.weight[label]
            one.embed = None
        return one

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
    elif isinstance(module, nn.BatchNorm2d) and module.affine:
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
    state = {
        k: unpacked(tensors, prefix + k) if v.is_floating_point() else v for k, v in own.items()
    }
    module.load_state_dict(state)


def from_unit(x: Tensor) -> Tensor:
    """[0, 1] -> [-1, 1], the range inside the networks. Any shape."""
    return x * 2 - 1


def to_unit(x: Tensor) -> Tensor:
    """[-1, 1] -> [0, 1], the range outside the networks. Any shape."""
    return x * 0.5 + 0.5

"""Differentiable augmentation of real and generated images (DiffAugment, Zhao et al. 2020)."""

from __future__ import annotations

import torch
from torch import Tensor

from inpaint.errors import UnknownNameError
from pretrain import parallel
from pretrain.options import named


def _uniform(x: Tensor, generator: torch.Generator, shape: tuple[int, ...]) -> Tensor:
    values = parallel.mine(lambda n: torch.rand((n, *shape[1:]), generator=generator), shape[0])
    return values.to(x.device, x.dtype, non_blocking=True)


def colour(x: Tensor, generator: torch.Generator) -> Tensor:
    """Change brightness, saturation and contrast of each image at random; x is (N, 3, H, W)."""
    n = (len(x), 1, 1, 1)
    x = x + _uniform(x, generator, n) - 0.5
    grey = x.mean(1, keepdim=True)
    x = (x - grey) * (2 * _uniform(x, generator, n)) + grey
    mean = x.mean((1, 2, 3), keepdim=True)
    return (x - mean) * (0.5 + _uniform(x, generator, n)) + mean


def translation(x: Tensor, generator: torch.Generator, *, ratio: float = 0.125) -> Tensor:
    """Shift each image by up to ``ratio`` of its side; pixels that enter are 0, middle grey.

    ``x`` is (N, C, H, W).
    """
    n, _, height, width = x.shape
    reach = round(height * ratio)
    shift = parallel.mine(
        lambda n: torch.randint(-reach, reach + 1, (2, n, 1, 1), generator=generator), n, dim=1
    ).to(x.device, non_blocking=True)
    rows = (torch.arange(height, device=x.device)[None, :, None] + shift[0]).clamp(-1, height) + 1
    cols = (torch.arange(width, device=x.device)[None, None, :] + shift[1]).clamp(-1, width) + 1
    padded = torch.nn.functional.pad(x, (1, 1, 1, 1)).permute(0, 2, 3, 1)
    image = torch.arange(n, device=x.device)[:, None, None]
    return padded[image, rows, cols].permute(0, 3, 1, 2)


def cutout(x: Tensor, generator: torch.Generator, *, ratio: float = 0.5) -> Tensor:
    """Blank one square of ``ratio`` of the side in each image. ``x`` is (N, C, H, W)."""
    n, _, height, width = x.shape
    half = round(height * ratio) // 2
    centre = parallel.mine(lambda n: torch.rand((2, n, 1, 1), generator=generator), n, dim=1)
    centre = centre.to(x.device, non_blocking=True)
    rows = torch.arange(height, device=x.device)[None, :, None]
    cols = torch.arange(width, device=x.device)[None, None, :]
    far = ((rows - centre[0] * height).abs() > half) | ((cols - centre[1] * width).abs() > half)
    return x * far[:, None].to(x.dtype)


POLICIES = {"color": colour, "translation": translation, "cutout": cutout}


def augment(x: Tensor, policy: str, generator: torch.Generator) -> Tensor:
    """Apply the comma-separated ``policy`` to images (N, 3, H, W) in [-1, 1].

    Raises UnknownNameError for a policy that does not exist.
    """
    for name in named(policy):
        if name not in POLICIES:
            raise UnknownNameError("policy", name, POLICIES)
        x = POLICIES[name](x, generator)
    return x.contiguous(memory_format=torch.channels_last)

"""Pictures and priors whose score is known."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor

from pretrain.cuts import Cuts
from pretrain.data import Images

SIZE = 16


def pictures(count: int, seed: int) -> np.ndarray:
    """Smooth random pictures of one distribution: uint8 (count, SIZE, SIZE, 3)."""
    rough = torch.rand((count, 3, 4, 4), generator=torch.Generator().manual_seed(seed))
    smooth = torch.nn.functional.interpolate(rough, (SIZE, SIZE), mode="bilinear")
    return (smooth * 255).round().byte().permute(0, 2, 3, 1).numpy()


def cuts(pixels: np.ndarray, labels: np.ndarray | None = None, *classes: str) -> Cuts:
    """Pictures as ``score`` takes them."""
    zeros = np.zeros(len(pixels), np.int64)
    return Cuts(Images(pixels, zeros if labels is None else labels, classes or (".",)), SIZE)


class Drawer:
    """A prior that draws from given pictures, z being a picture's number."""

    kind, size, latent = "fake", SIZE, 1
    search_defaults: ClassVar[dict[str, Any]] = {}

    def __init__(self, pixels: np.ndarray) -> None:
        self.x = torch.from_numpy(pixels).permute(0, 3, 1, 2).float() / 255

    def to(self, device: torch.device) -> Drawer:
        return self

    def sample_z(self, n: int, generator: torch.Generator) -> Tensor:
        return torch.randint(len(self.x), (n, 1), generator=generator).float()

    def generate(self, z: Tensor) -> Tensor:
        x = self.x[z[:, 0].detach().round().long().clamp(0, len(self.x) - 1)]
        return x + 0 * z[:, :, None, None]

    def perceptual_loss(self, z: Tensor, x: Tensor) -> Tensor:
        return z[:, 0] * 0

    def constrain_z(self, z: Tensor) -> Tensor:
        return z

    def start_z(self, image: Tensor, mask: Tensor, n: int, generator: torch.Generator) -> Tensor:
        return self.sample_z(n, generator)

    def config(self) -> dict[str, Any]:
        return {"kind": self.kind, "size": self.size, "latent": self.latent}

    def tensors(self) -> dict[str, Tensor]:
        return {"x": self.x}

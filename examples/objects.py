"""Pass a prior and a stage of your own to a fill, as objects: nothing is installed or registered.

python examples/objects.py [OUT.png]          # default: objects.png
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

import inpaint
from inpaint import Patch, images, masks

SAMPLES = Path(__file__).parent.parent / "samples"


class Planes:
    """Images whose colours change linearly: G(z) = 0.5 + z_0 + z_1 x + z_2 y for each channel.

    Latents are (n, 9), three numbers for each channel; x and y run from -1 to 1. The start is the
    plane through the known pixels by least squares, so that no step is needed.
    """

    kind, size, latent = "planes", 64, 9
    search_defaults: dict[str, Any] = {"restarts": 1, "steps": 0, "lam": 0.001}  # noqa: RUF012

    def __init__(self) -> None:
        line = torch.linspace(-1, 1, self.size)
        y, x = torch.meshgrid(line, line, indexing="ij")
        self.basis = torch.stack([torch.ones_like(x), x, y])  # (3, S, S)

    def to(self, device: torch.device) -> Planes:
        """Move in place and return self."""
        self.basis = self.basis.to(device)
        return self

    def sample_z(self, n: int, generator: torch.Generator) -> Tensor:
        """Draw (n, 9) from the normal distribution."""
        return 0.2 * torch.randn(n, self.latent, generator=generator).to(self.basis.device)

    def generate(self, z: Tensor) -> Tensor:
        """Decode (n, 9) into images (n, 3, S, S) in [0, 1]."""
        return (0.5 + torch.einsum("nck,kyx->ncyx", z.view(-1, 3, 3), self.basis)).clamp(0, 1)

    def perceptual_loss(self, z: Tensor, x: Tensor) -> Tensor:
        """-log p(z) up to a constant, (n,)."""
        return z.square().sum(1)

    def constrain_z(self, z: Tensor) -> Tensor:
        """Nothing: every plane is allowed."""
        return z

    def start_z(self, image: Tensor, mask: Tensor, n: int, generator: torch.Generator) -> Tensor:
        """The plane through the known pixels of image (3, S, S), then planes near it, (n, 9)."""
        known = self.basis[:, ~mask].T
        fit = torch.linalg.lstsq(known, image[:, ~mask].T - 0.5).solution.T.flatten()
        starts = fit + 0.1 * self.sample_z(n, generator)
        starts[0] = fit
        return starts


def warmer(patch: Patch) -> Patch:
    """A stage: a little more red and less blue in the hole, so that one can see where it ran."""
    return patch.with_filled(np.clip(patch.filled + np.float32([0.1, 0, -0.1]), 0, 1))


def main(out: Path) -> None:
    """Fill the cup's sample with both."""
    picture = images.read(SAMPLES / "coffee.jpg")
    hole = masks.load(SAMPLES / "coffee_mask.png", shape=(picture.height, picture.width))
    result = inpaint.complete(picture, hole, prior=Planes(), stages=("poisson", warmer))
    images.write(out, result.pictures[0])
    for report in result.reports:
        print(f"{report.prior}: {' + '.join(report.stages)}")
    print(out)


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path("objects.png"))

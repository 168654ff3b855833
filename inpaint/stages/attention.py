"""Attention refinement: each place in the hole takes features from the known region.

    a_ij = softmax_j(q_i . k_j / sqrt(d) + log s_j),    c_i = sum_j a_ij v_j

(Vaswani et al. 2017, eq. 1; in inpainting: Yu et al. 2018) with queries q_i in the hole, and keys
k_j and values v_j of all cells. s_j is the share of cell j that is known, so that nothing is taken
from a cell within the hole. The attention sits in the middle of a small U-Net, whose output is
added to the picture inside the hole.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import (
    avg_pool2d,
    interpolate,
    leaky_relu,
    linear,
    pixel_shuffle,
    pixel_unshuffle,
)

from inpaint.stages.patch import Patch

GRID = 32  # side of the finest feature maps, whatever the picture's side
HEADS = 4


def apply(patch: Patch, *, family: str = "", sharpness: float = 1.0, device: str = "cpu") -> Patch:
    """Refine the fill with a network whose hole attends to the known region."""
    from inpaint.stages.refine import refine

    return refine(patch, "attention", family=family, sharpness=sharpness, device=device)


# ``completion`` has blocks of the same names that normalise their inputs, attend from all places
# and start near the identity. They are not shared, because the weights of either would not fit the
# other, and the recipes of these networks would give other weights.


class Attend(nn.Module):
    """Scaled dot-product attention from the hole to the known region, added to its input."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.project = nn.Conv2d(width, 3 * width, 1)
        self.merge = nn.Conv2d(width, width, 1)

    def forward(self, x: Tensor, known: Tensor) -> Tensor:
        """X (N, C, H, W), ``known`` the share of each cell that is known (N, 1, H, W)."""
        n, c, h, w = x.shape
        cells = x.permute(0, 2, 3, 1).reshape(n, h * w, c)
        projected = linear(cells, self.project.weight.flatten(1), self.project.bias)
        q, k, v = projected.view(n, h * w, 3, HEADS, c // HEADS).permute(2, 0, 3, 1, 4)
        bias = known.flatten(2).clamp_min(1e-4).log()[:, :, None, :]  # (N, 1, 1, HW)
        # A cell that is known takes nothing, so that only the others ask.
        asking = (known < 1).flatten(1).any(0).nonzero()[:, 0]
        q = q[:, :, asking] * (c // HEADS) ** -0.5
        scores = q @ k.transpose(2, 3) + bias
        taken = (scores.softmax(3) @ v).transpose(1, 2).reshape(n, len(asking), c)
        merged = linear(taken, self.merge.weight.flatten(1), self.merge.bias).transpose(1, 2)
        merged = (1 - known).flatten(2)[:, :, asking] * merged
        # In training x may be of half precision.
        return x.flatten(2).to(merged.dtype).index_add(2, asking, merged).view(n, c, h, w)


class Residual(nn.Module):
    """x + conv(act(conv(act(x)))) at one scale."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(width, width, 3, padding=1)
        self.second = nn.Conv2d(width, width, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) -> (N, C, H, W)."""
        return x + self.second(leaky_relu(self.first(leaky_relu(x, 0.2)), 0.2))


class Attention(nn.Module):
    """A U-Net of three scales (``GRID``, half, quarter) with attention at the middle one.

    Parameters
    ----------
    size : int
        Side S of the pictures, a multiple of ``GRID``.
    width : int
        Channels of the finest maps, doubled at each coarser scale; a multiple of 4.
    attend : bool
        Whether there is attention; without it this is the plain network to compare with.
    """

    kind = "attention"

    def __init__(self, *, size: int, width: int = 24, attend: bool = True) -> None:
        super().__init__()
        self.size, self.width, self.fold = size, width, size // GRID
        fold = self.fold * self.fold
        self.stem = nn.Conv2d(4 * fold + 1, width, 3, padding=1)
        self.fine = Residual(width)
        self.down = nn.Conv2d(width, 2 * width, 4, stride=2, padding=1)
        self.middle = Residual(2 * width)
        self.attend = Attend(2 * width) if attend else None
        self.deeper = nn.Conv2d(2 * width, 4 * width, 4, stride=2, padding=1)
        self.coarse = Residual(4 * width)
        self.rise = nn.Conv2d(4 * width, 2 * width, 3, padding=1)
        self.middle_out = Residual(2 * width)
        self.up = nn.Conv2d(2 * width, width, 3, padding=1)
        self.fine_out = Residual(width)
        self.out = nn.Conv2d(width, 3 * fold, 3, padding=1)
        nn.init.normal_(self.out.weight, std=1e-3)  # so that an untrained network changes nothing

    def forward(self, filled: Tensor, mask: Tensor, sharpness: Tensor) -> list[Tensor]:
        """Refine once.

        Parameters
        ----------
        filled : Tensor (N, 3, S, S)
            The picture with the hole filled so far, in [0, 1].
        mask : Tensor (N, S, S) of bool
            True = hole.
        sharpness : Tensor (N,)
            0 for the most likely pixel values, 1 for the most natural look.

        Returns
        -------
        list of one Tensor (N, 3, S, S)
            The refined picture, not clipped; equal to ``filled`` outside the hole.
        """
        hole = mask[:, None].to(filled.dtype)
        plane = sharpness.view(-1, 1, 1, 1).expand(-1, 1, GRID, GRID).to(filled.dtype)
        folded = pixel_unshuffle(torch.cat([filled * 2 - 1, hole], 1), self.fold)
        fine = self.fine(self.stem(torch.cat([folded, plane], 1)))
        middle = self.middle(self.down(fine))
        if self.attend:
            middle = self.attend(middle, 1 - avg_pool2d(hole, 2 * self.fold))
        coarse = self.coarse(self.deeper(middle))
        middle = self.middle_out(middle + self.rise(interpolate(coarse, scale_factor=2)))
        fine = self.fine_out(fine + self.up(interpolate(middle, scale_factor=2)))
        change = pixel_shuffle(self.out(leaky_relu(fine, 0.2)), self.fold)
        return [filled + hole * change]

    def config(self) -> dict[str, Any]:
        """Sizes from which the network is rebuilt."""
        return {
            "kind": self.kind,
            "size": self.size,
            "width": self.width,
            "attend": self.attend is not None,
        }


def build(config: dict[str, Any]) -> Attention:
    """A fresh network of the sizes in ``config``."""
    return Attention(size=config["size"], width=config["width"], attend=config["attend"])

"""The completion network: one pass that draws what belongs in a large hole.

A convolutional encoder and decoder (Iizuka et al. 2017, "completion network") with a global view:
at an eighth and a sixteenth of the picture's side every place attends to the whole picture
(Vaswani et al. 2017, eq. 1; in inpainting: Yu et al. 2018),

    a_ij = softmax_j(q_i . k_j / sqrt(d) + log s_j),    c_i = sum_j a_ij v_j

At the sixteenth s_j = 1; at the eighth s_j is the share of cell j that is known, so that detail is
taken from the known region only. The network reads the prior's fill inside the hole as a guide,
and its output is a change of that fill. It is convolutional throughout: one set of weights
serves every side that is a multiple of 16.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d, interpolate, leaky_relu, pixel_shuffle, pixel_unshuffle

from inpaint.stages.patch import Patch

HEADS = 4
FOLD = 2  # the finest feature maps have half the picture's side


def apply(
    patch: Patch,
    *,
    family: str = "",
    sharpness: float = 1.0,
    device: str = "cpu",
    coarse: bool = False,
) -> Patch:
    """Draw a large hole in one pass with a network that sees the whole picture."""
    from inpaint.stages.refine import refine

    return refine(
        patch, "completion", family=family, sharpness=sharpness, device=device, coarse=coarse
    )


def normalised(x: Tensor) -> Tensor:
    """Each place of (N, C, H, W) divided by the root mean square of its channels."""
    return x * (x.float().square().mean(1, keepdim=True) + 1e-6).rsqrt().to(x.dtype)


class Attend(nn.Module):
    """Scaled dot-product attention of every place to every other, added to its input."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.project = nn.Conv2d(width, 3 * width, 1)
        self.merge = nn.Conv2d(width, width, 1)
        nn.init.normal_(self.merge.weight, std=1e-3)

    def forward(self, x: Tensor, known: Tensor | None = None) -> Tensor:
        """X (N, C, H, W); ``known``, if given, is each cell's known share (N, 1, H, W)."""
        n, c, h, w = x.shape
        q, k, v = self.project(normalised(x)).view(n, 3, HEADS, c // HEADS, h * w).unbind(1)
        scores = (q.transpose(2, 3) @ k) * (c // HEADS) ** -0.5
        if known is not None:
            scores = scores + known.flatten(2).clamp_min(1e-4).log()[:, :, None, :].to(x.dtype)
        taken = v @ scores.softmax(3).to(v.dtype).transpose(2, 3)
        return x + self.merge(taken.reshape(n, c, h, w))


class Residual(nn.Module):
    """x + conv(act(conv(act(x)))) at one scale, the second convolution dilated."""

    def __init__(self, width: int, *, dilation: int = 1, normalise: bool = False) -> None:
        super().__init__()
        self.normalise = normalise
        self.first = nn.Conv2d(width, width, 3, padding=1)
        self.second = nn.Conv2d(width, width, 3, padding=dilation, dilation=dilation)
        with torch.no_grad():
            self.second.weight.mul_(0.3)

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) -> (N, C, H, W)."""
        y = normalised(x) if self.normalise else x
        return x + self.second(leaky_relu(self.first(leaky_relu(y, 0.2)), 0.2))


class Completion(nn.Module):
    """Encoder and decoder of four scales (1/2, 1/4, 1/8, 1/16) with skip connections.

    Parameters
    ----------
    size : int
        Smallest side S of the pictures it was trained on; any multiple of 16 can be filled.
    width : int
        Channels of the finest maps, a multiple of 8; the coarser ones have 2, 4 and 6 times as
        many.
    largest : int, optional
        Largest side of the pictures it was trained on; ``size`` if not given.
    """

    kind = "completion"

    def __init__(self, *, size: int, width: int = 32, largest: int | None = None) -> None:
        super().__init__()
        self.size, self.width, self.largest = size, width, largest or size
        a, b, c, d = width, 2 * width, 4 * width, 6 * width
        self.stem = nn.Conv2d(4 * FOLD**2 + 1, a, 3, padding=1)
        self.in2 = Residual(a)
        self.down4 = nn.Conv2d(a, b, 4, stride=2, padding=1)
        self.in4 = Residual(b)
        self.down8 = nn.Conv2d(b, c, 4, stride=2, padding=1)
        self.in8 = Residual(c, dilation=2, normalise=True)
        self.down16 = nn.Conv2d(c, d, 4, stride=2, padding=1)
        self.look16 = Attend(d)
        self.mid16 = Residual(d, normalise=True)
        self.look16_again = Attend(d)
        self.up8 = nn.Conv2d(d, c, 3, padding=1)
        self.look8 = Attend(c)
        self.out8 = Residual(c, dilation=2, normalise=True)
        self.up4 = nn.Conv2d(c, b, 3, padding=1)
        self.out4 = Residual(b)
        self.up2 = nn.Conv2d(b, a, 3, padding=1)
        self.out2 = Residual(a)
        self.out = nn.Conv2d(a, 3 * FOLD**2, 3, padding=1)
        nn.init.normal_(self.out.weight, std=1e-3)  # start as the guide

    def forward(self, filled: Tensor, mask: Tensor, sharpness: Tensor) -> list[Tensor]:
        """Draw the hole.

        Parameters
        ----------
        filled : Tensor (N, 3, S, S)
            The picture with the prior's fill in the hole, in [0, 1]; S a multiple of 16.
        mask : Tensor (N, S, S) of bool
            True = hole.
        sharpness : Tensor (N,)
            0 for the most likely pixel values, 1 for the most natural look.

        Returns
        -------
        list of one Tensor (N, 3, S, S)
            The completed picture, not clipped; equal to ``filled`` outside the hole.
        """
        hole = mask[:, None].to(filled.dtype)
        folded = pixel_unshuffle(torch.cat([filled * 2 - 1, hole], 1), FOLD)
        plane = sharpness.view(-1, 1, 1, 1).expand(-1, 1, *folded.shape[2:]).to(filled.dtype)
        x2 = self.in2(self.stem(torch.cat([folded, plane], 1)))
        x4 = self.in4(self.down4(x2))
        x8 = self.in8(self.down8(x4))
        x16 = self.look16(self.down16(x8))
        x16 = self.look16_again(self.mid16(x16))
        y8 = x8 + self.up8(interpolate(x16, scale_factor=2))
        y8 = self.out8(self.look8(y8, 1 - avg_pool2d(hole, 8)))
        y4 = self.out4(x4 + self.up4(interpolate(y8, scale_factor=2)))
        y2 = self.out2(x2 + self.up2(interpolate(y4, scale_factor=2)))
        change = pixel_shuffle(self.out(leaky_relu(y2, 0.2)), FOLD)
        return [filled + hole * change]

    def config(self) -> dict[str, Any]:
        """Sizes from which the network is rebuilt."""
        sizes = {"size": self.size, "width": self.width, "largest": self.largest}
        return {"kind": self.kind, **sizes}


def build(config: dict[str, Any]) -> Completion:
    """A fresh network of the sizes in ``config``."""
    return Completion(
        size=config["size"], width=config["width"], largest=config.get("largest", config["size"])
    )

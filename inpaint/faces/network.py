"""The finder: a small network that marks faces, also half hidden ones, and tells their pose.

A convolutional detector in the manner of Redmon et al. 2016 and Lin et al. 2017 ("RetinaNet"): for
each cell of 4x4 pixels it gives the logit of "a face of ``size`` pixels is framed here", and where
exactly. One network sees the picture at several sizes. It is told which pixels are unknown, and
has learnt from faces of which a part was hidden.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import leaky_relu, pixel_unshuffle

from inpaint.faces.pose import Pose
from inpaint.stages.completion import FOLD, Residual

CELL = 4  # pixels from one answer to the next
# What one unit of the network's answers is: places and sizes as it must tell them apart.
PLACE, OCTAVES, DEGREES = 0.1, 0.35, 20.0


class Finder(nn.Module):
    """Picture and what is known of it -> logits and poses on a grid.

    Parameters
    ----------
    size : int
        Side of the square that frames a face, in pixels of the pictures that it is shown.
    width : int
        Channels at half the picture's side; twice as many at a quarter.
    family : str
        Of the priors that fill what it finds.
    """

    kind = "finder"

    def __init__(self, *, size: int = 32, width: int = 32, family: str = "") -> None:
        super().__init__()
        self.size, self.width, self.family = size, width, family
        self.stem = nn.Conv2d(4 * FOLD**2, width, 3, padding=1)
        self.fine = Residual(width)
        self.down = nn.Conv2d(width, 2 * width, 4, stride=2, padding=1)
        self.near = Residual(2 * width, dilation=2, normalise=True)
        self.far = Residual(2 * width, dilation=2, normalise=True)
        self.mix = nn.Conv2d(2 * width, 2 * width, 1)
        self.head = nn.Conv2d(2 * width, 5, 1)
        with torch.no_grad():
            self.head.weight.mul_(0.1)
            if self.head.bias is not None:
                self.head.bias.copy_(torch.tensor([-4.0, 0, 0, 0, 0]))  # faces are rare

    def forward(self, x: Tensor) -> Tensor:
        """Views (N, 4, H, W), colours and known share in [0, 1] -> (N, 5, H/4, W/4).

        H and W are multiples of 4. The answers are the logit, then x, y, size and turn of the face
        relative to the cell, in units of ``PLACE`` times ``size``, ``OCTAVES`` and ``DEGREES``.
        """
        known = x[:, 3:]
        x = torch.cat([(x[:, :3] * 2 - 1) * known, known], 1)
        x = self.fine(self.stem(pixel_unshuffle(x, FOLD)))
        x = self.far(self.near(self.down(leaky_relu(x, 0.2))))
        answers: Tensor = self.head(leaky_relu(self.mix(leaky_relu(x, 0.2)), 0.2))
        return answers

    def config(self) -> dict[str, Any]:
        """What the network is rebuilt from."""
        return {
            "kind": self.kind, "size": self.size, "width": self.width, "family": self.family,
        }  # fmt: skip


def build(config: dict[str, Any]) -> Finder:
    """A fresh network of the sizes in ``config``."""
    return Finder(size=config["size"], width=config["width"], family=config["family"])


def pose_of(answer: Tensor, row: int, column: int, size: int) -> Pose:
    """The pose that the answers (5,) of one cell tell, in pixels of the view."""
    _, dx, dy, grow, turn = answer.tolist()
    x, y = (CELL * (at + 0.5) + d * PLACE * size for at, d in ((column, dx), (row, dy)))
    return Pose(x, y, size * 2 ** (OCTAVES * grow), DEGREES * turn)

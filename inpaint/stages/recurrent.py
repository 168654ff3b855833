"""Recurrent refinement: several passes over the hole, from its border inward.

With * a convolution and x_t the features of the picture before pass t, the cell ``rnn`` (Elman
1990) keeps one state,

    h_t = tanh(W_x * x_t + W_h * h_{t-1} + b)

and ``lstm`` (Shi et al. 2015, eq. 3, without peepholes) two,

    i, f, o = sigmoid(W_i * [x_t, h_{t-1}] + b_i), ...
    c_t = f c_{t-1} + i tanh(W_c * [x_t, h_{t-1}] + b_c),    h_t = o tanh(c_t)

and each pass ends in y_t = W_y * h_t + b_y, which is added to the picture inside the hole. Pass t
of T may change pixels that lie at least (t - 1)/T of the hole's depth deep. The other pixels of
the hole count as known from then on, so that the hole narrows (Li et al. 2020).
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import leaky_relu, max_pool2d, pixel_shuffle, pixel_unshuffle

from inpaint.stages.patch import Patch

GRID = 32  # side of the finest feature maps, whatever the picture's side
CELLS = ("rnn", "lstm")
PASSES = 3


def apply(
    patch: Patch,
    *,
    family: str = "",
    sharpness: float = 1.0,
    passes: int = PASSES,
    device: str = "cpu",
) -> Patch:
    """Refine the fill with a convolutional recurrent network, from the hole's border inward."""
    from inpaint.stages.refine import refine

    return refine(
        patch, "recurrent", family=family, sharpness=sharpness, device=device, passes=passes
    )


def depth_map(mask: Tensor) -> Tensor:
    """Return how deep each pixel lies in the hole, in chessboard steps; (N, 1, H, W) in and out.

    The depth is 1 along the hole's border and 0 where known. The image's border is no border of
    the hole.
    """
    hole, steps = mask, mask.clone()
    for _ in range(max(mask.shape[2:])):
        hole = 1 - max_pool2d(1 - hole, 3, 1, 1)
        if not hole.any():
            break
        steps = steps + hole
    return steps


class Cell(nn.Module):
    """One step of a convolutional RNN or LSTM on maps of ``width`` channels."""

    def __init__(self, width: int, kind: str) -> None:
        super().__init__()
        if kind not in CELLS:
            raise ValueError(f"cell is {kind!r}; expected one of {CELLS}")
        self.kind, self.width = kind, width
        self.gates = nn.Conv2d(2 * width, width if kind == "rnn" else 4 * width, 3, padding=1)

    def forward(self, x: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        """X (N, C, H, W), state (N, C or 2 C, H, W) -> h (N, C, H, W) and the next state."""
        if self.kind == "rnn":
            h = self.gates(torch.cat([x, state], 1)).tanh()
            return h, h
        h, c = state.chunk(2, 1)
        i, f, o, g = self.gates(torch.cat([x, h], 1)).chunk(4, 1)
        # Plus one, so that an untrained cell remembers (Jozefowicz et al. 2015).
        c = (f + 1).sigmoid() * c + i.sigmoid() * g.tanh()
        h = o.sigmoid() * c.tanh()
        return h, torch.cat([h, c], 1)

    def blank(self, x: Tensor) -> Tensor:
        """Return the state before the first pass: zeros, (N, C, H, W) like the features ``x``."""
        return x.new_zeros(len(x), self.width * (1 if self.kind == "rnn" else 2), *x.shape[2:])


class Recurrent(nn.Module):
    """Encoder, recurrent cell, and decoder, which are the same in each pass.

    Parameters
    ----------
    size : int
        Side S of the pictures, a multiple of ``GRID``.
    width : int
        Channels of the finest maps; the cell has twice as many.
    cell : {"lstm", "rnn"}
    """

    kind = "recurrent"

    def __init__(self, *, size: int, width: int = 24, cell: str = "lstm") -> None:
        super().__init__()
        self.size, self.width, self.cell_kind = size, width, cell
        self.fold = size // GRID
        fold = self.fold * self.fold
        self.stem = nn.Conv2d(5 * fold + 1, width, 3, padding=1)
        self.down = nn.Conv2d(width, 2 * width, 4, stride=2, padding=1)
        self.cell = Cell(2 * width, cell)
        self.up = nn.Conv2d(2 * width, 4 * width, 3, padding=1)
        self.join = nn.Conv2d(2 * width, 2 * width, 3, padding=1)
        self.out = nn.Conv2d(2 * width, 3 * fold, 3, padding=1)
        nn.init.normal_(self.out.weight, std=1e-3)  # so that an untrained network changes nothing

    def forward(
        self, filled: Tensor, mask: Tensor, sharpness: Tensor, *, passes: int = PASSES
    ) -> list[Tensor]:
        """Refine ``passes`` times.

        Parameters
        ----------
        filled : Tensor (N, 3, S, S)
            The picture with the hole filled so far, in [0, 1].
        mask : Tensor (N, S, S) of bool
            True = hole.
        sharpness : Tensor (N,)
            0 for the most likely pixel values, 1 for the most natural look.
        passes : int
            Number of passes, at least 1.

        Returns
        -------
        list of Tensor (N, 3, S, S)
            The picture after each pass, not clipped; equal to ``filled`` outside the hole.
        """
        hole = mask[:, None].to(filled.dtype)
        deep = depth_map(hole)
        deep = deep / deep.amax((1, 2, 3), keepdim=True).clamp_min(1)
        plane = sharpness.view(-1, 1, 1, 1).expand(-1, 1, GRID, GRID).to(filled.dtype)
        y, state, outputs = filled, None, []
        for t in range(passes):
            open_ = (deep > t / passes).to(filled.dtype)
            folded = pixel_unshuffle(torch.cat([y * 2 - 1, hole, open_], 1), self.fold)
            fine = leaky_relu(self.stem(torch.cat([folded, plane], 1)), 0.2)
            x = leaky_relu(self.down(fine), 0.2)
            h, state = self.cell(x, self.cell.blank(x) if state is None else state)
            up = leaky_relu(pixel_shuffle(self.up(h), 2), 0.2)
            both = leaky_relu(self.join(torch.cat([up, fine], 1)), 0.2)
            y = y + open_ * pixel_shuffle(self.out(both), self.fold)
            outputs.append(y)
        return outputs

    def config(self) -> dict[str, Any]:
        """Sizes from which the network is rebuilt."""
        return {"kind": self.kind, "size": self.size, "width": self.width, "cell": self.cell_kind}


def build(config: dict[str, Any]) -> Recurrent:
    """A fresh network of the sizes in ``config``."""
    return Recurrent(size=config["size"], width=config["width"], cell=config["cell"])

"""Stores weights in 8 bits: half the size of half precision, without a visible error.

A weight tensor w of a convolution or a linear layer is stored as codes q in -127 .. 127 with one
scale s for each of its channels, symmetric around 0:

    s = max |w| / 127,    q = round(w / s),    w ~ s q,    |w - s q| <= s / 2

Small tensors, biases and statistics stay in half precision.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

SCALE = ".scale"
SMALLEST = 2048


def packed(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Store every weight of more than ``SMALLEST`` numbers in 8 bits, other floats in 16.

    Parameters
    ----------
    tensors : mapping of str to Tensor
        What ``Prior.tensors`` of a network prior returns.

    Returns
    -------
    dict of str to Tensor
        For a packed weight ``NAME`` int8 codes of its shape, and ``NAME.scale`` in float16, of
        a shape that broadcasts over them. Tensors that are no floats stay as they are.
    """
    out: dict[str, Tensor] = {}
    for name, value in tensors.items():
        if value.is_floating_point() and value.ndim >= 2 and value.numel() > SMALLEST:
            out[name], out[name + SCALE] = _codes(value.float())
        else:
            out[name] = value.half() if value.is_floating_point() else value
    return out


def unpacked(tensors: Mapping[str, Tensor], name: str) -> Tensor:
    """Return the tensor ``name`` in float32, packed or not; KeyError if it is missing.

    It may have any shape; it is the one with which it was packed.
    """
    if tensors[name].dtype == torch.int8:
        return tensors[name].float() * tensors[name + SCALE].float()
    return tensors[name].float()


def _codes(w: Tensor) -> tuple[Tensor, Tensor]:
    """Return codes and scales along the axis that loses less.

    That is axis 0 in a convolution and 1 in a transposed one, but the tensor does not say which
    it is from. The other axis would be valid too, but less exact.
    """
    best: tuple[Tensor, Tensor] | None = None
    least = torch.inf
    for axis in (0, 1):
        others = [i for i in range(w.ndim) if i != axis]
        scale = (w.abs().amax(others, keepdim=True) / 127).half()
        # A channel of zeros, or one that underflows, gets any scale, because its codes are 0.
        step = torch.where(scale > 0, scale.float(), torch.inf)
        codes = (w / step).round().clamp(-127, 127)
        error = float((codes * scale.float() - w).square().sum())
        if error < least:
            best, least = (codes.to(torch.int8), scale), error
    if best is None:
        raise ValueError("a weight is not a number; train it again")
    return best

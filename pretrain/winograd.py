"""Strided convolutions with 9 products instead of 16, for training on processors.

DCGAN's convolution, a 4x4 kernel at stride 2 with padding 1, is a 2x2 convolution of stride 1 over
the 2x2 blocks of the padded image. In one dimension two neighbouring outputs of such a convolution,

    y_0 = g_0 w_0 + g_1 w_1,    y_1 = g_1 w_0 + g_2 w_1,

take three products and not four (Winograd 1980; Lavin and Gray 2016):

    m_0 = (g_0 - g_1) w_0,  m_1 = g_1 (w_0 + w_1),  m_2 = (g_2 - g_1) w_1,
    y_0 = m_0 + m_1,        y_1 = m_1 + m_2.

In two dimensions there are 9 instead of 16. Let G be the blocks of all tiles, W the kernels and Y
the outputs. Each step is a linear map, and the step of the gradient is its transpose:

    forward           Y  = C (A(G) · B(W))
    gradient of G     A'(C'(dY) · B(W)')
    gradient of W     B'(A(G)' · C'(dY))

The transposed convolution is the gradient of G, so it needs no step of its own. All coefficients
are 0 and ±1, so the results equal those of the direct convolution up to float32 rounding. The
products are nine plain matrix products, which run near a processor's peak.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import conv2d, conv_transpose2d, pad
from torch.nn.grad import conv2d_input, conv2d_weight

# With fewer channels on the fine side the additions take longer than the saved products.
WORTHWHILE = 96


@contextmanager
def convolutions(*modules: nn.Module, wanted: bool = True) -> Iterator[None]:
    """Compute the convolutions of ``modules`` that gain from it by Winograd's products.

    It is a context manager. Weights, their names and their gradients stay the same; a module must
    not be copied within. Nothing changes on other devices than a processor, under autocast, or
    unless ``wanted``.
    """
    found = [m for module in modules for m in module.modules() if _suits(m)]
    changed = found if wanted else []
    for layer in changed:
        if isinstance(layer, nn.ConvTranspose2d):
            layer.forward = _Transposed(layer)  # type: ignore[assignment, method-assign]
        elif isinstance(layer, nn.Conv2d):
            layer.forward = _Strided(layer)  # type: ignore[assignment, method-assign]
    try:
        yield
    finally:
        for layer in changed:
            del layer.forward


def _suits(layer: nn.Module) -> bool:
    if not isinstance(layer, nn.Conv2d | nn.ConvTranspose2d):
        return False
    shape = (layer.kernel_size, layer.stride, layer.padding, layer.dilation, layer.groups)
    fine = layer.out_channels if isinstance(layer, nn.ConvTranspose2d) else layer.in_channels
    return shape == ((4, 4), (2, 2), (1, 1), (1, 1), 1) and fine >= WORTHWHILE


class _Strided:
    def __init__(self, layer: nn.Conv2d) -> None:
        self.layer = layer

    def __call__(self, x: Tensor) -> Tensor:
        weight, bias = self.layer.weight, self.layer.bias
        if not _usable(x, *x.shape[2:]):
            return conv2d(x, weight, bias, stride=2, padding=1)
        y: Tensor = _Convolution.apply(x, weight)  # type: ignore[no-untyped-call]
        return y if bias is None else y + bias[:, None, None]


class _Transposed:
    def __init__(self, layer: nn.ConvTranspose2d) -> None:
        self.layer = layer

    def __call__(self, y: Tensor) -> Tensor:
        weight, bias = self.layer.weight, self.layer.bias
        if not _usable(y, 2 * y.shape[2], 2 * y.shape[3]):
            return conv_transpose2d(y, weight, bias, stride=2, padding=1)
        x: Tensor = _Transpose.apply(y, weight)  # type: ignore[no-untyped-call]
        return x if bias is None else x + bias[:, None, None]


def _usable(x: Tensor, height: int, width: int) -> bool:
    """Whether the fine side falls into whole tiles, in float32 on a processor."""
    whole = height % 4 == 0 and width % 4 == 0
    return whole and x.device.type == "cpu" and not torch.is_autocast_enabled("cpu")


class _Convolution(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor) -> Tensor:
        parts, kernels = tiles(x), spread(weight)
        y = gathered(torch.bmm(parts, kernels), (len(x), x.shape[2] // 4, x.shape[3] // 4))
        ctx.save_for_backward(x, weight)
        ctx.kernels = kernels if ctx.needs_input_grad[0] else None
        ctx.parts = parts if ctx.needs_input_grad[1] else None
        return y

    @staticmethod
    def backward(ctx: Any, dy: Tensor) -> tuple[Tensor | None, Tensor | None]:  # type: ignore[override]
        x, weight = ctx.saved_tensors
        need_x, need_weight = ctx.needs_input_grad
        if torch.is_grad_enabled():  # a penalty differentiates this gradient again
            one = conv2d_input(x.shape, weight, dy, 2, 1) if need_x else None
            return one, conv2d_weight(x, weight.shape, dy, 2, 1) if need_weight else None
        outputs = scattered(dy)
        dx = dw = None
        if need_x:
            dx = untiled(torch.bmm(outputs, ctx.kernels.transpose(1, 2)), x.shape)
        if need_weight:
            dw = unspread(torch.bmm(outputs.transpose(1, 2), ctx.parts), weight)
        return dx, dw


class _Transpose(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, y: Tensor, weight: Tensor) -> Tensor:
        outputs, kernels = scattered(y), spread(weight)
        shape = torch.Size((len(y), weight.shape[1], 2 * y.shape[2], 2 * y.shape[3]))
        ctx.save_for_backward(y, weight)
        ctx.kernels = kernels if ctx.needs_input_grad[0] else None
        ctx.outputs = outputs if ctx.needs_input_grad[1] else None
        return untiled(torch.bmm(outputs, kernels.transpose(1, 2)), shape)

    @staticmethod
    def backward(ctx: Any, dx: Tensor) -> tuple[Tensor | None, Tensor | None]:  # type: ignore[override]
        y, weight = ctx.saved_tensors
        need_y, need_weight = ctx.needs_input_grad
        if torch.is_grad_enabled():
            one = conv2d(dx, weight, stride=2, padding=1) if need_y else None
            return one, conv2d_weight(dx, weight.shape, y, 2, 1) if need_weight else None
        parts = tiles(dx)
        dy = dw = None
        if need_y:
            places = (len(dx), dx.shape[2] // 4, dx.shape[3] // 4)
            dy = gathered(torch.bmm(parts, ctx.kernels), places)
        if need_weight:
            dw = unspread(torch.bmm(ctx.outputs.transpose(1, 2), parts), weight)
        return dy, dw


def tiles(x: Tensor) -> Tensor:
    """A: image (N, C, 4 T, 4 S) -> (9, N T S, 4 C), the terms of the nine products of each tile."""
    x = x.permute(0, 2, 3, 1)
    n, height, width, c = x.shape
    t, s = height // 4, width // 4
    padded = pad(x, (0, 0, 1, 1, 1, 1))
    upper, lower = padded[:, :height].unflatten(1, (t, 4)), padded[:, 2:].unflatten(1, (t, 4))
    rows = x.new_empty(3, n, t, 2, width + 2, c)
    torch.sub(upper[:, :, :2], upper[:, :, 2:], out=rows[0])
    rows[1] = upper[:, :, 2:]
    torch.sub(lower[:, :, 2:], lower[:, :, :2], out=rows[2])
    parts = x.new_empty(3, 3, n, t, s, 2, 2, c)
    left, right = _columns(rows, s)
    torch.sub(left[..., :2, :], left[..., 2:, :], out=parts[:, 0])
    parts[:, 1] = left[..., 2:, :]
    torch.sub(right[..., 2:, :], right[..., :2, :], out=parts[:, 2])
    return parts.view(9, n * t * s, 4 * c)


def untiled(parts: Tensor, shape: torch.Size) -> Tensor:
    """A': the transpose of ``tiles``, to an image of ``shape``."""
    n, c, height, width = shape
    t, s = height // 4, width // 4
    parts = parts.view(3, 3, n, t, s, 2, 2, c)
    rows = parts.new_empty(3, n, t, 2, width + 2, c)
    left, right = _columns(rows, s)
    rows[..., width:, :] = 0
    left[..., :2, :] = parts[:, 0]
    torch.sub(parts[:, 1], parts[:, 0], out=left[..., 2:, :])
    left[..., 2:, :] -= parts[:, 2]
    right[..., 2:, :] += parts[:, 2]
    padded = parts.new_empty(n, height + 2, width + 2, c)
    padded[:, height:] = 0
    upper, lower = padded[:, :height].unflatten(1, (t, 4)), padded[:, 2:].unflatten(1, (t, 4))
    upper[:, :, :2] = rows[0]
    torch.sub(rows[1], rows[0], out=upper[:, :, 2:])
    upper[:, :, 2:] -= rows[2]
    lower[:, :, 2:] += rows[2]
    x = padded[:, 1:-1, 1:-1].permute(0, 3, 1, 2)
    return x.contiguous(memory_format=torch.channels_last)


def _columns(rows: Tensor, s: int) -> tuple[Tensor, Tensor]:
    """Columns 4 j .. 4 j + 3 and 4 j + 2 .. 4 j + 5 of (3, N, T, 2, 4 S + 2, C), tile by tile."""
    left = rows[..., : 4 * s, :].unflatten(-2, (s, 4)).permute(0, 1, 2, 4, 3, 5, 6)
    right = rows[..., 2:, :].unflatten(-2, (s, 4)).permute(0, 1, 2, 4, 3, 5, 6)
    return left, right


def spread(weight: Tensor) -> Tensor:
    """B: kernels (O, C, 4, 4) -> (9, 4 C, O); the last two axes are transposed in memory."""
    o, c = weight.shape[:2]
    k = weight.permute(2, 3, 0, 1).reshape(2, 2, 2, 2, o, c)  # block row, row, block column, column
    rows = torch.stack((k[0], k[0] + k[1], k[1]))
    both = weight.new_empty(3, 3, o, 2, 2, c)
    view = both.permute(0, 1, 3, 4, 2, 5)
    view[:, 0], view[:, 2] = rows[:, :, 0], rows[:, :, 1]
    torch.add(rows[:, :, 0], rows[:, :, 1], out=view[:, 1])
    return both.view(9, o, 4 * c).transpose(1, 2)


def unspread(kernels: Tensor, weight: Tensor) -> Tensor:
    """B': the transpose of ``spread``, from (9, O, 4 C), laid out as ``weight``."""
    o, c = weight.shape[:2]
    k = kernels.view(3, 3, o, 2, 2, c).permute(0, 3, 1, 4, 2, 5)  # 3, row, 3, column, O, C
    rows = k.new_empty(2, 2, 3, 2, o, c)
    torch.add(k[0], k[1], out=rows[0])
    torch.add(k[1], k[2], out=rows[1])
    gradient = torch.empty_like(weight)
    view = gradient.permute(2, 3, 0, 1).unflatten(1, (2, 2)).unflatten(0, (2, 2))
    torch.add(rows[:, :, 0], rows[:, :, 1], out=view[:, :, 0])
    torch.add(rows[:, :, 1], rows[:, :, 2], out=view[:, :, 1])
    return gradient


def gathered(products: Tensor, places: tuple[int, int, int]) -> Tensor:
    """C: (9, N T S, O) -> output (N, O, 2 T, 2 S), ``places`` = (N, T, S)."""
    n, t, s = places
    m = products.view(3, 3, n, t, s, -1)
    rows = m[:, :2] + m[:, 1:]
    y = m.new_empty(n, t, 2, s, 2, m.shape[-1])
    torch.add(rows[:2], rows[1:], out=y.permute(2, 4, 0, 1, 3, 5))
    return y.view(n, 2 * t, 2 * s, -1).permute(0, 3, 1, 2)


def scattered(y: Tensor) -> Tensor:
    """C': the transpose of ``gathered``, (N, O, 2 T, 2 S) -> (9, N T S, O)."""
    n, o, height, width = y.shape
    t, s = height // 2, width // 2
    y = y.permute(0, 2, 3, 1).reshape(n, t, 2, s, 2, o).permute(2, 4, 0, 1, 3, 5)
    m = y.new_empty(3, 3, n, t, s, o)
    m[0, 0], m[0, 2], m[2, 0], m[2, 2] = y[0, 0], y[0, 1], y[1, 0], y[1, 1]
    torch.add(m[0, 0], m[0, 2], out=m[0, 1])
    torch.add(m[2, 0], m[2, 2], out=m[2, 1])
    torch.add(m[0], m[2], out=m[1])
    return m.view(9, n * t * s, o)

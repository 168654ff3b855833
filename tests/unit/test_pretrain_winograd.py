"""Winograd's products give the convolution that they stand for, forward and backward."""

from __future__ import annotations

import copy
from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from inpaint.priors.convnets import Downward, Upward
from pretrain import winograd

WIDE = winograd.WORTHWHILE
LAYERS: dict[str, tuple[Callable[[], nn.Module], tuple[int, ...]]] = {
    "strided": (lambda: nn.Conv2d(WIDE, 5, 4, 2, 1), (3, WIDE, 8, 12)),
    "strided, 4 px, no bias": (lambda: nn.Conv2d(WIDE, 5, 4, 2, 1, bias=False), (2, WIDE, 4, 4)),
    "transposed": (lambda: nn.ConvTranspose2d(7, WIDE, 4, 2, 1), (3, 7, 4, 6)),
    "transposed, 2 px": (lambda: nn.ConvTranspose2d(7, WIDE, 4, 2, 1, bias=False), (2, 7, 2, 2)),
}
each_layer = pytest.mark.parametrize(("make", "shape"), LAYERS.values(), ids=LAYERS.keys())
layouts = pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])


def drawn(shape: tuple[int, ...], seed: int) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def everything(layer: nn.Module, x: Tensor) -> list[Tensor]:
    """Output, the gradients of a loss, and those of the gradient's length."""
    x = x.clone(memory_format=torch.preserve_format).requires_grad_()
    y = layer(x)
    loss = (y * drawn(tuple(y.shape), 1)).sum() + y.square().sum() / 2
    first = torch.autograd.grad(loss, [x, *layer.parameters()], retain_graph=True)
    again = torch.autograd.grad(loss, x, create_graph=True)[0].square().sum()
    second = torch.autograd.grad(again, [x, layer.weight])  # type: ignore[list-item]
    return [y.detach(), *first, *second]


def used(layer: nn.Module, x: Tensor) -> bool:
    return any(c in type(layer(x).grad_fn).__name__ + str(layer(x).grad_fn.next_functions)
               for c in ("_ConvolutionBackward", "_TransposeBackward"))  # fmt: skip


@each_layer
@layouts
def test_outputs_and_gradients_of_both_orders_are_torch_s(
    make: Callable[[], nn.Module], shape: tuple[int, ...], layout: torch.memory_format
) -> None:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        layer = make().to(memory_format=layout)
    x = drawn(shape, 0).contiguous(memory_format=layout)
    expected = everything(layer, x)
    with winograd.convolutions(layer):
        assert used(layer, x), "nothing was tested"
        found = everything(layer, x)
    assert not used(layer, x)
    for theirs, ours in zip(expected, found, strict=True):
        assert ours.shape == theirs.shape
        assert (ours - theirs).abs().max() < 1e-5 * theirs.abs().max()


def test_each_step_s_transpose_is_its_transpose() -> None:
    x, w, y = drawn((2, 3, 8, 12), 0), drawn((5, 3, 4, 4), 1), drawn((2, 5, 4, 6), 2)
    for direct, back, a in (
        (winograd.tiles, lambda p: winograd.untiled(p, x.shape), x),
        (winograd.spread, lambda k: winograd.unspread(k.transpose(1, 2).contiguous(), w), w),
        (winograd.scattered, lambda m: winograd.gathered(m, (2, 2, 3)), y),
    ):
        image = direct(a)
        b = drawn(tuple(image.shape), 3)
        forth, reverse = (image * b).sum(), (a * back(b)).sum()
        torch.testing.assert_close(forth, reverse, rtol=1e-4, atol=1e-4)


def test_what_does_not_suit_stays_as_it_is() -> None:
    others = [
        nn.Conv2d(WIDE, 4, 3, 2, 1), nn.Conv2d(WIDE, 4, 4, 1, 1), nn.Conv2d(WIDE - 1, 4, 4, 2, 1),
        nn.Conv2d(WIDE, 4, 4, 2, 1, groups=2), nn.Conv2d(WIDE, 4, 4, 2, 0), nn.Linear(4, 4),
    ]  # fmt: skip
    with winograd.convolutions(*others):
        assert not any("forward" in vars(layer) for layer in others)
    odd = nn.Conv2d(WIDE, 4, 4, 2, 1)
    x = drawn((1, WIDE, 6, 8), 0)  # no whole tiles
    with winograd.convolutions(odd):
        inside = odd(x)
    assert torch.equal(inside, odd(x))


def test_networks_keep_their_weights_names_and_their_way_back() -> None:
    networks = (
        Upward(size=16, latent=5, width=WIDE), Downward(size=16, outputs=1, width=WIDE,
                                                        norm="spectral"),
    )  # fmt: skip
    before = [copy.deepcopy(network.state_dict()) for network in networks]
    z = drawn((3, 5), 0)
    with winograd.convolutions(*networks):
        assert sum("forward" in vars(m) for network in networks for m in network.modules()) == 2
        networks[1](networks[0](z)).sum().backward()
        assert [list(n.state_dict()) for n in networks] == [list(b) for b in before]
    assert not any("forward" in vars(m) for network in networks for m in network.modules())
    assert all(p.grad is not None for network in networks for p in network.parameters())


def test_only_float32_and_only_when_wanted() -> None:
    layer, x = nn.Conv2d(WIDE, 4, 4, 2, 1), drawn((1, WIDE, 8, 8), 0)
    with winograd.convolutions(layer, wanted=False):
        assert not used(layer, x)
    with winograd.convolutions(layer), torch.autocast("cpu", torch.bfloat16):
        assert not used(layer, x)

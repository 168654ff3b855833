"""The two losses against their equations, written out slowly."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from inpaint.priors.perceptual import perceptual_loss
from inpaint.search.contextual import context_weights, contextual_loss

HEIGHT, WIDTH = 9, 11


def masks() -> Tensor:
    """Two holes: one inside, one at a corner."""
    mask = torch.zeros(2, HEIGHT, WIDTH, dtype=torch.bool)
    mask[0, 3:6, 4:8] = True
    mask[1, :3, :2] = True
    return mask


def slow_weights(mask: Tensor, window: int, base: float) -> Tensor:
    """Yeh et al. 2017, eq. 3, pixel by pixel; outside the image counts as known."""
    weights = torch.zeros(mask.shape)
    reach = window // 2
    for n, i, j in torch.cartesian_prod(*map(torch.arange, mask.shape)).tolist():
        if mask[n, i, j]:
            continue
        near = mask[n, max(i - reach, 0) : i + reach + 1, max(j - reach, 0) : j + reach + 1]
        weights[n, i, j] = base + int(near.sum()) / window**2
    return weights


@pytest.mark.parametrize(("window", "base"), [(1, 1.0), (3, 0.0), (7, 0.0), (7, 0.2), (13, 0.5)])
def test_context_weights_follow_the_equation(window: int, base: float) -> None:
    weights = context_weights(masks(), window=window, base=base)
    torch.testing.assert_close(weights, slow_weights(masks(), window, base), rtol=0, atol=1e-6)


def test_context_weights_sum_to_one_for_each_image_when_normalised() -> None:
    weights = context_weights(masks(), base=0.2, normalise=True)
    torch.testing.assert_close(weights.sum((1, 2)), torch.ones(2))
    plain = context_weights(masks(), base=0.2)
    torch.testing.assert_close(weights, plain / plain.sum((1, 2), keepdim=True))


def test_context_weights_are_largest_beside_the_hole_and_zero_far_away() -> None:
    weights = context_weights(masks()[:1], window=3)[0]
    assert weights[2, 5] > weights[2, 3] > 0  # beside an edge, beside a corner
    assert weights[0, 0] == 0
    assert (weights[masks()[0]] == 0).all()


@pytest.mark.parametrize("mask", [torch.zeros(1, 5, 5), torch.ones(1, 5, 5)])
def test_context_weights_stay_finite_without_a_hole_or_without_known_pixels(mask: Tensor) -> None:
    weights = context_weights(mask.bool(), normalise=True)
    assert (weights == 0).all()


def test_contextual_loss_by_hand() -> None:
    x = torch.tensor([[[[1.0, 0.5], [0.0, 0.25]]], [[[1.0, 1.0], [1.0, 1.0]]]])
    y = torch.tensor([[[[0.0, 1.0], [0.0, 1.0]]], [[[1.0, 1.0], [1.0, 0.0]]]])
    weights = torch.tensor([[[1.0, 2.0], [3.0, 0.0]], [[0.0, 0.0], [0.0, 0.5]]])
    assert contextual_loss(x, y, weights).tolist() == [2.0, 0.5]
    assert contextual_loss(x, y, weights, norm="l2").tolist() == [1.5, 0.5]


def test_contextual_loss_adds_channels() -> None:
    x, y = torch.zeros(1, 3, 4, 4), torch.ones(1, 3, 4, 4)
    assert contextual_loss(x, y, torch.ones(1, 4, 4)).item() == 48


@pytest.mark.parametrize("garbage", [math.nan, math.inf, 1e30])
def test_contextual_loss_and_its_gradient_ignore_what_has_no_weight(garbage: float) -> None:
    generator = torch.Generator().manual_seed(0)
    clean = torch.rand((2, 3, HEIGHT, WIDTH), generator=generator)
    spoiled = torch.where(masks()[:, None], torch.tensor(garbage), clean)
    weights = context_weights(masks(), base=0.2)
    results = []
    for y in (clean, spoiled):
        x = torch.full_like(clean, 0.5).requires_grad_(True)
        loss = contextual_loss(x, y, weights)
        results.append((loss.detach(), *torch.autograd.grad(loss.sum(), x)))
    assert all(torch.equal(a, b) for a, b in zip(*results, strict=True))


@pytest.mark.parametrize("norm", ["l1", "l2"])
def test_contextual_gradient_agrees_with_finite_differences(norm: str) -> None:
    generator = torch.Generator().manual_seed(0)
    x, y = torch.rand((2, 2, 3, HEIGHT, WIDTH), generator=generator, dtype=torch.double)
    weights = context_weights(masks(), base=0.2).double()
    x.requires_grad_(True)
    assert torch.autograd.gradcheck(
        lambda x: contextual_loss(x, y, weights, norm=norm),  # type: ignore[arg-type]
        x,
        eps=1e-7,
    )


def test_perceptual_loss_is_log_one_minus_d() -> None:
    logits = torch.linspace(-8, 8, 33, dtype=torch.double)
    expected = torch.log(1 - torch.sigmoid(logits))
    torch.testing.assert_close(perceptual_loss(logits), expected)


def test_perceptual_loss_prefers_what_the_discriminator_believes() -> None:
    loss = perceptual_loss(torch.tensor([-2.0, 0.0, 2.0]))
    assert loss[0] > loss[1] > loss[2]


def test_perceptual_loss_and_its_gradient_are_finite_for_huge_logits() -> None:
    logits = torch.tensor([-1e4, -100.0, 100.0, 1e4], requires_grad=True)
    loss = perceptual_loss(logits)
    (gradient,) = torch.autograd.grad(loss.sum(), logits)
    torch.testing.assert_close(loss.detach(), torch.tensor([0.0, 0.0, -100.0, -1e4]))
    torch.testing.assert_close(gradient, torch.tensor([0.0, 0.0, -1.0, -1.0]))


def test_perceptual_gradient_agrees_with_finite_differences() -> None:
    logits = torch.linspace(-5, 5, 11, dtype=torch.double, requires_grad=True)
    assert torch.autograd.gradcheck(perceptual_loss, logits)

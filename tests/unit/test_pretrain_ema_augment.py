"""The moving average, the augmentations of images, and what options allow."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from inpaint.errors import InpaintError, UnknownNameError
from inpaint.priors import dcgan
from pretrain import augment, gan, options
from pretrain.augment import POLICIES
from pretrain.ema import Average
from pretrain.options import GanOptions, GaussianOptions, VaeOptions

SIDE = 16


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def pictures(n: int = 6, side: int = SIDE) -> Tensor:
    return torch.rand((n, 3, side, side), generator=generator(9)) * 2 - 1


# The moving average


@pytest.mark.parametrize("decay", [0.0, 0.5, 0.999])
def test_the_average_follows_its_formula(decay: float) -> None:
    model = nn.Linear(2, 2)
    average = Average(model, decay)
    expected = model.weight.detach().double().clone()
    for t in range(1, 40):
        model.weight.data.uniform_(generator=generator(t))
        average.update(model)
        keep = min(decay, (1 + t) / (10 + t))
        expected = keep * expected + (1 - keep) * model.weight.detach().double()
        torch.testing.assert_close(average.module.weight.double(), expected, rtol=0, atol=1e-6)


def test_the_average_forgets_the_first_weights_early() -> None:
    model = nn.Linear(1, 1)
    nn.init.constant_(model.weight, 100.0)
    average = Average(model, 0.999)
    nn.init.zeros_(model.weight)
    for _ in range(30):
        average.update(model)
    assert 0 < average.module.weight.item() < 0.01, "0.999**30 would have kept 97"


def test_the_average_takes_batch_statistics_along_and_trains_nothing() -> None:
    model = nn.BatchNorm1d(2)
    average = Average(model, 0.5)
    before = {k: v.clone() for k, v in average.module.state_dict().items()}
    model(torch.full((4, 2), 10.0))
    changed = {k: v.clone() for k, v in model.state_dict().items()}
    for _ in range(20):
        average.update(model)
    torch.testing.assert_close(average.module.running_mean, changed["running_mean"])
    assert not torch.equal(average.module.running_mean, before["running_mean"])
    assert not average.module.training
    assert not any(p.requires_grad for p in average.module.parameters())
    for name, value in model.state_dict().items():
        assert value.equal(changed[name]), "the model itself was moved"


def test_the_average_goes_on_from_its_state() -> None:
    model = nn.Linear(2, 2)
    one, other = Average(model, 0.9), Average(nn.Linear(2, 2), 0.9)
    for t in range(6):
        model.weight.data.uniform_(generator=generator(t))
        one.update(model)
        if t == 2:
            other.load_state_dict(one.state_dict())
        elif t > 2:
            other.update(model)
    assert other.module.weight.equal(one.module.weight)
    assert other.steps == one.steps == 6


# Augmentation


@pytest.mark.parametrize("policy", ["", " ", ","])
def test_no_policy_changes_nothing(policy: str) -> None:
    x = pictures()
    assert augment.augment(x, policy, generator()).equal(x)


@pytest.mark.parametrize("policy", [*POLICIES, "color,translation,cutout"])
def test_augmentation_is_a_function_of_its_generator(policy: str) -> None:
    x = pictures()
    before = x.clone()
    first = augment.augment(x, policy, generator(1))
    torch.manual_seed(5)
    assert augment.augment(x, policy, generator(1)).equal(first)
    assert not augment.augment(x, policy, generator(2)).equal(first)
    assert x.equal(before), "the input was written to"
    assert first.shape == x.shape
    assert first.dtype == x.dtype


@pytest.mark.parametrize("policy", [*POLICIES, "color,translation,cutout"])
def test_gradients_flow_through_augmentation(policy: str) -> None:
    """The derivative along a direction is what finite differences say."""
    x = pictures().double().requires_grad_()
    direction = torch.randn(x.shape, generator=generator(3), dtype=torch.double)
    weights = torch.randn(x.shape, generator=generator(4), dtype=torch.double)

    def value(at: Tensor) -> Tensor:
        return (augment.augment(at, policy, generator(1)) * weights).sum()

    value(x).backward()
    assert x.grad is not None
    slope = (value(x + 1e-5 * direction) - value(x - 1e-5 * direction)) / 2e-5
    torch.testing.assert_close((x.grad * direction).sum(), slope.detach(), rtol=1e-5, atol=1e-6)
    assert (x.grad.flatten(1) != 0).any(1).all(), "an image without any gradient"


def test_translation_moves_content_by_at_most_an_eighth() -> None:
    n, reach = 200, SIDE // 8
    x = pictures(n) + 2  # nothing is 0, so that what enters can be told
    y = augment.augment(x, "translation", generator())
    shifts = set()
    for before, after in zip(x, y, strict=True):
        inside = (after != 0).all(0)
        rows, cols = inside.any(1).nonzero()[:, 0], inside.any(0).nonzero()[:, 0]
        assert inside.sum() == len(rows) * len(cols), "what stayed is no rectangle"
        found = [
            (dy, dx)
            for dy in range(-reach, reach + 1)
            for dx in range(-reach, reach + 1)
            if len(rows) == SIDE - abs(dy)
            and len(cols) == SIDE - abs(dx)
            and torch.roll(before, (-dy, -dx), (1, 2))[:, inside].equal(after[:, inside])
        ]
        assert len(found) == 1
        shifts.add(found[0])
    assert len(shifts) == (2 * reach + 1) ** 2, "some shifts never come"


def test_cutout_blanks_one_square_of_at_most_half_the_side() -> None:
    x = pictures(300) + 2
    y = augment.augment(x, "cutout", generator())
    gone = (y == 0).all(1)
    assert ((y == x).all(1) ^ gone).all(), "a pixel was changed but not blanked"
    heights, widths = gone.any(2).sum(1), gone.any(1).sum(1)
    assert (gone.sum((1, 2)) == heights * widths).all()
    for sides in (heights, widths):
        assert sides.max() == SIDE // 2
        assert sides.min() >= SIDE // 4, "the centre lies inside the image"
        assert (sides == SIDE // 2).float().mean() > 0.4
    assert gone.any(0).all(), "some places are never blanked"


def test_colour_changes_brightness_saturation_and_contrast_image_by_image() -> None:
    x = pictures(400)
    y = augment.augment(x, "color", generator())
    offset = y.mean((1, 2, 3)) - x.mean((1, 2, 3))
    assert -0.5 - 1e-5 <= offset.min() < -0.4
    assert 0.4 < offset.max() <= 0.5 + 1e-5

    def grey_and_colour(images: Tensor) -> tuple[Tensor, Tensor]:
        grey = images.mean(1, keepdim=True)
        flat = grey - grey.mean((2, 3), keepdim=True)
        return flat, images - grey

    (grey_x, colour_x), (grey_y, colour_y) = grey_and_colour(x), grey_and_colour(y)
    contrast = grey_y.flatten(1).norm(dim=1) / grey_x.flatten(1).norm(dim=1)
    assert 0.5 - 1e-4 <= contrast.min() < 0.55
    assert 1.45 < contrast.max() <= 1.5 + 1e-4
    torch.testing.assert_close(grey_y, contrast[:, None, None, None] * grey_x)
    saturation = colour_y.flatten(1).norm(dim=1) / colour_x.flatten(1).norm(dim=1) / contrast
    assert 0 <= saturation.min() < 0.05
    assert 1.95 < saturation.max() <= 2 + 1e-4


def test_blanks_in_a_policy_do_not_matter() -> None:
    x = pictures()
    spaced = augment.augment(x, " color , cutout,", generator())
    assert spaced.equal(augment.augment(x, "color,cutout", generator()))


@pytest.mark.parametrize(("name", "hint"), [("colour", "did you mean 'color'?"), ("zoom", "known")])
def test_an_unknown_policy_is_named_with_a_hint(name: str, hint: str) -> None:
    with pytest.raises(UnknownNameError) as error:
        augment.augment(pictures(), f"cutout,{name}", generator())
    assert repr(name) in str(error.value)
    assert hint in str(error.value)


# What options allow


def test_the_names_in_the_options_are_those_that_exist() -> None:
    assert set(options.LOSSES) == set(gan.LOSSES)
    assert set(options.POLICIES) == set(POLICIES)
    assert options.DISTRIBUTIONS == dcgan.DISTRIBUTIONS


@pytest.mark.parametrize("kind", [GaussianOptions, GanOptions, VaeOptions])
def test_every_number_has_a_rule(kind: Any) -> None:
    for field in dataclasses.fields(kind):
        assert field.metadata["help"].endswith(".")
        if field.metadata["names"]:
            continue
        with pytest.raises(InpaintError, match=f"--{field.name.replace('_', '-')} is -1; expected"):
            kind(**{field.name: -1})
        with pytest.raises(InpaintError):
            kind(**{field.name: float("nan")})


@pytest.mark.parametrize("size", [0, 4, 12, 48, 63, 65, 96])
def test_sizes_that_the_networks_cannot_have_are_refused(size: int) -> None:
    for kind in (GanOptions, VaeOptions):
        with pytest.raises(InpaintError, match=rf"--size is {size}; expected 8, 16, 32, 64, 128"):
            kind(size=size)


def test_sizes_that_exist_are_taken() -> None:
    for size in (8, 16, 32, 64, 128):
        assert GanOptions(size=size).size == VaeOptions(size=size).size == size
    assert GaussianOptions(size=48).size == 48


@pytest.mark.parametrize(
    ("field", "value", "hint"),
    [
        ("loss", "hing", "did you mean 'hinge'?"),
        ("distribution", "gauss", "known: normal, uniform"),
        ("policy", "color,translate", "did you mean 'translation'?"),
    ],
)
def test_unknown_names_are_refused_before_anything_runs(field: str, value: str, hint: str) -> None:
    with pytest.raises(UnknownNameError) as error:
        GanOptions(**{field: value})
    assert field in str(error.value)
    assert hint in str(error.value)


@pytest.mark.parametrize(("loss", "real", "fake"), [("hinge", 2.0, -2.0), ("hinge", 0.5, 0.2)])
def test_the_hinge_is_its_formula(loss: str, real: float, fake: float) -> None:
    critic, maker = gan.LOSSES[loss]
    pair = torch.tensor([real]), torch.tensor([fake])
    assert critic(*pair).item() == pytest.approx(max(0, 1 - real) + max(0, 1 + fake))
    assert maker(*pair).item() == pytest.approx(-fake)


def test_the_nonsaturating_losses_are_the_cross_entropies() -> None:
    critic, maker = gan.LOSSES["nonsaturating"]
    real, fake = torch.randn((2, 50), generator=generator(), dtype=torch.double)
    d_real, d_fake = real.sigmoid(), fake.sigmoid()
    expected = -d_real.log().mean() - (1 - d_fake).log().mean()
    torch.testing.assert_close(critic(real, fake), expected)
    torch.testing.assert_close(maker(real, fake), -d_fake.log().mean())


def test_without_spectral_norm_the_critic_judges_as_before() -> None:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        critic = gan.Downward(size=16, outputs=1, width=4, norm="spectral")
    x = pictures()
    with torch.no_grad():
        for _ in range(3):
            critic(x)
        expected = critic.eval()(x)
        plain = gan.plain(critic)
        torch.testing.assert_close(plain(x), expected)
    assert not [k for k in plain.state_dict() if "parametrizations" in k]

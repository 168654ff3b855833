"""A GAN that goes on from a smaller one."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from inpaint.errors import WeightsError
from inpaint.priors import cgan, gaussian
from inpaint.zoo import weights
from pretrain import gan, grow
from pretrain.options import GanOptions

CLASSES = ("day", "night")
# What ``cgan.tiny`` is: 16 px, width 4.
OWN = GanOptions(size=16, latent=8, codes="1", width=4, critic_width=4, classes=True, loss="r3")
TWICE = replace(OWN, size=32, width=2, critic_width=2)


@pytest.fixture
def trained(tmp_path: Path) -> Path:
    prior = cgan.tiny()
    weights.save(tmp_path / "small", prior.config(), prior.tensors())
    return tmp_path / "small"


def test_a_gan_of_twice_the_size_keeps_every_level_that_both_have(trained: Path) -> None:
    old = cgan.tiny()
    generator, critic = (module.eval() for module in gan.networks(TWICE, 3))
    z = torch.randn(2, 8 + 64, generator=torch.Generator().manual_seed(0))
    label = torch.tensor([0, 2])
    levels = len(old.generator.layers)
    want = old.generator.features(z, levels, label)
    assert not torch.allclose(generator.features(z, levels, label), want, atol=0.01)
    grow.take_over(generator, critic, trained, CLASSES)
    # Half precision on disk.
    torch.testing.assert_close(generator.features(z, levels, label), want, atol=0.03, rtol=0.01)
    assert generator(z, label).shape == (2, 3, 32, 32)
    # Behind D's fresh first level lies what D of the smaller GAN had behind its own.
    for ours, theirs in [(critic.layers[2], old.critic.layers[1]), (critic.head, old.critic.head)]:
        torch.testing.assert_close(ours.weight, theirs.weight, atol=1e-3, rtol=1e-3)


def test_a_gan_of_the_same_size_goes_on_where_the_other_was(trained: Path) -> None:
    generator, critic = (module.eval() for module in gan.networks(OWN, 3))
    grow.take_over(generator, critic, trained, CLASSES)
    z = torch.randn(2, 8 + 64, generator=torch.Generator().manual_seed(0))
    label = torch.tensor([1, 2])
    old = cgan.tiny()
    x = old.generator(z, label)
    torch.testing.assert_close(generator(z, label), x, atol=5e-3, rtol=5e-3)
    torch.testing.assert_close(critic(x, label), old.critic(x, label), atol=5e-3, rtol=5e-3)


@pytest.mark.parametrize(
    ("options", "classes", "said"),
    [
        (replace(TWICE, size=64), CLASSES, "draws 16 px; expected 64 or half of it"),
        (TWICE, ("day", "dusk"), "has the classes day night; here they are day dusk"),
        (TWICE, (), "here they are none"),
        (OWN, CLASSES, ""),
        (replace(TWICE, width=4), CLASSES, "give --latent 8 --codes 1 --width 2 --critic-width 2"),
        (replace(TWICE, codes="2"), CLASSES, "give --latent 8 --codes 1"),
        (replace(OWN, latent=9), CLASSES, "give --latent 8 --codes 1 --width 4"),
    ],
)
def test_what_does_not_fit_is_named(
    trained: Path, options: GanOptions, classes: tuple[str, ...], said: str
) -> None:
    networks = gan.networks(options, len(classes) + 1 if classes else 0)
    if not said:
        return grow.take_over(*networks, trained, classes)
    with pytest.raises(WeightsError, match=said):
        grow.take_over(*networks, trained, classes)


def test_only_a_gan_can_grow(tmp_path: Path) -> None:
    prior = gaussian.tiny()
    weights.save(tmp_path, prior.config(), prior.tensors())
    networks = gan.networks(replace(OWN, classes=False), 0)
    with pytest.raises(WeightsError, match="is a gaussian; expected a dcgan or a cgan"):
        grow.take_over(*networks, tmp_path, ())

"""The GAN's parts: latents of several levels, classes, losses, penalties."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import softplus

from inpaint.errors import InpaintError, UnknownNameError, WeightsError
from inpaint.priors import cgan, dcgan, packing
from inpaint.priors.convnets import ClassNorm, Downward, Upward
from inpaint.zoo import registry, weights
from pretrain import data, gan
from pretrain.options import GanOptions, counts
from pretrain.run import Plan


@pytest.fixture(autouse=True)
def _seeded() -> Any:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        yield


def draws(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def used(network: Upward) -> Upward:
    """A network with batch-norm statistics and class tables as training leaves them."""
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d) and module.running_mean is not None:
            module.running_mean.normal_()
            module.running_var.uniform_(0.5, 2)  # type: ignore[union-attr]
        if isinstance(module, nn.Embedding):
            module.weight.data.normal_(1)
    return network.eval()


# Latents of several levels


def test_codes_widen_z_by_their_maps() -> None:
    network = Upward(size=64, latent=10, width=4, codes=(2, 0, 1))
    assert network.parts == [10, 2 * 8 * 8, 0, 32 * 32]
    assert network.dimensions == 10 + 128 + 1024
    assert network.eval()(draws(2, network.dimensions)).shape == (2, 3, 64, 64)


@pytest.mark.parametrize("size", [32, 64, 128])
def test_a_number_of_a_code_acts_around_its_place_only(size: int) -> None:
    network = used(Upward(size=size, latent=5, width=4, codes=(1, 1)))
    z = draws(1, network.dimensions)
    moved = z.clone()
    moved[0, 5 + 64 + 3 * 16 + 12] += 3  # the map of 16x16: row 3, column 12
    with torch.no_grad():
        changed = (network(moved) - network(z)).abs().sum(1)[0] > 1e-7
    rows, columns = (torch.nonzero(changed.any(axis)).flatten() for axis in (1, 0))
    pixels = size / 16
    for seen, place in ((rows, 3), (columns, 12)):
        assert seen.min() <= (place + 0.5) * pixels <= seen.max()
        # Each of the convolutions above reaches one pixel of its level to either side.
        assert seen.min() >= (place - 1) * pixels
        assert seen.max() < (place + 2) * pixels


def test_a_code_changes_an_untrained_image_about_as_much_as_the_coarse_latent() -> None:
    """Otherwise D's game would hardly teach G to use it."""
    network = Upward(size=64, latent=64, width=8, codes=(2, 1)).train()
    z = draws(16, network.dimensions)
    with torch.no_grad():
        images = network(z)
        shares = []
        for start, stop in ((0, 64), (64, 192), (192, 448)):
            other = z.clone()
            other[:, start:stop] = draws(16, stop - start, seed=1)
            shares.append(float((network(other) - images).square().mean()))
    assert min(shares[1:]) > 0.1 * shares[0]
    assert max(shares[1:]) < 3 * shares[0]


@pytest.mark.parametrize("codes", [(1, 1, 1, 1), (-1,)])
def test_codes_without_a_level_are_refused(codes: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="codes is"):
        Upward(size=64, latent=4, width=4, codes=codes)


def test_codes_are_read_from_a_line() -> None:
    assert counts("2,1") == counts(" 2 , 1 ") == [2, 1]
    assert counts("") == []
    for text in ("2;1", "2,,1", "x", "-1", "1.5", ","):
        assert counts(text) is None
        with pytest.raises(InpaintError, match="--codes is"):
            GanOptions(codes=text)
    assert GanOptions(size=64, codes="1,1,1").codes == "1,1,1"
    with pytest.raises(InpaintError, match="at --size 16 expected at most 1 numbers"):
        GanOptions(size=16, codes="1,1")


def test_each_level_of_z_has_a_ball_of_its_own() -> None:
    prior = dcgan.DCGAN(
        Upward(size=16, latent=6, width=4, codes=(1,)),
        Downward(size=16, outputs=1, width=4),
        distribution="normal",
    )
    z = torch.cat([draws(5, 6) * 100, draws(5, 64) * 0.1], 1)
    held = prior.constrain_z(z)
    torch.testing.assert_close(held[:, :6].norm(dim=1), torch.full((5,), 6**0.5))
    assert torch.equal(held[:, 6:], z[:, 6:]), "short parts stay"


@pytest.mark.parametrize("codes", [(), (2,), (0, 1)])
def test_the_folded_generator_draws_the_same(codes: tuple[int, ...]) -> None:
    network = used(Upward(size=32, latent=6, width=4, codes=codes))
    z = draws(3, network.dimensions)
    with torch.no_grad():
        torch.testing.assert_close(network.fused()(z), network(z), rtol=1e-4, atol=1e-5)


# Without codes and classes nothing has changed


def test_a_plain_generator_is_the_one_of_the_paper() -> None:
    """Without codes and classes: the tensors' names, and the pixels of a plain forward pass."""
    with torch.random.fork_rng():
        torch.default_generator.manual_seed(0)
        generator = Upward(size=64, latent=16, width=4)
        for module in generator.modules():
            if isinstance(module, nn.BatchNorm2d):
                nn.init.normal_(module.weight, 1.0, 0.2)
                nn.init.normal_(module.running_mean, 0.0, 0.2)
    generator.eval()
    w = generator.state_dict()
    assert {k.split(".")[0] for k in w} == {"layers", "norms", "image"}
    z = draws(2, 16)
    with torch.no_grad():
        x = z[:, :, None, None]
        for i in range(4):
            x = nn.functional.conv_transpose2d(x, w[f"layers.{i}.weight"], None, *_stride(i))
            norm = (w[f"norms.{i}.{k}"] for k in ("running_mean", "running_var", "weight", "bias"))
            x = nn.functional.batch_norm(x, *norm).relu()
        x = nn.functional.conv_transpose2d(x, w["image.weight"], w["image.bias"], 2, 1).tanh()
        torch.testing.assert_close(generator(z), x, rtol=0, atol=2e-5)


@pytest.mark.parametrize("name", ["faces64-dcgan", "scenes128-cgan"])
def test_shipped_weights_come_back_as_they_were_saved(name: str) -> None:
    config, tensors = weights.load(registry.ZOO / name)
    prior = registry.load_prior(name)
    assert isinstance(prior, dcgan.DCGAN)
    assert prior.config() == {k: config[k] for k in prior.config()}
    for key, value in prior.tensors().items():  # in 16 bits, whatever the file's
        saved = packing.unpacked(tensors, key)
        torch.testing.assert_close(value.float(), saved, rtol=1e-3, atol=1e-4)


def _stride(level: int) -> tuple[int, int]:
    return (2, 1) if level else (1, 0)


def test_untrained_networks_start_as_they_did() -> None:
    """Nothing new draws from the generator: old commands repeat old runs."""
    torch.manual_seed(3)
    network = Upward(size=16, latent=8, width=4)
    torch.manual_seed(3)
    first = nn.ConvTranspose2d(8, 8, 4, bias=False), nn.BatchNorm2d(8)
    second = nn.ConvTranspose2d(8, 4, 4, 2, 1, bias=False), nn.BatchNorm2d(4)
    image = nn.ConvTranspose2d(4, 3, 4, 2, 1)
    for layer in (first[0], second[0]):
        nn.init.normal_(layer.weight, 0, 0.02)
    for norm in (first[1], second[1]):
        nn.init.normal_(norm.weight, 1, 0.02)
    nn.init.normal_(image.weight, 0, 0.02)
    for layer, norm, ours, norms in zip(
        *zip(first, second, strict=True), network.layers, network.norms, strict=True
    ):
        assert torch.equal(ours.weight, layer.weight)
        assert torch.equal(norms.weight, norm.weight)
    assert torch.equal(network.image.weight, image.weight)


# Classes


@pytest.mark.parametrize("label", [0, 2])
def test_a_class_folds_into_the_plain_networks(label: int) -> None:
    generator = used(Upward(size=32, latent=6, width=4, codes=(1,), classes=3))
    critic = Downward(size=32, outputs=1, width=4, classes=3).eval()
    z, labels = draws(4, generator.dimensions), torch.full((4,), label)
    with torch.no_grad():
        x = generator(z, labels)
        one = generator.conditioned(label)
        assert not any(isinstance(module, ClassNorm) for module in one.modules())
        torch.testing.assert_close(one(z), x, rtol=1e-4, atol=1e-5)
        torch.testing.assert_close(one.fused()(z), x, rtol=1e-4, atol=1e-5)
        judged = critic(x, labels)
        torch.testing.assert_close(critic.conditioned(label)(x), judged, rtol=1e-4, atol=1e-6)
        assert not torch.allclose(judged, critic(x, (labels + 1) % 3))
        assert not torch.allclose(x, generator(z, (labels + 1) % 3), atol=1e-2)


def test_the_projection_is_the_inner_product_with_the_last_features() -> None:
    critic = Downward(size=16, outputs=1, width=4, classes=2)
    x, label = draws(3, 3, 16, 16), torch.tensor([1, 0, 1])
    seen: list[Tensor] = []
    critic.head.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    with torch.no_grad():
        with_class, without = critic(x, label), critic(x)
    assert isinstance(critic.embed, nn.Conv2d)
    expected = (critic.embed.weight[label] * seen[0]).sum((1, 2, 3))
    torch.testing.assert_close((with_class - without)[:, 0], expected)


def test_rows_of_other_classes_do_not_meet() -> None:
    generator = used(Upward(size=16, latent=6, width=4, classes=3))
    z, labels = draws(3, 6), torch.tensor([2, 0, 1])
    with torch.no_grad():
        together = generator(z, labels)
        for i in range(3):
            alone = generator(z[i : i + 1], labels[i : i + 1])
            torch.testing.assert_close(together[i : i + 1], alone)


def test_a_prior_of_classes_draws_the_chosen_one_and_any_without() -> None:
    prior = cgan.tiny()
    z = prior.sample_z(4, torch.Generator().manual_seed(0))
    assert prior.classes == ("day", "night")
    assert prior.chosen is None
    day, night = prior.with_class("day"), prior.with_class("night")
    images = [one.generate(z) for one in (prior, day, night)]
    expected = [prior.generator(z, torch.full((4,), label)) / 2 + 0.5 for label in (2, 0, 1)]
    for image, wanted in zip(images, expected, strict=True):
        torch.testing.assert_close(image, wanted, rtol=0, atol=1e-5)
    assert not torch.allclose(images[1], images[2], atol=1e-2)
    assert torch.equal(night.with_class(None).generate(z), images[0])
    losses = [one.perceptual_loss(z, images[0]) for one in (prior, day, night)]
    assert not torch.allclose(losses[1], losses[2])
    assert torch.equal(prior.generate(z), images[0]), "the one it came from has not changed"


def test_an_unknown_class_is_named_with_a_hint() -> None:
    with pytest.raises(UnknownNameError, match="unknown class 'nihgt'; did you mean 'night'"):
        cgan.tiny().with_class("nihgt")


def test_class_names_travel_with_the_weights(tmp_path: Path) -> None:
    prior = cgan.tiny()
    weights.save(tmp_path, prior.config(), prior.with_class("night").tensors())
    again = registry.load_prior(str(tmp_path))
    assert isinstance(again, cgan.CGAN)
    assert again.classes == ("day", "night")
    z = prior.sample_z(2, torch.Generator().manual_seed(0))
    torch.testing.assert_close(
        again.with_class("day").generate(z), prior.with_class("day").generate(z), rtol=0, atol=5e-3
    )


def test_class_names_that_do_not_fit_the_weights_are_refused(tmp_path: Path) -> None:
    prior = cgan.tiny()
    weights.save(tmp_path, {**prior.config(), "classes": ["day"]}, prior.tensors())
    with pytest.raises(WeightsError, match="do not fit together"):
        registry.load_prior(str(tmp_path))


def small(classes: tuple[str, ...], labels: list[int]) -> data.Images:
    pixels = np.random.default_rng(0).integers(0, 256, (len(labels), 16, 16, 3), dtype=np.uint8)
    return data.Images(pixels, np.array(labels), classes)


def test_folders_become_labels_and_the_unlabelled_ones_the_last() -> None:
    images = small((".", "cat", "misc", "owl"), [0, 1, 2, 3, 1])
    found, names = gan.labelled(images, "misc")
    assert names == ("cat", "owl")
    assert found.labels.tolist() == [2, 0, 2, 1, 0]
    assert images.labels.tolist() == [0, 1, 2, 3, 1], "the argument has not changed"
    assert gan.labelled(images, "unlabelled")[1] == ("cat", "misc", "owl")


@pytest.mark.parametrize("classes", [(".",), ("unlabelled",), (".", "unlabelled")])
def test_classes_without_folders_are_refused_before_any_step(
    classes: tuple[str, ...], tmp_path: Path
) -> None:
    options = GanOptions(size=16, latent=4, width=4, critic_width=4, batch=2, classes=True)
    with pytest.raises(InpaintError, match="--classes: no image lies in a folder"):
        gan.train(small(classes, [0, 0]), options, Plan(tmp_path / "run", 1, batch=2))
    assert not (tmp_path / "run").exists()


# Losses and penalties


def test_r3_pairs_real_with_generated() -> None:
    """Softplus(D(G(z)) - D(x)) and its mirror: at equal logits both players pay log 2."""
    critic, maker = gan.LOSSES["r3"]
    real, fake = torch.tensor([2.0, -1.0, 0.5]), torch.tensor([1.0, 3.0, 0.5])
    gaps = torch.tensor([-1.0, 4.0, 0.0])
    torch.testing.assert_close(critic(real, fake), softplus(gaps).mean())
    torch.testing.assert_close(maker(real, fake), softplus(-gaps).mean())
    torch.testing.assert_close(
        critic(real, fake), torch.tensor((0.313262 + 4.018150 + 0.693147) / 3)
    )
    torch.testing.assert_close(critic(real + 7, fake + 7), critic(real, fake))


def test_the_gradient_of_a_linear_critic_is_its_weights() -> None:
    critic = nn.Conv2d(3, 1, 8)
    x = draws(5, 3, 8, 8).requires_grad_(True)
    norms = gan.squared_gradients(critic(x).flatten(1), x)
    torch.testing.assert_close(norms, critic.weight.square().sum().expand(5))
    (slope,) = torch.autograd.grad(norms.mean() / 2, critic.weight)
    torch.testing.assert_close(slope, critic.weight)


@pytest.mark.parametrize(("norm", "classes"), [("none", 0), ("spectral", 0), ("none", 3)])
def test_the_penalty_is_what_finite_differences_say(norm: Any, classes: int) -> None:
    """Both the gradient in x and, through the double backward, that in a weight."""
    critic = Downward(size=16, outputs=1, width=4, norm=norm, classes=classes).double().eval()
    for parameter in critic.parameters():
        parameter.data.mul_(5)
    x = draws(2, 3, 16, 16).double().requires_grad_(True)
    label = torch.tensor([0, 2]) if classes else None

    def penalty() -> Tensor:
        return gan.squared_gradients(critic(x, label), x).sum()

    (slope,) = torch.autograd.grad(critic(x, label).sum(), x)
    direction = draws(2, 3, 16, 16, seed=1).double()
    with torch.no_grad():
        up, down = (critic(x + s * direction, label).sum() for s in (1e-6, -1e-6))
    assert float((slope * direction).sum()) == pytest.approx(float(up - down) / 2e-6, rel=1e-4)
    torch.testing.assert_close(penalty().detach(), slope.square().sum())
    weight = next(p for p in critic.parameters() if p.ndim == 4)
    (double,) = torch.autograd.grad(penalty(), weight)
    step = draws(*weight.shape, seed=2).double() * 1e-6
    values = []
    for sign in (1, -1):
        weight.data.add_(sign * step)
        values.append(float(penalty().detach()))
        weight.data.sub_(sign * step)
    assert float((double * step).sum()) == pytest.approx((values[0] - values[1]) / 2, rel=1e-3)


class Spy(nn.Module):
    """A linear critic that counts how its weights are asked for."""

    def __init__(self) -> None:
        super().__init__()
        self.line = nn.Conv2d(3, 1, 16)

    def forward(self, x: Tensor, label: Tensor | None = None) -> Tensor:
        return self.line(x).flatten(1)

    def fused(self) -> Downward:
        return Downward(size=16, outputs=1, width=4)


@pytest.mark.parametrize(
    ("options", "factor"),
    [
        ({"loss": "r3", "penalty_every": 1}, 2.0),
        ({"loss": "r3", "penalty_every": 3}, 2.0),
        ({"loss": "hinge", "penalty": "r1"}, 1.0),
        ({"loss": "hinge"}, None),
        ({"loss": "r3", "gamma": 0.0}, None),
        ({"loss": "r3", "penalty": "none"}, None),
    ],
    ids=str,
)
def test_a_step_takes_gamma_half_of_each_penalty(
    options: dict[str, Any], factor: float | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a linear D every gradient is its weights; R1 and R2 count once each."""
    critic = Spy()
    build = gan.networks

    def networks(o: GanOptions, classes: int) -> tuple[Upward, Any]:
        return build(o, classes)[0], critic

    monkeypatch.setattr(gan, "networks", networks)
    expected = 0.7 / 2 * float(critic.line.weight.detach().square().sum())
    o = GanOptions(size=16, latent=4, width=4, batch=2, **{"gamma": 0.7, **options})
    plan = Plan(tmp_path, 1, batch=2)
    gan.train(small((".",), [0, 0, 0]), o, plan)
    header, row = (line.split(",") for line in (tmp_path / "log.csv").read_text().split())
    seen = dict(zip(header, row, strict=True))
    if factor is None:
        assert "penalty" not in seen
    else:
        assert float(seen["penalty"]) == pytest.approx(factor * expected, rel=1e-5)


def test_a_penalty_of_every_nth_step_counts_n_times_in_the_gradient(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a linear D the gradient of gamma / 2 |w|² is gamma w, whatever the images are."""
    critic, build, seen = Spy(), gan.networks, []
    weight = critic.line.weight.detach().clone()

    def networks(o: GanOptions, classes: int) -> tuple[Upward, Any]:
        critic.line.weight.data.copy_(weight)
        return build(o, classes)[0], critic

    def note(parameters: Iterable[nn.Parameter]) -> None:
        seen.extend(p.grad.clone() for p in parameters if p is critic.line.weight)

    monkeypatch.setattr(gan, "networks", networks)
    monkeypatch.setattr(gan.parallel, "average_gradients", note)
    for every in (1, 4):
        o = GanOptions(
            size=16, latent=4, width=4, batch=2, loss="hinge", penalty="r1", gamma=0.7,
            penalty_every=every,
        )  # fmt: skip
        gan.train(small((".",), [0, 0, 0]), o, Plan(tmp_path / str(every), 1, batch=2))
    torch.testing.assert_close(seen[1] - seen[0], (4 - 1) * 0.7 * weight, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("gamma", [0.0, 1.0])
def test_penalties_flatten_the_critic(gamma: float, tmp_path: Path) -> None:
    images = small((".",), [0] * 8)
    options = GanOptions(
        size=16, latent=4, width=4, critic_width=8, batch=8, loss="r3", gamma=gamma, policy="",
        critic_lr=2e-3, lr=1e-4, penalty_every=2,
    )  # fmt: skip
    prior, _ = gan.train(images, options, Plan(tmp_path, 40, batch=8))
    x = torch.from_numpy(np.array(images.pixels)).permute(0, 3, 1, 2) / 127.5 - 1
    x.requires_grad_(True)
    slope = float(gan.squared_gradients(prior.critic(x), x).mean().detach())
    assert (slope < 1) == (gamma > 0), slope


@pytest.mark.parametrize("norm", ["auto", "spectral", "batch", "none"])
@pytest.mark.parametrize("loss", list(gan.LOSSES))
def test_every_critic_can_be_saved_as_a_plain_one(norm: str, loss: str, tmp_path: Path) -> None:
    options = GanOptions(
        size=16, latent=4, width=4, critic_width=4, batch=4, loss=loss, critic_norm=norm,
        codes="1", generator_steps=2, ema=0.0,
    )  # fmt: skip
    prior, _ = gan.train(small((".",), [0] * 5), options, Plan(tmp_path / "run", 2, batch=4))
    assert prior.latent == 4 + 64
    z = prior.sample_z(2, torch.Generator().manual_seed(0))
    x = prior.generate(z)
    weights.save(tmp_path, prior.config(), prior.tensors())
    again = registry.load_prior(str(tmp_path))
    torch.testing.assert_close(again.generate(z), x, rtol=0, atol=5e-3)
    torch.testing.assert_close(
        again.perceptual_loss(z, x), prior.perceptual_loss(z, x), rtol=5e-3, atol=5e-3
    )


def test_a_batch_norm_in_the_critic_sees_real_and_generated_apart() -> None:
    critic = Downward(size=16, outputs=1, width=4, norm="batch").train()
    x = torch.cat([draws(4, 3, 16, 16), draws(4, 3, 16, 16, seed=1) + 5])
    with torch.no_grad():
        expected = torch.cat([critic(x[:4]), critic(x[4:])])
        torch.testing.assert_close(gan.judge(critic, x, None), expected)
        assert not torch.allclose(critic(x), expected)

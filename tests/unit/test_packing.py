"""Weights in 8 bits: every number within half a step, old files as they were."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from inpaint.priors import convnets, dcgan, vae
from inpaint.priors.packing import SCALE, SMALLEST, packed, unpacked
from inpaint.zoo import registry, weights


def weight(*shape: int, seed: int = 0) -> Tensor:
    """Channels along axis 0 of very different size."""
    w = torch.randn(shape, generator=torch.Generator().manual_seed(seed))
    return w * torch.logspace(-3, 1, shape[0]).view(-1, *[1] * (len(shape) - 1))


@pytest.mark.parametrize("shape", [(40, 20, 4, 4), (64, 64)], ids=str)
def test_each_number_is_within_half_a_step_of_its_channel(shape: tuple[int, ...]) -> None:
    w = weight(*shape)
    stored = packed({"w": w})
    assert stored["w"].dtype == torch.int8
    assert stored["w" + SCALE].shape == (shape[0], *[1] * (len(shape) - 1))
    step = w.flatten(1).abs().amax(1) / 127
    error = (unpacked(stored, "w") - w).flatten(1).abs().amax(1)
    # float16 scales are off by up to 2**-11, which the largest codes multiply by 127.
    assert (error <= step * (0.5 + 127 / 2048) + 1e-6).all()


def test_a_transposed_weight_is_scaled_along_its_own_output_channels() -> None:
    w = weight(32, 16, 4, 4).transpose(0, 1)
    stored = packed({"w": w})
    assert stored["w" + SCALE].shape == (1, 32, 1, 1)
    torch.testing.assert_close(
        unpacked(stored, "w"), unpacked(packed({"w": w.transpose(0, 1)}), "w").transpose(0, 1)
    )


def test_packing_twice_changes_nothing_more() -> None:
    once = packed({"w": weight(40, 64)})
    again = packed({"w": unpacked(once, "w")})
    assert torch.equal(again["w"], once["w"])
    torch.testing.assert_close(again["w" + SCALE], once["w" + SCALE], rtol=1e-3, atol=0)


def test_small_tensors_biases_and_integers_keep_their_values() -> None:
    kept = {
        "few": torch.randn(SMALLEST // 4, 4),
        "bias": torch.randn(3 * SMALLEST),
        "count": torch.tensor(7),
    }
    stored = packed(kept)
    assert {k: v.dtype for k, v in stored.items()} == {
        "few": torch.float16, "bias": torch.float16, "count": torch.int64,
    }  # fmt: skip
    assert torch.equal(unpacked(stored, "bias"), kept["bias"].half().float())


def test_channels_of_zeros_and_of_dust_come_back_as_zeros() -> None:
    w = torch.randn(4, 4096, generator=torch.Generator().manual_seed(0))
    w[1], w[2] = 0, 1e-9
    again = unpacked(packed({"w": w}), "w")
    assert again.isfinite().all()
    assert (again[1:3] == 0).all()


def test_weights_that_are_no_numbers_are_refused() -> None:
    with pytest.raises(ValueError, match="not a number"):
        packed({"w": torch.full((2, 4096), torch.nan)})


def test_load_takes_both_forms() -> None:
    made = nn.Linear(64, 64)
    halves = convnets.halved(part=made)
    for stored, tolerance in ((halves, 1e-3), (packed(halves), 1e-2)):
        other = nn.Linear(64, 64)
        convnets.load(other, stored, "part.")
        torch.testing.assert_close(other.weight, made.weight, rtol=0, atol=tolerance)
        assert torch.equal(other.bias, made.bias.half().float())


def test_a_missing_scale_is_named() -> None:
    stored = packed(convnets.halved(part=nn.Linear(64, 64)))
    del stored["part.weight" + SCALE]
    with pytest.raises(KeyError, match=r"part\.weight\.scale"):
        convnets.load(nn.Linear(64, 64), stored, "part.")


@pytest.mark.parametrize("name", [n for n in registry.priors() if not n.endswith("gaussian")])
def test_eight_bits_halve_a_shipped_prior_and_do_not_show(name: str, tmp_path: Path) -> None:
    config, tensors = weights.load(registry.prior_folder(name))
    weights.save(tmp_path, config, packed(tensors))
    whole, half = registry.load_prior(name), registry.load_prior(str(tmp_path))
    z = whole.sample_z(8, torch.Generator().manual_seed(0))
    error = (whole.generate(z) - half.generate(z)).square().mean()
    assert -10 * float(error.log10()) > 50
    stored = sum(v.nbytes for v in packed(whole.tensors()).values())
    assert stored < 0.53 * sum(v.nbytes for v in whole.tensors().values())


@pytest.mark.parametrize("make", [dcgan.tiny, vae.tiny], ids=["dcgan", "vae"])
def test_half_precision_still_loads_to_the_bit(make: object, tmp_path: Path) -> None:
    """Files from before there were 8 bits: what is loaded is what was written."""
    prior = make()  # type: ignore[operator]
    tensors = prior.tensors()
    weights.save(tmp_path, prior.config(), tensors)
    again = registry.load_prior(str(tmp_path)).tensors()
    assert again.keys() == tensors.keys()
    assert all(torch.equal(again[k], v) for k, v in tensors.items())

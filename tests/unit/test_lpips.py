from __future__ import annotations

import json
import shutil

import numpy as np
import pytest
import torch
from skimage import data, filters

from inpaint.errors import ImageError, WeightsError
from inpaint.evaluate import lpips as module
from inpaint.evaluate.lpips import FOLDER, cached, load, lpips, to_tensor
from inpaint.zoo import weights


def noise(n, side, seed=0):
    return torch.rand(n, 3, side, side, generator=torch.Generator().manual_seed(seed))


def test_check_value_of_a_blur():
    image = data.astronaut()
    blurred = filters.gaussian(image, 2, channel_axis=2, preserve_range=True)
    assert lpips(image, np.rint(blurred).astype(np.uint8)) == pytest.approx(0.32095, abs=1e-3)


def test_check_value_of_two_photos():
    a, b = data.chelsea()[:256, :256], data.coffee()[:256, :256]
    assert lpips(a, b) == pytest.approx(0.74907, abs=1e-3)


def test_check_value_of_a_hole():
    image = data.astronaut()
    holed = image.copy()
    holed[192:320, 192:320] = 0
    assert lpips(image, holed) == pytest.approx(0.07219, abs=1e-3)


def test_an_image_scores_the_same_in_any_company():
    a, b = noise(7, 64), noise(7, 64, seed=1)
    together = cached().distance(a, b)
    assert torch.equal(together[2:5], cached().distance(a[2:5], b[2:5]))
    assert torch.equal(together[6:], cached().distance(a[6:], b[6:]))
    torch.testing.assert_close(cached().loss(a, b), together, atol=1e-5, rtol=1e-5)


def test_properties_of_a_distance():
    a, b = noise(2, 40), noise(2, 40, seed=1)
    assert torch.equal(cached().distance(a, a), torch.zeros(2))
    torch.testing.assert_close(cached().distance(a, b), cached().distance(b, a))
    assert cached().distance(a[:0], b[:0]).shape == (0,)


def test_loss_has_finite_gradients_even_where_features_are_equal_or_zero():
    a, b = noise(2, 64).requires_grad_(), noise(2, 64, seed=1)
    b[1] = a[1].detach()
    cached().loss(a, b).sum().backward()
    assert torch.isfinite(a.grad).all()
    assert a.grad[0].abs().max() > 0
    black = torch.zeros(1, 3, 64, 64, requires_grad=True)
    cached().loss(black, b[:1]).sum().backward()
    assert torch.isfinite(black.grad).all()


def test_features_have_the_shapes_of_alexnet():
    shapes = [tuple(f.shape) for f in cached().features(noise(1, 64))]
    assert shapes == [(1, 64, 15, 15), (1, 192, 7, 7), *[(1, c, 3, 3) for c in (384, 256, 256)]]


def test_smallest_side():
    assert cached().distance(noise(1, 31), noise(1, 31, seed=1)).item() > 0
    with pytest.raises(ImageError, match="at least 31x31 pixels, got 30x30"):
        cached().features(noise(1, 30))


def test_inputs_are_neither_changed_nor_misread():
    image = np.full((40, 40, 3), 7, np.uint8)
    image.setflags(write=False)
    assert lpips(image, image) == 0
    with pytest.raises(ImageError, match="RGB uint8"):
        to_tensor(image[..., 0])
    with pytest.raises(ImageError, match="equal shapes"):
        lpips(image, np.zeros((41, 40, 3), np.uint8))
    with pytest.raises(ImageError, match="RGB uint8"):
        lpips(image / 255, image / 255)
    with pytest.raises(ImageError, match="at least 31x31 pixels, got 40x30"):
        lpips(image[:30], image[:30])


def test_shipped_config_matches_the_file():
    config = json.loads((FOLDER / "config.json").read_text())
    assert config["kind"] == "lpips"
    assert config["min_side"] == module.MIN_SIDE
    assert [layer["channels"] for layer in config["layers"]] == list(module._WIDTHS)
    assert (FOLDER / "MODEL_CARD.md").is_file()


def test_bad_weights_are_refused(tmp_path):
    with pytest.raises(WeightsError, match="not found"):
        load(tmp_path)
    shutil.copy(FOLDER / "config.json", tmp_path)
    (tmp_path / "model.safetensors").write_bytes((FOLDER / "model.safetensors").read_bytes()[:1000])
    with pytest.raises(WeightsError, match="damaged or changed"):
        load(tmp_path)
    weights.save(tmp_path / "other", {"kind": "lpips"}, {"x": torch.zeros(1)})
    with pytest.raises(WeightsError, match=r"lack 'features.0.weight'"):
        load(tmp_path / "other")

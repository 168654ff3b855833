from __future__ import annotations

import math

import cv2
import numpy as np
import pytest
import torch
from skimage import data
from skimage.metrics import structural_similarity
from torch.nn import functional

from inpaint.errors import ImageError
from inpaint.evaluate import compare, metrics
from inpaint.evaluate.compare import Comparer, lpips, plan_layers
from inpaint.evaluate.lpips import cached, to_tensor
from inpaint.evaluate.regions import Spans, Window, changed, differs, whole

SIZES = [(31, 31), (34, 35), (64, 64), (97, 61), (230, 419)]
HOLES = {
    "whole": (0, 1, 0, 1),
    "centre": (0.4, 0.6, 0.45, 0.55),
    "top": (0, 0.1, 0.3, 0.6),
    "bottom": (0.9, 1, 0.3, 0.6),
    "left": (0.2, 0.7, 0, 0.05),
    "right": (0.2, 0.7, 0.95, 1),
    "corner": (0, 0.2, 0, 0.2),
    "far corner": (0.8, 1, 0.8, 1),
    "stripe": (0.5, 0.52, 0, 1),
}


def photo(height, width):
    return np.ascontiguousarray(cv2.resize(data.astronaut(), (width, height)))


def spoilt(image, hole):
    h, w = image.shape[:2]
    top, bottom, left, right = (round(x * n) for x, n in zip(hole, (h, h, w, w), strict=True))
    out = image.copy()
    out[top : max(bottom, top + 1), left : max(right, left + 1)] ^= 90
    return out


def full_lpips(a, b):
    return float(cached().distance(to_tensor(a), to_tensor(b))[0])


def full_ssim(a, b):
    settings = {"gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False}
    return structural_similarity(a, b, data_range=255, channel_axis=2, **settings)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("hole", HOLES.values(), ids=HOLES)
def test_local_values_are_those_of_the_whole_image(size, hole):
    truth = photo(*size)
    filled = spoilt(truth, hole)
    assert lpips(truth, filled) == pytest.approx(full_lpips(truth, filled), abs=1e-6)
    assert metrics.ssim(truth, filled) == pytest.approx(full_ssim(truth, filled), abs=1e-6)


@pytest.mark.parametrize("size", [(34, 35), (250, 247)])
def test_single_pixels(size):
    truth = photo(*size)
    h, w = size
    for y, x in [(0, 0), (0, w - 1), (h - 1, 0), (h - 1, w - 1), (h // 2, w // 2), (h - 2, 3)]:
        filled = truth.copy()
        filled[y, x, 1] ^= 255
        assert lpips(truth, filled) == pytest.approx(full_lpips(truth, filled), abs=1e-6)
        assert metrics.ssim(truth, filled) == pytest.approx(full_ssim(truth, filled), abs=1e-6)


def test_pixels_that_no_window_sees_cost_nothing():
    truth = photo(34, 34)
    filled = truth.copy()
    filled[33] ^= 255  # AlexNet's first convolution ends one row before
    assert lpips(truth, filled) == full_lpips(truth, filled)
    assert lpips(truth, truth.copy()) == 0


def test_scattered_holes_and_noise():
    rng = np.random.default_rng(0)
    truth = rng.integers(0, 256, (90, 71, 3), dtype=np.uint8)
    filled = truth.copy()
    filled[rng.random((90, 71)) < 0.1] ^= 255
    assert lpips(truth, filled) == pytest.approx(full_lpips(truth, filled), abs=1e-6)
    assert metrics.ssim(truth, filled) == pytest.approx(full_ssim(truth, filled), abs=1e-6)


def test_values_do_not_depend_on_what_was_compared_before():
    truth, other = photo(150, 130), photo(150, 130)[:, ::-1].copy()
    pairs = [
        (image, np.where(mark, spoilt(image, hole), image))
        for image in (truth, other, truth)
        for hole in list(HOLES.values())[:3]
        for mark in (True, np.arange(130)[None, :, None] % 7 > 0)
    ]
    alone = [Comparer()(*pair) for pair in pairs]
    one = Comparer()
    assert [one(*pair) for pair in pairs] == alone
    assert [one(*pair) for pair in reversed(pairs)] == alone[::-1]
    mask = differs(*pairs[2])
    shared = metrics.measure(*pairs[2], mask, comparer=one)
    assert shared == metrics.measure(*pairs[2], mask)


def test_a_truth_is_encoded_once_for_fills_of_one_hole(monkeypatch):
    truth = photo(64, 64)
    calls = []
    encode = compare._encode
    monkeypatch.setattr(compare, "_encode", lambda *a: calls.append(1) or encode(*a))
    one = Comparer()
    for value in (1, 60, 200):
        filled = truth.copy()
        filled[20:40, 20:40] = value
        one(truth, filled)
    assert len(calls) == 1
    truth[25, 25] ^= 9  # the same array with other content
    one(truth, filled)
    assert len(calls) == 2
    monkeypatch.setattr(compare, "KEEP_BYTES", 0)
    one(truth, spoilt(truth, HOLES["whole"]))
    one(truth, spoilt(truth, HOLES["whole"]))
    assert len(calls) == 4


def test_wrong_pairs_are_refused():
    image = photo(40, 40)
    with pytest.raises(ImageError, match="equal shapes"):
        lpips(image, image[1:])
    with pytest.raises(ImageError, match="RGB uint8"):
        lpips(image / 255, image / 255)
    with pytest.raises(ImageError, match="at least 31x31 pixels, got 40x30"):
        lpips(image[:30], image[:30])


@pytest.mark.parametrize("window", [Window(3), Window(3, 2), Window(5, 1, 2), Window(11, 4, 2)])
def test_reach_and_need_are_those_of_a_convolution(window):
    kernel = torch.ones(1, 1, window.kernel, window.kernel)
    for n in range(11, 32):
        shape = (n, n + 3)
        for box in (Spans((0, 1), (4, 6)), Spans((n - 1, n), (n, n + 3)), Spans((3, 9), (2, 3))):
            x = torch.zeros(1, 1, *shape, dtype=torch.float64, requires_grad=True)
            marked = x.detach().clone()
            marked[0, 0][box.slices] = 1
            out, seen = (
                functional.conv2d(v, kernel.double(), stride=window.stride, padding=window.padding)[
                    0, 0
                ]
                for v in (x, marked)
            )
            assert tuple(out.shape) == window.shape(shape)
            expected = changed(np.zeros((*out.shape, 1)), seen.numpy()[..., None])
            reach = window.reach(box, shape)
            if expected is None:
                assert reach.empty
                continue
            assert reach == expected
            out[reach.slices].sum().backward()
            assert window.need(reach, shape) == changed(
                np.zeros((*shape, 1)), x.grad[0, 0].numpy()[..., None]
            )


def test_the_last_layer_sees_81_pixels_to_each_side():
    stages = cached().stages()
    seen = Spans((0, 1), (0, 1))
    for stage in reversed(stages):
        seen = stage.window.frame(seen)
    assert seen.rows[1] - seen.rows[0] == 2 * 81 + 1
    layers = plan_layers(stages, (1600, 1600), Spans((800, 816), (800, 816)))
    assert 800 - layers[0].need.rows[0] <= 2 * 81
    assert layers[0].need.rows[1] - 816 <= 2 * 81


def test_changed_is_the_tightest_box():
    a = np.zeros((9, 12, 3), np.uint8)
    assert changed(a, a) is None
    b = a.copy()
    b[2, 5, 2] = b[6, 3, 0] = 1
    assert changed(a, b) == Spans((2, 7), (3, 6))
    assert differs(a, b).sum() == 2
    assert changed(a, a + 1) == whole((9, 12)) == Spans((0, 9), (0, 12))
    assert Spans((2, 7), (3, 6)).aligned(4, (9, 12)) == Spans((0, 8), (0, 8))


def test_sums_are_exact_where_they_are_large():
    black = np.zeros((1500, 1100, 3), np.uint8)
    white = black + 255
    white[0, 0] = 254
    n = black.size
    squares = (n - 3) * 255**2 + 3 * 254**2
    assert metrics.psnr(black, white) == 10 * math.log10(255**2 * n / squares)
    assert metrics.l1_pct(white, black) == 100 * ((n - 3) * 255 + 3 * 254) / (n * 255)
    corner = np.zeros(black.shape[:2], bool)
    corner[0, :2] = True
    assert metrics.psnr_hole(black, white, corner) == 10 * math.log10(
        255**2 * 6 / (3 * 255**2 + 3 * 254**2)
    )
    rows = corner.repeat(2, axis=0)[::2]  # no contiguous view of bytes
    assert metrics.l1_hole(black, white, rows) == metrics.l1_hole(black, white, corner)


def test_memory_layout_does_not_matter():
    truth = photo(60, 50)
    filled = spoilt(truth, HOLES["centre"])
    mask = differs(truth, filled)
    expected = metrics.measure(truth, filled, mask)
    turned = [np.ascontiguousarray(x[..., ::-1])[..., ::-1] for x in (truth, filled)]
    assert metrics.measure(*turned, mask) == expected
    columns = [np.asfortranarray(x) for x in (truth, filled, mask)]
    for x in columns:
        x.setflags(write=False)
    assert metrics.measure(*columns) == expected

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from skimage import data
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

from inpaint.errors import ImageError, MaskError
from inpaint.evaluate import metrics


@pytest.fixture
def pair():
    rng = np.random.default_rng(3)
    a = rng.integers(0, 256, (48, 61, 3), dtype=np.uint8)
    b = np.clip(a.astype(int) + rng.integers(-40, 40, a.shape), 0, 255).astype(np.uint8)
    return a, b


@pytest.fixture
def composite(pair):
    mask = np.zeros(pair[0].shape[:2], bool)
    mask[10:30, 5:40] = True
    return pair[0], np.where(mask[..., None], pair[1], pair[0]), mask


def test_psnr_is_that_of_skimage(pair):
    expected = peak_signal_noise_ratio(*pair, data_range=255)
    assert metrics.psnr(*pair) == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize("size", [(11, 11), (11, 40), (48, 61), (64, 64)])
def test_ssim_is_that_of_skimage(size):
    rng = np.random.default_rng(1)
    a = rng.integers(0, 256, (*size, 3), dtype=np.uint8)
    b = np.clip(a.astype(int) + rng.integers(-60, 60, a.shape), 0, 255).astype(np.uint8)
    expected = structural_similarity(
        a,
        b,
        gaussian_weights=True,
        sigma=1.5,
        use_sample_covariance=False,
        data_range=255,
        channel_axis=2,
    )
    assert metrics.ssim(a, b) == pytest.approx(expected, abs=1e-6)


def test_ssim_of_a_photo_is_that_of_skimage_over_several_strips():
    """The filters run on strips of 64 rows; a photo of 150 has three."""
    a = data.astronaut()[100:250, 50:170]
    b = a.copy()
    b[60:75, 20:90] ^= 90
    settings = {"gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False}
    expected = structural_similarity(a, b, data_range=255, channel_axis=2, **settings)
    assert metrics.ssim(a, b) == pytest.approx(expected, abs=1e-6)


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


def test_memory_layout_does_not_matter(composite):
    expected = metrics.measure(*composite)
    turned = [np.ascontiguousarray(x[..., ::-1])[..., ::-1] for x in composite[:2]]
    assert metrics.measure(*turned, composite[2]) == expected
    columns = [np.asfortranarray(x) for x in composite]
    for x in columns:
        x.setflags(write=False)
    assert metrics.measure(*columns) == expected


def test_flat_offset_has_known_values():
    a = np.full((20, 20, 3), 100, np.uint8)
    assert metrics.psnr(a, a + 51) == pytest.approx(20 * math.log10(5))
    assert metrics.l1_pct(a, a + 51) == pytest.approx(20)
    assert metrics.l1_pct(a + 51, a) == pytest.approx(20)  # unsigned bytes must not wrap


def test_hole_and_whole_agree(composite):
    truth, filled, mask = composite
    row = metrics.measure(truth, filled, mask, with_lpips=False)
    ratio = mask.mean()
    assert row["mask_ratio"] == pytest.approx(ratio)
    assert row["psnr"] == pytest.approx(row["psnr_hole"] + 10 * math.log10(1 / ratio), abs=1e-9)
    assert row["l1_pct"] == pytest.approx(row["l1_hole"] * ratio, abs=1e-9)
    assert row["psnr_hole"] == metrics.psnr_hole(truth, filled, mask)
    assert row["l1_hole"] == metrics.l1_hole(truth, filled, mask)
    assert row["psnr"] == metrics.psnr(truth, filled)
    assert row["lpips"] is None
    assert row["note"] == ""


def test_row_has_the_columns_and_lpips(composite):
    row = metrics.measure(*composite)
    assert tuple(row) == metrics.COLUMNS
    assert 0 < row["lpips"] < 1.5


def test_perfect_fill_is_infinite_and_null_in_json(composite):
    truth, _, mask = composite
    row = metrics.measure(truth, truth.copy(), mask)
    assert row["psnr"] == row["psnr_hole"] == math.inf
    assert row["ssim"] == pytest.approx(1)
    assert row["lpips"] == row["l1_pct"] == row["l1_hole"] == 0
    parsed = json.loads(metrics.to_json(row), parse_constant=pytest.fail)
    assert parsed["psnr"] is None
    assert parsed["psnr_hole"] is None
    assert parsed["l1_pct"] == 0


def test_to_json_keeps_names_and_takes_numpy_numbers():
    line = metrics.to_json({"name": "Zoë.png", "x": np.float32(np.nan), "n": np.int64(3)})
    assert json.loads(line) == {"name": "Zoë.png", "x": None, "n": 3}
    assert "Zoë" in line
    assert "\n" not in line


def test_tiny_images_say_why_a_value_is_missing():
    a = np.zeros((10, 30, 3), np.uint8)
    mask = np.zeros((10, 30), bool)
    mask[2:4] = True
    row = metrics.measure(a, a + 1, mask)
    assert row["ssim"] is None
    assert row["lpips"] is None
    assert row["note"] == "no ssim: 30x10 is below 11x11; no lpips: 30x10 is below 31x31"
    assert row["psnr"] == pytest.approx(20 * math.log10(255))


@pytest.mark.parametrize(
    ("ratio", "expected"),
    [
        (0.001, "00-10"), (0.1, "00-10"), (0.1001, "10-20"), (0.1 + 0.2, "20-30"),
        (0.25, "20-30"), (0.6, "50-60"), (0.8, "70-80"), (1.0, "90-100"),
    ],
)  # fmt: skip
def test_bucket(ratio, expected):
    assert metrics.bucket(ratio) == expected


def test_wrong_inputs_are_refused(composite):
    truth, filled, mask = composite
    with pytest.raises(ImageError, match="equal sizes"):
        metrics.psnr(truth, filled[1:])
    with pytest.raises(ImageError, match="uint8"):
        metrics.ssim(truth / 255, filled / 255)
    with pytest.raises(MaskError, match="True marks the hole"):
        metrics.measure(truth, filled, mask.astype(np.uint8))
    with pytest.raises(MaskError, match="no hole"):
        metrics.measure(truth, filled, np.zeros_like(mask))

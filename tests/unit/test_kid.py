from __future__ import annotations

import numpy as np
import pytest

from inpaint.errors import ImageError
from inpaint.evaluate import kid


def samples(n, seed, shift=0.0):
    return np.random.default_rng(seed).normal(shift, 1, (n, 16))


def test_mmd2_equals_its_definition():
    x, y = samples(5, 0), samples(4, 1, 0.3)

    def k(a, b):
        return (a @ b / 16 + 1) ** 3

    xx = np.mean([k(x[i], x[j]) for i in range(5) for j in range(5) if i != j])
    yy = np.mean([k(y[i], y[j]) for i in range(4) for j in range(4) if i != j])
    xy = np.mean([k(a, b) for a in x for b in y])
    assert kid.mmd2(x, y) == pytest.approx(xx + yy - 2 * xy)


def test_same_distribution_is_near_zero_and_a_shift_is_not():
    same = kid.kid(samples(400, 0), samples(400, 1))
    shifted = kid.kid(samples(400, 0), samples(400, 1, 0.5))
    further = kid.kid(samples(400, 0), samples(400, 1, 1.0))
    assert abs(same.mean) < 2 * same.std
    assert shifted.mean > 5 * shifted.std
    assert further.mean > shifted.mean


def test_unbiased():
    values = [kid.mmd2(samples(10, i), samples(10, 1000 + i)) for i in range(300)]
    assert abs(np.mean(values)) < 4 * np.std(values) / np.sqrt(300)
    assert min(values) < 0


def test_seeded():
    x, y = samples(50, 0), samples(40, 1)
    assert kid.kid(x, y, seed=4) == kid.kid(x, y, seed=4)
    assert kid.kid(x, y, seed=4) != kid.kid(x, y, seed=5)


def test_sizes_are_checked():
    with pytest.raises(ImageError, match="at least 4 images"):
        kid.kid(samples(3, 0), samples(9, 1))
    with pytest.raises(ImageError, match="2 to 9 images"):
        kid.kid(samples(20, 0), samples(9, 1), subset_size=10)


def test_pooled_features_tell_noise_from_smooth_images():
    rng = np.random.default_rng(0)

    def rough():
        return rng.integers(0, 256, (32, 32, 3), dtype=np.uint8)

    def smooth():
        return np.repeat(np.repeat(rng.integers(0, 256, (4, 4, 3), dtype=np.uint8), 8, 0), 8, 1)

    images = [rough() for _ in range(12)]
    x = kid.pooled(images)
    assert x.shape == (12, 256)
    np.testing.assert_array_equal(x[5:6], kid.pooled(images[5:6]))
    assert kid.pooled([]).shape == (0, 256)
    alike = kid.kid(x, kid.pooled([rough() for _ in range(12)]))
    unlike = kid.kid(x, kid.pooled([smooth() for _ in range(12)]))
    assert unlike.mean > alike.mean + 5 * alike.std

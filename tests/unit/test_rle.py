"""Run lengths against strings that the reference tool of COCO (pycocotools 2.0.11) wrote."""

from __future__ import annotations

import numpy as np
import pytest

from inpaint.errors import MaskError
from inpaint.masks import rle


def rectangle() -> np.ndarray:
    mask = np.zeros((10, 10), bool)
    mask[2:4, 3:6] = True
    return mask


def ellipse() -> np.ndarray:
    y, x = np.mgrid[:30, :40]
    return ((x - 20) / 15.0) ** 2 + ((y - 14) / 11.0) ** 2 <= 1


def half() -> np.ndarray:
    """Long runs, and a first pixel that is set."""
    mask = np.zeros((64, 100), bool)
    mask[:, 50:] = True
    mask[0, 0] = True
    return mask


KNOWN = [
    (rectangle(), "P128000V1"),
    (
        ellipse(),
        "T51j06K4M2N2N2O0O2O0O2O000000000O20N10000000001N101N101N2N2N3L5J]3",
    ),
    (half(), "01oS3oS3"),
]
known = pytest.mark.parametrize(("mask", "text"), KNOWN, ids=["rectangle", "ellipse", "half"])


@known
def test_known_strings_are_read(mask: np.ndarray, text: str) -> None:
    found = rle.decode(text, mask.shape)
    assert found.dtype == np.bool_
    np.testing.assert_array_equal(found, mask)


@known
def test_known_strings_are_written(mask: np.ndarray, text: str) -> None:
    assert rle.encode(mask) == text


def test_plain_counts_run_down_the_columns() -> None:
    np.testing.assert_array_equal(rle.decode([32, 2, 8, 2, 8, 2, 46], (10, 10)), rectangle())


@pytest.mark.parametrize("seed", range(3))
def test_any_mask_comes_back(seed: int) -> None:
    generator = np.random.default_rng(seed)
    mask = generator.random((17, 23)) < generator.random()
    np.testing.assert_array_equal(rle.decode(rle.encode(mask), mask.shape), mask)


@pytest.mark.parametrize("level", [False, True])
def test_masks_of_one_kind_come_back(level: bool) -> None:
    mask = np.full((5, 7), level)
    np.testing.assert_array_equal(rle.decode(rle.encode(mask), mask.shape), mask)


@pytest.mark.parametrize(
    ("counts", "part"),
    [
        ("P128000V", "cut short"),
        ("P128000", "cover 54 pixels"),
        ("P12 8000V1", "damaged"),
        ("P128000V1é", "damaged"),
        ("o" * 100, "damaged"),
        ("", "cover 0 pixels"),
        ([50, 51], "cover 101 pixels"),
        ([150, -50], "whole numbers"),
        ([50.0, 50.0], "whole numbers"),
        (["50", "50"], "whole numbers"),
    ],
)
def test_damaged_codes_are_refused(counts: object, part: str) -> None:
    with pytest.raises(MaskError, match=part):
        rle.decode(counts, (10, 10))  # type: ignore[arg-type]

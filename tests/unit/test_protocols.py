from __future__ import annotations

import subprocess
import sys

import cv2
import numpy as np
import pytest

from inpaint.errors import MaskError, UnknownNameError
from inpaint.evaluate.protocols import make, names
from inpaint.pipeline.seeds import seed_for

SHAPES = [(16, 16), (64, 64), (75, 100), (256, 256)]
BUCKETS = [name for name in names() if name.startswith("bucket:")]


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("name", names())
def test_valid_repeatable_and_never_empty_or_full(name, shape):
    for seed in range(8):
        mask = make(name, shape, seed)
        assert mask.shape == shape
        assert mask.dtype == bool
        assert 0 < mask.sum() < mask.size
        np.testing.assert_array_equal(mask, make(name, shape, seed))


@pytest.mark.parametrize("name", [n for n in names() if n not in ("center", "half")])
def test_another_seed_gives_another_mask(name):
    masks = {make(name, (64, 64), seed).tobytes() for seed in range(20)}
    assert len(masks) == 20


def test_center_is_the_middle_32_of_64():
    mask = make("center", (64, 64))
    assert mask[16:48, 16:48].all()
    assert mask.sum() == 32 * 32


def test_half_is_the_right_half():
    mask = make("half", (64, 64))
    assert mask[:, 32:].all()
    assert not mask[:, :32].any()
    assert make("half", (5, 7)).sum() == 15


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize(
    ("name", "ratio"), [("random80", 0.8), ("random50", 0.5), ("pattern", 0.25)]
)
def test_exact_share(name, ratio, shape):
    assert make(name, shape, 5).sum() == round(ratio * shape[0] * shape[1])


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("name", BUCKETS)
def test_bucket_bounds(name, shape):
    low, high = (int(part) / 100 for part in name[len("bucket:") :].split("-"))
    ratios = [make(name, shape, seed).mean() for seed in range(25)]
    assert min(ratios) > max(low, 0.01)
    assert max(ratios) <= high
    assert max(ratios) - min(ratios) > 0.05  # spread over the bucket, not stuck at an end


@pytest.mark.parametrize("shape", [*SHAPES, (40, 400)])
@pytest.mark.parametrize("name", ["thin", "medium", "thick"])
def test_strokes_cover_a_quarter_on_average_and_half_at_most(name, shape):
    ratios = [make(name, shape, seed).mean() for seed in range(60)]
    assert max(ratios) <= 0.5
    assert 0.15 < np.mean(ratios) < 0.35


def test_thick_holes_are_deeper_than_thin_ones():
    def depth(name):
        masks = [make(name, (256, 256), seed).astype(np.uint8) for seed in range(30)]
        return np.mean([cv2.distanceTransform(m, cv2.DIST_L2, 5).max() for m in masks])

    assert depth("thin") < 0.6 * depth("medium") < 0.6 * depth("thick")


def test_tiny_and_odd_shapes():
    for shape in [(2, 2), (2, 300), (3, 3), (7, 5)]:
        for name in set(names()) - set(BUCKETS):
            assert 0 < make(name, shape, 1).mean() < 1
    with pytest.raises(MaskError, match="at least 2x2 pixels, got 9x1"):
        make("center", (1, 9))
    with pytest.raises(MaskError, match="use a larger image"):
        make("bucket:10-20", (2, 2))


def test_unknown_name():
    with pytest.raises(UnknownNameError, match="unknown mask protocol 'centre'; did you mean"):
        make("centre", (64, 64))


def test_seed_is_stable_and_portable():
    # printf "0:a/b.png" | sha256sum, its first 16 digits halved
    assert seed_for("a/b.png") == 4926233094151636282
    assert seed_for("a\\b.png") == seed_for("a/b.png")
    assert seed_for("e\u0301.png") == seed_for("\u00e9.png")
    assert seed_for("a/b.png", 1) != seed_for("a/b.png")
    assert 0 <= seed_for("\udcff.png") < 2**63
    assert len({seed_for(f"{i}.png") for i in range(1000)}) == 1000


def test_negative_seeds_work():
    assert make("thin", (32, 32), -1).any()


def test_same_masks_in_another_process():
    code = (
        "import hashlib; from inpaint.evaluate.protocols import make, names;"
        "print(hashlib.sha256(b''.join("
        "make(n, (40, 60), 9).tobytes() for n in names())).hexdigest())"
    )
    runs = {
        subprocess.run(
            [sys.executable, "-c", code],
            check=True,
            capture_output=True,
            text=True,
            env={"PYTHONHASHSEED": seed, "PYTHONPATH": ":".join(sys.path)},
        ).stdout
        for seed in ("1", "2")
    }
    assert len(runs) == 1


def test_buckets_of_other_bounds() -> None:
    ratios = [make("bucket:20-40", (64, 64), seed).mean() for seed in range(40)]
    assert min(ratios) > 0.2
    assert max(ratios) <= 0.4
    assert max(ratios) - min(ratios) > 0.1


@pytest.mark.parametrize("name", ["bucket:40-20", "bucket:20-20", "bucket:a-b", "bucket:-5-10"])
def test_senseless_buckets_are_unknown(name: str) -> None:
    with pytest.raises(UnknownNameError):
        make(name, (64, 64))

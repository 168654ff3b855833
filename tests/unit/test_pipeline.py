"""``fill`` and ``complete``: known pixels survive, inputs survive, odd shapes work."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from image_samples import noise, smooth
from torch import Tensor

import inpaint
from inpaint import images
from inpaint.errors import ImageError, InpaintError, MaskError, SearchError, UnknownNameError
from inpaint.pipeline import Result, complete
from inpaint.priors import Prior
from inpaint.zoo import registry, weights

KINDS = registry.kinds()
FAST: dict[str, Any] = {"search": {"steps": 2}}


@pytest.fixture(params=KINDS)
def folder(request: pytest.FixtureRequest, tiny_folders: dict[str, str]) -> str:
    return tiny_folders[request.param]


@pytest.fixture
def vae(tiny_folders: dict[str, str]) -> str:
    return tiny_folders["vae"]


def box(shape: tuple[int, ...], *slices: tuple[slice, slice]) -> np.ndarray:
    mask = np.zeros(shape[:2], dtype=bool)
    for where in slices:
        mask[where] = True
    return mask


def as_type(pixels: np.ndarray, dtype: type) -> np.ndarray:
    if np.issubdtype(dtype, np.floating):
        return pixels.astype(dtype) / 255 * 0.987  # between the levels of 16 bits
    return pixels.astype(dtype) * (257 if dtype is np.uint16 else 1)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32, np.float64])
@pytest.mark.parametrize("channels", [(), (1,), (2,), (3,), (4,)], ids=str)
def test_known_pixels_come_back_bit_identical(
    vae: str, dtype: type, channels: tuple[int, ...]
) -> None:
    image = as_type(noise(30, 26, *channels), dtype)
    if channels in ((2,), (4,)):  # something must be opaque
        image[::2, :, -1] = 1 if np.issubdtype(dtype, np.floating) else np.iinfo(dtype).max
    mask = box(image.shape, np.s_[8:20, 5:15])
    filled = inpaint.fill(image, mask, prior=vae, **FAST)
    assert filled.dtype == image.dtype
    assert filled.shape == image.shape
    np.testing.assert_array_equal(filled[~mask], image[~mask])
    assert (filled[mask] != image[mask]).any()


def test_alpha_is_kept_in_the_hole_unless_it_was_the_hole(vae: str) -> None:
    image = noise(30, 26, 4)
    image[8:20, 5:15, 3] = 0
    mask = image[..., 3] == 0
    kept = inpaint.fill(image, mask, prior=vae, **FAST)
    np.testing.assert_array_equal(kept[..., 3], image[..., 3])
    opened = inpaint.fill(image, mask, prior=vae, opaque=True, **FAST)
    assert (opened[mask][:, 3] == 255).all()


@pytest.mark.parametrize("dtype", [bool, np.uint8, np.float32])
def test_masks_of_any_usual_type_mean_the_same(vae: str, dtype: type) -> None:
    image = noise(30, 26, 3)
    mask = box(image.shape, np.s_[8:20, 5:15])
    given = mask.astype(dtype) * (255 if dtype is np.uint8 else 1)
    expected = inpaint.fill(image, mask, prior=vae, **FAST)
    np.testing.assert_array_equal(inpaint.fill(image, given, prior=vae, **FAST), expected)


def test_inputs_are_neither_changed_nor_aliased(folder: str) -> None:
    image, mask = noise(30, 26, 3), box((30, 26), np.s_[8:20, 5:15])
    before = image.copy(), mask.copy()
    image.flags.writeable = mask.flags.writeable = False
    filled = inpaint.fill(image, mask, prior=folder, **FAST)
    np.testing.assert_array_equal(image, before[0])
    np.testing.assert_array_equal(mask, before[1])
    assert not np.shares_memory(filled, image)
    assert filled.flags.writeable


def test_strided_inputs_give_the_same_as_plain_ones(vae: str) -> None:
    image, mask = noise(30, 26, 3), box((30, 26), np.s_[8:20, 5:15])
    expected = inpaint.fill(image, mask, prior=vae, **FAST)
    strided = np.ascontiguousarray(image[:, ::-1])[:, ::-1], np.asfortranarray(mask)
    np.testing.assert_array_equal(inpaint.fill(*strided, prior=vae, **FAST), expected)


@pytest.mark.parametrize("mode", ["sharp", "psnr"])
def test_the_same_call_gives_the_same_bytes_and_the_seed_matters(folder: str, mode: str) -> None:
    image, mask = noise(30, 26, 3), box((30, 26), np.s_[8:20, 5:15])

    def run(seed: int) -> bytes:
        options = {"search": {"steps": 2, "start": "sample"}, "mode": mode, "prior": folder}
        return inpaint.fill(image, mask, seed=seed, **options).tobytes()

    torch.manual_seed(1)
    np.random.seed(1)
    first = run(5)
    torch.manual_seed(2)
    np.random.seed(2)
    assert run(5) == first
    assert run(6) != first


def test_what_lies_in_the_hole_is_never_seen(folder: str) -> None:
    image, mask = smooth(), box((32, 48), np.s_[8:20, 5:15], np.s_[28:, 40:])
    other = np.where(mask[..., None], noise(32, 48, 3), image)
    expected = inpaint.fill(image, mask, prior=folder, **FAST)
    np.testing.assert_array_equal(inpaint.fill(other, mask, prior=folder, **FAST), expected)


def finished(image: np.ndarray, mask: np.ndarray, **options: Any) -> np.ndarray:
    filled = inpaint.fill(image, mask, **{**FAST, **options})
    np.testing.assert_array_equal(filled[~mask], image[~mask])
    return filled


def assert_colours_come_from_around(folder: str, mask: np.ndarray, **options: Any) -> None:
    """White in the hole, dark grey around: on average the fill must be like the latter."""
    image = np.where(mask[..., None], 255, np.full((*mask.shape, 3), 100)).astype(np.uint8)
    filled = finished(image, mask, prior=folder, **options)
    assert abs(float(filled[mask].mean()) - 100) < 60


@pytest.mark.parametrize(
    ("shape", "where"),
    [
        ((8, 8), np.s_[2:5, 2:6]),
        ((5, 70), np.s_[1:4, 20:50]),
        ((70, 5), np.s_[20:50, 1:4]),
        ((1, 9), np.s_[:, 3:6]),
        ((2, 2), np.s_[:1, :1]),
        ((1, 2), np.s_[:, :1]),
        ((150, 90), np.s_[20:120, 30:60]),
    ],
    ids=str,
)
def test_images_of_any_shape_can_be_filled(
    folder: str, shape: tuple[int, int], where: tuple[slice, slice]
) -> None:
    assert_colours_come_from_around(folder, box(shape, where))


HOLES = {
    "borders": [np.s_[:9, :12], np.s_[40:, 20:30], np.s_[20:30, 50:]],
    "across": [np.s_[20:30, :]],
    "several": [np.s_[5:9, 5:9], np.s_[20:40, 10:20], np.s_[30:34, 40:50], np.s_[49:50, 59:60]],
    "all but a row": [np.s_[1:, :]],
    "all but a corner": [np.s_[1:, :], np.s_[:1, 1:]],
}


@pytest.mark.parametrize("holes", HOLES.values(), ids=HOLES.keys())
@pytest.mark.parametrize("mode", ["sharp", "psnr"])
def test_holes_anywhere_can_be_filled(
    folder: str, holes: list[tuple[slice, slice]], mode: str
) -> None:
    assert_colours_come_from_around(folder, box((50, 60), *holes), mode=mode)


@pytest.mark.parametrize("name", registry.priors())
def test_every_shipped_prior_fills_when_next_to_nothing_is_known(name: str) -> None:
    image = np.full((300, 200, 3), 100, np.uint8)
    mask = np.ones((300, 200), bool)
    mask[0, 0] = False
    for prior in (name, "auto"):
        finished(image, mask, prior=prior)


@pytest.mark.parametrize("name", ["auto", *registry.priors()])
def test_shipped_priors_keep_a_flat_surface_flat(name: str) -> None:
    image = np.full((64, 64, 3), 128, np.uint8)
    filled = finished(image, box((64, 64), np.s_[20:30, 20:30]), prior=name, search={"steps": 10})
    assert np.abs(filled.astype(int) - 128).max() < 60


def test_without_stages_the_prior_s_own_picture_fills_the_hole(vae: str) -> None:
    image, mask = noise(16, 16, 3), box((16, 16), np.s_[4:9, 4:9])
    seen: dict[str, Tensor] = {}

    def keep(crop: int, crops: int, step: int, steps: int, terms: dict[str, Tensor]) -> None:
        if step == steps:
            seen.update(terms)

    one = {"steps": 0, "restarts": 1}
    filled = finished(image, mask, prior=vae, search=one, stages=(), callback=keep)
    own = (seen["x"][0, 0].permute(1, 2, 0).numpy() * 255).round()
    np.testing.assert_array_equal(filled[mask], own[mask])
    blended = finished(image, mask, prior=vae, search=one)
    assert (blended[mask] != filled[mask]).any()


def test_stages_run_in_order(vae: str) -> None:
    image, mask = smooth(), box((32, 48), np.s_[8:20, 5:15])
    results = {
        stages: finished(image, mask, prior=vae, stages=stages).tobytes()
        for stages in (("poisson",), ("texture",), ("texture", "poisson"))
    }
    assert results[("texture", "poisson")] == results[("poisson",)]
    assert results[("texture",)] != results[("poisson",)]


def test_the_callback_sees_every_step_of_every_crop(vae: str) -> None:
    image, mask = noise(90, 90, 3), box((90, 90), np.s_[5:9, 5:9], np.s_[80:84, 80:84])
    calls: list[tuple[int, int, int, int]] = []
    finished(image, mask, prior=vae, search={"steps": 3}, callback=lambda *c: calls.append(c[:4]))
    assert calls == [(crop, 2, 3, step) for crop in range(2) for step in range(4)]


def test_crops_of_one_picture_have_different_seeds(vae: str) -> None:
    """Samples depend on nothing but the seed, so equal seeds would draw equal pictures."""
    image, mask = noise(90, 90, 3), box((90, 90), np.s_[5:9, 5:9], np.s_[80:84, 80:84])
    drawn: list[Tensor] = []
    options: dict[str, Any] = {"start": "sample", "steps": 0, "restarts": 1}
    tell = lambda *call: drawn.append(call[4]["x"])  # noqa: E731
    complete(images.from_array(image), mask, prior=vae, callback=tell, search=options)
    first, second = drawn
    assert (first - second).abs().mean() > 0.01


def run(folder: str, **options: Any) -> Result:
    picture = images.from_array(noise(30, 26, 3))
    mask = box((30, 26), np.s_[8:20, 5:15])
    return complete(picture, mask, prior=folder, **{**FAST, **options})


@pytest.mark.parametrize("mode", ["sharp", "psnr"])
def test_candidates_differ_and_the_first_is_the_single_fill(folder: str, mode: str) -> None:
    options = {"mode": mode, "search": {"steps": 2, "restarts": 4, "start": "sample"}}
    pixels = [p.pixels for p in run(folder, candidates=3, **options).pictures]
    assert len({p.tobytes() for p in pixels}) == 3
    single = run(folder, candidates=1, **options)
    np.testing.assert_array_equal(pixels[0], single.pictures[0].pixels)


def test_more_candidates_than_restarts_can_be_asked_for(folder: str) -> None:
    assert len(run(folder, candidates=6, search={"steps": 2, "restarts": 2}).pictures) == 6


def test_the_report_tells_what_was_done(vae: str) -> None:
    result = run(vae)
    (report,) = result.reports
    assert report.prior == vae
    y0, x0, y1, x1 = report.box
    assert y0 <= 8 < 20 <= y1
    assert x0 <= 5 < 15 <= x1
    lam = registry.load_prior(vae).search_defaults["lam"]
    assert report.loss == pytest.approx(report.contextual + lam * report.perceptual)
    assert report.evidence == {}
    assert result.seconds > 0


def test_auto_reports_the_evidence_of_each_family() -> None:
    result = run("auto")
    evidence = result.reports[0].evidence
    assert evidence
    assert result.reports[0].prior.startswith(max(evidence, key=evidence.__getitem__))


@pytest.mark.parametrize("mode", ["sharp", "psnr"])
def test_a_broken_restart_does_not_spoil_the_fill(vae: str, mode: str) -> None:
    prior = registry.load_prior(vae)
    start = prior.sample_z(3, torch.Generator().manual_seed(0))[None]
    start[0, 0] = float("nan")
    result = run(vae, mode=mode, search={"steps": 2, "restarts": 3, "start": start})
    assert result.reports[0].loss < float("inf")


def test_a_mean_over_restarts_is_closer_to_all_of_them(vae: str) -> None:
    """What ``psnr`` asks for: the average of the restarts, not one of them."""
    search = {"restarts": 4, "start": "sample", "steps": 0}
    options: dict[str, Any] = {"stages": (), "search": search}
    mask = box((30, 26), np.s_[8:20, 5:15])
    fills = [
        p.pixels[mask].astype(float)
        for p in run(vae, mode="sharp", candidates=4, **options).pictures
    ]
    mean = run(vae, mode="psnr", **options).pictures[0].pixels[mask].astype(float)

    def distance(x: np.ndarray) -> float:
        return float(sum(np.square(x - other).mean() for other in fills))

    assert distance(mean) < min(map(distance, fills))


# Wrong use


@pytest.mark.parametrize(
    ("options", "hint"),
    [
        ({"prior": "faces64-gausian"}, "did you mean 'faces64-gaussian'"),
        ({"stages": ("poison",)}, "did you mean 'poisson'"),
        ({"mode": "shrap"}, "did you mean 'sharp'"),
        ({"device": "gpu"}, "unknown device 'gpu'"),
    ],
    ids=str,
)
def test_unknown_names_get_a_hint(vae: str, options: dict[str, Any], hint: str) -> None:
    image, mask = noise(30, 26, 3), box((30, 26), np.s_[8:20, 5:15])
    with pytest.raises(UnknownNameError, match=hint):
        inpaint.fill(image, mask, **{"prior": vae, **FAST, **options})


@pytest.mark.parametrize(
    ("option", "value"),
    [("candidates", 0), ("candidates", -2), ("candidates", 2.5), ("seed", -1), ("seed", 2**63)],
)
def test_numbers_out_of_range_are_errors(vae: str, option: str, value: int) -> None:
    with pytest.raises(InpaintError, match=f"{option}.*{value}"):
        run(vae, **{option: value})


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("steps", -1), ("steps", "40"), ("steps", 1.5), ("restarts", 0), ("restarts", True),
        ("lr", 0), ("lr", float("nan")), ("window", 4), ("lam", -1), ("anneal", 1),
    ],
)  # fmt: skip
def test_search_options_out_of_range_are_errors(vae: str, option: str, value: Any) -> None:
    with pytest.raises(SearchError, match=f"{option} is .*{value}.*; expected"):
        run(vae, search={option: value})


@pytest.mark.parametrize("context", [-1.0, float("nan"), float("inf")])
def test_a_senseless_context_is_an_error(vae: str, context: float) -> None:
    with pytest.raises((InpaintError, ValueError), match="context"):
        run(vae, context=context)


@pytest.mark.parametrize("fraction", [0, 1])
def test_empty_and_full_masks_are_errors(vae: str, fraction: int) -> None:
    mask = np.full((30, 26), bool(fraction))
    with pytest.raises(MaskError):
        inpaint.fill(noise(30, 26, 3), mask, prior=vae)


def test_masks_and_images_that_do_not_fit_are_errors(vae: str) -> None:
    mask = box((30, 26), np.s_[8:20, 5:15])
    with pytest.raises(MaskError, match="26x31"):
        inpaint.fill(noise(31, 26, 3), mask, prior=vae)
    with pytest.raises(ImageError):
        inpaint.fill(noise(30, 26, 5), mask, prior=vae)
    with pytest.raises(ImageError, match="NaN"):
        inpaint.fill(np.full((30, 26, 3), np.nan, np.float32), mask, prior=vae)


@pytest.mark.parametrize("seed", [2**63 - 1, 0, 12345])
def test_every_seed_that_the_command_line_takes_works_with_two_crops(vae: str, seed: int) -> None:
    image, mask = noise(90, 90, 3), box((90, 90), np.s_[5:9, 5:9], np.s_[80:84, 80:84])
    finished(image, mask, prior=vae, seed=seed)


def test_weights_that_hold_nan_are_a_search_error(
    tmp_path: Path, tiny: Callable[..., Prior]
) -> None:
    prior = tiny("vae")
    tensors = {k: torch.full_like(v, torch.nan) for k, v in prior.tensors().items()}
    weights.save(tmp_path, prior.config(), tensors)
    with pytest.raises(SearchError, match="NaN"):
        run(str(tmp_path))


def test_crops_and_stages_are_told_before_they_begin(vae: str) -> None:
    image, told = noise(200, 120, 3), []
    mask = box(image.shape, np.s_[10:20, 10:20], np.s_[150:160, 90:100])
    complete(
        images.from_array(image),
        mask,
        prior=vae,
        stages=("poisson", "texture"),
        candidates=2,
        on_crop=lambda crop, crops, where: told.append((crop, crops, where.height)),
        on_stage=lambda name, patch: told.append((name, patch.mask.shape[0])),
        **FAST,
    )
    side = told[0][2]
    stages = [("poisson", side), ("texture", side)] * 2
    assert told == [(0, 2, side), *stages, (1, 2, side), *stages]


@pytest.mark.parametrize("which", ["callback", "on_crop", "on_stage"])
def test_a_callback_that_raises_ends_the_work(vae: str, which: str) -> None:
    class EnoughError(Exception):
        pass

    def raises(*arguments: object) -> None:
        raise EnoughError

    image = noise(40, 40, 3)
    mask = box(image.shape, np.s_[10:20, 10:20])
    options: dict[str, Any] = {which: raises, "stages": ("poisson",), **FAST}
    with pytest.raises(EnoughError):
        complete(images.from_array(image), mask, prior=vae, **options)


def test_pieces_of_a_long_hole_go_on_from_each_other_in_each_candidate() -> None:
    """The first candidate is the fill of one; pieces meet without a step."""
    y, x = np.mgrid[0:1300, 0:1300]
    pixels = np.stack([x / 6, y / 6, (x + y) / 12], 2).astype(np.uint8)
    mask = np.zeros((1300, 1300), bool)
    mask[650:658, 100:1250] = True
    picture = images.from_array(np.where(mask[..., None], np.uint8(0), pixels))
    options = {"prior": "scenes64-gaussian", "stages": ("poisson",)}
    one = complete(picture, mask, **options)
    assert len(one.reports) > 2
    two = complete(picture, mask, candidates=2, **options)
    filled = one.pictures[0].pixels
    assert np.array_equal(two.pictures[0].pixels, filled)
    assert np.array_equal(filled[~mask], picture.pixels[~mask])
    assert not np.array_equal(two.pictures[1].pixels, filled)
    (second,) = complete(picture, mask, candidates=2, first=1, **options).pictures
    assert np.array_equal(second.pixels, two.pictures[1].pixels)
    assert np.abs(filled.astype(int) - pixels)[mask].mean() < 3

from __future__ import annotations

import sys

import cv2
import numpy as np
import pytest

from inpaint.errors import ImageError, InpaintError, UnknownNameError
from inpaint.evaluate import external, methods
from inpaint.evaluate.method import MethodError
from inpaint.search import REFERENCE


@pytest.fixture
def image():
    rng = np.random.default_rng(0)
    small = rng.integers(0, 256, (6, 6, 3)).astype(np.uint8)
    return cv2.resize(small, (48, 48), interpolation=cv2.INTER_CUBIC)


@pytest.fixture
def mask():
    mask = np.zeros((48, 48), bool)
    mask[16:32, 20:30] = True
    return mask


@pytest.mark.parametrize(
    "text", ["telea", "ns", "biharmonic", "mean", "auto", "faces64-gaussian:stages=none"]
)
def test_fills_the_hole_and_nothing_else(text, image, mask):
    erased = np.where(mask[..., None], np.uint8(0), image)
    before = erased.copy()
    method = methods.parse(text)
    filled = method(erased, mask, 3)
    assert method.label == text
    assert filled.dtype == np.uint8
    assert filled.shape == image.shape
    assert (filled[~mask] == image[~mask]).all()
    assert (filled[mask] != 0).any()
    assert (erased == before).all()
    assert (method(erased, mask, 3) == filled).all()


def test_every_shipped_prior_is_a_method_and_listed():
    from inpaint.zoo import registry

    names = methods.catalogue()
    for name in registry.priors():
        assert name in names
        assert methods.parse(name).label == name
    assert {"auto", "reference", "telea", "patchmatch", "gmic", "folder"} <= names.keys()


def test_a_prior_s_options_reach_the_search(monkeypatch, image, mask):
    from inpaint import pipeline

    seen = {}

    def complete(picture, hole, **options):
        seen.update(options)
        return pipeline.Result((picture,), (), 0.0)

    text = "faces64-gaussian: steps=20, lr=0.1, normalise=false, mode=psnr, stages=poisson+texture"
    method = methods.parse(text)
    reference = methods.parse("reference:prior=faces64-gaussian")
    monkeypatch.setattr(pipeline, "complete", complete)
    method(image, mask, 7)
    assert method.label == text.replace(" ", "")
    assert seen == {
        "prior": "faces64-gaussian",
        "seed": 7,
        "search": {"steps": 20, "lr": 0.1, "normalise": False},
        "mode": "psnr",
        "stages": ("poisson", "texture"),
    }
    seen.clear()
    reference(image, mask, 0)
    assert seen == {
        "search": REFERENCE,
        "prior": "faces64-gaussian",
        "seed": 0,
        "stages": ("poisson",),
        "mode": "sharp",
    }


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("tela", "did you mean 'telea'"),
        ("telea:radius=3", "unknown option 'radius'; it takes no options"),
        ("faces64-gaussian:step=3", "unknown option 'step'; known: .*restarts.*steps"),
        ("faces64-gaussian:seed=3", "unknown option 'seed'"),
        ("faces64-gaussian:steps=many", "steps is 'many', expected a whole number"),
        ("faces64-gaussian:lr=x", "lr is 'x', expected a number"),
        ("faces64-gaussian:anneal=maybe", "anneal is 'maybe'; known: true, false"),
        ("faces64-gaussian:norm=l7", "norm is 'l7'; known: l1, l2"),
        ("faces64-gaussian:start=zero", "start is 'zero'; known: prior, sample"),
        ("faces64-gaussian:mode=best", "mode is 'best'; known: sharp, psnr"),
        ("faces64-gaussian:stages=poison", "stages is 'poison'; known: .*poisson"),
        ("faces64-gaussian:steps", "'steps' is not an option; write name:key=value"),
        ("reference:prior=none", "unknown prior 'none'"),
        ("reference:steps=3", "unknown option 'steps'; known: device, prior"),
        ("folder:", "nothing is no folder"),
        ("folder:/does/not/exist", "is no folder; write folder:DIR"),
    ],
)
def test_what_is_wrong_is_named(text, message):
    with pytest.raises(UnknownNameError, match=message) as caught:
        methods.parse(text)
    assert "\n" not in str(caught.value)


def test_missing_programs_come_with_their_install_line(monkeypatch):
    monkeypatch.setattr(external.shutil, "which", lambda name: None)
    monkeypatch.setattr(external.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(InpaintError, match="apt-get install gmic"):
        methods.parse("gmic")
    with pytest.raises(InpaintError, match="pip install pypatchmatch"):
        methods.parse("patchmatch")
    with pytest.raises(MethodError, match="known: patch_size"):
        methods.parse("patchmatch:size=3")


def test_patchmatch_is_called_as_its_authors_do(monkeypatch, image, mask):
    calls = []

    class Fake:
        patchmatch_available = True

        @staticmethod
        def set_random_seed(seed):
            calls.append(seed)

        @staticmethod
        def inpaint(picture, hole, *, patch_size):
            calls.append((hole.dtype, int(hole.max()), patch_size))
            return np.full_like(picture, 9)

    monkeypatch.setitem(sys.modules, "patchmatch", type(sys)("patchmatch"))
    sys.modules["patchmatch"].patch_match = Fake
    monkeypatch.setattr(external.importlib.util, "find_spec", lambda name: object())
    filled = methods.parse("patchmatch:patch_size=5")(image, mask, 2**40 + 1)
    assert calls == [1, (np.dtype(np.uint8), 1, 5)]
    assert (filled[mask] == 9).all()
    assert (filled[~mask] == image[~mask]).all()


@pytest.mark.skipif(not external.shutil.which("gmic"), reason="gmic is not installed")
def test_gmic_fills(image, mask):
    erased = np.where(mask[..., None], np.uint8(0), image)
    filled = methods.parse("gmic")(erased, mask, 1)
    assert (filled[~mask] == image[~mask]).all()
    assert np.abs(filled[mask].astype(int) - image[mask]).mean() < 60


def test_folder_finds_results_by_stem(tmp_path, image, mask):
    (tmp_path / "sub").mkdir()
    (tmp_path / "half" / "sub").mkdir(parents=True)
    cv2.imwrite(str(tmp_path / "a.png"), np.full_like(image, 1))
    cv2.imwrite(str(tmp_path / "sub" / "b.jpg.png"), np.full_like(image, 2))
    cv2.imwrite(str(tmp_path / "half" / "sub" / "b.png"), np.full_like(image, 3))
    cv2.imwrite(str(tmp_path / "small.png"), image[:8, :8])
    method = methods.parse(f"folder:{tmp_path}")
    assert not method.trusted
    for case, value in (("center/a.webp", 1), ("center/sub/b.jpg", 2), ("half/sub/b.jpg", 3)):
        assert method(image, mask, 0, case=case)[0, 0, 0] == value
    with pytest.raises(ImageError, match=r"no result for c/d\.png; name it d\.png"):
        method(image, mask, 0, case="half/c/d.png")
    with pytest.raises(ImageError, match="is 8x8, the image is 48x48"):
        method(image, mask, 0, case="half/small.png")
    cv2.imwrite(str(tmp_path / "a.jpg"), image)
    with pytest.raises(ImageError, match=r"has a\.jpg, a\.png"):
        method(image, mask, 0, case="center/a.webp")
    assert methods.parse(f"folder:{tmp_path}").fingerprint != method.fingerprint
    method.check_masks(["center"])
    with pytest.raises(MethodError, match="no subfolder 'center'; with several masks"):
        method.check_masks(["half", "center"])

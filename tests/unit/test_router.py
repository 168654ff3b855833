"""Who fills a hole: the question put to hidden known pixels."""

from __future__ import annotations

import numpy as np
import pytest

from inpaint.errors import UnknownNameError
from inpaint.pipeline import router
from inpaint.stages import chain
from inpaint.stages.patch import Patch


def smooth(side: int = 96) -> np.ndarray:
    y, x = np.mgrid[0:side, 0:side] / side
    return np.stack([x, y, (x + y) / 2], 2).astype(np.float32)


def scratch(side: int = 96) -> np.ndarray:
    mask = np.zeros((side, side), bool)
    mask[side // 3 : side // 3 + 3, 5:-5] = True
    return mask


def blob(side: int = 96) -> np.ndarray:
    mask = np.zeros((side, side), bool)
    mask[side // 4 : -side // 4, side // 4 : -side // 4] = True
    return mask


def grey(image: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """A prior that knows nothing."""
    return np.where(mask[..., None], np.float32(0.5), image)


def perfect(image: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """A prior that knows the picture."""
    return np.where(mask[..., None], smooth(len(image)), image)


def test_a_scratch_goes_to_interpolation() -> None:
    way = router.route(smooth(), scratch(), grey, size=64, seed=0)
    assert way.method in {"biharmonic", "ns"}
    assert way.errors[way.method] < 0.01 * way.errors["prior"]
    assert "hidden known pixels" in way.why


def test_a_better_prior_keeps_the_scratch() -> None:
    assert router.route(smooth(), scratch(), perfect, size=64, seed=0).method == "prior"


def test_a_blob_goes_to_the_prior_unasked() -> None:
    def never(image: np.ndarray, mask: np.ndarray) -> np.ndarray:
        raise AssertionError("a blob is no question")

    way = router.route(smooth(), blob(), never, size=64, seed=0)
    assert (way.method, way.errors) == ("prior", {})


def test_what_is_in_the_hole_does_not_matter() -> None:
    image, mask = smooth(), scratch()
    other = image.copy()
    other[mask] = 1 - other[mask]
    ways = [router.route(i, mask, grey, size=64, seed=0) for i in (image, other)]
    assert ways[0] == ways[1]


@pytest.mark.parametrize("ratio", [0.05, 0.5, 0.8])
def test_hidden_pixels_are_known_and_few(ratio: float) -> None:
    mask = np.random.default_rng(0).random((64, 64)) < ratio
    hidden = router.hide(mask, mask, 1.0, seed=0)
    assert hidden is not None
    assert not (hidden & mask).any()
    assert hidden.sum() <= 1.3 * router.HIDDEN_SHARE * (~mask).sum()


def test_nothing_to_hide() -> None:
    assert router.hide(np.ones((8, 8), bool), np.ones((8, 8), bool), 4.0, seed=0) is None


def test_depth_ignores_the_border_of_the_image() -> None:
    mask = np.zeros((20, 20), bool)
    mask[:, 14:] = True
    assert router.deepest(mask, mask) == pytest.approx(6, abs=0.5)


def test_transparent_pixels_neither_deepen_the_hole_nor_lend_it_their_shape() -> None:
    """A scratch in a cut-out is a scratch, however large the transparent part beside it is."""
    unknown = scratch()
    unknown[:, 60:] = True
    hole = scratch() & (np.arange(96) < 58)
    assert router.deepest(unknown, hole) == pytest.approx(2, abs=0.5)
    assert router.deepest(unknown, unknown) > 30
    way = router.route(smooth(), unknown, grey, size=64, seed=0, hole=hole)
    assert way.method in {"biharmonic", "ns"}
    hidden = router.hide(hole, unknown, 2.0, seed=0)
    assert hidden is not None
    assert not (hidden & unknown).any()
    assert hidden.any(1).sum() <= 3, "the hole's shape, three rows high, and not the sticker's"


class TestChain:
    def test_auto(self) -> None:
        whole = chain.names(chain.AUTO, mode="sharp", whole=True)
        assert whole == ("poisson", "attention")
        assert chain.names(chain.AUTO, mode="sharp", whole=False)[-1] == "texture"
        assert "texture" not in chain.names(chain.AUTO, mode="psnr", whole=False)
        steered = {"mode": "sharp", "whole": False, "steered": True}
        assert chain.names(chain.AUTO, **steered) == ("poisson",)
        assert chain.names(("texture",), **steered) == ("texture",)

    def test_given_names_stay(self) -> None:
        assert chain.names(("recurrent",), mode="sharp", whole=False) == ("recurrent",)

    def test_settings_reach_those_that_take_them(self) -> None:
        stages = chain.build(("poisson", "attention"), family="none", mode="psnr")
        image, mask = smooth(), blob()
        patch = Patch(image, mask, image, image)
        for stage in stages:
            patch = stage(patch)
        assert np.array_equal(patch.filled[~mask], image[~mask])

    def test_unknown_name(self) -> None:
        with pytest.raises(UnknownNameError, match="did you mean"):
            chain.build(("poison",), family="", mode="sharp")


def test_a_prior_of_aligned_pictures_is_asked_about_the_thinnest_holes_alone() -> None:
    image = smooth(64)
    thin, deeper = np.zeros((64, 64), bool), np.zeros((64, 64), bool)
    thin[30:33, 5:60] = True
    deeper[30:37, 5:60] = True
    ways = [router.route(image, m, perfect, size=64, seed=0, aligned=True) for m in (thin, deeper)]
    assert ways[0].errors
    assert not ways[1].errors
    assert router.route(image, deeper, perfect, size=64, seed=0).errors

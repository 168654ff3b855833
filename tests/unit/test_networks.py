"""Feed-forward networks as priors: what is recognised, what they draw, and what is refused."""

from __future__ import annotations

import json
import multiprocessing
import re
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tiny_networks
import torch

import inpaint
from inpaint import InpaintError, SearchError, UnknownNameError, WeightsError, images
from inpaint.pipeline import complete
from inpaint.priors import Prior
from inpaint.priors.network import _turned, _turned_back
from inpaint.priors.signature import Port, recognise
from inpaint.zoo import registry


def scene(side: int = 48, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """A smooth picture with little noise, (S, S, 3) of uint8, and a hole in its middle."""
    y, x = np.mgrid[:side, :side] / side
    smooth = np.stack([60 + 120 * x, 200 - 90 * y, 90 + 60 * x * y], 2)
    noise = np.random.default_rng(seed).normal(0, 2, smooth.shape)
    mask = np.zeros((side, side), bool)
    mask[side // 3 : 2 * side // 3, side // 3 : 2 * side // 3] = True
    return (smooth + noise).clip(0, 255).astype(np.uint8), mask


def error(filled: np.ndarray, image: np.ndarray, mask: np.ndarray) -> float:
    return float(np.abs(filled.astype(float) - image)[mask].mean())


NETWORKS = {
    "lama": lambda path: tiny_networks.lama(path),
    "lama in [0, 1]": lambda path: tiny_networks.lama(path, white=1.0),
    "lama of any size": lambda path: tiny_networks.lama(path, size=None),
    "migan": lambda path: tiny_networks.migan(path),
}


@pytest.fixture(params=NETWORKS)
def network(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    path = NETWORKS[request.param](tmp_path / "net.onnx")
    if request.param in ("lama of any size", "migan"):
        (tmp_path / "net.json").write_text('{"size": 40}')
    return str(path)


def test_both_signatures_fill_and_known_pixels_stay(network: str) -> None:
    image, mask = scene()
    spoiled = np.where(mask[..., None], 255, image).astype(np.uint8)
    filled = inpaint.fill(spoiled, mask, prior=network)
    np.testing.assert_array_equal(filled[~mask], image[~mask])
    assert error(filled, image, mask) < 6, "the network's guess, blended"
    assert error(np.full_like(image, 128), image, mask) > 15
    np.testing.assert_array_equal(inpaint.fill(image, mask, prior=network), filled)


def test_it_is_an_ordinary_prior(network: str) -> None:
    prior = inpaint.load_prior(network)
    assert isinstance(prior, Prior)
    assert prior.size in (32, 40)
    assert inpaint.load_prior(network) is prior, "loaded once"
    image, mask = scene()
    by_name = inpaint.fill(image, mask, prior=network)
    np.testing.assert_array_equal(inpaint.fill(image, mask, prior=prior), by_name)
    result = complete(images.from_array(image), mask, prior=network)
    assert result.reports[0].prior == network
    assert result.reports[0].stages == ("poisson",)


def test_a_pixel_of_a_dark_picture_does_not_become_white(tmp_path: Path) -> None:
    """Where all is dark the values do not tell [0, 1] from [0, 255]; the network is asked."""
    path = str(tiny_networks.lama(tmp_path / "net.onnx"))
    image, mask = np.full((48, 48, 3), 1, np.uint8), scene()[1]
    assert inpaint.fill(image, mask, prior=path).max() <= 2
    assert inpaint.fill(image * 0, mask, prior=path).max() <= 1


def test_a_hole_of_a_pipeline_of_bytes_holds_colours_of_its_surroundings(tmp_path: Path) -> None:
    path = tiny_networks.migan(tmp_path / "net.onnx")
    (tmp_path / "net.json").write_text('{"size": 32}')
    seen: dict[str, np.ndarray] = {}
    prior: Any = inpaint.load_prior(str(path))
    session = prior.session

    class Watched:
        def run(self, outputs: list[str], feed: dict[str, np.ndarray]) -> Any:
            seen.update(feed)
            return session.run(outputs, feed)

    prior.session = Watched()
    image, hole = torch.full((3, 32, 32), 0.5), torch.zeros(32, 32, dtype=torch.bool)
    hole[8:20, 8:20] = True
    prior.start_z(image, hole, 1, torch.Generator())
    assert seen["image"].dtype == seen["mask"].dtype == np.uint8
    assert set(np.unique(seen["image"])) == {128}
    assert set(np.unique(seen["mask"])) == {0, 255}
    assert (seen["mask"][0, 0] == 0).sum() == 144


def test_json_beside_it_overrides_names_ranges_and_polarity(tmp_path: Path) -> None:
    path = tiny_networks.lama(tmp_path / "a.onnx", names=("in", "where", "out"), hole=0, white=2.0)
    told = {"image": "in", "mask": "where", "output": "out", "mask_hole": 0, "mask_known": 1}
    (tmp_path / "a.json").write_text(json.dumps({**told, "output_range": [0, 2], "data": "toys"}))
    image, mask = scene()
    assert error(inpaint.fill(image, mask, prior=str(path)), image, mask) < 6
    assert registry.prior_config(str(path))["data"] == "toys"
    (tmp_path / "a.json").write_text('{"data": "toys"}')
    with pytest.raises(WeightsError, match='name "output_range" or "mask_hole"'):
        inpaint.fill(image, mask, prior=str(path))  # polarity: what is known comes out black


def test_bytes_do_not_depend_on_what_was_filled_before_or_on_a_fork(tmp_path: Path) -> None:
    path = str(tiny_networks.lama(tmp_path / "net.onnx"))
    (one, mask), (other, _) = scene(seed=1), scene(seed=2)
    alone = inpaint.fill(one, mask, prior=path)
    inpaint.fill(other, mask, prior=path)
    np.testing.assert_array_equal(inpaint.fill(one, mask, prior=path), alone)
    if "fork" in multiprocessing.get_all_start_methods() and sys.platform == "linux":
        with multiprocessing.get_context("fork").Pool(1) as pool:
            child = pool.apply_async(inpaint.fill, (one, mask), {"prior": path}).get(60)
        np.testing.assert_array_equal(child, alone)


def test_a_changed_file_is_loaded_anew(tmp_path: Path) -> None:
    image, mask = scene()
    path = str(tiny_networks.lama(tmp_path / "net.onnx"))
    first = registry.prior_config(path)
    inpaint.fill(image, mask, prior=path)
    tiny_networks.lama(tmp_path / "new.onnx", white=1.0, size=40).replace(path)
    second = registry.prior_config(path)
    assert (first["size"], second["size"]) == (32, 40)
    assert first["sha256"] != second["sha256"]
    assert error(inpaint.fill(image, mask, prior=path), image, mask) < 6


def test_candidates_are_what_it_draws_mirrored_and_turned(tmp_path: Path) -> None:
    """The fills of a net that fills with what lies to the left differ by the view."""
    path = str(tiny_networks.lama(tmp_path / "net.onnx"))
    image, mask = scene()
    image[:, 30:] = np.random.default_rng(0).integers(0, 255, image[:, 30:].shape)
    one = complete(images.from_array(image), mask, prior=path).pictures
    four = complete(images.from_array(image), mask, prior=path, candidates=4).pictures
    np.testing.assert_array_equal(four[0].pixels, one[0].pixels)
    assert len(four) == 4
    with pytest.raises(SearchError, match="at most 7 candidates; ask for fewer"):
        complete(images.from_array(image), mask, prior=path, candidates=8)


@pytest.mark.parametrize("view", range(8))
def test_views_turn_back(view: int) -> None:
    x = np.random.default_rng(view).random((3, 6, 6))
    turned, hole = _turned(x, x[0] > 0.5, view)
    np.testing.assert_array_equal(_turned_back(turned, view), x)
    np.testing.assert_array_equal(hole, turned[0] > 0.5)
    if view:
        assert not np.array_equal(turned, x)


def test_texture_follows_only_where_its_picture_is_much_enlarged(tmp_path: Path) -> None:
    path = str(tiny_networks.lama(tmp_path / "net.onnx"))
    for side, expected in ((60, ("poisson",)), (150, ("poisson", "texture"))):
        image, mask = scene(side)
        picture = images.from_array(image)
        assert complete(picture, mask, prior=path).reports[0].stages == expected
    asked = complete(images.from_array(scene(60)[0]), scene(60)[1], prior=path,
                     stages=("poisson", "texture"))  # fmt: skip
    assert asked.reports[0].stages == ("poisson", "texture")


def test_what_it_cannot_do_is_refused(tmp_path: Path) -> None:
    path = str(tiny_networks.lama(tmp_path / "net.onnx"))
    image, mask = scene()
    with pytest.raises(SearchError, match=r"steps is 5, but .*net\.onnx is a network"):
        inpaint.fill(image, mask, prior=path, search={"steps": 5})
    with pytest.raises(SearchError, match="nothing to sample from; use another prior"):
        inpaint.fill(image, mask, prior=path, search={"start": "sample"})
    with pytest.raises(InpaintError, match="fills holes in one pass and cannot restore"):
        inpaint.restore(image, task="denoise", prior=path)
    with pytest.raises(UnknownNameError, match="it has no classes"):
        inpaint.fill(image, mask, prior=path, class_name="sea")


@pytest.mark.parametrize(
    ("how", "said"),
    [
        ("smaller", r"drew an array \(1, 3, 31, 31\); expected \(1, 3, 32, 32\)"),
        ("nan", "drew 3072 values that are not finite"),
        ("huge", r"1e\+06 times as bright as they are, which is neither"),
        ("dark", "0 times as bright as they are, which is neither"),
        ("breaks", r"cannot be run on 32x32 px \(.*Reshape"),
    ],
)
def test_a_network_that_lies_gets_one_line(how: str, said: str, tmp_path: Path) -> None:
    path = tiny_networks.lying(tmp_path / "net.onnx", how)
    (tmp_path / "net.json").write_text('{"size": 32}')
    with pytest.raises(WeightsError, match=said) as caught:
        inpaint.fill(*scene(), prior=str(path))
    assert "\n" not in str(caught.value)
    assert "net.onnx" in str(caught.value)


@pytest.mark.parametrize(
    ("made", "said"),
    [
        ({"image": (1, 4, 32, 32)}, r"has 'image' float \(1, 4, 32, 32\) and .*; expected one"),
        ({"mask": (1, 3, 32, 32)}, "expected one image"),
        ({"image": (4, 3, 32, 32)}, "takes 4 pictures at once"),
        ({"image": (1, 3, 32, 48), "mask": (1, 1, 32, 48)}, "expected squares of one size"),
        ({"size": 8}, "a size of 8 px; expected 16 to 4096"),
    ],
)  # fmt: skip
def test_other_inputs_are_refused_by_what_they_are(
    made: dict[str, Any], said: str, tmp_path: Path
) -> None:
    path = tiny_networks.lama(tmp_path / "net.onnx", **made)
    with pytest.raises(WeightsError, match=said) as caught:
        inpaint.fill(*scene(), prior=str(path))
    assert "\n" not in str(caught.value)


FREE = Port("x", "float", (1, None, None, None))


@pytest.mark.parametrize(
    ("inputs", "said"),
    [
        ([Port("a", "float", (1, 512, 512, 3)), Port("m", "float", (1, 512, 512, 1))], "one image"),
        ([Port("a", "float", (1, 3, 64, 64))], "expected one mask"),
        ([Port("a", "float", (1, 3, 64, 64)), Port("m", "float", (1, 1, 32, 32))], "one size"),
        ([Port("a", "string", (1, 3, 8, 8)), Port("m", "float", (1, 1, 8, 8))], "not supported"),
        ([Port(f"a{k}", "float", (1, k, 64, 64)) for k in (3, 1, 2)], "expected two, an image"),
        ([FREE, FREE], "expected one image"),
    ],
)  # fmt: skip
def test_signatures_that_are_not_known_are_refused(inputs: list[Port], said: str) -> None:
    with pytest.raises(WeightsError, match=said):
        recognise(Path("net.onnx"), inputs, [Port("out", "float", (1, 3, None, None))], {})


def test_names_decide_where_channels_are_free() -> None:
    ports = [Port("the_mask", "uint8", FREE.shape), Port("photo", "uint8", FREE.shape)]
    found = recognise(Path("net.onnx"), ports, [Port("out", "uint8", FREE.shape)], {})
    assert (found.image, found.mask, found.size) == ("photo", "the_mask", 512)
    assert (found.mask_hole, found.mask_known, found.output_range) == (0, 255, (0, 255))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "cannot be read as JSON"),
        ("[]", "holds no JSON object"),
        ('{"sise": 32}', "unknown key in .*net.json: 'sise'; did you mean 'size'"),
        ('{"size": "32"}', "size is '32'; expected int"),
        ('{"size": 64}', "takes 32 px, its JSON file says 64"),
        ('{"output_range": [1, 1]}', "expected the values of black and white"),
        ('{"output": "picture"}', "has no output 'picture', which its JSON file names"),
        ('{"output_range": [0, 1]}', r'where black is 0 and white 1; name "output_range"'),
    ],
)  # fmt: skip
def test_a_json_file_that_cannot_be_used_is_refused(text: str, said: str, tmp_path: Path) -> None:
    path = tiny_networks.lama(tmp_path / "net.onnx")
    (tmp_path / "net.json").write_text(text)
    with pytest.raises(InpaintError, match=said) as caught:
        inpaint.fill(*scene(), prior=str(path))
    assert "\n" not in str(caught.value)


def test_files_that_are_no_networks_are_refused(tmp_path: Path) -> None:
    whole = tiny_networks.lama(tmp_path / "net.onnx").read_bytes()
    for name, data in (("text", b"not a graph"), ("cut", whole[: len(whole) // 2]), ("empty", b"")):
        path = tmp_path / f"{name}.onnx"
        path.write_bytes(data)
        with pytest.raises(WeightsError, match=rf"{name}\.onnx: ") as caught:
            inpaint.fill(*scene(), prior=str(path))
        assert "\n" not in str(caught.value)
    with pytest.raises(WeightsError, match=r"gone\.onnx: no such network"):
        inpaint.fill(*scene(), prior=str(tmp_path / "gone.onnx"))


def test_a_missing_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tiny_networks.lama(tmp_path / "net.onnx")
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(InpaintError, match=re.escape("pip install 'latent-inpaint[onnx]'")):
        inpaint.fill(*scene(), prior=str(path))


def test_an_object_may_be_a_network_too() -> None:
    """``feed_forward = True`` is all that tells a network of one's own from a prior to search."""

    class Grey:
        kind, size, latent, feed_forward = "grey", 16, 3 * 16 * 16, True
        search_defaults: dict[str, Any] = {"restarts": 1, "steps": 0}  # noqa: RUF012

        def to(self, device: torch.device) -> Grey:
            return self

        def sample_z(self, n: int, generator: torch.Generator) -> torch.Tensor:
            raise SearchError("nothing to sample")

        def generate(self, z: torch.Tensor) -> torch.Tensor:
            return z.view(-1, 3, 16, 16)

        def perceptual_loss(self, z: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
            return z.sum(1) * 0

        def constrain_z(self, z: torch.Tensor) -> torch.Tensor:
            return z

        def start_z(self, image: Any, mask: Any, n: int, generator: Any) -> torch.Tensor:
            return torch.full((n, self.latent), 0.5)

    image, mask = scene()
    filled = inpaint.fill(image, mask, prior=Grey(), stages=())
    assert set(np.unique(filled[mask])) <= {127, 128}
    with pytest.raises(SearchError, match="cannot be searched"):
        inpaint.fill(image, mask, prior=Grey(), search={"steps": 1})

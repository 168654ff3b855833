"""``--prior network.onnx`` in every command that takes a prior."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import tiny_networks

from inpaint import images


@pytest.fixture
def network(desk: Path) -> Path:
    return tiny_networks.lama(desk / "tiny.onnx")


def test_fill_and_remove_report_it(run: Callable, network: Path, desk: Path) -> None:
    done = run("fill", "photo.png", "--mask", "mask.png", "--out", "out.png", "--prior",
               "tiny.onnx", "--candidates", 2, "--json")  # fmt: skip
    assert done.code == 0, done.err
    report = json.loads(done.out)
    assert report["crops"][0]["prior"] == "tiny.onnx"
    before, after = images.read(desk / "photo.png").pixels, images.read(desk / "out.png").pixels
    mask = images.read(desk / "mask.png").pixels.reshape(30, 40, -1)[..., 0] > 127
    np.testing.assert_array_equal(after[~mask], before[~mask])
    assert np.abs(after.astype(int) - before)[mask].mean() < 25
    assert (desk / "out-2.png").exists()
    done = run("remove", "photo.png", "--box", "12,8,10,10", "--out", "gone.png", "--prior",
               "tiny.onnx")  # fmt: skip
    assert done.code == 0, done.err


def test_batch_resumes_and_fills_anew_when_the_file_has_changed(
    run: Callable, network: Path, desk: Path
) -> None:
    (desk / "in").mkdir()
    for name in ("a", "b"):
        (desk / "in" / f"{name}.png").write_bytes((desk / "photo.png").read_bytes())
    words = ["batch", "in", "--masks", "mask.png", "--out", "out", "--prior", "tiny.onnx",
             "--workers", 1, "--json"]  # fmt: skip
    assert [json.loads(run(*words).out)["done"] for _ in range(2)] == [2, 0]
    tiny_networks.lama(network, size=16)
    assert json.loads(run(*words).out)["done"] == 2


def test_evaluate_takes_it_as_a_method(run: Callable, network: Path, desk: Path) -> None:
    (desk / "in").mkdir()
    (desk / "in" / "a.png").write_bytes((desk / "photo.png").read_bytes())
    done = run("evaluate", "in", "--masks", "center", "--method", "tiny.onnx", "--method",
               "tiny.onnx:mode=psnr", "--method", "mean", "--out", "eval")  # fmt: skip
    assert done.code == 0, done.err
    rows = [json.loads(line) for line in (desk / "eval/metrics.jsonl").read_text().splitlines()]
    found = {row["method"]: row["psnr_hole"] for row in rows if "psnr_hole" in row}
    assert found["tiny.onnx"] > found["mean"]


def test_show_says_what_is_known(run: Callable, network: Path, desk: Path) -> None:
    (desk / "tiny.json").write_text('{"licence": "CC0", "data": "nothing"}')
    shown = json.loads(run("show", "tiny.onnx", "--json").out)
    assert (shown["kind"], shown["size"], shown["licence"]) == ("onnx", 32, "CC0")
    assert len(shown["sha256"]) == 64
    # What was recognised; where an output of floats ends is seen only when the network runs.
    assert (shown["image"], shown["mask"], shown["output"]) == ("image", "mask", "output")
    assert (shown["image_range"], shown["output_range"], shown["mask_hole"]) == ([0, 1], None, 1)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--prior", "gone.onnx"], "gone.onnx: no such network"),
        (["--prior", "tiny.onnx", "--steps", "9"], "steps is 9, but tiny.onnx is a network"),
        (["--prior", "text.onnx"], "text.onnx: cannot be loaded as a network"),
        (["--prior", "tiny.onnx", "--class", "sea"], "it has no classes"),
        (["--prior", "tiny.onnx", "--candidates", "9"], "at most 7 candidates"),
    ],
)
def test_what_cannot_be_is_one_line(
    fails: Callable[..., str], network: Path, desk: Path, words: list[str], said: str
) -> None:
    (desk / "text.onnx").write_text("no graph")
    common = ["fill", "photo.png", "--mask", "mask.png", "--out", "out.png"]
    assert said in fails(*common, *words)


def test_restore_says_that_it_only_fills(fails: Callable[..., str], network: Path) -> None:
    said = fails("restore", "photo.png", "--task", "denoise", "--out", "o.png", "--prior",
                 "tiny.onnx")  # fmt: skip
    assert "fills holes in one pass and cannot restore" in said


def test_the_page_is_not_opened_with_a_file_that_is_no_network(
    fails: Callable[..., str], network: Path, desk: Path
) -> None:
    (desk / "text.onnx").write_text("no graph")
    assert "cannot be loaded as a network" in fails("serve", "--prior", "text.onnx")


@pytest.mark.skipif("CI" not in os.environ, reason="what CI must not pass over")
def test_the_extras_are_there_in_ci() -> None:
    import onnxruntime
    import pillow_heif

    assert onnxruntime.__version__
    assert pillow_heif.__version__

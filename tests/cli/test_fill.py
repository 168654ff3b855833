"""``inpaint fill``: what it writes, what it says, and how it fails."""

from __future__ import annotations

import csv
import importlib
import io
import json
import os
import struct
import subprocess
import sys
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import cv2
import numpy as np
import pytest
import torch

from inpaint.cli import main
from inpaint.priors import Prior
from inpaint.stages.chain import MODES
from inpaint.zoo import weights

INPAINT = Path(sys.executable).with_name("inpaint")
Fails = Callable[..., str]


@pytest.fixture
def vae(tiny_folders: dict[str, str]) -> str:
    return tiny_folders["vae"]


@pytest.fixture
def quick(vae: str) -> list[str]:
    """A correct command but for --out, on a prior that takes milliseconds."""
    return ["fill", "photo.png", "--mask", "mask.png", "--prior", vae, "--steps", "2"]


@pytest.mark.parametrize("name", ["fill", "remove", "batch"])
def test_commands_offer_the_modes_there_are(name: str) -> None:
    """They list them without importing ``chain``, for the sake of an instant ``--help``."""
    command = importlib.import_module(f"inpaint.cli.{name}").command
    (mode,) = (option for option in command.params if option.name == "mode")
    assert isinstance(mode.type, click.Choice)
    assert tuple(mode.type.choices) == MODES
    assert mode.default == MODES[0]


def pixels(path: str | Path) -> np.ndarray:
    image = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
    assert image is not None, path
    return image


def hole() -> np.ndarray:
    return pixels("mask.png") == 255


# What it writes


def test_only_the_hole_changes_and_stdout_names_the_result(
    run: Any, desk: Path, quick: list[str]
) -> None:
    before = (
        pixels("photo.png"),
        (desk / "photo.png").read_bytes(),
        (desk / "mask.png").read_bytes(),
    )
    done = run(*quick, "--out", "out.png")
    assert done.code == 0
    assert done.out == "out.png\n"
    assert done.err.startswith("filled 180 pixels with ")
    assert done.err.count("\n") == 1
    after = pixels("out.png")
    np.testing.assert_array_equal(after[~hole()], before[0][~hole()])
    assert (after[hole()] != before[0][hole()]).any()
    assert ((desk / "photo.png").read_bytes(), (desk / "mask.png").read_bytes()) == before[1:]
    assert sorted(p.name for p in desk.iterdir()) == ["mask.png", "out.png", "photo.png"]


def test_candidates_are_numbered_beside_the_first(run: Any, desk: Path, quick: list[str]) -> None:
    done = run(*quick, "--out", "out.v1.png", "--candidates", 3)
    assert done.out.split() == ["out.v1.png", "out.v1-2.png", "out.v1-3.png"]
    assert len({pixels(name).tobytes() for name in done.out.split()}) == 3


def test_json_tells_what_was_done(run: Any, desk: Path, quick: list[str], vae: str) -> None:
    done = run(*quick, "--out", "out.png", "--candidates", 2, "--json")
    report = json.loads(done.out)
    assert report["out"] == ["out.png", "out-2.png"]
    assert report["seconds"] > 0
    (crop,) = report["crops"]
    assert crop["prior"] == vae
    assert {"box", "loss", "contextual", "perceptual", "evidence"} <= crop.keys()
    assert done.err == ""


@pytest.mark.parametrize("steps", [0, 1, 30])
def test_trace_writes_frames_losses_and_a_sheet(
    run: Any, desk: Path, quick: list[str], steps: int
) -> None:
    assert run(*quick, "--out", "out.png", "--steps", steps, "--trace", "deep/trace").code == 0
    folder = desk / "deep" / "trace"
    frames = sorted(p.name for p in folder.glob("crop0-step*.png"))
    assert frames[0] == "crop0-step0000.png"
    assert frames[-1] == f"crop0-step{steps:04d}.png"
    assert all(pixels(folder / name).shape == (16, 16, 3) for name in frames)
    with (folder / "losses.csv").open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert [row["step"] for row in rows if row["restart"] == "0"] == list(
        map(str, range(steps + 1))
    )
    assert all(np.isfinite(float(row["loss"])) for row in rows)
    assert pixels(folder / "sheet.png").shape[0] > 192


def test_the_mask_can_be_the_erased_alpha(run: Any, desk: Path, quick: list[str]) -> None:
    erased = np.dstack([pixels("photo.png"), np.where(hole(), 0, 255).astype(np.uint8)])
    cv2.imwrite("erased.png", erased)
    quick[1:4] = ["erased.png", "--mask", "alpha"]
    assert run(*quick, "--out", "out.png").code == 0
    after = pixels("out.png")
    assert (after[..., 3] == 255).all()
    np.testing.assert_array_equal(after[~hole()], erased[~hole()])


def test_invert_takes_black_as_the_hole(run: Any, desk: Path, quick: list[str]) -> None:
    run(*quick, "--out", "plain.png")
    cv2.imwrite("mask.png", 255 - pixels("mask.png"))
    run(*quick, "--out", "inverted.png", "--invert")
    assert Path("plain.png").read_bytes() == Path("inverted.png").read_bytes()


def test_grow_widens_the_hole(run: Any, desk: Path, quick: list[str]) -> None:
    done = run(*quick, "--out", "out.png", "--grow", 2)
    changed = (pixels("out.png") != pixels("photo.png")).any(axis=2)
    wide = cv2.dilate(hole().astype(np.uint8), np.ones((5, 5), np.uint8)).astype(bool)
    assert not changed[~wide].any()
    assert changed[wide & ~hole()].any()
    assert int(done.err.split()[1]) > hole().sum()


def test_stage_none_skips_the_blend(run: Any, desk: Path, quick: list[str]) -> None:
    for name in ("poisson", "texture", "none", "auto"):
        assert run(*quick, "--out", f"{name}.png", "--stage", name).code == 0
    run(*quick, "--out", "default.png")
    written = {p.stem: p.read_bytes() for p in desk.glob("*.png")}
    assert written["default"] == written["auto"] != written["poisson"]
    assert len({written[k] for k in ("poisson", "texture", "none")}) == 3


def test_an_existing_output_is_replaced(run: Any, desk: Path, quick: list[str]) -> None:
    Path("out.png").write_text("old")
    assert run(*quick, "--out", "out.png").code == 0
    assert pixels("out.png").shape == (30, 40, 3)


@pytest.mark.parametrize("name", ["größe 日本.png", "-dash.png", "a b.PNG", "%s{0}.png"])
def test_odd_file_names_work(run: Any, desk: Path, quick: list[str], name: str) -> None:
    (desk / name).write_bytes((desk / "photo.png").read_bytes())
    done = run("fill", *quick[2:], "--out", f"out {name}", "--", name)
    assert (done.code, done.out) == (0, f"out {name}\n")


def test_names_that_are_not_utf8_do_not_end_in_an_error(
    desk: Path, quick: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Under en_US.UTF-8 and the like, where stdout refuses what it cannot encode."""
    name = os.fsdecode(b"caf\xe9.png")
    (desk / name).write_bytes((desk / "photo.png").read_bytes())
    quick[1] = name
    for extra in ([], ["--json"]):
        out = io.BytesIO()
        monkeypatch.setattr("sys.stdout", io.TextIOWrapper(out, "utf-8", errors="strict"))
        monkeypatch.setattr("sys.argv", ["inpaint", *quick, "--out", "out-" + name, *extra])
        with pytest.raises(SystemExit) as stop:
            main()
        assert stop.value.code == 0


# How it fails


def png_of(width: int, height: int) -> bytes:
    body = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    data = b"\x89PNG\r\n\x1a\n\0\0\0\r" + body + struct.pack(">I", zlib.crc32(body))
    return data + b"\0\0\0\0IDAT5\xaf\x06\x1e"


def truncated_jpeg() -> bytes:
    noise = np.random.default_rng(0).integers(0, 256, (30, 40, 3), dtype=np.uint8)
    data = cv2.imencode(".jpg", noise)[1].tobytes()
    return data[: len(data) // 2]


BAD_FILES = {
    "text": (b"hello, I am no image\n", "not an image"),
    "empty": (b"", "0 bytes"),
    "truncated jpeg": (truncated_jpeg(), "damaged or cut short"),
    "truncated png": (png_of(40, 30), "damaged or cut short"),
    "300 megapixels": (png_of(20_000, 15_000), "300 million"),
    "gif": (b"GIF89a" + bytes(30), "GIF"),
}
bad_file = pytest.mark.parametrize(
    ("content", "text"), BAD_FILES.values(), ids=[name.replace(" ", "-") for name in BAD_FILES]
)


@bad_file
def test_a_bad_image_is_one_line(fails: Fails, quick: list[str], content: bytes, text: str) -> None:
    Path("photo.png").write_bytes(content)
    complaint = fails(*quick, "--out", "out.png")
    assert text in complaint
    assert "photo.png" in complaint


@bad_file
def test_a_bad_mask_is_one_line(fails: Fails, quick: list[str], content: bytes, text: str) -> None:
    Path("mask.png").write_bytes(content)
    complaint = fails(*quick, "--out", "out.png")
    assert text in complaint
    assert "mask.png" in complaint


@pytest.mark.parametrize("place", [1, 3])
def test_missing_files_are_named(fails: Fails, quick: list[str], place: int) -> None:
    quick[place] = "nowhere.png"
    assert "'nowhere.png' does not exist" in fails(*quick, "--out", "out.png")


@pytest.mark.parametrize("place", [1, 3])
def test_folders_in_place_of_files_are_named(fails: Fails, quick: list[str], place: int) -> None:
    Path("folder").mkdir()
    quick[place] = "folder"
    assert "'folder' is a folder" in fails(*quick, "--out", "out.png")


@pytest.mark.parametrize("level", [0, 255])
def test_empty_and_full_masks_are_refused(fails: Fails, quick: list[str], level: int) -> None:
    cv2.imwrite("mask.png", np.full((30, 40), level, np.uint8))
    complaint = fails(*quick, "--out", "out.png")
    assert ("no hole" if level == 0 else "everything as hole") in complaint
    assert "mask.png" in complaint


def test_a_mask_of_another_size_is_refused(fails: Fails, quick: list[str]) -> None:
    cv2.imwrite("mask.png", np.zeros((40, 30), np.uint8))
    complaint = fails(*quick, "--out", "out.png")
    assert "30x40" in complaint
    assert "40x30" in complaint


@pytest.mark.parametrize("level", [0, 255])
def test_a_single_pixel_cannot_be_filled(fails: Fails, quick: list[str], level: int) -> None:
    cv2.imwrite("photo.png", np.zeros((1, 1, 3), np.uint8))
    cv2.imwrite("mask.png", np.full((1, 1), level, np.uint8))
    assert "hole" in fails(*quick, "--out", "out.png")


def test_growing_over_everything_is_refused(fails: Fails, quick: list[str]) -> None:
    assert "everything as hole" in fails(*quick, "--out", "out.png", "--grow", 1000)


@pytest.mark.parametrize("grow", [-1, "nan", "inf"])
def test_a_senseless_distance_is_refused(fails: Fails, quick: list[str], grow: object) -> None:
    assert "distance" in fails(*quick, "--out", "out.png", "--grow", grow)


def test_an_image_without_alpha_cannot_be_its_own_mask(fails: Fails, quick: list[str]) -> None:
    quick[3] = "alpha"
    assert "no alpha channel" in fails(*quick, "--out", "out.png")


@pytest.mark.parametrize(
    ("out", "text"),
    [
        ("nowhere/out.png", "folder does not exist"),
        ("mask.png/out.png", "is a file, not a folder"),
        ("folder", "no extension"),
        ("folder.png", "is a folder"),
        ("out.gif", "unknown image format '.gif'"),
        ("out", "no extension"),
        ("photo.png", "is an input"),
        ("mask.png", "is an input"),
        ("./folder/../photo.png", "is an input"),
        ("link.png", "is an input"),
    ],
)
def test_outputs_that_cannot_be_are_refused(
    fails: Fails, quick: list[str], out: str, text: str
) -> None:
    Path("folder").mkdir()
    Path("folder.png").mkdir()
    Path("link.png").symlink_to("photo.png")
    assert text in fails(*quick, "--out", out)


def test_a_later_candidate_must_not_be_an_input_either(fails: Fails, quick: list[str]) -> None:
    Path("photo.png").rename("out-2.png")
    quick[1] = "out-2.png"
    assert "is an input" in fails(*quick, "--out", "out.png", "--candidates", 2)


def test_a_trace_must_not_replace_an_input_or_the_output(fails: Fails, quick: list[str]) -> None:
    trace = Path("trace")
    trace.mkdir()
    assert "sheet.png" in fails(*quick, "--out", trace / "sheet.png", "--trace", trace)
    Path("photo.png").rename(trace / "sheet.png")
    quick[1] = str(trace / "sheet.png")
    assert "not an empty folder" in fails(*quick, "--out", "out.png", "--trace", trace)


def test_a_trace_cannot_go_into_a_file(fails: Fails, quick: list[str]) -> None:
    assert "mask.png" in fails(*quick, "--out", "out.png", "--trace", "mask.png")


def test_transparency_that_the_output_cannot_hold_is_refused(
    fails: Fails, quick: list[str]
) -> None:
    cv2.imwrite("photo.png", np.full((30, 40, 4), 200, np.uint8))
    assert "transparency" in fails(*quick, "--out", "out.jpg")


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["--prior", "faces64-gausian"], "did you mean 'faces64-gaussian'"),
        (["--prior", "photo.png"], "unknown prior"),
        (["--prior", ""], "unknown prior"),
        (["--prior", "."], "config.json"),
        (["--stage", "poison"], "did you mean 'poisson'"),
        (["--mode", "fast"], "'fast' is not one of"),
        (["--device", "gpu"], "unknown device 'gpu'"),
        (["--device", "cpu:x"], "device"),
        (["--device", "mps"], "not available here"),
        (["--candidates", "0"], "0"),
        (["--candidates", "-1"], "-1"),
        (["--candidates", "many"], "many"),
        (["--steps", "-1"], "-1"),
        (["--seed", "-1"], "-1"),
        (["--quality", "0"], "0"),
        (["--class", "cat"], "unknown class"),
        (["--maks", "x"], "--maks"),
        (["another.png"], "unexpected extra argument"),
    ],
    ids=str,
)
def test_wrong_options_are_explained(
    fails: Fails, quick: list[str], arguments: list[str], text: str
) -> None:
    assert text in fails(*quick, "--out", "out.png", *arguments)


def test_wrong_use_exits_with_2_and_bad_files_with_1(
    run: Any, desk: Path, quick: list[str]
) -> None:
    for arguments in (["--prior", "x"], ["--candidates", 0], ["--stage", "x"], ["--class", "x"]):
        assert run(*quick, "--out", "out.png", *arguments).code == 2
    quick[1] = "nowhere.png"
    assert run(*quick, "--out", "out.png").code == 1


def test_missing_options_are_explained(fails: Fails) -> None:
    assert "--mask" in fails("fill", "photo.png", "--out", "out.png")
    assert "--out" in fails("fill", "photo.png", "--mask", "mask.png")


def broken_prior(folder: Path, tiny: Callable[..., Prior], how: str) -> str:
    prior = tiny("vae", 1)
    tensors = prior.tensors()
    if how == "nan":
        tensors = {k: torch.full_like(v, torch.nan) for k, v in tensors.items()}
    weights.save(folder, prior.config(), tensors)
    model, config = folder / "model.safetensors", folder / "config.json"
    if how == "tampered":
        data = bytearray(model.read_bytes())
        data[-1] ^= 1
        model.write_bytes(data)
    elif how == "truncated":
        model.write_bytes(model.read_bytes()[:-10])
    elif how == "no model":
        model.unlink()
    elif how == "no config":
        config.unlink()
    elif how == "bad json":
        config.write_text("{")
    return str(folder)


@pytest.mark.parametrize(
    ("how", "text"),
    [
        ("tampered", "damaged or changed"),
        ("truncated", "damaged or changed"),
        ("no model", "model.safetensors"),
        ("no config", "config.json"),
        ("bad json", "cannot be read as JSON"),
        ("nan", "no finite loss"),
    ],
)
@pytest.mark.parametrize("trace", [[], ["--trace", "trace"]], ids=["plain", "trace"])
def test_broken_weights_are_one_line(
    fails: Fails, quick: list[str], tiny: Any, how: str, text: str, trace: list[str]
) -> None:
    quick[5] = broken_prior(Path("prior").absolute(), tiny, how)
    assert text in fails(*quick, "--out", "out.png", *trace)


def test_an_unforeseen_error_is_one_line_too(
    run: Any, desk: Path, quick: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def explode(*_: object, **__: object) -> None:
        raise KeyError("two\nlines")

    monkeypatch.setattr("inpaint.pipeline.complete", explode)
    done = run(*quick, "--out", "out.png")
    assert done.code == 1
    assert done.err.count("\n") == 1
    assert done.err.startswith("Error: internal error, KeyError")
    assert "INPAINT_DEBUG" in done.err


def test_ctrl_c_leaves_nothing(
    run: Any, desk: Path, quick: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("inpaint.pipeline.complete", interrupt)
    done = run(*quick, "--out", "out.png", "--trace", "trace")
    assert done.code == 130
    assert sorted(p.name for p in desk.iterdir()) == ["mask.png", "photo.png"]


# As its users run it


def test_real_exit_codes_and_streams(desk: Path, quick: list[str]) -> None:
    def real(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [INPAINT, *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=False)

    good = real(*quick, "--out", "out.png")
    assert (good.returncode, good.stdout) == (0, "out.png\n")
    failed = real("fill", "nowhere.png", "--mask", "mask.png", "--out", "x.png")
    assert (failed.returncode, failed.stdout, failed.stderr.count("\n")) == (1, "", 1)
    misused = real("fill")
    assert (misused.returncode, misused.stdout) == (2, "")
    assert misused.stderr.startswith("Usage:")


def test_extend_adds_pixels_and_fills_them_with_the_hole(
    run: Any, desk: Path, quick: list[str]
) -> None:
    before = pixels("photo.png")
    assert run(*quick, "--extend", "5,0,3,2", "--out", "wide.png").code == 0
    after, (height, width) = pixels("wide.png"), before.shape[:2]
    assert after.shape == (height + 2, width + 8, 3)
    inside = after[:height, 5 : 5 + width]
    np.testing.assert_array_equal(inside[~hole()], before[~hole()])
    assert (inside[hole()] != before[hole()]).any()
    assert after[height:].any()
    assert after[:, :5].any()


def test_extend_needs_no_mask(run: Any, desk: Path, vae: str) -> None:
    wide = ["fill", "photo.png", "--extend", "0,4,0,0", "--prior", vae, "--steps", "2"]
    assert run(*wide, "--out", "wide.png").code == 0
    np.testing.assert_array_equal(pixels("wide.png")[4:], pixels("photo.png"))


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["--extend", "1,2,3"],
        ["--extend", "a,0,0,0"],
        ["--extend", "0,0,0,0"],
        ["--extend", "-4,0,0,0"],
        ["--extend", "900000,900000,0,0"],
        ["--extend", "4,0,0,0", "--invert"],
        ["--extend", "4,0,0,0", "--grow", "3"],
        ["--extend", "4,0,0,0", "--mask-labels", "any"],
    ],
)
def test_what_cannot_be_extended_is_refused(fails: Fails, arguments: list[str]) -> None:
    complaint = fails("fill", "photo.png", "--out", "wide.png", *arguments)
    assert any(word in complaint for word in ("--extend", "margins", "extended", "--mask"))

"""``pretrain``: a folder of photos in, a folder that ``inpaint fill --prior`` takes out."""

from __future__ import annotations

import dataclasses
import json
import resource
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch

from inpaint.zoo import registry
from pretrain import cli
from pretrain.options import EncoderOptions, GanOptions, GaussianOptions, VaeOptions

PRETRAIN = Path(sys.executable).with_name("pretrain")
OPTIONS = {"gaussian": GaussianOptions, "gan": GanOptions, "vae": VaeOptions}
KINDS = {"gaussian": "gaussian", "gan": "dcgan", "vae": "vae"}
SMALL: dict[str, list[object]] = {
    "gaussian": ["--components", 6, "--bits8", 3],
    "gan": ["--latent", 4, "--width", 4, "--critic-width", 4, "--batch", 4, "--steps", 3],
    "vae": ["--latent", 4, "--encoder-cap", 4, "--decoder-cap", 4, "--batch", 4, "--steps", 3],
}  # fmt: skip
every_command = pytest.mark.parametrize("command", OPTIONS)

Outcome = tuple[int, str, str]
Pretrain = Callable[..., Outcome]


@pytest.fixture
def pretrain(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], desk: Path
) -> Pretrain:
    """``pretrain("vae", ...)`` on the desk: exit code, stdout, stderr."""
    rng = np.random.default_rng(0)
    for i in range(9):
        folder = desk / "photos" / ("cats" if i % 3 else "dogs")
        folder.mkdir(parents=True, exist_ok=True)
        rough = rng.integers(0, 256, (4, 5, 3), dtype=np.uint8)
        cv2.imwrite(str(folder / f"{i}.png"), cv2.resize(rough, (30, 24)))

    def call(*words: object) -> Outcome:
        monkeypatch.setattr("sys.argv", ["pretrain", *map(str, words)])
        capfd.readouterr()
        with pytest.raises(SystemExit) as stop:
            cli.main()
        assert isinstance(stop.value.code, int)
        return stop.value.code, *capfd.readouterr()

    return call


def small(command: str, *words: object) -> list[object]:
    return [command, "photos", "--size", 16, "--out", "model", *SMALL[command], *words]


def complaint(outcome: Outcome) -> str:
    """The one line after ``Error:``; click's own comes after its usage and hint."""
    code, out, err = outcome
    assert code in (1, 2), err
    assert out == ""
    assert "Traceback" not in err
    assert "internal error" not in err
    lines = err.rstrip("\n").split("\n")
    assert len(lines) == 1 or (code == 2 and lines[0].startswith("Usage:") and len(lines) <= 4), err
    assert lines[-1].startswith("Error: ")
    return lines[-1].removeprefix("Error: ")


# From photos to a fill


@every_command
def test_a_trained_folder_is_a_prior_that_fills(
    pretrain: Pretrain, run: Any, desk: Path, command: str
) -> None:
    code, out, err = pretrain(
        *small(command, "--family", "pets", "--data-note", "mine", "--seed", 7)
    )
    assert (code, out) == (0, "model\n"), err
    assert err.startswith("9 images of 16 px\n")
    prior = registry.load_prior("model")
    assert (prior.kind, prior.size) == (KINDS[command], 16)
    config = json.loads(Path("model/config.json").read_text())
    assert (config["family"], config["view"], config["data"]) == ("pets", "crop", "mine")
    assert config["training"]["images"] == 9
    assert config["training"]["seed"] == 7
    assert config["training"].get("steps", 3) == 3
    before, mask = cv2.imread("photo.png"), cv2.imread("mask.png", cv2.IMREAD_GRAYSCALE)
    hole = mask == 255
    before[hole] = np.random.default_rng(0).integers(0, 256, (hole.sum(), 3))
    cv2.imwrite("photo.png", before)
    words = ["fill", "photo.png", "--mask", "mask.png", "--prior", "model", "--out", "out.png"]
    done = run(*words, *([] if command == "gaussian" else ["--steps", 2]))
    assert done.code == 0, done.err
    after = cv2.imread("out.png")
    np.testing.assert_array_equal(after[~hole], before[~hole])
    assert (after[hole] != before[hole]).mean() > 0.9, "the noise is still there"
    assert after[hole].std() < before[hole].std() - 10


@every_command
def test_the_same_command_twice_gives_the_same_weights(pretrain: Pretrain, command: str) -> None:
    folders = []
    for name in "ab":
        torch.manual_seed(ord(name))
        assert pretrain(*small(command, "--out", name, "--min-scale", 0.5))[0] == 0
        folders.append(Path(name, "model.safetensors").read_bytes())
    assert folders[0] == folders[1]
    assert pretrain(*small(command, "--out", "c", "--min-scale", 0.5, "--seed", 1))[0] == 0
    assert Path("c", "model.safetensors").read_bytes() != folders[0]


@pytest.mark.parametrize("command", ["gan", "vae"])
def test_resume_continues_the_training(pretrain: Pretrain, command: str) -> None:
    """In two commands or in one, the weights are the same."""
    name = {"gan": "--policy", "vae": "--warmup"}[command]
    value = {"gan": "", "vae": 2}[command]
    assert pretrain(*small(command, "--out", "whole", "--steps", 6, name, value))[0] == 0
    limit = ["--steps", 6, "--time-limit", 1e-9, name, value]
    for left in range(5, 0, -1):
        code, out, err = pretrain(*small(command, *limit, "--resume"))
        assert (code, out) == (0, "model\n")
        assert "stopped early; the same command with --resume goes on" in err
        assert json.loads(Path("model/config.json").read_text())["training"]["steps"] == 6 - left
    code, _, err = pretrain(*small(command, *limit, "--resume"))
    assert "stopped early" not in err
    whole, parts = (Path(p, "model.safetensors").read_bytes() for p in ("whole", "model"))
    assert whole == parts


def test_damaged_images_are_counted_and_named(pretrain: Pretrain) -> None:
    Path("photos/cats/bad.jpg").write_bytes(b"no image")
    Path("photos/cats/é.png").write_bytes(b"")
    code, _, err = pretrain(*small("gaussian"))
    assert code == 0
    lines = err.splitlines()
    assert "9 images of 16 px, 2 files skipped" in lines
    for name in ("cats/bad.jpg", "cats/é.png"):  # once, and why
        (line,) = (line for line in lines if name in line)
        assert line.startswith(f"  skipped '{name}' is ")


def test_random_cuts_are_made_from_larger_images(pretrain: Pretrain) -> None:
    err = pretrain(*small("gaussian", "--min-scale", 0.5))[2]
    assert err.startswith("9 images of 32 px\n")


def test_the_cache_can_lie_elsewhere(pretrain: Pretrain) -> None:
    assert pretrain(*small("gaussian", "--cache", "decoded"))[0] == 0
    assert {p.suffix for p in Path("decoded").iterdir()} == {".npy", ".json"}
    assert sorted(p.name for p in Path("model").iterdir()) == ["config.json", "model.safetensors"]


# Options and help


@every_command
def test_every_field_of_the_options_is_an_option_with_its_default(command: str) -> None:
    known = {p.name: p for p in cli.group.commands[command].params}
    for field in dataclasses.fields(OPTIONS[command]):
        option = known[field.name]
        assert option.opts == ["--" + field.name.replace("_", "-")]
        assert option.default == field.default
        assert option.show_default  # type: ignore[attr-defined]
        assert option.help == field.metadata["help"]  # type: ignore[attr-defined]


@pytest.mark.parametrize("words", [["--help"], ["gan", "--help"], ["--version"]])
def test_help_comes_at_once(words: list[str]) -> None:
    times = []
    for _ in range(3):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        done = subprocess.run([PRETRAIN, *words], capture_output=True, text=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        # Processor time: the clock on the wall measures the machine's other work too.
        times.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
        assert done.returncode == 0
    assert min(times) < 0.5
    assert done.stdout.startswith(
        "pretrain, version" if "--version" in words else "Usage: pretrain"
    )


def test_help_and_misuse_do_not_import_torch() -> None:
    code = (
        "import sys; from pretrain import cli\n"
        "sys.argv = ['pretrain', *sys.argv[1:]]\n"
        "try: cli.main()\n"
        "except SystemExit: pass\n"
        "print('torch' in sys.modules, 'cv2' in sys.modules)"
    )
    for words in (["gan", "--help"], ["gan", "x", "--out", "y", "--steps", "0"]):
        done = subprocess.run([sys.executable, "-c", code, *words], capture_output=True, text=True)
        assert done.stdout.endswith("False False\n")


# Bad input: one line, and nothing written


def prepare(desk: Path) -> None:
    (desk / "file").write_text("in the way")
    (desk / "empty").mkdir()
    (desk / "damaged").mkdir()
    (desk / "damaged" / "a.png").write_bytes(b"no image")
    (desk / "text.tar").write_text("no tar")


BAD: dict[str, tuple[list[object], str]] = {
    "no data": (["gan", "--out", "model"], "DATA"),
    "missing data": (["gan", "nowhere", "--out", "model"], "nowhere does not exist"),
    "one source missing": (["vae", "photos", "nowhere", "--out", "model"], "nowhere"),
    "empty folder": (["gaussian", "empty", "--out", "model"], "empty"),
    "not a tar": (["vae", "text.tar", "--out", "model"], "text.tar"),
    "an image": (["vae", "photo.png", "--out", "model"], "photo.png"),
    "only damaged": (["vae", "damaged", "--out", "model"], "none of 1 images can be used; the fi"),
    "no out": (["gan", "photos"], "--out"),
    "gan of 48": (small("gan", "--size", 48), "--size is 48"),
    "vae of 48": (small("vae", "--size", 48), "--size is 48"),
    "gaussian of 15": (small("gaussian", "--size", 15), "--size is 15"),
    "size 0": (small("gan", "--size", 0), "--size is 0"),
    "loss": (small("gan", "--loss", "hing"), "did you mean 'hinge'?"),
    "distribution": (small("gan", "--distribution", "gaussian"), "unknown distribution"),
    "policy": (small("gan", "--policy", "color,shift"), "unknown policy 'shift'"),
    "steps 0": (small("gan", "--steps", 0), "--steps"),
    "steps -5": (small("vae", "--steps", -5), "--steps"),
    "no time": (small("vae", "--time-limit", 0), "--time-limit"),
    "batch 0": (small("vae", "--batch", 0), "--batch is 0"),
    "warmup 0": (small("vae", "--warmup", 0), "--warmup is 0"),
    "no step of G": (small("gan", "--generator-steps", 0), "--generator-steps is 0"),
    "lr nan": (small("gan", "--lr", "nan"), "--lr is nan"),
    "lr 0": (small("vae", "--lr", 0), "--lr is 0"),
    "ema 1": (small("gan", "--ema", 1), "--ema is 1"),
    "scale 0": (small("vae", "--min-scale", 0), "--min-scale is 0"),
    "scale 2": (small("gaussian", "--min-scale", 2), "--min-scale is 2"),
    "seed -1": (small("gan", "--seed", -1), "--seed is -1"),
    "huge seed": (small("gan", "--seed", 10**30), "--seed"),
    "no noise": (small("gaussian", "--noise", 0), "--noise is 0"),
    "not a number": (small("gan", "--width", "wide"), "--width"),
    "view": (small("gan", "--view", "half"), "--view"),
    "out is a file": (small("gan", "--out", "file"), "file"),
    "out below a file": (small("vae", "--out", "file/model"), "file"),
    "fit below a file": (small("gaussian", "--out", "file/model"), "file"),
    "out is a file, cache elsewhere": (
        small("gaussian", "--out", "file", "--cache", "empty"), "file",
    ),
    "cache below a file": (small("gan", "--cache", "file/cache"), "file"),
}  # fmt: skip


@pytest.mark.parametrize(("words", "said"), BAD.values(), ids=BAD.keys())
def test_bad_input_is_one_line_and_writes_nothing(
    pretrain: Pretrain, desk: Path, words: list[object], said: str
) -> None:
    prepare(desk)
    before = sorted(p for p in desk.rglob("*") if p.is_file())
    assert said in complaint(pretrain(*words))
    assert sorted(p for p in desk.rglob("*") if p.is_file()) == before


def test_too_many_components_are_one_line(pretrain: Pretrain) -> None:
    code, out, err = pretrain(*small("gaussian", "--components", 19))
    assert (code, out) == (1, "")
    assert err.splitlines()[-1].startswith("Error: 9 images cannot carry 19 components; ")
    assert err.splitlines()[-1].endswith("or --components 18")
    assert not Path("model/config.json").exists()
    more = ("--components", 19, "--views", 2)
    assert pretrain(*small("gaussian", *more))[0] == 1, "the same images twice"
    assert pretrain(*small("gaussian", *more, "--min-scale", 0.5))[0] == 0


def test_resuming_with_another_size_is_one_line_and_harms_nothing(pretrain: Pretrain) -> None:
    assert pretrain(*small("vae"))[0] == 0
    paths = [Path("model", n) for n in ("run/checkpoint.pt", "run/log.csv", "model.safetensors")]
    before = [p.read_bytes() for p in paths]
    code, out, err = pretrain(*small("vae", "--latent", 8, "--resume"))
    assert (code, out) == (1, "")
    assert "is of another training" in err.splitlines()[-1]
    assert [p.read_bytes() for p in paths] == before


def test_a_training_that_breaks_leaves_no_prior(pretrain: Pretrain) -> None:
    code, out, err = pretrain(*small("vae", "--lr", 1e30, "--steps", 80))
    assert (code, out) == (1, "")
    assert err.splitlines()[-1].startswith("Error: training broke at step")
    assert "--lr" in err.splitlines()[-1]
    assert not Path("model/config.json").exists()


# The start of a prior's searches


def test_an_encoder_becomes_part_of_a_copy_of_its_prior(pretrain: Pretrain) -> None:
    assert pretrain(*small("vae", "--family", "pets"))[0] == 0
    before = Path("model/model.safetensors").read_bytes()
    words = ["encoder", "model", "photos", "--out", "more", "--width", 4, "--batch", 4]
    code, out, err = pretrain(*words, "--steps", 3, "--masks", "center,thick")
    assert (code, out) == (0, "more\n"), err
    assert Path("model/model.safetensors").read_bytes() == before
    prior: Any = registry.load_prior("more")
    assert prior.start is not None
    old, new = (json.loads(Path(n, "config.json").read_text()) for n in ("model", "more"))
    assert {k: new[k] for k in old if k != "sha256"} == {
        k: v for k, v in old.items() if k != "sha256"
    }
    assert new["training_of_start"]["steps"] == 3
    z = prior.sample_z(2, torch.Generator().manual_seed(0))
    original: Any = registry.load_prior("model")
    assert torch.equal(prior.generate(z), original.generate(z))
    assert pretrain(*words, "--steps", 5, "--masks", "center,thick", "--resume")[0] == 0
    assert json.loads(Path("more/config.json").read_text())["training_of_start"]["steps"] == 5


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["nowhere", "photos", "--out", "more"], "unknown prior 'nowhere'"),
        (["faces64-gaussian", "photos", "--out", "more"], "closed form"),
        (["model", "photos", "--out", "model"], "is the prior itself"),
        (["model", "photos", "--out", "more", "--masks", "centre"], "did you mean 'center'?"),
        (["model", "photos", "--out", "more", "--lpips", 1], "32 px or more"),
    ],
)
def test_encoders_that_cannot_be_trained_are_one_line(
    pretrain: Pretrain, words: list[object], said: str
) -> None:
    assert pretrain(*small("vae"))[0] == 0
    assert said in complaint(pretrain("encoder", *words))
    assert not Path("more/config.json").exists()


def test_every_field_of_the_encoder_s_options_is_an_option() -> None:
    known = {p.name: p for p in cli.group.commands["encoder"].params}
    for field in dataclasses.fields(EncoderOptions):
        assert known[field.name].default == field.default


def test_bits_choose_the_size_of_the_file(pretrain: Pretrain) -> None:
    sizes = []
    for bits in (16, 8):
        out = f"model{bits}"
        assert pretrain(*small("vae", "--latent", 64, "--bits", bits, "--out", out))[0] == 0
        sizes.append(Path(out, "model.safetensors").stat().st_size)
    assert sizes[1] < 0.8 * sizes[0]


def test_masks_beside_images_are_not_learned_and_linked_folders_are(pretrain: Pretrain) -> None:
    pictures = sorted(Path("photos/cats").glob("*.*"))
    for path in pictures[:2]:
        Path("photos/cats", f"{path.stem}_mask.png").write_bytes(path.read_bytes())
    Path("disk").mkdir()
    Path("disk/more.png").write_bytes(pictures[0].read_bytes())
    Path("photos/linked").symlink_to("../disk")
    Path("photos/cats/phone.heic").write_bytes(b"\0\0\0\x18ftypheic\0\0\0\0mif1heic")
    code, _, err = pretrain(*small("gaussian"))
    assert code == 0
    lines = err.splitlines()
    assert "10 images of 16 px, 1 file skipped, 2 masks beside images left out" in lines
    assert f"  left out cats/{pictures[0].stem}_mask.png" in lines
    assert any("phone.heic" in line and "HEIC" in line for line in lines)

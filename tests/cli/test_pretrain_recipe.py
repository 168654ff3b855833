"""``pretrain recipe``: every file in pretrain/recipes runs from scratch, made tiny."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import click
import cv2
import numpy as np
import pytest

from inpaint.priors.vae import VAE, build
from inpaint.zoo import registry, weights
from inpaint.zoo.weights import read_config
from pretrain import cli, recipe
from pretrain.options import GaussianOptions

Outcome = tuple[int, str, str]
STEPS = 50
# Sizes at which 50 steps take a second or so; whatever else a recipe sets stays as it is.
TINY: dict[str, object] = {
    "size": 16, "steps": STEPS, "batch": 4, "latent": 4, "spatial": 0, "codes": "",
    "width": 4, "cap": 4, "critic-width": 4, "encoder-cap": 4, "decoder-cap": 4, "critic-cap": 4,
    "components": 6, "bits8": 3, "views": 1, "warmup": 10, "penalty-every": 8, "per-image": 1,
    "fine-per-image": 1,
}  # fmt: skip
GAUSSIAN = recipe.Recipe("tiny", "a Gaussian to be cross-fitted", "gaussian", "photos", {})
REFINER: dict[str, object] = {"size": 32, "width": 8}


@pytest.fixture
def pretrain(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], tmp_path: Path
) -> Callable[..., Outcome]:
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    for i in range(12):
        folder = tmp_path / "photos" / ("sea", "street", "unlabelled")[i % 3]
        folder.mkdir(parents=True, exist_ok=True)
        rough = rng.integers(0, 256, (5, 5, 3), dtype=np.uint8)
        cv2.imwrite(str(folder / f"{i}.png"), cv2.resize(rough, (40, 40)))

    def call(*words: object) -> Outcome:
        monkeypatch.setattr("sys.argv", ["pretrain", *map(str, words)])
        capfd.readouterr()
        with pytest.raises(SystemExit) as stop:
            cli.main()
        assert isinstance(stop.value.code, int)
        return stop.value.code, *capfd.readouterr()

    return call


def small(found: recipe.Recipe) -> list[object]:
    """Options that make a recipe tiny, as far as its command has them."""
    target = cli.group.commands[found.command]
    known = {name.lstrip("-") for p in target.params for name in p.opts}
    wished = {**TINY, **(REFINER if found.command in ("refiner", "completion", "finder") else {})}
    if found.options.get("lpips"):
        wished["size"] = 32  # AlexNet sees nothing smaller
    return [w for k, v in wished.items() if k in known for w in (f"--{k}", v)]


def stands_on(found: recipe.Recipe, prior: Path) -> list[object]:
    """What an encoder or a refiner needs besides: a prior that is there already, at its place."""
    target = cli.group.commands[found.command]
    arguments = [p.name for p in target.params if isinstance(p, click.Argument)]
    options = [name for p in target.params for name in p.opts]
    named = ["--prior", prior] if "--prior" in options else []
    named += ["--places", "photos"] if "--places" in options else []
    return [*([prior] if arguments[0] == "prior" else []), "photos", *named]


@pytest.fixture(scope="module")
def prior_of_32(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An untrained VAE of 32 px."""
    sizes = {"width": 4, "cap": 4}
    prior = VAE(*build({"size": 32, "latent": 4, "encoder": sizes, "decoder": sizes}))
    folder = tmp_path_factory.mktemp("prior")
    weights.save(folder, {**prior.config(), "family": "tiny"}, prior.tensors())
    return folder


def trained_first(pretrain: Callable[..., Outcome], found: recipe.Recipe, prior: Path) -> str:
    """The folder of the training that a recipe goes on from, which is of the same command."""
    command = found.command
    words = [*stands_on(found, prior), "--out", "first", *small(found)]
    if command == "gan":
        words += ["--classes", "--codes", "", "--loss", "r3", "--width", 8, "--critic-width", 8]
    code, _, err = pretrain(command, *words)
    assert code == 0, err
    return "first"


@pytest.mark.parametrize("name", recipe.names())
def test_every_recipe_runs_from_scratch(
    pretrain: Callable[..., Outcome], prior_of_32: Path, name: str
) -> None:
    found = recipe.load(name)
    if "folds" in found.options:
        code, _, err = pretrain("gaussian", "photos", "--out", "fitted", *small(GAUSSIAN))
        assert code == 0, err
        prior_of_32 = Path("fitted")
    words = [*stands_on(found, prior_of_32), "--out", "model", *small(found)]
    if "fine" in found.options:
        words += ["--fine", "photos", "--fine-side", 40]
    if "init" in found.options:
        words += ["--init", trained_first(pretrain, found, prior_of_32)]
        if found.command == "gan":  # which is grown to twice the size
            words += ["--size", 32]
    code, out, err = pretrain("recipe", name, *words)
    assert (code, out) == (0, "model\n"), err
    config = read_config(Path("model"))
    training = config.get("training_of_start", config.get("training"))
    if found.command != "gaussian":
        assert training["steps"] == STEPS
    for key, value in found.options.items():
        recorded = training.get(key.replace("-", "_"))
        if key not in TINY and recorded is not None:
            assert recorded == value, f"{key} of the recipe did not arrive"
    if config["kind"] in registry.kinds():
        assert registry.load_prior("model").size in (16, 32)


def test_recipes_of_shipped_weights_say_what_the_weights_were_made_with() -> None:
    """Where both name an option, recipe and config agree."""
    compared = 0
    for name, config in registry.shipped().items():
        if name not in recipe.names():
            continue
        found, training = recipe.load(name), config["training"]
        assert (found.options["family"], found.options["view"]) == (
            config["family"],
            config["view"],
        )
        for key, value in found.options.items():
            if key.replace("-", "_") in training:
                assert training[key.replace("-", "_")] == value, f"{name}: {key}"
                compared += 1
    assert compared > 20


def test_list_names_all_of_them(pretrain: Callable[..., Outcome]) -> None:
    code, out, _ = pretrain("recipe", "list")
    assert code == 0
    assert [line.split()[0] for line in out.splitlines()] == recipe.names()
    code, out, _ = pretrain("recipe", "list", "--json")
    assert {one["name"] for one in json.loads(out)} == set(recipe.names())


def test_a_recipe_shows_its_own_defaults(pretrain: Callable[..., Outcome]) -> None:
    code, out, _ = pretrain("recipe", "faces64-gaussian", "--help")
    assert code == 0
    assert "[default: 0.0045]" in " ".join(out.split())
    assert GaussianOptions().noise != 0.0045


def test_mistakes_are_one_line(pretrain: Callable[..., Outcome]) -> None:
    Path("bad.toml").write_text('about = "b"\ncommand = "gaussian"\n[options]\nnoize = 1\n')
    Path("odd.toml").write_text('about = "b"\ncommand = "gausian"\n')
    Path("own.toml").write_text('about = "b"\ncommand = "score"\n')
    cases = {
        ("faces64-vea",): "did you mean 'faces64-vae'?",
        ("bad.toml", "photos", "--out", "x"): "'noize'; did you mean 'noise'?",
        ("odd.toml", "photos", "--out", "x"): "did you mean 'gaussian'?",
        ("own.toml", "photos", "--out", "x"): "unknown command in recipe 'own' 'score'",
        ("faces64-vae", "photos", "--out", "x", "--stepz", "3"): "--steps",
        ("faces64-vae", "photos"): "Missing option '--out'",
    }
    for words, said in cases.items():
        code, out, err = pretrain("recipe", *words)
        assert (code, out) == (2, ""), words
        assert said in err.splitlines()[-1], words
        assert "Traceback" not in err
    assert not Path("x").exists()


def test_a_file_of_ones_own_runs(pretrain: Callable[..., Outcome]) -> None:
    Path("own.toml").write_text(
        'about = "b"\ncommand = "gaussian"\n[options]\nsize = 16\ncomponents = 5\nbits8 = 2\n'
    )
    assert pretrain("recipe", "own.toml", "photos", "--out", "m", "--components", 4)[0] == 0
    assert read_config(Path("m"))["latent"] == 4

"""Names come from files; a prior comes by name or by folder; what does not fit is refused."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

from inpaint.errors import InpaintError, UnknownNameError, WeightsError
from inpaint.priors import dcgan, gaussian
from inpaint.zoo import registry, sources, weights


def test_every_kind_and_stage_can_be_imported() -> None:
    assert {"dcgan", "gaussian", "vae"} <= set(registry.kinds())
    assert {"poisson", "texture"} <= set(registry.stages())
    for name in registry.stages():
        assert callable(registry.stage(name))


def test_every_shipped_prior_loads_and_has_the_name_of_its_kind() -> None:
    assert registry.priors()
    for name in registry.priors():
        assert registry.load_prior(name).kind == name.rpartition("-")[2]


def test_folders_of_other_weights_are_no_priors() -> None:
    assert "lpips-alex" not in registry.priors()
    with pytest.raises(UnknownNameError):
        registry.load_prior("lpips-alex")


def test_what_a_folder_shares_is_no_stage_prior_or_task() -> None:
    assert registry.stages() == ["attention", "completion", "poisson", "recurrent", "texture"]
    assert registry.kinds() == ["cgan", "dcgan", "gaussian", "vae"]
    assert registry.tasks() == ["colorize", "denoise", "superres"]


def test_one_file_is_enough_whatever_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    texts = {
        "select.py": "def apply(patch): ...",
        "start/__init__.py": "def apply(patch): ...",
        "broken.py": "def apply(patch): (",
        "shared.py": "class Chain:\n    def apply(self): ...",
        "words.py": '"""A stage has def apply(patch)."""',
        "folder/part.py": "def apply(patch): ...",
    }
    for name, text in texts.items():
        (tmp_path / "stages" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "stages" / name).write_text(text)
    monkeypatch.setattr(sources, "HERE", tmp_path)
    found = sources.modules.__wrapped__("stages")
    assert list(found) == ["broken", "select", "start"]


def test_a_process_reads_each_config_once_and_sees_one_that_changes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[str] = []
    real = json.loads
    monkeypatch.setattr(weights.json, "loads", lambda text: read.append(text) or real(text))
    monkeypatch.setattr(registry, "ZOO", tmp_path)
    prior = gaussian.tiny()
    weights.save(tmp_path / "one", prior.config(), prior.tensors())
    for _ in range(3):
        assert registry.priors() == ["one"]
        assert registry.shipped()["one"]["size"] == weights.read_config(tmp_path / "one")["size"]
    assert len(read) == 1
    weights.save(tmp_path / "two", {**prior.config(), "family": "a"}, prior.tensors())
    assert registry.priors() == ["one", "two"]
    assert len(read) == 2
    weights.save(tmp_path / "two", {**prior.config(), "family": "b"}, prior.tensors())
    assert registry.shipped()["two"]["family"] == "b"
    weights.read_config(tmp_path / "two")["family"] = "changed by a caller"
    assert weights.read_config(tmp_path / "two")["family"] == "b"


@pytest.mark.parametrize("call", ["kinds", "stages", "priors"])
def test_names_are_listed_without_importing_torch(call: str) -> None:
    code = (
        f"import sys; from inpaint.zoo import registry; print(registry.{call}()); "
        "sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_importing_the_package_does_not_import_torch() -> None:
    code = (
        "import sys, inpaint; inpaint.fill.__name__ if 0 else 0; sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_search_is_the_package_before_and_after_it_was_imported() -> None:
    code = (
        "import inpaint; first = inpaint.search; import inpaint.search.latent; "
        "assert first is inpaint.search; assert callable(first.search)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_unknown_names_get_a_hint() -> None:
    name = registry.priors()[0]
    with pytest.raises(UnknownNameError, match=f"did you mean '{name}'"):
        registry.load_prior(name[:-1])
    with pytest.raises(UnknownNameError, match="did you mean 'poisson'"):
        registry.stage("poison")
    with pytest.raises(UnknownNameError, match="known: attention, completion, poisson"):
        registry.stage("xyz")


@pytest.mark.parametrize("name", ["", ".hidden", "a\nb", "../zoo", "__init__", "a\0b", "x" * 5000])
def test_odd_names_are_refused_in_one_line(name: str) -> None:
    for look_up in (registry.load_prior, registry.stage):
        with pytest.raises(UnknownNameError) as error:
            look_up(name)
        assert "\n" not in str(error.value)


def test_a_prior_is_loaded_once_however_it_is_asked_for() -> None:
    name = registry.priors()[0]
    assert registry.load_prior(name) is registry.load_prior(name, "cpu")


def test_a_prior_comes_by_folder(tiny_folders: dict[str, str]) -> None:
    for kind, folder in tiny_folders.items():
        assert registry.prior_folder(folder) == Path(folder)
        assert registry.load_prior(folder).kind == kind


def test_a_folder_that_was_trained_again_is_read_again(tmp_path: Path) -> None:
    z = torch.ones(1, 12)
    images = []
    for seed in (0, 1):
        prior = gaussian.tiny(seed)
        weights.save(tmp_path, prior.config(), prior.tensors())
        images.append(registry.load_prior(str(tmp_path)).generate(z))
    assert not torch.equal(*images)


def test_the_same_relative_name_means_another_folder_elsewhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    z = torch.ones(1, 12)
    images = []
    for seed in (0, 1):
        prior = gaussian.tiny(seed)
        weights.save(tmp_path / str(seed) / "mine", prior.config(), prior.tensors())
        monkeypatch.chdir(tmp_path / str(seed))
        images.append(registry.load_prior("mine").generate(z))
    assert not torch.equal(*images)


def test_one_broken_folder_does_not_hide_the_other_priors(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    prior = gaussian.tiny()
    weights.save(tmp_path / "good", prior.config(), prior.tensors())
    (tmp_path / "bad").mkdir()
    (tmp_path / "bad" / "config.json").write_text("{")
    monkeypatch.setattr(registry, "ZOO", tmp_path)
    assert registry.load_prior("good").kind == "gaussian"


def changed(folder: Path, **changes: Any) -> str:
    """Save a tiny DCGAN with a config that was changed; a value of None removes the key."""
    prior = dcgan.tiny()
    config = {**prior.config(), **changes}
    kept = {k: v for k, v in config.items() if v is not None}
    weights.save(folder, kept, prior.tensors())
    return str(folder)


@pytest.mark.parametrize(
    "changes",
    [
        {"size": None},
        {"size": 32},
        {"size": 17},
        {"size": "16"},
        {"latent": 9},
        {"latent": -1},
        {"generator": {"width": 8, "cap": 99}},
        {"generator": {"width": 0, "cap": 99}},
        {"critic": {"width": 1.5, "cap": 99}},
        {"critic": {}},
        {"distribution": None},
    ],
    ids=str,
)
def test_configs_that_do_not_fit_the_weights_are_refused(
    tmp_path: Path, changes: dict[str, Any]
) -> None:
    with pytest.raises(WeightsError, match="do not fit together") as error:
        registry.load_prior(changed(tmp_path, **changes))
    assert "\n" not in str(error.value)


def test_an_unknown_distribution_is_refused(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="distribution"):
        registry.load_prior(changed(tmp_path, distribution="unform"))


@pytest.mark.parametrize("key", ["noise", "residual"])
@pytest.mark.parametrize("value", [None, 0, -1e-3, float("nan"), "small"])
def test_a_gaussian_needs_positive_variances(tmp_path: Path, key: str, value: Any) -> None:
    prior = gaussian.tiny()
    config = {k: v for k, v in {**prior.config(), key: value}.items() if v is not None}
    weights.save(tmp_path, config, prior.tensors())
    with pytest.raises(WeightsError, match=key):
        registry.load_prior(str(tmp_path))


def test_a_missing_tensor_is_named(tmp_path: Path) -> None:
    prior = dcgan.tiny()
    tensors = prior.tensors()
    del tensors["critic.head.weight"]
    weights.save(tmp_path, prior.config(), tensors)
    with pytest.raises(WeightsError, match=r"critic\.head\.weight"):
        registry.load_prior(str(tmp_path))


@pytest.mark.parametrize("kind", ["dcgn", "__init__", "convnets", "../priors", 3, None, ["vae"]])
def test_an_unknown_kind_is_refused(tmp_path: Path, kind: Any) -> None:
    prior = dcgan.tiny()
    weights.save(tmp_path, {**prior.config(), "kind": kind}, prior.tensors())
    with pytest.raises(InpaintError, match="kind"):
        registry.load_prior(str(tmp_path))


def test_weights_of_another_kind_are_refused(tmp_path: Path) -> None:
    weights.save(tmp_path, dcgan.tiny().config(), gaussian.tiny().tensors())
    with pytest.raises(WeightsError, match="do not fit together"):
        registry.load_prior(str(tmp_path))


def test_a_config_from_elsewhere_is_refused(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(json.dumps({"architectures": ["BertModel"]}))
    with pytest.raises(WeightsError, match="kind"):
        registry.load_prior(str(tmp_path))

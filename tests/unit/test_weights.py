"""Weights folders: whole, damaged, foreign."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest
import torch

from inpaint.errors import OutputError, WeightsError
from inpaint.zoo import weights

TENSORS = {"a": torch.arange(6.0).reshape(2, 3), "b": torch.tensor([1, 2], dtype=torch.uint8)}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "deep" / "weights"
    weights.save(path, {"kind": "dcgan", "size": 16}, TENSORS)
    return path


def complaint(folder: Path) -> str:
    with pytest.raises(WeightsError) as error:
        weights.load(folder)
    text = str(error.value)
    assert "\n" not in text
    assert str(folder) in text
    return text


def test_what_was_saved_comes_back(folder: Path) -> None:
    config, tensors = weights.load(folder)
    assert (config["kind"], config["size"]) == ("dcgan", 16)
    assert tensors.keys() == TENSORS.keys()
    assert all(
        torch.equal(tensors[k], v) and tensors[k].dtype == v.dtype for k, v in TENSORS.items()
    )


def test_saving_leaves_two_files_and_a_true_hash(folder: Path) -> None:
    assert sorted(p.name for p in folder.iterdir()) == ["config.json", "model.safetensors"]
    digest = hashlib.sha256((folder / "model.safetensors").read_bytes()).hexdigest()
    assert json.loads((folder / "config.json").read_text())["sha256"] == digest


def test_saving_again_replaces(folder: Path) -> None:
    weights.save(folder, {"kind": "vae"}, {"c": torch.zeros(1)})
    config, tensors = weights.load(folder)
    assert config["kind"] == "vae"
    assert list(tensors) == ["c"]


def test_strided_and_shared_tensors_can_be_saved(tmp_path: Path) -> None:
    base = torch.arange(6.0).reshape(2, 3)
    weights.save(tmp_path, {"kind": "vae"}, {"a": base.T, "b": base.T, "c": base.requires_grad_()})
    _, tensors = weights.load(tmp_path)
    assert torch.equal(tensors["a"], base.T)
    assert torch.equal(tensors["b"], base.T)


def test_saving_into_a_file_is_an_output_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="not written"):
        weights.save(tmp_path / "file", {"kind": "vae"}, TENSORS)


@pytest.mark.parametrize("place", [0, 8, 100, -1])
def test_one_changed_byte_is_found(folder: Path, place: int) -> None:
    path = folder / "model.safetensors"
    data = bytearray(path.read_bytes())
    data[place] ^= 1
    path.write_bytes(data)
    assert "damaged or changed" in complaint(folder)


@pytest.mark.parametrize("length", [0, 7, 50, -1])
def test_a_truncated_file_is_found(folder: Path, length: int) -> None:
    path = folder / "model.safetensors"
    path.write_bytes(path.read_bytes()[:length])
    assert "damaged or changed" in complaint(folder)


@pytest.mark.parametrize(
    "data", [b"", b"not safetensors at all", b"\xff" * 64, b"\x02" + bytes(7) + b"[]"]
)
def test_a_file_of_another_kind_is_found_even_with_a_true_hash(folder: Path, data: bytes) -> None:
    (folder / "model.safetensors").write_bytes(data)
    config = {"kind": "dcgan", "sha256": hashlib.sha256(data).hexdigest()}
    (folder / "config.json").write_text(json.dumps(config))
    assert "not a safetensors file" in complaint(folder)


@pytest.mark.parametrize("name", ["config.json", "model.safetensors"])
def test_a_missing_file_is_named(folder: Path, name: str) -> None:
    (folder / name).unlink()
    assert name in complaint(folder)


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    assert "config.json" in complaint(tmp_path / "nowhere")


@pytest.mark.parametrize(
    "text", [b"", b"{", b"[1, 2]", b"3", b"null", b'{"name": "x"}', b"\xff\xfe", b'"kind"']
)
def test_json_that_is_no_config_is_found(folder: Path, text: bytes) -> None:
    (folder / "config.json").write_bytes(text)
    complaint(folder)


def test_a_config_nested_beyond_reason_is_found(folder: Path) -> None:
    (folder / "config.json").write_text("[" * 100_000)
    complaint(folder)


def test_a_config_without_hash_is_not_trusted(folder: Path) -> None:
    (folder / "config.json").write_text('{"kind": "dcgan"}')
    assert "sha256" in complaint(folder)


def test_a_folder_in_place_of_the_model_is_found(folder: Path) -> None:
    (folder / "model.safetensors").unlink()
    (folder / "model.safetensors").mkdir()
    assert "cannot be read" in complaint(folder)


def test_errors_say_what_to_do(folder: Path) -> None:
    (folder / "model.safetensors").unlink()
    assert ";" in complaint(folder)

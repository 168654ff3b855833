"""Devices are resolved once, by name, to something that is there."""

from __future__ import annotations

import pytest
import torch

from inpaint.devices import resolve
from inpaint.errors import InpaintError, UnknownNameError


def pretend(monkeypatch: pytest.MonkeyPatch, *, cuda: bool, mps: bool) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: cuda)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: mps)


@pytest.mark.parametrize("mps", [False, True])
def test_auto_takes_cuda_else_the_cpu_and_never_mps(
    monkeypatch: pytest.MonkeyPatch, mps: bool
) -> None:
    pretend(monkeypatch, cuda=True, mps=mps)
    assert resolve().type == "cuda"
    pretend(monkeypatch, cuda=False, mps=mps)
    assert resolve("auto").type == "cpu"


def test_what_is_there_can_be_named(monkeypatch: pytest.MonkeyPatch) -> None:
    pretend(monkeypatch, cuda=True, mps=True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    assert resolve("cpu") == torch.device("cpu")
    assert resolve("cuda:1") == torch.device("cuda", 1)
    assert resolve("mps") == torch.device("mps")


@pytest.mark.parametrize("name", ["cuda", "cuda:0", "mps"])
def test_what_is_not_there_is_an_error_with_advice(
    monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    pretend(monkeypatch, cuda=False, mps=False)
    with pytest.raises(InpaintError, match=f"'{name}' is not available here; use --device cpu"):
        resolve(name)


def test_unknown_names_get_a_hint() -> None:
    with pytest.raises(UnknownNameError, match="did you mean 'cuda'"):
        resolve("cude")


@pytest.mark.parametrize(
    "name", ["", "gpu", "meta", "cpu:x", "cuda:x", "cuda:", "auto:1", "cuda:-1"]
)
def test_malformed_names_are_one_line(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    pretend(monkeypatch, cuda=True, mps=True)
    with pytest.raises(InpaintError) as error:
        resolve(name)
    assert "\n" not in str(error.value)


def test_a_card_that_is_not_there_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    pretend(monkeypatch, cuda=True, mps=False)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    with pytest.raises(InpaintError, match="cuda:7"):
        resolve("cuda:7")


def test_cuda_is_refused_in_a_child_of_a_process_that_used_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pretend(monkeypatch, cuda=True, mps=False)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    monkeypatch.setattr(torch.cuda, "_is_in_bad_fork", lambda: True)
    for name in ("auto", "cuda", "cuda:0"):
        with pytest.raises(InpaintError, match="forked after CUDA was used"):
            resolve(name)
    assert resolve("cpu") == torch.device("cpu")

"""Fixtures of all tests: one thread, and tiny priors as objects and as folders."""

from __future__ import annotations

import importlib
import os
from collections.abc import Callable
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

import pytest
import torch

from inpaint.priors import Prior
from inpaint.zoo import registry, weights

torch.set_num_threads(1)


def tiny_prior(kind: str, seed: int = 0) -> Prior:
    prior: Prior = importlib.import_module(f"inpaint.priors.{kind}").tiny(seed)
    return prior


@pytest.fixture(scope="session")
def tiny() -> Callable[..., Prior]:
    """``tiny(kind, seed=0)``: a fresh tiny prior."""
    return tiny_prior


@pytest.fixture(scope="session")
def tiny_folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """A saved tiny prior of every kind, {kind: folder}; not to be written to."""
    root: Path = tmp_path_factory.mktemp("priors")
    for kind in registry.kinds():
        prior = tiny_prior(kind)
        weights.save(root / kind, prior.config(), prior.tensors())
    return {kind: str(root / kind) for kind in registry.kinds()}

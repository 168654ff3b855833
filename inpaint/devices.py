"""Devices, resolved once at the edge."""

from __future__ import annotations

import torch

from inpaint.errors import InpaintError, UnknownNameError

NAMES = ("auto", "cpu", "cuda", "mps")


def resolve(name: str = "auto") -> torch.device:
    """Turn ``auto``, ``cpu``, ``cuda`` (or ``cuda:1``) or ``mps`` into a device that is there.

    ``auto`` takes CUDA if there is one, else the CPU; never mps, whose kernels round differently
    from run to run. Raises UnknownNameError for other names, InpaintError for a missing device.
    """
    kind = name.partition(":")[0]
    if kind not in NAMES:
        raise UnknownNameError("device", name, NAMES)
    if kind == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    there = {
        "cpu": True,
        "cuda": torch.cuda.is_available(),
        "mps": torch.backends.mps.is_available(),
    }
    if not there[kind]:
        raise InpaintError(f"device {name!r} is not available here; use --device cpu")
    return torch.device(name)

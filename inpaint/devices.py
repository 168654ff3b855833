"""Devices, resolved once at the edge."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from inpaint.errors import InpaintError, UnknownNameError

NAMES = ("auto", "cpu", "cuda", "mps")


def resolve(name: str = "auto") -> torch.device:
    """Turn ``auto``, ``cpu``, ``cuda`` (or ``cuda:1``) or ``mps`` into a device that is there.

    ``auto`` takes CUDA if there is one, else the CPU; never mps, whose kernels round differently
    from run to run. Raises UnknownNameError for other names, InpaintError for a missing device.
    """
    kind, colon, index = name.partition(":")
    if kind not in NAMES or (colon and (kind == "auto" or not index.isdecimal())):
        raise UnknownNameError("device", name, NAMES)
    if kind == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    count = {
        "cpu": 1,
        "cuda": torch.cuda.device_count() if torch.cuda.is_available() else 0,
        "mps": int(torch.backends.mps.is_available()),
    }[kind]
    if int(index or 0) >= count:
        raise InpaintError(f"device {name!r} is not available here; use --device cpu")
    return torch.device(name)


@contextmanager
def one_thread(device: torch.device) -> Iterator[None]:
    """Within, this thread computes alone on the processor; on other devices nothing changes.

    Gradients of convolutions are summed in parts, one for each thread: their last bits hang on
    the number, and steps of a search make that visible.
    """
    threads = torch.get_num_threads()
    if device.type != "cpu" or threads == 1:
        yield
        return
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)

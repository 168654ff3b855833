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
    there = torch.cuda.is_available()
    if (kind == "cuda" or (kind == "auto" and there)) and _forked():
        raise InpaintError(
            "CUDA cannot be used in a process that was forked after CUDA was used; start "
            "processes by spawn, or use --device cpu"
        )
    if kind == "auto":
        return torch.device("cuda" if there else "cpu")
    count = {
        "cpu": 1,
        "cuda": torch.cuda.device_count() if there else 0,
        "mps": int(torch.backends.mps.is_available()),
    }[kind]
    if int(index or 0) >= count:
        raise InpaintError(f"device {name!r} is not available here; use --device cpu")
    return torch.device(name)


def _forked() -> bool:
    """Whether a parent of this process used CUDA before the fork."""
    told = getattr(torch.cuda, "_is_in_bad_fork", None)  # torch has no public way to ask
    return bool(told and told())


@contextmanager
def one_thread(device: torch.device) -> Iterator[None]:
    """Within, this thread computes alone on the processor; on other devices nothing changes.

    Sums, such as those of matrix products and of gradients of convolutions, are made in parts, one
    for each thread: their last bits depend on the number of threads, and a search makes that
    visible. The same bytes therefore need the same number, which is 1 because a forked child has
    no more.

    Also a decorator: ``@one_thread(torch.device("cpu"))``.
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

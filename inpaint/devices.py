"""Devices, which are resolved once, and threads, of which a forked child may use only its own.

Torch (OpenMP) and OpenCV keep threads that wait for work. A fork copies the memory that lists these
threads, but not the threads, so the first parallel loop in the child would wait for them forever.
With one thread neither library hands work to others. The bytes stay the same, because no result of
this package depends on the number of threads. This module is loaded with the package, so it imports
torch only where it is needed.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from inpaint.errors import InpaintError, UnknownNameError

if TYPE_CHECKING:
    import torch

NAMES = ("auto", "cpu", "cuda", "mps")


def resolve(name: str = "auto") -> torch.device:
    """Turn ``auto``, ``cpu``, ``cuda`` (or ``cuda:1``) or ``mps`` into a device that is there.

    ``auto`` takes CUDA if there is one, else the CPU; never mps, whose kernels round differently
    from run to run. Raises UnknownNameError for other names, InpaintError for a missing device.
    """
    import torch

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
    import torch

    told = getattr(torch.cuda, "_is_in_bad_fork", None)  # torch has no public function for this
    return bool(told and told())


@contextmanager
def one_thread(device: torch.device) -> Iterator[None]:
    """Within, this thread computes alone on the processor; on other devices nothing changes.

    Sums, such as those of matrix products and of gradients of convolutions, are made in parts, one
    for each thread. So their last bits depend on the number of threads, and a search makes that
    visible. The same bytes therefore need the same number, which is 1 because a forked child has
    no more.

    Also a decorator: ``@one_thread(torch.device("cpu"))``.
    """
    import torch

    threads = torch.get_num_threads()
    if device.type != "cpu" or threads == 1:
        yield
        return
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def in_child() -> None:
    """Make torch and OpenCV, where they are loaded, compute with this thread alone."""
    torch = sys.modules.get("torch")
    if torch is not None and hasattr(torch, "set_num_threads"):  # not while it is being imported
        torch.set_num_threads(1)
    cv2 = sys.modules.get("cv2")
    if cv2 is not None and hasattr(cv2, "setNumThreads"):
        # Not 1, for which OpenCV would stop its threads, and wait for them to end.
        cv2.setNumThreads(0)


if hasattr(os, "register_at_fork"):  # Windows has no fork
    os.register_at_fork(after_in_child=in_child)

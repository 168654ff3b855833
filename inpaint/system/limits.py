"""How much memory the machine, its containers and the shell leave to this process."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path, PurePosixPath

from inpaint.errors import InpaintError

_UNLIMITED = 1 << 62  # a group of version 1 without a limit names a number near 2**63
PROC = Path("/proc/self")
MACHINE = "this machine has"

# What the libraries (torch, SciPy, OpenCV and others) and the priors take before the first pixel,
# and a little more: addresses that are mapped, and data.
LIBRARIES = {"ulimit -v allows": 3 << 29, "ulimit -d allows": 1 << 29}

Limit = tuple[int, str]  # bytes, and what sets them, to be followed by the number


def available() -> int | None:
    """Return the bytes that all workers together may use; None if it cannot be told."""
    return min((size for size, _ in machine()), default=None)


def machine() -> list[Limit]:
    """The memory of this machine, and what its control groups (containers) allow."""
    found: list[Limit] = []
    with suppress(AttributeError, OSError, ValueError):
        there = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
        found.append((there, MACHINE))
    found += [(size, "its control group (container) allows") for size in _groups()]
    return found


def process() -> list[Limit]:
    """The limits that a shell sets for each process, where they are known and there are any."""
    found: list[Limit] = []
    with suppress(ImportError):
        import resource

        for name, what in (("RLIMIT_AS", "ulimit -v allows"), ("RLIMIT_DATA", "ulimit -d allows")):
            soft, _ = resource.getrlimit(getattr(resource, name, 0))
            if hasattr(resource, name) and soft != resource.RLIM_INFINITY:
                found.append((soft, what))
    return found


def check_libraries() -> None:
    """Refuse a limit of the shell that the libraries alone do not fit into.

    Where they find no memory they fail in odd ways; OpenBLAS waits for it, for ever.

    Raises
    ------
    InpaintError
        If there is such a limit.
    """
    for size, what in process():
        if size < LIBRARIES[what]:
            raise InpaintError(
                f"{what} {size / (1 << 30):.1f} GB of memory, and the libraries alone need "
                f"{LIBRARIES[what] / (1 << 30):.1f} GB; raise that limit"
            )


def _groups() -> Iterator[int]:
    """The limits of this process's control group and of all groups above it.

    A group may allow more than the one that it lies in, so that each of them counts. Versions 1
    and 2 may both be mounted.
    """
    try:
        lines = (PROC / "cgroup").read_text().splitlines()
        mounts = (PROC / "mountinfo").read_text().splitlines()
    except (OSError, ValueError):
        return
    for line in lines:
        _, controllers, path = line.split(":", 2)
        if controllers == "":
            kind, file = "cgroup2", "memory.max"
        elif "memory" in controllers.split(","):
            kind, file = "cgroup", "memory.limit_in_bytes"
        else:
            continue
        for root, top in _mounted(mounts, kind):
            for folder in _above(PurePosixPath(path), root):
                size = _number(Path(top) / folder / file)
                if size is not None and size < _UNLIMITED:
                    yield size


def _mounted(mounts: list[str], kind: str) -> Iterator[tuple[str, str]]:
    """Where a version of control groups is mounted: the group at its root, and the folder."""
    for line in mounts:
        own, _, rest = line.partition(" - ")
        fields, more = own.split(), rest.split()
        if len(fields) < 5 or not more or more[0] != kind:
            continue
        if kind == "cgroup2" or "memory" in more[-1].split(","):
            yield _plain(fields[3]), _plain(fields[4])


def _above(path: PurePosixPath, root: str) -> Iterator[str]:
    """A group and all above it, as folders relative to where ``root`` is mounted.

    In a container the group's path may be one of the host, that cannot be seen from within; the
    root of the mount is the container's own group then.
    """
    inside = path.relative_to(root) if path.is_relative_to(root) else PurePosixPath()
    steps = [inside, *inside.parents]
    yield from dict.fromkeys(str(step).strip("/") or "." for step in steps)


def _number(path: Path) -> int | None:
    try:
        text = path.read_text().strip()
    except (OSError, ValueError):
        return None
    return int(text) if text.isdecimal() else None


def _plain(text: str) -> str:
    """A path as the kernel writes it: with an octal number for a space, and for three others."""
    for octal, sign in (("\\040", " "), ("\\011", "\t"), ("\\012", "\n"), ("\\134", "\\")):
        text = text.replace(octal, sign)
    return text

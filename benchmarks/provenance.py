"""Where figures come from: machine, commit and versions, for a report."""

from __future__ import annotations

import os
import platform
import subprocess
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from inpaint import __version__

PACKAGES = ("torch", "numpy", "scipy", "opencv-python-headless", "scikit-image", "pillow")


def machine() -> str:
    """Processor, how many of them this process may use, memory; no name of the host."""
    model, memory = platform.machine(), ""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        model = next(ln.partition(":")[2].strip() for ln in lines if ln.startswith("model name"))
        pages = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
        memory = f", {pages / 2**30:.0f} GiB"
    except (OSError, StopIteration, ValueError):
        pass  # not Linux: the architecture has to do
    return f"{model}, {os.cpu_count()} processors{memory}, {platform.system()}"


def commit(where: Path = Path(__file__).parent) -> str:
    """Short hash of a checkout, with ``+`` where files under version control differ from it."""

    def git(*words: str) -> str:
        done = subprocess.run(
            ["git", *words], cwd=where, capture_output=True, text=True, check=False
        )
        return done.stdout.strip() if done.returncode == 0 else ""

    changed = git("status", "--porcelain", "--untracked-files=no", "--", ":/", ":!RESULTS.md")
    return (git("rev-parse", "--short", "HEAD") or "unknown") + ("+" if changed else "")


def versions() -> dict[str, str]:
    """Versions of Python, this package and what computes."""
    found = {"inpaint": __version__, "python": platform.python_version()}
    for name in PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "absent"
    return found

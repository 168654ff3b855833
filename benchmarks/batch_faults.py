"""``inpaint batch`` on a full disk, in folders that may not be read, and on 60 damaged files.

    python benchmarks/batch_faults.py

Each part prints what went wrong as the command names it, and checks that all other images have the
bytes of a run without faults, that nothing was overwritten and that no input was touched. The full
disk is a small tmpfs and needs root (Linux). As root the command runs without the capabilities that
let root read everything. Exits 1 if a check fails.
"""

from __future__ import annotations

import ctypes
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click
from mixed import make, outputs

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
from batch_samples import NAMES, add_hostile, make_folder

INPAINT = str(Path(sys.executable).with_name("inpaint"))
PR_CAPBSET_DROP, CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH = 24, 1, 2


def without_privileges() -> None:
    """In a child, before it starts: file modes shall hold for root too."""
    if os.geteuid() == 0:
        libc = ctypes.CDLL(None, use_errno=True)
        for capability in (CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH):
            libc.prctl(PR_CAPBSET_DROP, capability, 0, 0, 0)


def fill(root: Path, out: str, *more: str, fallible: bool = False) -> tuple[int, dict[str, Any]]:
    """Run the command; its exit code, and the report's rows by path with ``stderr`` under ""."""
    report = root / f"{out}.jsonl"
    command = [INPAINT, "batch", str(root / "in")]
    command += ["--masks", str(root / "masks"), "--out", str(root / out), "--report", str(report)]
    command += ["--prior", "scenes64-gaussian", "--stage", "poisson", "--workers", "2", *more]
    before = without_privileges if fallible else None
    done = subprocess.run(command, capture_output=True, text=True, check=False, preexec_fn=before)
    assert "Traceback" not in done.stderr
    rows = {row["path"]: row for row in map(json.loads, report.read_text().splitlines())}
    return done.returncode, {**rows, "": done.stderr}


def failures(rows: dict[str, Any]) -> dict[str, str]:
    """Reasons by path."""
    return {k: row["error"] for k, row in rows.items() if k and row["status"] == "failed"}


@contextmanager
def small_tmpfs(place: Path, size: str) -> Iterator[None]:
    """A file system of a few hundred kilobytes."""
    place.mkdir(parents=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", place], check=True)
    try:
        yield
    finally:
        subprocess.run(["umount", place], check=True)


def full_disk(root: Path, count: int) -> dict[str, Any]:
    """The disk fills up in the midst of a run, then gets larger, and the command goes on."""
    make(root, count, 1)
    fill(root, "whole")
    reference, inputs = outputs(root / "whole"), outputs(root / "in")
    with small_tmpfs(root / "small", "300k"):
        first = fill(root, "small")
        there = outputs(root / "small")
        half = len(list((root / "small" / ".inpaint" / "tmp").iterdir()))
        subprocess.run(["mount", "-o", "remount,size=64m", root / "small"], check=True)
        again = fill(root, "small")
        after = outputs(root / "small")
    return {
        "exit_code": first[0],
        "said": first[1][""].splitlines()[-4:],
        "failed": failures(first[1]),
        "filled_before": len(there),
        "no_partial_file": all(data == reference[name] for name, data in there.items()),
        "half_written_left": half,
        "exit_code_with_room": again[0],
        "same_bytes_with_room": after == reference,
        "inputs_untouched": outputs(root / "in") == inputs,
    }


def closed_folders(root: Path) -> dict[str, Any]:
    """Folders and files that may not be read or written, each among others that may."""
    names = [f"{folder}/{k}.png" for folder in ("open", "shut", "listed/in", "dark", "ro")
             for k in range(2)]  # fmt: skip
    make_folder(root, tuple(names))
    fill(root, "whole")
    reference = outputs(root / "whole")
    fill(root, "out", "--seed", "1")  # older outputs, also where nothing may be written any more
    older = outputs(root / "out")
    closed = {
        "in/shut": 0,
        "in/listed": 0o444,
        "masks/dark": 0,
        "out/ro": 0o555,
        "in/open/0.png": 0,
    }
    for name, mode in closed.items():
        (root / name).chmod(mode)
    code, rows = fill(root, "out", fallible=True)
    for name in closed:
        (root / name).chmod(0o755)
    now = outputs(root / "out")
    failed = failures(rows)
    filled = {name for name, row in rows.items() if name and row["status"] == "done"}
    return {
        "exit_code": code,
        "failed": failed,
        "filled": sorted(filled),
        "others_filled": filled == {"open/1.png"},
        "all_named": all(
            any(name == bad or name.startswith(f"{bad}/") for bad in failed)
            for name in names
            if name not in filled
        ),
        "nothing_lost": all(
            now[name] == (reference if name in filled else older)[name] for name in names
        ),
    }


def hostile(root: Path) -> dict[str, Any]:
    """60 damaged or hostile files among images of every kind, and an output that was there."""
    make_folder(root)
    fill(root, "whole")
    reference = outputs(root / "whole")
    expected = add_hostile(root)
    kept = root / "out" / "a.png"
    kept.parent.mkdir()
    kept.write_bytes(b"somebody's")
    inputs = outputs(root / "in")
    code, rows = fill(root, "out")
    failed = failures(rows)
    there = outputs(root / "out")
    return {
        "exit_code": code,
        "hostile": len(expected),
        "failed": failed,
        "each_named_with_its_reason": all(
            text in failed.get(name, "") for name, text in expected.items()
        ),
        "others_filled": all(there[n] == reference[n] for n in NAMES if n != "a.png"),
        "nothing_overwritten": kept.read_bytes() == b"somebody's" and "a.png" in failed,
        "inputs_untouched": outputs(root / "in") == inputs,
    }


@click.command()
@click.option("--count", default=60, show_default=True, help="Images on the full disk.")
@click.option("--folder", default="runs/bench-faults", show_default=True, type=click.Path())
def main(count: int, folder: str) -> None:
    root = Path(folder).absolute()
    shutil.rmtree(root, ignore_errors=True)
    report = {"closed_folders": closed_folders(root / "closed"), "hostile": hostile(root / "bad")}
    if os.geteuid() == 0 and sys.platform == "linux":
        report["full_disk"] = full_disk(root / "full", count)
    print(json.dumps(report, indent=2, ensure_ascii=False))
    checks = [v for part in report.values() for v in part.values() if isinstance(v, bool)]
    sys.exit(0 if all(checks) and all(part["exit_code"] == 1 for part in report.values()) else 1)


if __name__ == "__main__":
    main()

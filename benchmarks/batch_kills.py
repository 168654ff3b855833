"""``inpaint batch`` killed at random moments: nothing lost, and nothing ever half there.

    python benchmarks/batch_kills.py --kills 10

Fills a mixed folder once without interruption. Then fills it again and sends SIGKILL to the command
(every second time to its workers too) at random moments: in the start-up, and after a random number
of outputs. All the time another thread reads what is visible in the output folder; each file must
have, from its first appearance on, the bytes of the uninterrupted run. The last command runs to its
end. Prints JSON; exits 1 if a byte differs.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import click
from batch_watch import below
from mixed import make, outputs

INPAINT = str(Path(sys.executable).with_name("inpaint"))


class Reader:
    """Reads all visible outputs over and over, beside the runs."""

    def __init__(self, out: Path, reference: dict[str, bytes]) -> None:
        self.wrong: list[str] = []
        self.looks = 0
        self._out, self._reference = out, reference
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._follow)

    def __enter__(self) -> Reader:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

    def _follow(self) -> None:
        seen: dict[str, int] = {}
        while not self._ended.wait(0.02):
            self.looks += 1
            for folder, inner, files in os.walk(self._out):
                inner[:] = [name for name in inner if not name.startswith(".")]
                for file in files:
                    path = Path(folder) / file
                    name = path.relative_to(self._out).as_posix()
                    changed = path.stat().st_mtime_ns
                    if seen.get(name) != changed and path.read_bytes() != self._reference[name]:
                        self.wrong.append(name)
                    seen[name] = changed


def kill(process: subprocess.Popen[bytes], *, workers: bool) -> None:
    """SIGKILL, to the command first: its workers then find their pipes closed."""
    others = list(below(process.pid)) if workers else []
    for one in (process.pid, *others):
        with suppress(ProcessLookupError):
            os.kill(one, signal.SIGKILL)
    process.wait()


def run_and_kill(
    command: list[str], out: Path, rng: random.Random, start: float, turn: int, deadline: float
) -> dict[str, Any] | None:
    """One killed run; None if it ended before it could be killed."""
    before = len(outputs(out)) if out.exists() else 0
    wanted, delay = before, rng.uniform(0, start)
    if turn % 3:  # in the midst of work
        wanted, delay = before + rng.randint(1, 12), rng.uniform(0, 0.3)
    begun = time.monotonic()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    while process.poll() is None and time.monotonic() - begun < deadline:
        if not out.exists() or len(outputs(out)) < wanted:
            time.sleep(0.01)
            continue
        break
    time.sleep(delay)
    if process.poll() is not None:
        return None
    both = turn % 2 == 1
    kill(process, workers=both)
    half = list((out / ".inpaint" / "tmp").glob("*")) if out.exists() else []
    return {
        "seconds": round(time.monotonic() - begun, 2),
        "workers_too": both,
        "outputs": len(outputs(out)) if out.exists() else 0,
        "hidden_half_written": len(half),
    }


@click.command()
@click.option("--count", default=200, show_default=True, help="Images.")
@click.option("--kills", default=10, show_default=True)
@click.option("--workers", default=2, show_default=True)
@click.option("--prior", default="scenes64-gaussian", show_default=True)
@click.option("--stage", default="poisson", show_default=True)
@click.option("--seed", default=0, show_default=True)
@click.option("--folder", default="runs/bench-kills", show_default=True, type=click.Path())
def main(
    count: int, kills: int, workers: int, prior: str, stage: str, seed: int, folder: str
) -> None:
    root = Path(folder)
    shutil.rmtree(root, ignore_errors=True)
    make(root, count, seed)
    inputs = {**outputs(root / "in"), **outputs(root / "masks")}
    command = [INPAINT, "batch", str(root / "in"), "--masks", str(root / "masks")]
    command += ["--prior", prior, "--stage", stage, "--workers", str(workers)]
    begun = time.monotonic()
    subprocess.run([*command, "--out", str(root / "whole")], check=True, capture_output=True)
    whole = time.monotonic() - begun
    reference = outputs(root / "whole")
    assert len(reference) == count
    out, rng = root / "killed", random.Random(seed)
    command += ["--out", str(out)]
    killed: list[dict[str, Any]] = []
    with Reader(out, reference) as reader:
        for turn in range(3 * kills):
            if len(killed) < kills:
                found = run_and_kill(command, out, rng, min(whole / 4, 10), turn, whole)
                killed += [found] if found else []
        last = subprocess.run([*command, "--json"], capture_output=True, text=True, check=False)
    summary = json.loads(last.stdout)
    same = outputs(out) == reference
    left = [p.name for p in (out / ".inpaint" / "tmp").iterdir()]
    report = {
        "images": count,
        "kills": killed,
        "last_run": {key: summary[key] for key in ("done", "kept", "failed")},
        "same_bytes_as_uninterrupted": same,
        "looks_at_visible_files": reader.looks,
        "partial_or_wrong_files_seen": reader.wrong,
        "half_written_files_left": left,
        "inputs_untouched": inputs == {**outputs(root / "in"), **outputs(root / "masks")},
        "seconds_uninterrupted": round(whole, 1),
    }
    print(json.dumps(report, indent=2))
    fine = same and not reader.wrong and not left and report["inputs_untouched"]
    sys.exit(0 if fine and len(killed) == kills and last.returncode == 0 else 1)


if __name__ == "__main__":
    main()

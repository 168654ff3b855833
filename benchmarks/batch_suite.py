"""``inpaint batch`` under every fault that a machine or a person may cause, one after the other.

    python benchmarks/batch_suite.py --rounds 1
    python benchmarks/batch_suite.py --rounds 20 --light
    python benchmarks/batch_suite.py --rounds 1 --fault limits --fault folders

Each round fills a small folder while one fault happens at a random moment, and then gives the same
command again. After the first run each output is whole and equal to that of an undisturbed run, and
each image without one is named by its report, or the run says that it stopped, with exit code 1.
After the second run all outputs are there and equal. No input is ever touched. Prints one line of
JSON for each round, then a table; exits 1 if a check fails.

With ``--light`` the fills take no time (``batch_light.py``), so that many rounds can be done; Ray's
actors fill with torch, and are left out then. Mounts and control groups need root (Linux); what the
machine does not allow is left out by name.
"""

from __future__ import annotations

import json
import os
import random
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import click

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
from batch_samples import make_folder, visible

NAMES = tuple(f"{'abc'[k % 3]}/{k:02d}.{('png', 'jpg', 'webp')[k % 3]}" for k in range(18))
KILLED = {-signal.SIGKILL, 137}
LIGHT = str(Path(__file__).with_name("batch_light.py"))
PATIENCE = 600  # seconds for one run: longer than any, on a busy machine


class NotHereError(Exception):
    """Raised where the machine cannot do such a fault."""


class Scene:
    """One folder to fill, the command that does it, and what came of an undisturbed run."""

    def __init__(
        self, root: Path, options: list[str], rng: random.Random, *, light: bool = False
    ) -> None:
        self.root, self.options, self.rng, self.light = root, options, rng, light
        self.report = root / "rows.jsonl"
        self.out = root / "out"
        self.reference: dict[str, bytes] = {}
        self.inputs: dict[str, bytes] = {}

    def prepare(self, whole: dict[str, bytes]) -> None:
        """Fresh inputs, no output."""
        shutil.rmtree(self.root, ignore_errors=True)
        make_folder(self.root, NAMES)
        self.reference = whole
        self.inputs = {**visible(self.root / "in"), **visible(self.root / "masks")}

    def command(self, *more: str) -> list[str]:
        """The command; ``more`` overrides."""
        program = [LIGHT] if self.light else ["-m", "inpaint"]
        base = [sys.executable, *program, "batch", "in", "--masks", "masks", "--out", "out"]
        return [*base, "--report", str(self.report), *self.options, *more]

    @contextmanager
    def running(self, *more: str, before: str = "") -> Iterator[subprocess.Popen[str]]:
        """The command at work; ``before`` is a shell's line that sets limits."""
        line = [*self.command(*more)]
        if before:
            line = ["bash", "-c", f'{before}; exec "$@"', "-", *line]
        process = subprocess.Popen(
            line, cwd=self.root, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
        )
        try:
            yield process
        finally:
            if process.poll() is None:
                process.kill()
            process.wait()

    def moment(self, process: subprocess.Popen[str]) -> None:
        """Wait for a random moment: in the start, or after a random number of outputs."""
        wanted, end = self.rng.randint(0, len(NAMES) - 2), time.monotonic() + PATIENCE
        while process.poll() is None and time.monotonic() < end:
            if self.out.exists() and len(visible(self.out)) >= wanted:
                break
            time.sleep(0.005)
        time.sleep(self.rng.uniform(0, 0.05))

    def workers(self, process: subprocess.Popen[str]) -> list[int]:
        """The processes below the command that fill."""
        found = []
        for path in Path("/proc").glob("[0-9]*/cmdline"):
            with suppress(OSError):
                words = path.read_bytes().split(b"\0")
                parent = int((path.parent / "stat").read_text().rpartition(")")[2].split()[1])
                if parent == process.pid and {b"inpaint.batch.worker", b"worker"} & set(words):
                    found.append(int(path.parent.name))
        return found

    def check(self, process: subprocess.Popen[str], *, killed: bool = False) -> list[str]:
        """What is wrong after the disturbed run; nothing, if all is well."""
        try:
            said = process.communicate(timeout=PATIENCE)[1] or ""
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()
            return [f"the run did not end within {PATIENCE} s"]
        wrong = [word for word in ("Traceback", "internal error") if word in said]
        there = visible(self.out) if self.out.exists() else {}
        wrong += [f"{name} differs" for name in there if there[name] != self.reference.get(name)]
        missing = self.reference.keys() - there.keys()
        if killed or process.returncode in KILLED:
            return wrong
        rows = {row["path"]: row for row in self._rows()}
        stopped = "stopped:" in said or "Error:" in said
        unnamed = [n for n in missing if rows.get(n, {}).get("status") != "failed" and not stopped]
        wrong += [f"{name} is missing and not named" for name in unnamed]
        if missing and process.returncode != 1:
            wrong.append(f"exit code {process.returncode} with {len(missing)} outputs missing")
        if not missing and process.returncode not in (0, 1):
            wrong.append(f"exit code {process.returncode} with all outputs there")
        return wrong

    def _rows(self) -> list[dict[str, Any]]:
        if not self.report.exists():
            return []
        lines = self.report.read_text().splitlines()
        return [json.loads(line) for line in lines if line.endswith("}")]

    def again(self) -> list[str]:
        """What is wrong after the same command was given once more, undisturbed."""
        done = subprocess.run(
            self.command(), cwd=self.root, capture_output=True, text=True, timeout=PATIENCE
        )
        wrong = [] if done.returncode == 0 else [f"again: exit {done.returncode}: {done.stderr}"]
        if visible(self.out) != self.reference:
            wrong.append("again: outputs differ from an undisturbed run")
        now = {**visible(self.root / "in"), **visible(self.root / "masks")}
        if now != self.inputs:
            wrong.append("an input was touched")
        return wrong


Fault = Callable[[Scene], list[str]]


def kill_worker(scene: Scene) -> list[str]:
    """SIGKILL to a worker."""
    with scene.running("--workers", "1") as process:
        scene.moment(process)
        for pid in scene.workers(process)[:1]:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        return scene.check(process)


def stop_worker(scene: Scene) -> list[str]:
    """SIGSTOP to a worker, and SIGCONT after a while."""
    with scene.running("--workers", "1") as process:
        scene.moment(process)
        for pid in scene.workers(process)[:1]:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGSTOP)
                time.sleep(scene.rng.uniform(0, 3))
                os.kill(pid, signal.SIGCONT)
        return scene.check(process)


def kill_run(scene: Scene) -> list[str]:
    """SIGKILL to the command."""
    with scene.running() as process:
        scene.moment(process)
        process.kill()
        return scene.check(process, killed=True)


def actors(scene: Scene) -> list[str]:
    """SIGKILL, or SIGSTOP and SIGCONT, to the Ray actor that has just written."""
    if scene.light:
        raise NotHereError("Ray's actors fill with torch")
    with scene.running("--engine", "ray", "--workers", "1") as process:
        scene.moment(process)
        pids = {int(p.stem.rsplit("-", 2)[1]) for p in scene.out.glob(".inpaint/wrote/*/*.jsonl")}
        for pid in pids:
            with suppress(ProcessLookupError):
                if scene.rng.random() < 0.5:
                    os.kill(pid, signal.SIGKILL)
                else:
                    os.kill(pid, signal.SIGSTOP)
                    time.sleep(2)
                    os.kill(pid, signal.SIGCONT)
        return scene.check(process)


def folders(scene: Scene) -> list[str]:
    """A folder of inputs or outputs that is moved away at work."""
    what = scene.rng.choice(["in", "in/c", "masks/c", "masks", "out", "out/a"])
    away = scene.root / "away"
    with scene.running() as process:
        scene.moment(process)
        if (scene.root / what).exists():
            (scene.root / what).rename(away)
        wrong = scene.check(process)
    if away.exists() and not what.startswith("out"):
        away.rename(scene.root / what)
    return [f"{what}: {one}" for one in wrong]


def changed(scene: Scene) -> list[str]:
    """An input that is cut short, or becomes a pipe, at work, and is as before afterwards."""
    name = scene.rng.choice(NAMES)
    path = scene.root / "in" / name
    data, times = path.read_bytes(), path.stat()
    with scene.running() as process:
        scene.moment(process)
        path.unlink()
        if scene.rng.random() < 0.5:
            os.mkfifo(path)
        else:
            path.write_bytes(data[:60])
        wrong = scene.check(process)
    path.unlink()
    path.write_bytes(data)
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))
    return wrong


def mounts(scene: Scene) -> list[str]:
    """A mounted folder of inputs that is gone at work, so that its empty mount point shows."""
    real = scene.root / "real"
    (scene.root / "in" / "c").rename(real)
    (scene.root / "in" / "c").mkdir()
    bind = ["mount", "--bind", str(real), str(scene.root / "in" / "c")]
    if os.geteuid() or subprocess.run(bind, capture_output=True).returncode:
        raise NotHereError("bind mounts need root")
    off = ["umount", "-l", str(scene.root / "in" / "c")]
    try:
        with scene.running() as process:
            scene.moment(process)
            subprocess.run(off, check=True)
            wrong = scene.check(process)
    finally:
        subprocess.run(off, capture_output=True)
    (scene.root / "in" / "c").rmdir()
    real.rename(scene.root / "in" / "c")
    return wrong


def disks(scene: Scene) -> list[str]:
    """A disk that has no room, or no inodes, for all outputs, and gets more later."""
    scene.out.mkdir()
    room = scene.rng.choice(["size=40k", "nr_inodes=16"])
    mount = ["mount", "-t", "tmpfs", "-o", room, "tmpfs", str(scene.out)]
    if os.geteuid() or subprocess.run(mount, capture_output=True).returncode:
        raise NotHereError("a small disk needs root")
    try:
        with scene.running() as process:
            wrong = scene.check(process)
        more = "remount,size=64m,nr_inodes=9999"
        subprocess.run(["mount", "-o", more, str(scene.out)], check=True)
        return [f"{room}: {one}" for one in [*wrong, *scene.again()]]
    finally:
        subprocess.run(["umount", "-l", str(scene.out)], capture_output=True)


def limits(scene: Scene) -> list[str]:
    """A limit of the shell: on the size of files, on open files, on memory."""
    limit = scene.rng.choice(
        ["ulimit -f 4", "ulimit -n 12", "ulimit -v 1200000", "ulimit -v 1700000"]
    )
    workers = "1" if scene.light else scene.rng.choice(["0", "1"])
    with scene.running("--workers", workers, before=limit) as process:
        return [f"{limit}: {one}" for one in scene.check(process)]


def groups(scene: Scene) -> list[str]:
    """A control group below this one with too little memory, so that the system kills."""
    lines = Path("/proc/self/cgroup").read_text().splitlines()
    own = next((line.split(":", 2)[2] for line in lines if ":memory:" in line), None)
    if own is None or os.geteuid():
        raise NotHereError("control groups of version 1 and root are needed")
    group = Path("/sys/fs/cgroup/memory") / own.strip("/") / f"inpaint-{os.getpid()}"
    try:
        group.mkdir()
        room = scene.rng.randint(60, 140) if scene.light else 450  # the light worker takes 80 MB
        (group / "memory.limit_in_bytes").write_text(str(room << 20))
    except OSError as error:
        raise NotHereError(str(error)) from error
    try:
        with scene.running("--workers", "1", before=f"echo $$ > {group}/cgroup.procs") as process:
            return scene.check(process)
    finally:
        with suppress(OSError):
            group.rmdir()


FAULTS: dict[str, Fault] = {
    f.__name__: f
    for f in (
        kill_worker, stop_worker, kill_run, actors, folders, changed, mounts, disks, limits, groups,
    )
}  # fmt: skip


def rounds(
    names: list[str], count: int, seed: int, options: list[str], root: Path, *, light: bool = False
) -> Iterator[dict[str, Any]]:
    """Do each fault ``count`` times; one row for each."""
    first = Scene(root / "whole", options, random.Random(seed), light=light)
    first.prepare({})
    subprocess.run(first.command(), cwd=first.root, check=True, capture_output=True)
    whole = visible(first.out)
    assert len(whole) == len(NAMES)
    for name in names:
        for number in range(count):
            rng = random.Random(f"{seed} {name} {number}")
            scene = Scene(root / name, options, rng, light=light)
            scene.prepare(whole)
            begun, cpu = time.monotonic(), processor_seconds()
            row: dict[str, Any] = {"fault": name, "round": number}
            try:
                wrong = FAULTS[name](scene)
                wrong += scene.again()
                row["wrong"] = wrong
            except NotHereError as error:
                row["left_out"] = str(error)
            row["cpu_seconds"] = round(processor_seconds() - cpu, 1)
            yield row | {"seconds": round(time.monotonic() - begun, 1)}


def processor_seconds() -> float:
    """Of this process and of its children that have ended."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)


def table(rows: list[dict[str, Any]]) -> str:
    """One line for each fault."""
    lines = ["| fault | rounds | wrong | left out | processor seconds |", "|---|---|---|---|---|"]
    for name in dict.fromkeys(row["fault"] for row in rows):
        own = [row for row in rows if row["fault"] == name]
        wrong = sum(bool(row.get("wrong")) for row in own)
        left = sum("left_out" in row for row in own)
        seconds = sum(row["cpu_seconds"] for row in own)
        lines.append(f"| {name} | {len(own) - left} | {wrong} | {left} | {seconds:.0f} |")
    return "\n".join(lines)


@click.command()
@click.option("--rounds", "count", default=2, show_default=True)
@click.option("--fault", "names", multiple=True, type=click.Choice(list(FAULTS)), help="[all]")
@click.option("--seed", default=0, show_default=True)
@click.option("--prior", default="scenes64-gaussian", show_default=True)
@click.option("--light", is_flag=True, help="Fills that take no time, for many rounds.")
def main(count: int, names: tuple[str, ...], seed: int, prior: str, light: bool) -> None:
    options = ["--prior", prior, "--stage", "none", "--workers", "1" if light else "0"]
    done = []
    with tempfile.TemporaryDirectory(prefix="batch-suite-") as folder:
        for row in rounds(
            list(names) or list(FAULTS), count, seed, options, Path(folder), light=light
        ):
            print(json.dumps(row), flush=True)
            done.append(row)
    print(table(done))
    sys.exit(1 if any(row.get("wrong") for row in done) else 0)


if __name__ == "__main__":
    main()

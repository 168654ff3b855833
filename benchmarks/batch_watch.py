"""Follows a run of ``inpaint batch``: when it began to work, what it searched, held and spent."""

from __future__ import annotations

import json
import math
import os
import statistics
import time
from pathlib import Path
from typing import Any

from rich.progress import Progress

from inpaint.system import memory

WINDOW = 20  # rows that a figure of memory is the median of
TICK = os.sysconf("SC_CLK_TCK")


class Watch:
    """The callback of a run, and its figures afterwards."""

    def __init__(self, progress: Progress, label: str) -> None:
        self.begun, self.startup, self.last = time.time(), math.inf, 0.0
        self.search = self.search_cpu = self.item_cpu = 0.0
        self.totals: list[float] = []
        self.bytes = 0
        self._workers: dict[int, int] = {}
        self._others: dict[int, list[float]] = {}
        self._looked = self._looking = 0.0
        self._cpu: float | None = None
        self._bar, self._task = progress, progress.add_task(label)

    def __call__(self, done: int, total: int, row: dict[str, Any]) -> None:
        """Take in a row."""
        self._bar.update(self._task, completed=done, total=total)
        if row["status"] != "done":
            return
        # By the worker's clock: Ray hands over rows in blocks, after they are done.
        self.startup = min(self.startup, row["ended"] - row["seconds"] - self.begun)
        self.last = max(self.last, row["ended"] - self.begun)
        self.search += row["search_seconds"]
        self.search_cpu += row["search_cpu_seconds"]
        self.item_cpu += row["cpu_seconds"]
        self.bytes += len(json.dumps(row))
        self._workers[row["worker"]] = row["memory_mb"]
        parent = 0 if os.getpid() in self._workers else memory.resident() / 2**20
        self.totals.append(parent + sum(self._workers.values()))
        self._cpu = time.process_time() if self._cpu is None else self._cpu
        if time.monotonic() - self._looked > 0.5:
            self._look()

    def _look(self) -> None:
        """Note what processes below this one have spent so far, Ray's own among them."""
        self._looked, cpu = time.monotonic(), time.process_time()
        for process, spent in below(os.getpid()).items():
            self._others.setdefault(process, [spent, spent])[1] = spent
        self._looking += time.process_time() - cpu

    def end(self) -> None:
        """Note what this process has spent on the run, looking at others left out."""
        self._cpu = time.process_time() - (self._cpu or 0) - self._looking

    @property
    def beside(self) -> dict[str, float]:
        """Seconds of processor time beside the search, since the first row.

        ``items``: of workers, within their items (their start is no part of it); ``here``: of
        this process; ``others``: of the processes of Ray's own.
        """
        others = {p: b - a for p, (a, b) in self._others.items() if p not in self._workers}
        own = 0.0 if os.getpid() in self._workers else self._cpu or 0.0
        items = self.item_cpu - self.search_cpu
        return {"items": items, "here": own, "others": sum(others.values())}

    @property
    def cpu_overhead(self) -> float:
        """The same as a share of the search's."""
        return sum(self.beside.values()) / self.search_cpu

    def memory_at(self, item: int) -> float:
        """Resident megabytes of parent and workers: the median of the rows before an item."""
        rows = self.totals[max(item - WINDOW, 0) : item]
        return statistics.median(rows) if rows else 0.0


def below(root: int) -> dict[int, float]:
    """Seconds of processor time by process, of all that descend from ``root`` (Linux)."""
    parents, spent = {}, {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = path.read_text().rpartition(")")[2].split()
        except OSError:  # it has ended
            continue
        process = int(path.parent.name)
        parents[process] = int(fields[1])
        spent[process] = (int(fields[11]) + int(fields[12])) / TICK
    found: dict[int, float] = {}
    for process in parents:
        above = parents[process]
        while above in parents and above != root:
            above = parents[above]
        if above == root:
            found[process] = spent[process]
    return found

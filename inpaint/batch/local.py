"""The local engine: worker processes, each fed one item at a time."""

from __future__ import annotations

import json
import os
import queue
import select
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from dataclasses import replace
from functools import partial
from pathlib import Path

from inpaint.batch.item import ItemFiller
from inpaint.batch.options import Setup
from inpaint.batch.rows import FAILED, RETRY, Row, claim
from inpaint.errors import InpaintError, reason, remedy
from inpaint.system import threads

# One thread for each worker: workers already use all cores.
THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "VECLIB_MAXIMUM_THREADS")

# How long a worker may be stopped (SIGSTOP) before it is killed and its image tried again.
STOPPED_SECONDS = 60
_PROC = Path("/proc")

COMMAND = [sys.executable, "-m", "inpaint.batch.worker"]


def here(feed: Iterator[Row], setup: Setup) -> Iterator[Row]:
    """Fill items in this process, one by one; rows that have a status already pass through."""
    fill: ItemFiller | None = None
    with ExitStack() as until_the_end:
        for item in feed:
            if "status" in item:
                yield item
                continue
            if fill is None:
                if not setup.check:
                    import torch

                    from inpaint.devices import one_thread

                    # The caller's process gets its threads back at the end.
                    until_the_end.enter_context(one_thread(torch.device("cpu")))
                fill = ItemFiller(setup)
            yield fill(item)


def processes(
    feed: Iterator[Row], setup: Setup, *, workers: int, inherit: int | None = None
) -> Iterator[Row]:
    """Fill items in worker processes.

    A worker gets its next item when it is done with the last, so there is never more than one
    picture in each, and the feed is read no faster than items are filled. Workers are started
    when the first item needs one.

    Parameters
    ----------
    feed : iterator of dict
        Items; rows that have a status already pass through. Read from several threads, one at
        a time.
    setup : Setup
        For every worker; ``memory`` is what each may use.
    workers : int
        How many.
    inherit : int, optional
        File descriptor that the workers keep open: the lock of the output folder.

    Yields
    ------
    dict
        Rows in the order in which they are done.

    Raises
    ------
    InpaintError
        If a worker cannot start.
    """
    crew = _Crew(feed, setup, workers, inherit)
    try:
        yield from crew.rows()
    finally:
        crew.end()


class _Crew:
    """Threads that each serve one worker process."""

    def __init__(
        self, feed: Iterator[Row], setup: Setup, workers: int, inherit: int | None
    ) -> None:
        self._feed, self._setup, self._inherit = feed, setup, inherit
        self._turn = threading.Lock()
        # Bounded, so that a slow manifest holds back the workers.
        self._results: queue.Queue[Row | BaseException | None] = queue.Queue(8 * workers)
        self._stop = threading.Event()
        self._running: dict[int, _Worker] = {}
        self._workers = workers
        self._threads: list[threads.Thread] = []

    def rows(self) -> Iterator[Row]:
        for index in range(self._workers):
            self._threads.append(threads.start(partial(self._serve, index)))
        left = self._workers
        while left:
            result = self._results.get()
            if result is None:
                left -= 1
            elif isinstance(result, BaseException):
                raise result
            else:
                yield result

    def end(self) -> None:
        """Stop at once what still runs (nothing does after a normal end)."""
        self._stop.set()
        while any(thread.alive for thread in self._threads):
            for worker in list(self._running.values()):
                worker.kill()
            with suppress(queue.Empty):
                self._results.get(timeout=0.05)  # a thread may be waiting for room

    def _next(self) -> Row | None:
        with self._turn:
            return None if self._stop.is_set() else next(self._feed, None)

    def _serve(self, index: int) -> None:
        worker: _Worker | None = None
        try:
            while (item := self._next()) is not None:
                if "status" in item:
                    self._results.put(item)
                    continue
                if worker is None:
                    worker = _Worker(replace(self._setup, index=index), self._inherit)
                    self._running[index] = worker
                    worker.start()
                row = worker.ask(item)
                if row is None:
                    how = worker.how(worker.end())
                    row = _died(item, how, careful=self._setup.careful)
                    worker = None
                self._results.put(row)
        except BaseException as error:
            if not self._stop.is_set():
                self._results.put(error)
        finally:
            self._running.pop(index, None)
            if worker is not None:
                worker.end()
            self._results.put(None)


class _Worker:
    """One worker process and its two pipes."""

    def __init__(self, setup: Setup, inherit: int | None) -> None:
        source = str(Path(__file__).parents[2])
        paths = [source, os.environ.get("PYTHONPATH", "")]
        environment = {**os.environ, **dict.fromkeys(THREADS, "1")}
        environment["PYTHONPATH"] = os.pathsep.join(filter(None, paths))
        self._setup = setup
        self.halted = False
        try:
            self._process = subprocess.Popen(
                COMMAND,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=None if os.environ.get("INPAINT_DEBUG") else subprocess.DEVNULL,
                env=environment,
                # Ctrl-C in a terminal goes to the whole group: not to workers, who finish their
                # item.
                start_new_session=True,
                pass_fds=() if inherit is None else (inherit,),
            )
        except OSError as error:
            raise InpaintError(
                f"a worker process cannot be started ({reason(error)}); "
                f"{remedy(error, 'try fewer --workers')}"
            ) from error

    def start(self) -> None:
        """Wait until the worker has loaded all that it needs."""
        reply = self._talk(self._setup.to_json())
        if reply is None or "fatal" in reply:
            code = self.end()
            raise InpaintError(
                reply["fatal"]
                if reply
                else f"a worker could not start ({self.how(code)}); try fewer --workers"
            )

    def ask(self, item: Row) -> Row | None:
        """Return the row of an item; None if the worker died over it."""
        return self._talk(json.dumps(item))

    def _talk(self, line: str) -> Row | None:
        assert self._process.stdin
        assert self._process.stdout
        try:
            self._process.stdin.write(line.encode() + b"\n")
            self._process.stdin.flush()
            self._wait()
            reply = self._process.stdout.readline()
        except (OSError, ValueError):
            return None
        try:
            found: Row = json.loads(reply)
        except ValueError:
            return None
        return found

    def _wait(self) -> None:
        """Wait for a reply, and kill a worker that somebody stopped and nobody lets go on.

        Looks are counted and not seconds: where this process was stopped too, as by a cluster that
        suspends a job, the worker goes on when it does.
        """
        assert self._process.stdout
        if not _PROC.exists():
            return
        looks, pipe = 0, self._process.stdout.fileno()
        while not select.select([pipe], [], [], 1.0)[0]:
            looks = looks + 1 if _stopped(self._process.pid) else 0
            if looks >= STOPPED_SECONDS:
                self.halted = True
                self.kill()
                return

    def end(self) -> int:
        """Let the worker end by itself; return its exit code."""
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe:
                with suppress(OSError):
                    pipe.close()
        try:
            return self._process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            return self._process.wait()

    def kill(self) -> None:
        """End the worker at once."""
        self._process.kill()

    def how(self, code: int) -> str:
        """How the worker came to its end, by its exit code, as far as that can be told."""
        if self.halted:
            return f"somebody had stopped it for {STOPPED_SECONDS} s, so it was killed"
        if code == -signal.SIGKILL:
            return "killed, by somebody or by the system for want of memory"
        if code < 0:
            return f"signal {signal.Signals(-code).name}"
        return f"exit code {code}"


def _died(item: Row, how: str, *, careful: bool) -> Row:
    row = {key: item[key] for key in ("path", "mask", "out")}
    reason = f"the worker that filled it died ({how})"
    row |= {"status": FAILED if careful else RETRY, "error": reason, "seconds": None}
    return row | claim(item.get("known"))


def _stopped(pid: int) -> bool:
    """Whether a process was stopped by a signal."""
    try:
        return (_PROC / str(pid) / "stat").read_bytes().rpartition(b")")[2].split()[0] == b"T"
    except (OSError, IndexError):
        return False

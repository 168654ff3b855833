"""The queue of fills: one at work, a bounded number that waits, and each can be given up."""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as FutureTimeout
from typing import Any, TypeVar

from inpaint.web.errors import BUSY, Cancelled, Refused

_LAG = 32  # events that a slow reader may be behind before it misses some
_PATIENCE = 0.5  # seconds between two looks at whether anybody waits for a call
_Value = TypeVar("_Value")


class Job:
    """One piece of work, for the thread that does it and for the request that waits for it.

    Attributes
    ----------
    events : asyncio.Queue
        What ``tell`` was given, in order; None is the last one, when ``done`` is set.
    done : asyncio.Future
        The result; or the error, of which ``Cancelled`` is one.
    """

    def __init__(self, work: Callable[[Job], Any]) -> None:
        self.work = work
        self.loop = asyncio.get_running_loop()
        self.events: asyncio.Queue[dict[str, Any] | None] = asyncio.Queue()
        self.done: asyncio.Future[Any] = self.loop.create_future()
        self._given_up = threading.Event()

    def check(self) -> None:
        """Raise Cancelled if nobody waits any more; for the working thread, at every step."""
        if self._given_up.is_set():
            raise Cancelled

    def tell(self, event: dict[str, Any], *, skippable: bool = False) -> None:
        """Pass an event on; from any thread."""
        if skippable and self.events.qsize() > _LAG:
            return
        self.loop.call_soon_threadsafe(self.events.put_nowait, event)

    def in_loop(self, function: Callable[..., _Value], *arguments: Any) -> _Value:
        """Call a function in the event loop's thread, from the working one, and wait for it.

        Raises what the function raises, or Cancelled when nobody waits any more.
        """
        outcome: Future[_Value] = Future()

        def call() -> None:
            try:
                outcome.set_result(function(*arguments))
            except Exception as error:
                outcome.set_exception(error)

        self.loop.call_soon_threadsafe(call)
        while True:
            try:
                return outcome.result(_PATIENCE)
            except FutureTimeout:  # a loop that has ended answers no more
                self.check()

    def give_up(self) -> None:
        """Ask for an end; the work stops at its next ``check``."""
        self._given_up.set()

    @property
    def given_up(self) -> bool:
        """Whether ``give_up`` was called."""
        return self._given_up.is_set()

    def finish(self, outcome: asyncio.Future[Any] | None) -> None:
        """Take over an outcome; None: the job never began."""
        error = Cancelled() if outcome is None else outcome.exception()
        if not self.done.done():
            if error is None and outcome is not None:
                self.done.set_result(outcome.result())
            else:
                self.done.set_exception(error or Cancelled())
                self.done.exception()  # seen: asyncio would complain where nobody waits
        self.events.put_nowait(None)


class Line:
    """Jobs in their order; all methods belong to the event loop's thread."""

    def __init__(self, waiting: int) -> None:
        self.limit = waiting
        self.waiting: deque[Job] = deque()
        self.running: Job | None = None
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="fill")

    def warm(self, work: Callable[[], None]) -> None:
        """Do something first, in the thread that does the jobs."""
        self._thread.submit(work)

    def check(self) -> None:
        """Raise Refused when the line is full: before a body is read in vain."""
        if len(self.waiting) >= self.limit:
            raise Refused(
                BUSY, f"{self.limit} fills are waiting already; try again in a few seconds"
            )

    def submit(self, work: Callable[[Job], Any]) -> Job:
        """Put work at the end of the line; raises Refused when it is full."""
        self.check()
        job = Job(work)
        self.waiting.append(job)
        self._advance()
        return job

    def give_up(self, job: Job) -> None:
        """Take a waiting job out of the line, or stop the running one at its next step."""
        job.give_up()
        if job in self.waiting:
            self.waiting.remove(job)
            job.finish(None)
            self._tell_places()

    def close(self) -> None:
        """Give up all jobs; what runs ends at its next step."""
        for job in [*self.waiting, *([self.running] if self.running else [])]:
            self.give_up(job)
        self._thread.shutdown(wait=False)

    def _advance(self) -> None:
        if self.running is None and self.waiting:
            job = self.running = self.waiting.popleft()
            outcome = job.loop.run_in_executor(self._thread, job.work, job)
            outcome.add_done_callback(self._finished)
        self._tell_places()

    def _finished(self, outcome: asyncio.Future[Any]) -> None:
        job, self.running = self.running, None
        if job is not None:
            job.finish(outcome)
        self._advance()

    def _tell_places(self) -> None:
        for place, job in enumerate(self.waiting, 1):
            job.tell({"event": "waiting", "before": place}, skippable=True)

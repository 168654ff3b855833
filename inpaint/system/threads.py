"""Starts threads, and fails where Python would wait.

``threading.Thread.start`` waits until the new thread has made its first step. Where the limit on
memory leaves no room for that step, the thread ends before it, and the wait never does.
"""

from __future__ import annotations

import _thread
import threading
import weakref
from collections.abc import Callable

from inpaint.errors import InpaintError

REFUSED = "can't start new thread"  # the text of Python's own error
NO_THREAD = (
    "the system starts no more threads; raise the limit on processes (ulimit -u) or on memory "
    "(ulimit -v)"
)


class Thread:
    """A thread that was started; at the exit of the process nobody waits for it."""

    def __init__(self, ended: threading.Lock) -> None:
        self._ended = ended

    @property
    def alive(self) -> bool:
        """Whether it is still at work."""
        return self._ended.locked()

    def join(self, seconds: float = -1) -> bool:
        """Wait for its end, by default for ever; whether it has ended."""
        if ended := self._ended.acquire(timeout=seconds):
            self._ended.release()
        return ended


def start(work: Callable[[], None]) -> Thread:
    """Call ``work``, which must not raise, in a thread of its own.

    Raises
    ------
    InpaintError
        If the system starts no more threads.
    MemoryError
        If there is no memory for its first step.
    """
    begun, ended = threading.Lock(), threading.Lock()
    begun.acquire()
    ended.acquire()

    def run() -> None:
        begun.release()
        try:
            work()
        finally:
            ended.release()

    # The thread alone holds on to the function, so that its end can be seen.
    held = weakref.ref(run)
    try:
        _thread.start_new_thread(run, ())
    except RuntimeError as error:
        raise InpaintError(NO_THREAD) from error
    del run
    while not begun.acquire(timeout=0.1):
        if held() is None and not begun.acquire(blocking=False):
            raise MemoryError("no memory for a thread")
    return Thread(ended)

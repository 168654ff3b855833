"""One run at a time into an output folder, and ending a run early without losing an item."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from inpaint.batch.disk import Disk
from inpaint.batch.folder import STATE, Folder
from inpaint.errors import OutputError

LOCK = "lock"


class Lock:
    """One run at a time into a folder; workers inherit it, so that it outlives a killed run.

    Raises OutputError from ``__enter__`` if another run holds it for longer than ``wait`` seconds.
    """

    def __init__(self, out: Folder, *, wait: float = 30.0) -> None:
        self._out, self._wait = out, wait
        self.file: int | None = None

    def __enter__(self) -> Lock:
        if not isinstance(self._out, Disk):
            return self
        try:
            import fcntl
        except ImportError:  # Windows
            return self
        path = self._out.root / STATE / LOCK
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self.file = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
        except OSError as error:
            raise OutputError(
                f"cannot write into {str(self._out.root)!r} ({error.strerror}); "
                "choose another --out"
            ) from error
        until = time.monotonic() + self._wait
        while True:
            try:
                fcntl.flock(self.file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return self
            except OSError as error:
                if not isinstance(error, BlockingIOError):  # a file system without locks
                    return self
                if time.monotonic() > until:
                    os.close(self.file)
                    raise OutputError(
                        f"another run is writing into {str(self._out.root)!r}; "
                        "wait for its end or choose another --out"
                    ) from None
            time.sleep(0.1)

    def __exit__(self, *_: object) -> None:
        if self.file is not None:
            os.close(self.file)


class Stop(threading.Event):
    """Set to end a run after the items in flight: by Ctrl-C or SIGTERM while ``listening``."""

    @contextmanager
    def listening(self, warn: Callable[[], None]) -> Iterator[None]:
        """Let the first signal set this and call ``warn``, and the second interrupt at once."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return

        def handle(number: int, frame: object) -> None:
            if self.is_set():
                raise KeyboardInterrupt
            self.set()
            warn()

        before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
        for number in before:
            signal.signal(number, handle)
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

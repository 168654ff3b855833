"""The lock that keeps two runs out of one output folder, and the early end of a run."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

from inpaint.batch.disk import Disk
from inpaint.batch.folder import STATE, Folder
from inpaint.errors import OutputError, reason, remedy

LOCK = "lock"


class Lock:
    """Lets only one run write into a folder.

    Workers inherit the lock, so that it is held until the last worker of a killed run has ended.

    Parameters
    ----------
    out : Folder
        The output folder. Behind a URL there is no lock.
    wait : float
        Seconds to wait for another run, which may be about to end.
    warn : callable, optional
        ``warn(text)`` before waiting.

    Raises
    ------
    OutputError
        From ``__enter__``: if the folder cannot be written, or another run holds the lock for
        longer than ``wait``.
    """

    def __init__(
        self, out: Folder, *, wait: float = 30.0, warn: Callable[[str], None] | None = None
    ) -> None:
        self._out, self._wait, self._warn = out, wait, warn
        self.file: int | None = None

    def __enter__(self) -> Lock:
        if not isinstance(self._out, Disk):
            return self
        if find_spec("fcntl") is None:  # Windows
            return self
        path = self._out.root / STATE / LOCK
        where, warned = repr(str(self._out.root)), False
        until = time.monotonic() + self._wait
        while True:
            self.file = self._opened(path, where)
            if self._locked(self.file) and self._named(self.file, path):
                return self
            self._close()
            if time.monotonic() > until:
                raise OutputError(
                    f"another run is writing into {where}; wait for its end or choose another --out"
                )
            if not warned and self._warn is not None:
                self._warn(
                    f"another run is writing into {where}; waiting up to {self._wait:g} s for "
                    "its end"
                )
            warned = True
            time.sleep(0.1)

    @staticmethod
    def _locked(file: int) -> bool:
        """Lock the file unless another run has; a file system without locks cannot tell."""
        import fcntl

        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        except OSError:
            return True
        return True

    @staticmethod
    def _opened(path: Path, where: str) -> int:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            return os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_NONBLOCK", 0), 0o666)
        except OSError as error:
            raise OutputError(
                f"cannot write into {where} ({reason(error)}); "
                f"{remedy(error, 'choose another --out')}"
            ) from error

    @staticmethod
    def _named(file: int, path: Path) -> bool:
        """Whether the locked file still has its name: it may have been removed meanwhile."""
        try:
            return os.path.samestat(os.fstat(file), os.stat(path))
        except OSError:
            return False

    def _close(self) -> None:
        if self.file is not None:
            os.close(self.file)
            self.file = None

    def __exit__(self, *_: object) -> None:
        self._close()


class Stop(threading.Event):
    """An event that ends a run when the images at work are done.

    While ``listening``, Ctrl-C and SIGTERM set it.
    """

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

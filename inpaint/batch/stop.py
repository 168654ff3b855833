"""Ending a run early without losing an item."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager


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

"""Threads that cannot be started are an error, and never a wait."""

from __future__ import annotations

import _thread
import errno
import subprocess
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from inpaint.batch import local, patience
from inpaint.batch.options import Options, Setup
from inpaint.errors import InpaintError
from inpaint.system import threads

SETUP = Setup("in", "masks", "out", Options(), "")


def refused(run: Callable[[], None], arguments: tuple[Any, ...]) -> int:
    raise RuntimeError(threads.REFUSED)


def stillborn(run: Callable[[], None], arguments: tuple[Any, ...]) -> int:
    """A thread that ends before its first step, as it does where memory ran out."""
    return 0


def test_a_thread_works_and_ends() -> None:
    at_work, done = threading.Event(), threading.Event()

    def work() -> None:
        at_work.set()
        done.wait(30)

    thread = threads.start(work)
    assert at_work.wait(30)
    assert thread.alive
    assert not thread.join(0.01)
    done.set()
    assert thread.join(30)
    assert not thread.alive
    assert thread.join()  # a second time


@pytest.mark.parametrize(("how", "error"), [(refused, InpaintError), (stillborn, MemoryError)])
def test_a_thread_that_cannot_be_started_is_an_error(
    monkeypatch: pytest.MonkeyPatch, how: Callable[..., int], error: type[Exception]
) -> None:
    monkeypatch.setattr(_thread, "start_new_thread", how)
    with pytest.raises(error):
        threads.start(lambda: None)
    with pytest.raises(error):  # as everything that starts threads does
        patience.within(5, lambda: 1)
    with pytest.raises(error):
        next(local.processes(iter(()), SETUP, workers=2))


def items() -> Iterator[dict[str, Any]]:
    yield {"path": "a", "mask": "a", "out": "a", "known": None}


@pytest.mark.parametrize(
    ("number", "said"),
    [(errno.EAGAIN, "ulimit -u"), (errno.ENOMEM, "ulimit -v"), (errno.EMFILE, "ulimit -n")],
)
def test_a_worker_that_cannot_be_started_names_the_limit(
    monkeypatch: pytest.MonkeyPatch, number: int, said: str
) -> None:
    def fork(*_: object, **__: object) -> None:
        raise OSError(number, "no")

    monkeypatch.setattr(subprocess, "Popen", fork)
    with pytest.raises(InpaintError, match=said):
        list(local.processes(items(), SETUP, workers=1))


def test_no_thread_of_the_package_is_started_elsewhere() -> None:
    root = Path(threads.__file__).parent
    sources = [*root.rglob("*.py"), *(root.parent / "pretrain").rglob("*.py")]
    assert [p.name for p in sources if "threading.Thread(" in p.read_text(encoding="utf-8")] == []

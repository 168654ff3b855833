"""Waits for a job, and ends it when the client goes away."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any, TypeVar

import anyio
import anyio.to_thread
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from inpaint.web.errors import Cancelled, describe
from inpaint.web.line import Job, Line

_Value = TypeVar("_Value")


async def _gone(receive: Receive) -> None:
    """Return when the client has disconnected."""
    while (await receive())["type"] != "http.disconnect":
        pass


async def result_of(job: Job, line: Line, request: Request) -> Any:
    """The job's result; raises its error, or ClientDisconnect."""
    gone = asyncio.ensure_future(_gone(request.receive))
    try:
        await asyncio.wait({gone, job.done}, return_when=asyncio.FIRST_COMPLETED)
        if not job.done.done():
            raise ClientDisconnect
        return job.done.result()
    finally:
        gone.cancel()
        line.give_up(job)


async def apart(
    work: Callable[[Callable[[], None]], _Value], request: Request, limiter: anyio.CapacityLimiter
) -> _Value:
    """Run ``work(check)`` in a thread, where ``check()`` ends it once the client has gone.

    Raises
    ------
    ClientDisconnect
        If the client went away before the work was done.
    """
    left = threading.Event()

    def check() -> None:
        if left.is_set():
            raise Cancelled

    gone = asyncio.ensure_future(_gone(request.receive))
    at_work = asyncio.ensure_future(anyio.to_thread.run_sync(work, check, limiter=limiter))
    try:
        await asyncio.wait({gone, at_work}, return_when=asyncio.FIRST_COMPLETED)
        if not at_work.done():
            left.set()
            with suppress(Exception):
                await at_work
            raise ClientDisconnect
        return at_work.result()
    finally:
        gone.cancel()
        left.set()


class Events(Response):
    """A job's events as lines of JSON while they happen; the last one tells the outcome.

    ``finish(result)`` runs when the job is done and gives the last event; its error, or the
    job's, becomes ``{"event": "failed", "status": ..., "error": ...}``.
    """

    media_type = "application/x-ndjson"

    def __init__(
        self,
        job: Job,
        line: Line,
        finish: Callable[[Any], dict[str, Any]],
        ended: Callable[[], None],
    ) -> None:
        super().__init__()
        self.job, self.line, self.finish, self.ended = job, line, finish, ended
        del self.headers["content-length"]  # nobody knows it yet

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send until the end, or until nobody reads any more."""
        gone = asyncio.ensure_future(_gone(receive))
        try:
            await send(
                {
                    "type": "http.response.start",
                    "status": self.status_code,
                    "headers": self.raw_headers,
                }
            )
            while (event := await self._next(gone)) is not None:
                await _send_line(send, event, more=True)
            if self.job.done.done():
                await _send_line(send, self._outcome(), more=False)
        finally:
            gone.cancel()
            self.line.give_up(self.job)
            self.ended()

    async def _next(self, gone: asyncio.Future[None]) -> dict[str, Any] | None:
        """The next event; None at the end, or when the client has gone."""
        event = asyncio.ensure_future(self.job.events.get())
        both: set[asyncio.Future[Any]] = {event, gone}
        await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
        if event.done():
            return event.result()
        event.cancel()
        return None

    def _outcome(self) -> dict[str, Any]:
        try:
            return self.finish(self.job.done.result())
        except Cancelled:
            return {"event": "cancelled"}
        except Exception as error:
            status, text = describe(error)
            return {"event": "failed", "status": status, "error": text}


async def _send_line(send: Send, event: dict[str, Any], *, more: bool) -> None:
    body = json.dumps(event, ensure_ascii=False, allow_nan=False).encode() + b"\n"
    await send({"type": "http.response.body", "body": body, "more_body": more})

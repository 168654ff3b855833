"""Reads the body of a request into memory, never more of it than is allowed."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from starlette.datastructures import UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import Request

from inpaint.web.errors import BUSY, TOO_LARGE, WRONG_TYPE, Refused
from inpaint.web.settings import Settings

JSON_BYTES = 8 << 20
_FIELD_BYTES = 4096
_MALFORMED, _STALLED = 400, 408
_SLOWEST = 8192  # bytes a second that a body must have brought on the whole, after the first pause


class Pool:
    """Bytes that photos, fills and bodies on their way share."""

    def __init__(self, limit: int) -> None:
        self.limit, self.used = limit, 0

    def take(self, count: int) -> None:
        """Count bytes in; raises Refused when they do not fit."""
        if self.used + count > self.limit:
            raise Refused(
                BUSY,
                f"the server's memory is full ({self.limit >> 20} MB for all photos); close other "
                "pages, or start it with a larger --memory",
            )
        self.used += count

    def give(self, count: int) -> None:
        """Count bytes out."""
        self.used -= count


class _Meter:
    """The parts of one body; holds their place in the pool until it is closed."""

    def __init__(self, request: Request, settings: Settings, pool: Pool, limit: int) -> None:
        self.request, self.settings, self.pool, self.limit = request, settings, pool, limit
        self.seen = 0

    async def chunks(self) -> AsyncGenerator[bytes, None]:
        """Yield the parts; raises Refused for a body that is too large or stalls.

        A body that says how large it is gets refused before any of it is read. One that comes byte
        by byte is refused like one that stops.
        """
        told = self.request.headers.get("content-length", "0")
        if not told.isdecimal() or len(told) > 20:  # Python refuses to read very long numbers
            raise Refused(_MALFORMED, f"Content-Length is {told[:40]!r}, expected a number")
        self._check(int(told))
        stream, begun = self.request.stream(), time.monotonic()
        while True:
            due = begun + self.settings.patience + self.seen / _SLOWEST
            left = min(self.settings.patience, due - time.monotonic())
            try:
                chunk = await asyncio.wait_for(anext(stream, None), left)
            except (TimeoutError, asyncio.TimeoutError):  # two classes before Python 3.11
                raise Refused(_STALLED, "the request stopped coming; send it again") from None
            if chunk is None:
                return
            self._check(self.seen + len(chunk))
            self.pool.take(len(chunk))
            self.seen += len(chunk)
            yield chunk

    def _check(self, size: int) -> None:
        if size > self.limit:
            raise Refused(
                TOO_LARGE,
                f"the request has more than {self.limit / (1 << 20):g} MB; send a smaller file, "
                "or start the server with a larger --max-mb",
            )

    def close(self) -> None:
        self.pool.give(self.seen)
        self.seen = 0


@asynccontextmanager
async def body(
    request: Request, settings: Settings, pool: Pool, *, limit: int | None = None
) -> AsyncIterator[bytes]:
    """The whole body of a request, counted against the pool inside the ``with`` block."""
    meter = _Meter(request, settings, pool, limit or settings.max_bytes)
    try:
        yield b"".join([chunk async for chunk in meter.chunks()])
    finally:
        meter.close()


async def json_object(request: Request, settings: Settings, pool: Pool) -> dict[str, Any]:
    """The body as a JSON object; raises Refused for anything else."""
    async with body(request, settings, pool, limit=JSON_BYTES) as raw:
        try:
            values = json.loads(raw)
        except (ValueError, RecursionError):
            raise Refused(_MALFORMED, "the request's body is not JSON") from None
    if not isinstance(values, dict):
        raise Refused(_MALFORMED, "the request's body is JSON, but no object")
    return values


class _InMemory(MultiPartParser):
    """Starlette's parser, but what it holds is never put on a disk."""

    spool_max_size = 1 << 62


@asynccontextmanager
async def form(
    request: Request, settings: Settings, pool: Pool
) -> AsyncIterator[tuple[dict[str, bytes], dict[str, list[str]]]]:
    """A multipart body: its files by field name, and its other fields.

    Raises Refused for another type of body and for a field that comes twice as a file.
    """
    kind = request.headers.get("content-type", "")
    if not kind.lower().startswith("multipart/form-data"):
        raise Refused(
            WRONG_TYPE,
            f"Content-Type is {kind[:60]!r}, expected multipart/form-data, as from curl -F",
        )
    meter = _Meter(request, settings, pool, settings.max_bytes)
    parser = _InMemory(
        request.headers,
        meter.chunks(),
        max_files=2,
        max_fields=32,
        max_part_size=_FIELD_BYTES,
    )
    try:
        try:
            items = await parser.parse()
        except MultiPartException as error:
            raise Refused(_MALFORMED, f"the form cannot be read: {error.message}") from None
        files: dict[str, bytes] = {}
        fields: dict[str, list[str]] = {}
        for name, value in items.multi_items():
            if not isinstance(value, UploadFile):
                fields.setdefault(name, []).append(value)
            elif name in files:
                raise Refused(_MALFORMED, f"the form has two files called {name!r}")
            else:
                files[name] = await value.read()
                await value.close()
        yield files, fields
    finally:
        meter.close()

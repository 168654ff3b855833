"""The application: which request goes where."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from functools import partial

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

from inpaint.errors import InpaintError
from inpaint.system import memory
from inpaint.web import api, extending, marks, oneshot, pages
from inpaint.web.errors import answer
from inpaint.web.guard import Guard
from inpaint.web.openapi import document
from inpaint.web.settings import Settings
from inpaint.web.state import State
from inpaint.zoo import registry

_SWEEP = 5.0  # seconds


def create_app(settings: Settings | None = None) -> ASGIApp:
    """Return the ASGI application of one server."""
    settings = settings or Settings()

    @asynccontextmanager
    async def life(app: Starlette) -> AsyncIterator[None]:
        app.state.server = state = State(settings)
        state.line.warm(partial(_warm, settings.device))
        sweeper = asyncio.create_task(_sweep(state))
        try:
            yield
        finally:
            sweeper.cancel()
            with suppress(asyncio.CancelledError):
                await sweeper
            state.line.close()

    async def describe(request: Request) -> Response:
        return JSONResponse(document(settings))

    one = "/api/photos/{key}"
    routes = [
        Route("/", pages.index),
        Route("/static/{name}", pages.static),
        Route("/favicon.ico", pages.icon),
        Route("/openapi.json", describe),
        Route("/api/about", api.tell),
        Route("/api/fill", oneshot.fill, methods=["POST"]),
        Route("/api/photos", api.open_photo, methods=["POST"]),
        Route(one, api.close_photo, methods=["DELETE"]),
        Route(f"{one}/keep", api.keep_photo, methods=["POST"]),
        Route(f"{one}/view", api.view),
        Route(f"{one}/snap", marks.snap, methods=["POST"]),
        Route(f"{one}/mask", marks.load_mask, methods=["PUT"]),
        Route(f"{one}/mask", marks.draw_mask, methods=["POST"]),
        Route(f"{one}/extended", extending.extend, methods=["POST"]),
        Route(f"{one}/fills", api.fill, methods=["POST"]),
        Route(f"{one}/fills/{{number}}", api.take_fill),
        Route(f"{one}/fills/{{number}}", api.put_fill, methods=["PUT"]),
        Route(f"{one}/candidate", api.candidate),
        Route(f"{one}/file", api.save),
    ]
    handlers = {kind: answer for kind in (HTTPException, InpaintError, Exception)}
    app = Starlette(routes=routes, lifespan=life, exception_handlers=handlers)  # type: ignore[arg-type]
    return Guard(app, settings)


def _warm(device: str) -> None:
    """Load torch and the priors of the automatic choice, where they will be asked for them."""
    from inpaint.devices import resolve
    from inpaint.pipeline.choose import families

    where = str(resolve(device))

    for kinds in families().values():
        registry.load_prior(kinds["gaussian"], where)


async def _sweep(state: State) -> None:
    """Forget what nobody asks about, and give free memory back while nothing is at work."""
    tidy = True
    while True:
        await asyncio.sleep(_SWEEP)
        state.photos.sweep()
        if state.line.running is not None or state.pool.used:
            tidy = False
        elif not tidy:
            tidy = True
            await asyncio.to_thread(_give_back)


def _give_back() -> None:
    """Return freed memory to the system: glibc keeps up to some tens of MB for later."""
    gc.collect()
    memory.trim()

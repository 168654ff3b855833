"""Starts the server: opens its socket, and answers on it until Ctrl-C."""

from __future__ import annotations

import logging
import socket
import webbrowser
from collections.abc import Callable
from contextlib import suppress
from functools import partial

import uvicorn
from starlette.types import ASGIApp

from inpaint.errors import InpaintError
from inpaint.system import threads
from inpaint.web.app import create_app
from inpaint.web.connections import MOST, protocol_of
from inpaint.web.guard import is_local
from inpaint.web.settings import Settings

_GRACE = 2  # seconds for open answers at the end


def serve(settings: Settings, *, port: int, browse: bool, say: Callable[[str], None]) -> None:
    """Listen and answer; returns after Ctrl-C.

    Raises
    ------
    InpaintError
        If the address cannot be listened on, or the device is not there.
    """
    if settings.device not in ("auto", "cpu"):  # asking loads torch, which takes seconds
        from inpaint.devices import resolve

        resolve(settings.device)
    listener = _listener(settings.host, port)
    url = _url(settings.host, listener.getsockname()[1])
    if not is_local(settings.host):
        say(
            f"Warning: everybody who can reach {settings.host} can use this server; "
            "traffic is not encrypted"
        )
    say(f"open {url} in a browser; Ctrl-C ends")
    logging.getLogger("inpaint").addHandler(_Lines(say))
    # A client is answered what it sent wrong; the terminal need not show it.
    logging.getLogger("python_multipart").addHandler(logging.NullHandler())
    logging.getLogger("python_multipart").propagate = False
    if browse:
        with suppress(InpaintError, MemoryError):  # the line above says where to go
            threads.start(partial(_browse, url))
    server = uvicorn.Server(configured(settings, create_app(settings)))
    # uvicorn raises the signal again when it has ended; for a server Ctrl-C is no failure.
    with listener, suppress(KeyboardInterrupt):
        server.run(sockets=[listener])


def _browse(url: str) -> None:
    with suppress(webbrowser.Error, OSError):
        webbrowser.open(url)


def configured(settings: Settings, app: ASGIApp, *, port: int = 0) -> uvicorn.Config:
    """How uvicorn serves an application, but for the socket."""
    return uvicorn.Config(
        app,
        port=port,
        http=protocol_of(settings),
        log_level="error",
        access_log=False,
        server_header=False,
        proxy_headers=False,
        ws="none",
        timeout_graceful_shutdown=_GRACE,
    )


class _Lines(logging.Handler):
    """The library's errors as single lines in the terminal."""

    def __init__(self, say: Callable[[str], None]) -> None:
        super().__init__(logging.ERROR)
        self.say = say

    def emit(self, record: logging.LogRecord) -> None:
        """Say one record."""
        self.say(f"Error: {self.format(record)}")


def _listener(host: str, port: int) -> socket.socket:
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        listener = socket.socket(family, kind, protocol)
        try:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind(address)
            listener.listen(MOST)  # so that clients who come before uvicorn is ready wait for it
        except OSError:
            listener.close()
            raise
    except (OSError, UnicodeError) as error:
        reason = " ".join(str(getattr(error, "strerror", None) or error).split())
        raise InpaintError(
            f"cannot listen on {host!r}, port {port} ({reason}); name another --host or --port"
        ) from error
    return listener


def _url(host: str, port: int) -> str:
    shown = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(host, f"[{host}]" if ":" in host else host)
    return f"http://{shown}:{port}/"

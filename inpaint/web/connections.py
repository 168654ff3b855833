"""Connections: how long one may be silent, and how many there may be, so that nobody is locked out.

The server below gives a connection all the time it wants to send its headers, and to take its
answer. Here a connection that is silent for too long is closed, the oldest silent one makes room
where there are too many, and where the server is open to a network no address may have many.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import TYPE_CHECKING, Any

from uvicorn.protocols.http.auto import AutoHTTPProtocol

from inpaint.web.errors import BUSY, CLOSING, as_json
from inpaint.web.guard import is_local
from inpaint.web.settings import Settings

if TYPE_CHECKING:
    from uvicorn.protocols.http.h11_impl import H11Protocol as Base
else:
    Base = AutoHTTPProtocol

MOST = 128  # connections; beyond it the oldest silent one is closed for each new one
MOST_AN_ADDRESS = 32  # where the server is open to a network


def protocol_of(settings: Settings) -> type[asyncio.Protocol]:
    """Return the class of a server's connections, for ``uvicorn.Config(http=...)``.

    Its connections share one count of who is connected.
    """
    silent: dict[Any, None] = {}  # in the order in which they began to be silent
    addresses: Counter[str] = Counter()
    local = is_local(settings.host)

    class Connection(Base):
        """One connection; silent while it has not sent the whole head of a request."""

        _late: asyncio.TimerHandle | None = None
        _stuck: asyncio.TimerHandle | None = None
        _address = ""

        def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
            super().connection_made(transport)
            self._address = self.client[0] if self.client else ""
            addresses[self._address] += 1
            if not local and addresses[self._address] > MOST_AN_ADDRESS:
                transport.write(_refusal())
                transport.close()
                return
            self._be_silent()
            if len(self.connections) > MOST and (oldest := next(iter(silent), None)) is not None:
                oldest.transport.abort()
                oldest._be_heard()

        def data_received(self, data: bytes) -> None:
            super().data_received(data)
            if self.transport.is_closing():
                return
            if self.cycle is not None and not self.cycle.response_complete:
                self._be_heard()
            elif self not in silent:
                self._be_silent()

        def pause_writing(self) -> None:
            super().pause_writing()
            self._stuck = self.loop.call_later(settings.patience, self.transport.abort)

        def resume_writing(self) -> None:
            super().resume_writing()
            if self._stuck is not None:
                self._stuck.cancel()
                self._stuck = None

        def connection_lost(self, exc: Exception | None) -> None:
            self._be_heard()
            if self._stuck is not None:
                self._stuck.cancel()
            addresses[self._address] -= 1
            if addresses[self._address] <= 0:
                del addresses[self._address]
            super().connection_lost(exc)

        def _be_silent(self) -> None:
            silent[self] = None
            self._late = self.loop.call_later(settings.head, self.transport.abort)

        def _be_heard(self) -> None:
            silent.pop(self, None)
            if self._late is not None:
                self._late.cancel()
                self._late = None

    return Connection


def _refusal() -> bytes:
    """A whole answer for an address that has too many connections."""
    text = f"your address has more than {MOST_AN_ADDRESS} connections open; close some"
    body = as_json(BUSY, text)
    headers = {
        **CLOSING[BUSY],
        "Connection": "close",
        "Content-Type": "application/json",
        "Content-Length": str(len(body)),
    }
    lines = [f"HTTP/1.1 {BUSY} Service Unavailable", *(f"{k}: {v}" for k, v in headers.items())]
    return "\r\n".join([*lines, "", ""]).encode() + body

"""Checks who may send a request, and adds the headers that every answer has.

A page elsewhere on the web must not reach a server on this computer. A name that an attacker
points at 127.0.0.1 (DNS rebinding) comes with that name in ``Host``; a form or script on another
site (CSRF) comes with that site in ``Origin`` or with ``Sec-Fetch-Site: cross-site``. Programs
such as curl send neither of the two.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import MutableMapping
from typing import Any

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import ClientDisconnect, Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from inpaint.web.errors import BUSY, Refused, answer
from inpaint.web.settings import Settings

MISDIRECTED, FORBIDDEN = 421, 403
MOST_AT_WORK = 128  # requests; further ones are asked to come again
# A name or an address and perhaps a port. Nothing else may stand there: a browser sends no user's
# name and no path, and what stands around a name must not be taken for it.
_HOST = re.compile(
    r"(?:\[(?P<address>[0-9a-f:.]+)\]|(?P<name>[a-z0-9._-]+))(?::[0-9]{1,5})?", re.ASCII | re.I
)
HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; "
        "connect-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'none'; "
        "frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
    "Cache-Control": "no-store",  # a browser's cache is a disk too
}


class Guard:
    """ASGI middleware around the whole application.

    Nothing that the application raises passes it: the server below would print a traceback.
    """

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        self.app, self.settings = app, settings
        self.at_work = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuse, or pass on."""
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
            return
        if scope["type"] != "http":
            await send({"type": "websocket.close", "code": 1008})
            return
        started = False

        async def with_headers(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                _add(message)
            await send(message)

        self.at_work += 1
        try:
            check(Headers(scope=scope), scope, self.settings)
            if self.at_work > MOST_AT_WORK:
                raise Refused(
                    BUSY, f"{MOST_AT_WORK} requests are at work already; try again in a few seconds"
                )
            await self.app(scope, receive, with_headers)
        except ClientDisconnect:
            pass
        except Exception as error:
            if not started:  # else the application has answered, and raises for its log only
                await answer(Request(scope), error)(scope, receive, with_headers)
        finally:
            self.at_work -= 1


def _add(message: MutableMapping[str, Any]) -> None:
    headers = MutableHeaders(raw=message["headers"])
    for name, value in HEADERS.items():
        headers.setdefault(name, value)
    message["headers"] = headers.raw


def check(headers: Headers, scope: Scope, settings: Settings) -> None:
    """Raise Refused for a request from elsewhere."""
    host = headers.get("host", "")
    if not _known(host, settings):
        raise Refused(
            MISDIRECTED,
            f"this server does not answer to the name {host[:100]!r}; open it by its address, or "
            "start it with --allow-host NAME",
        )
    origin = headers.get("origin")
    own = {f"{scheme}://{host.lower()}" for scheme in ("http", "https")}
    if origin is not None and origin.lower() not in own:
        raise Refused(FORBIDDEN, f"pages of {origin[:100]!r} may not use this server")
    site = headers.get("sec-fetch-site", "none")
    followed = scope["method"] in ("GET", "HEAD") and headers.get("sec-fetch-mode") == "navigate"
    if site not in ("none", "same-origin") and not (followed and scope["path"] == "/"):
        raise Refused(FORBIDDEN, "other sites may not use this server")


def _known(host: str, settings: Settings) -> bool:
    """Whether ``Host`` names this server.

    An address cannot be rebound, so any will do where the server listens on more than loopback.
    """
    found = _HOST.fullmatch(host)
    if found is None:
        return False
    name = (found["address"] or found["name"]).lower()
    if name in {"localhost", settings.host.lower(), *(n.lower() for n in settings.names)}:
        return True
    address = _address(name)
    if address is None:
        return False
    return address.is_loopback or not is_local(settings.host)


def is_local(host: str) -> bool:
    """Whether only this computer can reach a server that listens on ``host``."""
    address = _address(host)
    return host == "localhost" if address is None else address.is_loopback


def _address(name: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(name)
    except ValueError:
        return None

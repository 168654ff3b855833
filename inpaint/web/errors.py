"""Translates errors into a status and one line; nothing else does so for HTTP."""

from __future__ import annotations

import html
import json
import logging
import os

from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import HTMLResponse, Response

from inpaint.errors import ImageSizeError, InpaintError
from inpaint.system import memory, threads

log = logging.getLogger(__name__)

TOO_LARGE, WRONG_TYPE, UNUSABLE, BUSY = 413, 415, 422, 503
_GONE = 499  # as nginx calls a client that went away
# The body of a refused request is not read, so its connection cannot be used again.
CLOSING = {TOO_LARGE: {"Connection": "close"}, BUSY: {"Retry-After": "5"}}

# What Starlette's routing says in two words.
_ROUTING = {
    404: "there is no such page; the page is at /, the API is described at /openapi.json",
    405: "this address takes other methods; /openapi.json describes the API",
}


class Refused(HTTPException):
    """A request that is answered with a status and one line that says what to do."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(status, text, headers=CLOSING.get(status))


class Cancelled(Exception):  # noqa: N818, an outcome and no fault
    """The work was given up because nobody waits for it any more."""


def describe(error: BaseException) -> tuple[int, str]:
    """Return the status and the line for an error; what nobody foresaw is logged.

    A traceback is shown, in the terminal only, under INPAINT_DEBUG.
    """
    if isinstance(error, HTTPException):
        known = None if isinstance(error, Refused) else _ROUTING.get(error.status_code)
        return error.status_code, known or str(error.detail)
    if isinstance(error, ImageSizeError):
        return TOO_LARGE, str(error)
    if isinstance(error, InpaintError):
        return UNUSABLE, str(error)
    if memory.ran_out(error):
        return BUSY, "out of memory; use a smaller photo, or fewer candidates"
    if threads.REFUSED in str(error):
        return BUSY, "the server can do no more at the same time; try again in a few seconds"
    if isinstance(error, Cancelled):
        return BUSY, "cancelled"
    if isinstance(error, ClientDisconnect):
        return _GONE, "the client has gone"  # nobody reads it, and it is no fault of the server
    text = " ".join(str(error).split()) or "no message"
    debug = bool(os.environ.get("INPAINT_DEBUG"))
    log.error(
        "internal error, %s: %s", type(error).__name__, text, exc_info=error if debug else None
    )
    return 500, "internal error; the terminal where the server runs says more"


def answer(request: Request, error: Exception) -> Response:
    """Answer a failed request: a page to a browser that asked for one, else JSON."""
    status, text = describe(error)
    headers = dict(getattr(error, "headers", None) or CLOSING.get(status, {}))
    if "text/html" in request.headers.get("accept", ""):
        return HTMLResponse(_PAGE.format(status, html.escape(text)), status, headers)
    return Response(as_json(status, text), status, headers, "application/json")


def as_json(status: int, text: str) -> bytes:
    """The body of every error that is not a page."""
    return json.dumps({"status": status, "error": text}, ensure_ascii=False).encode()


_PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<meta name="color-scheme" content="light dark">
<title>inpaint: error {0}</title>
<link rel="stylesheet" href="/static/style.css">
<body class="error-page">
<main>
<p class="code">{0}</p>
<h1>{1}</h1>
<p><a class="button" href="/">Back to the start</a></p>
</main>
</body>
</html>
"""

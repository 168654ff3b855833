"""The page itself: its files are read once, from the package, and found by their names alone."""

from __future__ import annotations

from pathlib import Path

from starlette.requests import Request
from starlette.responses import Response

from inpaint.web.errors import Refused

FOLDER = Path(__file__).parent / "static"
_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}
FILES = {path.name: path.read_bytes() for path in FOLDER.iterdir() if path.suffix in _TYPES}


async def index(request: Request) -> Response:
    """The page."""
    return _file("index.html")


async def static(request: Request) -> Response:
    """One of its files."""
    return _file(request.path_params["name"])


async def icon(request: Request) -> Response:
    """What browsers ask for unasked."""
    return _file("icon.svg")


def _file(name: str) -> Response:
    if name not in FILES:
        raise Refused(404, "there is no such page")
    return Response(FILES[name], media_type=_TYPES[Path(name).suffix])

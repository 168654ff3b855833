"""What the requests of the page have in common: whose photo, which fills, how large a view."""

from __future__ import annotations

import json

from starlette.requests import Request

from inpaint.web import options, shown
from inpaint.web.photos import Photo
from inpaint.web.state import State

_MOST_SIDE = 99_999  # pixels that may be asked for; what is too many or too few is brought in range


def state_of(request: Request) -> State:
    """What all requests of this server share."""
    state: State = request.app.state.server
    return state


def photo_of(request: Request) -> Photo:
    """The photo that the path names; raises Refused for one that is not there."""
    return state_of(request).photos.get(request.path_params["key"])


def stack_of(request: Request, photo: Photo) -> list[tuple[int, int]]:
    """``?stack=[[1,0],[2,1]]``; raises Refused for anything else."""
    try:
        values = json.loads(request.query_params.get("stack", "[]"))
    except (ValueError, RecursionError):
        values = None
    return photo.stack_of(values)


def side_of(request: Request) -> int:
    """``?side=2400``: the longest side of a view, brought in range."""
    text = request.query_params.get("side", str(shown.LARGEST))
    side = options.number("side", text, 0, _MOST_SIDE)
    return min(max(side, shown.SMALLEST), shown.LARGEST)

"""What all requests of one server share."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache, partial
from typing import Any, TypeVar

import anyio
from starlette.requests import Request

from inpaint.errors import ImageError, ImageSizeError
from inpaint.images import Picture
from inpaint.images.decode import decode, sniff
from inpaint.images.phones import check_readable
from inpaint.web.about import about
from inpaint.web.bodies import Pool
from inpaint.web.errors import WRONG_TYPE, Refused
from inpaint.web.line import Line
from inpaint.web.photos import Photos
from inpaint.web.settings import Settings
from inpaint.web.waiting import apart

_Value = TypeVar("_Value")
_LARGER = "start the server with a larger --max-pixels"


class State:
    """Settings, memory, the line and the photos of a server."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.pool = Pool(settings.memory)
        self.line = Line(settings.waiting)
        self.photos = Photos(self.pool, idle=settings.idle, give_up=self.line.give_up)
        self.about = lru_cache(1)(partial(about, settings))
        # Both take memory of their own beside the pool's, so that little is done at a time: what is
        # quick, such as showing a photo, and what may take seconds, such as reading a large one.
        self._limiter = anyio.CapacityLimiter(1)
        self._slow = anyio.CapacityLimiter(2)

    async def aside(self, function: Callable[..., _Value], *arguments: Any) -> _Value:
        """Run what takes a moment in a thread, one at a time, while other requests go on."""
        return await anyio.to_thread.run_sync(function, *arguments, limiter=self._limiter)

    async def apart(self, request: Request, work: Callable[[Callable[[], None]], _Value]) -> _Value:
        """Run ``work(check)``, which may take seconds, in a thread beside the quick requests.

        It calls ``check`` now and then, which ends it once the client has gone.
        """
        return await apart(work, request, self._slow)

    def decode(self, data: bytes, name: str) -> Picture:
        """Decode an image file within the limits; raises Refused for what is none."""
        try:
            check_readable(sniff(data[:64], name=name))
        except ImageError as error:
            raise Refused(WRONG_TYPE, str(error)) from None
        try:
            return decode(data, name=name, max_pixels=self.settings.max_pixels)
        except ImageSizeError as error:  # the library names its own argument
            text = str(error).replace("raise max_pixels", _LARGER)
            raise ImageSizeError(text) from None

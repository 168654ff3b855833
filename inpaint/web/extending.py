"""A larger canvas around a photo and its fills: another photo, whose margins are to be filled."""

from __future__ import annotations

from typing import Any

import numpy as np
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from inpaint import images
from inpaint.errors import ImageSizeError
from inpaint.images import Picture
from inpaint.web.api import CREATED, facts_of
from inpaint.web.asked import photo_of, side_of, state_of
from inpaint.web.bodies import json_object
from inpaint.web.errors import UNUSABLE, Refused
from inpaint.web.marks import region_told


async def extend(request: Request) -> Response:
    """Put a photo with a stack of fills on a larger canvas, which is opened as another photo."""
    state, photo, side = state_of(request), photo_of(request), side_of(request)
    values = await json_object(request, state.settings, state.pool)
    stack, margins = photo.stack_of(values.get("stack", [])), _margins(values.get("margins"))
    left, top, right, bottom = margins
    width, height = photo.picture.width + left + right, photo.picture.height + top + bottom
    if width * height > state.settings.max_pixels:
        raise ImageSizeError(
            f"the extended photo would have {width}x{height} pixels, the limit is "
            f"{state.settings.max_pixels / 1e6:g} million; add less"
        )

    def make() -> tuple[Picture, dict[str, Any]]:
        canvas, added = images.extend(photo.with_stack(stack), margins)
        return canvas, region_told(np.ascontiguousarray(added), canvas, side)

    canvas, region = await state.aside(make)
    made = state.photos.add(canvas)
    return JSONResponse({**facts_of(made), "added": region}, CREATED)


def _margins(values: Any) -> tuple[int, int, int, int]:
    good = isinstance(values, list) and len(values) == 4
    if not good or not all(type(v) is int and 0 <= v <= 99_999 for v in values):
        raise Refused(
            UNUSABLE,
            "margins are no four whole numbers from 0 to 99999: left, top, right, bottom",
        )
    left, top, right, bottom = values
    return left, top, right, bottom

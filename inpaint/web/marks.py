"""What marks a hole beside strokes: an object in a box or at a point, and mask files."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from inpaint import masks
from inpaint.images import Picture, from_array
from inpaint.images.encode import encode
from inpaint.masks import objects
from inpaint.masks.point import candidates_at, refined
from inpaint.masks.preview import as_seen
from inpaint.masks.snap import snap as snap_to
from inpaint.web import shapes, shown
from inpaint.web.asked import photo_of, side_of, state_of
from inpaint.web.bodies import body, json_object
from inpaint.web.errors import UNUSABLE, Refused

_MOST_STEPS = 99  # of size; what is too many ends at the last


async def snap(request: Request) -> Response:
    """Find the object inside a rough box, or at a point, with its margin: a region to fill."""
    state, photo = state_of(request), photo_of(request)
    values = await json_object(request, state.settings, state.pool)
    stack, side = photo.stack_of(values.get("stack", [])), side_of(request)
    finder = _finder(values)
    grow, shadow = _grow(values.get("grow")), values.get("shadow") is True

    def find(check: shapes.Check) -> dict[str, Any]:
        picture = photo.with_stack(stack)
        image = as_seen(picture)
        found, sizes = finder(image)
        if found is None:
            return {"found": False, **sizes}
        check()
        mask, left = objects.hole_of(
            [found], grow=grow, shadow=shadow, image=image, unseen=picture.unseen
        )
        return {"found": True, "left": bool(left), **sizes, **region_told(mask, picture, side)}

    return JSONResponse(await state.apart(request, find))


async def load_mask(request: Request) -> Response:
    """Read a mask file of the photo's size; white is the hole. The body is the file."""
    state, photo, side = state_of(request), photo_of(request), side_of(request)
    async with body(request, state.settings, state.pool) as data:
        marked = await state.apart(request, lambda check: state.decode(data, "the mask"))

    def read() -> dict[str, Any]:
        hole = masks.from_picture(marked)
        masks.check(hole, (photo.picture.height, photo.picture.width))
        return region_told(hole, photo.picture, side)

    return JSONResponse(await state.aside(read))


async def draw_mask(request: Request) -> Response:
    """The mask of what was drawn as a PNG of the photo's size; white is the hole."""
    state, photo = state_of(request), photo_of(request)
    values = await json_object(request, state.settings, state.pool)
    size = photo.picture.height, photo.picture.width

    def draw(check: shapes.Check) -> bytes:
        hole = shapes.mask_of(values.get("shapes"), size, check)
        return encode(from_array(hole.astype(np.uint8) * 255), "PNG")

    return Response(await state.apart(request, draw), media_type="image/png")


Finder = Callable[[np.ndarray], tuple[np.ndarray | None, dict[str, int]]]


def _finder(values: dict[str, Any]) -> Finder:
    """How a request points at an object; raises ShapeError unless it is a box or a point.

    The finder returns the object, and for a point how many ``smaller`` and ``larger`` there are.
    """
    if ("box" in values) == ("point" in values):
        raise Refused(UNUSABLE, "an object is asked for by a box or by a point, one of the two")
    if "point" in values:
        x, y = shapes.point_of(values["point"])
        step = values.get("step", 0)
        if type(step) is not int or abs(step) > _MOST_STEPS:
            raise Refused(UNUSABLE, f"step is no whole number from -{_MOST_STEPS} to {_MOST_STEPS}")
        return lambda image: _at_point(image, x, y, step)
    box = shapes.box_of(values["box"])
    return lambda image: (snap_to(image, objects.box(image.shape[:2], *box)), {})


def _at_point(
    image: np.ndarray, x: float, y: float, step: int
) -> tuple[np.ndarray | None, dict[str, int]]:
    """The object at a point that is ``step`` sizes larger than the most likely one."""
    found = candidates_at(image, x, y)
    if found is None:
        return None, {}
    at = min(max(found.best + step, 0), len(found.masks) - 1)
    sizes = {"smaller": at, "larger": len(found.masks) - 1 - at}
    return refined(image, found.masks[at], x, y), sizes


def region_told(mask: np.ndarray, picture: Picture, side: int) -> dict[str, Any]:
    """A mask (H, W) of bool as a shape, and as an image for the page to show."""
    shape = shapes.region_of(mask)
    return {"shape": shape, "view": shown.region(shape, mask, picture, side)}


def _grow(value: Any) -> float | None:
    if value is None:
        return None
    if type(value) not in (int, float) or not 0 <= value <= 1000:
        raise Refused(UNUSABLE, "grow is no number of pixels from 0 to 1000")
    return float(value)

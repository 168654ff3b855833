"""The requests of the page: a photo is opened, pointed at, filled, shown and saved."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from inpaint.images import Picture
from inpaint.images.encode import check_storable, encode, format_named
from inpaint.masks import objects
from inpaint.masks.preview import as_seen
from inpaint.masks.snap import snap as snap_to
from inpaint.web import options, shapes, shown
from inpaint.web.about import FORMATS
from inpaint.web.bodies import body, json_object
from inpaint.web.errors import UNUSABLE, Refused
from inpaint.web.line import Job
from inpaint.web.photos import Fill, Photo
from inpaint.web.state import State
from inpaint.web.waiting import Events

CREATED, CONFLICT = 201, 409
_MOST_SIDE = 99_999  # pixels that may be asked for; what is too many or too few is brought in range
TYPES = {
    "PNG": "image/png",
    "JPEG": "image/jpeg",
    "WEBP": "image/webp",
    "TIFF": "image/tiff",
    "BMP": "image/bmp",
    "AVIF": "image/avif",
    "HEIC": "image/heic",
}


def _state(request: Request) -> State:
    state: State = request.app.state.server
    return state


def _photo(request: Request) -> Photo:
    return _state(request).photos.get(request.path_params["key"])


async def tell(request: Request) -> Response:
    """What there is to choose."""
    return JSONResponse(_state(request).about())


async def open_photo(request: Request) -> Response:
    """Take a photo in: the body is the image file."""
    state = _state(request)
    async with body(request, state.settings, state.pool) as data:
        picture = await state.aside(state.decode, data, "the photo")
    photo = state.photos.add(picture)
    facts = {
        "key": photo.key,
        "width": picture.width,
        "height": picture.height,
        "format": picture.format,
        "bits": picture.pixels.dtype.itemsize * 8,
        "alpha": picture.has_alpha,
        "lossless": picture.lossless,
    }
    return JSONResponse(facts, CREATED)


async def close_photo(request: Request) -> Response:
    """Forget a photo and its fills."""
    _state(request).photos.drop(_photo(request))
    return Response(status_code=204)


async def keep_photo(request: Request) -> Response:
    """Say that the page is still open."""
    _photo(request)
    return Response(status_code=204)


async def view(request: Request) -> Response:
    """The photo as opened, for a browser to show."""
    state, photo = _state(request), _photo(request)
    data, kind = await state.aside(shown.view, photo.picture, _side(request))
    return Response(data, media_type=kind)


async def snap(request: Request) -> Response:
    """Find the object inside a rough box, with its margin: a region to fill."""
    state, photo = _state(request), _photo(request)
    values = await json_object(request, state.settings, state.pool)
    stack, side = photo.stack_of(values.get("stack", [])), _side(request)
    box = shapes.box_of(values.get("box"))
    grow, shadow = _grow(values.get("grow")), values.get("shadow") is True

    def find() -> dict[str, Any]:
        picture = photo.with_stack(stack)
        rough = objects.box((picture.height, picture.width), *box)
        image = as_seen(picture)
        found = snap_to(image, rough)
        if found is None:
            return {"found": False}
        mask, left = objects.hole_of(
            [found], grow=grow, shadow=shadow, image=image, unseen=picture.unseen
        )
        shape = shapes.region_of(mask)
        view = shown.region(shape, mask, picture, side)
        return {"found": True, "shape": shape, "view": view, "left": bool(left)}

    return JSONResponse(await state.aside(find))


async def fill(request: Request) -> Response:
    """Fill what was drawn, and tell how it goes while it does."""
    state, photo = _state(request), _photo(request)
    state.line.check()
    values = await json_object(request, state.settings, state.pool)
    chosen = options.parse(_object(values.get("options", {})), state.settings)
    stack = photo.stack_of(values.get("stack", []))
    size = photo.picture.height, photo.picture.width
    drawn, by_edge = values.get("shapes"), values.get("edge") is True

    def hole_of() -> np.ndarray:
        hole = shapes.mask_of(drawn, size)
        return shapes.over_edge(hole, drawn, photo.with_stack(stack)) if by_edge else hole

    hole = await state.aside(hole_of)
    if photo.job is not None or photo.dropped:
        raise Refused(CONFLICT, "this photo is being filled already; wait, or cancel that first")

    def work(job: Job) -> tuple[Fill, dict[str, Any]]:
        from inpaint.web import live  # torch: it takes seconds, so the page does not wait for it

        result = live.fill(job, photo.with_stack(stack), hole, chosen, state.settings)
        return Fill.between(hole, result.pictures), live.report(result)

    def finish(result: tuple[Fill, dict[str, Any]]) -> dict[str, Any]:
        made, told = result
        number = state.photos.keep(photo, made)
        count = len(made.values)
        return {"event": "done", "fill": number, "candidates": count, "box": made.box, **told}

    def ended() -> None:
        photo.job = None

    photo.job = state.line.submit(work)
    return Events(photo.job, state.line, finish, ended)


async def candidate(request: Request) -> Response:
    """One candidate of a fill, to lay over the view; ``X-Place`` says where."""
    state, photo = _state(request), _photo(request)
    stack = _stack(request, photo)
    if not stack:
        raise Refused(UNUSABLE, "the stack is empty, so there is no fill to show")
    data, place = await state.aside(shown.candidate, photo, stack, _side(request))
    return Response(data, media_type="image/png", headers={"X-Place": json.dumps(place)})


async def save(request: Request) -> Response:
    """The photo with its fills, whole: in the format that it came in, or another."""
    state, photo = _state(request), _photo(request)
    picture_of, stack = photo.with_stack, _stack(request, photo)
    kind = format_of(request.query_params.get("format", "keep"), photo.picture)

    def write() -> bytes:
        return encode(picture_of(stack), kind)

    # No file name: the page's link has it, and the server never saw the photo's.
    headers = {"Content-Disposition": "attachment"}
    return Response(await state.aside(write), media_type=TYPES[kind], headers=headers)


def format_of(name: str, picture: Picture) -> str:
    """The format to answer in; raises Refused, or OutputError if it cannot hold the picture."""
    if name not in ("keep", *FORMATS):
        raise Refused(UNUSABLE, f"format is {name[:20]!r}, expected keep, {', '.join(FORMATS)}")
    kind = picture.format if name == "keep" else format_named(name)
    check_storable(picture, kind)
    return kind


def _stack(request: Request, photo: Photo) -> list[tuple[int, int]]:
    """``?stack=[[1,0],[2,1]]``."""
    try:
        values = json.loads(request.query_params.get("stack", "[]"))
    except (ValueError, RecursionError):
        values = None
    return photo.stack_of(values)


def _side(request: Request) -> int:
    text = request.query_params.get("side", str(shown.LARGEST))
    side = options.number("side", text, 0, _MOST_SIDE)
    return min(max(side, shown.SMALLEST), shown.LARGEST)


def _grow(value: Any) -> float | None:
    if value is None:
        return None
    if type(value) not in (int, float) or not 0 <= value <= 1000:
        raise Refused(UNUSABLE, "grow is no number of pixels from 0 to 1000")
    return float(value)


def _object(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise Refused(UNUSABLE, "options are no object")
    return value

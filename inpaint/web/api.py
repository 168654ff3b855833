"""The requests of the page: a photo is opened, pointed at, filled, shown and saved."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from inpaint.images import Picture
from inpaint.images.encode import check_storable, encode, format_named
from inpaint.web import kept, options, shapes, shown
from inpaint.web.about import FORMATS
from inpaint.web.asked import photo_of, side_of, stack_of, state_of
from inpaint.web.bodies import body, json_object
from inpaint.web.errors import UNUSABLE, Refused
from inpaint.web.line import Job
from inpaint.web.photos import MOST_FILLS, Fill, Photo
from inpaint.web.waiting import Events

CREATED, CONFLICT = 201, 409
TYPES = {
    "PNG": "image/png",
    "JPEG": "image/jpeg",
    "WEBP": "image/webp",
    "TIFF": "image/tiff",
    "BMP": "image/bmp",
    "AVIF": "image/avif",
    "HEIC": "image/heic",
}


async def tell(request: Request) -> Response:
    """What there is to choose."""
    return JSONResponse(state_of(request).about())


async def open_photo(request: Request) -> Response:
    """Take a photo in: the body is the image file."""
    state = state_of(request)
    async with body(request, state.settings, state.pool) as data:
        picture = await state.apart(request, lambda check: state.decode(data, "the photo"))
    photo = state.photos.add(picture)
    return JSONResponse(facts_of(photo), CREATED)


def facts_of(photo: Photo) -> dict[str, Any]:
    """What the page is told about a photo that was opened."""
    picture = photo.picture
    return {
        "key": photo.key,
        "width": picture.width,
        "height": picture.height,
        "format": picture.format,
        "bits": picture.pixels.dtype.itemsize * 8,
        "alpha": picture.has_alpha,
        "lossless": picture.lossless,
    }


async def close_photo(request: Request) -> Response:
    """Forget a photo and its fills."""
    state_of(request).photos.drop(photo_of(request))
    return Response(status_code=204)


async def keep_photo(request: Request) -> Response:
    """Say that the page is still open."""
    photo_of(request)
    return Response(status_code=204)


async def view(request: Request) -> Response:
    """The photo as opened, for a browser to show."""
    state, photo = state_of(request), photo_of(request)
    data, kind = await state.aside(shown.view, photo.picture, side_of(request))
    return Response(data, media_type=kind)


async def fill(request: Request) -> Response:
    """Fill what was drawn, and tell how it goes while it does."""
    state, photo = state_of(request), photo_of(request)
    state.line.check()
    values = await json_object(request, state.settings, state.pool)
    chosen = options.parse(_object(values.get("options", {})), state.settings)
    stack = photo.stack_of(values.get("stack", []))
    size = photo.picture.height, photo.picture.width
    drawn, by_edge = values.get("shapes"), values.get("edge") is True
    first = _first(values.get("first", 0), chosen.candidates)
    count = chosen.candidates - first

    def hole_of(check: shapes.Check) -> np.ndarray:
        hole = shapes.mask_of(drawn, size, check)
        return shapes.over_edge(hole, drawn, photo.with_stack(stack), check) if by_edge else hole

    hole = await state.apart(request, hole_of)
    if photo.job is not None or photo.dropped:
        raise Refused(CONFLICT, "this photo is being filled already; wait, or cancel that first")

    made = Fill.of(hole)
    number: int | None = None

    def work(job: Job) -> dict[str, Any]:
        from inpaint.web import live  # torch: it takes seconds, so the page does not wait for it

        def keep(values: np.ndarray) -> None:
            nonlocal number
            number = state.photos.extend(photo, number, made, values)

        def on_candidate(index: int, picture: Picture) -> None:
            # Kept before it is told, so that the page can ask for it at once; and what was told
            # stays when the rest is cancelled.
            job.in_loop(keep, made.values_in(picture))
            job.tell({"event": "candidate", "fill": number, "candidate": index, "of": count})

        result = live.fill(
            job, photo.with_stack(stack), hole, chosen, state.settings,
            first=first, on_candidate=on_candidate,
        )  # fmt: skip
        return live.report(result)

    def finish(told: dict[str, Any]) -> dict[str, Any]:
        return {"event": "done", "fill": number, "candidates": count, "box": made.box, **told}

    def ended() -> None:
        photo.job = None

    photo.job = state.line.submit(work)
    return Events(photo.job, state.line, finish, ended)


async def take_fill(request: Request) -> Response:
    """A fill as bytes, for the page to keep beyond this server's memory."""
    state, photo = state_of(request), photo_of(request)
    made = photo.fill_of(_number(request))
    return Response(await state.aside(kept.pack, made), media_type="application/octet-stream")


async def put_fill(request: Request) -> Response:
    """Put back what ``take_fill`` gave, under the number that it had."""
    state, photo, number = state_of(request), photo_of(request), _number(request)
    if number in photo.fills:
        raise Refused(CONFLICT, f"this photo has a fill {number} already")
    async with body(request, state.settings, state.pool) as data:
        made = await state.aside(kept.unpack, data, photo.picture)
    state.photos.keep(photo, made, number)
    return Response(status_code=204)


async def candidate(request: Request) -> Response:
    """One candidate of a fill, to lay over the view; ``X-Place`` says where."""
    state, photo = state_of(request), photo_of(request)
    stack = stack_of(request, photo)
    if not stack:
        raise Refused(UNUSABLE, "the stack is empty, so there is no fill to show")
    data, place = await state.aside(shown.candidate, photo, stack, side_of(request))
    return Response(data, media_type="image/png", headers={"X-Place": json.dumps(place)})


async def save(request: Request) -> Response:
    """The photo with its fills, whole: in the format that it came in, or another."""
    state, photo = state_of(request), photo_of(request)
    picture_of, stack = photo.with_stack, stack_of(request, photo)
    kind = format_of(request.query_params.get("format", "keep"), photo.picture)

    def write(check: shapes.Check) -> bytes:
        return encode(picture_of(stack), kind)

    # No file name: the page's link has it, and the server never saw the photo's.
    headers = {"Content-Disposition": "attachment"}
    return Response(await state.apart(request, write), media_type=TYPES[kind], headers=headers)


def format_of(name: str, picture: Picture) -> str:
    """The format to answer in; raises Refused, or OutputError if it cannot hold the picture."""
    if name not in ("keep", *FORMATS):
        raise Refused(UNUSABLE, f"format is {name[:20]!r}, expected keep, {', '.join(FORMATS)}")
    kind = picture.format if name == "keep" else format_named(name)
    check_storable(picture, kind)
    return kind


def _first(value: Any, candidates: int) -> int:
    if type(value) is not int or not 0 <= value < candidates:
        raise Refused(UNUSABLE, f"first is no whole number from 0 to {candidates - 1}")
    return value


def _number(request: Request) -> int:
    return options.number("the number of a fill", request.path_params["number"], 1, MOST_FILLS)


def _object(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise Refused(UNUSABLE, "options are no object")
    return value

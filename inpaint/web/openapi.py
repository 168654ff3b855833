"""The OpenAPI description of the HTTP API, served at ``/openapi.json``.

It is written by hand because bodies are read by hand, for the sake of their limits; the tests
hold it against the routes and against real answers.
"""

from __future__ import annotations

from inpaint import __version__
from inpaint.web.about import FORMATS
from inpaint.web.oneshot import MOST_GROWN
from inpaint.web.schemas import Json, object_of, option_fields, ref, schemas, text
from inpaint.web.settings import Settings
from inpaint.web.shown import LARGEST, SMALLEST

_ERRORS = {
    400: "The request cannot be read.",
    403: "It comes from a page of another site.",
    404: "There is no such photo, fill or page; photos are forgotten when their page closes.",
    408: "The body stopped coming.",
    409: "The photo is being filled already, or has a fill of that number.",
    413: "The body has too many bytes, or the image too many pixels.",
    415: "The file is no image that can be read, or the body is of another type.",
    421: "The Host header names another server.",
    422: "Something in the request cannot be used; the text says what was expected.",
    500: "A fault of the server's.",
    503: "The queue or the memory is full; Retry-After says when to come again.",
}
_ALWAYS = (403, 421, 500)


def document(settings: Settings) -> Json:
    """Return the description as JSON values, with the limits of this server."""
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "inpaint",
            "version": __version__,
            "summary": "Fill holes in images with learned priors.",
            "description": "In every mask white is the hole. Pixels outside it come back "
            "bit-identical in lossless formats. Programs need only POST /api/fill; the rest is "
            f"what the page uses. Limits: {settings.max_bytes >> 20} MB a body, "
            f"{settings.max_pixels / 1e6:g} million pixels an image, {settings.waiting} fills in "
            "the queue. A request whose client disconnects is given up.",
            "license": {"name": "MIT", "identifier": "MIT"},
        },
        "paths": {**_programs(settings), **_page()},
        "components": {"schemas": schemas(settings)},
    }


def _programs(settings: Settings) -> Json:
    image = {"type": "string", "contentMediaType": "application/octet-stream"}
    grown = {"type": "integer", "minimum": 0, "maximum": MOST_GROWN}
    fields: Json = {
        "image": {**image, "description": "PNG, JPEG, WebP, TIFF, BMP, AVIF or HEIC."},
        "mask": {**image, "description": "An image of the same size; white is the hole."},
        "format": {"enum": ["keep", *FORMATS], "default": "keep"},
        "quality": {"type": "integer", "minimum": 1, "maximum": 100, "description": "JPEG, WebP."},
        "grow": {**grown, "default": 0, "description": "Pixels."},
        "invert": {"enum": ["true", "false"], "default": "false"},
        "mask_labels": {
            "type": "string",
            "description": "The mask is a label map: any, or numbers, ranges (128-255) and colours "
            "(#ff0000) to fill.",
        },
        **option_fields(settings),
    }
    fields["candidates"] = {"const": 1}
    call = _call(
        "fillImage",
        "Fill the hole of one image.",
        {200: _answer("The filled image, in the format of the image.", "image/*", {})},
        (400, 408, 413, 415, 422, 503),
        body=("multipart/form-data", object_of(fields, required=["image", "mask"])),
    )
    call["responses"]["200"]["headers"] = {
        "X-Report": {
            "description": "What was done.",
            "content": {"application/json": {"schema": ref("Report")}},
        }
    }
    return {
        "/api/fill": {"post": call},
        "/api/about": {
            "get": _call(
                "about",
                "What there is to choose: priors, modes, stages, formats, limits.",
                {200: _answer("Names and limits.", "application/json", ref("About"))},
            )
        },
    }


def _page() -> Json:
    key = [_parameter("key", "path", text())]
    side = [
        _parameter(
            "side",
            "query",
            {"type": "integer", "minimum": SMALLEST, "maximum": LARGEST, "default": LARGEST},
            "Longest side of the view.",
        )
    ]
    stack = [_parameter("stack", "query", text(), "JSON: [[fill, candidate], ...].")]
    formats = [_parameter("format", "query", {"enum": ["keep", *FORMATS], "default": "keep"})]
    file = {"type": "string", "contentMediaType": "application/octet-stream"}
    png: Json = {"image/png": {}}
    paths: Json = {
        "/api/photos": {
            "post": _call(
                "openPhoto",
                "Open a photo; the body is the file.",
                {201: _answer("Kept in memory under a key.", "application/json", ref("Photo"))},
                (408, 413, 415, 422, 503),
                body=("application/octet-stream", file),
            )
        },
        "/api/photos/{key}": {
            "delete": _call("closePhoto", "Forget a photo.", {204: _empty("Forgotten.")}, (404,))
        },
        "/api/photos/{key}/keep": {
            "post": _call("keepPhoto", "Say that it is in use.", {204: _empty("Kept.")}, (404,))
        },
        "/api/photos/{key}/view": {
            "get": _call(
                "viewPhoto",
                "The photo for a browser to show.",
                {200: _answer("An image.", "image/jpeg", {}, "image/webp")},
                (404, 422),
                side,
            )
        },
        "/api/photos/{key}/snap": {
            "post": _call(
                "snap",
                "Find the object inside a rough box, or at a point, with its margin.",
                {200: _answer("A region, or nothing.", "application/json", ref("Snapped"))},
                (400, 404, 413, 422),
                side,
                body=("application/json", ref("SnapRequest")),
            )
        },
        "/api/photos/{key}/mask": {
            "put": _call(
                "loadMask",
                "A mask file of the photo's size as a region; white is the hole.",
                {200: _answer("A region.", "application/json", ref("Snapped"))},
                (404, 408, 413, 415, 422, 503),
                side,
                body=("application/octet-stream", file),
            ),
            "post": _call(
                "drawMask",
                "What is drawn as a mask file; white is the hole.",
                {200: {"description": "A PNG of the photo's size.", "content": png}},
                (400, 404, 413, 422),
                body=("application/json", ref("MaskRequest")),
            ),
        },
        "/api/photos/{key}/extended": {
            "post": _call(
                "extendPhoto",
                "Put the photo with a stack of fills on a larger canvas: another photo.",
                {201: _answer("It, and what was added.", "application/json", ref("Extended"))},
                (400, 404, 413, 422, 503),
                side,
                body=("application/json", ref("ExtendRequest")),
            )
        },
        "/api/photos/{key}/fills": {
            "post": _call(
                "fillPhoto",
                "Fill what is drawn; progress comes as lines of JSON.",
                {200: _answer("Events; the last is done, failed or cancelled.",
                              "application/x-ndjson", ref("Event"))},
                (400, 404, 409, 413, 422, 503),
                body=("application/json", ref("FillRequest")),
            )
        },
        "/api/photos/{key}/fills/{number}": {
            "parameters": [_parameter("number", "path", {"type": "integer", "minimum": 1})],
            "get": _call(
                "takeFill",
                "A fill as bytes: what a client keeps in case the server forgets the photo.",
                {200: _answer("Bytes for putFill.", "application/octet-stream", {})},
                (404, 422),
            ),
            "put": _call(
                "putFill",
                "Put a fill back under its number, after the photo was opened again.",
                {204: _empty("It is there again.")},
                (404, 408, 409, 413, 422, 503),
                body=("application/octet-stream", file),
            ),
        },
        "/api/photos/{key}/candidate": {
            "get": _call(
                "candidate",
                "The topmost fill of a stack, to lay over the view at X-Place.",
                {200: {"description": "A PNG, transparent outside the hole.", "content": png}},
                (404, 422),
                [*stack, *side],
            )
        },
        "/api/photos/{key}/file": {
            "get": _call(
                "savePhoto",
                "The whole photo with a stack of fills.",
                {200: _answer("The file.", "image/*", {})},
                (404, 422),
                [*stack, *formats],
            )
        },
    }  # fmt: skip
    for path, item in paths.items():
        if "{key}" in path:
            item["parameters"] = key + item.get("parameters", [])
    return paths


def _call(
    name: str,
    summary: str,
    answers: dict[int, Json],
    errors: tuple[int, ...] = (),
    parameters: list[Json] | None = None,
    *,
    body: tuple[str, Json] | None = None,
) -> Json:
    """One operation; every one can fail in the ways of ``_ALWAYS``."""
    failures = {
        code: _answer(_ERRORS[code], "application/json", ref("Error"))
        for code in sorted({*errors, *_ALWAYS})
    }
    call: Json = {
        "operationId": name,
        "summary": summary,
        "responses": {str(code): value for code, value in {**answers, **failures}.items()},
    }
    if parameters:
        call["parameters"] = parameters
    if body:
        kind, schema = body
        call["requestBody"] = {"required": True, "content": {kind: {"schema": schema}}}
    return call


def _answer(description: str, kind: str, schema: Json, *further: str) -> Json:
    return {
        "description": description,
        "content": {one: {"schema": schema} for one in (kind, *further)},
    }


def _empty(description: str) -> Json:
    return {"description": description}


def _parameter(name: str, place: str, schema: Json, description: str = "") -> Json:
    told = {"description": description} if description else {}
    return {"name": name, "in": place, "required": place == "path", "schema": schema, **told}

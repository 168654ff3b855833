"""The API for programs: an image and a mask come, the filled image goes back."""

from __future__ import annotations

import json

from starlette.requests import Request
from starlette.responses import Response

from inpaint import masks
from inpaint.errors import MaskError
from inpaint.images.encode import encode
from inpaint.web import options
from inpaint.web.api import TYPES, format_of
from inpaint.web.bodies import form
from inpaint.web.errors import UNUSABLE, Refused
from inpaint.web.line import Job
from inpaint.web.state import State
from inpaint.web.waiting import result_of

# Fields of the form beside those of ``options``.
OWN_FIELDS = ("format", "quality", "grow", "invert", "mask_labels")
MOST_GROWN = 9999  # pixels


async def fill(request: Request) -> Response:
    """Fill the hole of one image; nothing of it is kept."""
    state: State = request.app.state.server
    state.line.check()
    async with form(request, state.settings, state.pool) as (files, fields):
        for name in ("image", "mask"):
            if name not in files:
                raise Refused(UNUSABLE, f"the form has no file {name!r}; add -F {name}=@FILE")
        own = {name: fields.pop(name)[-1] for name in OWN_FIELDS if name in fields}
        chosen = options.from_form(fields, state.settings)
        if chosen.candidates > 1:
            raise Refused(UNUSABLE, "one image goes back, so candidates is 1; try other seeds")
        picture = await state.apart(
            request, lambda check: state.decode(files["image"], "the image")
        )
        marked = await state.apart(request, lambda check: state.decode(files["mask"], "the mask"))
    if own.get("invert", "false") not in ("true", "false"):
        raise options.OptionError(f"invert is {own['invert'][:40]!r}, expected true or false")
    inverted = own.get("invert") == "true"
    try:
        hole = masks.from_picture(marked, invert=inverted, labels=own.get("mask_labels"))
    except MaskError as error:
        raise MaskError(str(error).replace("--mask-labels", "the field mask_labels")) from None
    size = picture.height, picture.width
    masks.check(hole, size)
    kind = format_of(own.get("format", "keep"), picture)
    quality = options.number("quality", own["quality"], 1, 100) if "quality" in own else None
    grow = options.number("grow", own.get("grow", "0"), 0, MOST_GROWN)
    if grow:
        hole = masks.grow(hole, grow)
        masks.check(hole, size)

    def work(job: Job) -> tuple[bytes, str]:
        from inpaint.web import live  # see api.fill

        result = live.fill(job, picture, hole, chosen, state.settings)
        told = json.dumps(live.report(result))
        job.check()
        return encode(result.pictures[0], kind, quality=quality), told

    held = picture.pixels.nbytes + hole.nbytes
    state.pool.take(held)
    try:
        data, told = await result_of(state.line.submit(work), state.line, request)
    finally:
        state.pool.give(held)
    return Response(data, media_type=TYPES[kind], headers={"X-Report": told})

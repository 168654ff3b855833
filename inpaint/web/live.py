"""A fill that can be watched: what its callbacks tell becomes events, and a stop its end."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

import cv2
import numpy as np
from torch import Tensor

from inpaint import pipeline
from inpaint.images import Picture, from_array
from inpaint.pipeline.groups import Box
from inpaint.stages.patch import Patch
from inpaint.web.line import Job
from inpaint.web.options import Options
from inpaint.web.settings import Settings
from inpaint.web.shown import data_url

_PAUSE = 0.06  # seconds between pictures of a search
_LONGEST = 640  # side of the picture that shows a stage
_SHOWN = 6  # restarts
_QUALITY = 85  # of that picture


def fill(
    job: Job,
    picture: Picture,
    hole: np.ndarray,
    options: Options,
    settings: Settings,
    *,
    first: int = 0,
    on_candidate: Callable[[int, Picture], None] | None = None,
) -> pipeline.Result:
    """Fill ``hole`` (H, W), True inside, of a picture in a job's thread.

    Raises Cancelled when the job was given up.

    Events: ``crop`` (before each hole's surroundings are looked at), ``search`` (every step, with
    the images of its restarts side by side, not more often than can be seen) and ``stage``
    (before every stage, with the fill so far). ``first`` and ``on_candidate`` are those of
    ``pipeline.complete``.
    """
    job.check()
    watch = _Watch(job)
    return pipeline.complete(
        picture,
        hole,
        callback=watch.step,
        on_crop=watch.crop,
        on_stage=watch.stage,
        on_candidate=on_candidate,
        first=first,
        **options.keywords(settings),
    )


def report(result: pipeline.Result) -> dict[str, Any]:
    """What was done, for JSON; numbers that JSON cannot hold become null."""
    rows = []
    for one in result.reports:
        y0, x0, y1, x1 = one.box
        row = {**asdict(one), "box": [x0, y0, x1 - x0, y1 - y0]}
        rows.append({name: _finite(value) for name, value in row.items()})
    return {"seconds": round(result.seconds, 3), "crops": rows}


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _finite(one) for name, one in value.items()}
    return None if isinstance(value, float) and not math.isfinite(value) else value


class _Watch:
    """The three callbacks of ``pipeline.complete``."""

    def __init__(self, job: Job) -> None:
        self.job = job
        self.shown = 0.0

    def crop(self, index: int, crops: int, box: Box) -> None:
        self.job.check()
        shape = [box.x0, box.y0, box.width, box.height]
        self.job.tell({"event": "crop", "crop": index, "crops": crops, "box": shape})

    def step(self, crop: int, crops: int, steps: int, step: int, terms: dict[str, Tensor]) -> None:
        self.job.check()
        now = time.monotonic()
        if now - self.shown < _PAUSE and 0 < step < steps:
            return
        self.shown = now
        losses = terms["loss"][0]
        best = int(losses.nan_to_num(nan=math.inf).argmin())
        x = terms["x"][0, :_SHOWN].nan_to_num(nan=0.5).clamp(0, 1)
        strip = (x.permute(2, 0, 3, 1).flatten(1, 2).cpu().numpy() * 255).round().astype(np.uint8)
        self.job.tell(
            {
                "event": "search",
                "crop": crop,
                "crops": crops,
                "step": min(step, steps),
                "steps": steps,
                "loss": _finite(float(losses[best])),
                "best": best,
                "restarts": len(x),
                "pictures": data_url(from_array(strip), "PNG"),
            },
            skippable=True,
        )

    def stage(self, name: str, patch: Patch) -> None:
        self.job.check()
        height, width = patch.mask.shape
        scale = min(1.0, _LONGEST / max(height, width))
        size = max(1, round(width * scale)), max(1, round(height * scale))
        small = cv2.resize(patch.filled, size, interpolation=cv2.INTER_AREA)
        shown = (small.clip(0, 1) * 255).round().astype(np.uint8)
        picture = data_url(from_array(shown), "JPEG", quality=_QUALITY)
        self.job.tell({"event": "stage", "stage": name, "picture": picture}, skippable=True)

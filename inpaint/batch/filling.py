"""One fill of a worker, and a smaller search where memory does not suffice for the usual one."""

from __future__ import annotations

import gc
from typing import TYPE_CHECKING, Any

import numpy as np

from inpaint.batch.options import Options
from inpaint.batch.rows import Row
from inpaint.system import memory

if TYPE_CHECKING:
    from inpaint.images import Picture
    from inpaint.pipeline import Result

# The search of least memory.
LEAN: dict[str, Any] = {"restarts": 1}


def prepare(options: Options, index: int) -> str:
    """Load torch and the prior on one thread, and return the device to fill on.

    Parameters
    ----------
    options : Options
        Of the run.
    index : int
        Of this worker: workers share the GPUs of their machine in turn.

    Raises
    ------
    InpaintError
        If the prior, the device or a stage cannot be used.
    """
    import torch

    from inpaint.devices import resolve
    from inpaint.stages import chain
    from inpaint.zoo import registry

    torch.set_num_threads(1)  # workers are what runs at the same time
    where = resolve(options.device)
    if where.type == "cuda" and where.index is None:
        where = torch.device("cuda", index % torch.cuda.device_count())
    device = str(where)
    name, stages = options.prior, options.stages
    if name == "auto":
        return device
    registry.load_prior(name, device)
    if stages != chain.AUTO:  # refused once, not for every item
        family = str(registry.prior_config(name).get("family", ""))
        chain.able(stages, family=family, prior=name, asked=True)
    return device


def fill(
    picture: Picture,
    hole: np.ndarray,
    options: Options,
    *,
    seed: int,
    device: str,
    opaque: bool,
    alone: str | None,
) -> tuple[Result, str | None]:
    """Fill a hole (H, W) of bool, and return the result and what to note of the way to it.

    Parameters
    ----------
    picture : Picture
        The image.
    hole : ndarray (H, W) of bool
        True inside; not modified.
    options : Options
        Of the run.
    seed : int
        Of this item.
    device : str
        Where the prior is.
    opaque : bool
        Whether the hole becomes opaque: it was marked by alpha.
    alone : str or None
        Why this is a second try, with no other worker beside this one; None: it is the first. If
        memory does not suffice even now, fewer restarts are searched.
    """
    from inpaint.pipeline import complete

    o = options
    keywords: dict[str, Any] = {
        "prior": o.prior,
        "class_name": o.class_name,
        "mode": o.mode,
        "stages": o.stages,
        "faces": o.faces,
        "seed": seed,
        "device": device,
        "opaque": opaque,
    }
    steps: dict[str, Any] = {} if o.steps is None else {"steps": o.steps}
    try:
        note = None if alone is None else f"{alone}; filled alone"
        return complete(picture, hole, search=steps, **keywords), note
    except Exception as error:
        if alone is None or not memory.ran_out(error):
            raise
    _release()  # outside the handler, whose traceback holds on to the arrays
    note = "out of memory even alone; searched with one restart"
    return complete(picture, hole, search={**steps, **LEAN}, **keywords), note


def described(result: Result) -> Row:
    """What was chosen and how well it fits, with one entry for each crop."""
    losses = [
        {"loss": r.loss, "contextual": r.contextual, "perceptual": r.perceptual}
        for r in result.reports
    ]
    return {
        "prior": result.reports[0].prior if result.reports else None,
        "method": [r.method for r in result.reports],
        "faces": [r.face for r in result.reports if r.face],
        "losses": losses,
        "search_seconds": round(result.seconds, 4),
    }


def _release() -> None:
    """Give memory back before trying again."""
    import torch

    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()

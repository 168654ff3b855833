"""Who fills a hole best: asked of known pixels that are hidden for the question.

Thin and scattered holes are an interpolation: the biharmonic equation or Navier-Stokes often wins
there, since a prior sees the picture at its own small size. Blobs belong to the prior. Between
the two, the hole's own shape is moved to where pixels are known, the contenders fill both, and
the smallest error on what was hidden decides.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

import numpy as np

from inpaint import masks
from inpaint.pipeline.classical import baseline

Fill = Callable[[np.ndarray, np.ndarray], np.ndarray]
# A hole this deep is a blob: nothing but a prior has a chance. In pixels of the prior's view,
# or of the picture where that is finer.
THIN = 2.0
THIN_PIXELS = 5.0
# Beyond this many pixels the biharmonic equation takes longer than all the rest together.
BIHARMONIC_LIMIT = 30_000
HIDDEN_SHARE = 0.2
_DIRECTIONS = [(dy, dx) for dy in (-1, 0, 1) for dx in (-1, 0, 1) if dy or dx]


@dataclass(frozen=True)
class Route:
    """Who fills, and why.

    Attributes
    ----------
    method : str
        ``prior``, or the name of a classical method.
    errors : dict
        Mean squared error on the hidden known pixels by contender, images in [0, 1]; empty
        where there was nothing to decide.
    why : str
        One sentence.
    """

    method: str
    errors: dict[str, float] = field(default_factory=dict)
    why: str = ""


def deepest(mask: np.ndarray) -> float:
    """How deep the hole is at its deepest, in pixels; the image's border is no edge of it.

    ``mask`` is (H, W) bool.
    """
    return float(masks.inward(mask).max())


def route(image: np.ndarray, mask: np.ndarray, prior: Fill, *, size: int, seed: int) -> Route:
    """Choose who fills the hole of one crop.

    Parameters
    ----------
    image : ndarray (H, W, 3), float in [0, 1]
        Its values inside the hole are not read.
    mask : ndarray (H, W) of bool
        True = hole.
    prior : callable
        ``prior(image, mask)`` fills with the prior and blends: (H, W, 3).
    size : int
        Side of the prior's view, to which the crop is brought.
    seed : int
        Which known pixels are hidden.
    """
    deep = deepest(mask)
    view = deep * min(1.0, size / max(mask.shape))
    if view > THIN and deep > THIN_PIXELS:
        return Route("prior", why=f"a blob, {deep:.0f} px deep: left to the prior")
    hidden = hide(mask, deep, seed=seed)
    if hidden is None:
        return Route("prior", why="too little is known to compare on: left to the prior")
    both = mask | hidden
    contenders: dict[str, Fill] = {"prior": prior, "ns": partial(classical, "ns")}
    if both.sum() <= BIHARMONIC_LIMIT:
        contenders["biharmonic"] = partial(classical, "biharmonic")
    errors = {
        name: float(np.square(fill(image, both)[hidden] - image[hidden]).mean())
        for name, fill in contenders.items()
    }
    best = min(errors, key=lambda name: errors[name])
    shown = ", ".join(f"{n} {10 * np.log10(1 / max(e, 1e-10)):.1f}" for n, e in errors.items())
    why = f"thin or scattered, {deep:.0f} px deep; PSNR on hidden known pixels: {shown}"
    return Route(best, errors, why)


def classical(name: str, image: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Fill a float image (H, W, 3) in [0, 1] by a classical method, in 8 bits."""
    filled = baseline(name, np.rint(image.clip(0, 1) * 255).astype(np.uint8), mask)
    kept = np.where(mask[..., None], filled.astype(np.float32) / 255, image)
    return np.asarray(kept, np.float32)


def hide(mask: np.ndarray, deep: float, *, seed: int) -> np.ndarray | None:
    """Known pixels to hide, (H, W) of bool: the hole itself, moved aside, in patches.

    Of the eight directions the one that hides most is taken; patches are left out until at most
    ``HIDDEN_SHARE`` of the known pixels are hidden. None where nothing can be hidden.
    """
    known = ~mask
    step = int(2 * deep) + 2
    moved = [_shifted(mask, dy * step, dx * step) & known for dy, dx in _DIRECTIONS]
    hidden = max(moved, key=np.count_nonzero)
    count, allowed = np.count_nonzero(hidden), HIDDEN_SHARE * np.count_nonzero(known)
    if count == 0:
        return None
    if count > allowed:
        cell = max(4, 4 * int(deep))
        shape = tuple(-(-side // cell) for side in mask.shape)
        kept = np.random.default_rng([seed, 5]).random(shape) < allowed / count
        grid = kept.repeat(cell, 0).repeat(cell, 1)[: mask.shape[0], : mask.shape[1]]
        hidden = hidden & grid
    return hidden if hidden.any() else None


def _shifted(mask: np.ndarray, dy: int, dx: int) -> np.ndarray:
    """``mask`` moved by (dy, dx); what enters is False."""
    height, width = mask.shape
    out = np.zeros_like(mask)
    if abs(dy) < height and abs(dx) < width:
        target = slice(max(dy, 0), height + min(dy, 0)), slice(max(dx, 0), width + min(dx, 0))
        source = slice(max(-dy, 0), height - max(dy, 0)), slice(max(-dx, 0), width - max(dx, 0))
        out[target] = mask[source]
    return out

"""Decides which method fills a hole best, by letting all of them fill known pixels.

Thin and scattered holes can be interpolated. The biharmonic equation or Navier-Stokes is often best
there, because a prior sees the picture at its own small size. Large holes are left to the prior.
For the others, the shape of the hole is moved to where pixels are known. All methods fill these
pixels together with the hole, and the smallest error on the known pixels decides.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

import numpy as np

from inpaint import masks
from inpaint.pipeline.classical import baseline

Fill = Callable[[np.ndarray, np.ndarray], np.ndarray]
# A hole that is deeper than both is left to the prior, since no other method is as good. In pixels
# of the prior's view, and of the picture.
THIN = 2.0
THIN_PIXELS = 5.0
# With more pixels than this, the biharmonic equation takes longer than everything else together.
BIHARMONIC_LIMIT = 30_000
HIDDEN_SHARE = 0.2
_DIRECTIONS = [(dy, dx) for dy in (-1, 0, 1) for dx in (-1, 0, 1) if dy or dx]


@dataclass(frozen=True)
class Route:
    """Which method fills, and why.

    Attributes
    ----------
    method : str
        ``prior``, or the name of a classical method.
    errors : dict
        Mean squared error of each method on the hidden known pixels, images in [0, 1]; empty
        where nothing was compared.
    why : str
        One sentence.
    """

    method: str
    errors: dict[str, float] = field(default_factory=dict)
    why: str = ""


def deepest(mask: np.ndarray, hole: np.ndarray) -> float:
    """Return the greatest depth of the hole in pixels; the image's border is no edge of it.

    It is the distance of a pixel of ``hole`` (H, W) bool to the nearest known one, and ``mask``
    (H, W) bool marks all unknown ones, transparent pixels that are not filled among them.
    """
    return float(masks.inward(mask)[hole].max(initial=0))


def route(
    image: np.ndarray,
    mask: np.ndarray,
    prior: Fill,
    *,
    size: int,
    seed: int,
    hole: np.ndarray | None = None,
    aligned: bool = False,
) -> Route:
    """Choose the method that fills the hole of one crop.

    Parameters
    ----------
    image : ndarray (H, W, 3), float in [0, 1]
        Its values inside the hole are not read.
    mask : ndarray (H, W) of bool
        True = unknown, which is not read.
    prior : callable
        ``prior(image, mask)`` fills with the prior and blends: (H, W, 3).
    size : int
        Side of the prior's view, to which the crop is brought.
    seed : int
        Decides which known pixels are hidden.
    hole : ndarray (H, W) of bool, optional
        The unknown pixels that are to be filled, where others are transparent; all by default.
    aligned : bool
        Whether the prior knows pictures that are framed as this one. It is then asked about holes
        of at most ``THIN`` pixels alone: in deeper ones the contest chose no better than that in
        40 faces of 64 pixels, and took a fifth of the time of a fill.
    """
    hole = mask if hole is None else hole
    deep = deepest(mask, hole)
    view = deep * min(1.0, size / max(mask.shape))
    if view > THIN and deep > (THIN if aligned else THIN_PIXELS):
        return Route("prior", why=f"a blob, {deep:.0f} px deep: left to the prior")
    hidden = hide(hole, mask, deep, seed=seed)
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


def hide(hole: np.ndarray, mask: np.ndarray, deep: float, *, seed: int) -> np.ndarray | None:
    """Return the known pixels to hide, (H, W) of bool: the hole itself, moved aside, in patches.

    ``hole`` and ``mask`` as for ``deepest``.
    It is moved in that of eight directions in which it hides most. Patches are left out until at
    most ``HIDDEN_SHARE`` of the known pixels are hidden. None if nothing can be hidden.
    """
    known = ~mask
    step = int(2 * deep) + 2
    moved = [_shifted(hole, dy * step, dx * step) & known for dy, dx in _DIRECTIONS]
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
    """Return ``mask`` moved by (dy, dx); pixels that enter are False."""
    height, width = mask.shape
    out = np.zeros_like(mask)
    if abs(dy) < height and abs(dx) < width:
        target = slice(max(dy, 0), height + min(dy, 0)), slice(max(dx, 0), width + min(dx, 0))
        source = slice(max(-dy, 0), height - max(dy, 0)), slice(max(-dx, 0), width - max(dx, 0))
        out[target] = mask[source]
    return out

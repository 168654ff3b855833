"""Patch attention with hard weights: the fill's structure, in texture copied from the photo itself.

No weights are needed. Every pixel of the hole takes the colour of one known pixel, the one whose
surroundings are most like its own; the fill so far says what belongs where. Use it after a blend.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

from inpaint.stages.patch import Patch
from inpaint.stages.texture.weights import Weights

if TYPE_CHECKING:
    from inpaint.stages.texture.search import Effort

_THIN = 2.0  # holes no deeper than this stay as they are: a smooth fill looks as good there
_DEEPEST, _LARGEST = 8.0, 30_000  # where the search begins: depth of the hole, pixels in all
_SCREEN = 0.05  # how near a seam colours may change: about 4 pixels
_CALM = 0.5  # weight of harmonic interpolation in the smooth colours of the result
_SMALL = 128  # a crop up to this side was seen by the networks before as it is


def apply(
    patch: Patch,
    *,
    weights: Weights = Weights(),  # noqa: B008, frozen
    smooth: float = 1 / 64,
    keep: float = 0.5,
    fade: float = 0.1,
    melt: int = 40,
    effort: Effort | None = None,
) -> Patch:
    """Copy texture from the known part of the picture into the hole, where the fill says what.

    After Wexler et al. 2007 and Newson et al. 2014: from coarse to fine, (1) describe the patches
    of the fill so far, (2) find the nearest known patch of each, (3) let overlapping patches vote
    on the next fill to describe. At last each pixel is copied from the middle of its patch. Places
    are carried up the levels, not pixels, so that texture is never averaged.

    Parameters
    ----------
    patch : Patch
        ``filled`` holds the smooth fill.
    weights : Weights
        What counts beside the pixels when patches are compared.
    smooth : float
        Sigma, in the crop's longer side, below which ``filled`` is not trusted.
    keep : float
        How much of the fill's own smooth part the result takes back; 0 copies colours as well.
    fade : float
        Share of the smooth colours in the result. The copy is sharp and may be at the wrong place;
        a tenth of what is likely takes nothing from its look, and errs less.
    melt : int
        Iterations that take the seams between copies away; 0 leaves them as they are.
    effort : Effort, optional
        How thorough the search is. By default ``THOROUGH``, and ``QUICK`` for a crop of at most
        128 pixels: there the fill so far has structure of the picture's own size.

    Returns
    -------
    Patch
        Unchanged where the hole is thin, or where nothing can be copied from.
    """
    todo = _thick(patch.mask)
    if not todo.any():
        return patch
    # Only now: what is compiled takes a while to load.
    from inpaint.stages.texture import guide
    from inpaint.stages.texture.join import join
    from inpaint.stages.texture.levels import Level, pyramid, sources
    from inpaint.stages.texture.search import QUICK, THOROUGH, affordable, matched

    image = np.ascontiguousarray(patch.filled)
    levels = pyramid(Level(image, todo, patch.mask), _DEEPEST, _LARGEST)
    if not sources(levels[-1].unknown).any():
        return patch
    generator = np.random.default_rng(patch.seed)
    # Levels above this size are not compared, so they need no structure either.
    structure = guide.structure(next((x for x in levels if affordable(x)), levels[-1]), smooth)
    colours = image + np.float32(_CALM) * guide.calmed(levels, patch.mask.shape)
    sigma = max(1.0, smooth * max(patch.mask.shape))

    if effort is None:
        effort = QUICK if max(patch.mask.shape) <= _SMALL else THOROUGH
    places = None
    for level in reversed(levels):
        places = matched(level, structure, places, weights, effort, generator)
    assert places is not None
    filled = join(
        places.within(todo),
        image,
        colours,
        sigma=sigma,
        keep=keep,
        screen=_SCREEN,
        steps=melt,
    )
    filled[todo] += np.float32(fade) * (colours[todo].clip(0, 1) - filled[todo])
    return patch.with_filled(filled)


def _thick(mask: np.ndarray) -> np.ndarray:
    """The mask without those of its pieces that are nowhere deeper than ``_THIN``."""
    near = mask.astype(np.uint8)
    deep = cv2.distanceTransform(near, cv2.DIST_L2, cv2.DIST_MASK_5) > _THIN
    if not deep.any():
        return deep
    count, labels = cv2.connectedComponents(near, connectivity=8)
    thick = np.zeros(count, dtype=bool)
    thick[labels[deep]] = True
    return thick[labels]

"""Patch attention with hard weights: the fill's structure, in texture copied from the photo itself.

No weights are needed. Every pixel of the hole takes the colour of one known pixel, the one whose
surroundings are most like its own; the fill so far says what belongs where. Use it after a blend.
"""

from __future__ import annotations

import cv2
import numpy as np

from inpaint.images.resize import fill_nearest
from inpaint.stages.patch import Patch
from inpaint.stages.poisson import membrane
from inpaint.stages.texture.features import DIMENSIONS, SIDE, Weights, constant, describe, gradients
from inpaint.stages.texture.join import join
from inpaint.stages.texture.levels import Level, Map, pyramid, sources
from inpaint.stages.texture.match import distances, exact, peel, propagate, settle
from inpaint.stages.texture.vote import confidence, likeness, vote

_THIN = 2.0  # holes no deeper than this stay as they are: a smooth fill looks as good there
_DEEPEST, _LARGEST = 8.0, 30_000  # where the search begins: depth of the hole, pixels in all
_PRODUCTS = 4e9  # multiplications an exact search may cost: about 0.2 s on one core
# A level with more hole pixels, or more pixels in all, takes its sources from the one below.
_SEARCHED, _DESCRIBED = 200_000, 4_000_000
_GRID = 512  # of the smooth colours, along the longer side
_CELLS = 64  # of the grid of expected roughness, along the longer side
_KNOWN_SHARE = 0.1  # a cell with less known area than this takes its nearest neighbour's
_BLUR = 1.0  # of that grid, in cells
_SCREEN = 0.05  # how near a seam colours may change: about 4 pixels
_PASSED = 30_000  # hole pixels beyond which a level that is propagated gets fewer passes
_ROUNDS = 2  # of propagation at a level too large for an exact search
_BOND, _SETTLE = 20.0, 24  # how strongly neighbours hold together, and rounds of it
_CALM = 0.5  # share of a membrane in the smooth colours that a copy takes back
_RING = 3  # known pixels around the hole whose patches are looked for too
_REACH = 4  # of the random steps, in pixels
# The second opinion weighs texture and nearness more.
_SECOND = Weights(texture=0.6, structure=0.5, down=0.8, across=0.5)


def apply(
    patch: Patch,
    *,
    weights: Weights = Weights(),  # noqa: B008, frozen
    smooth: float = 1 / 64,
    keep: float = 0.5,
    lean: float = 0.1,
    melt: int = 40,
    passes: int = 6,
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
    lean : float
        Share of a second opinion: a coarser search with other weights. Where both agree nothing
        changes; where they do not, the truth is as likely between them.
    melt : int
        Iterations that take the seams between copies away; 0 leaves them as they are.
    passes : int
        How often (1) to (3) are repeated at each level.

    Returns
    -------
    Patch
        Unchanged where the hole is thin, or where nothing can be copied from.
    """
    todo = _thick(patch.mask)
    if not todo.any():
        return patch
    levels = pyramid(Level(patch.filled, todo, patch.mask), _DEEPEST, _LARGEST)
    if not sources(levels[-1].unknown).any():
        return patch
    generator = np.random.default_rng(patch.seed)
    # Levels above this size are not compared, so they need no structure either.
    structure = _structure(next((x for x in levels if _affordable(x)), levels[-1]), smooth)
    colours = patch.filled + np.float32(_CALM) * _calmed(levels, patch.mask.shape)
    sigma = max(1.0, smooth * max(patch.mask.shape))

    def copied(chosen: Weights, *, exactly: bool) -> np.ndarray:
        places = None
        for level in reversed(levels):
            places = _matched(level, structure, places, chosen, passes, generator, exactly)
        assert places is not None
        return join(
            places.within(todo),
            patch.filled,
            colours,
            sigma=sigma,
            keep=keep,
            screen=_SCREEN,
            steps=melt,
        )

    filled = copied(weights, exactly=False)
    if lean:
        filled += np.float32(lean) * (copied(_SECOND, exactly=True) - filled)
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


def _grown(mask: np.ndarray, px: int) -> np.ndarray:
    square = np.ones((2 * px + 1, 2 * px + 1), dtype=np.uint8)
    grown: np.ndarray = cv2.dilate(mask.astype(np.uint8), square) > 0
    return grown


def _affordable(level: Level) -> bool:
    return bool(np.count_nonzero(level.todo) <= _SEARCHED) and level.todo.size <= _DESCRIBED


def _calmed(levels: list[Level], shape: tuple[int, ...]) -> np.ndarray:
    """By how much a membrane over the hole differs from the fill: (h, w, 3), 0 outside.

    It knows no structure, and in flat places it is nearer the truth than any guess.
    """
    level = next((x for x in levels if max(x.todo.shape) <= _GRID), levels[-1])
    change = np.zeros_like(level.image)
    change[level.todo] = membrane(level.image, level.todo) - level.image[level.todo]
    return _resized(change, shape)


def _structure(level: Level, smooth: float) -> np.ndarray:
    """What belongs where: blurred colour, expected roughness; (h, w, 5) float32, a small grid.

    A cell of the roughness, mean absolute gradients across and down, is the mean over its known
    pixels; one without any takes its nearest neighbour's.
    """
    image, _, unknown = level
    # A gradient needs the pixels around it, so those beside the hole are not known either.
    near = np.ones((SIDE + 2, SIDE + 2), dtype=np.uint8)
    known = cv2.erode((~unknown).astype(np.float32), near)
    share = _shrunk(known, _CELLS)
    total = _shrunk(gradients(image) * known[..., None], _CELLS)
    cells: np.ndarray = total / np.maximum(share, np.float32(1e-6))[..., None]
    cells = cv2.GaussianBlur(fill_nearest(cells, share < _KNOWN_SHARE), (0, 0), _BLUR)
    colour = _shrunk(image, _GRID)
    colour = cv2.GaussianBlur(colour, (0, 0), max(1.0, smooth * max(colour.shape)))
    return np.dstack([colour, _resized(cells, colour.shape)])


def _shrunk(a: np.ndarray, longer: int) -> np.ndarray:
    """Area means on a grid whose longer side is at most ``longer``."""
    scale = min(1.0, longer / max(a.shape))
    size = max(1, round(a.shape[1] * scale)), max(1, round(a.shape[0] * scale))
    small: np.ndarray = cv2.resize(a, size, interpolation=cv2.INTER_AREA)
    return small


def _resized(a: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Bilinear: for maps too smooth to alias."""
    resized: np.ndarray = cv2.resize(a, shape[1::-1], interpolation=cv2.INTER_LINEAR)
    return resized


def _matched(
    level: Level,
    structure: np.ndarray,
    places: Map | None,
    weights: Weights,
    passes: int,
    generator: np.random.Generator,
    exactly: bool,
) -> Map:
    """Steps (1) to (3) at one level; ``places`` are those of the level below, None at the first.

    ``exactly``: not where the search cannot be exact; the level's places are then carried only.
    """
    image, todo, unknown = level
    wide = _grown(todo, _RING)
    found = Map(wide) if places is None else places.carried(wide)
    if places is not None and not _affordable(level):
        return found
    valid = sources(unknown)
    rows, columns = (c.astype(np.int32) for c in np.nonzero(valid))
    small = len(found.y) * len(rows) * DIMENSIONS <= _PRODUCTS
    if places is not None and exactly and not small:
        return found
    fixed = constant(_resized(structure, todo.shape), weights)
    texture = gradients(image)
    known = describe(image, texture, fixed, weights)
    if places is None:
        inner = Map(todo)
        peel(image, fixed, inner, (rows, columns))
        shown = inner.composed(image)
        first = describe(shown, gradients(shown), fixed, weights)
        exact(first[found.y, found.x], known, found, (rows, columns))
    trust = share = confidence(found, todo)
    if not small:
        passes = max(2, min(passes, passes * _PASSED // len(found.y)))
    for _ in range(passes):
        target = _targets(found, todo, share, image, texture, fixed, weights)
        if small:
            exact(target, known, found, (rows, columns))
        else:
            propagate(target, known, found, valid, generator, rounds=_ROUNDS, reach=_REACH)
        settle(target, known, found, valid, bond=_BOND, rounds=_SETTLE)
        share = trust * likeness(distances(target, known, found))
    return found


def _targets(
    found: Map,
    todo: np.ndarray,
    share: np.ndarray,
    image: np.ndarray,
    texture: np.ndarray,
    fixed: np.ndarray,
    weights: Weights,
) -> np.ndarray:
    """Descriptions of the votes at the hole's pixels, (n, D), from the box around them alone."""
    h = len(image)
    top, left = (max(int(c.min()) - SIDE, 0) for c in (found.y, found.x))
    box = slice(top, min(int(found.y.max()) + SIDE, h)), slice(left, int(found.x.max()) + SIDE)
    inside = found.y - top, found.x - left
    colours, rough = image[box].copy(), texture[box].copy()
    voted = vote(np.dstack([image, texture]), found, share)
    hole = todo[found.y, found.x]  # around it the picture is known, and so are its colours
    colours[found.y[hole] - top, found.x[hole] - left] = voted[hole, :3]
    rough[inside] = voted[:, 3:]
    described: np.ndarray = describe(colours, rough, fixed[box], weights)[inside]
    return described

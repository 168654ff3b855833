"""Makes one copy of the picture's texture: finds, from coarse to fine, a source for each pixel."""

from __future__ import annotations

from typing import NamedTuple

import cv2
import numpy as np

from inpaint.stages.texture.features import (
    DIMENSIONS,
    SIDE,
    constant,
    describe,
    describe_at,
    gradients,
)
from inpaint.stages.texture.guide import resized
from inpaint.stages.texture.levels import Level, Map, sources
from inpaint.stages.texture.match import Exact, Known, distances, propagate, settle
from inpaint.stages.texture.peel import peel
from inpaint.stages.texture.vote import confidence, likeness, vote
from inpaint.stages.texture.weights import Weights

# Hole pixels x sources x dimensions up to which the k-d tree searches; above, PatchMatch does.
_PRODUCTS = 4e9
# A level with more hole pixels, or more pixels in all, takes its sources from the one below.
_SEARCHED, _DESCRIBED = 200_000, 4_000_000
_PASSED = 30_000  # with more hole pixels, a level that PatchMatch searches gets fewer passes
_ROUNDS = 2  # rounds of PatchMatch at a level that is too large for the k-d tree
_BOND, _SETTLE = 20.0, 24  # how strongly neighbours stay together, and how many rounds make them
_RING = 3  # width of the ring of known pixels around the hole whose patches are searched too
_REACH = 4  # the longest random step of PatchMatch, in pixels


class Effort(NamedTuple):
    """How thorough a search is.

    Attributes
    ----------
    passes : int
        How often each level makes descriptions, nearest patches and votes.
    slack : float
        How exact the nearest patches are: see ``nearest``.
    peeled : int
        About how many sources the first fill uses, if there are more.
    """

    passes: int
    slack: float
    peeled: int


THOROUGH, QUICK = Effort(6, 0.5, 1000), Effort(2, 0.3, 500)


def affordable(level: Level) -> bool:
    """Return whether the patches of a level are compared at all."""
    return bool(np.count_nonzero(level.todo) <= _SEARCHED) and level.todo.size <= _DESCRIBED


def matched(
    level: Level,
    structure: np.ndarray,
    places: Map | None,
    weights: Weights,
    effort: Effort,
    generator: np.random.Generator,
) -> Map:
    """Steps (1) to (3) at one level; ``places`` are those of the level below, None at the first.

    ``structure`` (h, w, 5), of any size, is the smooth fill and the roughness expected there.
    """
    image, todo, unknown = level
    wide = _grown(todo, _RING)
    found = Map(wide) if places is None else places.carried(wide)
    if places is not None and not affordable(level):
        return found
    valid = sources(unknown)
    small = len(found.y) * np.count_nonzero(valid) * DIMENSIONS <= _PRODUCTS
    fixed = constant(resized(structure, todo.shape), weights)
    texture = gradients(image)
    known = Known(describe(image, texture, fixed, weights), valid)
    seen = np.dstack([image, texture])
    if places is None:
        inner = Map(todo)
        peel(image, fixed, inner, _thinned(known.allowed, effort.peeled))
        shown = inner.composed(image)
        first = describe_at(shown, gradients(shown), fixed, weights, (found.y, found.x))
        Exact(known)(first, found)
    trust = share = confidence(found, todo)
    exact = Exact(known, slack=effort.slack)
    passes = effort.passes
    if not small:
        passes = max(2, min(passes, passes * _PASSED // len(found.y)))
    for _ in range(passes):
        target = _targets(found, todo, share, seen, fixed, weights)
        if small:
            d = exact(target, found)
            settle(target, known, found, bond=_BOND, rounds=_SETTLE, d=d)
        else:
            propagate(target, known, found, generator, rounds=_ROUNDS, reach=_REACH)
            settle(target, known, found, bond=_BOND, rounds=_SETTLE)
            d = distances(target, known, found)
        share = trust * likeness(d)
    return found


def _targets(
    found: Map,
    todo: np.ndarray,
    share: np.ndarray,
    seen: np.ndarray,
    fixed: np.ndarray,
    weights: Weights,
) -> np.ndarray:
    """Return descriptions (n, D) of the votes at the hole's pixels, made in the box around them."""
    h = len(seen)
    top, left = (max(int(c.min()) - SIDE, 0) for c in (found.y, found.x))
    box = slice(top, min(int(found.y.max()) + SIDE, h)), slice(left, int(found.x.max()) + SIDE)
    inside = found.y - top, found.x - left
    colours, rough = seen[box][..., :3].copy(), seen[box][..., 3:].copy()
    voted = vote(seen, found, share)
    hole = todo[found.y, found.x]  # around it the picture is known, and so are its colours
    colours[found.y[hole] - top, found.x[hole] - left] = voted[hole, :3]
    rough[inside] = voted[:, 3:]
    return describe_at(colours, rough, fixed[box], weights, inside)


def _thinned(allowed: tuple[np.ndarray, np.ndarray], count: int) -> tuple[np.ndarray, np.ndarray]:
    """Keep about ``count`` of the pixels, on a grid, if there are more."""
    step = max(1, round((len(allowed[0]) / count) ** 0.5))
    kept = (allowed[0] % step == 0) & (allowed[1] % step == 0)
    return (allowed[0][kept], allowed[1][kept]) if kept.any() else allowed


def _grown(mask: np.ndarray, px: int) -> np.ndarray:
    square = np.ones((2 * px + 1, 2 * px + 1), dtype=np.uint8)
    grown: np.ndarray = cv2.dilate(mask.astype(np.uint8), square) > 0
    return grown

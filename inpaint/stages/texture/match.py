"""Where the patch most like another is: exactly, by propagation, or layer by layer."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from inpaint.stages.texture.features import RADIUS, SIDE, UNIT, opponent
from inpaint.stages.texture.levels import Map

_ROWS = 256  # targets a product: bounds the memory to that many times the sources
_SIDES = ((0, 1), (0, -1), (1, 0), (-1, 0))
_NEVER = np.float32(3e7)  # above any distance of two descriptions


def exact(
    target: np.ndarray, known: np.ndarray, places: Map, allowed: tuple[np.ndarray, np.ndarray]
) -> None:
    """Set each hole pixel's source to the allowed pixel with the nearest description.

    argmin_q |f_p - f_q|² = argmin_q |f_q|²/2 - f_p · f_q: one product of matrices of whole
    numbers, exact in float32. Of equal ones the first in row-major order wins.

    Parameters
    ----------
    target : ndarray (n, D) of int16
        Descriptions of the fill at the hole's pixels.
    known : ndarray (h, w, D) of int16
        Descriptions of the known picture.
    places : Map
        Changed in place.
    allowed : (rows, columns)
        The sources to choose from.
    """
    f = known[allowed].astype(np.float32)
    half = np.einsum("ij,ij->i", f, f) / 2
    f = np.ascontiguousarray(f.T)
    for start in range(0, len(places.y), _ROWS):
        part = slice(start, start + _ROWS)
        d = half - target[part].astype(np.float32) @ f
        nearest = d.argmin(1)
        places.row[part] = allowed[0][nearest]
        places.column[part] = allowed[1][nearest]


def distances(target: np.ndarray, known: np.ndarray, places: Map) -> np.ndarray:
    """Return |f_p - f_q|² of each hole pixel and its source: (n,) float32, exact."""
    return _apart(known[places.row, places.column], target)


def _apart(f: np.ndarray, g: np.ndarray) -> np.ndarray:
    """|f_i - g_i|² of descriptions (n, D): (n,) float32."""
    step = (f - g).astype(np.float32)
    squared: np.ndarray = np.einsum("ij,ij->i", step, step)
    return squared


def propagate(
    target: np.ndarray,
    known: np.ndarray,
    places: Map,
    valid: np.ndarray,
    generator: np.random.Generator,
    *,
    rounds: int,
    reach: int,
) -> None:
    """Improve sources by those of neighbours and by random ones near the present ones.

    PatchMatch (Barnes et al. 2009) with all pixels at once: a round tries the shift of each of
    the four neighbours, then random steps of up to ``reach``, ``reach`` / 2 ... 1 pixels.

    Parameters
    ----------
    target : ndarray (n, D) of int16
        Descriptions of the fill at the hole's pixels.
    known : ndarray (h, w, D) of int16
        Descriptions of the known picture.
    places : Map
        Changed in place.
    valid : ndarray (h, w) of bool
        Where a source may be.
    generator : numpy Generator
        For the random steps.
    rounds, reach : int
        How often, and how far at first.
    """
    h, w = valid.shape
    best = distances(target, known, places)
    best[~valid[places.row, places.column]] = _NEVER

    def trial(row: np.ndarray, column: np.ndarray, at: np.ndarray) -> None:
        inside = (row >= 0) & (row < h) & (column >= 0) & (column < w)
        inside &= (row != places.row[at]) | (column != places.column[at])
        row, column, at = row[inside], column[inside], at[inside]
        ok = valid[row, column]
        row, column, at = row[ok], column[ok], at[ok]
        d = _apart(known[row, column], target[at])
        won = d < best[at]
        at = at[won]
        places.row[at], places.column[at], best[at] = row[won], column[won], d[won]

    everyone = np.arange(len(places.y))
    for _ in range(rounds):
        for down, across in _SIDES:
            y, x = places.y + down, places.x + across
            inside = (y >= 0) & (y < h) & (x >= 0) & (x < w)
            neighbour = places.index[y[inside], x[inside]]
            at = everyone[inside][neighbour >= 0]
            neighbour = neighbour[neighbour >= 0]
            trial(places.row[neighbour] - down, places.column[neighbour] - across, at)
        step = reach
        while step >= 1:
            move = generator.integers(-step, step + 1, (2, len(everyone)), dtype=np.int32)
            trial(places.row + move[0], places.column + move[1], everyone)
            step //= 2


def settle(
    target: np.ndarray,
    known: np.ndarray,
    places: Map,
    valid: np.ndarray,
    *,
    bond: float,
    rounds: int,
) -> None:
    """Let pixels take a neighbour's shift where that costs little: fewer, larger pieces.

    A pixel with shift s, of whose eight neighbours a share a(s) has the same one, minimises
    d(s) (1 + ``bond`` (1 - a(s))) over its own shift and those of its four neighbours, all pixels
    at once.

    Parameters
    ----------
    target : ndarray (n, D) of int16
        Descriptions of the fill at the hole's pixels.
    known : ndarray (h, w, D) of int16
        Descriptions of the known picture.
    places : Map
        Changed in place.
    valid : ndarray (h, w) of bool
        Where a source may be.
    bond : float
        How much dearer a shift is that no neighbour shares.
    rounds : int
        How often.
    """
    h, w = valid.shape
    y, x = places.y, places.x
    around = np.stack(
        [
            np.pad(places.index, 1, constant_values=-1)[1 + i + y, 1 + j + x]
            for i, j in (*_SIDES, (-1, -1), (-1, 1), (1, -1), (1, 1))
        ]
    )

    def score(down: np.ndarray, across: np.ndarray, at: np.ndarray) -> np.ndarray:
        near = around[:, at]
        same = (near >= 0) & (shift[0][near] == down) & (shift[1][near] == across)
        d = _apart(known[y[at] + down, x[at] + across], target[at])
        return d * (1 + np.float32(bond / 8) * (8 - same.sum(0, dtype=np.float32)))

    everyone = np.arange(len(y))
    for _ in range(rounds):
        shift = places.row - y, places.column - x
        best = score(*shift, everyone)
        best[~valid[places.row, places.column]] = np.inf
        for near in around[: len(_SIDES)]:
            down, across = shift[0][near], shift[1][near]
            row, column = y + down, x + across
            inside = (near >= 0) & (row >= 0) & (row < h) & (column >= 0) & (column < w)
            inside &= (down != shift[0]) | (across != shift[1])
            at = np.flatnonzero(inside)
            at = at[valid[row[at], column[at]]]
            offer = score(down[at], across[at], at)
            won = offer < best[at]
            at = at[won]
            best[at] = offer[won]
            places.row[at], places.column[at] = row[at], column[at]


def peel(
    image: np.ndarray, fixed: np.ndarray, places: Map, allowed: tuple[np.ndarray, np.ndarray]
) -> None:
    """Fill the hole from its edge inward, each layer from what is known or filled by then.

    A pixel p of the outermost layer takes the source q that minimises, over the part K of its
    patch that is known by then, Σ_{o in K} |I(p + o) - I(q + o)|² + |c_p - c_q|². Whole numbers
    in float64: exact.

    Parameters
    ----------
    image : ndarray (h, w, 3)
        RGB in [0, 1]; not read inside the hole.
    fixed : ndarray (h, w, 7)
        The constant part c of the descriptions.
    places : Map
        Changed in place.
    allowed : (rows, columns)
        The sources to choose from.
    """
    colours = np.rint(opponent(image) * np.float32(UNIT))
    c = np.rint(fixed * np.float32(UNIT)).astype(np.float64)
    known = places.index < 0
    source = _windows(colours, allowed)
    squared, c_source = np.square(source).T, c[allowed]
    near = np.ones((3, 3), dtype=np.uint8)
    while not known.all():
        layer = ~known & (cv2.dilate(known.astype(np.uint8), near) > 0)
        where = np.nonzero(layer)
        nearest = np.concatenate(
            [_nearest(part, colours, known, c, source, squared, c_source) for part in _parts(where)]
        )
        row, column = allowed[0][nearest], allowed[1][nearest]
        colours[where] = colours[row, column]
        at = places.index[where]
        places.row[at], places.column[at] = row, column
        known |= layer


def _parts(where: tuple[np.ndarray, ...]) -> list[tuple[np.ndarray, ...]]:
    starts = range(0, len(where[0]), _ROWS)
    return [tuple(c[start : start + _ROWS] for c in where) for start in starts]


def _nearest(
    where: tuple[np.ndarray, ...],
    colours: np.ndarray,
    known: np.ndarray,
    c: np.ndarray,
    source: np.ndarray,
    squared: np.ndarray,
    c_source: np.ndarray,
) -> np.ndarray:
    """The argmin of `peel` for some pixels of a layer."""
    weight = np.tile(_windows(known[..., None], where), (1, 3))
    d = weight @ squared - 2 * (weight * _windows(colours, where)) @ source.T
    d += np.square(c_source).sum(1) - 2 * c[where] @ c_source.T
    nearest: np.ndarray = d.argmin(1)
    return nearest


def _windows(a: np.ndarray, where: tuple[np.ndarray, ...]) -> np.ndarray:
    """Patches around pixels, zero beyond the border: (n, C * SIDE²) float64, channel by channel."""
    padded = np.pad(a, ((RADIUS, RADIUS), (RADIUS, RADIUS), (0, 0)))
    windows = sliding_window_view(padded, (SIDE, SIDE), axis=(0, 1))[where]
    return windows.reshape(len(where[0]), -1).astype(np.float64)

"""Finds for each patch the one most like it, and lets neighbours agree on larger pieces."""

from __future__ import annotations

from functools import cached_property
from typing import Any

import numpy as np

from inpaint.kernels import Flag1, Flag2, Int1, Int2, Int3, Long1, Short2, Short3, inner, kernel
from inpaint.stages.texture.levels import Map
from inpaint.stages.texture.nearest import NEVER, Tree, apart, nearest, tree

_ONE_DOWN = 2**32  # of a shift as one number: more than any step across
_NOWHERE = 2**62  # no shift
_AROUND = np.array(((0, 1), (0, -1), (1, 0), (-1, 0), (-1, -1), (-1, 1), (1, -1), (1, 1)))


class Known:
    """The known picture at one level, described.

    Attributes
    ----------
    f : ndarray (h, w, D) of int16
        Descriptions.
    valid : ndarray (h, w) of bool
        Where a source may be.
    """

    def __init__(self, f: np.ndarray, valid: np.ndarray) -> None:
        self.f, self.valid = f, valid

    @cached_property
    def allowed(self) -> tuple[np.ndarray, np.ndarray]:
        """Rows and columns of where a source may be, row-major, (m,) int32."""
        rows, columns = np.nonzero(self.valid)
        return rows.astype(np.int32), columns.astype(np.int32)

    @cached_property
    def tree(self) -> Tree:
        """Descriptions of ``allowed``, for an exact search."""
        return tree(self.f[self.allowed])


class Exact:
    """The search of one level for the nearest descriptions, which remembers its answers.

    The descriptions of the fill change little from one pass to the next, and where one has not
    changed, neither has its answer.

    Parameters
    ----------
    known : Known
        Where sources are.
    slack : float
        See ``nearest``.
    """

    def __init__(self, known: Known, *, slack: float = 1.0) -> None:
        self.known, self.slack = known, slack
        self._target: np.ndarray | None = None
        self._row = self._column = self._d = np.empty(0, dtype=np.int32)

    def __call__(self, target: np.ndarray, places: Map) -> np.ndarray:
        """Set each hole pixel's source to the allowed pixel with the nearest description.

        Of equal ones the first in row-major order wins; with a ``slack`` below 1 the source of
        before stays where nothing nearer is seen.

        Parameters
        ----------
        target : ndarray (n, D) of int16
            Descriptions of the fill at the hole's pixels, which are the same at each call.
        places : Map
            Changed in place.

        Returns
        -------
        ndarray (n,) of int32
            |f_p - f_q|² of each hole pixel and its source.
        """
        new = np.arange(len(target))
        if self._target is None:
            self._row, self._column, self._d = (np.empty(len(new), np.int32) for _ in range(3))
        else:
            new = np.flatnonzero((target != self._target).any(1))
        part = np.ascontiguousarray(target[new])
        d = _measured(part, self.known, places.row[new], places.column[new])
        found = nearest(part, self.known.tree, d, slack=self.slack)
        nearer = found < len(self.known.allowed[0])
        at = new[nearer]
        rows, columns = self.known.allowed
        places.row[at], places.column[at] = rows[found[nearer]], columns[found[nearer]]
        self._target = target
        self._row[new], self._column[new], self._d[new] = places.row[new], places.column[new], d
        places.row[:], places.column[:] = self._row, self._column
        return self._d.copy()


def distances(target: np.ndarray, known: Known, places: Map) -> np.ndarray:
    """Return |f_p - f_q|² of each hole pixel and its source: (n,) float32."""
    anywhere = np.ones_like(known.valid)
    out = np.empty(len(target), dtype=np.int32)
    _measure(target, known.f, places.row, places.column, anywhere, out)
    return out.astype(np.float32)


def _measured(target: np.ndarray, known: Known, row: np.ndarray, column: np.ndarray) -> np.ndarray:
    """Distances (n,) int32 of sources; NEVER where one is not valid."""
    out = np.empty(len(target), dtype=np.int32)
    _measure(target, known.f, row, column, known.valid, out)
    return out


@kernel
def _measure(
    target: Short2, known: Short3, row: Int1, column: Int1, valid: Flag2, out: Int1
) -> None:
    for p in range(len(target)):
        out[p] = NEVER
        if valid[row[p], column[p]]:
            out[p] = apart(known[row[p], column[p]], target[p])


def propagate(
    target: np.ndarray,
    known: Known,
    places: Map,
    generator: np.random.Generator,
    *,
    rounds: int,
    reach: int,
) -> None:
    """Improve sources by those of neighbours and by random ones near the present ones.

    PatchMatch (Barnes et al. 2009): a round goes through the hole row by row, every second round
    backwards, and tries at each pixel the shifts of the two neighbours it comes from, then random
    steps of up to ``reach``, ``reach`` / 2 ... 1 pixels.

    Parameters
    ----------
    target : ndarray (n, D) of int16
        Descriptions of the fill at the hole's pixels.
    known : Known
        Where sources are.
    places : Map
        Changed in place.
    generator : numpy Generator
        For the random steps.
    rounds, reach : int
        How often, and how far at first.
    """
    reaches = [reach >> i for i in range(reach.bit_length())]
    shape = len(places.y), len(reaches), 2
    best = _measured(target, known, places.row, places.column)
    for i in range(rounds):
        steps = np.empty(shape, dtype=np.int32)
        for k, step in enumerate(reaches):
            steps[:, k] = generator.integers(-step, step + 1, (shape[0], 2), dtype=np.int32)
        _propagate(
            target,
            known.f,
            places.y,
            places.x,
            places.row,
            places.column,
            places.index,
            known.valid,
            best,
            steps,
            i % 2 == 1,
        )


@kernel
def _propagate(
    target: Short2,
    known: Short3,
    y: Int1,
    x: Int1,
    row: Int1,
    column: Int1,
    index: Int2,
    valid: Flag2,
    best: Int1,
    steps: Int3,
    backwards: int,
) -> None:
    """One round; ``best`` (n,) int32 are the distances so far."""
    h, w = valid.shape
    n = len(y)
    side = 1 if backwards else -1
    for i in range(n):
        p = n - 1 - i if backwards else i
        for k in range(2 + steps.shape[1]):
            if k < 2:
                a = y[p] + (side if k == 0 else 0)
                b = x[p] + (side if k == 1 else 0)
                if a < 0 or a >= h or b < 0 or b >= w or index[a, b] < 0:
                    continue
                q = index[a, b]
                r, c = row[q] + y[p] - a, column[q] + x[p] - b
            else:
                r, c = row[p] + steps[p, k - 2, 0], column[p] + steps[p, k - 2, 1]
            if r < 0 or r >= h or c < 0 or c >= w or not valid[r, c]:
                continue
            if r == row[p] and c == column[p]:
                continue
            d = apart(known[r, c], target[p])
            if d < best[p]:
                best[p], row[p], column[p] = d, r, c


def settle(
    target: np.ndarray,
    known: Known,
    places: Map,
    *,
    bond: float,
    rounds: int,
    d: np.ndarray | None = None,
) -> np.ndarray:
    """Let pixels take a neighbour's shift where that costs little: fewer, larger pieces.

    A pixel with shift s, of whose eight neighbours a share a(s) has the same one, minimises
    d(s) (1 + ``bond`` (1 - a(s))) over its own shift and those of its four neighbours, all pixels
    at once. A pixel around which nothing changed has nothing to decide.

    Parameters
    ----------
    target : ndarray (n, D) of int16
        Descriptions of the fill at the hole's pixels.
    known : Known
        Where sources are.
    places : Map
        Changed in place.
    bond : float
        How much dearer a shift is that no neighbour shares.
    rounds : int
        How often.
    d : ndarray (n,) of int32, optional
        The distances of the sources, where they are known already. Changed in place.

    Returns
    -------
    ndarray (n,) of int32
        The distances of the new sources.
    """
    n = len(places.y)
    # For each pixel: its shift, its distance, its eight neighbours, whether it must decide.
    shift = np.empty(n, dtype=np.int64)
    d = _measured(target, known, places.row, places.column) if d is None else d
    around, todo = np.empty((n, 8), dtype=np.int32), np.ones(n, dtype=np.bool_)
    near, changed = np.empty(8, dtype=np.int64), np.empty(n, dtype=np.int32)
    at = places.y, places.x, places.row, places.column, places.index
    work = shift, d, around, todo, near, changed, np.empty_like(shift)
    _settle(target, known.f, *at, known.valid, bond / 8, rounds, *work)
    return d


@kernel
def _settle(
    target: Short2,
    known: Short3,
    y: Int1,
    x: Int1,
    row: Int1,
    column: Int1,
    index: Int2,
    valid: Flag2,
    bond: float,
    rounds: int,
    shift: Long1,
    d: Int1,
    around: Int2,
    todo: Flag1,
    near: Long1,
    changed: Int1,
    taken: Long1,
) -> None:
    h, w = valid.shape
    n = len(y)
    for p in range(n):
        shift[p] = _shift(row[p] - y[p], column[p] - x[p])
        for k in range(8):
            a, b = y[p] + _AROUND[k, 0], x[p] + _AROUND[k, 1]
            around[p, k] = -1
            if 0 <= a < h and 0 <= b < w:
                around[p, k] = index[a, b]
    for _ in range(rounds):
        count = 0
        for p in range(n):
            if not todo[p]:
                continue
            todo[p] = 0
            same = 0
            for k in range(8):
                q = around[p, k]
                near[k] = shift[q] if q >= 0 else _NOWHERE
                same += near[k] == shift[p]
            if same == 8:
                continue
            best, kept = np.float32(d[p]) * (np.float32(1) + bond * np.float32(8 - same)), -1
            for k in range(4):
                q = around[p, k]
                if q < 0 or near[k] == shift[p] or (kept >= 0 and near[k] == shift[kept]):
                    continue
                r, c = _place(near[k], y[p], x[p])
                if r < 0 or r >= h or c < 0 or c >= w or not valid[r, c]:
                    continue
                same = 0
                for j in range(8):
                    same += near[j] == near[k]
                distance = apart(known[r, c], target[p])
                offer = np.float32(distance) * (np.float32(1) + bond * np.float32(8 - same))
                if offer < best:
                    best, kept, d[p] = offer, q, distance
            if kept >= 0:
                changed[count], taken[count] = p, shift[kept]
                count += 1
        if count == 0:
            return
        for i in range(count):
            p = changed[i]
            shift[p], todo[p] = taken[i], 1
            row[p], column[p] = _place(taken[i], y[p], x[p])
            for k in range(8):
                if around[p, k] >= 0:
                    todo[around[p, k]] = 1


@inner
def _shift(down: int, across: int) -> Any:
    """Both steps in one number."""
    return np.int64(down) * _ONE_DOWN + np.int64(across)


@inner
def _place(shift: int, y: int, x: int) -> Any:
    """Row and column that a shift leads to."""
    down = (shift + _ONE_DOWN // 2) // _ONE_DOWN
    return y + down, x + shift - down * _ONE_DOWN

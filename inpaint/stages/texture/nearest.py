"""Finds the exact nearest of many descriptions without comparing with all of them.

Descriptions are halved again and again at the median of the coefficient that differs most (a k-d
tree: Friedman, Bentley and Finkel 1977). A part of the tree is searched only where its box, the
least and greatest value of each coefficient, is not farther away than the best found by then.
Coefficients are whole numbers, so that distances are exact and the result does not depend on the
order of the search.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from inpaint.kernels import Int1, Short1, Short2, inner, kernel

_LEAF = 16  # at most so many descriptions are compared one by one
NEVER = 2**31 - 1  # above any distance of two descriptions
_DEEP = 64  # deeper than any tree can be


class Tree(NamedTuple):
    """Descriptions in the order of their leaves.

    f : (m, WIDTH) int16, the descriptions.
    order : (m,) int32, the place of each among the descriptions as they were given.
    low, high : (2 · leaves, WIDTH) int16, the boxes; node i has the halves 2i and 2i + 1, 1 is all.
    """

    f: np.ndarray
    order: np.ndarray
    low: np.ndarray
    high: np.ndarray


def tree(f: np.ndarray) -> Tree:
    """Build the tree of descriptions (m, D) int16, m at least 1."""
    order = np.arange(len(f), dtype=np.int32)
    leaves = 1
    while leaves * _LEAF < len(f):
        leaves *= 2
    low = np.empty((2 * leaves, f.shape[1]), dtype=np.int16)
    high = np.empty_like(low)
    _halve(f, order, low, high, np.empty(len(f), dtype=np.int16))
    return Tree(f[order], order, low, high)


def nearest(
    target: np.ndarray, known: Tree, bound: np.ndarray, *, slack: float = 1.0
) -> np.ndarray:
    """Return argmin_q |f_p - f_q|² of each target p, the first of equal ones: (n,) int32.

    Parameters
    ----------
    target : ndarray (n, D) of int16
        What to look for.
    known : Tree
        Where to look.
    bound : ndarray (n,) of int32
        For each target a distance that one of the known has, the smaller the faster; ``NEVER``
        where none was looked at. Changed in place: the distance of what was found.
    slack : float
        Below 1, a part of the tree is left out where its box is not nearer than ``slack`` times
        the best found by then. What is found may then be up to 1 / ``slack`` times as far as the
        nearest, and is m, the number of the known, where nothing nearer than ``bound`` was seen.
    """
    found = np.empty(len(target), dtype=np.int32)
    waiting = np.empty((2, _DEEP), dtype=np.int32)
    _search(target, *known, bound, slack, waiting[0], waiting[1], found)
    return found


@inner
def apart(f: Short1, g: Short1) -> Any:
    """Return |f - g|² of two descriptions (WIDTH,) int16.

    A loop whose end is known only when it runs, in widths that fit: so it is made of the
    processor's own sums of products.
    """
    total = np.int32(0)
    for k in range(len(f)):
        step = np.int16(f[k] - g[k])
        total = np.int32(total + np.int32(np.int32(step) * np.int32(step)))
    return total


@inner
def _outside(f: Short1, low: Short1, high: Short1) -> Any:
    """Return the squared distance of a description from a box."""
    total = np.int32(0)
    for k in range(len(f)):
        below = np.int16(low[k] - f[k])
        above = np.int16(f[k] - high[k])
        step = max(max(below, above), np.int16(0))
        total = np.int32(total + np.int32(np.int32(step) * np.int32(step)))
    return total


@kernel
def _halve(f: Short2, order: Int1, low: Short2, high: Short2, keys: Short1) -> None:
    """Sort ``order`` into leaves and fill in the boxes; ``keys`` (m,) is room to work in."""
    m, width = f.shape
    leaves = len(low) // 2
    level, nodes = 0, 1
    while nodes <= leaves:
        for i in range(nodes):
            start, stop = (i * m) >> level, ((i + 1) * m) >> level
            node = nodes + i
            for k in range(width):
                low[node, k] = 32767
                high[node, k] = -32768
            for j in range(start, stop):
                g = f[order[j]]
                for k in range(width):
                    low[node, k] = min(low[node, k], g[k])
                    high[node, k] = max(high[node, k], g[k])
            if nodes == leaves:
                continue
            widest = 0
            for k in range(1, width):
                span = np.int32(high[node, k]) - np.int32(low[node, k])
                if span > np.int32(high[node, widest]) - np.int32(low[node, widest]):
                    widest = k
            for j in range(start, stop):
                keys[j] = f[order[j], widest]
            _part(keys, order, start, stop, ((2 * i + 1) * m) >> (level + 1))
        level += 1
        nodes *= 2


@inner
def _part(keys: Short1, order: Int1, start: int, stop: int, middle: int) -> None:
    """Reorder so that no key before ``middle`` is above one after it (Hoare's quickselect)."""
    low, high = start, stop - 1
    while low < high:
        pivot = keys[(low + high) // 2]
        i, j = low, high
        while i <= j:
            while keys[i] < pivot:
                i += 1
            while keys[j] > pivot:
                j -= 1
            if i <= j:
                keys[i], keys[j] = keys[j], keys[i]
                order[i], order[j] = order[j], order[i]
                i += 1
                j -= 1
        if middle <= j:
            high = j
        elif middle >= i:
            low = i
        else:
            return


@kernel
def _search(
    target: Short2,
    f: Short2,
    order: Int1,
    low: Short2,
    high: Short2,
    bound: Int1,
    slack: float,
    nodes: Int1,
    bounds: Int1,
    found: Int1,
) -> None:
    """Depth first, the nearer half first; ``nodes`` and ``bounds`` are what is left to visit."""
    m, leaves = len(f), len(low) // 2
    levels = 0
    while (1 << levels) < leaves:
        levels += 1
    for p in range(len(target)):
        t = target[p]
        best, chosen = bound[p], np.int32(m)
        limit = _share(best, slack)
        nodes[0], bounds[0] = 1, 0
        size = 1
        while size:
            size -= 1
            node = nodes[size]
            if bounds[size] > limit:
                continue
            while node < leaves:
                left = _outside(t, low[2 * node], high[2 * node])
                right = _outside(t, low[2 * node + 1], high[2 * node + 1])
                near, far = 2 * node, 2 * node + 1
                if right < left:
                    near, far, left, right = far, near, right, left
                if right <= limit:
                    nodes[size], bounds[size] = far, right
                    size += 1
                if left > limit:
                    node = 0
                    break
                node = near
            if node == 0:
                continue
            i = node - leaves
            for j in range((i * m) >> levels, ((i + 1) * m) >> levels):
                d = apart(t, f[j])
                if d < best or (d == best and order[j] < chosen):
                    best, chosen = d, order[j]
                    limit = _share(best, slack)
        found[p], bound[p] = chosen, best


@inner
def _share(distance: int, share: float) -> Any:
    """A share of a distance, rounded down; all of it for 1, exactly."""
    return np.int32(np.int64(np.float64(distance) * np.float64(share)))

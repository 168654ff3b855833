"""The compiled loops of the texture stage against slow ones that say what they mean."""

from __future__ import annotations

import numpy as np
import pytest

from inpaint.stages.texture.features import DIMENSIONS, RADIUS, UNIT, WIDTH, opponent
from inpaint.stages.texture.levels import Map, sources
from inpaint.stages.texture.match import Known, distances, settle
from inpaint.stages.texture.nearest import NEVER, nearest, tree
from inpaint.stages.texture.peel import peel
from inpaint.stages.texture.vote import vote

SIDES = ((0, 1), (0, -1), (1, 0), (-1, 0))
CORNERS = ((-1, -1), (-1, 1), (1, -1), (1, 1))


def descriptions(generator: np.random.Generator, *shape: int, limit: int = 511) -> np.ndarray:
    f = np.zeros((*shape, WIDTH), dtype=np.int16)
    f[..., :DIMENSIONS] = generator.integers(-limit, limit + 1, (*shape, DIMENSIONS))
    return f


def squared(f: np.ndarray, g: np.ndarray) -> np.ndarray:
    return np.square(f.astype(np.int64) - g).sum(-1)


@pytest.mark.parametrize("count", [1, 2, 15, 16, 17, 100, 1000])
@pytest.mark.parametrize("limit", [1, 20, 511])
def test_the_nearest_of_a_tree_is_the_nearest_of_all(count: int, limit: int) -> None:
    generator = np.random.default_rng(count)
    known = descriptions(generator, count, limit=limit)
    target = descriptions(generator, 60, limit=limit)
    target[: min(count, 20)] = known[:20]
    d = squared(target[:, None], known[None])
    some = generator.integers(0, count, len(target))
    for bound in (np.full(len(target), NEVER), d[np.arange(len(target)), some], d.min(1)):
        found = nearest(target, tree(known), bound.astype(np.int32))
        np.testing.assert_array_equal(found, d.argmin(1))


@pytest.mark.parametrize("slack", [0.3, 0.8])
def test_with_slack_what_is_found_is_no_farther_than_promised(slack: float) -> None:
    generator = np.random.default_rng(5)
    known, target = (descriptions(generator, n, limit=60) for n in (2000, 200))
    d = squared(target[:, None], known[None])
    before = d[:, 0].astype(np.int32)
    bound = before.copy()
    found = nearest(target, tree(known), bound, slack=slack)
    assert (bound <= np.minimum(d.min(1) / slack + 1, before)).all()
    nearer = found < len(known)
    np.testing.assert_array_equal(bound[nearer], d[nearer, found[nearer]])
    np.testing.assert_array_equal(bound[~nearer], before[~nearer])
    assert nearer.mean() > 0.9


def a_map(generator: np.random.Generator) -> tuple[Map, np.ndarray]:
    """A hole with random sources in a few pieces, and where sources may be."""
    todo = np.zeros((40, 50), dtype=bool)
    todo[12:25, 18:33] = True
    todo[0:4, 40:50] = True
    valid = sources(todo)
    places = Map(todo)
    rows, columns = np.nonzero(valid)
    shifts = [(rows[i], columns[i]) for i in generator.integers(0, len(rows), 4)]
    for p in range(len(places.y)):
        row, column = shifts[generator.integers(4)]
        moved = row + places.y[p] % 3, column + places.x[p] % 3
        if moved[0] < 40 and moved[1] < 50 and valid[moved]:
            row, column = moved
        places.row[p], places.column[p] = row, column
    return places, valid


def settled(
    target: np.ndarray, known: np.ndarray, places: Map, valid: np.ndarray, bond: float, rounds: int
) -> tuple[np.ndarray, np.ndarray]:
    """What ``settle`` does, pixel by pixel."""
    h, w = valid.shape
    row, column = places.row.copy(), places.column.copy()

    def at(y: int, x: int) -> int:
        return int(places.index[y, x]) if 0 <= y < h and 0 <= x < w else -1

    for _ in range(rounds):
        shifts = list(zip(row - places.y, column - places.x, strict=True))
        for p, (y, x) in enumerate(zip(places.y, places.x, strict=True)):
            around = [at(y + i, x + j) for i, j in (*SIDES, *CORNERS)]

            def score(shift, *, y=y, x=x, p=p, around=around, shifts=shifts) -> np.float32:
                same = sum(q >= 0 and shifts[q] == shift for q in around)
                d = squared(known[y + shift[0], x + shift[1]], target[p])
                return np.float32(d) * np.float32(1 + bond / 8 * (8 - same))

            best = score(shifts[p])
            for q in around[:4]:
                if q < 0:
                    continue
                r, c = y + shifts[q][0], x + shifts[q][1]
                if not (0 <= r < h and 0 <= c < w) or not valid[r, c]:
                    continue
                if score(shifts[q]) < best:
                    best = score(shifts[q])
                    row[p], column[p] = r, c
    return row, column


@pytest.mark.parametrize("rounds", [1, 2, 7])
def test_neighbours_settle_as_one_pixel_after_the_other_would(rounds: int) -> None:
    generator = np.random.default_rng(rounds)
    places, valid = a_map(generator)
    known = descriptions(generator, *valid.shape, limit=9)
    target = descriptions(generator, len(places.y), limit=9)
    row, column = settled(target, known, places, valid, 16.0, rounds)
    before = places.row.copy()
    settle(target, Known(known, valid), places, bond=16.0, rounds=rounds)
    np.testing.assert_array_equal(places.row, row)
    np.testing.assert_array_equal(places.column, column)
    assert (places.row != before).any()


def test_settled_neighbours_agree_more_and_cost_little() -> None:
    generator = np.random.default_rng(0)
    places, valid = a_map(generator)
    known = descriptions(generator, *valid.shape, limit=9)
    target = descriptions(generator, len(places.y), limit=9)

    def pieces() -> int:
        shift = (places.row - places.y) * 1000 + places.column - places.x
        map_ = np.zeros(valid.shape, dtype=np.int64)
        map_[places.y, places.x] = shift
        inside = (places.index[:, 1:] >= 0) & (places.index[:, :-1] >= 0)
        return int(np.count_nonzero((map_[:, 1:] != map_[:, :-1]) & inside))

    before, cost = pieces(), distances(target, Known(known, valid), places).mean()
    settle(target, Known(known, valid), places, bond=20.0, rounds=24)
    assert pieces() < before / 2
    assert distances(target, Known(known, valid), places).mean() < 1.3 * cost


def test_the_vote_is_the_weighted_mean_of_what_patches_show() -> None:
    generator = np.random.default_rng(0)
    places, valid = a_map(generator)
    image = generator.random((*valid.shape, 5)).astype(np.float32)
    weight = generator.uniform(0.1, 2, len(places.y)).astype(np.float32)
    voted = vote(image, places, weight)
    for p in range(0, len(places.y), 7):
        y, x = places.y[p], places.x[p]
        near = (np.abs(places.y - y) <= RADIUS) & (np.abs(places.x - x) <= RADIUS)
        row = places.row[near] + y - places.y[near]
        column = places.column[near] + x - places.x[near]
        mean = np.average(image[row, column], axis=0, weights=weight[near])
        np.testing.assert_allclose(voted[p], mean, rtol=1e-4)


def test_a_peeled_pixel_takes_the_source_most_like_what_is_known_around_it() -> None:
    generator = np.random.default_rng(0)
    todo = np.zeros((30, 36), dtype=bool)
    todo[10:14, 12:20] = True
    image = generator.random((*todo.shape, 3)).astype(np.float32)
    fixed = generator.normal(0, 0.2, (*todo.shape, 7)).astype(np.float32)
    allowed = tuple(c.astype(np.int32) for c in np.nonzero(sources(todo)))
    places = Map(todo)
    peel(image, fixed, places, allowed)
    colours = np.rint(opponent(image) * UNIT)
    constants = np.rint(fixed * np.float32(UNIT))
    for y, x in ((10, 12), (13, 19), (10, 15)):  # of the first layer
        window = np.s_[y - RADIUS : y + RADIUS + 1, x - RADIUS : x + RADIUS + 1]
        known = ~todo[window]
        costs = []
        for row, column in zip(*allowed, strict=True):
            there = np.s_[row - RADIUS : row + RADIUS + 1, column - RADIUS : column + RADIUS + 1]
            step = (colours[window] - colours[there])[known]
            constant = constants[y, x] - constants[row, column]
            costs.append(np.square(step).sum() + np.square(constant).sum())
        best, at = int(np.argmin(costs)), places.index[y, x]
        assert (places.row[at], places.column[at]) == (allowed[0][best], allowed[1][best])
    assert (sources(todo)[places.row, places.column]).all()

"""KID of whole sets of fills, where there are enough of them to be meaningful."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import numpy as np

from inpaint.evaluate.kid import Kid, kid, pooled
from inpaint.evaluate.lpips import MIN_SIDE
from inpaint.evaluate.store import Row, Store

ENOUGH = 50
"""Below this many images the deviation over subsets is as large as what separates methods."""

Key = tuple[str, str]


def kids(
    rows: Iterable[Row],
    truths: Callable[[set[str]], Iterable[tuple[str, np.ndarray]]],
    store: Store,
    *,
    seed: int = 0,
    callback: Callable[[int, int], None] | None = None,
) -> dict[Key, Kid]:
    """Return KID (AlexNet) between fills and originals by (mask, method).

    Only for groups of at least ``ENOUGH`` images that are all of one size, which the features
    need, and not below LPIPS's smallest; the others are left out.

    Parameters
    ----------
    rows : iterable of dict
        From ``run.run_methods``.
    truths : callable
        Yields (name, (H, W, 3) uint8 RGB) for a set of names.
    store : Store
        Where the fills are.
    seed : int
        Of the subsets.
    callback : callable, optional
        ``callback(done, total)`` in images.
    """
    groups: dict[Key, list[Row]] = {}
    for row in sorted(rows, key=lambda r: r["name"]):
        groups.setdefault((row["mask"], row["method"]), []).append(row)
    groups = {key: found for key, found in groups.items() if _fit(found)}
    names = {row["name"] for found in groups.values() for row in found}
    total = len(names) + sum(map(len, groups.values()))
    done = 0

    def features(image: np.ndarray) -> np.ndarray:
        nonlocal done
        done += 1
        if callback:
            callback(done, total)
        row: np.ndarray = pooled([image])[0]
        return row

    if not groups:
        return {}
    true = {name: features(image) for name, image in truths(names)}
    result = {}
    for key, found in groups.items():
        x = np.stack([features(store.read_png(row["fill"])) for row in found])
        y = np.stack([true[row["name"]] for row in found])
        result[key] = kid(x, y, seed=seed)
    return result


def _fit(rows: Sequence[Row]) -> bool:
    sizes = {(row["width"], row["height"]) for row in rows}
    return len(rows) >= ENOUGH and len(sizes) == 1 and min(next(iter(sizes))) >= MIN_SIDE

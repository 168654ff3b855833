"""Rows to statistics: mean, spread and bootstrap interval by mask, ratio bucket and method."""

from __future__ import annotations

import csv
import io
import math
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from inpaint.errors import OutputError, reason, remedy
from inpaint.evaluate.kid import Kid
from inpaint.evaluate.run import Failure
from inpaint.evaluate.store import CONVENTION, Row

METRICS = ("psnr_hole", "psnr", "ssim", "lpips", "l1_pct", "l1_hole", "seconds")
LOWER_IS_BETTER = frozenset({"lpips", "l1_pct", "l1_hole", "seconds", "kid"})
RESAMPLES = 2000
ALL = "all"
LISTED = 20


@dataclass(frozen=True)
class Stat:
    """One metric over n images: mean, sample deviation, 95 % interval of the mean.

    None where there is too little to say: no value at all, or a single one.
    """

    n: int
    mean: float | None
    std: float | None
    low: float | None
    high: float | None


@dataclass(frozen=True)
class Group:
    """The images of one mask, ratio bucket and method.

    Attributes
    ----------
    stats : dict of str to Stat
        By metric, of ``METRICS``.
    diffs : dict of str to Stat
        Method minus the first method over the images that both have; empty for the first.
    perfect : int
        Fills equal to the truth: their PSNR is infinite and left out of its mean.
    failed : tuple of str
        Names of the images that could not be measured here.
    kid : Kid or None
        Of whole masks only, see ``distances.kids``.
    """

    mask: str
    bucket: str
    method: str
    n: int
    perfect: int
    stats: dict[str, Stat]
    diffs: dict[str, Stat]
    failed: tuple[str, ...] = ()
    kid: Kid | None = None
    median_seconds: float | None = field(default=None)
    mask_ratio: float | None = field(default=None)


def interval(values: Sequence[float], *, seed: int = 0) -> Stat:
    """Return the statistics of one metric; infinite, NaN and None values are left out.

    The interval is the percentile bootstrap's (Efron 1979): the 2.5 and 97.5 % quantiles of the
    means of ``RESAMPLES`` draws with replacement. It tells how far the mean would move with
    other images of the same kind; it knows nothing of other seeds or trainings.

    Parameters
    ----------
    values : sequence of float
        One for each image.
    seed : int
        Equal seeds and values give equal intervals.
    """
    v = np.array([x for x in values if x is not None and math.isfinite(x)], np.float64)
    if len(v) == 0:
        return Stat(0, None, None, None, None)
    mean = float(v.mean())
    if len(v) == 1:
        return Stat(1, mean, None, None, None)
    rng = np.random.default_rng(seed)
    # In pieces of at most a million draws, so that ten thousand images need little memory.
    at_once = max(1, 1_000_000 // len(v))
    means = []
    for start in range(0, RESAMPLES, at_once):
        count = min(at_once, RESAMPLES - start)
        means.append(v[rng.integers(0, len(v), (count, len(v)))].mean(axis=1))
    low, high = np.quantile(np.concatenate(means), [0.025, 0.975])
    return Stat(len(v), mean, float(v.std(ddof=1)), float(low), float(high))


def summarise(
    rows: Iterable[Row],
    *,
    masks: Sequence[str],
    methods: Sequence[str],
    failures: Sequence[Failure] = (),
    kids: dict[tuple[str, str], Kid] | None = None,
    seed: int = 0,
) -> list[Group]:
    """Return the groups in order of mask, bucket (``all`` first) and method.

    Parameters
    ----------
    rows : iterable of dict
        As ``run.run_methods`` returns or ``metrics.jsonl`` holds them, in any order.
    masks, methods : sequence of str
        Names in the order to report; the first method is the one to compare with.
    failures : sequence of Failure
        Named in the groups they are missing from.
    kids : dict, optional
        By (mask, method).
    seed : int
        Of the bootstrap.
    """
    by_key: dict[tuple[str, str], dict[str, Row]] = {}
    for row in sorted(rows, key=lambda r: r["name"]):
        by_key.setdefault((row["mask"], row["method"]), {})[row["name"]] = row
    groups = []
    for mask in masks:
        found = {m: by_key.get((mask, m), {}) for m in methods}
        buckets = sorted({r["bucket"] for named in found.values() for r in named.values()})
        for bucket in [ALL, *buckets]:
            first = _in_bucket(found[methods[0]], bucket)
            for method in methods:
                named = _in_bucket(found[method], bucket)
                whole = bucket == ALL
                if not (named or whole):
                    continue
                other = None if method == methods[0] else first
                stats, diffs = _statistics(named, other, seed)
                groups.append(
                    Group(
                        mask,
                        bucket,
                        method,
                        len(named),
                        sum(r["psnr_hole"] is None for r in named.values()),
                        stats,
                        diffs,
                        _failed(failures, mask, method) if whole else (),
                        (kids or {}).get((mask, method)) if whole else None,
                        _median([r["seconds"] for r in named.values()]),
                        _mean([r["mask_ratio"] for r in named.values()]),
                    )
                )
    return groups


def to_rows(groups: Iterable[Group]) -> list[dict[str, Any]]:
    """Return one flat dict a group: the columns of ``summary.csv``, None where unknown."""
    flat = []
    for g in groups:
        row: dict[str, Any] = {"mask": g.mask, "bucket": g.bucket, "method": g.method, "n": g.n}
        row |= {"failed": len(g.failed), "perfect": g.perfect, "mask_ratio": g.mask_ratio}
        for metric in METRICS:
            stat = g.stats[metric]
            row[metric] = stat.mean
            row |= {f"{metric}_{k}": getattr(stat, k) for k in ("std", "low", "high")}
            diff = g.diffs.get(metric, Stat(0, None, None, None, None))
            row[f"{metric}_diff"] = diff.mean
            row |= {f"{metric}_diff_{k}": getattr(diff, k) for k in ("low", "high")}
        row["seconds_median"] = g.median_seconds
        row["kid_alexnet"] = g.kid.mean if g.kid else None
        row["kid_alexnet_std"] = g.kid.std if g.kid else None
        row["failed_names"] = _short(g.failed)
        flat.append(row)
    return flat


def write_csv(path: str | Path, groups: Iterable[Group]) -> None:
    """Write ``summary.csv``, whole or not at all; the convention stands in its last column."""
    rows = [{**row, "convention": CONVENTION} for row in to_rows(groups)]
    stream = io.StringIO()
    table = csv.DictWriter(stream, list(rows[0]), lineterminator="\n")
    table.writeheader()
    table.writerows(
        {k: f"{v:.6g}" if isinstance(v, float) else v for k, v in row.items()} for row in rows
    )
    write_text(path, stream.getvalue())


def write_text(path: str | Path, text: str) -> None:
    """Write a text file, whole or not at all; OutputError where that cannot be done."""
    path = Path(path)
    temporary = path.with_name(f".{path.name}.tmp")
    try:
        temporary.write_text(text, encoding="utf-8", newline="\n")
        os.replace(temporary, path)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        advice = remedy(error, "free some space or choose another --out")
        raise OutputError(f"cannot write {str(path)!r} ({reason(error)}); {advice}") from error


def _statistics(
    named: dict[str, Row], first: dict[str, Row] | None, seed: int
) -> tuple[dict[str, Stat], dict[str, Stat]]:
    stats = {m: interval([r[m] for r in named.values()], seed=seed) for m in METRICS}
    if first is None:
        return stats, {}
    diffs = {}
    for metric in METRICS:
        pairs = [(r[metric], first[name][metric]) for name, r in named.items() if name in first]
        known = [(a, b) for a, b in pairs if a is not None and b is not None]
        diffs[metric] = interval([a - b for a, b in known], seed=seed)
    return stats, diffs


def _in_bucket(named: dict[str, Row], bucket: str) -> dict[str, Row]:
    return {n: r for n, r in named.items() if bucket in (ALL, r["bucket"])}


def _failed(failures: Sequence[Failure], mask: str, method: str) -> tuple[str, ...]:
    return tuple(f.name for f in failures if f.mask in (None, mask) and f.method in (None, method))


def _short(names: Sequence[str]) -> str:
    more = f"; and {len(names) - LISTED} more" if len(names) > LISTED else ""
    return "; ".join(names[:LISTED]) + more


def _median(values: Sequence[float]) -> float | None:
    return float(np.median(values)) if values else None


def _mean(values: Sequence[float]) -> float | None:
    return float(np.mean(values)) if values else None

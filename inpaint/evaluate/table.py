"""The printed summary, as a rich table."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

from inpaint.evaluate.summary import ALL, LOWER_IS_BETTER, Group, Stat

# Heading, metric, format.
COLUMNS = (
    ("PSNR hole dB", "psnr_hole", ".2f"),
    ("PSNR dB", "psnr", ".2f"),
    ("SSIM", "ssim", ".3f"),
    ("LPIPS", "lpips", ".4f"),
    ("L1 %", "l1_pct", ".2f"),
    ("seconds", "seconds", ".3g"),
)
# Columns that a narrow terminal leaves out first: the others say nearly the same.
DROPPED = ("l1_pct", "psnr", "ssim", "seconds")
CAPTION = (
    "mean ± std, [95 % interval of the mean]; Δ: paired difference from {first} with its interval; "
    "seconds: median; *: best"
)


def table(groups: Sequence[Group], *, width: int | None = None) -> Table:
    """Return the table: a section a mask, mean ± std over its 95 % interval, difference below.

    The best means have a star, which survives a pipe, and are bold; arrows say which way is better.
    With a ``width`` in characters, columns
    that do not fit are left out, and the caption says so.
    """
    for count in range(len(DROPPED) + 1):
        grid = _table(groups, DROPPED[:count])
        console = Console(width=10_000)
        if width is None or console.measure(grid).maximum <= width:
            break
    return grid


def _table(groups: Sequence[Group], dropped: Sequence[str]) -> Table:
    whole = [g for g in groups if g.bucket == ALL]
    caption = CAPTION.format(first=whole[0].method if whole else "")
    if dropped:
        caption += "; more columns in a wider terminal and in summary.csv"
    grid = Table(caption=caption, caption_justify="left")
    grid.add_column("mask")
    grid.add_column("method", overflow="fold", max_width=28)
    grid.add_column("n", justify="right")
    columns = [c for c in COLUMNS if c[1] not in dropped]
    for heading, metric, _ in columns:
        grid.add_column(f"{heading} {arrow(metric)}", justify="right", no_wrap=True)
    with_kid = any(g.kid for g in whole)
    if with_kid:
        grid.add_column(f"KID (AlexNet) {arrow('kid')}", justify="right", no_wrap=True)
    previous = None
    for group in whole:
        if previous not in (None, group.mask):
            grid.add_section()
        rivals = [g for g in whole if g.mask == group.mask]
        count = str(group.n) + (f"\n{len(group.failed)} failed" if group.failed else "")
        cells = [_cell(group, rivals, metric, form) for _, metric, form in columns]
        kid = f"{group.kid.mean:.3f} ± {group.kid.std:.3f}" if group.kid else ""
        label = "" if previous == group.mask else group.mask
        grid.add_row(label, group.method, count, *cells, *([kid] if with_kid else []))
        previous = group.mask
    return grid


def arrow(metric: str) -> str:
    """Return which way is better."""
    return "↓" if metric in LOWER_IS_BETTER else "↑"


def best(rivals: Sequence[Group], metric: str) -> float | None:
    """Return the best mean of a metric; None with nothing to compare."""
    means = [m for g in rivals if (m := g.stats[metric].mean) is not None]
    if len(means) < 2:
        return None
    return min(means) if metric in LOWER_IS_BETTER else max(means)


def seconds(value: float) -> str:
    """Return seconds with as many digits as are readable."""
    places = 4 if value < 0.1 else 2 if value < 10 else 0
    return f"{value:.{places}f}"


def _cell(group: Group, rivals: Sequence[Group], metric: str, form: str) -> Text:
    stat = group.stats[metric]
    if stat.mean is None:
        return Text("∞" if group.perfect and metric.startswith("psnr") else "-")
    if metric == "seconds":
        return Text(seconds(group.median_seconds or 0.0))
    text = Text()
    first = stat.mean == best(rivals, metric)
    text.append(f"{'*' * first}{stat.mean:{form}}", style="bold" if first else "")
    if stat.std is not None:
        text.append(f" ± {stat.std:{form}}")
    text.append(_between(stat, form), style="dim")
    diff = group.diffs.get(metric)
    if diff and diff.mean is not None:
        text.append(f"\nΔ {diff.mean:+{form}}")
        text.append(_between(diff, form), style="dim")
    return text


def _between(stat: Stat, form: str) -> str:
    return "" if stat.low is None else f"\n[{stat.low:{form}}, {stat.high:{form}}]"

"""The plots of a report: quality against the share of the hole, and against seconds."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from inpaint.evaluate.plots import Point, Series, plot, swatch
from inpaint.evaluate.summary import ALL, Group
from inpaint.evaluate.table import arrow

SHOWN = (("psnr_hole", "PSNR in the hole", " dB", ".2f"), ("lpips", "LPIPS", "", ".4f"))


def plots(groups: Sequence[Group], masks: Sequence[str], methods: Sequence[str]) -> str:
    """Return legend and four figures; colour = method, shape = mask.

    Against the mask ratio, each ratio bucket has a point: its mean with a 95 % interval, at the
    mean ratio of its images; lines join the points of one mask. Against seconds, each mask has a
    point: its mean at the median time.
    """
    figures = ""
    for what, x_label, series, axis in AGAINST:
        for metric, name, unit, form in SHOWN:
            y_label = f"{name}{',' if unit else ''}{unit}"
            made = series(groups, masks, methods, metric, form)
            if drawn := plot(made, x_label=x_label, y_label=y_label, **axis):
                title = f"{name} against {what} {arrow(metric)}"
                figures += f"<figure><figcaption>{title}</figcaption>{drawn}</figure>"
    return f'{_legend(masks, methods)}<div class="plots">{figures}</div>'


def _legend(masks: Sequence[str], methods: Sequence[str]) -> str:
    colours = "".join(f"<span>{swatch(i)}{escape(m)}</span>" for i, m in enumerate(methods))
    shapes = "".join(f"<span>{swatch(-1, i)}{escape(m)}</span>" for i, m in enumerate(masks))
    return (
        f'<div class="legend"><b>method</b>{colours}</div>'
        f'<div class="legend"><b>mask</b>{shapes}</div>'
    )


def _by_ratio(
    groups: Sequence[Group],
    masks: Sequence[str],
    methods: Sequence[str],
    metric: str,
    form: str,
) -> list[Series]:
    series = []
    for shape, mask in enumerate(masks):
        for colour, method in enumerate(methods):
            found = [
                g
                for g in groups
                if (g.mask, g.method) == (mask, method)
                and g.bucket != ALL
                and g.mask_ratio is not None
            ]
            points = [p for g in found if (p := _point(g, metric, form, g.mask_ratio))]
            # Side by side around the true place, because points at one place would hide each other.
            step = min(4.0, 20.0 / len(methods))
            shift = step * (colour - (len(methods) - 1) / 2)
            series.append(Series(colour, shape, points, line=True, shift=shift))
    return series


def _by_time(
    groups: Sequence[Group],
    masks: Sequence[str],
    methods: Sequence[str],
    metric: str,
    form: str,
) -> list[Series]:
    series = []
    for g in groups:
        if g.bucket != ALL or not g.median_seconds:
            continue
        point = _point(g, metric, form, g.median_seconds)
        if point:
            series.append(Series(methods.index(g.method), masks.index(g.mask), [point]))
    return series


def _point(group: Group, metric: str, form: str, x: float | None) -> Point | None:
    stat = group.stats[metric]
    if stat.mean is None or x is None:
        return None
    where = group.mask if group.bucket == ALL else f"{group.mask} {group.bucket} %"
    spread = "" if stat.low is None else f" ({stat.low:{form}} to {stat.high:{form}})"
    title = f"{group.method}, {where}: {stat.mean:{form}}{spread}, n = {stat.n}"
    if group.median_seconds is not None:
        title += f", {group.median_seconds:.3g} s"
    return Point(x, stat.mean, stat.low, stat.high, title)


# What is on the x-axis: its name in the title, its label, the points, and the kind of axis.
AGAINST = (
    ("mask ratio", "hole, % of the image", _by_ratio, {"percent_x": True}),
    ("time", "seconds per image (median, log scale)", _by_time, {"log_x": True}),
)

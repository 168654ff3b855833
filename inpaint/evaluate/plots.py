"""Small SVG plots: points with whiskers, lines, labelled axes; colours come from the page."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

WIDTH, HEIGHT = 560, 350
LEFT, RIGHT, TOP, BOTTOM = 58, 16, 14, 46
COLOURS = 12
"""The page defines --c0 ... --c11."""


@dataclass(frozen=True)
class Point:
    """A mean with its interval, where there is one; ``title`` shows on hover."""

    x: float
    y: float
    low: float | None
    high: float | None
    title: str


@dataclass(frozen=True)
class Series:
    """Points of one colour and shape; joined from left to right if ``line``."""

    colour: int
    shape: int
    points: Sequence[Point]
    line: bool = False
    shift: float = 0.0  # pixels to the right, so that points at one x do not hide each other


def plot(
    series: Sequence[Series],
    *,
    x_label: str,
    y_label: str,
    log_x: bool = False,
    percent_x: bool = False,
) -> str:
    """Return an ``<svg>`` element, or an empty string when there is nothing to draw.

    Parameters
    ----------
    series : sequence of Series
        All with finite values; x positive if ``log_x``.
    x_label, y_label : str
        Axis titles, with their unit.
    log_x : bool
        Decades on the x axis.
    percent_x : bool
        The x axis holds ratios from 0 to 1, labelled in per cent.
    """
    points = [p for s in series for p in s.points]
    if not points:
        return ""
    xs = [math.log10(p.x) if log_x else p.x for p in points]
    ends = [v for p in points for v in (p.y, p.low, p.high) if v is not None]
    x0, x1 = _padded(min(xs), max(xs), 0.08)
    if percent_x:
        x0, x1 = 0.0, min(1.0, math.ceil(max(xs) * 10 + 0.5) / 10)
    y0, y1 = _padded(min(ends), max(ends), 0.07)

    def px(x: float) -> float:
        value = math.log10(x) if log_x else x
        return LEFT + (value - x0) / (x1 - x0) * (WIDTH - LEFT - RIGHT)

    def py(y: float) -> float:
        return HEIGHT - BOTTOM - (y - y0) / (y1 - y0) * (HEIGHT - TOP - BOTTOM)

    parts = [
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" '
        f'aria-label="{escape(y_label)} against {escape(x_label)}">'
    ]
    for y in _ticks(y0, y1):
        parts.append(f'<path class="grid" d="M{LEFT} {py(y):.1f}H{WIDTH - RIGHT}"/>')
        parts.append(_text(LEFT - 8, py(y) + 4, _number(y), "end"))
    for x, label in _x_ticks(x0, x1, log_x, percent_x):
        parts.append(f'<path class="grid" d="M{px(x):.1f} {TOP}V{HEIGHT - BOTTOM}"/>')
        parts.append(_text(px(x), HEIGHT - BOTTOM + 18, label, "middle"))
    parts.append(_text((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 8, x_label, "middle", "axis"))
    middle = (TOP + HEIGHT - BOTTOM) / 2
    turned = f' transform="rotate(-90 14 {middle:.0f})"'
    parts.append(_text(14, middle, y_label, "middle", "axis", turned))
    for one in series:
        parts.extend(_draw(one, px, py))
    return "".join([*parts, "</svg>"])


def marker(colour: int, shape: int, x: float, y: float, title: str = "") -> str:
    """Return one of six shapes around (x, y), with a title for hovering."""
    r = 5.0
    d = (
        f"M{x - r:.1f} {y:.1f}a{r} {r} 0 1 0 {2 * r} 0a{r} {r} 0 1 0 {-2 * r} 0z",
        f"M{x - 4.5:.1f} {y - 4.5:.1f}h9v9h-9z",
        f"M{x:.1f} {y - 6:.1f}l5.6 10h-11.2z",
        f"M{x:.1f} {y - 6.2:.1f}l6.2 6.2l-6.2 6.2l-6.2 -6.2z",
        f"M{x:.1f} {y + 6:.1f}l5.6 -10h-11.2z",
        f"M{x - 6:.1f} {y - 2:.1f}h4v-4h4v4h4v4h-4v4h-4v-4h-4z",
    )[shape % 6]
    hint = f"<title>{escape(title)}</title>" if title else ""
    return f'<path class="mark" style="fill:{_colour(colour)}" d="{d}">{hint}</path>'


def swatch(colour: int, shape: int | None = None) -> str:
    """Return a marker alone, for a legend; a plain disc without a shape."""
    drawn = marker(colour, shape or 0, 8, 8)
    return f'<svg class="swatch" viewBox="0 0 16 16" aria-hidden="true">{drawn}</svg>'


def _draw(one: Series, px, py) -> list[str]:  # type: ignore[no-untyped-def]
    points = sorted(one.points, key=lambda p: p.x)
    places = [(px(p.x) + one.shift, py(p.y)) for p in points]
    stroke = f'style="stroke:{_colour(one.colour)}"'
    parts = []
    if one.line and len(points) > 1:
        path = "L".join(f"{x:.1f} {y:.1f}" for x, y in places)
        parts.append(f'<path class="line" {stroke} d="M{path}"/>')
    for point, (x, _) in zip(points, places, strict=True):
        if point.low is not None and point.high is not None:
            span = f"M{x:.1f} {py(point.low):.1f}V{py(point.high):.1f}"
            parts.append(f'<path class="whisker" {stroke} d="{span}"/>')
    for point, (x, y) in zip(points, places, strict=True):
        parts.append(marker(one.colour, one.shape, x, y, point.title))
    return parts


def _colour(index: int) -> str:
    return f"var(--c{index % COLOURS})" if index >= 0 else "currentColor"


def _text(x: float, y: float, text: str, anchor: str, kind: str = "tick", extra: str = "") -> str:
    return (
        f'<text class="{kind}" x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}"{extra}>'
        f"{escape(text)}</text>"
    )


def _padded(low: float, high: float, share: float) -> tuple[float, float]:
    room = (high - low) * share or max(abs(high) * 0.1, 0.1)
    return low - room, high + room


def _ticks(low: float, high: float, about: int = 6) -> list[float]:
    rough = (high - low) / about
    unit = 10 ** math.floor(math.log10(rough))
    step = next(m * unit for m in (1, 2, 2.5, 5, 10) if m * unit >= rough)
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return [k * step for k in range(first, last + 1)]


def _x_ticks(low: float, high: float, log_x: bool, percent: bool) -> list[tuple[float, str]]:
    if percent:
        step = 10 if high <= 0.6 else 20
        return [(k / 100, f"{k}") for k in range(0, round(100 * high) + 1, step)]
    if not log_x:
        return [(x, _number(x)) for x in _ticks(low, high)]
    # 1, 2, 5 in a decade where there are few of them, so that no axis has a single tick.
    steps = (1,) if high - low > 2 else (1, 2, 5)
    values = [m * 10.0**e for e in range(math.floor(low), math.ceil(high) + 1) for m in steps]
    return [(v, _number(v)) for v in values if low <= math.log10(v) <= high]


def _number(value: float) -> str:
    return f"{value:.6g}" if value else "0"

"""Draw docs/images/speed.svg: quality against processor seconds, from the JSON of a benchmark.

Run from the repository root: ``python docs/make_speed_plot.py [benchmarks/speed.json]``. The file
is what ``benchmarks/speed.py PHOTOS MASKS --json FILE`` writes; the one in the repository comes
from a machine that did nothing else.
"""

from __future__ import annotations

import json
import math
import sys
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
DATA, OUT = ROOT / "benchmarks" / "speed.json", ROOT / "docs" / "images" / "speed.svg"
SIZES = {"128": "128 px", "256": "256 px", "481x321": "481x321 px"}


@dataclass(frozen=True)
class Look:
    """Colour and name of a method, and where the name stands from its last point."""

    colour: str
    name: str
    dx: int
    dy: int


LOOKS = {
    "auto": Look("#00796b", "inpaint", -24, -14),
    "auto:mode=psnr": Look("#4db6ac", "inpaint --mode psnr", 16, 4),
    "patchmatch": Look("#c2185b", "PyPatchMatch", -44, 24),
    "telea": Look("#616161", "Telea (OpenCV)", 16, 4),
    "biharmonic": Look("#9575cd", "biharmonic", -20, -14),
}
WIDTH, HEIGHT = 720, 400
LEFT, RIGHT, TOP, BOTTOM = 66, 20, 34, 56
LEAST, MOST = 0.001, 1.5  # seconds
LOW, HIGH = 0.04, 0.10  # LPIPS


def x_of(seconds: float) -> float:
    """Pixels from the left; decades are equally wide."""
    share = math.log(seconds / LEAST) / math.log(MOST / LEAST)
    return LEFT + (WIDTH - LEFT - RIGHT) * share


def y_of(lpips: float) -> float:
    """Pixels from the top; a low LPIPS, which is good, is at the top."""
    return TOP + (HEIGHT - TOP - BOTTOM) * (lpips - LOW) / (HIGH - LOW)


def text(x: float, y: float, words: str, *, colour: str = "#444", more: str = "") -> str:
    """A line of text at a place."""
    return f'<text x="{x:.1f}" y="{y:.1f}" fill="{colour}" {more}>{escape(words)}</text>'


def axes() -> list[str]:
    """Lines and labels of both axes."""
    parts = []
    for seconds in (0.001, 0.01, 0.1, 1.0):
        x = x_of(seconds)
        parts.append(f'<path d="M{x:.1f} {TOP}V{HEIGHT - BOTTOM}" stroke="#ddd"/>')
        parts.append(text(x, HEIGHT - BOTTOM + 20, f"{seconds:g} s", more='text-anchor="middle"'))
    for step in range(4, 11, 2):
        y = y_of(step / 100)
        parts.append(f'<path d="M{LEFT} {y:.1f}H{WIDTH - RIGHT}" stroke="#ddd"/>')
        parts.append(text(LEFT - 8, y + 4, f"{step / 100:.2f}", more='text-anchor="end"'))
    middle = f'text-anchor="middle" transform="rotate(-90 16 {HEIGHT / 2:.0f})"'
    parts.append(text(16, HEIGHT / 2, "LPIPS (better is higher up)", more=middle))
    under = "processor seconds for one fill, on one core"
    parts.append(text((LEFT + WIDTH) / 2, HEIGHT - 12, under, more='text-anchor="middle"'))
    return parts


def drawn(cases: list[dict[str, Any]]) -> list[str]:
    """A line for each method through its sizes, which grow from left to right."""
    parts = []
    for method, look in LOOKS.items():
        points = [
            (x_of(c["cpu"]["median"]), y_of(c["lpips"]["mean"]), c)
            for size in SIZES
            for c in cases
            if c["size"] == size and c["method"] == method and c["lpips"]
        ]
        if not points:
            continue
        path = "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y, _ in points)
        parts.append(f'<path d="{path}" fill="none" stroke="{look.colour}" stroke-width="2"/>')
        for radius, (x, y, case) in zip((4, 6, 8), points, strict=False):
            title = f"{look.name}, {SIZES[case['size']]}: {case['cpu']['median']:.3f} s, "
            title += f"LPIPS {case['lpips']['mean']:.4f}"
            parts.append(
                f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{radius}" fill="{look.colour}">'
                f"<title>{escape(title)}</title></circle>"
            )
        x, y, _ = points[-1]
        bold = 'font-weight="bold"' if method == "auto" else ""
        parts.append(text(x + look.dx, y + look.dy, look.name, colour=look.colour, more=bold))
    return parts


def plot(data: dict[str, Any]) -> str:
    """The whole SVG."""
    count = max(len(c["pictures"]) for c in data["cases"])
    heading = f"Objects removed from {count} photos of {', '.join(SIZES.values())} (small to large)"
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" '
        'font-family="sans-serif" font-size="13">',
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>',
        text(LEFT, 20, heading, more='font-size="14"'),
        *axes(),
        *drawn(data["cases"]),
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


def main(source: Path) -> None:
    """Draw the plot of ``source``."""
    OUT.write_text(plot(json.loads(source.read_text(encoding="utf-8"))), encoding="utf-8")
    print(OUT.relative_to(ROOT))


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else DATA)

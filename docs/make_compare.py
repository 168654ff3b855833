"""Write the figures of ``benchmarks/speed.json`` into docs/compare.md and README.md.

Run from the repository root: ``python docs/make_compare.py [benchmarks/speed.json]``, after
``benchmarks/speed.py PHOTOS MASKS --json FILE``. What stands between the two comments of a page is
replaced; ``tests/unit/test_speed_pages.py`` fails where a page does not hold what the file says.
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
DATA = ROOT / "benchmarks" / "speed.json"
SIZES = {
    "64": "64x64, a face",
    "128": "128x128",
    "256": "256x256",
    "481x321": "481x321",
    "1MP": "1 MP",
    "4MP": "4 MP",
    "12MP": "12 MP",
    "dust": "3.8 MP, dust",
}
METHODS = {
    "auto": "`inpaint`",
    "auto:mode=psnr": "`inpaint --mode psnr`",
    "patchmatch": "PyPatchMatch",
    "gmic": "G'MIC `inpaint_matchpatch`",
    "telea": "Telea (OpenCV)",
    "biharmonic": "biharmonic (scikit-image)",
}
BLOCK = re.compile(r"(<!-- docs/make_compare.py writes from here -->\n).*?(<!-- to here -->)", re.S)


def seconds(value: float) -> str:
    """As many decimals as mean something: ``0.001``, ``0.37``, ``2.5``, ``123``."""
    decimals = 3 if value < 0.02 else 2 if value < 1 else 1 if value < 10 else 0
    return f"{value:.{decimals}f}"


def table(data: dict[str, Any]) -> str:
    """Rows of methods, columns of sizes, and below them where the figures are from."""
    cases = {(case["method"], case["size"]): case for case in data["cases"]}
    sizes = [size for size in SIZES if any(size == known for _, known in cases)]
    methods = [method for method in METHODS if any(method == known for known, _ in cases)]
    lines = ["| | " + " | ".join(SIZES[size] for size in sizes) + " |"]
    lines.append("|---" * (len(sizes) + 1) + "|")
    for method in methods:
        cells = [_cell(cases.get((method, size)), size) for size in sizes]
        lines.append(f"| {METHODS[method]} | " + " | ".join(cells) + " |")
    count = max(len(case["pictures"]) for case in data["cases"])
    lines += [
        "",
        f"From `benchmarks/speed.json` (commit {data['commit']}; {data['machine']}; one thread):",
        f"medians of seconds and means of LPIPS over {count} photos; one photo for each size in",
        "megapixels (MP).",
    ]
    return "\n".join(lines) + "\n"


def _cell(case: dict[str, Any] | None, size: str) -> str:
    if case is None:
        return "-"
    shown = f"{seconds(case['cpu']['median'])} s"
    # The hole of dust is so small that its LPIPS says nothing.
    return shown if size == "dust" or not case["lpips"] else f"{shown} / {_lpips(case):.3f}"


def _lpips(case: dict[str, Any]) -> float:
    value: float = case["lpips"]["mean"]
    return value


def sentence(data: dict[str, Any]) -> str:
    """What README says beside the plot: ours beside PyPatchMatch, at the sizes that are there."""
    cases = {(case["method"], case["size"]): case for case in data["cases"]}
    names = {"256": "at 256x256 pixels", "481x321": "at 481x321", "4MP": "at 4 megapixels"}
    names["dust"] = "for 200 specks of dust on 3.8 megapixels"
    parts = []
    for size, name in names.items():
        pair = [cases.get((method, size)) for method in ("auto", "patchmatch")]
        if None not in pair:
            ours, other = (seconds(case["cpu"]["median"]) for case in pair if case)
            parts.append(f"{ours} s ({other} s) {name}")
    return f"One fill takes (in brackets PyPatchMatch's): {', '.join(parts)}.\n"


def replaced(page: str, block: str) -> str:
    """The page with its block replaced. ValueError if it has not exactly one."""
    new, count = BLOCK.subn(lambda match: match[1] + block + match[2], page)
    if count != 1:
        raise ValueError(f"{count} blocks of docs/make_compare.py, expected one")
    return new


def pages(data: dict[str, Any]) -> dict[Path, str]:
    """Both pages as they must be."""
    blocks = {ROOT / "docs" / "compare.md": table(data), ROOT / "README.md": sentence(data)}
    return {path: replaced(path.read_text(encoding="utf-8"), b) for path, b in blocks.items()}


def main(source: Path) -> None:
    """Write the pages anew."""
    for path, text in pages(json.loads(source.read_text(encoding="utf-8"))).items():
        path.write_text(text, encoding="utf-8")
        print(path.relative_to(ROOT))


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else DATA)

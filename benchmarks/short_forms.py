"""The short form of every benchmark in this folder, and how its figures are read.

A word of a command in braces is a set of ``small_data.sets`` or ``{scratch}``, a folder to
write to. A template is filled with the fields of the JSON that the benchmark prints, or with
the groups of a pattern that finds its lines.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any, NamedTuple

Figures = list[tuple[str, str]]


class UnreadableError(ValueError):
    """A benchmark printed something else than its short form expects."""


class Short(NamedTuple):
    """One benchmark: its script, the words after it, what reads its output, and preparations."""

    script: str
    words: str
    read: Callable[[str], Figures]
    before: tuple[str, ...] = ()  # commands of `pretrain`


def document(**templates: str) -> Callable[[str], Figures]:
    """Read stdout as one JSON document; underscores in a name become spaces."""

    def read(text: str) -> Figures:
        facts = json.loads(text)
        return [(n.replace("_", " "), t.format_map(facts)) for n, t in templates.items()]

    return read


def lines(name: str, value: str) -> Callable[[str], Figures]:
    """Read each line of stdout that is a JSON object."""

    def read(text: str) -> Figures:
        rows: list[dict[str, Any]] = [json.loads(x) for x in text.splitlines() if x[:1] == "{"]
        return [(name.format_map(row), value.format_map(row)) for row in rows]

    return read


def rows(pattern: str, name: str, value: str) -> Callable[[str], Figures]:
    """Read the lines that a pattern finds."""

    def read(text: str) -> Figures:
        found = [match.groups() for match in re.finditer(pattern, text, re.M)]
        return [(name.format(*groups), value.format(*groups)) for groups in found]

    return read


def figures(short: Short, text: str) -> Figures:
    """The figures in what a benchmark printed. Raises UnreadableError if there are none."""
    try:
        found = short.read(text)
    except (LookupError, ValueError) as error:
        raise UnreadableError(f"output not understood ({type(error).__name__}: {error})") from error
    if not found:
        raise UnreadableError("output holds no figures")
    return found


CELL = r"([^|\n]+?) *\| *"
SHORT = (
    Short(
        "faces64.py",
        "{faces} --limit 8 --method auto --method auto:psnr --method telea --method ns"
        " --method biharmonic",
        rows(
            r"^(\S+) +(center|half|random80) +([\d.]+) +[\d.]+ +[\d.]+ +([\d.]+)",
            "{0}, {1}",
            "{2} dB in the hole, LPIPS {3}",
        ),
    ),
    Short(
        "objects.py",
        "{photos} {silhouettes} --photos 4",
        rows(
            r"^(\S+) +([\d.]+) +([\d.]+) +([\d.]+) +([\d.]+) +([\d.]+)$",
            "{0}",
            "LPIPS {1}, {2} dB in the hole, {5} s a photo",
        ),
    ),
    Short(
        "large_holes.py",
        "{scenes} {strokes} --photos 4 --share 30-45 --method telea --method auto",
        rows(r"^(\S+) +([\d.]+) / +([\d.]+)$", "{0}, 30-45 %", "LPIPS {1}, {2} dB in the hole"),
    ),
    Short(
        "seams.py",
        "{photos} {silhouettes} --photos 4",
        rows(
            r"^(\S+) +(energy|seam) +([\d.]+) +([\d.]+) +([\d.]+)",
            "{0}, {1}",
            "{3} (quartiles {2} to {4}; unseen: 1)",
        ),
    ),
    Short(
        "repetition.py",
        "{photos} {silhouettes} --photos 2",
        lines("{method}", "strongest echo {peak}"),
    ),
    Short(
        "long_holes.py",
        "--kind scratch --megapixels 1.5",
        lines("{kind} of {megapixels} MP", "{cpu} s in {crops} crops, {peak_mib} MiB"),
    ),
    Short(
        "restore.py",
        "faces={faces}:4 scenes={scenes}:2",
        rows(
            r"^\| (\S+) \| \d+ \| ([^|]+) \| ([^|]+) \| ([\d.]+) \| ([\d.]+) \|$",
            "{0}, {1}: {2}",
            "{3} dB, {4} s",
        ),
    ),
    Short(
        "candidates.py",
        "{faces} --limit 4",
        rows(r"candidates ([\d.]+), least ([\d.]+)", "LPIPS between candidates", "{0}"),
    ),
    Short(
        "search_speed.py",
        "{faces} --limit 1 --mask center --latency 3",
        rows(
            rf"^\| {CELL}(center) \| {CELL}([\d.]+) \| ([\d.]+) \| ([\d.]+) \| (\d+) \|$",
            "{0}, {2}",
            "{3} dB in the hole, LPIPS {4}, {5} s, {6} times faster",
        ),
    ),
    Short(
        "search_ablation.py",
        "{faces} --limit 2 --mask center --prior faces64-vae --only plain --only fast",
        rows(rf"^\| {CELL}([\d.]+ / [\d.]+) \| ([\d.]+) \|$", "{0}", "{1} (dB / LPIPS), {2} s"),
    ),
    Short(
        "ceiling.py",
        "faces64-gaussian {faces} --count 8",
        lines("{prior}, all pixels known", "{ceiling_psnr} dB"),
    ),
    Short(
        "starts.py",
        "faces64-vae {scratch}/encoder {faces} --limit 4",
        lines(
            "{prior}",
            "{hole_psnr_0} dB at the start, {hole_psnr_20} dB after 20 steps",
        ),
        before=("encoder faces64-vae {train} --out {scratch}/encoder --steps 60",),
    ),
    Short(
        "gan_recipes.py",
        "--data {train} --held-out {faces} --steps 60 --width 8 --samples 100",
        document(
            KID_of_plain="{plain[median]}",
            KID_of_r3="{r3[median]}",
            KID_of_real_images="{data[kid]}",
        ),
    ),
    Short(
        "pretrain_speed.py",
        "--rounds 3",
        document(
            step_of_ours="{cpu[ours_seconds][median]:.2f} CPU s",
            step_of_a_plain_loop="{cpu[plain_seconds][median]:.2f} CPU s",
            ratio="{cpu[ratio][median]:.2f}",
        ),
    ),
    Short(
        "batch.py",
        "--count 40 --bare 10 --engine local:1 --engine local:2 --folder {scratch}/batch",
        document(
            speed_of_2_workers="{engines[1][images_per_second]:.2f} images/s",
            CPU_of_2_workers="{engines[1][cpu_seconds_an_image]:.2f} s an image",
            overhead_over_the_search_of_1_worker="{engines[0][overhead]:.1%}",
            same_bytes_with_1_and_2_workers="{bytes_of_all_engines_equal}",
        ),
    ),
    Short(
        "photo_cost.py",
        "--megapixels 1 12 --threads 1",
        lines("{megapixels} MP, 5 % hole", "{cpu} CPU s, {peak_mib} MiB at most"),
    ),
)

# Benchmarks without a short form, and why.
LEFT_OUT = {
    "search_precision": "compiles for a quarter of a minute; see its docstring",
    "refiner_ablation": "trains six refiners for half an hour; see its docstring",
    "speed": "compares with other programs, for minutes; see its docstring",
    "blurred_edges": "composes ten removals from data that is not shipped; see its docstring",
    "choosing": "has no short form yet; see its docstring",
    "point": "composes scenes from data that is not shipped; see its docstring",
    "faces_anywhere": "composes photos from data that is not shipped; see its docstring",
    "rooms": "wants pictures of three sizes; see its docstring",
    "batch_rate": "fills thousands of pictures, for minutes; see its docstring",
    "batch_kills": "kills runs for minutes; run `python benchmarks/batch_kills.py`",
    "objects_kills": "fills 300 images twice, for minutes; see its docstring",
    "batch_faults": "fails disks on purpose for minutes; run `python benchmarks/batch_faults.py`",
    "batch_light": "is the command that batch_suite runs; it measures nothing",
    "batch_suite": "breaks things for minutes; its short form is tests/faults/test_suites.py",
    "web_load": "loads a server for minutes; its short form is tests/faults/test_suites.py",
    "web": "needs a browser and minutes; run `python benchmarks/web.py`",
    "first_picture": "counts processor seconds up to 16 million pixels; see its docstring",
    "web_times": "needs a browser and minutes; run `python benchmarks/web_times.py`",
}

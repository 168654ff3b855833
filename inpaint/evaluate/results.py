"""A whole evaluation: run, summarise, write ``summary.csv`` and ``report.html``."""

from __future__ import annotations

import os
import platform
import tarfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np

from inpaint.evaluate import distances, holes, report, run, summary
from inpaint.evaluate.data import Survey, iter_images, survey
from inpaint.evaluate.methods import parse
from inpaint.evaluate.store import ROWS, Store
from inpaint.system import files

PACKAGES = ("inpaint", "torch", "numpy", "opencv-python-headless", "scikit-image", "pillow")
# callback(stage, done, total); total is None where it is not known
Callback = Callable[[str, int, int | None], None]


@dataclass(frozen=True)
class Results:
    """What ``evaluate`` found and wrote."""

    outcome: run.Outcome
    groups: list[summary.Group]
    table: list[dict[str, Any]]
    facts: dict[str, str]
    files: dict[str, Path]
    beside: tuple[str, ...] = ()  # masks that lie beside images, and were not measured


def evaluate(
    images: str | Path,
    *,
    masks: Sequence[str],
    methods: Sequence[str],
    out: str | Path,
    labels: str | None = None,
    limit: int | None = None,
    seed: int = 0,
    overwrite: bool = False,
    command: str = "",
    callback: Callback | None = None,
) -> Results:
    """Measure methods on images and write the three files.

    >>> from pathlib import Path
    >>> from tempfile import TemporaryDirectory
    >>> import numpy as np
    >>> from inpaint.images import from_array, write
    >>> ramp = np.linspace(0, 255, 64 * 64 * 3).reshape(64, 64, 3).astype(np.uint8)
    >>> with TemporaryDirectory() as photos, TemporaryDirectory() as out:
    ...     write(Path(photos) / "a.png", from_array(ramp))
    ...     results = evaluate(photos, masks=["center"], methods=["telea", "mean"], out=out)
    >>> sorted({row["method"] for row in results.table})
    ['mean', 'telea']

    Parameters
    ----------
    images : path
        Folder or tar file.
    masks : sequence of str
        Protocols, folders or tars, see ``holes.parse_all``.
    methods : sequence of str
        See ``methods.parse``; the first one is what the others are compared with.
    out : path
        Folder for ``metrics.jsonl``, ``summary.csv``, ``report.html`` and pictures.
    labels : str, optional
        What of mask files that are label maps is the hole, see ``masks.load``.
    limit, seed, overwrite
        See ``run.run_methods``.
    command : str
        Command line to show in the report.
    callback : callable, optional
        ``callback(stage, done, total)``.

    Raises
    ------
    InpaintError
        If nothing can be measured at all. Failures of single images are in the results.
    """
    tell = callback or (lambda stage, done, total: None)
    sets = holes.parse_all(masks, images=images, labels=labels)
    skip = holes.roots(sets)
    chosen = list({m.label: m for m in map(parse, methods)}.values())
    found = _survey(Path(images), skip)
    count = limit if found is None else len([*found.names, *found.problems][:limit])
    total = None if count is None else count * len(sets) * len(chosen)
    outcome = run.run_methods(
        images,
        sets,
        chosen,
        out,
        limit=limit,
        seed=seed,
        overwrite=overwrite,
        callback=lambda done, what: tell("measure", done, total),
    )

    def truths(names: set[str]) -> Iterator[tuple[str, np.ndarray]]:
        for name, image in iter_images(images, limit=limit, skip=skip):
            if name in names and isinstance(image, np.ndarray):
                yield name, image

    store = Store(out)
    try:
        kids = distances.kids(
            outcome.rows,
            truths,
            store,
            seed=seed,
            callback=lambda done, total: tell("KID", done, total),
        )
        names, called = [s.name for s in sets], [m.label for m in chosen]
        groups = summary.summarise(
            outcome.rows,
            masks=names,
            methods=called,
            failures=outcome.failures,
            kids=kids,
            seed=seed,
        )
        facts = _facts(command, images, limit, seed)
        root = Path(out)
        files = {
            "metrics": root / ROWS,
            "summary": root / "summary.csv",
            "report": root / "report.html",
        }
        summary.write_csv(files["summary"], groups)
        tell("report", 1, 1)
        contents = report.Contents(names, called, groups, outcome.rows, outcome.failures, facts)
        summary.write_text(files["report"], report.render(contents, store, truths))
    finally:
        store.close()
    beside = tuple(found.masks) if found else ()
    return Results(outcome, groups, summary.to_rows(groups), facts, files, beside)


def _facts(command: str, images: str | Path, limit: int | None, seed: int) -> dict[str, str]:
    import torch

    facts = {"command": command} if command else {}
    facts |= {
        "images": str(images) + (f", first {limit}" if limit else ""),
        "seed": str(seed),
        "versions": ", ".join(f"{p} {_version(p)}" for p in PACKAGES),
        "python": platform.python_version(),
        "machine": f"{platform.system()} {platform.machine()}, {os.cpu_count()} processors, "
        f"torch threads: {torch.get_num_threads()}",
    }
    if torch.cuda.is_available():
        facts["gpu"] = torch.cuda.get_device_name()
    return facts


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "?"


def _survey(path: Path, skip: list[Path]) -> Survey | None:
    """The names of the images; None where that would mean unpacking a tar twice."""
    if path.is_file():
        try:
            with files.opened(path) as file, tarfile.open(fileobj=file, mode="r:"):
                pass
        except (OSError, tarfile.TarError):
            return None
    return survey(path, skip=skip)

"""``inpaint batch`` on a folder of mixed images: speed, memory, overhead, the cost of a million.

    python benchmarks/batch.py --count 2000 --engine local:1 --engine local:2 --engine ray:2

Makes N images (formats, modes, sizes, EXIF orientations, subfolders, non-ASCII names), fills them
with each engine, then some (``--bare``, evenly spread) one by one with ``pipeline.complete`` in
this process (the bare loop), and prints JSON.

    startup    = until the first item has begun
    search     = sum of the seconds in pipeline.complete, as the rows tell
    tail       = from the end of the last item to the end of the run
    overhead   = (workers * (wall - startup) - search) / search
    cpu_overhead = the same of processor time: all of the items, of this process and of Ray's own
                 since the first row, against that in pipeline.complete
    memory     = parent + workers, resident, the median of the rows around item 200 and of the last

``overhead`` holds search and all the rest of the very same run against each other, so that other
programs on the machine slow both; it includes reading, decoding, encoding, hashing, writing, the
manifest, and workers that wait at the end (or for a processor that others use, which
``cpu_overhead`` leaves out). All outputs of all engines must be the same bytes.
"""

from __future__ import annotations

import hashlib
import json
import os
import platform
import shutil
import sys
import time
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

import click
from batch_cost import manifest_costs, million
from batch_watch import Watch
from mixed import make, mask_of, outputs
from provenance import commit

from inpaint import _version, images, masks
from inpaint.batch.options import Options
from inpaint.batch.run import fill_folder
from inpaint.cli.progress import bar


def bare(root: Path, names: list[str], options: Options) -> dict[str, float]:
    """Read, fill and write one by one, without any engine."""
    from inpaint.batch.item import item_seed
    from inpaint.pipeline import complete

    search, spent = [], 0.0
    begun, cpu = time.perf_counter(), time.process_time()
    for name in names:
        image = images.read(root / "in" / name)
        mask = masks.load(mask_of(root, name))
        before = time.process_time()
        result = complete(
            image,
            mask,
            prior=options.prior,
            mode=options.mode,
            stages=options.stages,
            seed=item_seed(name, options),
        )
        spent += time.process_time() - before
        search.append(result.seconds)
        images.write(root / f"bare{Path(name).suffix}", result.pictures[0], format=image.format)
    wall = time.perf_counter() - begun
    return {
        "images": len(names),
        "seconds": wall,
        "cpu_seconds": time.process_time() - cpu,
        "search_seconds": sum(search),
        "search_cpu_seconds": spent,
        "overhead": (wall - sum(search)) / sum(search),
    }


def measure(root: Path, spec: str, options: Options) -> tuple[dict[str, Any], str]:
    """Run one engine; its figures, and a hash over all outputs."""
    engine, _, number = spec.partition(":")
    workers = int(number or 2)
    out = root / f"out-{spec.replace(':', '-')}"
    with bar() as progress:
        watch = Watch(progress, spec)
        summary = fill_folder(
            root / "in",
            root / "masks",
            out,
            options=options,
            engine=engine,
            workers=workers,
            callback=watch,
        )
    watch.end()
    wall = summary.seconds
    busy = max(workers, 1) * (wall - watch.startup)
    found = hashlib.sha256()
    written = 0
    for name, data in outputs(out).items():
        found.update(name.encode() + data)
        written += len(data)
    early, late = watch.memory_at(200), watch.memory_at(len(watch.totals))
    again = time.perf_counter()
    kept = fill_folder(
        root / "in", root / "masks", out, options=options, engine=engine, workers=workers
    )
    resumed = time.perf_counter() - again
    figures = {
        "engine": spec,
        "done": summary.done,
        "failed": summary.failed,
        "seconds": wall,
        "startup_seconds": watch.startup,
        "images_per_second": summary.done / wall,
        "tail_seconds": wall - watch.last,
        "cpu_seconds_an_image": (1 + watch.cpu_overhead) * watch.search_cpu / summary.done,
        "search_seconds": watch.search,
        "search_cpu_seconds": watch.search_cpu,
        "overhead": (busy - watch.search) / watch.search,
        "cpu_overhead": watch.cpu_overhead,
        "cpu_seconds_beside": watch.beside,
        "memory_mb_at_200": early,
        "memory_mb_at_end": late,
        "memory_growth": late / early - 1 if early else None,
        "manifest_bytes_an_image": watch.bytes / max(summary.done, 1),
        "output_bytes_an_image": written / max(summary.done, 1),
        "resume_seconds": resumed,
        "kept": kept.kept,
    }
    return figures, found.hexdigest()


@click.command()
@click.option("--count", default=2000, show_default=True, help="Images.")
@click.option("--engine", "engines", multiple=True, help="ENGINE:WORKERS. [local:1, local:2]")
@click.option("--bare", "sample", default=100, show_default=True, help="Images of the bare loop.")
@click.option("--prior", default="auto", show_default=True)
@click.option("--mode", default="sharp", show_default=True)
@click.option("--stage", "stages", multiple=True, help="[auto]")
@click.option("--cores", default=1000, show_default=True, help="Of the cluster to compute for.")
@click.option("--price", type=float, help="Of a core-hour there, in any currency.")
@click.option("--seed", default=0, show_default=True)
@click.option("--folder", default="runs/bench-batch", show_default=True, type=click.Path())
def main(
    count: int,
    engines: tuple[str, ...],
    sample: int,
    prior: str,
    mode: str,
    stages: tuple[str, ...],
    cores: int,
    price: float | None,
    seed: int,
    folder: str,
) -> None:
    root = Path(folder)
    shutil.rmtree(root, ignore_errors=True)
    names = make(root, count, seed)
    options = Options(prior=prior, mode=mode, stages=stages or ("auto",))
    sample = min(sample, count)
    results, hashes = [], {}
    for spec in engines or ("local:1", "local:2"):
        figures, hashes[spec] = measure(root, spec, options)
        results.append(figures)
        print(json.dumps(figures), file=sys.stderr)
    first = (engines or ("local:1",))[0]
    manifest = manifest_costs(root / f"out-{first.replace(':', '-')}")
    # Last, because it loads torch, which the parent of workers does without.
    bare(root, names[:2], options)  # load priors
    plain = bare(root, [names[k * count // sample] for k in range(sample)], options)
    report = {
        "count": count,
        "bytes_of_all_engines_equal": len(set(hashes.values())) == 1,
        "bare": plain,
        "engines": results,
        "manifest": manifest,
        "million": million(results[-1], cores, price),
        "prior": prior,
        "mode": mode,
        "stages": list(options.stages),
        "load_average": os.getloadavg()[0],
        "cores_here": os.cpu_count(),
        "versions": {"inpaint": _version.__version__, "python": platform.python_version()},
        "commit": commit(),
    }
    print(json.dumps(report, indent=2))
    assert report["bytes_of_all_engines_equal"], hashes


if __name__ == "__main__":
    main()

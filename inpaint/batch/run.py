"""A run over a folder: plan, skip what is done, fill, record, and try again what a worker lost."""

from __future__ import annotations

import json
import os
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import IO

from inpaint.batch import state
from inpaint.batch.annotated import ENDINGS
from inpaint.batch.annotated import check as check_annotations
from inpaint.batch.control import Lock, Stop
from inpaint.batch.feed import feed, retried
from inpaint.batch.folder import Folder, advice
from inpaint.batch.manifest import Manifest
from inpaint.batch.options import Options, Setup
from inpaint.batch.places import Places
from inpaint.batch.plan import Plan
from inpaint.batch.rows import DONE, FAILED, KEPT, ORPHAN, RETRY, Row
from inpaint.batch.shares import worker_shares
from inpaint.batch.storage import is_url
from inpaint.batch.summary import Summary
from inpaint.errors import ImageError, InpaintError, OutputError, UnknownNameError, reason, remedy
from inpaint.images.walk import is_image

ENGINES = ("local", "ray")
# callback(done, total, row): after every item; row is its status row.
Callback = Callable[[int, int, Row], None]


def fill_folder(
    images: str | os.PathLike[str],
    masks: str | os.PathLike[str],
    out: str | os.PathLike[str],
    *,
    options: Options | None = None,
    engine: str = "local",
    workers: int | None = None,
    limit: int | None = None,
    overwrite: bool = False,
    check: bool = False,
    report: str | os.PathLike[str] | None = None,
    callback: Callback | None = None,
    stop: Stop | None = None,
    warn: Callable[[str], None] | None = None,
) -> Summary:
    """Fill the holes of all images below a folder; outputs that are done already are kept.

    Parameters
    ----------
    images : path or URL
        Folder, with its subfolders.
    masks : path or URL, or "alpha"
        Folder of masks (which may be ``images`` itself), one mask for all, or the erased part
        of each image. With ``options.objects`` a file or folder of annotations.
    out : path or URL
        Folder for the outputs, made if it is not there. Its hidden ``.inpaint`` holds the
        manifest: the rows of all items.
    options : Options, optional
        How to fill.
    engine : {"local", "ray"}
        Worker processes here, or Ray actors.
    workers : int, optional
        How many; 0 fills in this process. By default one for each core that this process may
        use, or for each core of the cluster; fewer where memory would not suffice.
    limit : int, optional
        Bytes of memory for all workers together. By default 80 % of the machine's; with Ray
        and no limit, Ray's own rules hold.
    overwrite : bool
        Fill again what is done, and replace files that stand in the way.
    check : bool
        Read and pair only: nothing is filled or written, and orphans are reported as rows.
    report : path, optional
        File for the status rows of this run: a line for each item, as soon as it is done.
    callback : callable, optional
        ``callback(done, total, row)`` after every item.
    stop : Stop, optional
        Set it to end early; the next run goes on from there.
    warn : callable, optional
        ``warn(text)`` when the run has to wait for another one that writes into ``out``.

    Returns
    -------
    Summary

    Raises
    ------
    ImageError, MaskError
        If ``images`` or ``masks`` is not there, or holds nothing.
    OutputError
        If ``out`` or ``report`` cannot be written, or another run is writing into ``out``.
    InpaintError, UnknownNameError
        If an option, the engine or a worker cannot be used.
    """
    begun = time.monotonic()
    if engine not in ENGINES:
        raise UnknownNameError("engine", engine, ENGINES)
    options, stop = options or Options(), stop or Stop()
    if str(masks) == "alpha" and not options.objects and (options.invert or options.mask_labels):
        raise InpaintError(
            "invert and mask_labels change how mask files are read, and masks are in alpha; leave "
            "them out, or give a folder of masks"
        )
    setup = Setup("", None, "", options, options.fingerprint(), overwrite, check)
    setup = replace(setup, reruns=engine == "ray")
    walk = Places(str(images), str(masks), str(out), options.format, objects=options.objects)
    setup = replace(setup, images=walk.images.url, masks=walk.masks_url, out=walk.out.url)
    _check_memory_urls(setup, engine, workers)
    workers, share, total = worker_shares(engine, workers, limit)
    summary = Summary()
    with ExitStack() as stack:
        plan = Plan(walk.plan())
        stack.callback(plan.close)
        if not plan.total:
            raise ImageError(f"{images} holds no image; give a folder of PNG, JPEG, WebP or TIFF")
        summary.total = plan.total
        if options.objects and options.objects not in ENDINGS:
            check_annotations(options, walk.images.url, Path(str(masks)), plan.items())
        manifest, lock = None, None
        if check and (manifest := state.peek(walk.out)):
            stack.callback(manifest.close)
        if not check:
            lock = stack.enter_context(Lock(walk.out, warn=warn))
            manifest = state.open_manifest(walk.out)
            stack.callback(_close, walk.out, manifest, summary)
            setup = replace(setup, run=state.begin(walk.out))
        rows = stack.enter_context(_report_file(report)) if report is not None else None
        again: list[Row] = []
        order: deque[tuple[str, bool]] = deque()
        items = feed(plan, manifest, walk.out, setup, stop)
        if check:
            items = _noted(items, order)

        def told(row: Row) -> None:
            if rows:
                _write(rows, row)
            if callback:
                callback(summary.behind, summary.total, row)

        def work(items: Iterator[Row], setup: Setup, workers: int | None) -> None:
            held = lock.file if lock else None
            found = _engine(engine, items, setup, workers, total, held, stop)
            for row in _in_order(found, order) if check else found:
                if row["status"] == RETRY:
                    item = {key: row[key] for key in ("path", "mask", "out")}
                    again.append(item | {"why": row["error"]})
                    continue
                full = row.pop("full", False)
                if not row.pop("decided", False) and manifest and not check:
                    manifest.add(row)  # before it is counted: what is not recorded is not done
                summary.add(row)
                told(row)
                if full:
                    raise OutputError(_again(row["error"]))

        try:
            work(items, replace(setup, memory=share), workers)
            if again and not stop.is_set():  # one at a time, with all the memory there is
                alone = replace(setup, memory=total, careful=True)
                alone_items, again = again, []
                work(retried(alone_items, manifest, stop), alone, 0 if workers == 0 else 1)
            if not check and not stop.is_set():
                for row in _lost(plan, manifest, walk.out):
                    summary.lost(row)
                    told({**row, "status": FAILED})
        except OutputError as error:  # the disk is full: nothing more can be done safely
            summary.stopped = str(error)
    summary.interrupted = stop.is_set()
    if summary.left and not (summary.interrupted or summary.stopped):
        summary.stopped = (
            f"no worker answered for {summary.left} of {summary.total} images; give the same "
            "command again"
        )
    summary.seconds = time.monotonic() - begun
    return summary


def _again(error: str) -> str:
    """The error of an item that ends the run, with what to do then."""
    advice = "give the same command again"
    return error if advice in error else f"{error}, then {advice}"


def _lost(plan: Plan, manifest: Manifest | None, out: Folder) -> Iterator[Row]:
    """The rows of outputs that are finished and gone: somebody removed them during the run.

    Behind a URL it would take a request for each, so nobody looks there.
    """
    if manifest is None or not out.local:
        return
    for item in plan.items():
        if out.exists(item.out):
            continue
        row = manifest.get(item.path)
        if row and row["status"] in (DONE, KEPT) and row.get("out") == item.out:
            error = (
                f"{out.label(item.out)} was written and then removed by somebody while the run "
                "went on; give the same command again"
            )
            yield {**row, "error": error}


def _noted(items: Iterator[Row], order: deque[tuple[str, bool]]) -> Iterator[Row]:
    """Yield the items and note their order."""
    for item in items:
        order.append((item["path"], item.get("status") == ORPHAN))
        yield item


def _in_order(rows: Iterator[Row], order: deque[tuple[str, bool]]) -> Iterator[Row]:
    """Rows in the order of their items, whichever worker is done first."""
    waiting: dict[tuple[str, bool], Row] = {}
    for row in rows:
        waiting[row["path"], row["status"] == ORPHAN] = row
        while order and order[0] in waiting:
            yield waiting.pop(order.popleft())
    yield from waiting.values()


def _check_memory_urls(setup: Setup, engine: str, workers: int | None) -> None:
    """``memory://`` is of one process, so workers would not see it."""
    places = [setup.images, setup.masks or "", setup.out]
    here = engine == "local" and workers == 0
    if not here and any(is_url(p) and p.startswith("memory:") for p in places):
        raise InpaintError("memory:// is within one process; fill with --workers 0")


def _engine(
    name: str,
    feed: Iterator[Row],
    setup: Setup,
    workers: int | None,
    total: int | None,
    lock: int | None,
    stop: Stop,
) -> Iterator[Row]:
    if name == "ray":
        from inpaint.batch.ray import actors

        return actors(feed, setup, workers=workers, total=total, stop=stop)
    from inpaint.batch.local import here, processes

    if workers == 0:
        return here(feed, setup)
    return processes(feed, setup, workers=workers or 1, inherit=lock)


@contextmanager
def _report_file(path: str | os.PathLike[str]) -> Iterator[IO[bytes]]:
    """The report, written without a buffer, so that each of its lines is there at once."""
    with ExitStack() as stack:
        if is_image(str(path)):  # "w" would empty it
            raise OutputError(f"{str(path)!r} is named as an image is; choose another --report")
        try:
            file = stack.enter_context(Path(path).open("wb", buffering=0))
        except OSError as error:
            raise OutputError(
                f"{str(path)!r} cannot be written ({reason(error)}); "
                f"{remedy(error, 'choose another --report')}"
            ) from error
        yield file


def _write(rows: IO[bytes], row: Row) -> None:
    """Write one line of the report."""
    rest = memoryview(json.dumps(row).encode() + b"\n")
    try:
        while rest:
            rest = rest[rows.write(rest) :]
    except OSError as error:
        raise OutputError(
            f"the report cannot be written ({error.strerror}); {advice(error)}"
        ) from error


def _close(out: Folder, manifest: Manifest, summary: Summary) -> None:
    try:
        state.close(out, manifest)
    except OutputError as error:  # its last part could not be sent, or the folder was removed
        summary.stopped = summary.stopped or str(error)

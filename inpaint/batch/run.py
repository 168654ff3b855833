"""A run over a folder: plan, skip what is done, fill, record, repeat what ran out of memory."""

from __future__ import annotations

import json
import os
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import IO

from inpaint.batch.annotated import ENDINGS
from inpaint.batch.annotated import check as check_annotations
from inpaint.batch.control import Lock, Stop
from inpaint.batch.feed import feed, retried
from inpaint.batch.manifest import DONE, FAILED, ORPHAN, RETRY, Manifest, Row, open_manifest, peek
from inpaint.batch.memory import worker_shares
from inpaint.batch.options import Options, Setup
from inpaint.batch.pairing import Item, Orphan
from inpaint.batch.places import Places
from inpaint.batch.storage import is_url
from inpaint.errors import ImageError, InpaintError, OutputError, UnknownNameError
from inpaint.images.walk import is_image

ENGINES = ("local", "ray")
NAMED = 100  # failures to keep in memory; all are in the manifest
# callback(done, total, row): after every item; row is its status row.
Callback = Callable[[int, int, Row], None]


@dataclass
class Summary:
    """What came of a run.

    ``copied`` are those of ``done`` that had no object to remove, ``skipped`` those that were left
    out for it. ``orphans`` are masks that belong to no image, ``beside`` masks that lie beside
    images and are not filled as images. ``failures`` holds the first rows that failed and
    ``failed`` counts all; ``notes`` and ``noted`` likewise for images that were filled, but not as
    usual.
    """

    total: int = 0
    done: int = 0
    kept: int = 0
    checked: int = 0
    copied: int = 0
    skipped: int = 0
    failed: int = 0
    orphans: int = 0
    beside: int = 0
    seconds: float = 0.0
    failures: list[Row] = field(default_factory=list)
    noted: int = 0
    notes: list[Row] = field(default_factory=list)
    interrupted: bool = False
    stopped: str | None = None

    @property
    def rate(self) -> float:
        """Images filled a second."""
        return self.done / self.seconds if self.seconds else 0.0

    @property
    def left(self) -> int:
        """Images that the run did not come to."""
        return max(self.total - self.behind, 0)

    @property
    def behind(self) -> int:
        """Images that the run has come to."""
        return self.done + self.kept + self.checked + self.skipped + self.failed

    def add(self, row: Row) -> None:
        """Count a row."""
        status = row["status"]
        if status == ORPHAN:
            if row["beside"]:
                self.beside += 1
            else:
                self.orphans += 1
            return
        setattr(self, status, getattr(self, status) + 1)
        self.copied += status == DONE and bool(row.get("copied"))
        if status == FAILED and len(self.failures) < NAMED:
            self.failures.append(row)
        if status == DONE and row.get("note"):
            self.noted += 1
            if len(self.notes) < NAMED:
                self.notes.append(row)


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
        How many; 0 fills in this process. By default one a core that this process may use, or
        one a core of the cluster; fewer where memory would not suffice.
    limit : int, optional
        Bytes of memory for all workers together. By default 80 % of the machine's; with Ray
        and no limit, Ray's own rules hold.
    overwrite : bool
        Fill again what is done, and replace files that stand in the way.
    check : bool
        Read and pair only: nothing is filled or written, and orphans are reported as rows.
    report : path, optional
        File for the status row of every item of this run, a line each, as they come.
    callback : callable, optional
        ``callback(done, total, row)`` after every item.
    stop : Stop, optional
        Set it to end early; the next run goes on from there.

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
    setup = Setup("", None, "", options, options.fingerprint(), overwrite, check)
    walk = Places(str(images), str(masks), str(out), options.format, objects=options.objects)
    setup = replace(setup, images=walk.images.url, masks=walk.masks_url, out=walk.out.url)
    _check_memory_urls(setup, engine, workers)
    if options.objects and options.objects not in ENDINGS:
        found_items = (found for found in walk.plan() if isinstance(found, Item))
        check_annotations(options, walk.images.url, Path(str(masks)), found_items)
    workers, share, total = worker_shares(engine, workers, limit)
    summary = Summary()
    with ExitStack() as stack:
        manifest, lock = None, None
        if check and (manifest := peek(walk.out)):
            stack.callback(manifest.close)
        if not check:
            lock = stack.enter_context(Lock(walk.out))
            manifest = open_manifest(walk.out)
            stack.callback(_close, manifest, summary)
        rows = stack.enter_context(_report_file(report)) if report is not None else None
        summary.total = sum(1 for found in walk.plan() if not isinstance(found, Orphan))
        if not summary.total:
            raise ImageError(f"{images} holds no image; give a folder of PNG, JPEG, WebP or TIFF")
        again: list[Row] = []
        order: deque[tuple[str, bool]] = deque()
        items = feed(walk.plan(), manifest, walk.out, setup, stop)
        if check:
            items = _noted(items, order)

        def work(items: Iterator[Row], setup: Setup, workers: int | None) -> None:
            held = lock.file if lock else None
            found = _engine(engine, items, setup, workers, total, held, stop)
            for row in _in_order(found, order) if check else found:
                if row["status"] == RETRY:
                    again.append({key: row[key] for key in ("path", "mask", "out")})
                    continue
                full = row.pop("full", False)
                summary.add(row)
                if not row.pop("decided", False) and manifest and not check:
                    manifest.add(row)
                if rows:
                    _write(rows, row)
                if callback:
                    callback(summary.behind, summary.total, row)
                if full:
                    raise OutputError(f"{row['error']}, then give the same command again")

        try:
            work(items, replace(setup, memory=share), workers)
            if again and not stop.is_set():  # one at a time, with all the memory there is
                alone = replace(setup, memory=total, careful=True)
                alone_items, again = again, []
                work(retried(alone_items, manifest, stop), alone, 0 if workers == 0 else 1)
        except OutputError as error:  # the disk is full: nothing more can be done safely
            summary.stopped = str(error)
    summary.interrupted = stop.is_set()
    if summary.left and not (summary.interrupted or summary.stopped):
        summary.stopped = (
            f"{summary.left} of {summary.total} images were gone when their turn came (a folder "
            f"vanished or cannot be listed); bring back {images}, then give the same command again"
        )
    summary.seconds = time.monotonic() - begun
    return summary


def _noted(items: Iterator[Row], order: deque[tuple[str, bool]]) -> Iterator[Row]:
    """Items as they come, their order noted."""
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
def _report_file(path: str | os.PathLike[str]) -> Iterator[IO[str]]:
    with ExitStack() as stack:
        if is_image(str(path)):  # "w" would empty it
            raise OutputError(f"{str(path)!r} is named as an image is; choose another --report")
        try:
            file = stack.enter_context(Path(path).open("w", encoding="utf-8"))
        except OSError as error:
            raise OutputError(
                f"{str(path)!r} cannot be written ({error.strerror}); choose another --report"
            ) from error
        yield file


def _write(rows: IO[str], row: Row) -> None:
    """One line of the report, there for readers at once."""
    try:
        rows.write(json.dumps(row) + "\n")
        rows.flush()
    except OSError as error:
        raise OutputError(
            f"the report cannot be written ({error.strerror}); free some space, then give the "
            "same command again"
        ) from error


def _close(manifest: Manifest, summary: Summary) -> None:
    try:
        manifest.close()
    except OutputError as error:  # its last part could not be sent
        summary.stopped = summary.stopped or str(error)

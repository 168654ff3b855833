"""What an engine is given: items to fill, and rows of items that need no worker."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import asdict

from inpaint.batch.control import Stop
from inpaint.batch.folder import Folder
from inpaint.batch.manifest import Manifest, Peek
from inpaint.batch.options import Setup
from inpaint.batch.pairing import Orphan, Problem
from inpaint.batch.plan import Found
from inpaint.batch.rows import DONE, FAILED, KEPT, ORPHAN, Row, started
from inpaint.batch.storage import open_folder

_DECIDED: Row = {"decided": True}


def feed(
    found: Iterable[Found],
    manifest: Manifest | None,
    out: Folder,
    setup: Setup,
    stop: Stop,
) -> Iterator[Row]:
    """Yield the items to fill, and rows of the items that need no worker.

    Such a row has the key ``decided``: the manifest knows it already.
    """
    waiting: list[Row] = []
    # Where the manifest is sent in parts, sending a part for each item would be slow.
    together = 1 if out.local else 64
    images, masks = open_folder(setup.images), setup.masks and open_folder(setup.masks)
    for one in found:
        if stop.is_set():
            return
        if isinstance(one, Orphan):
            yield {"path": one.path, "status": ORPHAN, "beside": one.beside} | _DECIDED
        elif isinstance(one, Problem):
            row = {"path": one.path, "mask": None, "out": None, "status": FAILED}
            yield row | {"error": _named(images, one)} | _DECIDED
        else:
            known = manifest.get(one.path) if manifest else None
            item: Row = {**asdict(one), "known": known}
            if known and images.local and not images.exists(one.path):
                # Here and not in a worker, so that the manifest keeps what is known of its output.
                yield {**asdict(one), "status": FAILED, "error": _gone(images, one.path)} | _DECIDED
                continue
            if known and _untouched(known, item, setup, images, masks or None, out):
                yield known | {"status": KEPT} | _DECIDED
                continue
            waiting.append(item)
        if len(waiting) >= together:
            yield from _begun(waiting, manifest)
            waiting = []
    yield from _begun(waiting, manifest)


def _begun(items: list[Row], manifest: Manifest | None) -> list[Row]:
    if manifest and not isinstance(manifest, Peek):
        rows = [started(item["path"], item["out"], item["known"]) for item in items]
        if rows:
            manifest.begin(rows)
    return items


def retried(items: list[Row], manifest: Manifest | None, stop: Stop) -> Iterator[Row]:
    """Items whose worker died or ran out of memory, once more; ``why`` says which."""
    for item in items:
        if stop.is_set():
            return
        yield item | {"known": manifest.get(item["path"]) if manifest else None}


def _untouched(
    known: Row, item: Row, setup: Setup, images: Folder, masks: Folder | None, out: Folder
) -> bool:
    """Tell from the stamps of its files whether an item is done and unchanged since."""
    if (
        setup.overwrite
        or known["status"] not in (DONE, KEPT)
        or known.get("options") != setup.fingerprint
        or (known.get("mask"), known.get("out")) != (item["mask"], item["out"])
    ):
        return False
    pairs = [(images, item["path"], "image_stamp"), (out, item["out"], "out_stamp")]
    if item["mask"] is not None and masks is not None:
        pairs.append((masks, item["mask"], "mask_stamp"))
    return all(
        known.get(key) is not None and known[key] == folder.stamp(name, own=True)
        for folder, name, key in pairs
    )


def _named(images: Folder, problem: Problem) -> str:
    if problem.named:
        return problem.error
    return f"{images.label(problem.path)} {problem.error}"


def _gone(images: Folder, path: str) -> str:
    return (
        f"{images.label(path)} was there when this run began and is gone; bring it back, then give "
        "the same command again"
    )

"""One item in, one status row out: read, check, fill, write, and nothing but a row on failure."""

from __future__ import annotations

import gc
import logging
import os
import time
from typing import TYPE_CHECKING, Any

import numpy as np

from inpaint import masks
from inpaint.batch import memory
from inpaint.batch.annotated import Annotations, Found
from inpaint.batch.folder import is_full
from inpaint.batch.manifest import CHECKED, DONE, FAILED, RETRY, SKIPPED, STARTED, Row, before
from inpaint.batch.options import Options, Setup
from inpaint.batch.owned import Owned, sha256
from inpaint.batch.storage import open_folder
from inpaint.errors import InpaintError, OutputError
from inpaint.images.decode import MAX_PIXELS, decode
from inpaint.images.encode import check_storable, encode, format_named
from inpaint.images.indexed import told
from inpaint.pipeline.seeds import seed_for

if TYPE_CHECKING:
    from inpaint.images import Picture
    from inpaint.pipeline import Result

log = logging.getLogger(__name__)
TRIM_EVERY = 8  # items; it costs some 5 ms
# The search of least memory.
LEAN: dict[str, Any] = {"restarts": 1}


class ItemFiller:
    """A worker: holds what items share, among it the prior, loaded once.

    Parameters
    ----------
    setup : Setup
        Folders and options.

    Raises
    ------
    InpaintError
        If the prior, the device, a stage or a URL cannot be used.
    """

    def __init__(self, setup: Setup) -> None:
        self.setup, self.options = setup, setup.options
        self.images, self.out = open_folder(setup.images), open_folder(setup.out)
        self.masks = None if setup.masks is None else open_folder(setup.masks)
        self._owned = Owned(self.images, self.masks, self.out, overwrite=setup.overwrite)
        self.device = self.options.device
        self._mask: tuple[str, Picture] | None = None
        self._annotations = Annotations(setup) if self.options.objects else None
        self._items = 0
        if not setup.check:
            self._prepare()

    def _prepare(self) -> None:
        """Load torch and the prior on one thread, on this worker's own device."""
        import torch

        from inpaint.devices import resolve
        from inpaint.stages import chain
        from inpaint.zoo import registry

        torch.set_num_threads(1)  # workers are what runs at the same time
        where = resolve(self.device)
        if where.type == "cuda" and where.index is None:
            where = torch.device("cuda", self.setup.index % torch.cuda.device_count())
        self.device = str(where)
        name, stages = self.options.prior, self.options.stages
        if name == "auto":
            return
        registry.load_prior(name, self.device)
        if stages != chain.AUTO:  # refused once, not for every item
            family = str(registry.prior_config(name).get("family", ""))
            chain.able(stages, family=family, prior=name, asked=True)

    def hold_memory(self) -> None:
        """Hold this process to its share of memory; for one that does nothing else.

        Not before: loading libraries without room fails in stranger ways. And not with a GPU,
        whose driver reserves memory that it does not use.
        """
        if self.setup.check or self.device == "cpu":
            memory.hold(self.setup.memory)

    def __call__(self, item: Row) -> Row:
        """Fill one item.

        Parameters
        ----------
        item : dict
            ``path``, ``mask`` and ``out`` as in ``pairing.Item``, and ``known``: the item's row
            in the manifest, or None.

        Returns
        -------
        dict
            The row for the manifest; an error of any kind becomes its ``error``.
        """
        started, cpu = time.perf_counter(), time.process_time()
        row: Row = {"path": item["path"], "mask": item["mask"], "out": item["out"]}
        known = item.get("known") or {}
        row |= {"status": FAILED, "error": None, "before": before(known)}
        try:
            row |= self._run(item, row, known)
            if row["status"] != SKIPPED:  # what an earlier run made of it stays ours
                del row["before"]
        except Exception as error:  # any one file may break any library
            row["error"] = reason = self._reason(error)
            if isinstance(error, OutputError) and is_full(error):
                row["full"] = True  # the run ends here rather than search in vain
            if memory.ran_out(error):
                row["status"] = FAILED if self.setup.careful else RETRY
                log.info("%s: %s", item["path"], reason)
        row["seconds"] = round(time.perf_counter() - started, 4)
        row["cpu_seconds"] = round(time.process_time() - cpu, 4)
        row["ended"] = round(time.time(), 3)
        row["worker"] = os.getpid()
        self._items += 1
        if self._items % TRIM_EVERY == 0:
            memory.trim()
        row["memory_mb"] = memory.resident() >> 20
        return row

    def _reason(self, error: Exception) -> str:
        if memory.ran_out(error):
            limit = self.setup.memory
            held = f"{limit / (1 << 30):.1f} GB are not enough" if limit else "out of memory"
            return f"{held} for this picture, even alone; raise --memory or scale it down"
        if isinstance(error, InpaintError):
            return str(error)
        log.debug("internal error", exc_info=error)
        text = " ".join(str(error).split()) or "no message"
        return f"internal error, {type(error).__name__}: {text}"

    def _run(self, item: Row, row: Row, known: Row) -> Row:
        path, mask, out = item["path"], item["mask"], item["out"]
        # Stamps first: a file that changes while it is read then has an old one.
        row |= {"image_stamp": self.images.stamp(path), "mask_stamp": self._mask_stamp(mask)}
        data = self.images.read(path)
        row["image_sha256"] = sha256(data)
        found = self._annotations.of(path, mask) if self._annotations else None
        if found is not None:
            row["mask_sha256"] = found.sha256
            if not found.entries and self.options.unannotated == "skip":
                return {"status": SKIPPED, "note": None}
        drawn = None if found is not None else self._mask_picture(mask, row)
        row["options"] = self.setup.fingerprint
        there = self.out.exists(out)
        expected = None
        standing = None
        if there and self.setup.check:
            present = self._owned.present(out)
            if kept := self._owned.kept(row, known, present):
                return kept
            ours = self._owned.ours(out, known, present)
            standing = "to be filled again" if ours else "the output exists"
        elif there:
            expected = self._owned.present(out)
            if kept := self._owned.kept(row, known, expected):
                return kept
            self._owned.refuse_inputs(out)
            if self._owned.ours(out, known, expected):
                expected = None  # may be replaced
            elif known.get("status") != STARTED:
                raise self._owned.foreign(out, known)
        name = self.images.label(path)
        picture = decode(data, name=name, max_pixels=MAX_PIXELS)
        kind = self._kind(picture)
        check_storable(picture, kind)
        row |= {"width": picture.width, "height": picture.height}
        if found is not None and not found.entries:
            return self._copied(item, picture, data, kind, expected, known, standing)
        del data
        hole, note = self._hole(picture, drawn, mask, found)
        row["hole"] = round(float(hole.mean()), 6)
        if self.setup.check:
            return {"status": CHECKED, "note": _joined(note, standing)}
        row["seed"] = seed = item_seed(path, self.options)
        cpu = time.process_time()
        result, fallback = self._complete(
            picture, hole, seed, opaque=mask is None and found is None
        )
        row["search_cpu_seconds"] = round(time.process_time() - cpu, 4)
        encoded = encode(result.pictures[0], kind, quality=self.options.quality)
        if expected is not None and sha256(encoded) != expected:
            raise self._owned.foreign(out, known)
        times = self.images.times(path) if self.options.keep_times else None
        self.out.write(out, encoded, times=times)
        return {
            "status": DONE,
            "out_sha256": sha256(encoded),
            "out_stamp": self.out.stamp(out, own=True),
            **_described(result),
            "note": _joined(note, fallback, told(result.pictures[0], kind)),
        }

    def _copied(
        self,
        item: Row,
        picture: Picture,
        data: bytes,
        kind: str,
        expected: str | None,
        known: Row,
        standing: str | None,
    ) -> Row:
        """Write an image without objects as it is, or in the format that is asked for."""
        if self.setup.check:
            return {"status": CHECKED, "note": _joined("no such object: to be copied", standing)}
        same = kind == picture.format and self.options.quality is None
        encoded = data if same else encode(picture, kind, quality=self.options.quality)
        if expected is not None and sha256(encoded) != expected:
            raise self._owned.foreign(item["out"], known)
        times = self.images.times(item["path"]) if self.options.keep_times else None
        self.out.write(item["out"], encoded, times=times)
        stamp = self.out.stamp(item["out"], own=True)
        facts: Row = {
            "out_sha256": sha256(encoded),
            "out_stamp": stamp,
            "prior": None,
            "method": [],
            "faces": [],
        }
        return {"status": DONE, "copied": True, "losses": [], "note": None, **facts}

    def _complete(
        self, picture: Picture, hole: np.ndarray, seed: int, *, opaque: bool
    ) -> tuple[Result, str | None]:
        """Fill; when careful and out of memory again, search fewer restarts and say so."""
        from inpaint.pipeline import complete

        o = self.options
        options: dict[str, Any] = {
            "prior": o.prior,
            "class_name": o.class_name,
            "mode": o.mode,
            "stages": o.stages,
            "faces": o.faces,
            "seed": seed,
            "device": self.device,
            "opaque": opaque,
        }
        steps: dict[str, Any] = {} if o.steps is None else {"steps": o.steps}
        try:
            note = "out of memory beside others; filled alone" if self.setup.careful else None
            return complete(picture, hole, search=steps, **options), note
        except Exception as error:
            if not (self.setup.careful and memory.ran_out(error)):
                raise
        _release()  # outside the handler, whose traceback holds on to the arrays
        note = "out of memory even alone; searched with one restart"
        return complete(picture, hole, search={**steps, **LEAN}, **options), note

    def _mask_stamp(self, mask: str | None) -> str | None:
        return None if mask is None or self.masks is None else self.masks.stamp(mask)

    def _mask_picture(self, mask: str | None, row: Row) -> Picture | None:
        """Read a mask; the last one is kept, because one mask may be for all."""
        if mask is None or self.masks is None:
            return None
        data = self.masks.read(mask)
        row["mask_sha256"] = digest = sha256(data)
        if self._mask is None or self._mask[0] != digest:
            name = self.masks.label(mask)
            self._mask = digest, decode(data, name=name, max_pixels=MAX_PIXELS)
        return self._mask[1]

    def _hole(
        self, picture: Picture, drawn: Picture | None, mask: str | None, found: Found | None
    ) -> tuple[np.ndarray, str | None]:
        shape, o = (picture.height, picture.width), self.options
        note = None
        if found is not None:
            return found.hole(picture, o.margin)
        try:
            if drawn is None:
                hole = masks.from_alpha(picture)
            else:
                hole, note = masks.judged(drawn, invert=o.invert, labels=o.mask_labels)
            masks.check(hole, shape)
            if looks_inverted(hole):
                note = _joined(note, "the mask looks inverted: white is the hole")
            if self.options.grow:
                hole = masks.grow(hole, self.options.grow)
                masks.check(hole, shape)
        except InpaintError as error:
            if mask is None or self.masks is None:
                raise
            raise type(error)(f"{self.masks.label(mask)}: {error}") from None
        return hole, note

    def _kind(self, picture: Picture) -> str:
        """The format to write: what the content was, not what its extension says."""
        wanted = self.options.format
        return picture.format if wanted == "keep" else format_named(wanted)


def item_seed(path: str, options: Options) -> int:
    """Return the seed of an item, from its path below IMAGES: one that ``fill --seed`` takes."""
    return seed_for(path, options.seed) >> 1


def looks_inverted(hole: np.ndarray) -> bool:
    """Whether a mask (H, W) is mostly hole, and so are its edges: black marks the hole, then."""
    edges = (hole[0], hole[-1], hole[:, 0], hole[:, -1])
    return bool(hole.mean() > 0.5 and np.concatenate(edges).mean() > 0.75)


def _described(result: Result) -> Row:
    """What was chosen and how well it fits, one entry a crop."""
    losses = [
        {"loss": r.loss, "contextual": r.contextual, "perceptual": r.perceptual}
        for r in result.reports
    ]
    return {
        "prior": result.reports[0].prior if result.reports else None,
        "method": [r.method for r in result.reports],
        "faces": [r.face for r in result.reports if r.face],
        "losses": losses,
        "search_seconds": round(result.seconds, 4),
    }


def _joined(*notes: str | None) -> str | None:
    return "; ".join(filter(None, notes)) or None


def _release() -> None:
    """Give memory back before trying again."""
    import torch

    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()

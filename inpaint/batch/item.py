"""Fill one item: read it, check it, fill it, write it, and return its status row.

A failure of any kind ends in a row too, and never in an exception.
"""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

from inpaint.batch import filling, patience, shares
from inpaint.batch.annotated import Annotations
from inpaint.batch.disk import Disk
from inpaint.batch.folder import is_full
from inpaint.batch.holes import Holes, joined
from inpaint.batch.journal import Journal
from inpaint.batch.options import Options, Setup
from inpaint.batch.owned import Owned, sha256
from inpaint.batch.rows import CHECKED, DONE, FAILED, RETRY, SKIPPED, STARTED, Row, claim
from inpaint.batch.storage import open_folder
from inpaint.errors import ImageError, InpaintError, OutputError, reason, remedy
from inpaint.images.decode import MAX_PIXELS, decode
from inpaint.images.encode import check_storable, encode, format_named
from inpaint.images.indexed import told
from inpaint.pipeline.seeds import seed_for
from inpaint.system import memory

if TYPE_CHECKING:
    from inpaint.images import Picture

log = logging.getLogger(__name__)
_Value = TypeVar("_Value")
TRIM_EVERY = 8  # items; it costs some 5 ms


class ItemFiller:
    """Fills the items of one worker; what they share, such as the prior, is loaded once.

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
        if isinstance(self.out, Disk):
            self.out.settled = setup.run is not None
        self.masks = None if setup.masks is None else open_folder(setup.masks)
        self._journal = Journal(self.out, setup.run)
        self._owned = Owned(
            self.images, self.masks, self.out, self._journal, overwrite=setup.overwrite
        )
        self._holes = Holes(self.masks, setup.options)
        self._annotations = Annotations(setup) if self.options.objects else None
        self._items = 0
        self.device = self.options.device
        if not setup.check:
            self.device = filling.prepare(setup.options, setup.index)

    def hold_memory(self) -> None:
        """Limit the memory of this process to its share. Only for a process that is a worker.

        To be called after loading: libraries that find no memory while they load fail in odd ways.
        With a GPU nothing is limited, because its driver reserves memory that it does not use.
        """
        if self.setup.check or self.device == "cpu":
            memory.hold(self.setup.memory)

    def __call__(self, item: Row) -> Row:
        """Fill one item.

        Parameters
        ----------
        item : dict
            ``path``, ``mask`` and ``out`` as in ``pairing.Item``, and ``known``: the item's row
            in the manifest, or None; on a second try alone also ``why``.

        Returns
        -------
        dict
            The row for the manifest; an error of any kind becomes its ``error``.
        """
        started, cpu = time.perf_counter(), time.process_time()
        row: Row = {"path": item["path"], "mask": item["mask"], "out": item["out"]}
        known = item.get("known") or {}
        row |= {"status": FAILED, "error": None, **claim(known)}
        try:
            row |= self._run(item, row, known)
            if row["status"] != SKIPPED:  # its output of an earlier run stays ours
                del row["before"], row["wrote"]
        except Exception as error:  # any file may make any library fail
            row["error"] = said = self._reason(error)
            if isinstance(error, OutputError) and is_full(error):
                row["full"] = True  # the run ends here rather than search in vain
            if memory.ran_out(error):
                row["status"] = FAILED if self.setup.careful else RETRY
                log.info("%s: %s", item["path"], said)
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
            if not self.setup.careful:
                return "out of memory beside others"
            return shares.not_enough(self.setup.memory)
        if isinstance(error, InpaintError):
            return str(error)
        if isinstance(error, OSError) and (advice := remedy(error, "")):
            return f"{reason(error)}; {advice}"
        log.debug("internal error", exc_info=error)
        text = " ".join(str(error).split()) or "no message"
        return f"internal error, {type(error).__name__}: {text}"

    def _run(self, item: Row, row: Row, known: Row) -> Row:
        path, mask = item["path"], item["mask"]
        # Stamps before content: a file that changes while it is read then has the older stamp.
        row |= {"image_stamp": self.images.stamp(path), "mask_stamp": self._holes.stamp(mask)}
        data = _in_time(self.images.label(path), lambda: self.images.read(path))
        row["image_sha256"] = sha256(data)
        found = drawn = None
        if (annotations := self._annotations) is not None:
            label = repr(mask or self.setup.masks)
            found = _in_time(label, lambda: annotations.of(path, mask))
        if found is not None:
            row["mask_sha256"] = found.sha256
            if not found.entries and self.options.unannotated == "skip":
                return {"status": SKIPPED, "note": None}
        elif mask is not None and (folder := self.masks) is not None:
            mask_data = _in_time(folder.label(mask), lambda: folder.read(mask))
            drawn = self._holes.picture(mask, mask_data, row)
        row["options"] = self.setup.fingerprint
        kept, expected, standing = self._standing(item, row, known)
        if kept is not None:
            return kept
        name = self.images.label(path)
        picture = decode(data, name=name, max_pixels=MAX_PIXELS)
        kind = self._kind(picture)
        check_storable(picture, kind)
        row |= {"width": picture.width, "height": picture.height}
        if found is not None and not found.entries:
            return self._copied(item, picture, data, kind, expected, known, standing)
        del data
        hole, note = self._holes.of(picture, drawn, mask, found)
        row["hole"] = round(float(hole.mean()), 6)
        if self.setup.check:
            return {"status": CHECKED, "note": joined(note, standing)}
        row["seed"] = seed = item_seed(path, self.options)
        cpu = time.process_time()
        result, fallback = filling.fill(
            picture,
            hole,
            self.options,
            seed=seed,
            device=self.device,
            opaque=mask is None and found is None,
            alone=item.get("why", "tried again") if self.setup.careful else None,
        )
        row["search_cpu_seconds"] = round(time.process_time() - cpu, 4)
        encoded = encode(result.pictures[0], kind, quality=self.options.quality)
        return {
            "status": DONE,
            **self._written(item, encoded, expected, known),
            **filling.described(result),
            "note": joined(note, fallback, told(result.pictures[0], kind)),
        }

    def _standing(self, item: Row, row: Row, known: Row) -> tuple[Row | None, str | None, str]:
        """Look at what has the name of the output.

        Returns the row, if the output is finished; the hash that the new output must have, if it
        is not known whether the present one is ours (None: it may be replaced); and a note for a
        dry run.

        Raises
        ------
        OutputError
            If a file is in the way that is not ours.
        """
        path, out = item["path"], item["out"]
        if not self.out.exists(out):
            return None, None, ""
        present = self._owned.present(out)
        if kept := self._owned.kept(row, known, present):
            return kept, None, ""
        if not self.setup.check:
            self._owned.refuse_inputs(out)
        ours = self._owned.ours(path, out, known, present)
        if self.setup.check:
            return None, None, "to be filled again" if ours else "the output exists"
        if ours:
            return None, None, ""
        # Behind a URL an actor that was killed leaves no proof but the bytes themselves.
        doubtful = known.get("status") == STARTED or (self.setup.reruns and not self.out.local)
        if not doubtful:
            raise self._owned.foreign(out, known)
        return None, present, ""

    def _copied(
        self,
        item: Row,
        picture: Picture,
        data: bytes,
        kind: str,
        expected: str | None,
        known: Row,
        standing: str,
    ) -> Row:
        """Write an image without objects as it is, or in the format that is asked for."""
        if self.setup.check:
            return {"status": CHECKED, "note": joined("no such object: to be copied", standing)}
        same = kind == picture.format and self.options.quality is None
        encoded = data if same else encode(picture, kind, quality=self.options.quality)
        facts = self._written(item, encoded, expected, known)
        facts |= {"prior": None, "method": [], "faces": [], "losses": [], "note": None}
        return {"status": DONE, "copied": True, **facts}

    def _written(self, item: Row, encoded: bytes, expected: str | None, known: Row) -> Row:
        """Write the output of an item, and return what its row says of the file."""
        path, out, digest = item["path"], item["out"], sha256(encoded)
        if expected is not None and digest != expected:
            raise self._owned.foreign(out, known)
        times = self.images.times(path) if self.options.keep_times else None
        self._journal.note(path, out, digest)
        self.out.write(out, encoded, times=times)
        return {"out_sha256": digest, "out_stamp": self.out.stamp(out, own=True)}

    def _kind(self, picture: Picture) -> str:
        """The format to write: what the content was, not what its extension says."""
        wanted = self.options.format
        return picture.format if wanted == "keep" else format_named(wanted)


def item_seed(path: str, options: Options) -> int:
    """Return the seed of an item, from its path below IMAGES: one that ``fill --seed`` takes."""
    return seed_for(path, options.seed) >> 1


def _in_time(label: str, read: Callable[[], _Value]) -> _Value:
    """Read a file. Raises ImageError when its place does not answer in time."""
    try:
        return patience.within(patience.READ_SECONDS, read)
    except TimeoutError as error:
        raise ImageError(
            f"{label} cannot be read: {error}; check the disk or the network, then give the same "
            "command again"
        ) from error

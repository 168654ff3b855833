"""The loop that fills every image with every mask by every method, measures and records it."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from inpaint.errors import ImageError, InpaintError, OutputError
from inpaint.evaluate.data import iter_images
from inpaint.evaluate.holes import Holes, roots
from inpaint.evaluate.method import Method
from inpaint.evaluate.metrics import COLUMNS, measure
from inpaint.evaluate.store import CONVENTION, Row, Store, digest, place
from inpaint.pipeline.seeds import seed_for

log = logging.getLogger(__name__)
# callback(done, what): measurements that are behind us, and the name of the next one.
Callback = Callable[[int, str], None]


@dataclass(frozen=True)
class Failure:
    """What could not be measured: an image, a pair of image and mask, or one method on it."""

    name: str
    reason: str
    mask: str | None = None
    method: str | None = None


@dataclass
class Outcome:
    """What a run found: rows in order of image, mask and method; ``reused`` were there before."""

    rows: list[Row] = field(default_factory=list)
    failures: list[Failure] = field(default_factory=list)
    images: int = 0
    reused: int = 0


def run_methods(
    source: str | Path,
    holes: Sequence[Holes],
    methods: Sequence[Method],
    out: str | Path,
    *,
    limit: int | None = None,
    seed: int = 0,
    overwrite: bool = False,
    callback: Callback | None = None,
) -> Outcome:
    """Measure methods on images, going on where an earlier run into ``out`` stopped.

    Writes ``metrics.jsonl``, and below ``inputs``, ``masks`` and ``fills`` what the methods got
    and made. Where something fails, only its own rows are missing.

    Parameters
    ----------
    source : path
        Folder or tar file of images.
    holes, methods : sequences
        From ``holes.parse`` and ``methods.parse``.
    out : path
        Folder to write into; not inside ``source``.
    limit : int, optional
        Take only the first so many images.
    seed : int
        Another seed gives every file other masks and other searches. The seed of a file comes
        from it and from the file's relative path.
    overwrite : bool
        Measure again what is there already.
    callback : callable, optional
        ``callback(done, what)`` before every measurement and at the end.

    Returns
    -------
    Outcome

    Raises
    ------
    ImageError
        If ``source`` is missing or holds no image at all.
    OutputError
        If ``out`` cannot be written or lies inside ``source``.
    InpaintError
        If there is nothing to do, or a method cannot serve these masks.
    """
    if not holes or not methods:
        raise InpaintError("nothing to measure: give at least one mask and one method")
    names = [h.name for h in holes]
    for method in methods:
        method.check_masks(names)
    _refuse_inside(Path(source), Path(out))
    items = iter_images(source, limit=limit, skip=roots(holes))
    store = Store(out, overwrite=overwrite)
    outcome, done = Outcome(), 0
    tell = callback or (lambda done, what: None)
    try:
        for name, image in items:
            outcome.images += 1
            if isinstance(image, ImageError):
                outcome.failures.append(Failure(name, str(image)))
            else:
                for hole in holes:
                    tell(done, f"{hole.name} {name}")
                    _one(store, outcome, name, image, hole, methods, seed, tell, done)
                    done += len(methods)
                continue
            done += len(holes) * len(methods)
    finally:
        store.close()
    if outcome.images == 0:
        raise ImageError(f"{source} holds no images; give a folder or tar of PNG, JPEG or WebP")
    tell(done, "")
    return outcome


def _one(
    store: Store,
    outcome: Outcome,
    name: str,
    image: np.ndarray,
    hole: Holes,
    methods: Sequence[Method],
    seed: int,
    tell: Callback,
    done: int,
) -> None:
    """Measure one image with one mask by every method."""
    own = seed_for(name, seed)
    try:
        mask = hole.draw(name, image.shape[:2], own)
    except (InpaintError, OSError) as error:
        outcome.failures.append(Failure(name, str(error), hole.name))
        return
    erased = np.where(mask[..., None], np.uint8(0), image)
    keys = [_key(name, image, hole.name, mask, method, seed) for method in methods]
    before = [store.get(key) for key in keys]
    # Other programs start from these, see the method folder:DIR; the report shows them.
    pictures = {
        place("inputs", hole.name, name): erased,
        place("masks", hole.name, name): mask.astype(np.uint8) * 255,
    }
    if None in before or not all((store.out / path).is_file() for path in pictures):
        for path, picture in pictures.items():
            store.write_png(path, picture)
    for index, (method, key, old) in enumerate(zip(methods, keys, before, strict=True)):
        if old is not None:
            outcome.reused += 1
            outcome.rows.append(old)
            continue
        tell(done + index, f"{method.label} {hole.name} {name}")
        try:
            filled, seconds, note = _fill(method, erased, mask, own, f"{hole.name}/{name}")
            values = measure(image, filled, mask)
        except Exception as error:  # any one method may break on any one image
            log.debug("%s on %s", method.label, name, exc_info=True)
            reason = str(error) if isinstance(error, InpaintError) else _internal(error)
            outcome.failures.append(Failure(name, reason, hole.name, method.label))
            continue
        values["note"] = "; ".join(filter(None, (values["note"], note)))
        size = {"width": image.shape[1], "height": image.shape[0]}
        row = {**key, **size, **{c: values[c] for c in COLUMNS}, "seconds": seconds}
        row["fill"] = place("fills", method.label, hole.name, name)
        outcome.rows.append(store.add(row, filled))


def _key(
    name: str, image: np.ndarray, hole: str, mask: np.ndarray, method: Method, seed: int
) -> Row:
    return {
        "name": name,
        "image_sha256": digest(image),
        "mask": hole,
        "mask_sha256": digest(mask),
        "method": method.label,
        "fingerprint": method.fingerprint,
        "seed": seed,
        "convention": CONVENTION,
    }


def _fill(
    method: Method, erased: np.ndarray, mask: np.ndarray, seed: int, case: str
) -> tuple[np.ndarray, float, str]:
    """Return the composite, the method's seconds, and a note."""
    method.prepare()
    # Copies: a method that writes into its inputs must not change what the next one gets.
    given, hole = erased.copy(), mask.copy()
    begun = time.perf_counter()
    filled = method(given, hole, seed, case=case)
    seconds = round(time.perf_counter() - begun, 6)
    if filled.dtype != np.uint8 or filled.shape != erased.shape:
        raise ImageError(
            f"{method.label} returned {filled.dtype} {filled.shape}, expected uint8 {erased.shape}"
        )
    changed = (filled != erased).any(axis=2) & ~mask
    if not changed.any():
        return filled, seconds, ""
    count = int(changed.sum())
    if method.trusted:
        raise InpaintError(
            f"{method.label} changed {count} known pixels, which no method may; please report it"
        )
    pasted = np.where(mask[..., None], filled, erased)
    return pasted, seconds, f"{count} known pixels differed and were set back"


def _internal(error: Exception) -> str:
    text = " ".join(str(error).split()) or "no message"
    return f"internal error, {type(error).__name__}: {text}"


def _refuse_inside(source: Path, out: Path) -> None:
    if source.is_dir() and out.resolve().is_relative_to(source.resolve()):
        raise OutputError(
            f"{out} lies inside {source}, so the next run would measure its own results; "
            "choose another --out"
        )

"""The options that decide the bytes of an output, and what a worker is told at its start."""

from __future__ import annotations

import hashlib
import json
import math
from dataclasses import asdict, dataclass
from typing import Any

from inpaint.errors import InpaintError
from inpaint.masks import labels
from inpaint.zoo import plugins, registry, weights

# What a config tells people; the fills do not depend on it.
_LATER = frozenset({"mask_labels", "objects", "categories", "margin", "unannotated", "faces"})
_DESCRIBED = frozenset({"data", "training", "measured"})


@dataclass(frozen=True)
class Options:
    """How every item is filled; the names of ``pipeline.complete`` and ``masks.load``.

    ``quality`` is a JPEG's or WebP's, None as in the input. ``format`` is ``keep``, ``png``,
    ``jpg`` or ``webp``. ``keep_times`` gives outputs the file times of their inputs.
    ``mask_labels`` reads masks as label maps. ``objects`` says that annotations, and not
    masks, mark what is to be removed: ``coco`` or ``annotations`` (one file), ``labelme``, ``voc``
    or ``yolo`` (a folder); of these ``categories``, each with ``margin`` pixels around it (None: as
    ``inpaint remove``). Images without such objects are copied or left out: ``unannotated`` is
    ``copy`` or ``skip``.
    """

    prior: str = "auto"
    class_name: str | None = None
    mode: str = "sharp"
    stages: tuple[str, ...] = ("auto",)
    faces: bool = True
    steps: int | None = None
    seed: int = 0
    device: str = "auto"
    grow: float = 0.0
    invert: bool = False
    format: str = "keep"
    quality: int | None = None
    keep_times: bool = False
    mask_labels: str | None = None
    objects: str | None = None
    categories: tuple[str, ...] | None = None
    margin: float | None = None
    unannotated: str | None = None

    def __post_init__(self) -> None:
        """Refuse once what every item would refuse."""
        if not 0 <= self.grow < math.inf:
            raise InpaintError(f"grow is {self.grow}, expected pixels, 0 or more; use 0")
        if self.margin is not None and not 0 <= self.margin < math.inf:
            raise InpaintError(f"margin is {self.margin}, expected pixels, 0 or more; use 0")
        if self.mask_labels is not None:
            labels.parse(self.mask_labels)

    def fingerprint(self) -> str:
        """Return a short hash of the options and of all weights that may take part.

        Those are the prior's and, of its family, the Gaussian's and the refiners'; of all families
        for ``auto``, and the finder's where faces are looked for. Priors and stages of installed
        packages count with their versions. The version of this package is no part of it: an
        update must not undo a million fills.
        """
        zoo = dict(registry.shipped())
        zoo |= {folder.name: weights.read_config(folder) for folder in registry.refiners()}
        if self.prior != "auto":
            own = registry.prior_config(self.prior)
            family = own.get("family")
            zoo = {k: v for k, v in zoo.items() if family and v.get("family") == family}
            zoo[""] = own
        elif self.faces:
            zoo |= {folder.name: config for folder, config in registry.others("finder").items()}
        used: dict[str, Any] = {k: {n: v[n] for n in v.keys() - _DESCRIBED} for k, v in zoo.items()}
        if installed := set(self.stages) - {"auto", *registry.own_stages()}:
            used["stages of installed packages"] = {
                name: plugins.package("stage", name) for name in installed
            }
        # Options that came later count only where they are set, see above.
        own = {
            k: v for k, v in asdict(self).items() if k not in _LATER or not (v is None or v is True)
        }
        text = json.dumps([own, used], sort_keys=True, default=str)
        return hashlib.sha256(text.encode()).hexdigest()[:16]


@dataclass(frozen=True)
class Setup:
    """What a worker needs to know before its first item; plain values, ready for JSON."""

    images: str
    masks: str | None
    out: str
    options: Options
    fingerprint: str
    overwrite: bool = False
    check: bool = False  # read and compare, fill nothing
    careful: bool = False  # the second try of what ran out of memory
    memory: int | None = None  # bytes for this worker
    index: int = 0  # of this worker on its machine
    run: str | None = None  # the name of this run's notes, see ``journal``
    reruns: bool = False  # an item may be filled twice without a word, as Ray does

    def to_json(self) -> str:
        """Return this as one line of ASCII."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> Setup:
        """Return what ``to_json`` made a line of."""
        values: dict[str, Any] = json.loads(text)
        options = values.pop("options")
        options["stages"] = tuple(options["stages"])
        if options["categories"] is not None:
            options["categories"] = tuple(options["categories"])
        return cls(options=Options(**options), **values)

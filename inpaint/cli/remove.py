"""``inpaint remove``: removes the objects of a photo that a user points at."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from inpaint.cli import filling
from inpaint.errors import MaskError, OutputError, SelectionError

if TYPE_CHECKING:
    import numpy as np

    from inpaint.images import Picture

_POINT = re.compile(r"-?[\d.]+,-?[\d.]+")


class _Points(click.Command):
    """A command whose --polygon takes its points as one quoted word or as several words."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Join the words that are points and follow --polygon."""
        joined: list[str] = []
        for word in args:
            behind = joined[-1].split() if joined[-2:-1] == ["--polygon"] else []
            if behind and all(map(_POINT.fullmatch, [*behind, word])):
                joined[-1] += f" {word}"
                continue
            joined.append(word)
        return super().parse_args(ctx, joined)


@dataclass(frozen=True)
class _Pointed:
    """What the options point at."""

    mask: Path | None
    boxes: Sequence[str]
    polygons: Sequence[str]
    labelme: Path | None
    coco: Path | None
    labels: Sequence[str]
    categories: Sequence[str]
    ids: Sequence[int]
    snap: bool
    mask_labels: str | None = None
    annotations: Path | None = None

    def check(self) -> None:
        """Raise click.UsageError for options that cannot go together."""
        if not (self.boxes or self.polygons or self.files):
            raise click.UsageError(
                "nothing to remove; point with --box, --polygon, --mask, --labelme, --coco or "
                "--annotations"
            )
        if not self.mask:
            filling.refuse_mask_options(self.mask_labels, invert=False)
        if self.snap and not (self.boxes or self.polygons):
            raise click.UsageError("--snap looks inside a --box or a --polygon; give one")
        if self.mask == Path("alpha") and not self.mask.exists():
            raise click.UsageError(
                "alpha is no file of a mask; inpaint fill IMAGE --mask alpha fills what was erased"
            )
        if self.labels and not (self.labelme or self.annotations):
            raise click.UsageError("--label chooses in a --labelme file; give one")
        if self.categories and not (self.coco or self.annotations):
            raise click.UsageError("--category chooses in a --coco file; give one")
        if self.ids and not (self.labelme or self.coco or self.annotations):
            raise click.UsageError("--id chooses in a --coco or --labelme file; give one")

    @property
    def files(self) -> list[Path]:
        """The files to read."""
        return [path for path in (self.mask, self.labelme, self.coco, self.annotations) if path]


@click.command(name="remove", cls=_Points)
@click.argument("photo", type=click.Path(path_type=Path))
@click.option("--out", type=click.Path(path_type=Path), help="File to write.")
@click.option(
    "--box", "boxes", multiple=True, metavar="X,Y,W,H", help="A rectangle around the object."
)
@click.option(
    "--polygon",
    "polygons",
    multiple=True,
    metavar="X,Y X,Y X,Y ...",
    help="The outline of the object.",
)
@click.option("--mask", type=click.Path(path_type=Path), help="Mask image, white = object.")
@filling.mask_labels
@click.option("--labelme", type=click.Path(path_type=Path), help="A labelme file of the photo.")
@click.option("--coco", type=click.Path(path_type=Path), help="COCO annotations of the photo.")
@click.option(
    "--annotations",
    type=click.Path(path_type=Path),
    help="A file of COCO, labelme, Label Studio, CVAT, VIA, PASCAL VOC or YOLO.",
)
@click.option("--label", "labels", multiple=True, help="Take the objects of this label.")
@click.option(
    "--category", "categories", multiple=True, help="Take the objects of this COCO category."
)
@click.option(
    "--id", "ids", multiple=True, type=int, help="Take this COCO annotation or labelme group."
)
@click.option(
    "--snap", is_flag=True, help="Find the object inside each rough box or polygon by its colours."
)
@click.option("--shadow", is_flag=True, help="Also remove a soft shadow below the object.")
@click.option(
    "--grow",
    type=click.FloatRange(min=0),
    metavar="PX",
    help="Widen the hole by so many pixels. [3 % of the object's size, or as far as it is blurred]",
)
@click.option(
    "--preview",
    type=click.Path(path_type=Path),
    help="Write the photo with the hole drawn on it. Without --out nothing is filled.",
)
@filling.options
def command(
    photo: Path,
    out: Path | None,
    mask: Path | None,
    mask_labels: str | None,
    boxes: tuple[str, ...],
    polygons: tuple[str, ...],
    labelme: Path | None,
    coco: Path | None,
    annotations: Path | None,
    labels: tuple[str, ...],
    categories: tuple[str, ...],
    ids: tuple[int, ...],
    snap: bool,
    shadow: bool,
    grow: float | None,
    preview: Path | None,
    **choices: Any,
) -> None:
    """Remove objects that you point at from PHOTO; all pixels outside the hole stay bit-identical.

    Coordinates are pixels of the photo as shown, with its EXIF orientation applied, from the top
    left corner. Everything pointed at is removed together; --box and --polygon may be repeated.

        inpaint remove photo.jpg --box 120,80,200,150 --snap --out clean.jpg
    """
    from inpaint import images

    chosen = filling.Choices(**choices)
    pointed = _Pointed(
        mask,
        boxes,
        polygons,
        labelme,
        coco,
        labels,
        categories,
        ids,
        snap,
        mask_labels,
        annotations,
    )
    pointed.check()
    if not (out or preview):
        raise click.UsageError("nowhere to write; give --out, --preview or both")
    chosen.check()
    inputs = [photo, *pointed.files]
    outs = filling.outputs(out, chosen, inputs=inputs) if out else []
    if preview:
        filling.check_output(preview, inputs=inputs, option="--preview")
        if preview.resolve() in {path.resolve() for path in outs}:
            raise OutputError(f"{preview}: is both --preview and an output; name another place")
    picture = images.read(photo)
    if out:
        images.check_writable(out, picture=picture)
    hole = _hole(picture, photo, pointed, shadow=shadow, grow=grow, seed=chosen.seed)
    facts: dict[str, Any] = {"hole": _facts(hole)}
    if preview:
        _preview(preview, picture, hole)
        facts["preview"] = str(preview)
    if not out:
        click.echo(json.dumps(facts) if chosen.as_json else str(preview))
        return
    # torch is imported only now, because all errors above can be told in a tenth of a second.
    filling.fill_and_write(picture, hole, outs, chosen, more=facts)


def _hole(
    picture: Picture,
    photo: Path,
    pointed: _Pointed,
    *,
    shadow: bool,
    grow: float | None,
    seed: int,
) -> np.ndarray:
    """Return the hole (H, W) of bool, in which each object has its own margin."""
    from inpaint.masks import objects
    from inpaint.masks.preview import as_seen

    found = _objects(picture, photo, pointed, seed)
    hole, left = objects.hole_of(
        found, grow=grow, shadow=shadow, image=as_seen(picture), unseen=picture.unseen
    )
    if left:
        which = "" if len(found) == 1 else f" of {left} of {len(found)} objects"
        click.echo(
            f"Warning: what lies just outside the hole{which} still looks like the object; "
            "look at --preview, and point at more or give a larger --grow",
            err=True,
        )
    if hole.all():
        raise SelectionError(
            "the hole covers the whole photo, so nothing is known to fill it from; "
            "point at less, or give a smaller --grow"
        )
    return hole


def _objects(picture: Picture, photo: Path, pointed: _Pointed, seed: int) -> list[np.ndarray]:
    """Return a mask (H, W) of bool for each object, without a margin."""
    from inpaint import masks
    from inpaint.masks import annotation, objects

    shape = (picture.height, picture.width)
    drawn = {
        f"--box {text}": objects.box(shape, *objects.parse_box(text)) for text in pointed.boxes
    }
    for text in pointed.polygons:
        drawn[f"--polygon {text}"] = objects.polygon(shape, objects.parse_polygon(text))
    if pointed.snap:
        drawn = {name: _snapped(picture, name, rough, seed) for name, rough in drawn.items()}
    found = list(drawn.values())
    if pointed.mask:
        try:
            found.append(masks.load(pointed.mask, shape=shape, labels=pointed.mask_labels))
        except MaskError as error:  # a wrong box, label or file: exit code 2
            raise SelectionError(str(error)) from None
    if pointed.labelme:
        ids = pointed.ids if not pointed.coco else ()
        found += annotation.labelme(pointed.labelme, shape, labels=pointed.labels, ids=ids)
    if pointed.coco:
        found += annotation.coco(
            pointed.coco, shape, photo=photo, ids=pointed.ids, categories=pointed.categories
        )
    if pointed.annotations:
        names = [*pointed.labels, *pointed.categories]
        found += annotation.any_program(
            pointed.annotations, shape, photo=photo, ids=pointed.ids, labels=names
        )
    return found


def _snapped(picture: Picture, name: str, rough: np.ndarray, seed: int) -> np.ndarray:
    """Return the object inside a rough outline, or the outline itself and a line of warning."""
    from inpaint.masks.preview import as_seen
    from inpaint.masks.snap import snap

    found = snap(as_seen(picture), rough, seed=seed)
    if found is None:
        click.echo(f"Warning: nothing stands out inside {name}; all of it is removed", err=True)
        return rough
    return found


def _preview(path: Path, picture: Picture, hole: np.ndarray) -> None:
    from inpaint import images
    from inpaint.masks.preview import preview

    images.write(path, preview(picture, hole))


def _facts(hole: np.ndarray) -> dict[str, Any]:
    """Return what the JSON report says of the hole; its run lengths are those of COCO."""
    import numpy as np

    from inpaint.masks import rle

    rows, columns = (np.flatnonzero(hole.any(axis=axis)).tolist() for axis in (1, 0))
    box = [columns[0], rows[0], columns[-1] - columns[0] + 1, rows[-1] - rows[0] + 1]
    coded = {"size": list(hole.shape), "counts": rle.encode(hole)}
    return {"pixels": int(hole.sum()), "box": box, "rle": coded}

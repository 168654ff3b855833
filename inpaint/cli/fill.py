"""``inpaint fill``: fills the hole of one image."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from inpaint.cli import filling

if TYPE_CHECKING:
    import numpy as np

    from inpaint.images import Picture


@click.command(name="fill")
@click.argument("image", type=click.Path(path_type=Path))
@click.option("--mask", help="Mask image, white = hole; or alpha: the erased part.")
@click.option(
    "--extend",
    metavar="L,T,R,B",
    help="Add this many pixels on the left, at the top, on the right and at the bottom, and fill "
    "them too.",
)
@click.option("--out", required=True, type=click.Path(path_type=Path), help="File to write.")
@click.option("--grow", default=0.0, show_default=True, help="Widen the hole by so many pixels.")
@click.option("--invert", is_flag=True, help="The mask is black where the hole is.")
@filling.mask_labels
@filling.options
def command(
    image: Path,
    mask: str | None,
    extend: str | None,
    out: Path,
    grow: float,
    invert: bool,
    mask_labels: str | None,
    **choices: Any,
) -> None:
    """Fill the hole of IMAGE; all pixels outside it stay bit-identical.

    With --candidates 3, OUT gets the most likely fill, and two more are written beside it as
    OUT-2 and OUT-3.
    """
    from inpaint import images

    if mask is None and extend is None:
        raise click.UsageError("there is nothing to fill; give --mask, --extend, or both")
    if mask is None and (invert or grow or mask_labels):
        raise click.UsageError("--invert, --grow and --mask-labels change a mask; give one")
    margins = _margins(extend) if extend else None
    chosen = filling.Choices(**choices)
    chosen.check()
    outs = filling.outputs(out, chosen, inputs=[image, *([Path(mask)] if mask else [])])
    picture = images.read(image)
    images.check_writable(out, picture=picture)
    if mask:
        hole = _hole(picture, mask, invert=invert, grow=grow, labels=mask_labels)
    if margins:
        picture, added = images.extend(picture, margins)
        if mask:
            left, top = margins[:2]
            added[top : top + hole.shape[0], left : left + hole.shape[1]] |= hole
        hole = added
    # torch is imported only now, because all errors above can be told in a tenth of a second.
    filling.fill_and_write(picture, hole, outs, chosen, opaque=mask == "alpha")


def _margins(text: str) -> list[int]:
    """Read left, top, right and bottom."""
    try:
        margins = [int(part) for part in text.split(",")]
    except ValueError:
        margins = []
    if len(margins) != 4:
        raise click.UsageError(
            f"--extend is {text!r}; expected four whole numbers of pixels to add on the left, at "
            "the top, on the right and at the bottom, such as 64,64,0,0"
        )
    return margins


def _hole(
    picture: Picture, mask: str, *, invert: bool, grow: float, labels: str | None
) -> np.ndarray:
    from inpaint import masks

    shape = (picture.height, picture.width)
    if mask == "alpha":
        filling.refuse_mask_options(labels, invert=invert)
        hole = masks.from_alpha(picture)
    else:
        hole = masks.load(Path(mask), shape=shape, invert=invert, labels=labels)
    if grow:
        hole = masks.grow(hole, grow)
    masks.check(hole, shape)
    return hole

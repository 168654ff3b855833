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
@click.option("--mask", required=True, help="Mask image, white = hole; or alpha: the erased part.")
@click.option("--out", required=True, type=click.Path(path_type=Path), help="File to write.")
@click.option("--grow", default=0.0, show_default=True, help="Widen the hole by so many pixels.")
@click.option("--invert", is_flag=True, help="The mask is black where the hole is.")
@filling.mask_labels
@filling.options
def command(
    image: Path,
    mask: str,
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

    chosen = filling.Choices(**choices)
    chosen.check()
    outs = filling.outputs(out, chosen, inputs=[image, Path(mask)])
    picture = images.read(image)
    images.check_writable(out, picture=picture)
    hole = _hole(picture, mask, invert=invert, grow=grow, labels=mask_labels)
    # torch is imported only now, because all errors above can be told in a tenth of a second.
    filling.fill_and_write(picture, hole, outs, chosen, opaque=mask == "alpha")


def _hole(
    picture: Picture, mask: str, *, invert: bool, grow: float, labels: str | None
) -> np.ndarray:
    from inpaint import masks

    shape = (picture.height, picture.width)
    if mask == "alpha":
        filling.refuse_labels(labels)
        hole = masks.from_alpha(picture)
    else:
        hole = masks.load(Path(mask), shape=shape, invert=invert, labels=labels)
    if grow:
        hole = masks.grow(hole, grow)
    masks.check(hole, shape)
    return hole

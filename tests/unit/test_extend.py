"""A larger canvas for outpainting: its pixels, its mask, and what the file said."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from inpaint import images
from inpaint.errors import ImageError
from inpaint.images.extras import Extras


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_the_picture_lies_inside_and_the_mask_around_it(channels: int) -> None:
    pixels = np.random.default_rng(0).integers(0, 255, (9, 12, channels), np.uint8)
    if channels in (2, 4):
        pixels[..., -1] = 200
    picture = images.from_array(pixels)
    canvas, mask = images.extend(picture, (3, 1, 0, 5))
    assert canvas.pixels.shape == (15, 15, channels)
    assert (canvas.pixels[1:10, 3:15] == pixels).all()
    assert not mask[1:10, 3:15].any()
    assert mask.sum() == 15 * 15 - 9 * 12
    if channels in (2, 4):
        assert (canvas.pixels[mask, -1] == 255).all()


@pytest.mark.parametrize(
    "margins", [(0, 0, 0, 0), (1, 2, 3), (-1, 4, 4, 4), (1.5, 0, 0, 0), (2**20, 2**20, 0, 0)]
)
def test_margins_that_cannot_be_are_refused(margins: tuple[int, ...]) -> None:
    with pytest.raises(ImageError, match=r"margins|extended"):
        images.extend(images.from_array(np.zeros((8, 8), np.uint8)), margins)


def test_exif_says_the_new_size_and_the_rest_stays(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x010F] = "Maker"
    exif.get_ifd(0x8769)[0xA002] = 12
    exif.get_ifd(0x8769)[0xA003] = 9
    path = tmp_path / "photo.jpg"
    Image.fromarray(np.zeros((9, 12, 3), np.uint8)).save(path, exif=exif)
    canvas, _ = images.extend(images.read(path), (0, 0, 8, 1))
    out = tmp_path / "wide.jpg"
    images.write(out, canvas)
    with Image.open(out) as image:
        told = image.getexif()
        assert (told.get_ifd(0x8769)[0xA002], told.get_ifd(0x8769)[0xA003]) == (20, 10)
        assert told[0x010F] == "Maker"


def test_a_damaged_exif_block_is_left_alone() -> None:
    broken = b"Exif\0\0II*\0" + struct.pack("<I", 4000)
    picture = images.Picture(np.zeros((4, 4, 3), np.uint8), exif=broken)
    assert images.extend(picture, (0, 0, 1, 0))[0].exif == broken


@pytest.mark.parametrize(("margins", "kept"), [((0, 0, 4, 4), True), ((1, 0, 0, 0), False)])
def test_a_place_on_the_map_goes_where_the_origin_moves(
    margins: tuple[int, ...], kept: bool
) -> None:
    extras = Extras(tags=((33922, 12, (0.0, 0.0, 0.0, 5.0, 6.0, 0.0)), (271, 2, "Maker")))
    picture = images.Picture(np.zeros((4, 4, 3), np.uint8), extras=extras)
    after = images.extend(picture, margins)[0].extras
    assert after is not None
    assert [tag[0] for tag in after.tags] == ([33922, 271] if kept else [271])

from __future__ import annotations

import io
import os
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from image_samples import DATE, SRGB, exif_block, noise, one_line, smooth
from PIL import Image

from inpaint import images
from inpaint.errors import OutputError
from inpaint.images import Picture
from inpaint.images.meta import EXIF_PREFIX


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("extension", [".png", ".tif", ".tiff", ".webp", ".bmp", ".PNG"])
def test_lossless_round_trip(tmp_path: Path, extension: str, dtype: type, channels: int) -> None:
    picture = Picture(noise(37, 23, channels, dtype=dtype))
    path = tmp_path / f"ünïcode 日本{extension}"
    no_deep = extension in (".webp", ".bmp") and dtype == np.uint16
    no_alpha = extension == ".bmp" and channels in (2, 4)
    if no_deep or no_alpha:
        with pytest.raises(OutputError, match=r"choose \.png") as error:
            images.write(path, picture)
        one_line(error)
        assert list(tmp_path.iterdir()) == []
        return
    images.write(path, picture)
    again = images.read(path)
    expected = picture.pixels
    if extension == ".webp" or (
        extension.startswith(".tif") and (channels, dtype) == (2, np.uint16)
    ):
        expected = {1: expected[..., [0, 0, 0]], 2: expected[..., [0, 0, 0, -1]]}.get(
            channels, expected
        )
    np.testing.assert_array_equal(again.pixels, expected)
    assert again.pixels.dtype == dtype
    assert again.lossless
    assert os.listdir(tmp_path) == [path.name]


@pytest.mark.parametrize("extension", [".png", ".tif"])
@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_other_readers_agree_on_what_is_written(
    tmp_path: Path, extension: str, channels: int
) -> None:
    import cv2

    for dtype in (np.uint8, np.uint16):
        pixels = noise(300, 41, channels, dtype=dtype)
        images.write(tmp_path / f"a{extension}", Picture(pixels))
        if extension == ".tif":
            import tifffile  # scikit-image brings it

            seen = tifffile.imread(tmp_path / f"a{extension}").reshape(300, 41, -1)
            assert np.array_equal(seen[..., 0], pixels[..., 0])
            assert np.array_equal(seen[..., -1], pixels[..., -1])
        else:
            data = np.frombuffer((tmp_path / f"a{extension}").read_bytes(), np.uint8)
            seen = cv2.imdecode(data, cv2.IMREAD_UNCHANGED).reshape(300, 41, -1)
            order = {1: [0], 2: [0, 3], 3: [2, 1, 0], 4: [2, 1, 0, 3]}[channels]
            assert np.array_equal(seen[..., order], pixels)


def test_tiff_of_many_strips_survives(tmp_path: Path) -> None:
    pixels = noise(1100, 2000, 3)
    images.write(tmp_path / "a.tif", Picture(pixels))
    np.testing.assert_array_equal(images.read(tmp_path / "a.tif").pixels, pixels)


@pytest.mark.parametrize(
    ("extension", "dtype"),
    [
        (".png", np.uint8),
        (".png", np.uint16),
        (".jpg", np.uint8),
        (".webp", np.uint8),
        (".tif", np.uint8),
        (".tif", np.uint16),
    ],
)
def test_profile_exif_and_dpi_travel(tmp_path: Path, extension: str, dtype: type) -> None:
    picture = Picture(noise(8, 9, 3, dtype=dtype), icc=SRGB, exif=exif_block(), dpi=(300.0, 200.0))
    images.write(tmp_path / f"a{extension}", picture)
    again = images.read(tmp_path / f"a{extension}")
    assert again.icc == SRGB
    assert again.exif is not None
    exif = Image.Exif()
    exif.load(again.exif)
    assert exif[0x010F] == "Cam"
    assert exif.get_ifd(0x8769)[DATE] == "2020:01:01 00:00:00"
    if extension != ".webp":
        assert again.dpi == pytest.approx((300, 200), abs=0.02)
    images.write(tmp_path / f"b{extension}", again)
    assert images.read(tmp_path / f"b{extension}").icc == SRGB


def test_profile_that_does_not_fit_the_channels_is_left_out(tmp_path: Path) -> None:
    images.write(tmp_path / "a.png", Picture(noise(8, 9, 1), icc=SRGB))
    assert images.read(tmp_path / "a.png").icc is None


def test_odd_exif_does_not_cost_the_picture(tmp_path: Path) -> None:
    picture = Picture(noise(8, 9, 3), exif=EXIF_PREFIX + b"II*\0\xff\xff\xff\xff junk")
    images.write(tmp_path / "a.tif", picture)
    np.testing.assert_array_equal(images.read(tmp_path / "a.tif").pixels, picture.pixels)
    Image.fromarray(smooth()).save(tmp_path / "b.jpg", exif=EXIF_PREFIX + b"II*\0\xff\xff\xff\xff")
    assert images.read(tmp_path / "b.jpg").exif is None


@pytest.mark.parametrize("subsampling", [0, 1, 2])
def test_jpeg_keeps_tables_and_subsampling(tmp_path: Path, subsampling: int) -> None:
    Image.fromarray(smooth()).save(tmp_path / "a.jpg", quality=61, subsampling=subsampling)
    picture = images.read(tmp_path / "a.jpg")
    assert (picture.format, picture.subsampling, picture.lossless) == ("JPEG", subsampling, False)
    images.write(tmp_path / "b.jpeg", picture)
    again = images.read(tmp_path / "b.jpeg")
    assert again.qtables == picture.qtables
    assert again.subsampling == subsampling
    images.write(tmp_path / "c.jpg", picture, quality=20)
    assert images.read(tmp_path / "c.jpg").qtables != picture.qtables


def test_jpeg_without_jpeg_source_is_fine(tmp_path: Path) -> None:
    picture = Picture(smooth())
    images.write(tmp_path / "a.jpg", picture)
    again = images.read(tmp_path / "a.jpg")
    assert again.subsampling == 0
    assert np.abs(again.pixels.astype(int) - picture.pixels).mean() < 1.5
    with Image.open(tmp_path / "a.jpg") as seen:
        quantisation = seen.quantization  # type: ignore[attr-defined]
    stream = io.BytesIO()
    Image.fromarray(smooth()).save(stream, "JPEG", quality=95, subsampling=0)
    with Image.open(stream) as expected:
        assert quantisation == expected.quantization  # type: ignore[attr-defined]


def test_grey_jpeg_stays_grey(tmp_path: Path) -> None:
    Image.fromarray(smooth()[..., 0]).save(tmp_path / "a.jpg", quality=70)
    picture = images.read(tmp_path / "a.jpg")
    assert picture.pixels.shape[2] == 1
    images.write(tmp_path / "b.jpg", picture)
    assert images.read(tmp_path / "b.jpg").qtables == picture.qtables


def test_webp_is_lossless_unless_the_source_was_not(tmp_path: Path) -> None:
    pixels = noise(20, 30, 4)
    images.write(tmp_path / "a.webp", Picture(pixels, exif=exif_block()))
    kept = images.read(tmp_path / "a.webp")
    assert kept.lossless
    np.testing.assert_array_equal(kept.pixels, pixels)  # colours under alpha 0 as well
    images.write(tmp_path / "b.webp", kept, quality=50)
    lossy = images.read(tmp_path / "b.webp")
    assert not lossy.lossless
    assert lossy.pixels.shape == pixels.shape
    images.write(tmp_path / "c.webp", lossy)
    assert not images.read(tmp_path / "c.webp").lossless


@pytest.mark.parametrize("quality", [0, 101, -5])
def test_quality_out_of_range(tmp_path: Path, quality: int) -> None:
    with pytest.raises(OutputError, match=f"quality is {quality}, expected 1 to 100") as error:
        images.write(tmp_path / "a.jpg", Picture(smooth()), quality=quality)
    one_line(error)


@pytest.mark.parametrize("name", ["a.xyz", "a", "a.gif"])
def test_unknown_extension_lists_the_known(tmp_path: Path, name: str) -> None:
    with pytest.raises(
        OutputError, match=r"\.png, \.jpg, \.jpeg, \.webp, \.tif, \.tiff, \.bmp"
    ) as e:
        images.write(tmp_path / name, Picture(smooth()))
    one_line(e)
    with pytest.raises(OutputError, match="unknown image format 'gif'"):
        images.write(tmp_path / "a.png", Picture(smooth()), format="gif")


def test_format_by_argument(tmp_path: Path) -> None:
    images.write(tmp_path / "a.tmp", Picture(smooth()), format="JPEG")
    assert images.read(tmp_path / "a.tmp").format == "JPEG"


def test_too_long_a_side(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="WEBP stores at most 16383 pixels a side") as error:
        images.write(tmp_path / "a.webp", Picture(np.zeros((1, 16384, 3), np.uint8)))
    one_line(error)


def test_check_writable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    images.check_writable(tmp_path / "a.png")
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(OutputError, match="its folder does not exist; create it") as error:
        images.check_writable(tmp_path / "no" / "a.png")
    one_line(error)
    (tmp_path / "d.png").mkdir()
    with pytest.raises(OutputError, match="is a folder, expected a file") as error:
        images.check_writable(tmp_path / "d.png")
    one_line(error)
    (tmp_path / "f").write_bytes(b"")
    with pytest.raises(OutputError, match="is a file, not a folder") as error:
        images.write(tmp_path / "f" / "a.png", Picture(smooth()))
    one_line(error)
    with pytest.raises(OutputError, match=r"which JPEG cannot store; choose \.png"):
        images.check_writable(tmp_path / "a.jpg", picture=Picture(noise(4, 4, 4)))
    monkeypatch.setattr(os, "access", lambda *_: False)  # chmod does not stop root
    with pytest.raises(OutputError, match="its folder is not writable") as error:
        images.check_writable(tmp_path / "a.png")
    one_line(error)


@pytest.mark.parametrize("failure", [OSError(28, "No space left on device"), KeyboardInterrupt()])
def test_failed_write_leaves_the_old_file_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, failure: BaseException
) -> None:
    path = tmp_path / "a.png"
    images.write(path, Picture(smooth()))
    before = path.read_bytes()

    def fail(*_: object) -> None:
        raise failure

    monkeypatch.setattr(os, "replace", fail)
    expected = OutputError if isinstance(failure, OSError) else KeyboardInterrupt
    with pytest.raises(expected, match="No space left" if expected is OutputError else None):
        images.write(path, Picture(noise(5, 5, 3)))
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("name", ["a.png", "a.jpg", "a.webp", "a.bmp"])
def test_failing_encoder_leaves_the_old_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    path = tmp_path / name
    path.write_bytes(b"old")

    def fail(*_: object, **__: object) -> None:
        raise OSError("encoder error -2\nwhen writing image file")

    monkeypatch.setattr(Image.Image, "save", fail)
    with pytest.raises(OutputError, match=r"cannot encode as .*: encoder error -2 when") as error:
        images.write(path, Picture(smooth()))
    one_line(error)
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_output_follows_the_umask_and_replaces_links(tmp_path: Path) -> None:
    source, link = tmp_path / "in.png", tmp_path / "out.png"
    images.write(source, Picture(smooth()))
    before = source.read_bytes()
    link.symlink_to(source)
    images.write(link, Picture(noise(5, 5, 3)))
    assert source.read_bytes() == before
    assert not link.is_symlink()
    plain = tmp_path / "plain"
    plain.write_bytes(b"")
    assert link.stat().st_mode == plain.stat().st_mode


def test_same_picture_same_bytes(tmp_path: Path) -> None:
    picture = replace(images.from_array(noise(20, 20, 3)), exif=exif_block(), icc=SRGB)
    for name in ("png", "jpg", "webp", "tiff", "bmp"):
        images.write(tmp_path / f"a.{name}", picture)
        images.write(tmp_path / f"b.{name}", picture)
        assert (tmp_path / f"a.{name}").read_bytes() == (tmp_path / f"b.{name}").read_bytes()


def test_import_is_light() -> None:
    import subprocess
    import sys

    code = "import sys, inpaint.images.files; print('torch' in sys.modules, 'cv2' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert re.fullmatch(r"False False\s*", done.stdout)

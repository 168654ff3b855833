from __future__ import annotations

import io
import tarfile

import numpy as np
import pytest
from PIL import Image

from inpaint.errors import ImageError
from inpaint.evaluate.data import decoded, iter_images


def png(value=0, size=(6, 4), **options):
    buffer = io.BytesIO()
    Image.new("RGB", size, (value, 2, 3)).save(buffer, options.pop("format", "PNG"), **options)
    return buffer.getvalue()


FILES = {
    "b.png": png(1),
    "a/z.PNG": png(2),
    "a/é.png": png(3),
    "broken.png": b"no image",
    "notes.txt": b"text",
    "._b.png": b"hidden",
    ".cache/c.png": png(4),
}


@pytest.fixture
def folder(tmp_path):
    for name, data in FILES.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(data)
    return tmp_path


@pytest.fixture(params=["w", "w:gz"])
def tar(request, tmp_path):
    path = tmp_path / "set.tar"
    with tarfile.open(path, request.param) as archive:
        for name, data in FILES.items():
            info = tarfile.TarInfo(f"./{name}")
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return path


def names(items):
    return [name for name, _ in items]


def test_folder_is_sorted_and_recursive(folder):
    items = list(iter_images(folder))
    assert names(items) == ["a/z.PNG", "a/é.png", "b.png", "broken.png"]
    assert items[0][1].shape == (4, 6, 3)
    assert items[0][1][0, 0].tolist() == [2, 2, 3]


def test_tar_keeps_its_order_and_the_folder_s_names(tar):
    items = list(iter_images(tar))
    assert names(items) == ["b.png", "a/z.PNG", "a/é.png", "broken.png"]
    assert items[2][1][0, 0].tolist() == [3, 2, 3]


def test_damaged_image_comes_as_its_error(folder, tar):
    for source in (folder, tar):
        error = dict(iter_images(source))["broken.png"]
        assert isinstance(error, ImageError)
        assert "'broken.png' is not an image" in str(error)


def test_limit_and_laziness(folder):
    items = iter_images(folder, limit=3)
    (folder / "b.png").write_bytes(png(9))  # not read before its turn
    assert [image[0, 0, 0] for _, image in items] == [2, 3, 9]
    assert list(iter_images(folder, limit=0)) == []


def test_truncated_tar_gives_what_it_has(tmp_path):
    path = tmp_path / "cut.tar"
    with tarfile.open(path, "w") as archive:
        for name in ("1.png", "2.png"):
            data = png(1, size=(300, 300), compress_level=0)
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    path.write_bytes(path.read_bytes()[:400_000])
    items = list(iter_images(path))
    assert names(items) == ["1.png", "cut.tar"]
    assert "breaks off" in str(items[1][1])


def test_bad_paths_fail_at_once(tmp_path):
    with pytest.raises(ImageError, match="does not exist"):
        iter_images(tmp_path / "none")
    (tmp_path / "a.txt").write_text("x")
    with pytest.raises(ImageError, match="neither a folder nor a tar"):
        iter_images(tmp_path / "a.txt")


def test_decoding_gives_rgb_bytes_upright():
    buffer = io.BytesIO()
    Image.fromarray(np.full((4, 5), 40000, np.uint16)).save(buffer, "PNG")
    name, image = decoded(("deep.png", buffer.getvalue()))
    assert name == "deep.png"
    assert image.dtype == np.uint8
    assert image.tolist() == np.full((4, 5, 3), round(40000 / 257)).tolist()
    exif = Image.Exif()
    exif[0x0112] = 6  # a quarter turn
    assert decoded(("turned.jpg", png(format="JPEG", exif=exif)))[1].shape == (6, 4, 3)
    error = decoded(("none.png", b""))[1]
    assert isinstance(error, ImageError)
    assert "'none.png' is empty" in str(error)
    assert decoded(("none.png", error)) == ("none.png", error)

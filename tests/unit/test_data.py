from __future__ import annotations

import io
import tarfile

import numpy as np
import pytest
from PIL import Image

from inpaint import images
from inpaint.batch.disk import Disk
from inpaint.batch.pairing import Item as BatchItem
from inpaint.batch.pairing import plan_items
from inpaint.errors import ImageError, MaskError
from inpaint.evaluate import holes
from inpaint.evaluate.data import decoded, iter_images, survey


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


MIXED = {
    "a.png": png(1),
    "a_mask.png": png(255),
    "x/b.JPG": png(2),
    "x/B_MASK001.png": png(255),
    "x/c_mask.png": png(3),  # beside no c.*: an image
    "x/phone.heic": b"\0\0\0\x18ftypheic\0\0\0\0mif1heic",
}


def write(root, files):
    for name, data in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(data)
    return root


def packed(path, files):
    with tarfile.open(path, "w:gz") as archive:
        for name, data in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return path


@pytest.mark.parametrize("form", ["folder", "tar"])
def test_masks_beside_images_are_left_out_and_what_cannot_be_read_is_an_item(tmp_path, form):
    turned = dict(reversed(MIXED.items()))  # a mask may come before its image
    source = (
        write(tmp_path / "d", MIXED) if form == "folder" else packed(tmp_path / "d.tgz", turned)
    )
    items = dict(iter_images(source))
    assert sorted(items) == ["a.png", "x/b.JPG", "x/c_mask.png", "x/phone.heic"]
    assert "HEIC" in str(items["x/phone.heic"])
    found = survey(source)
    assert sorted(found.names) == sorted(items)
    assert sorted(found.masks) == ["a_mask.png", "x/B_MASK001.png"]


def test_linked_folders_are_followed_and_loops_named(tmp_path):
    write(tmp_path / "disk", {"1.png": png(1)})
    root = write(tmp_path / "d", {"cats/0.png": png(2)})
    (root / "dogs").symlink_to("../disk")
    (root / "cats" / "up").symlink_to("..")
    items = dict(iter_images(root))
    assert sorted(items) == ["cats/0.png", "cats/up", "dogs/1.png"]
    assert "is a link to a folder that it lies in" in str(items["cats/up"])
    assert "cats/up" in str(items["cats/up"])
    assert sorted(dict(iter_images(root, skip=[tmp_path / "disk"]))) == ["cats/0.png", "cats/up"]


def save_mask(path, value):
    mask = np.zeros((4, 6), np.uint8)
    mask[1, value] = 255
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(mask).save(path)


def test_evaluate_pairs_the_masks_that_batch_pairs(tmp_path):
    names = ["a.jpg", "b.jpg", "c.jpg", "d.JPG", "e\u0301.jpg", "x/f.jpg", "G.jpg"]
    write(tmp_path / "d", {name: png(1) for name in names})
    masks = ["a.jpg.png", "b_mask.png", "c_mask000.png", "D.png", "\u00e9.png", "x/f.webp"]
    for number, name in enumerate([*masks, "g_MASK.png"]):
        save_mask(tmp_path / "m" / name, number % 6)
    batch = {
        item.path: item.mask
        for item in plan_items(Disk(tmp_path / "d"), Disk(tmp_path / "m"))
        if isinstance(item, BatchItem)
    }
    assert sorted(batch) == sorted(names)
    draw = holes.parse(str(tmp_path / "m"), images=tmp_path / "d").draw
    for name in names:
        expected = images.read(tmp_path / "m" / batch[name]).pixels[..., 0] > 127
        np.testing.assert_array_equal(draw(name, (4, 6), 0), expected)


def test_the_folder_of_the_images_holds_their_masks(tmp_path):
    write(tmp_path / "d", {"a.png": png(1), "b.png": png(2)})
    save_mask(tmp_path / "d" / "a_mask001.png", 2)
    draw = holes.parse(str(tmp_path / "d"), images=tmp_path / "d").draw
    assert draw("a.png", (4, 6), 0).sum() == 1
    with pytest.raises(MaskError, match=r"b\.png has no mask; add 'b_mask\.png'"):
        draw("b.png", (4, 6), 0)


def test_a_folder_of_masks_within_the_images_is_not_measured(tmp_path):
    root = write(tmp_path / "d", {"a.png": png(1)})
    save_mask(root / "masks" / "a.png", 2)
    sets = holes.parse_all([str(root / "masks")], images=root)
    assert names(iter_images(root, skip=holes.roots(sets))) == ["a.png"]
    assert sets[0].draw("a.png", (4, 6), 0).sum() == 1


def test_one_mask_for_all(tmp_path):
    save_mask(tmp_path / "m.png", 2)
    found = holes.parse(str(tmp_path / "m.png"))
    assert (found.name, found.draw("any.png", (4, 6), 0).sum()) == ("m", 1)

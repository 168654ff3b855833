"""Training data: what is read, in which order, when it is read again, and what a step sees."""

from __future__ import annotations

import io
import json
import os
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

import numpy as np
import pytest
import torch
from PIL import Image
from small_disk import small_disk
from torch import Tensor

from inpaint.errors import ImageError, InpaintError, OutputError
from pretrain import data
from pretrain.data import Images


def encoded(pixels: np.ndarray, kind: str = "PNG", **options: object) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, kind, **options)
    return buffer.getvalue()


def flat(value: int, height: int = 10, width: int = 14) -> bytes:
    return encoded(np.full((height, width, 3), value, np.uint8))


FILES = {
    "c.PNG": flat(90),
    "cats/b.png": flat(20),
    "cats/a.png": flat(10),
    "dogs/é.png": flat(30),
    "dogs/notes.txt": b"not counted as damaged",
    "cats/._a.png": b"a Mac's shadow of a.png",
    ".thumbs/a.png": flat(99),
}
VALUES = [90, 10, 20, 30]  # in the order of their sorted names


def write(folder: Path, files: dict[str, bytes]) -> Path:
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    return folder


def packed(path: Path, files: dict[str, bytes], mode: str = "w") -> Path:
    with tarfile.open(path, mode) as tar:
        for name, content in files.items():
            info = tarfile.TarInfo(f"./{name}")
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    return path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write(tmp_path / "photos", FILES)


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    return tmp_path / "cache"


def loaded(source: Path, cache: Path, size: int = 8) -> Images:
    return data.load([source], size=size, cache=cache)


def values(images: Images) -> list[int]:
    return [int(p.flat[0]) for p in images.pixels]


def plain_images(count: int, size: int = 8, seed: int = 0) -> Images:
    pixels = np.random.default_rng(seed).integers(0, 256, (count, size, size, 3), dtype=np.uint8)
    return Images(pixels, np.arange(count), tuple(map(str, range(count))))


def one_line(error: pytest.ExceptionInfo[InpaintError]) -> str:
    text = str(error.value)
    assert "\n" not in text
    return text


# What is read


def test_a_folder_is_read_in_the_order_of_its_names(folder: Path, cache: Path) -> None:
    images = loaded(folder, cache)
    assert values(images) == VALUES
    assert images.pixels.shape == (4, 8, 8, 3)
    assert images.pixels.dtype == np.uint8
    assert images.size == 8
    assert len(images) == 4


def test_the_order_does_not_depend_on_when_the_files_came(tmp_path: Path, cache: Path) -> None:
    other = write(tmp_path / "other", dict(reversed(FILES.items())))
    assert values(loaded(other, cache)) == VALUES


@pytest.mark.parametrize("mode", ["w", "w:gz", "w:xz"])
def test_a_tar_gives_what_its_folder_gives(
    folder: Path, tmp_path: Path, cache: Path, mode: str
) -> None:
    tar = packed(tmp_path / "photos.tar", FILES, mode)
    ours, theirs = loaded(tar, cache), loaded(folder, cache)
    assert sorted(values(ours)) == sorted(VALUES)
    by_value = dict(zip(values(theirs), theirs.labels, strict=True))
    assert ours.classes == theirs.classes
    assert [by_value[v] for v in values(ours)] == list(ours.labels)
    assert loaded(tar, cache.with_name("again")).pixels.tobytes() == ours.pixels.tobytes()


def test_the_folder_right_above_an_image_is_its_class(folder: Path, cache: Path) -> None:
    images = loaded(folder, cache)
    assert images.classes == (".", "cats", "dogs")
    assert [images.classes[i] for i in images.labels] == [".", "cats", "cats", "dogs"]


def test_sources_are_joined_in_their_order(folder: Path, tmp_path: Path, cache: Path) -> None:
    more = packed(tmp_path / "more.tar", {"cats/z.png": flat(70)})
    images = data.load([more, folder], size=8, cache=cache)
    assert values(images) == [70, *VALUES]
    assert images.classes[images.labels[0]] == "cats"


def cut_jpeg() -> bytes:
    whole = encoded(np.random.default_rng(0).integers(0, 255, (40, 40, 3), dtype=np.uint8), "JPEG")
    return whole[: len(whole) // 2]


DAMAGED = {
    "cats/cut.jpg": cut_jpeg(),
    "cats/empty.png": b"",
    "cats/text.webp": b"hello",
    "cats/header.bmp": flat(3)[:20],
}


@pytest.mark.parametrize("form", ["folder", "tar"])
def test_damaged_files_are_skipped_and_named(tmp_path: Path, cache: Path, form: str) -> None:
    files = {**FILES, **DAMAGED}
    source = write(tmp_path / "x", files) if form == "folder" else packed(tmp_path / "x.tar", files)
    images = loaded(source, cache)
    assert sorted(values(images)) == sorted(VALUES)
    assert sorted(images.skipped) == sorted(DAMAGED)
    assert len(images.labels) == len(images.pixels)
    assert loaded(source, cache).skipped == images.skipped, "the cache forgot them"


def test_what_cannot_even_be_opened_is_skipped_too(folder: Path, cache: Path) -> None:
    (folder / "cats" / "gone.png").symlink_to(folder / "nowhere.png")
    (folder / "folder.png").mkdir()
    images = loaded(folder, cache)
    assert values(images) == VALUES
    assert "cats/gone.png" in images.skipped


@pytest.mark.parametrize("mode", ["w", "w:gz"])
def test_a_tar_that_breaks_off_gives_what_it_has_and_says_so(
    tmp_path: Path, cache: Path, mode: str
) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (2, 60, 60, 3), dtype=np.uint8)
    tar = packed(tmp_path / "cut.tar", {f"{i}.png": encoded(p) for i, p in enumerate(noise)}, mode)
    tar.write_bytes(tar.read_bytes()[:16_000])
    images = loaded(tar, cache)
    assert len(images) == 1
    assert any("cut.tar" in name for name in images.skipped)


# How it is decoded


def test_the_centre_square_is_kept(tmp_path: Path, cache: Path) -> None:
    y, x = np.mgrid[:20, :40]
    wide = np.stack([x, y, 0 * x], axis=2).astype(np.uint8)
    source = write(tmp_path / "x", {"a.png": encoded(wide), "b.png": encoded(wide.swapaxes(0, 1))})
    images = loaded(source, cache, 20)
    np.testing.assert_array_equal(images.pixels[0], wide[:, 10:30])
    np.testing.assert_array_equal(images.pixels[1], wide[:, 10:30].swapaxes(0, 1))


def test_shrinking_averages_areas(tmp_path: Path, cache: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (32, 32, 3), dtype=np.uint8)
    images = loaded(write(tmp_path / "x", {"a.png": encoded(noise)}), cache, 8)
    blocks = noise.reshape(8, 4, 8, 4, 3).mean((1, 3))
    assert np.abs(images.pixels[0] - blocks).max() <= 0.51


def test_small_images_are_enlarged_and_grey_ones_are_rgb(tmp_path: Path, cache: Path) -> None:
    grey = encoded(np.full((3, 5), 77, np.uint8))
    images = loaded(write(tmp_path / "x", {"a.png": grey}), cache, 16)
    np.testing.assert_array_equal(images.pixels, np.full((1, 16, 16, 3), 77))


def test_photos_are_turned_upright_by_their_exif(tmp_path: Path, cache: Path) -> None:
    top = np.zeros((16, 16, 3), np.uint8)
    top[:8] = 255
    exif = Image.Exif()
    exif[0x0112] = 3  # upside down
    source = write(tmp_path / "x", {"a.png": encoded(top, exif=exif)})
    np.testing.assert_array_equal(loaded(source, cache, 16).pixels[0], top[::-1])


def test_sixteen_bit_grey_is_scaled_not_clipped(tmp_path: Path, cache: Path) -> None:
    ramp = np.linspace(0, 65535, 256).astype(np.uint16).reshape(16, 16)
    images = loaded(write(tmp_path / "x", {"a.png": encoded(ramp)}), cache, 16)
    assert np.abs(images.pixels[0, ..., 0] - ramp / 257).max() <= 1


# The cache


def forbid_decoding(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*args: object, **kwargs: object) -> None:
        raise AssertionError("decoded anew")

    monkeypatch.setattr(data, "_fill_cache", refuse)


@pytest.mark.parametrize("form", ["folder", "tar"])
def test_unchanged_data_is_decoded_once(
    folder: Path, tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch, form: str
) -> None:
    source = folder if form == "folder" else packed(tmp_path / "x.tar", FILES)
    first = loaded(source, cache)
    forbid_decoding(monkeypatch)
    again = loaded(source, cache)
    assert isinstance(again.pixels, np.memmap)
    np.testing.assert_array_equal(again.pixels, first.pixels)
    np.testing.assert_array_equal(again.labels, first.labels)
    assert (again.classes, again.skipped) == (first.classes, first.skipped)


def replace(folder: Path) -> None:
    path = folder / "cats" / "a.png"
    new = flat(11)
    assert len(new) == path.stat().st_size, "the change must not show in the size"
    path.write_bytes(new)
    later = path.stat().st_mtime_ns + 1_000_000
    os.utime(path, ns=(later, later))


CHANGES: dict[str, tuple[Callable[[Path], object], list[int]]] = {
    "replaced": (replace, [90, 11, 20, 30]),
    "added": (lambda f: write(f, {"cats/c.png": flat(25)}), [90, 10, 20, 25, 30]),
    "removed": (lambda f: (f / "cats" / "b.png").unlink(), [90, 10, 30]),
    "renamed": (lambda f: (f / "cats" / "a.png").rename(f / "cats" / "z.png"), [90, 20, 10, 30]),
    "moved": (lambda f: (f / "cats" / "a.png").rename(f / "dogs" / "a.png"), [90, 20, 10, 30]),
}


@pytest.mark.parametrize(("change", "expected"), CHANGES.values(), ids=CHANGES.keys())
def test_a_changed_folder_is_decoded_anew(
    folder: Path, cache: Path, change: Callable[[Path], object], expected: list[int]
) -> None:
    loaded(folder, cache)
    os.utime(folder, ns=(0, 0))  # the top folder need not change when a class folder does
    loaded(folder, cache)
    change(folder)
    os.utime(folder, ns=(0, 0))
    assert values(loaded(folder, cache)) == expected


def test_a_changed_tar_and_another_size_are_decoded_anew(tmp_path: Path, cache: Path) -> None:
    tar = packed(tmp_path / "x.tar", FILES)
    before = loaded(tar, cache)
    assert loaded(tar, cache, 4).pixels.shape == (4, 4, 4, 3)
    packed(tar, {"a.png": flat(5), **FILES})
    assert values(loaded(tar, cache))[0] == 5
    assert values(before)[0] == 90, "a mapped array changed under its user"


def test_the_caches_of_several_sources_do_not_mix(
    folder: Path, tmp_path: Path, cache: Path
) -> None:
    other = write(tmp_path / "other", {"a.png": flat(1)})
    assert values(data.load([folder, other], size=8, cache=cache)) == [*VALUES, 1]
    assert values(data.load([other, folder], size=8, cache=cache)) == [1, *VALUES]
    assert values(loaded(other, cache)) == [1]


class Cut(BaseException):
    """A power cut: no handler for errors sees it."""


def cut_during(monkeypatch: pytest.MonkeyPatch, moment: str) -> None:
    header = data._header

    def before_the_count(stream: BinaryIO, count: int, size: int) -> int:
        if count:
            raise Cut
        return header(stream, count, size)

    def half_a_text(path: Path, text: str, **options: object) -> None:
        path.write_bytes(text.encode()[: len(text) // 2])
        raise Cut

    def never(*args: object) -> None:
        raise Cut

    if moment == "decoding":
        seen: list[bytes] = []
        original = data.square

        def square(*args: object) -> np.ndarray:
            seen.append(b"")
            if len(seen) == 3:
                raise Cut
            return original(*args)  # type: ignore[arg-type]

        monkeypatch.setattr(data, "square", square)
    elif moment == "array":
        monkeypatch.setattr(data, "_header", before_the_count)
    elif moment == "table":
        monkeypatch.setattr(Path, "write_text", half_a_text)
    else:
        monkeypatch.setattr(os, "replace", never)


@pytest.mark.parametrize("moment", ["decoding", "array", "table", "replace"])
@pytest.mark.parametrize("before", ["nothing", "array only", "table only"])
def test_a_cache_that_was_cut_off_is_never_used(
    folder: Path, cache: Path, moment: str, before: str
) -> None:
    expected = loaded(folder, cache.with_name("other"))
    if before != "nothing":
        loaded(folder, cache)
        for path in cache.glob("*.json" if before == "array only" else "*.npy"):
            path.unlink()
    with pytest.MonkeyPatch.context() as patch:
        cut_during(patch, moment)
        with pytest.raises(Cut):
            loaded(folder, cache)
    images = loaded(folder, cache)
    np.testing.assert_array_equal(images.pixels, expected.pixels)
    np.testing.assert_array_equal(images.labels, expected.labels)


def test_a_process_that_dies_while_decoding_leaves_no_cache(folder: Path, cache: Path) -> None:
    child = os.fork()
    if child == 0:
        data.square = lambda *args: os._exit(9)  # type: ignore[assignment]
        try:
            loaded(folder, cache)
        finally:
            os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 9
    assert values(loaded(folder, cache)) == VALUES


def test_a_full_disk_is_one_clear_line_and_leaves_nothing(folder: Path, cache: Path) -> None:
    with small_disk(50_000), pytest.raises(OutputError) as error:
        loaded(folder, cache, 100)
    assert "ulimit -f" in one_line(error)
    assert list(cache.glob("*")) == []
    assert len(loaded(folder, cache, 100)) == 4


def test_a_cache_that_cannot_be_made_is_one_clear_line(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(OutputError) as error:
        loaded(folder, tmp_path / "file" / "cache")
    assert "file" in one_line(error)


# Bad sources


def spoil(name: str, folder: Path) -> Path:
    path = folder / name
    if name == "empty":
        path.mkdir()
    elif name == "text.tar":
        path.write_text("no archive\n" * 100)
    elif name == "zero.tar":
        path.write_bytes(b"")
    elif name == "photo.png":
        path.write_bytes(flat(1))
    elif name == "damaged":
        write(path, DAMAGED)
    elif name == "notes.tar":
        packed(path, {"notes.txt": b"text"})
    return path


@pytest.mark.parametrize(
    "name", ["missing", "empty", "text.tar", "zero.tar", "photo.png", "damaged", "notes.tar"]
)
def test_a_source_without_images_is_one_line_that_names_it(
    folder: Path, tmp_path: Path, cache: Path, name: str
) -> None:
    source = spoil(name, tmp_path)
    with pytest.raises(ImageError) as error:
        data.load([folder, source] if name == "missing" else [source], size=8, cache=cache)
    assert str(source) in one_line(error)
    assert not any(cache.rglob("*")), "something was written"


# Which images a step sees


@pytest.mark.parametrize(("n", "batch"), [(10, 5), (10, 4), (7, 3), (3, 8), (1, 4), (5, 5)])
def test_every_image_comes_once_an_epoch(n: int, batch: int) -> None:
    steps = 3 * n  # so that `batch` epochs and more are whole
    seen = np.concatenate([data.indices(n, batch, seed=1, step=t) for t in range(steps)])
    assert len(seen) == steps * batch
    for epoch in range(3 * batch):
        assert sorted(seen[epoch * n : (epoch + 1) * n]) == list(range(n))


def test_epochs_and_seeds_are_shuffled_differently() -> None:
    epochs = [tuple(data.indices(50, 50, seed=s, step=t)) for s in range(3) for t in range(4)]
    assert len(set(epochs)) == len(epochs)
    assert tuple(range(50)) not in epochs


def test_a_step_is_a_function_of_seed_and_step_alone() -> None:
    images = plain_images(9)

    def drawn(step: int) -> Tensor:
        return data.batch(images, 6, 4, seed=3, step=step, min_scale=0.5)[0]

    straight = [drawn(t) for t in range(6)]
    np.random.seed(1)
    backwards = [drawn(t) for t in reversed(range(6))][::-1]
    for one, other in zip(straight, backwards, strict=True):
        assert one.equal(other)
    assert not straight[0].equal(straight[1])
    assert not data.batch(images, 6, 4, seed=4, step=0)[0].equal(straight[0])


def test_labels_stay_with_their_images() -> None:
    count = 20
    pixels = np.arange(count, dtype=np.uint8)[:, None, None, None] * np.ones((1, 8, 8, 3), np.uint8)
    images = Images(pixels, np.arange(count) % 5, tuple("abcde"))
    for step in range(8):
        x, labels = data.batch(images, 8, 7, seed=0, step=step, min_scale=0.5)
        assert labels.tolist() == [round(float(v) * 255) % 5 for v in x[:, 0, 0, 0]]


# How they are cut


def test_whole_images_are_only_mirrored_and_half_of_them_are() -> None:
    images = plain_images(400, size=4)
    x = data.views(images, np.arange(400), 4, seed=0, step=0)
    assert (x.shape, x.dtype.is_floating_point) == ((400, 3, 4, 4), True)
    found = (x.permute(0, 2, 3, 1).numpy() * 255).round().astype(np.uint8)
    same = (found == images.pixels).all((1, 2, 3))
    mirrored = (found == images.pixels[:, :, ::-1]).all((1, 2, 3))
    assert (same ^ mirrored).all()
    assert 160 < mirrored.sum() < 240


def test_cuts_are_squares_of_the_promised_sides_from_everywhere() -> None:
    side, count = 64, 300
    y, x = np.mgrid[:side, :side]
    position = np.stack([x, y, 0 * x], axis=2).astype(np.uint8)
    images = Images(np.repeat(position[None], count, 0), np.zeros(count, int), (".",))
    cuts = data.views(images, np.arange(count), 32, seed=0, step=0, min_scale=0.5) * 255
    across = (cuts[:, 0, 0, -1] - cuts[:, 0, 0, 0]).abs() * 32 / 31
    down = (cuts[:, 1, -1, 0] - cuts[:, 1, 0, 0]) * 32 / 31
    assert (across - down).abs().max() < 2.5, "not a square, or turned upside down"
    assert down.min() > 32 - 2
    assert down.max() < 64 + 2
    assert down.std() > 6, "sides should spread over 32 .. 64"
    left, top = cuts[:, 0].amin((1, 2)), cuts[:, 1].amin((1, 2))
    small = down < 40
    for corner in (left[small], top[small]):
        assert corner.min() < 3
        assert corner.max() > 20, "24 pixels to choose from"
    assert abs(float(torch.corrcoef(torch.stack([left, top])[:, small])[0, 1])) < 0.4


def test_views_leave_the_images_and_their_range_alone() -> None:
    images = plain_images(20, size=16)
    before = images.pixels.copy()
    images.pixels.setflags(write=False)
    x = data.views(images, np.arange(20), 8, seed=0, step=0, min_scale=0.4)
    np.testing.assert_array_equal(images.pixels, before)
    assert x.min() >= 0
    assert x.max() <= 1
    assert x.is_contiguous(memory_format=torch.channels_last)


def test_the_table_beside_the_array_is_readable_json(folder: Path, cache: Path) -> None:
    loaded(folder, cache)
    (table,) = cache.glob("*.json")
    assert json.loads(table.read_text())["classes"] == [".", "cats", "dogs"]
    assert sorted(p.suffix for p in cache.iterdir()) == [".json", ".npy"], "temporaries left"


def test_a_cache_needs_the_disk_once(folder: Path, cache: Path) -> None:
    """The array is written in place, not copied when its length is known."""
    images = loaded(folder, cache)
    array = next(cache.glob("*.npy"))
    assert array.stat().st_size == images.pixels.nbytes + 128
    assert np.load(array).shape == images.pixels.shape


@pytest.mark.parametrize("workers", [1, 2, 5])
def test_any_number_of_workers_gives_the_same_images(
    tmp_path: Path, folder: Path, workers: int
) -> None:
    (folder / "m.png").write_bytes(b"no image")
    one = data.load([folder], size=8, cache=tmp_path / "one", workers=1)
    more = data.load([folder], size=8, cache=tmp_path / "more", workers=workers)
    np.testing.assert_array_equal(one.pixels, more.pixels)
    assert (one.labels.tolist(), one.skipped) == (more.labels.tolist(), more.skipped)
    assert one.skipped == ("m.png",)


def test_without_mirror_nothing_is_mirrored() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (40, 8, 8, 3), dtype=np.uint8)
    images = data.Images(pixels, np.zeros(40, np.int64), (".",))
    chosen = np.arange(40)
    plain = data.views(images, chosen, 8, seed=0, step=0, mirror=False)
    expected = torch.from_numpy(pixels).permute(0, 3, 1, 2).float() / 255
    torch.testing.assert_close(plain, expected)
    turned = data.views(images, chosen, 8, seed=0, step=0)
    assert 8 < sum(bool((a != b).any()) for a, b in zip(turned, plain, strict=True)) < 32


def test_a_part_of_the_views_is_what_it_is_among_all() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (9, 16, 16, 3), dtype=np.uint8)
    images = data.Images(pixels, np.zeros(9, np.int64), (".",))
    options = {"seed": 3, "step": 5, "min_scale": 0.5}
    whole = data.views(images, np.arange(9), 8, **options)
    part = data.views(images, np.arange(9), 8, part=slice(3, 7), **options)
    assert torch.equal(part, whole[3:7])

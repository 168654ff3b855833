"""``inpaint batch``: what it writes, keeps, refuses and says. In this process (--workers 0)."""

from __future__ import annotations

import errno
import json
import os
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from batch_samples import NAMES, add_hostile, encoded, hole, make_folder, pixels, visible
from PIL import Image

from inpaint import images, pipeline
from inpaint.batch import disk
from inpaint.batch.item import item_seed
from inpaint.batch.options import Options
from inpaint.errors import OutputError


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working folder, with ``in`` and ``masks``."""
    make_folder(tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(disk, "FRESH_NS", 0)  # trust times at once
    return tmp_path


@pytest.fixture
def small(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """As ``place``, with three images only."""
    make_folder(tmp_path, ("a.png", "b.png", "c/d.jpg"))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(disk, "FRESH_NS", 0)
    return tmp_path


@pytest.fixture
def quick(tiny_folders: dict[str, str]) -> list[str]:
    prior = tiny_folders["gaussian"]
    options = ["--masks", "masks", "--prior", prior, "--steps", "1", "--stage", "poisson"]
    return ["batch", "in", *options, "--workers", "0", "--json"]


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[int]]:
    """The seeds that ``complete`` was called with."""
    real, seen = pipeline.complete, []

    def complete(*arguments: Any, **options: Any) -> Any:
        seen.append(options["seed"])
        return real(*arguments, **options)

    monkeypatch.setattr("inpaint.pipeline.complete", complete)
    return seen


def rows(path: str = "rows.jsonl") -> dict[str, dict[str, Any]]:
    return {row["path"]: row for row in map(json.loads, Path(path).read_text().splitlines())}


# What it writes


def test_every_kind_of_image_keeps_its_name_format_and_known_pixels(
    run: Any, place: Path, quick: list[str]
) -> None:
    before = visible(place)
    done = run(*quick, "--out", "out", "--report", "rows.jsonl")
    assert done.code == 0, done.err
    summary = json.loads(done.out)
    assert (summary["done"], summary["failed"], summary["total"]) == (len(NAMES), 0, len(NAMES))
    assert summary["images_per_second"] > 0
    assert sorted(visible(Path("out"))) == sorted(NAMES)
    assert {k: v for k, v in visible(place).items() if not k.startswith(("out/", "rows"))} == before
    for name, row in rows().items():
        source, filled = images.read(f"in/{name}"), images.read(f"out/{name}")
        assert filled.format == source.format
        assert filled.pixels.shape == source.pixels.shape
        mask = images.luma(images.read(f"masks/{row['mask']}")) > 127_000
        assert row["hole"] == pytest.approx(mask.mean(), abs=1e-6)
        assert (filled.pixels[mask] != source.pixels[mask]).any()
        if filled.lossless:
            np.testing.assert_array_equal(filled.pixels[~mask], source.pixels[~mask])
        else:
            assert filled.qtables == source.qtables or source.format == "WEBP" or "cmyk" in name
        assert row["status"] == "done"
        assert row["error"] is None
        assert row["seconds"] > 0
        assert row["method"] == ["prior"]
        assert row["losses"][0].keys() == {"loss", "contextual", "perceptual"}
        assert row["seed"] == item_seed(name, Options())


def test_a_row_tells_how_fill_gives_the_same_bytes(
    run: Any, small: Path, quick: list[str], tiny_folders: dict[str, str]
) -> None:
    run(*quick, "--out", "out", "--report", "rows.jsonl")
    seed = rows()["a.png"]["seed"]
    options = ["--prior", tiny_folders["gaussian"], "--steps", 1, "--stage", "poisson"]
    fill = ["fill", "in/a.png", "--mask", "masks/a.png", *options, "--seed", seed]
    assert run(*fill, "--out", "alone.png").code == 0
    assert Path("alone.png").read_bytes() == Path("out/a.png").read_bytes()


def test_masks_in_alpha_one_mask_for_all_and_masks_beside(
    run: Any, small: Path, quick: list[str]
) -> None:
    for seed, name in enumerate(("one.png", "two.png")):
        image = Image.fromarray(pixels(seed))
        Path("erased").mkdir(exist_ok=True)
        Path("beside").mkdir(exist_ok=True)
        image.save(f"beside/{name}")
        Image.fromarray(hole()).save(f"beside/{Path(name).stem}_mask.png")
        image.putalpha(Image.fromarray(255 - hole()))
        image.save(f"erased/{name}")
    rest = quick[4:]
    for folder, mask in (("erased", "alpha"), ("beside", "beside"), ("beside", "masks/a.png")):
        out = f"out-{folder}-{mask.replace('/', '-')}"
        done = run("batch", folder, "--masks", mask, *rest, "--out", out)
        assert done.code == 0, done.err
        told = json.loads(done.out)
        # Masks that lie beside images are never filled as images.
        assert (told["done"], told["beside"]) == (2, 2 * (mask == "masks/a.png"))
        assert ("2 masks lie beside images" in done.err) == (mask == "masks/a.png")
    assert (np.asarray(Image.open("out-erased-alpha/one.png"))[..., 3] == 255).all()
    assert sorted(visible(Path("out-beside-beside"))) == ["one.png", "two.png"]


def test_the_mask_for_all_is_no_image_where_it_lies_among_them(
    run: Any, small: Path, quick: list[str]
) -> None:
    for name in ("in/hole.png", "in/c/hole.png"):
        Image.fromarray(hole()).save(name)
        command = ["batch", "in", "--masks", name, *quick[4:]]
        done = run(*command, "--out", "out", "--overwrite")
        assert (done.code, json.loads(done.out)["total"]) == (0, 3), done.err
        Path(name).unlink()


def test_filling_in_the_callers_process_leaves_its_threads(
    run: Any, small: Path, quick: list[str]
) -> None:
    before = torch.get_num_threads()
    torch.set_num_threads(before + 1)
    try:
        run(*quick, "--out", "out")
        assert torch.get_num_threads() == before + 1
    finally:
        torch.set_num_threads(before)


def test_another_format_does_not_make_names_collide(
    run: Any, place: Path, quick: list[str]
) -> None:
    shutil.rmtree("in/deep")
    done = run(*quick, "--out", "out", "--format", "png")
    assert done.code == 0, done.err
    written = visible(Path("out"))
    assert {"a.png", "a.jpg.png", "IMG_1.png", "größe 日本.png", "wrong.png"} <= written.keys()
    assert all(data.startswith(b"\x89PNG") for data in written.values())


def test_file_times_are_kept_on_request(run: Any, small: Path, quick: list[str]) -> None:
    os.utime("in/a.png", (10**9, 10**9))
    run(*quick, "--out", "plain")
    run(*quick, "--out", "kept", "--keep-times")
    assert Path("kept/a.png").stat().st_mtime == 10**9
    assert Path("plain/a.png").stat().st_mtime > 10**9


def test_an_output_folder_among_the_images_is_not_an_input(
    run: Any, small: Path, quick: list[str]
) -> None:
    for extra in ([], [], ["--seed", "5"]):
        done = run(*quick, "--out", "in/filled", *extra)
        assert (done.code, json.loads(done.out)["total"]) == (0, 3), done.err


def test_places_may_be_urls(run: Any, small: Path, quick: list[str]) -> None:
    import fsspec

    store = fsspec.filesystem("memory")
    box = f"/box-{time.time_ns()}"
    for name, data in visible(small).items():
        store.makedirs(f"{box}/{name}".rpartition("/")[0], exist_ok=True)
        store.pipe_file(f"{box}/{name}", data)
    run(*quick, "--out", "out")
    url = f"memory:/{box}"
    for count in ((3, 0), (0, 3)):
        command = ["batch", f"{url}/in", "--masks", f"{url}/masks", *quick[4:]]
        done = run(*command, "--out", f"{url}/out")
        assert done.code == 0, done.err
        assert (json.loads(done.out)["done"], json.loads(done.out)["kept"]) == count
    for name, data in visible(Path("out")).items():
        assert store.cat_file(f"{box}/out/{name}") == data
    assert [p for p in store.find(f"{box}/out") if p.endswith(".tmp")] == []
    uri = Path("in").absolute().as_uri()
    assert run("batch", uri, *quick[2:], "--out", Path("out2").absolute().as_uri()).code == 0
    assert visible(Path("out2")) == visible(Path("out"))


def test_memory_urls_need_one_process(run: Any, small: Path, quick: list[str]) -> None:
    quick[quick.index("--workers") + 1] = "1"
    assert "forgotten" in run(*quick, "--out", "memory://x").complaint()


# Resuming


def test_what_is_done_is_kept_without_being_read(
    run: Any, small: Path, quick: list[str], calls: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    run(*quick, "--out", "out")
    first, reads = visible(Path("out")), []
    real = images.read_bytes
    monkeypatch.setattr(images, "read_bytes", lambda path: reads.append(path) or real(path))
    done = run(*quick, "--out", "out", "--report", "rows.jsonl")
    assert json.loads(done.out)["kept"] == 3
    assert (len(calls), reads) == (3, [])
    assert {row["status"] for row in rows().values()} == {"kept"}
    assert visible(Path("out")) == first
    for path in ("in/a.png", "masks/b.png", "out/c/d.jpg"):  # touched, not changed
        os.utime(path)
    assert json.loads(run(*quick, "--out", "out").out)["kept"] == 3
    assert (len(calls), len(reads) > 0) == (3, True)
    reads.clear()
    manifest = Path("out/.inpaint/manifest.jsonl").read_bytes()
    assert json.loads(run(*quick, "--out", "out").out)["kept"] == 3
    assert reads == []
    assert Path("out/.inpaint/manifest.jsonl").read_bytes() == manifest


@pytest.mark.parametrize("what", ["image", "mask", "gone", "cut"])
def test_only_what_changed_is_done_anew(
    run: Any, small: Path, quick: list[str], calls: list[int], what: str
) -> None:
    run(*quick, "--out", "out")
    calls.clear()
    if what == "image":
        Image.fromarray(pixels(9)).save("in/a.png")
    elif what == "mask":
        Image.fromarray(hole(shift=4)).save("masks/a.png")
    elif what == "gone":
        Path("out/a.png").unlink()
    else:
        Path("out/a.png").write_bytes(Path("out/a.png").read_bytes()[:-30])
    summary = json.loads(run(*quick, "--out", "out").out)
    assert (summary["done"], summary["kept"], summary["failed"]) == (1, 2, 0)
    assert calls == [item_seed("a.png", Options())]
    fresh = run(*quick, "--out", "fresh")
    assert fresh.code == 0
    assert visible(Path("fresh")) == visible(Path("out"))


def test_changed_options_redo_everything(
    run: Any, small: Path, quick: list[str], calls: list[int]
) -> None:
    run(*quick, "--out", "out")
    for extra in (["--grow", 1], ["--seed", 5], ["--quality", 50], ["--overwrite"]):
        calls.clear()
        done = run(*quick, "--out", "out", *extra)
        assert (done.code, json.loads(done.out)["done"], len(calls)) == (0, 3, 3), done.err


def test_files_of_others_are_left_alone(run: Any, small: Path, quick: list[str]) -> None:
    Path("out").mkdir()
    Path("out/a.png").write_bytes(b"somebody's")
    done = run(*quick, "--out", "out")
    assert done.code == 1
    assert "is there already" in done.err
    assert Path("out/a.png").read_bytes() == b"somebody's"
    edited = encoded("PNG")
    Path("out/b.png").write_bytes(edited)  # a picture that somebody retouched
    done = run(*quick, "--out", "out")
    assert json.loads(done.out)["failed"] == 2
    assert "was changed since it was written" in done.err
    assert Path("out/b.png").read_bytes() == edited
    done = run(*quick, "--out", "out", "--overwrite")
    assert (done.code, json.loads(done.out)["done"]) == (0, 3)


def test_an_output_folder_that_links_to_the_images_is_no_way_to_replace_them(
    run: Any, small: Path, quick: list[str]
) -> None:
    Path("out").mkdir()
    Path("out/c").symlink_to("../in/c")
    before = visible(small / "in")
    done = run(*quick, "--out", "out", "--overwrite")
    assert (done.code, json.loads(done.out)["failed"]) == (1, 1)
    assert "inputs are never modified" in done.err
    assert visible(small / "in") == before


def test_a_mask_that_went_and_came_back_does_not_orphan_the_output(
    run: Any, small: Path, quick: list[str]
) -> None:
    run(*quick, "--out", "out")
    Path("masks/a.png").rename("a.png")
    assert run(*quick, "--out", "out").code == 1
    Path("a.png").rename("masks/a.png")
    Path("in/b.png").write_bytes(b"broken")
    assert run(*quick, "--out", "out").code == 1
    Image.fromarray(pixels(7)).save("in/b.png")
    done = run(*quick, "--out", "out")
    assert (done.code, json.loads(done.out)["done"]) == (0, 1), done.err


def test_failures_are_tried_again(run: Any, small: Path, quick: list[str]) -> None:
    good = Path("in/a.png").read_bytes()
    Path("in/a.png").write_bytes(good[:60])
    assert run(*quick, "--out", "out").code == 1
    Path("in/a.png").write_bytes(good)
    done = run(*quick, "--out", "out")
    assert (done.code, json.loads(done.out)["done"], json.loads(done.out)["kept"]) == (0, 1, 2)


# Hostile files


def test_hostile_files_are_named_and_all_others_are_filled(
    run: Any, place: Path, quick: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("inpaint.batch.summary.NAMED", 20)
    expected = add_hostile(place)
    assert len(expected) >= 60
    before = visible(place)
    done = run(*quick, "--out", "out", "--report", "rows.jsonl")
    assert done.code == 1
    found = rows()
    for name, reason in expected.items():
        assert found[name]["status"] == "failed", name
        error = found[name]["error"]
        assert reason in error, (name, error)
        assert "\n" not in error
        assert "internal" not in error
    good = {name for name, row in found.items() if row["status"] == "done"}
    assert good == set(NAMES)
    assert set(visible(Path("out"))) == good
    assert {k: v for k, v in visible(place).items() if not k.startswith(("out/", "rows"))} == before
    assert "cmyk.jpg: its CMYK colours were converted to sRGB" in done.err
    assert done.err.count("\n  ") == 22  # that one, 20 of them, and how many more
    assert f"and {len(expected) - 20} more, all in rows.jsonl" in done.err
    summary = json.loads(done.out)
    assert summary["failed"] == len(expected)
    # Totals, what is not as usual with one line, "failed:" with 20, and how many more.
    assert len(done.err.splitlines()) == 1 + 2 + 1 + 20 + 1


def test_an_unforeseen_error_costs_one_image(
    run: Any, small: Path, quick: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    real = pipeline.complete

    def complete(picture: Any, *rest: Any, **options: Any) -> Any:
        if options["seed"] == item_seed("b.png", Options()):
            raise KeyError("two\nlines")
        return real(picture, *rest, **options)

    monkeypatch.setattr("inpaint.pipeline.complete", complete)
    done = run(*quick, "--out", "out")
    assert (done.code, json.loads(done.out)["done"]) == (1, 2)
    assert "b.png: internal error, KeyError" in done.err


def test_a_full_disk_stops_the_run_and_it_goes_on_later(
    run: Any, small: Path, quick: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    real, count = os.write, [0]

    def full(file: int, data: bytes) -> int:
        if b'"status"' not in bytes(data):
            if count[0] > 2 and b"}" in bytes(data):  # the rest of a row, of which half fitted
                raise OSError(errno.ENOSPC, "No space left on device")
            return real(file, data)
        count[0] += 1
        return real(file, data[: len(data) // 2] if count[0] > 2 else data)

    monkeypatch.setattr(os, "write", full)
    done = run(*quick, "--out", "out")
    assert done.code == 1
    assert "stopped: " in done.err
    assert "No space left on device" in done.err
    monkeypatch.undo()
    os.chdir(small)
    done = run(*quick, "--out", "out")
    assert done.code == 0, done.err
    run(*quick, "--out", "fresh")
    assert visible(Path("out")) == visible(Path("fresh"))


def test_the_first_output_that_finds_no_room_ends_the_run(
    run: Any, small: Path, quick: list[str], calls: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    real = os.replace

    def full(source: Path, target: Path) -> None:
        if target.name == "b.png":
            raise OSError(28, "No space left on device")
        real(source, target)

    monkeypatch.setattr("inpaint.images.files.os.replace", full)
    done = run(*quick, "--out", "out", "--report", "rows.jsonl")
    summary = json.loads(done.out)
    assert (done.code, summary["done"], summary["failed"], len(calls)) == (1, 1, 1, 2)
    assert "No space left on device" in summary["stopped"]
    assert "then give the same command again" in done.err
    assert "1 images were not tried" in done.err
    assert sorted(visible(Path("out"))) == ["a.png"]
    assert "full" not in rows()["b.png"]
    monkeypatch.setattr("inpaint.images.files.os.replace", real)
    assert json.loads(run(*quick, "--out", "out").out)["kept"] == 1


def test_outputs_that_cannot_be_written_are_named(
    run: Any, small: Path, quick: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(path: Path, *_: Any, **__: Any) -> None:
        raise OutputError(f"{path} cannot be written (Permission denied); free some space")

    monkeypatch.setattr(images, "replace_bytes", full)
    done = run(*quick, "--out", "out")
    assert (done.code, json.loads(done.out)["failed"]) == (1, 3)
    assert done.err.count("Permission denied") == 3
    assert visible(Path("out")) == {}


# Memory


@pytest.mark.parametrize("always", [False, True])
def test_out_of_memory_is_tried_alone_then_with_one_restart(
    run: Any, small: Path, quick: list[str], monkeypatch: pytest.MonkeyPatch, always: bool
) -> None:
    real, tries = pipeline.complete, []

    def complete(picture: Any, *rest: Any, **options: Any) -> Any:
        if options["seed"] == item_seed("b.png", Options()):
            tries.append(options["search"].get("restarts"))
            if len(tries) == 1 or (always and "restarts" not in options["search"]):
                raise MemoryError
        return real(picture, *rest, **options)

    monkeypatch.setattr("inpaint.pipeline.complete", complete)
    done = run(*quick, "--out", "out", "--report", "rows.jsonl")
    assert (done.code, json.loads(done.out)["done"]) == (0, 3), done.err
    assert tries == ([None, None, 1] if always else [None, None])
    note = rows()["b.png"]["note"]
    assert note == (
        "out of memory even alone; searched with one restart"
        if always
        else "out of memory beside others; filled alone"
    )
    assert f"not filled as usual:\n  b.png: {note}\n" in done.err
    if not always:
        monkeypatch.undo()
        os.chdir(small)
        run(*quick, "--out", "fresh")
        assert visible(Path("fresh")) == visible(Path("out"))


def test_what_never_fits_fails_with_advice(
    run: Any, small: Path, quick: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def complete(*_: Any, **__: Any) -> Any:
        raise RuntimeError("DefaultCPUAllocator: can't allocate memory")

    monkeypatch.setattr("inpaint.pipeline.complete", complete)
    done = run(*quick, "--out", "out")
    assert (done.code, json.loads(done.out)["failed"]) == (1, 3)
    assert done.err.count("out of memory even alone: ") == 3
    assert done.err.count("scale this picture down") == 3


# --check


def test_check_lists_everything_and_writes_nothing(
    run: Any, place: Path, quick: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = add_hostile(place)
    Image.fromarray(255 - hole()).save("masks/a.png")
    Image.fromarray(hole()).save("masks/nobody.png")
    before = visible(place)
    quick.remove("--json")
    done = run(*quick, "--out", "out", "--check")
    assert done.code == 1
    assert visible(place) == before
    assert not Path("out").exists()
    lines = [line.split("\t") for line in done.out.splitlines()]
    assert {line[0] for line in lines} == {"ok", "failed", "orphan"}
    ok = {line[1]: line for line in lines if line[0] == "ok"}
    assert len(ok) == len(NAMES)
    assert ok["a.png"][4] == "warning: the mask looks inverted: white is the hole"
    assert ok["IMG_1.JPG"][1:] == ["IMG_1.JPG", "IMG_1.png", "IMG_1.JPG"]
    assert "'new\\nline.png'" in ok
    assert sum(line[0] == "failed" for line in lines) == len(expected)
    assert ["orphan", "nobody.png", "this mask belongs to no image"] in lines


# How it fails


@pytest.mark.parametrize(
    ("change", "text", "code"),
    [
        ({"in": "nowhere"}, "nowhere does not exist; give a folder", 1),
        ({"in": "in/a.png"}, "fill it with inpaint fill", 1),
        ({"masks": "nowhere"}, "give a folder of masks", 1),
        ({"--out": "in"}, "inputs are never modified", 1),
        ({"--out": "masks"}, "inputs are never modified", 1),
        ({"--out": "."}, "inputs are never modified", 1),
        ({"--out": "in/a.png"}, "choose another --out", 1),
        ({"in": ""}, "IMAGES is empty", 1),
        ({"masks": ""}, "--masks is empty", 1),
        ({"--out": ""}, "--out is empty", 1),
        ({"--out": "file://out"}, "names the machine 'out'", 1),
        ({"--grow": "-1"}, "expected pixels, 0 or more", 1),
        ({"--grow": "nan"}, "expected pixels, 0 or more", 1),
        ({"--memory": "x"}, "expected a size such as 4G", 1),
        ({"--report": "nowhere/x.jsonl"}, "choose another --report", 1),
        ({"--report": "in/a.png"}, "is named as an image is", 1),
        ({"--batch-memory": "4G"}, "--workers 0 has none", 1),
        ({"--prior": "faces"}, "unknown prior", 2),
        ({"--stage": "poison"}, "did you mean 'poisson'", 2),
        ({"--engine": "dask"}, "'dask' is not one of", 2),
        ({"--format": "gif"}, "'gif' is not one of", 2),
        ({"--workers": "-1"}, "-1", 2),
        ({"--class": "cat"}, "unknown class", 2),
        ({"--device": "gpu"}, "unknown device", 2),
    ],
    ids=str,
)
def test_wrong_use_is_one_line_and_leaves_nothing(
    run: Any, small: Path, quick: list[str], change: dict[str, str], text: str, code: int
) -> None:
    before = visible(small)
    command = [*quick, "--out", "out"]
    for old, new in change.items():
        if old.startswith("--") and old in command:
            command[command.index(old) + 1] = new
        elif old.startswith("--"):
            command += [old, new]
        else:
            command[command.index(old)] = new
    done = run(*command)
    assert (done.code, text in done.complaint()) == (code, True), done.err
    assert visible(small) == before


def test_a_folder_without_images_is_an_error(run: Any, small: Path, quick: list[str]) -> None:
    Path("empty").mkdir()
    Path("empty/notes.txt").write_text("no image")
    complaint = run("batch", "empty", *quick[2:], "--out", "out").complaint()
    assert complaint.startswith("empty holds no image")


def test_help_does_not_import_torch(run: Callable[..., Any]) -> None:
    import subprocess
    import sys

    code = (
        "import sys; sys.argv = ['inpaint', 'batch', '--help']\n"
        "from inpaint.cli import main\n"
        "try: main()\n"
        "except SystemExit: pass\n"
        "print('torch' in sys.modules, 'cv2' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "False False"


def test_a_check_after_a_run_says_what_would_be_done_in_order(
    run: Any, small: Path, quick: list[str]
) -> None:
    rest = [word for word in quick if word not in ("--json", "--workers", "0")]
    assert run(*rest, "--out", "out", "--workers", "0").code == 0
    Path("out/b.png").unlink()
    manifest = Path("out/.inpaint/manifest.jsonl").read_bytes()
    done = run(*rest, "--out", "out", "--check", "--workers", "2")
    assert done.code == 0
    lines = [line.split("\t")[:2] for line in done.out.splitlines()]
    assert lines == [["kept", "a.png"], ["ok", "b.png"], ["kept", "c/d.jpg"]]
    assert "1 can be filled, 2 are done already" in done.err
    assert Path("out/.inpaint/manifest.jsonl").read_bytes() == manifest
    changed = run(*rest, "--out", "out", "--check", "--workers", "0", "--seed", "5")
    assert changed.out.count("to be filled again") == 2
    shutil.rmtree("out/.inpaint")
    foreign = run(*rest, "--out", "out", "--check", "--workers", "0")
    assert foreign.out.count("the output exists") == 2

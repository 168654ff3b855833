"""``inpaint batch`` with annotations: objects removed, images without them copied or left out."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from inpaint.batch import disk

SIDE = (40, 60)
CAR, PERSON = (20, 10, 14, 12), (4, 24, 8, 10)  # x, y, w, h
NAMES = ("a.png", "b.png", "x/c.png", "x/d.jpg")
# Which objects each image has; d.jpg none.
HAS = {"a.png": ("car",), "b.png": ("car", "person"), "x/c.png": ("person",), "x/d.jpg": ()}


def photo(seed: int) -> np.ndarray:
    y, x = np.mgrid[: SIDE[0], : SIDE[1]]
    noise = np.random.default_rng(seed).integers(-9, 10, (*SIDE, 3))
    return (np.stack([x * 4, y * 6, 250 - x * 2 - y], -1) + noise).clip(0, 255).astype(np.uint8)


def boxes(name: str) -> dict[str, tuple[int, int, int, int]]:
    return {k: {"car": CAR, "person": PERSON}[k] for k in HAS[name]}


def inside(name: str, *classes: str) -> np.ndarray:
    hole = np.zeros(SIDE, bool)
    for label, (x, y, w, h) in boxes(name).items():
        if label in classes:
            hole[y : y + h, x : x + w] = True
    return hole


def as_coco() -> dict[str, Any]:
    images, notes = [], []
    for number, name in enumerate(NAMES):
        path = name.replace("/", "\\")
        images.append({"id": number, "file_name": path, "width": SIDE[1], "height": SIDE[0]})
        for label, box in boxes(name).items():
            entry = {"image_id": str(number), "category_id": {"car": 1, "person": 2}[label]}
            notes.append({"id": len(notes), "bbox": list(box), **entry})
    classes = [{"id": 1, "name": "car"}, {"id": 2, "name": "person"}]
    return {"images": images, "annotations": notes, "categories": classes}


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(disk, "FRESH_NS", 0)
    for seed, name in enumerate(NAMES):
        path = Path("in", name)
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(photo(seed)).save(path)
    Path("coco.json").write_text(json.dumps(as_coco()))
    Path("notes/x").mkdir(parents=True)
    Path("labels/x").mkdir(parents=True)
    Path("voc/x").mkdir(parents=True)
    Path("labels/classes.txt").write_text("car\nperson\n")
    for name in NAMES[:3]:
        shapes, lines, found = [], [], []
        for label, (x, y, w, h) in boxes(name).items():
            points = [[x, y], [x + w, y + h]]
            shapes.append({"label": label, "points": points, "shape_type": "rectangle"})
            corners = zip(
                ("xmin", "ymin", "xmax", "ymax"), (x + 1, y + 1, x + w, y + h), strict=True
            )
            box = "".join(f"<{tag}>{value}</{tag}>" for tag, value in corners)
            found.append(f"<object><name>{label}</name><bndbox>{box}</bndbox></object>")
            numbers = ((x + w / 2) / 60, (y + h / 2) / 40, w / 60, h / 40)
            lines.append(f"{['car', 'person'].index(label)} {' '.join(map(str, numbers))}")
        data = {"shapes": shapes, "imageHeight": SIDE[0], "imageWidth": SIDE[1]}
        Path("notes", name).with_suffix(".json").write_text(json.dumps(data))
        Path("labels", name).with_suffix(".txt").write_text("\n".join(lines))
        text = f"<annotation><filename>{name}</filename>{''.join(found)}</annotation>"
        Path("voc", name).with_suffix(".xml").write_text(text)
    return tmp_path


@pytest.fixture
def remove(run: Callable[..., Any], desk: Path, tiny_folders: dict[str, str]) -> Any:
    quick = ["--prior", tiny_folders["gaussian"], "--steps", "1", "--stage", "none"]

    def call(*arguments: object, out: str = "out") -> Any:
        return run("batch", "in", *arguments, "--out", out, "--workers", "0", *quick)

    return call


def changed(name: str, out: str = "out") -> np.ndarray:
    with Image.open(Path(out, name)) as after, Image.open(Path("in", name)) as before:
        return np.asarray((np.asarray(after) != np.asarray(before)).any(axis=2))


SOURCES = [("--coco", "coco.json"), ("--labelme", "notes"), ("--yolo", "labels"), ("--voc", "voc")]
SOURCES += [("--annotations", "coco.json")]


@pytest.mark.parametrize(("option", "place"), SOURCES)
def test_objects_of_a_category_are_removed_and_other_images_copied(
    remove: Any, option: str, place: str
) -> None:
    done = remove(option, place, "--category", "person", "--grow", "0", "--json")
    assert done.code == 0, done.err
    told = json.loads(done.out)
    assert (told["done"], told["copied"], told["orphans"]) == (4, 2, 0)
    assert "2 filled, 0 kept, 2 copied, 0 failed" in done.err
    for name in NAMES:
        hole = inside(name, "person")
        assert not (changed(name) & ~hole).any(), name
        assert (changed(name) & hole).sum() >= 0.9 * hole.sum(), name
    for name in ("a.png", "x/d.jpg"):
        assert Path("out", name).read_bytes() == Path("in", name).read_bytes()


def test_all_objects_go_with_margins_as_in_remove(remove: Any, run: Any, desk: Path) -> None:
    assert remove("--coco", "coco.json", "--unannotated", "skip").code == 0
    assert not Path("out/x/d.jpg").exists()
    look = ["--coco", "coco.json", "--category", "car", "--category", "person", "--json"]
    said = run("remove", "in/b.png", *look, "--preview", "look.png")
    pixels = json.loads(said.out)["hole"]["pixels"]
    assert inside("b.png", "car", "person").sum() < pixels
    assert 0.9 * pixels <= changed("b.png").sum() <= pixels


def test_what_is_done_is_kept_until_the_annotations_of_the_image_change(
    remove: Any, desk: Path
) -> None:
    given = ("--coco", "coco.json", "--unannotated", "skip", "--json")
    assert "3 filled, 0 kept, 1 without such objects left out, 0 failed" in remove(*given).err
    before = {name: Path("out", name).read_bytes() for name in NAMES[:3]}
    again = json.loads(remove(*given).out)
    assert (again["done"], again["kept"], again["skipped"]) == (0, 3, 1)
    data = as_coco()
    data["annotations"][0]["bbox"] = [20, 10, 15, 12]  # of a.png alone
    Path("coco.json").write_text(json.dumps(data, indent=1))
    moved = json.loads(remove(*given).out)
    assert (moved["done"], moved["kept"], moved["skipped"], moved["failed"]) == (1, 2, 1, 0)
    assert Path("out/a.png").read_bytes() != before["a.png"]
    assert Path("out/b.png").read_bytes() == before["b.png"]
    other = json.loads(remove(*given, "--category", "car").out)  # other options: done anew
    assert (other["done"], other["skipped"], other["failed"]) == (2, 2, 0)
    back = json.loads(remove(*given).out)
    assert (back["done"], back["failed"]) == (3, 0)


def test_a_check_lists_what_would_be_done(remove: Any, desk: Path) -> None:
    done = remove("--labelme", "notes", "--category", "car", "--check")
    assert done.code == 0
    assert done.out.splitlines() == [
        "ok\ta.png\ta.json\ta.png",
        "ok\tb.png\tb.json\tb.png",
        "ok\tx/c.png\tx/c.json\tx/c.png\twarning: no such object: to be copied",
        "ok\tx/d.jpg\t-\tx/d.jpg\twarning: no such object: to be copied",
    ]
    assert not Path("out").exists()


def test_labelme_files_may_lie_beside_their_images(remove: Any, desk: Path) -> None:
    for name in NAMES[:3]:
        note = Path("notes", name).with_suffix(".json")
        note.rename(Path("in", name).with_suffix(".json"))
    assert remove("--labelme", "in", "--category", "car").code == 0
    assert (changed("a.png") & inside("a.png", "car")).any()


@pytest.mark.parametrize(
    ("arguments", "part", "code"),
    [
        ([], "give one of --masks, --coco", 2),
        (["--coco", "coco.json", "--masks", "in"], "give one of --masks", 2),
        (["--masks", "in", "--category", "car"], "are for annotations", 2),
        (["--coco", "coco.json", "--invert"], "are for masks", 2),
        (["--coco", "notes"], "no file of annotations", 1),
        (["--labelme", "coco.json"], "no folder of files of annotations", 1),
        (["--coco", "coco.json", "--category", "cra"], "did you mean 'car'", 2),
        (["--coco", "in/a.png"], "no text in UTF-8", 1),
        (["--coco", "s3://bucket/coco.json"], "is a URL", 1),
    ],
)
def test_wrong_use_is_one_line(
    remove: Any, arguments: list[str], part: str, code: int, desk: Path
) -> None:
    done = remove(*arguments)
    assert (done.code, "Traceback" in done.err) == (code, False)
    assert part in done.err
    assert not Path("out").exists()


def test_one_entry_for_two_images_of_one_name_is_refused(remove: Any, desk: Path) -> None:
    Path("in/x/a.png").write_bytes(Path("in/a.png").read_bytes())
    done = remove("--coco", "coco.json")
    assert done.code == 1
    assert "one picture that may be 'a.png' or 'x/a.png'" in done.err
    data = as_coco()
    data["images"][0]["file_name"] = "in/a.png"
    Path("coco.json").write_text(json.dumps(data))
    assert remove("--coco", "coco.json").code == 1  # in/x/a.png is still called a.png


def test_a_damaged_entry_costs_its_own_image(remove: Any, desk: Path) -> None:
    data = as_coco()
    data["annotations"][0]["bbox"] = ["wide", 1, 2, 3]
    Path("coco.json").write_text(json.dumps(data))
    done = remove("--coco", "coco.json")
    assert done.code == 1
    assert "a.png: 'coco.json': annotation id 0 ('car') is damaged" in done.err
    assert "2 filled, 0 kept, 1 copied, 1 failed" in done.err

"""Annotation files as programs write them: each gives the same box, and bad entries are named."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from inpaint.errors import MaskError, SelectionError, UnknownNameError
from inpaint.masks import rle
from inpaint.masks.annotation import any_program, coco, labelme
from inpaint.masks.annotation.yolo import class_names

SHAPE = (30, 40)
BOX = np.zeros(SHAPE, bool)
BOX[8:20, 10:25] = True
CORNERS = [[10, 8], [25, 8], [25, 20], [10, 20]]
FLAT = [10, 8, 25, 8, 25, 20, 10, 20]


def coco_of(*annotations: dict[str, Any], name: str = "photo.png", **image: Any) -> dict[str, Any]:
    common = {"image_id": 0, "category_id": 0, "iscrowd": 0}
    entry = {"id": 0, "file_name": name, "width": 40, "height": 30} | image
    return {
        "images": [entry, {"id": 1, "file_name": "x/other.png", "width": 9, "height": 9}],
        "annotations": [{**common, "id": n, **one} for n, one in enumerate(annotations, 1)],
        "categories": [{"id": 0, "name": "car"}],
    }


def written(folder: Path, data: object, name: str = "notes.json") -> Path:
    path = folder / name
    path.write_text(data if isinstance(data, str) else json.dumps(data), encoding="utf-8")
    return path


def shapes(*items: dict[str, Any], **more: Any) -> dict[str, Any]:
    size = {"imageHeight": 30, "imageWidth": 40, "imagePath": "..\\photo.png"}
    return {"version": "3.0", "shapes": list(items), "imageData": None} | size | more


def studio(*values: dict[str, Any], image: str = "/data/upload/1/d3b07384-photo.png") -> Any:
    size = {"original_width": 40, "original_height": 30}
    results = [{"id": f"r{n}", "value": v, **size} for n, v in enumerate(values, 1)]
    return [
        {"id": 4, "data": {"image": image}, "annotations": [{"result": results}]},
        {"id": 5, "data": {"image": "/data/upload/1/aaaaaaaa-b.png"}, "annotations": []},
    ]


def cvat(inner: str) -> str:
    return (
        '<?xml version="1.0" encoding="utf-8"?><annotations><version>1.1</version>'
        f'<image id="0" name="set/photo.png" width="40" height="30">{inner}</image>'
        '<image id="1" name="set/b.png" width="9" height="9"></image></annotations>'
    )


def brush(mask: np.ndarray) -> list[int]:
    """As Label Studio codes a mask: RGBA, here in runs of the longest kind only."""
    values = np.repeat(mask.ravel()[:, None] * 255, 4, axis=1).ravel().tolist()
    bits = f"{len(values):032b}{7:05b}{3:04b}{5:04b}{9:04b}{15:04b}"
    at = 0
    while at < len(values):
        end = at
        while end < len(values) and values[end] == values[at]:
            end += 1
        if end - at > 8:
            bits += f"111{end - at - 1:016b}{values[at]:08b}"
        else:  # one by one
            bits += f"000{end - at - 1:04b}" + "".join(f"{v:08b}" for v in values[at:end])
        at = end
    bits += "0" * (-len(bits) % 8)
    return [int(bits[i : i + 8], 2) for i in range(0, len(bits), 8)]


def cvat_runs() -> str:
    return ", ".join(map(str, [0, 15 * 12]))


PERCENT = {"x": 25.0, "y": 8 / 0.3, "width": 37.5, "height": 40.0, "rotation": 0}
VIA_RECT = {"name": "rect", "x": 10, "y": 8, "width": 15, "height": 12}
VIA_POLYGON = {
    "name": "polygon",
    "all_points_x": [p[0] for p in CORNERS],
    "all_points_y": [p[1] for p in CORNERS],
}


def via(shape: dict[str, Any], regions: Callable[[Any], Any] = lambda r: [r]) -> Any:
    region = {"shape_attributes": shape, "region_attributes": {"class": "car"}}
    return {"photo.png99": {"filename": "photo.png", "size": 99, "regions": regions(region)}}


# What each program writes: content, and the name of the file where it counts.
FILES: dict[str, Any] = {
    "COCO": coco_of({"segmentation": [FLAT], "bbox": [10, 8, 15, 12]}),
    "COCO, Windows paths": coco_of({"bbox": [10, 8, 15, 12]}, name="images\\1/photo.png"),
    "COCO, media folder": coco_of(
        {"bbox": [10, 8, 15, 12]}, name="..\\..\\media\\upload\\4\\photo.png"
    ),
    "COCO, texts": coco_of(
        {"bbox": ["10", "8.0", "15", "12"], "image_id": "0", "category_id": "0", "id": "1"},
        width="40",
        height="30",
    ),
    "COCO, flat": coco_of({"segmentation": FLAT}),
    "COCO, points": coco_of({"segmentation": CORNERS}),
    "COCO, stray parts": coco_of({"segmentation": [FLAT, [1, 2, 3, 4], [], [5, 6]]}),
    "COCO, run lengths in a list": coco_of(
        {"segmentation": [{"size": ["30", "40"], "counts": rle.encode(BOX)}]}
    ),
    "COCO, counts as texts": coco_of(
        {
            "segmentation": {
                "size": [30, 40],
                "counts": list(map(str, [308, 12, *[18, 12] * 14, 460])),
            }
        }
    ),
    "COCO, line beside a box": coco_of({"segmentation": [[1, 2, 3, 4]], "bbox": [10, 8, 15, 12]}),
    "COCO, Label Studio's name": coco_of(
        {"bbox": [10, 8, 15, 12]}, name="images/d3b07384-photo.png"
    ),
    "COCO, Roboflow's name": coco_of(
        {"bbox": [10, 8, 15, 12]},
        name="photo_png.rf.0a1b2c3d4e5f60718293a4b5c6d7e8f9.jpg",
    ),
    "labelme": shapes({"label": "car", "points": CORNERS, "shape_type": "polygon"}),
    "labelme, two corners": shapes(
        {"label": "car", "points": [[25, 20], [10, 8]], "shape_type": "rectangle"}
    ),
    "X-AnyLabeling, four corners": shapes(
        {"label": "car", "points": CORNERS, "shape_type": "rectangle", "score": None},
    ),
    "X-AnyLabeling, turned": shapes(
        {"label": "car", "points": CORNERS, "shape_type": "rotation", "direction": 0.0},
        imageHeight="30",
    ),
    "Label Studio, rectangle": studio({**PERCENT, "rectanglelabels": ["car"]}),
    "Label Studio, polygon": studio(
        {"points": [[x / 0.4, y / 0.3] for x, y in CORNERS], "polygonlabels": ["car"]}
    ),
    "Label Studio, brush": studio(
        {"format": "rle", "rle": brush(BOX), "brushlabels": ["car"]},
        image="/data/local-files/?d=set%2Fphoto.png",
    ),
    "Label Studio, JSON-MIN": [
        {
            "id": 4,
            "image": "/data/upload/1/d3b07384-photo.png",
            "label": [
                {**PERCENT, "rectanglelabels": ["car"], "original_width": 40, "original_height": 30}
            ],
        }
    ],
    "CVAT, box": cvat('<box label="car" xtl="10" ytl="8" xbr="25" ybr="20" z_order="0"/>'),
    "CVAT, polygon": cvat('<polygon label="car" points="10,8;25,8;25,20;10,20"/>'),
    "CVAT, mask": cvat(
        f'<mask label="car" rle="{cvat_runs()}" left="10" top="8" width="15" height="12"/>'
    ),
    "VIA, rectangle": via(VIA_RECT),
    "VIA, polygon": via(VIA_POLYGON),
    "VIA 1": via(VIA_RECT, lambda region: {"0": region}),
    "VIA, project": {"_via_settings": {}, "_via_img_metadata": via(VIA_RECT)},
}


@pytest.mark.parametrize("program", FILES)
def test_each_program_s_file_gives_the_same_box(tmp_path: Path, program: str) -> None:
    data = FILES[program]
    path = written(tmp_path, data, "notes.xml" if isinstance(data, str) else "notes.json")
    for names in ([], ["car"]):
        (mask,) = any_program(path, SHAPE, photo="some/photo.png", labels=names)
        np.testing.assert_array_equal(mask, BOX)
    if program.startswith("COCO"):
        (mask,) = coco(path, SHAPE, photo=tmp_path / "photo.png", categories=["car"], ids=[1])
        np.testing.assert_array_equal(mask, BOX)
    if isinstance(data, dict) and "shapes" in data:
        (mask,) = labelme(path, SHAPE, labels=["car"])
        np.testing.assert_array_equal(mask, BOX)
    with pytest.raises(UnknownNameError, match="did you mean 'car'"):
        any_program(path, SHAPE, photo="photo.png", labels=["cra"])


NUMBERED = [{"id": 0, "name": "person"}, {"id": 1, "name": "car"}]
BOX_LINE = "1 0.4375 0.4666666667 0.375 0.4"
OUTLINE = "1 " + " ".join(f"{x / 40} {y / 30}" for x, y in CORNERS)


@pytest.mark.parametrize("line", [BOX_LINE, f"{BOX_LINE} 0.98", OUTLINE, f"\n{BOX_LINE}\r\n"])
@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("classes.txt", "person\ncar\n"),
        ("../data.yaml", "train: x\nnc: 2\nnames: ['person', 'car']\nroboflow:\n  a: b\n"),
        ("../data.yaml", "names:\n  0: person\n  1: car # red\nnc: 2\n"),
        ("../dataset.yaml", "names:\n- person\n- car\n"),
        (
            "../notes.json",
            '{"categories": [{"id": 0, "name": "person"}, {"id": 1, "name": "car"}]}',
        ),
    ],
)
def test_yolo_files_have_their_class_file_beside_or_above(
    tmp_path: Path, line: str, file: str, text: str
) -> None:
    (tmp_path / "labels").mkdir()
    path = written(tmp_path / "labels", f"0 0.1 0.1 0.05 0.05\n{line}", "photo.txt")
    written(tmp_path / "labels", text, file)
    for names in (["car"], ["1"]):
        (mask,) = any_program(path, SHAPE, photo="photo.png", labels=names)
        np.testing.assert_array_equal(mask, BOX)
    with pytest.raises(SelectionError, match=r"2 kinds \(car, person\)"):
        any_program(path, SHAPE, photo="photo.png")


def test_yolo_without_class_names_goes_by_number(tmp_path: Path) -> None:
    path = written(tmp_path, BOX_LINE, "photo.txt")
    np.testing.assert_array_equal(any_program(path, SHAPE, photo="x.png", labels=["1"])[0], BOX)
    assert class_names("a\n\nb\n\n", "classes.txt") == {"0": "a", "1": "", "2": "b"}
    for text, part in (("1 0.5 0.5 0.2", "line 1 has 3 numbers"), ("\na 1 2 3 4", "line 2 is not")):
        with pytest.raises(MaskError, match=rf"photo\.txt.*{part}"):
            any_program(written(tmp_path, text, "photo.txt"), SHAPE, photo="x.png")


def test_turned_shapes(tmp_path: Path) -> None:
    turned = {"x": 62.5, "y": 8 / 0.3, "width": 30, "height": 50, "rotation": 90}
    path = written(tmp_path, studio({**turned, "rectanglelabels": ["car"]}))
    (mask,) = any_program(path, SHAPE, photo="photo.png")  # 12 wide, 15 high, about its corner
    np.testing.assert_array_equal(mask, BOX)
    text = cvat('<box label="car" xtl="11.5" ytl="6.5" xbr="23.5" ybr="21.5" rotation="90"/>')
    (mask,) = any_program(written(tmp_path, text, "a.xml"), SHAPE, photo="photo.png")
    np.testing.assert_array_equal(mask, BOX)
    y, x = np.mgrid[:30, :40] + 0.5
    expected = ((x - 20) / 9) ** 2 + ((y - 15) / 5) ** 2 <= 1
    for data, name in (
        (cvat('<ellipse label="car" cx="20" cy="15" rx="9" ry="5"/>'), "b.xml"),
        (via({"name": "ellipse", "cx": 20, "cy": 15, "rx": 9, "ry": 5, "theta": 0}), "b.json"),
        (
            studio(
                {"x": 50, "y": 50, "radiusX": 12.5, "radiusY": 30, "rotation": 90}
                | {"ellipselabels": ["car"], "x": 50, "y": 50}
                | {"radiusX": 5 / 0.4, "radiusY": 9 / 0.3}
            ),
            "c.json",
        ),
    ):
        (mask,) = any_program(written(tmp_path, data, name), SHAPE, photo="photo.png")
        assert (mask != expected).mean() < 0.002


POINT = {"name": "point", "cx": 1, "cy": 1}
MIXED: dict[str, tuple[Any, str]] = {
    "labelme": (
        shapes(
            {"label": "car", "points": [], "shape_type": "polygon"},
            {"label": "car", "points": CORNERS, "shape_type": "polygon"},
        ),
        r"shape 1 \('car'\)",
    ),
    "COCO": (
        coco_of({"segmentation": [], "bbox": []}, {"segmentation": [FLAT]}),
        r"annotation id 1 \('car'\)",
    ),
    "Label Studio": (
        studio(
            {"x": 1, "y": 2, "width": 0.5, "keypointlabels": ["car"]},
            {**PERCENT, "rectanglelabels": ["car"]},
        ),
        r"task 4, region r1 \('car'\)",
    ),
    "CVAT": (
        cvat(
            '<polyline label="car" points="1,1;2,2"/>'
            '<box label="car" xtl="10" ytl="8" xbr="25" ybr="20"/>'
        ),
        r"polyline 1 of 'set/photo\.png' \('car'\)",
    ),
    "VIA": (
        via(
            POINT,
            lambda r: [r, {"shape_attributes": VIA_RECT, "region_attributes": {"class": "car"}}],
        ),
        r"region 1 of 'photo\.png' \('car'\)",
    ),
}


@pytest.mark.parametrize("program", MIXED)
def test_what_has_no_area_is_passed_over_and_named(
    tmp_path: Path, program: str, caplog: pytest.LogCaptureFixture
) -> None:
    data, where = MIXED[program]
    path = written(tmp_path, data, "n.xml" if isinstance(data, str) else "n.json")
    with caplog.at_level(logging.WARNING):
        (mask,) = any_program(path, SHAPE, photo="photo.png", labels=["car"])
    np.testing.assert_array_equal(mask, BOX)
    (record,) = caplog.records
    assert "passed over what has no area" in record.getMessage()
    assert re.search(where, record.getMessage())


DAMAGED: dict[str, tuple[Any, str]] = {
    "an odd number": (coco_of({"segmentation": [FLAT[:-1]]}), "annotation id 1 .*odd number"),
    "no number": (coco_of({"segmentation": [["a", *FLAT[1:]]]}), "annotation id 1 .*damaged"),
    "another size": (
        coco_of({"segmentation": {"size": [9, 9], "counts": [81]}}),
        "annotation id 1 .*9x9",
    ),
    "run lengths": (
        coco_of({"segmentation": {"size": [30, 40], "counts": [5]}}),
        "annotation id 1 .*cover 5",
    ),
    "no picture": ({**coco_of(), "annotations": [{"id": 3}]}, "annotation 1 of its list"),
    "nan": (
        shapes({"label": "a", "points": [[0, 0], [float("nan"), 1], [5, 5]]}),
        "shape 1 .*no number",
    ),
    "a word": (shapes("car"), "shape 1 is 'car'"),  # type: ignore[arg-type]
    "CVAT": (cvat('<box label="car" xtl="1" ytl="8" xbr="25"/>'), "box 1 of .*'ybr' is missing"),
    "CVAT runs": (
        cvat('<mask label="a" rle="3, 4" left="0" top="0" width="5" height="5"/>'),
        "mask 1 of .*cover 7 pixels, expected 25",
    ),
    "VIA": (via({"name": "rect", "x": 1}), "region 1 of .*'y' is missing"),
    "Label Studio": (studio({"rle": [1, 2], "brushlabels": ["a"]}), "region r1 .*cut short"),
    "other JSON": ({"a": 1}, "none of COCO"),
    "other XML": ("<html></html>", "XML of 'html'"),
    "no XML": ("<a", "no XML"),
    "a video": ("<annotations><track/></annotations>", "tracks of a video"),
}


@pytest.mark.parametrize("kind", DAMAGED)
def test_a_damaged_entry_is_named(tmp_path: Path, kind: str) -> None:
    data, part = DAMAGED[kind]
    path = written(tmp_path, data, "n.xml" if isinstance(data, str) else "n.json")
    with pytest.raises(MaskError, match=rf"n\.(xml|json).*{part}") as error:
        any_program(path, SHAPE, photo="photo.png")
    text = str(error.value)
    assert "\n" not in text
    assert ";" in text
    if " is damaged (" in text:
        assert "correct" in text


def test_two_categories_of_one_name_are_one_by_name_and_two_by_number(tmp_path: Path) -> None:
    data = coco_of(
        {"segmentation": [FLAT]}, {"bbox": [30, 2, 4, 4], "category_id": 7}, {"bbox": [0, 0, 2, 2]}
    )
    data["categories"].append({"id": 7, "name": "car", "supercategory": "other"})
    path = written(tmp_path, data)
    assert len(coco(path, SHAPE, photo="photo.png")) == 3
    assert len(coco(path, SHAPE, photo="photo.png", categories=["car"])) == 3
    (mask,) = coco(path, SHAPE, photo="photo.png", categories=["7"])
    assert mask.sum() == 16


def test_the_photo_of_several_of_one_name_is_told_by_its_folders(tmp_path: Path) -> None:
    data = coco_of({"segmentation": [FLAT]}, name="a\\photo.png")
    data["images"].append({"id": 9, "file_name": "b\\photo.png", "width": 40, "height": 30})
    path = written(tmp_path, data)
    for read in (any_program, coco):
        (mask,) = read(path, SHAPE, photo=tmp_path / "a" / "photo.png")
        np.testing.assert_array_equal(mask, BOX)
        with pytest.raises(SelectionError, match=r"2 pictures that may be 'photo\.png'"):
            read(path, SHAPE, photo=tmp_path / "c" / "photo.png")

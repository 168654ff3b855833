"""Files that annotation programs wrote (tests/annotation_files): each is read as it was drawn."""

from __future__ import annotations

import logging
import re
from pathlib import Path

import numpy as np
import pytest
from scipy import ndimage

from inpaint.errors import MaskError, SelectionError
from inpaint.masks import objects
from inpaint.masks.annotation import any_program, coco, labelme, outlines
from inpaint.masks.annotation.book import open_book, yolo_page
from inpaint.masks.annotation.yolo import keypoints

FILES = Path(__file__).parents[1] / "annotation_files"
SHAPE = (48, 64)


def filled(*slices: tuple[slice, slice]) -> np.ndarray:
    mask = np.zeros(SHAPE, bool)
    for one in slices:
        mask[one] = True
    return mask


def polygon(*points: tuple[int, int]) -> np.ndarray:
    return objects.polygon(SHAPE, points)


CAR = filled(np.s_[8:20, 10:25])
PERSON = polygon((40, 5), (55, 12), (50, 40), (38, 30))
DOG = filled(np.s_[30:40, 4:18], np.s_[41:42, 5:6]) & ~filled(np.s_[33:36, 8:12])
BOAT = polygon((32, 10), (44, 22), (32, 34), (20, 22))
AROUND = filled(np.s_[5:40, 38:55])  # the box around PERSON
SQUARE = filled(np.s_[2:6, 2:6])
Y, X = np.mgrid[:48, :64] + 0.5
BALL = (X - 30) ** 2 + (Y - 24) ** 2 <= 36
OVAL = ((X - 32) / 9) ** 2 + ((Y - 24) / 5) ** 2 <= 1
CRATE = polygon((12, 14), (16, 10), (26, 10), (26, 20), (22, 24), (12, 24))
# PASCAL VOC's boxes are read so that the object is within, whether pixels count from 0 or from 1.
WIDE = {"car": filled(np.s_[7:20, 9:25]), "person": filled(np.s_[4:40, 37:55])}

# Each file, and the masks of its classes.
EXACT: dict[str, dict[str, np.ndarray]] = {
    "labelme/photo.json": dict(person=PERSON, car=CAR, ball=BALL, boat=BOAT, dog=DOG),
    "xanylabeling/photo.json": dict(person=PERSON, car=CAR, ball=BALL, boat=BOAT, crate=CRATE),
    "xanylabeling/coco_polygon.json": dict(person=PERSON),
    "xanylabeling/coco_rectangle.json": dict(car=CAR),
    "xanylabeling/yolo/hbb/photo.txt": dict(car=CAR),
    "xanylabeling/yolo/seg/photo.txt": dict(person=PERSON),
    "xanylabeling/yolo/obb/photo.txt": dict(boat=BOAT),
    "xanylabeling/voc.xml": dict(person=PERSON, car=WIDE["car"]),
    "labelstudio/json.json": dict(car=CAR, person=PERSON, dog=DOG, ball=OVAL),
    "labelstudio/json_min.json": dict(car=CAR, person=PERSON, dog=DOG, ball=OVAL),
    "labelstudio/coco.json": dict(car=CAR, person=PERSON),
    "labelstudio/brush_coco.json": dict(car=CAR, person=PERSON),
    "labelstudio/yolo/labels/d3b07384-photo.txt": dict(car=CAR, person=PERSON),
    "labelstudio/yolo/labels/obb.txt": dict(car=CAR, person=PERSON),
    "labelstudio/voc.xml": dict(car=filled(np.s_[6:19, 9:25])),  # it rounds 7.99 down
    "datumaro/cvat.xml": dict(person=PERSON, car=CAR, dog=DOG),
    "datumaro/coco.json": dict(person=PERSON, car=CAR, dog=DOG),
    "datumaro/yolo/obj_train_data/set/photo.txt": dict(car=CAR),
    "datumaro/yolo_ultralytics/labels/train/set/photo.txt": dict(car=CAR),
    "datumaro/voc.xml": dict(car=WIDE["car"]),
    "datumaro/label_me.xml": dict(person=PERSON, car=CAR),
    "supervision/coco_boxes.json": dict(car=CAR),
    "pycocotools/coco.json": dict(dog=DOG),
    "labelimg/photo.txt": dict(car=CAR, person=AROUND),
    "labelimg/photo.xml": WIDE,
    "globox/via.json": dict(car=CAR, person=AROUND),
    "globox/cvat.xml": dict(car=CAR, person=AROUND),
    "globox/coco.json": dict(car=CAR, person=AROUND),
    "labelformat/coco_box.json": dict(car=CAR),
    "labelformat/coco_seg.json": dict(person=PERSON | SQUARE, car=CAR, dog=DOG),
    "labelformat/cvat.xml": dict(car=CAR),
    "labelformat/labels/photo.txt": dict(car=CAR),
    "ultralytics/box.txt": {"1": CAR, "0": AROUND},
    "ultralytics/box_conf.txt": {"1": CAR, "0": AROUND},
    "ultralytics/track.txt": {"1": CAR, "0": AROUND},
    "ultralytics/track_conf.txt": {"1": CAR, "0": AROUND},
    "ultralytics/obb.txt": {"1": CAR},
    "ultralytics/obb_conf.txt": {"1": CAR},
    "ultralytics/converted.txt": {"1": CAR},
    "sahi/coco.json": dict(car=CAR, person=PERSON),
    "imantics/coco.json": dict(car=CAR),
    "pylabel/coco.json": dict(car=CAR, person=AROUND),
}
# Outlines that a program traced through the centres of a mask's border pixels, and areas that it
# joined or drew by a rule of its own, some without the hole within: right to a pixel.
NEAR: dict[str, dict[str, np.ndarray]] = {
    "supervision/coco.json": dict(car=CAR, person=DOG),
    "supervision/labels/photo.txt": dict(car=CAR),
    "supervision/labelme.json": dict(car=CAR),
    "supervision/voc.xml": dict(car=CAR),
    "ultralytics/seg.txt": {"1": CAR},
    "ultralytics/seg_conf.txt": {"1": CAR},
    "ultralytics/segtrack.txt": {"1": CAR},
    "ultralytics/segtrack_conf.txt": {"1": CAR},
    "ultralytics/converted.txt": {"0": PERSON | SQUARE},
    "pycocotools/coco.json": dict(person=PERSON),
    "labelstudio/brush_coco.json": dict(dog=DOG),
    "imantics/coco.json": dict(dog=DOG),
}


def read(file: str, label: str) -> np.ndarray:
    # datumaro was given no file names and writes .jpg; the others have photo.png, in some folder.
    photo = "set/photo.jpg" if file.startswith("datumaro") else "some/photo.png"
    (mask,) = any_program(FILES / file, SHAPE, photo=photo, labels=[label])
    return mask


@pytest.mark.parametrize("file", EXACT)
def test_a_program_s_file_is_read_as_it_was_drawn(file: str) -> None:
    for label, expected in EXACT[file].items():
        np.testing.assert_array_equal(read(file, label), expected, err_msg=label)


@pytest.mark.parametrize("file", NEAR)
def test_what_a_program_traced_is_read_to_a_pixel(file: str) -> None:
    square = np.ones((3, 3), bool)
    for label, expected in NEAR[file].items():
        mask = read(file, label)
        whole = ndimage.binary_dilation(ndimage.binary_fill_holes(expected), square)
        assert not (mask & ~whole).any(), label
        kept = ndimage.binary_erosion(ndimage.binary_opening(expected, square), square)
        assert not (kept & ~mask).any(), label


def test_every_file_is_read_by_a_test() -> None:
    """But for the class files beside them, and two of poses that say nothing of their length."""
    beside = {"classes.txt", "obj.names", "data.yaml", "notes.json", "README.md"}
    there = {p.relative_to(FILES).as_posix() for p in FILES.rglob("*") if p.is_file()}
    there = {name for name in there if name.rpartition("/")[2] not in beside}
    assert there == {*EXACT, *NEAR, "ultralytics/pose.txt", "ultralytics/pose_conf.txt"}


def test_shapes_without_area_are_passed_over_and_named(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING), pytest.raises(SelectionError, match="task 4, region r5"):
        any_program(FILES / "labelstudio/json.json", SHAPE, photo="photo.png", labels=["dot"])
    with pytest.raises(SelectionError, match=r"polyline 4 of .*it is a line"):
        any_program(FILES / "datumaro/cvat.xml", SHAPE, photo="set/photo.jpg", labels=["edge"])
    with pytest.raises(SelectionError, match=r"object 3 \('ball'\): it has neither outline nor"):
        any_program(FILES / "xanylabeling/voc.xml", SHAPE, photo="photo.png", labels=["ball"])


@pytest.mark.parametrize(
    ("file", "as_before"),
    [
        ("box.txt", True),
        ("box_conf.txt", True),
        ("seg.txt", True),
        ("seg_conf.txt", False),
        ("track_conf.txt", False),
        ("segtrack.txt", False),
    ],
)
def test_only_lines_that_are_read_anew_count_as_changed(file: str, as_before: bool) -> None:
    """The facts decide whether a batch that goes on fills an image again."""
    path = FILES / "ultralytics" / file
    lines = path.read_text("utf-8").splitlines()
    for entry, line in zip(yolo_page(path).entries, lines, strict=True):
        assert (entry.facts == [float(word) for word in line.split()[1:]]) == as_before


def test_the_options_of_one_program_read_its_files() -> None:
    (mask,) = labelme(FILES / "xanylabeling/photo.json", SHAPE, labels=["crate"])
    np.testing.assert_array_equal(mask, CRATE)
    (mask,) = coco(FILES / "pycocotools/coco.json", SHAPE, photo="x.png", categories=["dog"])
    np.testing.assert_array_equal(mask, DOG)


def test_a_file_of_one_picture_needs_no_name() -> None:
    """Of COCO as of all others."""
    for file in (
        "pycocotools/coco.json",
        "globox/via.json",
        "globox/cvat.xml",
        "labelimg/photo.xml",
    ):
        page = open_book(FILES / file).only()
        assert page is not None
        label = page.entries[0].label
        assert any_program(FILES / file, SHAPE, photo="renamed.png", labels=[label])


@pytest.mark.parametrize("name", ["pose.txt", "pose_conf.txt"])
def test_a_pose_counts_as_its_box_where_its_length_is_known(tmp_path: Path, name: str) -> None:
    text = (FILES / "ultralytics" / name).read_text("utf-8")
    (tmp_path / "photo.txt").write_text(text, "utf-8")
    with pytest.raises(MaskError, match=r"line 1 is no outline .*data\.yaml with kpt_shape"):
        yolo_page(tmp_path / "photo.txt")
    (tmp_path / "data.yaml").write_text("kpt_shape: [17, 3]\nnames: [person, car]\n", "utf-8")
    person, car = (
        any_program(tmp_path / "photo.txt", SHAPE, photo="photo.png", labels=[label])[0]
        for label in ("person", "car")
    )
    np.testing.assert_array_equal(car, CAR)
    np.testing.assert_array_equal(person, AROUND)


def test_labels_of_poses_are_told_by_their_visibilities(tmp_path: Path) -> None:
    path = tmp_path / "photo.txt"
    box = [17.5 / 64, 14 / 48, 15 / 64, 12 / 48]
    for marks in ((2,), (2, 0), (0, 1, 2)):
        points = [value for mark in marks for value in (0.2, 0.3, mark)]
        path.write_text(" ".join(map(str, [1, *box, *points])), "utf-8")
        (mask,) = any_program(path, SHAPE, photo="photo.png")
        np.testing.assert_array_equal(mask, CAR)


@pytest.mark.parametrize(
    ("text", "length"),
    [("kpt_shape: [17, 3]", 51), ("nc: 1\nkpt_shape:\n- 4\n- 2\n", 8), ("names: [a]", 0)],
)
def test_the_length_of_a_pose_is_read_from_yaml(text: str, length: int) -> None:
    assert keypoints(text) == length


def test_a_line_that_is_nothing_known_is_named(tmp_path: Path) -> None:
    path = tmp_path / "photo.txt"
    for numbers in ("0.1 0.2 0.3", "0.1 0.1 0.5 0.1 0.5 0.5 7.5", "0.1 0.1 0.5 0.1 0.5 0.5 -0.5"):
        path.write_text(f"\n1 {numbers}\n", "utf-8")
        with pytest.raises(MaskError, match=re.escape("photo.txt': line 2 has ")):
            yolo_page(path)


def test_crossings_are_counted_once() -> None:
    assert outlines.crossings([(0, 0), (4, 0), (4, 4), (0, 4)]) == 0
    assert outlines.crossings([(0, 0), (4, 4), (4, 0), (0, 4)]) == 1
    assert outlines.crossings([(2, 0), (3, 4), (0, 1), (4, 1), (1, 4)]) == 5  # a star

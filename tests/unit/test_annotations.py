"""Objects out of labelme and COCO files, and what is said of files that do not fit."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from inpaint.errors import InpaintError, MaskError, SelectionError, UnknownNameError
from inpaint.masks import rle
from inpaint.masks.annotation import coco, labelme

SHAPE = (30, 40)
SQUARE = [[10, 8], [25, 8], [25, 20], [10, 20]]


def by_hand(rows: slice, columns: slice) -> np.ndarray:
    mask = np.zeros(SHAPE, bool)
    mask[rows, columns] = True
    return mask


BOX = by_hand(slice(8, 20), slice(10, 25))


def shape(label: str, points: list[Any], kind: str = "polygon", **more: Any) -> dict[str, Any]:
    return {"label": label, "points": points, "group_id": None, "shape_type": kind, **more}


def save(folder: Path, data: object) -> Path:
    path = folder / "notes.json"
    path.write_text(json.dumps(data))
    return path


def labelme_file(folder: Path, *shapes: dict[str, Any], size: tuple[int, int] = SHAPE) -> Path:
    data = {"version": "5.4.1", "shapes": shapes, "imageHeight": size[0], "imageWidth": size[1]}
    return save(folder, data)


def coco_data(*annotations: dict[str, Any]) -> dict[str, Any]:
    return {
        "images": [
            {"id": 7, "file_name": "photo.jpg", "height": 30, "width": 40},
            {"id": 8, "file_name": "other/photo2.jpg", "height": 60, "width": 80},
        ],
        "annotations": [
            {"id": number, "image_id": 7, "category_id": 1, **one}
            for number, one in enumerate(annotations, 100)
        ],
        "categories": [{"id": 1, "name": "person"}, {"id": 2, "name": "dog"}],
    }


# labelme


def test_labelme_shapes_equal_masks_by_hand(tmp_path: Path) -> None:
    stamp = np.ones((12, 15), np.uint8)  # labelme stores 0 and 1
    png = base64.b64encode(cv2.imencode(".png", stamp)[1].tobytes()).decode()
    path = labelme_file(
        tmp_path,
        shape("a", SQUARE),
        shape("a", [[25, 20], [10, 8]], "rectangle"),
        shape("a", [[10.0, 8.0], [24.0, 19.0]], "mask", mask=png),
    )
    found = labelme(path, SHAPE)
    assert len(found) == 3
    for mask in found:
        np.testing.assert_array_equal(mask, BOX)


def test_labelme_circles_hold_the_centres_within_their_radius(tmp_path: Path) -> None:
    path = labelme_file(tmp_path, shape("a", [[20, 15], [26, 15]], "circle"))
    (mask,) = labelme(path, SHAPE)
    y, x = np.mgrid[:30, :40] + 0.5
    np.testing.assert_array_equal(mask, np.hypot(x - 20, y - 15) <= 6)


def test_a_labelme_mask_over_the_border_is_cut(tmp_path: Path) -> None:
    stamp = np.array([[1, 1, 0], [1, 1, 1]], np.uint8)
    png = base64.b64encode(cv2.imencode(".png", stamp)[1].tobytes()).decode()
    path = labelme_file(tmp_path, shape("a", [[-1, 29], [1, 30]], "mask", mask=png))
    np.testing.assert_array_equal(labelme(path, SHAPE)[0], by_hand(slice(29, 30), slice(0, 1)))


def test_labels_and_groups_choose(tmp_path: Path) -> None:
    path = labelme_file(
        tmp_path,
        shape("cat", SQUARE, group_id=1),
        shape("dog", [[0, 0], [5, 5]], "rectangle", group_id=2),
        shape("dog", [[30, 0], [35, 5]], "rectangle"),
        shape("cat", [[1, 1], [2, 2]], "line"),
    )
    assert len(labelme(path, SHAPE, labels=["dog"])) == 2
    assert len(labelme(path, SHAPE, labels=["dog", "cat"])) == 3
    (one,) = labelme(path, SHAPE, ids=[2])
    np.testing.assert_array_equal(one, by_hand(slice(0, 5), slice(0, 5)))
    with pytest.raises(SelectionError, match=r"2 kinds \(cat, dog\); choose with --label"):
        labelme(path, SHAPE)
    with pytest.raises(UnknownNameError, match="did you mean 'dog'"):
        labelme(path, SHAPE, labels=["dogg"])
    with pytest.raises(SelectionError, match=r"no group id 3 .* has 1, 2"):
        labelme(path, SHAPE, ids=[3])
    with pytest.raises(SelectionError, match="both"):
        labelme(path, SHAPE, labels=["cat"], ids=[2])


# COCO


@pytest.mark.parametrize(
    "segmentation",
    [
        [[10, 8, 25, 8, 25, 20, 10, 20]],
        [[10, 8, 15, 8, 15, 20, 10, 20], [15, 8, 25, 8, 25, 20, 15, 20], [1, 1, 1.2, 1, 1, 1.2]],
        {"size": [30, 40], "counts": rle.encode(BOX)},
        {"size": [30, 40], "counts": [308, 12, *[18, 12] * 14, 460]},
        [],
        None,
    ],
    ids=["polygon", "polygons", "compressed", "plain", "box", "box-null"],
)
def test_coco_segmentations_equal_the_mask_by_hand(tmp_path: Path, segmentation: Any) -> None:
    data = coco_data({"segmentation": segmentation, "bbox": [10, 8, 15, 12]})
    (mask,) = coco(save(tmp_path, data), SHAPE, photo="photo.jpg")
    np.testing.assert_array_equal(mask, BOX)


def test_ids_and_categories_choose(tmp_path: Path) -> None:
    path = save(
        tmp_path,
        coco_data(
            {"bbox": [10, 8, 15, 12]},
            {"bbox": [0, 0, 5, 5]},
            {"bbox": [30, 0, 5, 5], "category_id": 2},
            {"bbox": [0, 0, 1, 1], "image_id": 8},
        ),
    )

    def count(**asked: Any) -> int:
        return len(coco(path, SHAPE, photo="somewhere/photo.jpg", **asked))

    assert count(ids=[101]) == 1
    assert count(ids=[100, 102]) == 2
    assert count(categories=["person"]) == 2
    assert count(categories=["2"]) == 1
    assert count(categories=["person", "dog"]) == 3
    with pytest.raises(SelectionError, match=r"\(dog, person\); choose with --category or --id"):
        count()
    with pytest.raises(UnknownNameError, match="did you mean 'person'"):
        count(categories=["persn"])
    with pytest.raises(SelectionError, match=r"no annotation id 103 .* has 100, 101, 102"):
        count(ids=[103])


def test_the_picture_is_told_by_name_or_by_id(tmp_path: Path) -> None:
    path = save(tmp_path, coco_data({"bbox": [10, 8, 15, 12]}))
    np.testing.assert_array_equal(coco(path, SHAPE, photo="renamed.jpg", ids=[100])[0], BOX)
    with pytest.raises(UnknownNameError, match=r"did you mean 'photo\.jpg'"):
        coco(path, SHAPE, photo="foto.jpg")
    with pytest.raises(SelectionError, match="no annotation id 5"):
        coco(path, SHAPE, photo="renamed.jpg", ids=[5])
    with pytest.raises(SelectionError, match=r"no annotation of 'photo2\.jpg'"):
        coco(path, (60, 80), photo="photo2.jpg")
    data = coco_data({"bbox": [10, 8, 15, 12]})
    data["images"] = data["images"][:1]
    np.testing.assert_array_equal(coco(save(tmp_path, data), SHAPE, photo="renamed.jpg")[0], BOX)


def test_equal_names_in_folders_are_told_apart(tmp_path: Path) -> None:
    data = coco_data({"bbox": [10, 8, 15, 12], "image_id": 9})
    for number, folder in enumerate(("a", "b"), 9):
        data["images"].append({"id": number, "file_name": f"{folder}/x.jpg"})
    path = save(tmp_path, data)
    np.testing.assert_array_equal(coco(path, SHAPE, photo=tmp_path / "a" / "x.jpg")[0], BOX)
    with pytest.raises(SelectionError, match="2 pictures that may be"):
        coco(path, SHAPE, photo=tmp_path / "c" / "x.jpg")


# Files that do not fit


def test_pictures_of_another_size_are_refused(tmp_path: Path) -> None:
    path = labelme_file(tmp_path, shape("a", SQUARE), size=(40, 30))
    with pytest.raises(SelectionError, match=r"30x40, the photo is 40x30 as shown.*unturned"):
        labelme(path, SHAPE)
    path = save(tmp_path, coco_data({"bbox": [1, 1, 5, 5]}))
    with pytest.raises(SelectionError, match="40x30, the photo is 41x30"):
        coco(path, (30, 41), photo="photo.jpg")
    data = coco_data({"segmentation": {"size": [40, 30], "counts": "x"}})
    with pytest.raises(SelectionError, match="30x40"):
        coco(save(tmp_path, data), SHAPE, photo="photo.jpg")


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\xff\xfe\x00",
        b"[1, 2]",
        b"{}",
        b'{"shapes": 3, "annotations": 3}',
        b'{"shapes": [3], "annotations": [3], "images": [3]}',
        b'{"shapes": [{}], "annotations": [{}], "images": [{}]}',
        b'{"shapes": [], "annotations": [], "images": []}',
        b"[" * 100_000,
    ],
)
def test_other_files_are_one_line_that_names_them(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "notes.json"
    path.write_bytes(content)
    for read in (lambda: labelme(path, SHAPE), lambda: coco(path, SHAPE, photo="photo.jpg")):
        with pytest.raises(InpaintError, match=r"notes\.json.*;") as error:
            read()
        assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("one", "part"),
    [
        (shape("a", SQUARE[:2]), "polygon of 2 points"),
        (shape("a", [[0, 0], [0, float("nan")], [9, 9]]), "no number"),
        (shape("a", [[0, 0], ["x", 0], [9, 9]]), "damaged"),
        (shape("a", [[100, 100], [120, 120]], "rectangle"), "no pixel"),
        (shape("a", [[1, 1], [2, 2]], "mask"), "'mask' is missing"),
        (shape("a", [[1, 1], [2, 2]], "mask", mask="aGVsbG8="), "its mask"),
        (shape("a", [[1, 1], [2, 2]], "line"), "no polygon, rectangle"),
        ({"points": SQUARE}, "'label' is missing"),
    ],
)
def test_bad_shapes_are_explained(tmp_path: Path, one: dict[str, Any], part: str) -> None:
    with pytest.raises(MaskError, match=rf"notes\.json.*{part}"):
        labelme(labelme_file(tmp_path, one), SHAPE)


@pytest.mark.parametrize(
    ("one", "part"),
    [
        ({"segmentation": [[1, 2, 3, 4]]}, "polygon of 2 points"),
        ({"segmentation": [[1, 2, 3, 4, 5, 6, 7]]}, "odd number"),
        ({"segmentation": [[50, 50, 60, 50, 60, 60]]}, "no pixel"),
        ({"segmentation": {"size": [30, 40], "counts": [5]}}, "cover 5 pixels"),
        ({"segmentation": {"size": [30, 40], "counts": [1200]}}, "no pixel"),
        ({"segmentation": {"counts": [1200]}}, "'size' is missing"),
        ({}, "'bbox' is missing"),
        ({"bbox": [50, 50, 5, 5]}, "no pixel"),
    ],
)
def test_bad_annotations_are_explained(tmp_path: Path, one: dict[str, Any], part: str) -> None:
    with pytest.raises(MaskError, match=rf"notes\.json.*{part}"):
        coco(save(tmp_path, coco_data(one)), SHAPE, photo="photo.jpg")


def test_missing_files_are_named(tmp_path: Path) -> None:
    with pytest.raises(MaskError, match=r"nowhere\.json' does not exist"):
        labelme(tmp_path / "nowhere.json", SHAPE)
    with pytest.raises(MaskError, match="is a folder"):
        coco(tmp_path, SHAPE, photo="photo.jpg")
    with pytest.raises(MaskError, match="use --coco"):
        labelme(save(tmp_path, coco_data()), SHAPE)

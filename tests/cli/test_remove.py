"""``inpaint remove``: every way to point gives the same hole, and wrong pointing one line."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from PIL import Image

from inpaint.masks import rle

Fails = Callable[..., str]
CORNERS = ["10,8", "25,8", "25,20", "10,20"]


@pytest.fixture
def quick(tiny_folders: dict[str, str]) -> list[str]:
    """The options of a fill that takes milliseconds."""
    return ["--prior", tiny_folders["vae"], "--steps", "2"]


@pytest.fixture
def notes(desk: Path) -> Path:
    """``labelme.json`` and ``coco.json`` on the desk, of the hole of ``mask.png``."""
    points = [[float(v) for v in corner.split(",")] for corner in CORNERS]
    cup = {"label": "cup", "points": points, "shape_type": "polygon"}
    other = {"label": "plate", "points": [[0, 0], [3, 3]], "shape_type": "rectangle"}
    data: dict[str, Any] = {"shapes": [cup, other], "imageHeight": 30, "imageWidth": 40}
    (desk / "labelme.json").write_text(json.dumps(data))
    counts = rle.encode(hole())
    data = {
        "images": [{"id": 1, "file_name": "photo.png", "width": 40, "height": 30}],
        "categories": [{"id": 3, "name": "cup"}, {"id": 4, "name": "plate"}],
        "annotations": [
            {
                "id": 11,
                "image_id": 1,
                "category_id": 3,
                "segmentation": {"size": [30, 40], "counts": counts},
            },
            {"id": 12, "image_id": 1, "category_id": 4, "bbox": [0, 0, 3, 3]},
        ],
    }
    (desk / "coco.json").write_text(json.dumps(data))
    return desk


def pixels(path: str | Path) -> np.ndarray:
    image = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
    assert image is not None, path
    return image


def hole() -> np.ndarray:
    return pixels("mask.png") == 255


def pointed(run: Any, *arguments: object, photo: str = "photo.png") -> np.ndarray:
    """The hole that a command would fill."""
    done = run("remove", photo, "--preview", "seen.png", "--json", *arguments)
    assert done.code == 0, done.err
    report = json.loads(done.out)["hole"]
    mask = rle.decode(report["rle"]["counts"], tuple(report["rle"]["size"]))
    assert report["pixels"] == mask.sum()
    return mask


# Ways to point


@pytest.mark.parametrize(
    "way",
    [
        ["--mask", "mask.png"],
        ["--box", "10,8,15,12"],
        ["--box", "10,8,15,6", "--box", "10,14,15,6"],
        ["--polygon", " ".join(CORNERS)],
        ["--polygon", *CORNERS],
        ["--polygon", "10,8", "25,8", "10,20", "--polygon", "25,8 25,20 10,20"],
        ["--polygon", "10,8 25,8 10,20", "--box", "10,8,15,12"],
        ["--labelme", "labelme.json", "--label", "cup"],
        ["--coco", "coco.json", "--id", 11],
        ["--coco", "coco.json", "--category", "cup"],
    ],
    ids=lambda way: " ".join(map(str, way)),
)
def test_every_way_to_point_gives_the_hole_made_by_hand(
    run: Any, notes: Path, way: list[str]
) -> None:
    np.testing.assert_array_equal(pointed(run, *way, "--grow", 0), hole())


def test_by_default_the_hole_grows_a_little(run: Any, desk: Path) -> None:
    grown = pointed(run, "--box", "10,8,15,12")
    assert (hole() <= grown).all()
    assert grown[12, 8]  # 2 px, the least
    assert not grown[12, 7]
    wide = pointed(run, "--box", "10,8,15,12", "--grow", 5)
    assert wide[12, 5]
    assert not wide[12, 4]


def test_the_shadow_is_below(run: Any, desk: Path) -> None:
    drawn = pointed(run, "--box", "10,8,15,12", "--grow", 0, "--shadow")
    expected = hole()
    expected[20:22, 10:25] = True
    np.testing.assert_array_equal(drawn, expected)


def test_snap_finds_the_object_in_a_rough_box(run: Any, desk: Path) -> None:
    y, x = np.mgrid[:90, :120]
    disc = (x - 60) ** 2 + (y - 45) ** 2 < 24**2
    noise = np.random.default_rng(0).normal(0, 6, (90, 120, 3))
    photo = np.where(disc[..., None], (60, 200, 240), (90, 70, 50)) + noise
    cv2.imwrite("photo.png", photo.clip(0, 255).astype(np.uint8))
    found = pointed(run, "--box", "25,10,75,70", "--snap", "--grow", 0)
    assert (found & disc).sum() / (found | disc).sum() > 0.9


def test_snap_without_an_object_says_so_and_takes_the_box(run: Any, desk: Path) -> None:
    cv2.imwrite("photo.png", np.full((30, 40, 3), 99, np.uint8))
    arguments = ["remove", "photo.png", "--box", "10,8,15,12", "--snap", "--grow", 0]
    done = run(*arguments, "--preview", "seen.png")
    assert done.err == (
        "Warning: nothing stands out inside --box 10,8,15,12; all of it is removed\n"
    )
    np.testing.assert_array_equal(pointed(run, *arguments[2:]), hole())


def test_a_turned_photo_gets_the_hole_where_it_is_shown(
    run: Any, desk: Path, quick: list[str]
) -> None:
    """Stored lying on its side (orientation 6), shown upright: 30 wide and 40 high."""
    stored = Image.fromarray(pixels("photo.png"))
    exif = Image.Exif()
    exif[0x0112] = 6
    stored.save("turned.png", exif=exif)
    box = ["--box", "4,28,9,7", "--grow", 0]
    mask = pointed(run, *box, photo="turned.png")
    expected = np.zeros((40, 30), bool)
    expected[28:35, 4:13] = True
    np.testing.assert_array_equal(mask, expected)
    assert run("remove", "turned.png", *box, *quick, "--out", "out.png").code == 0
    shown = np.rot90(np.asarray(stored), -1)
    result = np.asarray(Image.open("out.png"))
    np.testing.assert_array_equal(result[~expected], shown[~expected])
    assert (result[expected] != shown[expected]).any()


# What it writes


def test_only_the_hole_changes_and_stdout_names_the_result(
    run: Any, desk: Path, quick: list[str]
) -> None:
    before = pixels("photo.png")
    done = run("remove", "photo.png", "--box", "10,8,15,12", "--out", "out.png", *quick)
    assert (done.code, done.out) == (0, "out.png\n")
    grown = pointed(run, "--box", "10,8,15,12")
    assert done.err.startswith(f"filled {grown.sum()} pixels with ")
    after = pixels("out.png")
    np.testing.assert_array_equal(after[~grown], before[~grown])
    assert (after[grown] != before[grown]).any()
    np.testing.assert_array_equal(pixels("photo.png"), before)


def test_it_fills_as_fill_does(run: Any, desk: Path, quick: list[str]) -> None:
    run("remove", "photo.png", "--mask", "mask.png", "--grow", 0, "--out", "a.png", *quick)
    run("fill", "photo.png", "--mask", "mask.png", "--out", "b.png", *quick)
    assert Path("a.png").read_bytes() == Path("b.png").read_bytes()


def test_the_preview_shows_the_hole_and_fills_nothing(run: Any, desk: Path) -> None:
    done = run("remove", "photo.png", "--box", "10,8,15,12", "--grow", 0, "--preview", "seen.png")
    assert (done.code, done.out, done.err) == (0, "seen.png\n", "")
    before, seen = pixels("photo.png"), pixels("seen.png")
    np.testing.assert_array_equal((seen != before).any(axis=2), hole())
    assert (seen[8, 10:25] == 255).all()  # the outline
    inside = seen[9:19, 11:24].astype(int) - before[9:19, 11:24]
    assert (inside[..., 2] > 0).all()  # towards red
    assert (inside[..., 1] <= 0).all()


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_a_grey_photo_gets_a_preview_in_colour(run: Any, desk: Path, dtype: type) -> None:
    cv2.imwrite("photo.png", np.full((30, 40), 100, np.uint8).astype(dtype))
    pointed(run, "--box", "10,8,15,12", "--grow", 0)
    seen = pixels("seen.png")
    assert seen.dtype == np.uint8
    assert seen.shape == (30, 40, 3)
    assert (seen[10, 12] != seen[10, 12, 0]).any()
    run("remove", "photo.png", "--box", "10,8,15,12", "--preview", "seen.jpg")
    assert pixels("seen.jpg").shape == (30, 40, 3)


def test_preview_and_out_together(run: Any, desk: Path, quick: list[str]) -> None:
    arguments = ["--preview", "seen.png", "--out", "out.png", "--candidates", 2, "--json"]
    done = run("remove", "photo.png", "--box", "10,8,15,12", *arguments, *quick)
    report = json.loads(done.out)
    assert report["out"] == ["out.png", "out-2.png"]
    assert report["preview"] == "seen.png"
    assert report["hole"]["box"] == [8, 6, 19, 16]
    assert report["crops"][0]["prior"] == quick[1]
    assert sorted(p.name for p in desk.glob("*.png")) == [
        "mask.png", "out-2.png", "out.png", "photo.png", "seen.png",
    ]  # fmt: skip


# How it fails


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ([], "nothing to remove"),
        (["--box", "40,0,5,5"], "40x30 as shown"),
        (["--box", "1,2,3"], "X,Y,W,H"),
        (["--box", "0,0,40,30"], "whole photo"),
        (["--polygon", "1,2 3,4"], "polygon of 2 points"),
        (["--polygon", "1,2", "3,4"], "polygon of 2 points"),
        (["--polygon", "50,50", "60,50", "60,60"], "covers no pixel"),
        (["--labelme", "labelme.json"], "choose with --label"),
        (["--labelme", "labelme.json", "--label", "cupp"], "did you mean 'cup'"),
        (["--coco", "coco.json", "--category", "plat"], "did you mean 'plate'"),
        (["--coco", "coco.json", "--id", "5"], "no annotation id 5"),
        (["--mask", "empty.png"], "no hole"),
        (["--mask", "large.png"], "50x50"),
        (["--box", "1,1,5,5", "--grow", "-1"], "-1"),
        (["--box", "1,1,5,5", "--grow", "900"], "whole photo"),
        (["--mask", "mask.png", "--snap"], "--snap looks inside"),
        (["--box", "1,1,5,5", "--label", "cup"], "--labelme"),
        (["--box", "1,1,5,5", "--category", "cup"], "--coco"),
        (["--box", "1,1,5,5", "--id", "1"], "--id"),
        (["--box", "1,1,5,5", "--prior", "faces64-gausian"], "did you mean"),
        (["--box", "1,1,5,5", "--stage", "poison"], "did you mean 'poisson'"),
    ],
    ids=str,
)
def test_wrong_pointing_is_one_line_and_writes_nothing(
    fails: Fails, run: Any, notes: Path, arguments: list[str], text: str
) -> None:
    cv2.imwrite("empty.png", np.zeros((30, 40), np.uint8))
    cv2.imwrite("large.png", np.eye(50, dtype=np.uint8) * 255)
    command = ["remove", "photo.png", "--out", "out.png", "--preview", "seen.png", *arguments]
    assert text in fails(*command)
    assert run(*command).code == 2


def test_annotations_of_another_size_are_refused(fails: Fails, notes: Path) -> None:
    cv2.imwrite("photo.png", np.zeros((40, 30, 3), np.uint8))
    for way in (["--labelme", "labelme.json", "--label", "cup"], ["--coco", "coco.json"]):
        complaint = fails("remove", "photo.png", "--out", "out.png", *way)
        assert "40x30, the photo is 30x40" in complaint


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ([], "nowhere to write"),
        (["--out", "photo.png"], "is an input"),
        (["--out", "labelme.json"], "is an input"),
        (["--preview", "photo.png"], "another --preview"),
        (["--out", "out.png", "--preview", "out.png"], "both --preview and an output"),
        (["--preview", "nowhere/seen.png"], "folder does not exist"),
    ],
    ids=str,
)
def test_places_that_cannot_be_written_are_refused(
    fails: Fails, notes: Path, arguments: list[str], text: str
) -> None:
    way = ["--labelme", "labelme.json", "--label", "cup"]
    assert text in fails("remove", "photo.png", *way, *arguments)


def test_missing_files_are_named(fails: Fails) -> None:
    assert "'no.png' does not exist" in fails(
        "remove", "no.png", "--box", "1,1,5,5", "--out", "o.png"
    )
    for option in ("--labelme", "--coco", "--mask"):
        complaint = fails("remove", "photo.png", option, "no.json", "--out", "o.png")
        assert "'no.json' does not exist" in complaint


# Blurred edges


def out_of_focus(sigma: float) -> np.ndarray:
    """A disc of radius 60 in the middle of ``blurred.png``, and its pixels (H, W) of bool."""
    y, x = np.mgrid[:240, :240]
    disc: np.ndarray = np.hypot(y - 120, x - 120) <= 60
    alpha = cv2.GaussianBlur(disc.astype(np.float32), (0, 0), sigma)[..., None]
    ground = np.array([60, 110, 70]) + np.random.default_rng(0).normal(0, 4, (240, 240, 3))
    image = np.rint(ground + alpha * (np.array([200, 220, 230]) - ground)).clip(0, 255)
    cv2.imwrite("blurred.png", image.astype(np.uint8))
    cv2.imwrite("disc.png", disc.astype(np.uint8) * 255)
    return disc


@pytest.mark.parametrize("way", [("--mask", "disc.png"), ("--box", "45,45,150,150", "--snap")])
def test_the_hole_takes_in_a_blurred_edge(run: Any, desk: Path, way: tuple[str, ...]) -> None:
    disc = out_of_focus(4.0)
    reach = cv2.distanceTransform((~disc).astype(np.uint8), cv2.DIST_L2, 5)
    found = pointed(run, *way, photo="blurred.png")
    assert found[reach <= 6].mean() > 0.99  # 1.5 sigma
    assert not found[reach > 14].any()
    asked = pointed(run, *way, "--grow", "3", photo="blurred.png")
    assert asked.sum() < found.sum()


def test_what_still_looks_like_the_object_is_said(run: Any, desk: Path) -> None:
    out_of_focus(10.0)  # two sigma are beyond the bound
    done = run("remove", "blurred.png", "--mask", "disc.png", "--preview", "seen.png")
    assert done.code == 0
    assert done.err.startswith("Warning: what lies just outside the hole still looks like")
    out_of_focus(2.0)
    done = run("remove", "blurred.png", "--mask", "disc.png", "--preview", "seen.png")
    assert done.err == ""

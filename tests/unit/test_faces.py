"""Faces anywhere: poses, views, the search on a real photo, and the fill at the pose."""

from __future__ import annotations

import json
import math
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from skimage import data

from inpaint import complete, images
from inpaint.cli import group
from inpaint.faces import Face, Pose, find
from inpaint.faces.align import align, confirmed
from inpaint.faces.network import CELL, Finder, build, pose_of
from inpaint.faces.pose import divided, seen, share_of_face
from inpaint.images import Picture
from inpaint.images.grain import add_grain
from inpaint.pipeline import faces as filling
from inpaint.pipeline.choose import coarse_view

# A real photo with a face, cut so that it is no portrait: the eyes are at (147, 107) and
# (191, 107), a quarter of the side of the square that frames the head.
PHOTO = np.ascontiguousarray(data.astronaut()[:340, 55:445])
TRUE = Pose(169, 112, 175)
HALVES = {
    "its left half": (slice(60, 170), slice(166, 230)),
    "its right half": (slice(60, 170), slice(105, 166)),
    "its mouth": (slice(125, 165), slice(135, 200)),
}


def hole(rows: slice, columns: slice, shape: tuple[int, ...] = PHOTO.shape) -> np.ndarray:
    mask = np.zeros(shape[:2], bool)
    mask[rows, columns] = True
    return mask


def erased(image: np.ndarray, mask: np.ndarray) -> Picture:
    image = image.copy()
    image[mask] = 0
    return images.from_array(image)


def error(result: np.ndarray, mask: np.ndarray) -> float:
    return float(np.square(result[mask].astype(float) - PHOTO[mask]).mean())


# Poses


def test_a_pose_maps_its_view_into_the_picture() -> None:
    pose = Pose(30.0, 20.0, 16.0, 90.0)
    matrix = pose.matrix(8)
    corner, middle = matrix @ [-0.5, -0.5, 1], matrix @ [3.5, 3.5, 1]
    # Of pixel indices, half a pixel before the continuous coordinates. Turned clockwise by a
    # right angle, the view's upper left corner is the square's upper right one.
    np.testing.assert_allclose(middle, [29.5, 19.5])
    np.testing.assert_allclose(corner, [37.5, 11.5])
    half = pose.inner(Pose(1.0, 0.5, 0.5, 5.0))
    np.testing.assert_allclose([half.x, half.y, half.side, half.turn], [30, 28, 8, 95])
    assert Pose(1, 2, 4, 5).scaled(2).moved(1, -1) == Pose(3, 3, 8, 5)
    np.testing.assert_allclose(pose.box(), (12, 22, 28, 38))


@pytest.mark.parametrize("side", [16.0, 40.0, 133.0])
def test_a_view_shows_the_square_upright(side: float) -> None:
    """A picture drawn in the square's own coordinates comes back, at every size and turn."""
    pose = Pose(100.3, 90.8, side, 25.0)
    y, x = np.mgrid[:200, :200] + 0.5
    angle = math.radians(pose.turn)
    u = (math.cos(angle) * (x - pose.x) + math.sin(angle) * (y - pose.y)) / side + 0.5
    v = (math.cos(angle) * (y - pose.y) - math.sin(angle) * (x - pose.x)) / side + 0.5
    image = np.dstack([u, v, u * 0 + 0.5]).clip(-1, 2).astype(np.float32).clip(0, 1)
    view = seen(image, np.ones(image.shape[:2], np.float32), pose, 32)
    places = (np.arange(32) + 0.5) / 32
    assert np.abs(view[2:-2, 2:-2, 0] - places[2:-2]).max() < 0.04
    assert np.abs(view[2:-2, 2:-2, 1] - places[2:-2, None]).max() < 0.04
    assert (view[..., 3] > 0.99).all()


def test_a_view_reads_known_pixels_only_and_knows_nothing_beyond_the_picture() -> None:
    image = np.full((64, 64, 3), 0.25, np.float32)
    known = np.ones((64, 64), np.float32)
    known[:, 20:40] = 0
    image[:, 20:40] = 0
    view = seen(image, known, Pose(32, 0, 64), 16)
    assert (view[:7, :, 3] == 0).all()
    assert (view[9:, 6:9, 3] == 0).all()
    sure = view[..., 3] > 0
    np.testing.assert_allclose(view[sure][:, :3], 0.25, atol=0.01)
    assert (view[~sure] == 0).all()


def test_little_known_is_unknown() -> None:
    planes = np.array([[[0.05, 0.05, 0.05, 0.1], [0.2, 0.2, 0.2, 0.4]]], np.float32)
    np.testing.assert_allclose(divided(planes), [[[0, 0, 0, 0], [0.5, 0.5, 0.5, 0.4]]])


def test_the_share_of_a_face_that_is_hidden() -> None:
    hidden = np.zeros((100, 100), np.float32)
    hidden[:, 50:] = 1
    assert share_of_face(hidden, Pose(50, 50, 60)) == pytest.approx(0.5, abs=0.05)
    assert share_of_face(hidden, Pose(80, 50, 30)) == 1
    assert share_of_face(hidden, Pose(20, 50, 30)) == 0


# The network


def test_the_answers_of_a_cell_are_a_pose() -> None:
    answer = torch.tensor([3.0, 1.0, -2.0, 1.0, -0.5])
    pose = pose_of(answer, 2, 5, 32)
    assert pose.x == pytest.approx(CELL * 5.5 + 0.1 * 32)
    assert pose.y == pytest.approx(CELL * 2.5 - 0.2 * 32)
    assert pose.side == pytest.approx(32 * 2**0.35)
    assert pose.turn == pytest.approx(-10)


def test_the_finder_does_not_read_what_is_unknown_and_serves_every_size() -> None:
    torch.manual_seed(0)
    network = Finder(width=8)
    x = torch.rand(1, 4, 40, 64)
    x[:, 3] = (x[:, 3] > 0.5).float()
    other = torch.where(
        x[:, 3:] > 0, x, torch.rand_like(x) * torch.tensor([1, 1, 1, 0.0]).view(1, 4, 1, 1)
    )
    assert network(x).shape == (1, 5, 10, 16)
    assert torch.equal(network(x), network(other))
    assert build(network.config()).state_dict().keys() == network.state_dict().keys()


# The search


def finder() -> Finder:
    network = find.finder()
    assert network is not None
    return network


def sure(photo: np.ndarray, mask: np.ndarray) -> list[Face]:
    """The faces that are found in a photo, and confirmed."""
    image = photo / np.float32(255)
    models = coarse_view("portraits64-gaussian"), coarse_view("scenes64-gaussian")
    return confirmed(find.find(finder(), image, mask, mask), image, mask, *models)


@pytest.mark.parametrize("place", HALVES)
def test_a_face_is_found_where_a_hole_covers_part_of_it(place: str) -> None:
    mask = hole(*HALVES[place])
    noise = np.random.default_rng(0).random(PHOTO.shape).astype(np.float32)
    image = np.where(mask[..., None], noise, PHOTO / np.float32(255))
    (face,) = find.find(finder(), image, mask, mask)
    away = math.hypot(face.pose.x - TRUE.x, face.pose.y - TRUE.y) / TRUE.side
    assert away < 0.2
    assert abs(math.log2(face.pose.side / TRUE.side)) < 0.3
    assert 0.05 < face.hidden < 0.7
    plain = np.where(mask[..., None], np.float32(0), image)
    assert find.find(finder(), plain, mask, mask) == [face]
    (exact,) = sure(PHOTO, mask)
    assert math.hypot(exact.pose.x - TRUE.x, exact.pose.y - TRUE.y) / TRUE.side < 0.08


@pytest.mark.parametrize("name", ["chelsea", "coffee", "rocket"])
def test_no_face_is_found_where_there_is_none(name: str) -> None:
    photo = getattr(data, name)()
    rng = np.random.default_rng(1)
    for _ in range(4):
        y, x = (int(rng.integers(20, n - 120)) for n in photo.shape[:2])
        mask = hole(slice(y, y + 90), slice(x, x + 80), photo.shape)
        assert sure(photo, mask) == []


def test_a_hole_elsewhere_finds_no_face() -> None:
    assert sure(PHOTO, hole(slice(250, 330), slice(280, 360))) == []


def test_large_holes_are_not_searched_at_the_smallest_sizes() -> None:
    small = find.sizes((slice(500, 520), slice(500, 520)), (1000, 1000), 32)
    large = find.sizes((slice(0, 3000), slice(0, 3000)), (3000, 3000), 32)
    assert small[0] == pytest.approx(1300)
    assert find.SMALLEST <= small[-1] < find.SMALLEST * 1.5
    assert large[-1] > 200
    assert large[0] == pytest.approx(3900)


# The exact pose


def test_the_pose_moves_to_where_the_face_is_likelier_than_a_place() -> None:
    models = coarse_view("portraits64-gaussian"), coarse_view("scenes64-gaussian")
    image, known = (PHOTO / 255).astype(np.float32), np.ones(PHOTO.shape[:2], np.float32)
    known[125:165, 135:200] = 0
    image[known == 0] = 0
    for start in (Pose(180, 95, 190, 10), Pose(155, 125, 165, -8)):
        found, gain = align(start, image, known, *models)
        assert gain > 0.05

        def away(pose: Pose) -> float:
            return math.hypot(pose.x - TRUE.x, pose.y - TRUE.y) / TRUE.side

        assert away(found) < 0.5 * away(start)


# The fill


@pytest.mark.parametrize("mode", ["sharp", "psnr"])
def test_the_hole_on_a_face_is_filled_as_a_face(mode: str) -> None:
    mask = hole(slice(85, 120), slice(120, 210))  # the eyes
    picture = erased(PHOTO, mask)
    with_face = complete(picture, mask, mode=mode)
    without = complete(picture, mask, mode=mode, faces=False)
    report = with_face.reports[0]
    assert report.prior == "portraits64-gaussian"
    assert report.face is not None
    away = math.hypot(report.face["x"] - TRUE.x, report.face["y"] - TRUE.y) / TRUE.side
    assert away < 0.08, "aligned: nearer than the finder tells"
    assert "a face of" in report.why
    assert all(one.face is None for one in without.reports)
    made, other = with_face.pictures[0].pixels, without.pictures[0].pixels
    assert (made[~mask] == PHOTO[~mask]).all()
    assert error(made, mask) < 0.75 * error(other, mask)
    again = complete(picture, mask, mode=mode)
    assert (again.pictures[0].pixels == made).all()


def test_what_is_not_on_the_head_is_filled_as_a_place() -> None:
    mask = hole(slice(95, 150), slice(166, 320))
    result = complete(erased(PHOTO, mask), mask)
    face, *rest = result.reports
    assert face.face is not None
    assert [one.prior for one in rest] == ["scenes64-gaussian"]
    assert (result.pictures[0].pixels[~mask] == PHOTO[~mask]).all()


def test_candidates_are_different_faces_and_the_first_does_not_depend_on_their_number() -> None:
    mask = hole(*HALVES["its left half"])
    picture = erased(PHOTO, mask)
    several = complete(picture, mask, candidates=3).pictures
    single = complete(picture, mask).pictures[0]
    assert (several[0].pixels == single.pixels).all()
    assert len({one.pixels.tobytes() for one in several}) == 3


def test_a_photo_without_a_face_keeps_its_bytes() -> None:
    photo = data.chelsea()
    mask = hole(slice(100, 170), slice(150, 230), photo.shape)
    picture = erased(photo, mask)
    one, two = (complete(picture, mask, faces=wanted) for wanted in (True, False))
    assert (one.pictures[0].pixels == two.pictures[0].pixels).all()
    assert one.reports == two.reports


@pytest.mark.parametrize(
    "options", [{"prior": "scenes64-gaussian"}, {"stages": ("poisson",)}, {"class_name": "sea"}]
)
def test_no_face_is_looked_for_where_something_else_was_asked_for(
    options: dict[str, object], monkeypatch: pytest.MonkeyPatch
) -> None:
    def never(*_: object, **__: object) -> None:
        raise AssertionError("looked for faces")

    monkeypatch.setattr("inpaint.pipeline.compose.fill_faces", never)
    mask = hole(slice(100, 130), slice(150, 180))
    complete(erased(PHOTO, mask), mask, search={"steps": 1}, **options)  # type: ignore[arg-type]


def test_upright_and_back_is_the_same_picture() -> None:
    y, x = np.mgrid[:120, :120] / 120
    image = np.dstack([x, y, 0.5 + 0.3 * np.sin(9 * x) * np.cos(7 * y)]).astype(np.float32)
    dark = np.zeros((120, 120), bool)
    dark[50:60, 50:60] = True
    for pose, side in ((Pose(60, 58, 70, 12), 128), (Pose(60, 58, 70, -12), 32)):
        view, unknown = filling.upright(image, dark, pose, side)
        assert unknown.any()
        back, inside = filling.laid_back(view, pose, dark.shape)
        assert 0.9 < inside.sum() / 70**2 < 1.1
        core = filling.head(pose, (slice(0, 120), slice(0, 120))) & ~dark
        core[45:65, 45:65] = False
        assert np.abs(back - image)[core].max() < 0.06


# What people are told


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("files")
    mask = hole(*HALVES["its left half"])
    images.write(folder / "photo.png", images.from_array(PHOTO))
    images.write(folder / "mask.png", images.from_array(mask.astype(np.uint8) * 255))
    return folder


def test_the_command_says_that_a_face_was_found_and_where(files: Path) -> None:
    out = files / "out.png"
    words = ["fill", files / "photo.png", "--mask", files / "mask.png", "--out", out]
    done = CliRunner().invoke(group, [*map(str, words), "--explain", "--json"])
    assert done.exit_code == 0, done.output
    assert "prior   portraits64-gaussian (a face was found, score" in done.stderr
    assert re.search(r"method  prior \(a face of 1\d\d px around x 1\d\d, y", done.stderr)
    report = json.loads(done.stdout)
    assert {"x", "y", "side", "turn", "score"} == set(report["crops"][0]["face"])
    done = CliRunner().invoke(group, [*map(str, words), "--explain", "--json", "--no-faces"])
    assert "a face" not in done.stderr
    assert [crop["face"] for crop in json.loads(done.stdout)["crops"]] == [None]


@pytest.mark.parametrize("wanted", [True, False])
def test_a_batch_looks_for_faces_and_reports_them(
    files: Path, tmp_path: Path, wanted: bool
) -> None:
    rows = tmp_path / "rows.jsonl"
    (tmp_path / "photos").mkdir()
    shutil.copy(files / "photo.png", tmp_path / "photos")
    words = ["batch", tmp_path / "photos", "--masks", files / "mask.png", "--workers", "0"]
    words += ["--out", tmp_path / "out", "--report", rows, *([] if wanted else ["--no-faces"])]
    done = CliRunner().invoke(group, [str(word) for word in words])
    assert done.exit_code == 0, done.output
    (row,) = map(json.loads, rows.read_text().splitlines())
    assert len(row["faces"]) == wanted


# Grain


def noisy(sigma: float) -> np.ndarray:
    rng = np.random.default_rng(3)
    y, x = np.mgrid[:160, :160] / 160
    ground = np.dstack([0.4 + 0.2 * x, 0.5 + 0.1 * y, 0.5 + 0 * x])
    return (ground + rng.normal(0, sigma, ground.shape[:2])[..., None]).astype(np.float32)


def test_a_smooth_fill_gets_the_noise_of_the_photo() -> None:
    image, mask = noisy(4 / 255), np.zeros((160, 160), bool)
    mask[60:100, 60:100] = True
    smooth = np.where(mask[..., None], noisy(0), image)
    grown = add_grain(smooth, mask, ~mask, coarsest=2.0, seed=0)
    assert (grown[~mask] == smooth[~mask]).all()
    added = (grown - smooth)[mask]
    assert 2.5 / 255 < added.std() < 5 / 255
    assert abs(added.mean()) < 1 / 255


@pytest.mark.parametrize(("sigma", "coarsest"), [(0.0, 2.0), (4 / 255, 1.0), (0.2, 2.0)])
def test_no_noise_where_the_photo_has_none_or_the_fill_is_as_fine(
    sigma: float, coarsest: float
) -> None:
    image, mask = noisy(sigma), np.zeros((160, 160), bool)
    mask[60:100, 60:100] = True
    assert add_grain(image, mask, ~mask, coarsest=coarsest, seed=0) is image

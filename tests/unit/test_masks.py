from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from inpaint import images, masks
from inpaint.errors import ImageError, MaskError, SelectionError
from inpaint.images import Picture


def blob(height: int = 24, width: int = 31, seed: int = 0) -> np.ndarray:
    mask = np.zeros((height, width), bool)
    generator = np.random.default_rng(seed)
    mask[generator.integers(0, height, 5), generator.integers(0, width, 5)] = True
    mask[10:14, 12:20] = True
    return mask


def distance_to(points: np.ndarray) -> np.ndarray:
    """Distance of every pixel to the nearest True one, by brute force."""
    ys, xs = np.nonzero(points)
    y, x = np.mgrid[: points.shape[0], : points.shape[1]]
    squared = (y[..., None] - ys) ** 2 + (x[..., None] - xs) ** 2
    return np.sqrt(squared.min(axis=2))


def one_line(error: pytest.ExceptionInfo[MaskError]) -> str:
    text = str(error.value)
    assert "\n" not in text
    assert ";" in text
    return text


def save(path: Path, array: np.ndarray) -> Path:
    images.write(path, images.from_array(array))
    return path


def test_white_is_hole_from_128_on(tmp_path: Path) -> None:
    ramp = np.arange(256, dtype=np.uint8).reshape(16, 16)
    for array in (ramp, np.repeat(ramp[..., None], 3, axis=2)):
        mask = masks.load(save(tmp_path / "m.png", array))
        assert mask.dtype == np.bool_
        np.testing.assert_array_equal(mask, ramp >= 128)
        inverted = masks.load(tmp_path / "m.png", invert=True)
        np.testing.assert_array_equal(inverted, ramp < 128)


def test_threshold_scales_with_depth(tmp_path: Path) -> None:
    levels = np.array([[0, 128, 255, 32895], [32896, 40000, 65535, 1]], np.uint16)
    mask = masks.load(save(tmp_path / "m.png", levels))
    np.testing.assert_array_equal(mask, levels >= 32896)


def disc(side: int = 120) -> np.ndarray:
    y, x = np.mgrid[:side, :side]
    return np.hypot(y - side * 0.55, x - side * 0.45) < side * 0.26


def soft(sigma: float, side: int = 120) -> np.ndarray:
    blurred = cv2.GaussianBlur(disc(side).astype(np.float32), (0, 0), sigma)
    return np.rint(255 * blurred).astype(np.uint8)


def jpeg(array: np.ndarray, quality: int) -> np.ndarray:
    data = cv2.imencode(".jpg", array, [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
    return cv2.imdecode(data, cv2.IMREAD_UNCHANGED)


MASKS = {
    **{f"jpeg {q}": jpeg(disc().astype(np.uint8) * 255, q) for q in (5, 10, 30, 75, 95)},
    **{f"feathered by {s}": soft(s) for s in (1, 3, 8, 20)},
    "feathered over a large photo": soft(60, 900),
    "distance": np.clip(
        cv2.distanceTransform(disc().astype(np.uint8), cv2.DIST_L2, 5) * 21, 0, 255
    ).astype(np.uint8),
    "antialiased": cv2.resize(soft(1, 480), (120, 120), interpolation=cv2.INTER_AREA),
    "antialiased, enlarged": np.repeat(
        np.repeat(cv2.resize(soft(1, 480), (120, 120), interpolation=cv2.INTER_AREA), 4, 0), 4, 1
    ),
    "lanczos": cv2.resize(soft(0.5), (200, 200), interpolation=cv2.INTER_LANCZOS4),
    "light grey": np.where(disc(), 200, 30).astype(np.uint8),
    "zero and one": disc().astype(np.uint8),
}


@pytest.mark.parametrize("array", MASKS.values(), ids=MASKS)
def test_two_values_with_soft_or_noisy_edges_are_masks(tmp_path: Path, array: np.ndarray) -> None:
    expected = array == 1 if array.max() == 1 else array >= 128
    assert 0.02 < expected.mean() < 0.5
    np.testing.assert_array_equal(masks.as_mask(array), expected)
    for channels in (array, np.repeat(array[..., None], 3, axis=2)):
        np.testing.assert_array_equal(masks.load(save(tmp_path / "m.png", channels)), expected)


def labels(*layers: tuple[slice, slice, int], dtype: type = np.uint8) -> np.ndarray:
    array = np.zeros((80, 120), dtype)
    for rows, columns, value in layers:
        array[rows, columns] = value
    return array


BODY, RIM, OTHER = np.s_[30:50, 50:70], np.s_[28:52, 48:72], np.s_[5:15, 5:15]
VOID = labels((*RIM, 255), (*BODY, 1))
MAPS = {
    "class and void border": VOID,
    "two classes": labels((*BODY, 1), (*OTHER, 15)),
    "ids and ignore": labels((*BODY, 3), (*OTHER, 255)),
    "trimap": labels((*RIM, 128), (*BODY, 255)),
    "many classes": labels((np.s_[:40], np.s_[:], 7), (*OTHER, 11), (*BODY, 26), (*RIM, 23)),
    "instances": labels(
        (*BODY, 24001), (*OTHER, 26000), (*np.s_[60:70, :20], 33003), dtype=np.uint16
    ),
    "16 bits that look alike in 8": labels((*BODY, 1), (*OTHER, 65535), dtype=np.uint16),
    "one dark value": labels((*BODY, 90)),
}


@pytest.mark.parametrize("array", MAPS.values(), ids=MAPS)
def test_label_maps_are_read_only_when_asked_for(tmp_path: Path, array: np.ndarray) -> None:
    path = save(tmp_path / "m.png", array)
    with pytest.raises(MaskError, match=r"m\.png.*--mask-labels any") as error:
        masks.load(path)
    one_line(error)
    with pytest.raises(MaskError, match=r"labels='any'") as error:
        masks.as_mask(array)
    one_line(error)
    np.testing.assert_array_equal(masks.load(path, labels="any"), array > 0)
    np.testing.assert_array_equal(masks.as_mask(array, labels="any"), array > 0)
    top = int(array.max())
    np.testing.assert_array_equal(masks.load(path, labels=f"{top}"), array == top)
    np.testing.assert_array_equal(masks.as_mask(array, labels=f"1-{top}"), array > 0)


def test_labels_that_are_not_there_are_refused_with_those_that_are(tmp_path: Path) -> None:
    path = save(tmp_path / "m.png", VOID)
    for read in (
        lambda: masks.load(path, labels="7,9-12"),
        lambda: masks.as_mask(VOID, labels="7,9-12"),
    ):
        with pytest.raises(MaskError, match=r"no pixel .* has a label 7,9-12; .* 0, 1, 255"):
            read()
    with pytest.raises(SelectionError, match="'x' is no number, range or colour"):
        masks.load(path, labels="1,x")
    with pytest.raises(MaskError, match="colours"):
        masks.load(path, labels="#ff0000")
    with pytest.raises(MaskError, match="holds no labels"):
        masks.as_mask(VOID / 255.0, labels="any")


def coloured() -> np.ndarray:
    array = np.zeros((80, 120, 3), np.uint8)
    array[BODY], array[OTHER] = (255, 0, 0), (255, 255, 0)
    return array


def test_coloured_exports_are_read_only_when_asked_for(tmp_path: Path) -> None:
    path, objects = save(tmp_path / "m.png", coloured()), coloured().any(axis=2)
    with pytest.raises(MaskError, match=r"in colours; give --mask-labels any"):
        masks.load(path)
    np.testing.assert_array_equal(masks.load(path, labels="any"), objects)
    red = masks.load(path, labels="#FF0000")
    assert red[BODY].all()
    assert red.sum() == 400
    with pytest.raises(MaskError, match="give --mask-labels any, or colours"):
        masks.load(path, labels="1")
    with pytest.raises(MaskError, match="it holds #000000, #ff0000, #ffff00"):
        masks.load(path, labels="#00ff00")
    cv2.imwrite(str(tmp_path / "m.jpg"), coloured()[..., ::-1])
    with pytest.raises(MaskError, match="lossy JPEG"):
        masks.load(tmp_path / "m.jpg", labels="any")
    layer = np.dstack([coloured(), np.where(objects, 255, 0).astype(np.uint8)])
    path = save(tmp_path / "layer.png", layer)
    with pytest.raises(MaskError, match="in colours"):
        masks.load(path)
    np.testing.assert_array_equal(masks.load(path, labels="any"), objects)


def test_the_labels_of_a_palette_are_its_indices(tmp_path: Path) -> None:
    image = Image.fromarray(VOID)
    table = [0, 0, 0, 128, 0, 0] + [0] * (254 * 3 - 3) + [224, 224, 192]
    image.putpalette(table)
    image.save(tmp_path / "voc.png")
    with pytest.raises(MaskError, match="--mask-labels"):
        masks.load(tmp_path / "voc.png")
    np.testing.assert_array_equal(masks.load(tmp_path / "voc.png", labels="any"), VOID > 0)
    np.testing.assert_array_equal(masks.load(tmp_path / "voc.png", labels="1"), VOID == 1)
    image.putpalette([0, 0, 0, 255, 255, 255] + [0] * (253 * 3) + [255, 255, 255])
    image.save(tmp_path / "white.png")  # two classes of one colour
    with pytest.raises(MaskError, match="one brightness"):
        masks.load(tmp_path / "white.png")


def test_one_light_colour_on_black_is_a_mask(tmp_path: Path) -> None:
    for colour in ((255, 255, 0), (0, 255, 0)):
        array = np.zeros((80, 120, 3), np.uint8)
        array[BODY] = colour
        assert masks.load(save(tmp_path / "m.png", array)).sum() == 400
    for ground, colour in (((0, 0, 0), (255, 0, 0)), ((255, 255, 255), (255, 0, 0))):
        array = np.full((80, 120, 3), ground, np.uint8)
        array[BODY] = colour
        with pytest.raises(MaskError, match="--mask-labels"):
            masks.load(save(tmp_path / "m.png", array))


def scene() -> np.ndarray:
    y, x = np.mgrid[:80, :120]
    noise = np.random.default_rng(0).integers(-9, 10, (80, 120, 3))
    return (np.stack([x * 2, y * 3, x + y], -1) + noise).clip(0, 255).astype(np.uint8)


@pytest.mark.parametrize("grey", [False, True])
def test_a_photo_is_no_mask_unless_a_part_of_it_is_erased(
    tmp_path: Path, grey: bool, caplog: pytest.LogCaptureFixture
) -> None:
    photo = scene()[..., :1] if grey else scene()
    for array in (photo, photo.astype(np.uint16) * 257):
        with pytest.raises(MaskError, match=r"seems to be a photo.*--mask alpha") as error:
            masks.load(save(tmp_path / "m.png", array))
        one_line(error)
    if grey:
        with pytest.raises(MaskError, match="seems to be a photo"):
            masks.as_mask(photo)
        with pytest.raises(MaskError, match="seems to be a photo"):
            masks.as_mask(photo / 255)
    erased = np.zeros((80, 120), bool)
    erased[BODY] = True
    path = save(tmp_path / "m.png", np.dstack([photo, np.where(erased, 0, 255).astype(np.uint8)]))
    np.testing.assert_array_equal(masks.load(path), erased)
    assert "its erased part (400 pixels) is taken as the hole" in caplog.text
    save(path, np.dstack([photo, np.where(erased, 255, 0).astype(np.uint8)]))
    with pytest.raises(MaskError, match=r"a photo of which 96% are transparent.*--mask alpha"):
        masks.load(path)


def test_one_bit_and_palette_masks(tmp_path: Path) -> None:
    expected = blob()
    Image.fromarray(expected).save(tmp_path / "bits.png")
    image = Image.fromarray(expected.astype(np.uint8))
    image.putpalette([0, 0, 0, 255, 255, 255])
    image.save(tmp_path / "palette.png")
    for name in ("bits.png", "palette.png"):
        np.testing.assert_array_equal(masks.load(tmp_path / name), expected)


@pytest.mark.parametrize("colour", [0, 90, 255])
def test_strokes_in_one_colour_on_a_transparent_layer(tmp_path: Path, colour: int) -> None:
    expected = blob()
    layer = np.full((*expected.shape, 4), colour, np.uint8)
    layer[..., 3] = np.where(expected, 200, 60)
    np.testing.assert_array_equal(masks.load(save(tmp_path / "m.png", layer)), expected)


def test_erased_strokes_do_not_count(tmp_path: Path) -> None:
    layer = np.zeros((4, 4, 4), np.uint8)
    layer[:2] = 255
    layer[1, :, 3] = 0  # white, but erased
    layer[2, :, 3] = 255  # black and opaque
    expected = np.zeros((4, 4), bool)
    expected[0] = True
    np.testing.assert_array_equal(masks.load(save(tmp_path / "m.png", layer)), expected)


def test_opaque_alpha_changes_nothing(tmp_path: Path) -> None:
    expected = blob()
    layer = np.repeat(expected[..., None], 4, axis=2).astype(np.uint8) * 255
    layer[..., 3] = 255
    np.testing.assert_array_equal(masks.load(save(tmp_path / "m.png", layer)), expected)


def test_load_checks(tmp_path: Path) -> None:
    path = save(tmp_path / "m.png", blob(24, 31))
    masks.load(path, shape=(24, 31, 3))
    with pytest.raises(MaskError, match=r"m\.png': the mask is 31x24, the image is 64x48 \(w") as e:
        masks.load(path, shape=(48, 64))
    one_line(e)
    black = save(tmp_path / "black.png", np.zeros((4, 4), np.uint8))
    with pytest.raises(MaskError, match=r"black\.png': the mask marks no hole"):
        masks.load(black)
    with pytest.raises(MaskError, match="marks everything as hole"):
        masks.load(black, invert=True)
    assert not masks.load(black, allow_empty=True).any()
    assert masks.load(black, invert=True, allow_full=True).all()
    with pytest.raises(ImageError, match="does not exist"):
        masks.load(tmp_path / "none.png")


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_from_alpha_is_the_erased_part(dtype: type) -> None:
    peak = np.iinfo(dtype).max
    pixels = np.zeros((2, 3, 4), dtype)
    pixels[..., 3] = [[0, peak - 1, peak], [peak, peak // 2, 1]]
    mask = masks.from_alpha(Picture(pixels))
    np.testing.assert_array_equal(mask, [[True, True, False], [False, True, True]])


def test_from_alpha_needs_something_erased_and_something_known() -> None:
    for alpha, part in ((255, "nothing was erased"), (9, "nothing was erased"), (0, "everywhere")):
        with pytest.raises(MaskError, match=part) as error:
            masks.from_alpha(Picture(np.full((2, 3, 4), alpha, np.uint8)))
        one_line(error)


def test_from_alpha_needs_alpha() -> None:
    with pytest.raises(MaskError, match=r"\(JPEG\) has no alpha channel.*erase the hole") as error:
        masks.from_alpha(Picture(np.zeros((2, 3, 3), np.uint8), format="JPEG"))
    one_line(error)


@pytest.mark.parametrize(
    "array",
    [
        blob(),
        blob()[..., None],
        blob().astype(np.uint8),
        blob().astype(np.uint8) * 255,
        blob().astype(np.uint16) * 65535,
        blob().astype(np.int64),
        blob().astype(np.int64) * 255,
        blob().astype(np.float32),
        np.where(blob(), 0.5, 0.499),
        np.where(blob(), 128, 127).astype(np.uint8),
    ],
)
def test_as_mask_reads_what_is_clear(array: np.ndarray) -> None:
    before = array.copy()
    mask = masks.as_mask(array, (24, 31, 3))
    assert mask.dtype == np.bool_
    np.testing.assert_array_equal(mask, blob())
    assert not np.shares_memory(mask, array)
    np.testing.assert_array_equal(array, before)


def test_as_mask_of_nothing_is_empty() -> None:
    for dtype in (bool, np.uint8, np.uint16, np.float32):
        assert not masks.as_mask(np.zeros((3, 4), dtype)).any()


@pytest.mark.parametrize(
    ("array", "text"),
    [
        (blob().astype(np.uint8) * 2, "uint8 with values from 0 to 2, expected bool"),
        (blob().astype(np.uint8) * 100, "from 0 to 100"),
        (-blob().astype(np.int8), "int8 with values from -1 to 0"),
        (blob().astype(np.int64) * 1000, "from 0 to 1000"),
        (blob() * 255.0, "float64 with values from 0 to 255"),
        (np.where(blob(), np.nan, 0.0), "from nan to nan"),
        (np.full((3, 4), "x"), "from nan to nan"),
        (np.zeros((4, 4, 3), bool), r"shape \(4, 4, 3\), expected \(H, W\)"),
        (np.zeros((1, 1, 4, 4), bool), r"shape \(1, 1, 4, 4\)"),
        (np.zeros((0, 4), bool), r"shape \(0, 4\)"),
        ([[True]], "the mask is list, expected a numpy array"),
        ("mask.png", "use masks.load for a path"),
    ],
)
def test_as_mask_refuses_what_is_not(array: np.ndarray, text: str) -> None:
    with pytest.raises(MaskError, match=text) as error:
        masks.as_mask(array)
    one_line(error)


def test_check() -> None:
    masks.check(blob(), (24, 31))
    with pytest.raises(MaskError, match=r"31x24, the image is 24x31 .*lies on its side") as error:
        masks.check(blob(), (31, 24, 3))
    one_line(error)
    with pytest.raises(MaskError, match=r"marks no hole.*paint the hole white") as error:
        masks.check(np.zeros((3, 4), bool), (3, 4))
    one_line(error)
    with pytest.raises(MaskError, match=r"everything as hole.*invert") as error:
        masks.check(np.ones((3, 4), bool), (3, 4))
    one_line(error)
    masks.check(np.zeros((3, 4), bool), (3, 4), allow_empty=True)
    masks.check(np.ones((3, 4), bool), (3, 4), allow_full=True)


@pytest.mark.parametrize("px", [0, 0.5, 1, 1.5, 2, 3, 5, 7.2, 100])
def test_grow_is_an_exact_disk(px: float) -> None:
    mask = blob()
    before = mask.copy()
    grown = masks.grow(mask, px)
    np.testing.assert_array_equal(grown, distance_to(mask) <= px)
    np.testing.assert_array_equal(mask, before)
    assert not np.shares_memory(grown, mask)


def test_holes_at_the_border_grow_and_fade_as_inside() -> None:
    mask = np.zeros((20, 30), bool)
    mask[:5, 24:] = True
    np.testing.assert_array_equal(masks.grow(mask, 3), distance_to(mask) <= 3)
    t = np.minimum(distance_to(~mask) / 4, 1)
    np.testing.assert_allclose(masks.feather(mask, 3), 3 * t**2 - 2 * t**3, atol=1e-6)


def test_grow_is_exact_far_away() -> None:
    mask = np.zeros((401, 401), bool)
    mask[200, 200] = True
    for px in (150, 190):
        np.testing.assert_array_equal(masks.grow(mask, px), distance_to(mask) <= px)


def test_grow_of_empty_and_full() -> None:
    assert not masks.grow(np.zeros((3, 4), bool), 5).any()
    assert masks.grow(np.ones((3, 4), bool), 5).all()


@pytest.mark.parametrize("px", [0, 1, 2.5, 4, 50])
@pytest.mark.parametrize("seed", range(3))
def test_feather_is_zero_at_known_pixels_and_smooth(px: float, seed: int) -> None:
    mask = masks.grow(blob(40, 50, seed), 6)
    weight = masks.feather(mask, px)
    assert weight.dtype == np.float32
    assert weight.shape == mask.shape
    assert (weight[~mask] == 0).all()
    assert (weight[mask] > 0).all()
    assert weight.max() <= 1
    depth = distance_to(~mask)
    assert (weight[depth >= px + 1] == 1).all()
    t = np.minimum(depth / (px + 1), 1)
    np.testing.assert_allclose(weight, 3 * t**2 - 2 * t**3, atol=1e-5)


def test_feather_without_width_is_the_mask() -> None:
    np.testing.assert_array_equal(masks.feather(blob(), 0), blob().astype(np.float32))


def test_feather_ignores_the_edge_of_the_image() -> None:
    mask = np.zeros((10, 40), bool)
    mask[:, :20] = True
    weight = masks.feather(mask, 4)
    assert (weight[:, 0] == 1).all()
    assert (masks.feather(np.ones((4, 4), bool), 3) == 1).all()
    assert (masks.feather(np.zeros((4, 4), bool), 3) == 0).all()


@pytest.mark.parametrize("px", [-1, float("nan"), float("inf")])
def test_distances_that_make_no_sense(px: float) -> None:
    for function in (masks.grow, masks.feather):
        with pytest.raises(MaskError, match="expected 0 or more") as error:
            function(blob(), px)
        one_line(error)


def test_components_connect_by_corners_and_are_sorted() -> None:
    mask = np.zeros((12, 20), bool)
    mask[8:10, 1:4] = True
    mask[1:3, 10:12] = True
    mask[3, 12] = True  # touches the one above by a corner
    mask[1, 2] = True
    mask[11, 19] = True
    assert masks.components(mask) == [
        (1, 2, 2, 3),
        (1, 10, 4, 13),
        (8, 1, 10, 4),
        (11, 19, 12, 20),
    ]
    assert all(type(side) is int for box in masks.components(mask) for side in box)


def test_components_cover_exactly_the_holes() -> None:
    assert masks.components(np.zeros((3, 4), bool)) == []
    assert masks.components(np.ones((3, 4), bool)) == [(0, 0, 3, 4)]
    mask = np.random.default_rng(0).random((60, 70)) < 0.1
    covered = np.zeros_like(mask)
    for y0, x0, y1, x1 in masks.components(mask):
        covered[y0:y1, x0:x1] = True
    assert covered[mask].all()
    assert masks.components(mask) == sorted(masks.components(mask))

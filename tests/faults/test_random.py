"""Random cases of each reader: an answer or one of our errors, never anything else.

A thousand of each, within a minute; ``INPAINT_CASES=10000`` asks for ten thousand.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from starlette.datastructures import Headers

from inpaint.batch.disk import Disk
from inpaint.batch.manifest import Manifest
from inpaint.batch.pairing import Item, Orphan, Problem, outputs, plan_items
from inpaint.batch.rows import parse, started, with_written
from inpaint.errors import InpaintError, MaskError
from inpaint.images.walk import Listing
from inpaint.masks import objects, rle
from inpaint.masks.annotation.coco import coco
from inpaint.masks.pairing import match
from inpaint.web import options, shapes
from inpaint.web.errors import Refused
from inpaint.web.guard import check
from inpaint.web.settings import Settings

pytestmark = pytest.mark.slow
CASES = int(os.environ.get("INPAINT_CASES", "1000"))
many = settings(max_examples=CASES, deadline=None, suppress_health_check=list(HealthCheck))
fewer = settings(many, max_examples=max(CASES // 4, 1))  # each writes a file

JSON: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=6,
)
NUMBER = st.integers(-100, 100) | st.floats() | st.integers() | JSON

# The manifest

KEYS = ("out", "mask", "before", "wrote", "empty", "out_sha256", "options", "note")
ROWS = st.fixed_dictionaries(
    {"path": JSON | st.just("a"), "status": JSON | st.sampled_from(["done", "started", "failed"])},
    optional={key: JSON | st.lists(st.text(max_size=3), max_size=2) for key in KEYS},
)
LINES = st.binary(max_size=60) | (ROWS | JSON).map(lambda value: json.dumps(value).encode())


@many
@given(line=LINES)
def test_any_line_is_a_row_or_none(line: bytes) -> None:
    row = parse(line)
    again = started("a", "a", row)
    assert parse(json.dumps(again).encode()) == again
    more = with_written(row, "a", "a", "1")
    assert more is None or parse(json.dumps(more).encode()) == more


@fewer
@given(lines=st.lists(LINES, max_size=4))
def test_no_line_ends_the_reader(
    lines: list[bytes], tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.getbasetemp() / "random.jsonl"
    path.write_bytes(b"".join(line + b"\n" for line in lines))
    manifest = Manifest(path)
    again = started("a", "a", manifest.get("a"))
    manifest.begin([again])
    assert manifest.get("a") == again
    manifest.close()


# Pairing

STEMS = st.sampled_from(
    ["a", "A", "b", "a_mask", "a_mask000", "\u00e4", "a\u0308", "a.jpg", "\ud800"]
)
ENDINGS = st.sampled_from([".png", ".PNG", ".jpg", ".webp", ".txt", "", ".jpg.png", "_mask.png"])
NAMES = st.lists(
    st.tuples(STEMS, ENDINGS).map("".join) | st.text(min_size=1, max_size=6),
    max_size=7,
    unique=True,
)


@many
@given(names=NAMES, masks=NAMES)
def test_every_image_has_one_mask_or_one_error(names: list[str], masks: list[str]) -> None:
    found = match(names, masks)
    assert set(found.masks) | set(found.errors) == set(names)
    assert not set(found.masks) & set(found.errors)
    assert set(found.masks.values()) <= set(masks)
    assert set(found.orphans) == set(masks) - set(found.masks.values()) - _named(
        found.errors, masks
    )


def _named(errors: dict[str, str], masks: Sequence[str]) -> set[str]:
    """Masks that an error tells of, so that they are no orphans."""
    return {mask for mask in masks if any(repr(mask) in error for error in errors.values())}


@many
@given(names=NAMES, format=st.sampled_from(["keep", "png", "jpg", "webp"]))
def test_no_two_outputs_have_one_name(names: list[str], format: str) -> None:
    named, errors = outputs(names, format)
    assert set(named) | set(errors) == set(names)
    assert len(set(named.values())) == len(named)


class Tree:
    """A folder in memory: {folder: names of its files}."""

    local = True

    def __init__(self, url: str, files: dict[str, list[str]]) -> None:
        self.url, self._files = url, files

    def list(self, name: str) -> Listing:
        inner = [place for place in self._files if place] if not name else []
        return Listing(sorted(inner), sorted(self._files.get(name, ())))

    def exists(self, name: str) -> bool:
        return name in self._files

    def label(self, name: str) -> str:
        return repr(f"{self.url}/{name}")


TREES = st.dictionaries(st.sampled_from(["", "x", "y"]), NAMES, max_size=3)


@many
@given(here=TREES, there=TREES | st.none())
def test_every_image_of_a_tree_comes_once(
    here: dict[str, list[str]], there: dict[str, list[str]] | None
) -> None:
    images = Tree("in", here)
    masks = images if there is None else Tree("masks", there)
    found = list(plan_items(images, masks))  # type: ignore[arg-type]
    paths = [one.path for one in found if isinstance(one, Item | Problem)]
    assert len(paths) == len(set(paths))
    outs = [one.out for one in found if isinstance(one, Item)]
    assert len(outs) == len(set(outs))
    used = {one.mask for one in found if isinstance(one, Item)}
    assert not used & {one.path for one in found if isinstance(one, Orphan) and not one.beside}


# Run lengths, polygons and annotations


@many
@given(mask=st.lists(st.lists(st.booleans(), min_size=5, max_size=5), min_size=1, max_size=9))
def test_run_lengths_come_back(mask: list[list[bool]]) -> None:
    array = np.array(mask)
    np.testing.assert_array_equal(rle.decode(rle.encode(array), array.shape), array)


@many
@given(counts=st.text(max_size=20) | st.lists(NUMBER, max_size=6), side=st.integers(1, 9))
def test_damaged_run_lengths_are_one_error(counts: Any, side: int) -> None:
    try:
        mask = rle.decode(counts, (side, 4))
    except MaskError:
        return
    assert mask.shape == (side, 4)


POINTS = st.lists(st.tuples(st.floats(-30, 60), st.floats(-30, 60)), max_size=6)


@many
@given(points=POINTS, side=st.integers(1, 30))
def test_a_polygon_is_within_its_box(points: list[tuple[float, float]], side: int) -> None:
    try:
        mask = objects.polygon((side, 20), points)
    except InpaintError:
        return
    rows, columns = np.nonzero(mask)
    assert rows.min() + 0.5 >= min(y for _, y in points)
    assert rows.max() + 0.5 <= max(y for _, y in points)
    assert columns.min() + 0.5 >= min(x for x, _ in points)
    assert columns.max() + 0.5 <= max(x for x, _ in points)


@many
@given(text=st.text(alphabet="0123456789.,- e+naif\u0663", max_size=30) | st.text(max_size=12))
def test_texts_for_boxes_and_polygons(text: str) -> None:
    for parse_one, draw in ((objects.parse_box, "box"), (objects.parse_polygon, "polygon")):
        try:
            found: Any = parse_one(text)  # type: ignore[operator]
            mask = objects.box((9, 9), *found) if draw == "box" else objects.polygon((9, 9), found)
        except InpaintError:
            continue
        assert np.any(mask) if draw == "polygon" else mask is not None


OUTLINES = JSON | st.lists(st.lists(NUMBER, max_size=8), max_size=3)
ENTRY = st.fixed_dictionaries(
    {},
    optional={
        "id": NUMBER,
        "image_id": st.just(1) | JSON,
        "category_id": st.just(1) | JSON,
        "bbox": st.lists(NUMBER, max_size=5) | JSON,
        "segmentation": OUTLINES
        | st.fixed_dictionaries(
            {"counts": st.text(max_size=9) | JSON, "size": st.lists(NUMBER, max_size=3)}
        ),
    },
)


@fewer
@given(entries=st.lists(ENTRY | JSON, min_size=1, max_size=3))
def test_damaged_annotations_are_one_error(
    entries: list[Any], tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.getbasetemp() / "coco.json"
    images = [{"id": 1, "file_name": "a.png", "width": 9, "height": 9}]
    data = {"images": images, "annotations": entries, "categories": [{"id": 1, "name": "x"}]}
    path.write_text(json.dumps(data))
    try:
        found = coco(path, (9, 9), photo="a.png")
    except InpaintError:
        return
    assert found is not None


# What comes over HTTP

SERVER = Settings()
OPTIONS = st.dictionaries(st.sampled_from(options.NAMES) | st.text(max_size=5), JSON, max_size=4)
WORDS = st.text(max_size=6) | st.integers(-5, 3000).map(str) | st.sampled_from(["auto", "none"])
FORM = st.dictionaries(
    st.sampled_from(options.NAMES) | st.text(max_size=5), st.lists(WORDS, min_size=1, max_size=3)
)


def answer(ask: Callable[[], Any]) -> Any:
    """What is answered; None for one of our errors, which is one line."""
    try:
        return ask()
    except InpaintError as error:
        lines = str(error).splitlines()
    assert len(lines) == 1
    return None


@many
@given(values=OPTIONS)
def test_options_of_a_request_are_valid_or_one_error(values: dict[str, Any]) -> None:
    found = answer(lambda: options.parse(values, SERVER))
    if found is not None:
        assert 1 <= found.candidates <= options.MOST_CANDIDATES
        assert found.steps is None or 0 <= found.steps <= options.MOST_STEPS


@many
@given(fields=FORM)
def test_options_of_a_form_are_valid_or_one_error(fields: dict[str, list[str]]) -> None:
    found = answer(lambda: options.from_form(fields, SERVER))
    assert found is None or 0 <= found.seed < 2**53


SHAPE = st.fixed_dictionaries(
    {},
    optional={
        "kind": st.sampled_from(["stroke", "box", "region"]) | JSON,
        "points": st.lists(st.lists(NUMBER, max_size=3), max_size=5) | JSON,
        "size": NUMBER,
        "box": st.lists(NUMBER, min_size=3, max_size=5) | JSON,
        "counts": st.text(max_size=12) | JSON,
        "erase": JSON,
    },
)


@many
@given(drawn=st.lists(SHAPE | JSON, max_size=4) | JSON)
def test_shapes_of_a_page_are_a_hole_or_one_error(drawn: Any) -> None:
    hole = answer(lambda: shapes.mask_of(drawn, (20, 30)))
    if hole is not None:
        assert hole.shape == (20, 30)
        assert 0 < hole.sum() < hole.size


HEADER = st.text(
    alphabet=st.characters(min_codepoint=32, max_codepoint=255), max_size=12
) | st.text(alphabet="http:/[]@.127localhost\\#? ", max_size=24)


@many
@given(host=HEADER | st.just("127.0.0.1:8123"), origin=HEADER | st.none())
def test_names_and_origins_are_let_in_or_refused(host: str, origin: str | None) -> None:
    headers = {"host": host} if origin is None else {"host": host, "origin": origin}
    status = 200
    try:
        check(Headers(headers), {"method": "GET", "path": "/"}, SERVER)
    except Refused as refused:
        status = refused.status_code
    assert status in (200, 403, 421)
    if status != 200:
        return
    name = host.lower().rsplit(":", 1)[0] if "[" not in host else host
    assert name.strip("[]") in ("localhost", "::1") or name.startswith(("127.", "[::1]"))


def test_a_disk_is_a_folder_like_the_tree_here(tmp_path: Path) -> None:
    """The fake of these tests answers as the real one does."""
    (tmp_path / "x").mkdir()
    (tmp_path / "a.png").touch()
    fake, real = Tree("in", {"": ["a.png"], "x": []}), Disk(tmp_path)
    for name in ("", "x", "nothing"):
        assert fake.list(name) == real.list(name)
        assert fake.exists(name) == real.exists(name) or not name

from __future__ import annotations

from pathlib import Path

import pytest

from inpaint.batch.disk import Disk
from inpaint.batch.pairing import Item, Orphan, Problem, outputs, plan_items
from inpaint.masks.pairing import match, match_trees

PAIRS = [
    (["a.jpg"], ["a.png"], {"a.jpg": "a.png"}),
    (["a.JPG"], ["a.Png"], {"a.JPG": "a.Png"}),
    (["a.jpg"], ["a_mask.png"], {"a.jpg": "a_mask.png"}),
    (["a.jpg"], ["a_mask000.png"], {"a.jpg": "a_mask000.png"}),
    (["a.jpg", "a.png"], ["a.png"], {"a.jpg": "a.png", "a.png": "a.png"}),
    (["a.jpg", "a.png"], ["a.jpg.png", "a.png"], {"a.jpg": "a.jpg.png", "a.png": "a.png"}),
    (["a.jpg"], ["a.JPG", "a.png"], {"a.jpg": "a.JPG"}),
    (["a.jpg"], ["a.png", "a_mask.png"], {"a.jpg": "a.png"}),
    (["a_mask.jpg"], ["a_mask.png"], {"a_mask.jpg": "a_mask.png"}),
    (["a.b.jpg"], ["a.b.png", "a.png"], {"a.b.jpg": "a.b.png"}),
    (
        ["gr\u00f6\u00dfe.jpg"],
        ["gro\u0308\u00dfe.png"],
        {"gr\u00f6\u00dfe.jpg": "gro\u0308\u00dfe.png"},
    ),
    (["n\nl.jpg"], ["n\nl_mask.png"], {"n\nl.jpg": "n\nl_mask.png"}),
]


@pytest.mark.parametrize(("names", "masks", "expected"), PAIRS)
def test_masks_in_their_own_folder(
    names: list[str], masks: list[str], expected: dict[str, str]
) -> None:
    found = match(names, masks)
    assert found.masks == expected
    assert found.errors == {}
    assert set(found.orphans) == set(masks) - set(expected.values())


SHARED = [
    (["a.jpg", "a_mask.png"], {"a.jpg": "a_mask.png"}, []),
    (["a.jpg", "a.png", "a_mask.png"], {"a.jpg": "a_mask.png", "a.png": "a_mask.png"}, []),
    (
        ["a.jpg", "a.png", "a.jpg_mask.png", "a_mask.png"],
        {"a.jpg": "a.jpg_mask.png", "a.png": "a_mask.png"},
        [],
    ),
    (["a.JPG", "a_mask.PNG", "b.png"], {"a.JPG": "a_mask.PNG"}, ["b.png"]),
    (["a_mask.png"], {}, ["a_mask.png"]),
]


@pytest.mark.parametrize(("names", "expected", "without"), SHARED)
def test_masks_beside_their_images(
    names: list[str], expected: dict[str, str], without: list[str]
) -> None:
    found = match(names)
    assert found.masks == expected
    assert list(found.errors) == without
    assert all("has no mask" in reason for reason in found.errors.values())


def test_two_masks_are_an_error_that_names_both() -> None:
    found = match(["a.jpg"], ["a.png", "a.webp"])
    assert found.masks == {}
    assert "2 masks: 'a.png', 'a.webp'" in found.errors["a.jpg"]
    assert found.orphans == []


OUTPUTS = [
    (["a.jpg", "a.png"], "keep", {"a.jpg": "a.jpg", "a.png": "a.png"}),
    (["a.jpg", "a.png"], "png", {"a.jpg": "a.jpg.png", "a.png": "a.png"}),
    (["a.jpg", "b.PNG"], "png", {"a.jpg": "a.png", "b.PNG": "b.PNG"}),
    (["a.jpeg", "b.tif"], "jpg", {"a.jpeg": "a.jpeg", "b.tif": "b.jpg"}),
    (["a.jpg", "A.webp"], "png", {"a.jpg": "a.jpg.png", "A.webp": "A.webp.png"}),
    (["a.jpg"], "webp", {"a.jpg": "a.webp"}),
]


@pytest.mark.parametrize(("names", "format", "expected"), OUTPUTS)
def test_outputs_never_collide(names: list[str], format: str, expected: dict[str, str]) -> None:
    named, errors = outputs(names, format)
    assert named == expected
    assert errors == {}
    assert len({out.casefold() for out in named.values()}) == len(names)


def test_an_output_that_can_only_collide_is_an_error() -> None:
    named, errors = outputs(["a.jpg", "a.png", "a.jpg.png"], "png")
    assert named == {"a.png": "a.png", "a.jpg.png": "a.jpg.png"}
    assert "rename one" in errors["a.jpg"]


def touch(root: Path, *names: str) -> None:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(b"")


def test_a_tree_keeps_its_folders_and_reports_what_does_not_fit(tmp_path: Path) -> None:
    touch(
        tmp_path / "in", "b.png", "x/a.jpg", "x/.hidden.jpg", ".git/a.png", "x/notes.txt", "c.png"
    )
    touch(tmp_path / "masks", "b.png", "x/a_mask.png", "y/z.png")
    found = list(plan_items(Disk(tmp_path / "in"), Disk(tmp_path / "masks")))
    assert [f for f in found if isinstance(f, Item)] == [
        Item("b.png", "b.png", "b.png"),
        Item("x/a.jpg", "x/a_mask.png", "x/a.jpg"),
    ]
    assert [f.path for f in found if isinstance(f, Problem)] == ["c.png"]
    assert [f.path for f in found if isinstance(f, Orphan)] == ["y/z.png"]


def test_one_mask_for_all_and_masks_in_alpha(tmp_path: Path) -> None:
    touch(tmp_path, "b.png", "x/a.jpg")
    one = [f for f in plan_items(Disk(tmp_path), None, one="m.png") if isinstance(f, Item)]
    assert {item.mask for item in one} == {"m.png"}
    alpha = [f for f in plan_items(Disk(tmp_path), None) if isinstance(f, Item)]
    assert [item.mask for item in alpha] == [None, None]


def test_folders_can_be_left_out(tmp_path: Path) -> None:
    touch(tmp_path, "a.png", "out/a.png", "out/deep/a.png", "outer/a.png")
    found = plan_items(Disk(tmp_path), None, one="m.png", skip_images=frozenset({"out"}))
    assert [f.path for f in found] == ["a.png", "outer/a.png"]


def test_an_unreadable_folder_is_named_and_the_others_are_walked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    touch(tmp_path, "a.png", "locked/b.png", "open/c.png")
    listed = Disk.list

    def refuse(self: Disk, name: str) -> object:
        if name == "locked":  # chmod does not stop root
            raise PermissionError(13, "Permission denied")
        return listed(self, name)

    monkeypatch.setattr(Disk, "list", refuse)
    found = list(plan_items(Disk(tmp_path), None, one="m.png"))
    assert [f.path for f in found if isinstance(f, Item)] == ["a.png", "open/c.png"]
    (problem,) = (f for f in found if isinstance(f, Problem))
    assert problem.path == "locked"
    assert "Permission denied" in problem.error


def test_linked_folders_are_followed_unless_they_lead_back(tmp_path: Path) -> None:
    touch(tmp_path / "elsewhere", "a.png")
    touch(tmp_path / "in", "x/b.png")
    (tmp_path / "in" / "link").symlink_to("../elsewhere")
    (tmp_path / "in" / "x" / "top").symlink_to("..")
    (tmp_path / "elsewhere" / "back").symlink_to("../in/x")
    found = list(plan_items(Disk(tmp_path / "in"), None, one="m.png"))
    items = [f.path for f in found if isinstance(f, Item)]
    assert items == ["link/a.png", "link/back/b.png", "x/b.png"]
    assert {f.path for f in found if isinstance(f, Problem)} == {"link/back/top", "x/top"}


SPELLINGS = [
    (["IMG_1.JPG"], ["img_1.png"], {"IMG_1.JPG": "img_1.png"}),
    (["a.jpg"], ["a_MASK.png"], {"a.jpg": "a_MASK.png"}),
    (["a.jpg", "A.jpg"], ["A.png", "a.png"], {"a.jpg": "a.png", "A.jpg": "A.png"}),
    (
        ["\u00e9.jpg", "e\u0301.jpg"],
        ["\u00e9.png", "e\u0301.png"],
        {"\u00e9.jpg": "\u00e9.png", "e\u0301.jpg": "e\u0301.png"},
    ),
]


@pytest.mark.parametrize(("names", "masks", "expected"), SPELLINGS)
def test_the_very_spelling_goes_first(
    names: list[str], masks: list[str], expected: dict[str, str]
) -> None:
    found = match(names, masks)
    assert (found.masks, found.errors, found.orphans) == (expected, {}, [])


def test_masks_beside_images_are_never_filled_as_images(tmp_path: Path) -> None:
    touch(tmp_path / "in", "a.png", "a_mask.png", "b_mask.png", "m.png")
    beside = [Orphan("a_mask.png", beside=True)]
    for one in ("m.png", None):
        found = list(plan_items(Disk(tmp_path / "in"), None, one=one, skip_image="m.png"))
        assert [f for f in found if isinstance(f, Orphan)] == beside
        assert [f.path for f in found if isinstance(f, Item)] == ["a.png", "b_mask.png"]
    touch(tmp_path / "masks", "a.png", "b_mask.png", "m.png")
    found = list(plan_items(Disk(tmp_path / "in"), Disk(tmp_path / "masks")))
    assert [f for f in found if isinstance(f, Orphan)] == beside
    assert [f.path for f in found if isinstance(f, Item)] == ["a.png", "b_mask.png", "m.png"]
    touch(tmp_path / "masks", "a_mask.png")  # asked for by its own name
    found = list(plan_items(Disk(tmp_path / "in"), Disk(tmp_path / "masks")))
    assert Item("a_mask.png", "a_mask.png", "a_mask.png") in found


def test_masks_in_one_folder_serve_images_in_many_unless_two_want_the_same(
    tmp_path: Path,
) -> None:
    touch(tmp_path / "in", "x/a.png", "x/b.png", "y/b.png", "y/c.png", "c.png")
    touch(tmp_path / "masks", "a.png", "b.png", "c.png", "d.png")
    found = list(plan_items(Disk(tmp_path / "in"), Disk(tmp_path / "masks")))
    assert [f for f in found if isinstance(f, Item)] == [
        Item("c.png", "c.png", "c.png"),
        Item("x/a.png", "a.png", "x/a.png"),
        Item("x/b.png", "b.png", "x/b.png"),
    ]
    problems = {f.path: f.error for f in found if isinstance(f, Problem)}
    assert "may share 'b.png'" in problems["y/b.png"]
    assert "has no mask" in problems["y/c.png"]  # c.png is the mask of another image
    assert [f.path for f in found if isinstance(f, Orphan)] == ["d.png"]
    names = ["x/a.png", "x/b.png", "y/b.png", "y/c.png", "c.png"]
    pairs, errors = match_trees(names, ["a.png", "b.png", "c.png", "d.png"])
    assert pairs == {"c.png": "c.png", "x/a.png": "a.png"}
    assert set(errors) == {"x/b.png", "y/b.png", "y/c.png"}

"""One rule for masks: every command reads a kind alike, or refuses it alike."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from kinds import BODY, BOTH, ERASED, HOLE, OTHER, SHAPE, WHITE, hole_of, photo, saved
from PIL import Image
from starlette.testclient import TestClient

from inpaint.batch.options import Options
from inpaint.batch.run import fill_folder
from inpaint.errors import InpaintError


def values(body: int, other: int, dtype: type = np.uint8) -> np.ndarray:
    array = np.zeros(SHAPE, dtype)
    array[BODY], array[OTHER] = body, other
    return array


def colours() -> np.ndarray:
    array = np.zeros((*SHAPE, 3), np.uint8)
    array[BODY], array[OTHER] = (255, 0, 0), (255, 255, 0)
    return array


def voc() -> bytes:
    image = Image.fromarray(values(1, 255))
    image.putpalette([0, 0, 0, 128, 0, 0, *[9] * (253 * 3), 224, 224, 192])
    stream = io.BytesIO()
    image.save(stream, "PNG")
    return stream.getvalue()


STROKES = np.dstack([np.full((*SHAPE, 3), 90, np.uint8), WHITE])
# file, --mask-labels, hole; or what the refusal says
MASKS: dict[str, tuple[bytes, str | None, np.ndarray | str]] = {
    "black and white": (saved(WHITE), None, HOLE),
    "one bit": (saved(HOLE), None, HOLE),
    "zero and one": (saved(HOLE.astype(np.uint8)), None, HOLE),
    "16 bits": (saved(WHITE.astype(np.uint16) * 257), None, HOLE),
    "jpeg": (saved(WHITE, "JPEG", quality=60), None, HOLE),
    "webp": (saved(np.dstack([WHITE] * 3), "WEBP", lossless=True), None, HOLE),
    "strokes": (saved(STROKES), None, HOLE),
    "erased photo": (saved(ERASED), None, HOLE),
    "labels": (saved(values(1, 15)), None, "label map"),
    "labels with ignore": (saved(values(3, 255)), None, "label map"),
    "labels, any": (saved(values(3, 255)), "any", BOTH),
    "labels, one": (saved(values(3, 255)), "3", HOLE),
    "instances, range": (saved(values(24001, 26000, np.uint16)), "24000-24999", HOLE),
    "palette": (voc(), None, "label map"),
    "palette, index": (voc(), "1", HOLE),
    "colours": (saved(colours()), None, "label map"),
    "colours, one": (saved(colours()), "#ff0000", HOLE),
    "colours, any": (saved(colours()), "any", BOTH),
    "photo": (saved(photo()), None, "seems to be a photo"),
    "absent label": (saved(values(3, 255)), "4", "no pixel of the mask has a label 4"),
    "jpeg labels": (saved(values(3, 255), "JPEG"), "any", "lossy"),
}


@pytest.mark.parametrize("kind", MASKS)
def test_every_command_reads_a_mask_alike(
    run: Callable[..., Any],
    client: TestClient,
    one_photo: Path,
    tiny_folders: dict[str, str],
    caplog: pytest.LogCaptureFixture,
    kind: str,
) -> None:
    data, labels, expected = MASKS[kind]
    Path("masks/a.png").write_bytes(data)
    asked = ["--mask-labels", labels] if labels else []
    quick = ["--prior", tiny_folders["gaussian"], "--steps", "1", "--stage", "none"]
    said: dict[str, str] = {}
    holes: dict[str, np.ndarray] = {}

    done = run("fill", "in/a.png", "--mask", "masks/a.png", "--out", "f.png", *asked, *quick)
    said["fill"] = done.err
    if done.code == 0:
        holes["fill"] = hole_of(photo(), Path("f.png").read_bytes())
        assert f"filled {int(expected.sum())} pixels" in done.err

    exact = ["--mask", "masks/a.png", "--grow", "0", "--preview", "p.png", "--json"]
    done = run("remove", "in/a.png", *exact, *asked)
    said["remove"] = done.err
    if done.code == 0:
        facts = json.loads(done.out)["hole"]
        assert facts["pixels"] == expected.sum()
        holes["remove"] = expected if facts["pixels"] == expected.sum() else ~expected

    done = run(*("batch", "in", "--masks", "masks", "--out", "b", "--workers", "0", *asked, *quick))
    said["batch"] = done.err
    if done.code == 0:
        holes["batch"] = hole_of(photo(), Path("b/a.png").read_bytes())

    done = run("evaluate", "in", "--masks", "masks", "--method", "mean", "--out", "e", *asked)
    said["evaluate"] = done.err
    if done.code == 0:
        with Image.open("e/masks/masks/a.png") as image:
            holes["evaluate"] = np.asarray(image) > 0

    fields = {"prior": "gaussian", "stages": "none", "steps": "1"}
    fields |= {"mask_labels": labels} if labels else {}
    files = {"image": ("a", saved(photo())), "mask": ("m", data)}
    answer = client.post("/api/fill", files=files, data=fields)
    said["serve"] = answer.text if answer.status_code != 200 else ""
    if answer.status_code == 200:
        holes["serve"] = hole_of(photo(), answer.content)

    if isinstance(expected, str):
        assert holes == {}
        assert all(expected in text for text in said.values()), said
        assert not any("Traceback" in text or "internal error" in text for text in said.values())
    else:
        assert set(holes) == set(said), said
        for name, hole in holes.items():
            assert not (hole & ~expected).any(), name
            assert (hole & expected).sum() >= 0.9 * expected.sum(), name
    if kind == "erased photo":
        # Of the others it is a warning in the log, which the command line shows on stderr.
        assert "erased part (384 pixels)" in said["batch"]
        assert caplog.text.count("erased part (384 pixels)") == 4


@pytest.mark.parametrize("command", ["fill", "batch"])
@pytest.mark.parametrize("option", [["--invert"], ["--mask-labels", "any"]])
def test_options_of_mask_files_are_refused_where_the_hole_is_in_alpha(
    run: Any, tmp_path: Path, command: str, option: list[str]
) -> None:
    picture = Image.fromarray(np.full((16, 16, 4), 255, np.uint8))
    picture.save(tmp_path / "a.png")
    given = {
        "fill": ["fill", tmp_path / "a.png", "--mask", "alpha", "--out", tmp_path / "b.png"],
        "batch": ["batch", tmp_path, "--masks", "alpha", "--out", tmp_path / "out"],
    }[command]
    done = run(*given, *option)
    assert done.code == 2
    assert option[0] in done.err
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.png"]


def test_a_folder_in_alpha_refuses_them_too(tmp_path: Path) -> None:
    Image.fromarray(np.full((16, 16, 4), 255, np.uint8)).save(tmp_path / "a.png")
    for options in (Options(invert=True), Options(mask_labels="any")):
        with pytest.raises(InpaintError, match="masks are in alpha"):
            fill_folder(tmp_path, "alpha", tmp_path / "out", options=options)

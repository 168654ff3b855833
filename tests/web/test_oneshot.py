"""The API for programs: image and mask in, filled image out."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from starlette.testclient import TestClient
from web_site import Served, coded, decoded, photo_pixels, state_of

from inpaint.cli import main

ROOT = Path(__file__).parents[2]
HOLE = np.zeros((30, 40), bool)
HOLE[8:20, 10:25] = True


def post(client: TestClient, *, image: bytes | None = None, **fields: Any) -> Any:
    files = {
        "image": ("photo", image or coded(photo_pixels())),
        "mask": ("mask", coded(HOLE.view(np.uint8) * 255)),
    }
    return client.post("/api/fill", files=files, data={"prior": "gaussian", **fields})


def test_the_hole_is_filled_and_nothing_else(client: TestClient) -> None:
    answer = post(client, stages="poisson")
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "image/png"
    after, before = decoded(answer.content), photo_pixels()
    assert np.array_equal(after[~HOLE], before[~HOLE])
    assert (after[HOLE] != before[HOLE]).any()
    report = json.loads(answer.headers["x-report"])
    assert report["crops"][0]["stages"] == ["poisson"]
    assert state_of(client).pool.used == 0


def test_the_bytes_are_those_of_the_command_line(
    client: TestClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    (tmp_path / "photo.png").write_bytes(coded(photo_pixels()))
    (tmp_path / "mask.png").write_bytes(coded(HOLE.view(np.uint8) * 255))
    monkeypatch.chdir(tmp_path)
    command = "inpaint fill photo.png --mask mask.png --out out.png --seed 3 --stage poisson"
    prior = settings.own_priors["gaussian"]
    monkeypatch.setattr("sys.argv", [*command.split(), "--grow", "2", "--prior", prior])
    with pytest.raises(SystemExit) as stop:
        main()
    assert stop.value.code == 0
    answer = post(client, stages="poisson", seed="3", grow="2")
    assert answer.content == (tmp_path / "out.png").read_bytes()


def test_options_of_the_form_are_heard(client: TestClient) -> None:
    jpeg = post(client, format="jpg", quality="40", stages="none")
    assert jpeg.headers["content-type"] == "image/jpeg"
    smaller = len(jpeg.content)
    assert len(post(client, format="jpg", quality="100", stages="none").content) > smaller
    inverted = decoded(post(client, invert="true", stages="none").content)
    assert np.array_equal(inverted[HOLE], photo_pixels()[HOLE])
    two = post(client, prior="scenes64-gaussian", stages="poisson, completion")
    assert json.loads(two.headers["x-report"])["crops"][0]["stages"] == ["poisson", "completion"]
    refused = post(client, stages="attention")
    assert refused.status_code == 422
    assert "'attention' has no weights for the prior" in refused.json()["error"]


@pytest.mark.parametrize(
    ("fields", "word"),
    [
        ({"candidates": "2"}, "candidates is 1"),
        ({"candidates": "many"}, "whole number"),
        ({"candidates": "7"}, "candidates is 7, expected a whole number, 1 to 6"),
        ({"faces": "maybe"}, "faces is 'maybe', expected true or false"),
        ({"seed": "1e3"}, "whole number"),
        ({"seed": "9" * 4000}, "whole number"),
        ({"steps": "\u0663"}, "whole number"),
        ({"grow": "-1"}, "grow is '-1', expected a whole number, 0 to 9999"),
        ({"grow": "10000"}, "0 to 9999"),
        ({"quality": "900"}, "quality is 900, expected a whole number, 1 to 100"),
        ({"quality": ""}, "quality is '', expected a whole number, 1 to 100"),
        ({"format": "gif"}, "format is"),
        ({"prior": "/etc"}, "unknown prior"),
        ({"stages": "nothing"}, "unknown stage"),
        ({"output": "/tmp/x"}, "unknown option 'output'"),
    ],
)
def test_wrong_fields_are_told(client: TestClient, fields: dict[str, str], word: str) -> None:
    answer = post(client, **fields)
    assert answer.status_code == 422
    assert word in answer.json()["error"]
    assert state_of(client).pool.used == 0


def test_a_form_that_lacks_something_or_is_none_is_told(client: TestClient) -> None:
    one = client.post("/api/fill", files={"image": coded(photo_pixels())})
    assert (one.status_code, "-F mask=@FILE" in one.json()["error"]) == (422, True)
    assert client.post("/api/fill", content=b"x").status_code == 415
    assert client.post("/api/fill", data={"image": "a"}).status_code == 415
    bad = {"content-type": "multipart/form-data; boundary=x"}
    assert client.post("/api/fill", content=b"--y\r\n", headers=bad).status_code == 400
    none = {"content-type": "multipart/form-data"}
    assert client.post("/api/fill", content=b"--y\r\n", headers=none).status_code == 400
    three = [("image", coded(photo_pixels()))] * 3
    assert client.post("/api/fill", files=three).status_code == 400
    assert state_of(client).pool.used == 0


def test_the_mask_must_leave_something_and_mark_something(client: TestClient) -> None:
    for value, word in ((0, "marks no hole"), (255, "marks everything")):
        mask = coded(np.full((30, 40), value, np.uint8))
        files = {"image": coded(photo_pixels()), "mask": mask}
        answer = client.post("/api/fill", files=files)
        assert answer.status_code == 422
        assert word in answer.json()["error"]


@pytest.mark.slow
def test_the_example_in_the_docs_works_as_written(served: Served, tmp_path: Path) -> None:
    text = (ROOT / "docs" / "web.md").read_text()
    (command,) = re.findall(r"^curl (?:.*\\\n)*.*", text, re.M)
    (tmp_path / "samples").symlink_to(ROOT / "samples")
    command = command.replace("http://127.0.0.1:8123", served.url)
    done = subprocess.run(command, shell=True, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    out = decoded((tmp_path / "clean.jpg").read_bytes())
    assert out.shape == decoded((ROOT / "samples" / "coffee.jpg").read_bytes()).shape


def test_an_avif_comes_back_as_one(client: TestClient) -> None:
    import io

    from PIL import Image, features

    if not features.check("avif"):
        pytest.skip("a Pillow without AVIF")
    stream = io.BytesIO()
    Image.fromarray(photo_pixels()).save(stream, "AVIF", quality=95)
    answer = post(client, image=stream.getvalue(), stages="none")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "image/avif")
    with Image.open(io.BytesIO(answer.content)) as image:
        assert (image.format, image.size) == ("AVIF", (40, 30))
    as_png = post(client, image=stream.getvalue(), stages="none", format="png")
    assert as_png.headers["content-type"] == "image/png"


def test_a_word_that_is_neither_true_nor_false_is_no_way_to_invert(client: TestClient) -> None:
    answer = post(client, invert="yes", stages="none")
    assert answer.status_code == 422
    assert "expected true or false" in answer.json()["error"]

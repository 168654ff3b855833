"""What the page asks for: open, point, fill, choose, save, close."""

from __future__ import annotations

import base64
import io
import json
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from PIL import Image
from starlette.testclient import TestClient
from web_site import STROKE, coded, decoded, events_of, photo_pixels, state_of

from inpaint import images, pipeline
from inpaint.images.decode import decode
from inpaint.images.encode import encode
from inpaint.images.picture import Picture
from inpaint.web import pages, shapes
from inpaint.web.settings import Settings

Make = Callable[..., TestClient]
TINY = {"prior": "gaussian", "stages": ["poisson"]}


def fill(client: TestClient, key: str, **changes: Any) -> list[dict[str, Any]]:
    request = {"shapes": [STROKE], "stack": [], "options": TINY, **changes}
    answer = client.post(f"/api/photos/{key}/fills", json=request)
    assert answer.status_code == 200, answer.text
    return events_of(answer.text)


def saved(client: TestClient, key: str, stack: list[list[int]], **more: str) -> bytes:
    params = {"stack": json.dumps(stack), **more}
    answer = client.get(f"/api/photos/{key}/file", params=params)
    assert answer.status_code == 200, answer.text
    return answer.content


def test_the_page_and_its_files_come_from_the_package(client: TestClient) -> None:
    page = client.get("/")
    assert page.headers["content-type"].startswith("text/html")
    for name in sorted(path.name for path in pages.FOLDER.iterdir()):
        assert client.get(f"/static/{name}").status_code == 200
    assert client.get("/favicon.ico").headers["content-type"] == "image/svg+xml"
    assert "http://" not in page.text.replace("http://www.w3.org", "")
    assert "https://" not in page.text


@pytest.mark.parametrize(
    "path",
    [
        "/static/nothing.js",
        "/static/../app.py",
        "/static/..%2fapp.py",
        "/static/%2e%2e%2fapp.py",
        "/static//etc/passwd",
        "/static/%00",
        "/api",
        "/docs",
    ],
)
def test_other_paths_are_not_found(client: TestClient, path: str) -> None:
    answer = client.get(path)
    assert answer.status_code == 404
    assert set(answer.json()) == {"status", "error"}


def test_about_tells_what_can_be_chosen(client: TestClient, settings: Settings) -> None:
    told = client.get("/api/about").json()
    names = [prior["name"] for prior in told["priors"]]
    assert {"gaussian", "vae", "faces64-gaussian"} <= set(names)
    assert not any("/" in name for name in names)
    assert {"poisson", "texture"} <= {stage["name"] for stage in told["stages"]}
    assert told["limits"]["bytes"] == settings.max_bytes


def test_a_photo_is_opened_and_seen_upright(client: TestClient) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned by a quarter
    data = coded(photo_pixels(), "JPEG", exif=exif.tobytes())
    told = client.post("/api/photos", content=data).json()
    assert (told["width"], told["height"], told["format"]) == (30, 40, "JPEG")
    view = client.get(f"/api/photos/{told['key']}/view")
    assert view.headers["content-type"] == "image/jpeg"
    assert decoded(view.content).shape == (40, 30, 3)


def test_a_view_is_no_larger_than_asked(client: TestClient) -> None:
    pixels = np.zeros((500, 700, 3), np.uint8)
    key = client.post("/api/photos", content=coded(pixels)).json()["key"]
    view = client.get(f"/api/photos/{key}/view", params={"side": 350})
    assert decoded(view.content).shape == (250, 350, 3)
    for side in ("x", "-1", "1e3", "100000"):
        answer = client.get(f"/api/photos/{key}/view", params={"side": side})
        assert answer.status_code == 422
        assert f"side is {side}" in answer.json()["error"].replace("'", "")


def test_a_fill_tells_how_it_goes_and_changes_the_hole_alone(client: TestClient, key: str) -> None:
    events = fill(client, key)
    kinds = [event["event"] for event in events]
    assert kinds[0] == "crop"
    assert kinds[-1] == "done"
    assert "search" in kinds
    stages = [event["stage"] for event in events if event["event"] == "stage"]
    assert stages == ["poisson"]
    done = events[-1]
    assert done["crops"][0]["prior"].endswith("gaussian")
    before = photo_pixels()
    after = decoded(saved(client, key, [[done["fill"], 0]]))
    hole = shapes.mask_of([STROKE], before.shape[:2])
    assert np.array_equal(after[~hole], before[~hole])
    assert (after[hole] != before[hole]).any()


def test_the_result_is_that_of_the_library(
    client: TestClient, key: str, settings: Settings
) -> None:
    options = {**TINY, "mode": "psnr", "seed": 5, "candidates": 2}
    done = fill(client, key, options=options)[-1]
    pixels = photo_pixels()
    hole = shapes.mask_of([STROKE], pixels.shape[:2])
    result = pipeline.complete(
        Picture(pixels),
        hole,
        prior=settings.own_priors["gaussian"],
        stages=("poisson",),
        mode="psnr",
        seed=5,
        candidates=2,
    )
    for k, picture in enumerate(result.pictures):
        assert np.array_equal(decoded(saved(client, key, [[done["fill"], k]])), picture.pixels)


def test_pictures_of_the_search_are_images_of_the_restarts(client: TestClient, key: str) -> None:
    events = fill(client, key, options={**TINY, "prior": "vae", "steps": 3})
    shown = [event for event in events if event["event"] == "search"]
    assert [event["step"] for event in shown][-1] == 3
    head, data = shown[0]["pictures"].split(",", 1)
    assert head == "data:image/png;base64"
    strip = decoded(base64.b64decode(data))
    assert strip.shape[1] == shown[0]["restarts"] * strip.shape[0]


def test_fills_lie_on_each_other_and_can_be_left_out(client: TestClient, key: str) -> None:
    first = [fill(client, key)[-1]["fill"], 0]
    other = {"kind": "box", "box": [20, 12, 10, 10]}
    second = [fill(client, key, shapes=[other], stack=[first])[-1]["fill"], 0]
    one, both = (decoded(saved(client, key, s)) for s in ([first], [first, second]))
    hole = shapes.mask_of([other], one.shape[:2])
    assert np.array_equal(one[~hole], both[~hole])
    assert (one[hole] != both[hole]).any()
    assert np.array_equal(decoded(saved(client, key, [])), photo_pixels())


def test_candidates_differ_and_are_shown_where_the_hole_is(client: TestClient, key: str) -> None:
    options = {**TINY, "prior": "vae", "steps": 2, "candidates": 3}
    done = fill(client, key, options=options)[-1]
    assert done["candidates"] == 3
    seen = []
    for k in range(3):
        stack = json.dumps([[done["fill"], k]])
        answer = client.get(f"/api/photos/{key}/candidate", params={"stack": stack})
        place = json.loads(answer.headers["x-place"])
        shown = decoded(answer.content)
        assert [place["x"], place["y"], place["w"], place["h"]] == done["box"]
        hole = shapes.mask_of([STROKE], (30, 40))
        x, y, w, h = done["box"]
        assert np.array_equal(shown[..., 3] == 255, hole[y : y + h, x : x + w])
        whole = decoded(saved(client, key, [[done["fill"], k]]))[y : y + h, x : x + w]
        assert np.array_equal(shown[..., :3][shown[..., 3] == 255], whole[shown[..., 3] == 255])
        seen.append(shown[..., :3].tobytes())
    assert len(set(seen)) > 1


def test_the_photo_keeps_its_format_and_metadata(client: TestClient) -> None:
    exif = Image.Exif()
    exif[0x010F] = "Maker"
    data = coded(photo_pixels(), "JPEG", exif=exif.tobytes(), quality=80, dpi=(72, 72))
    told = client.post("/api/photos", content=data).json()
    done = fill(client, told["key"])[-1]
    out = saved(client, told["key"], [[done["fill"], 0]])
    before, after = (Image.open(io.BytesIO(b)) for b in (data, out))
    assert after.format == "JPEG"
    assert after.getexif()[0x010F] == "Maker"
    assert after.info["dpi"] == (72, 72)
    assert after.quantization == before.quantization  # type: ignore[attr-defined]
    other = saved(client, told["key"], [], format="webp")
    assert Image.open(io.BytesIO(other)).format == "WEBP"


def test_sixteen_bits_and_alpha_come_through(client: TestClient) -> None:
    rng = np.random.default_rng(1)
    deep = images.from_array(rng.integers(0, 65536, (30, 40, 4)).astype(np.uint16))
    told = client.post("/api/photos", content=encode(deep, "PNG")).json()
    assert (told["bits"], told["alpha"]) == (16, True)
    done = fill(client, told["key"])[-1]
    out = decode(saved(client, told["key"], [[done["fill"], 0]]), name="out", max_pixels=10**6)
    hole = shapes.mask_of([STROKE], (30, 40))
    assert out.pixels.dtype == np.uint16
    assert np.array_equal(out.pixels[~hole], deep.pixels[~hole])
    assert client.get(f"/api/photos/{told['key']}/view").headers["content-type"] == "image/webp"
    jpeg = client.get(f"/api/photos/{told['key']}/file", params={"format": "jpg"})
    assert jpeg.status_code == 422
    assert "transparency" in jpeg.json()["error"]


def test_snapping_finds_the_object_and_its_margin(client: TestClient) -> None:
    rng = np.random.default_rng(0)
    pixels = rng.integers(90, 110, (80, 100, 3)).astype(np.uint8)
    pixels[30:50, 40:60] = (220, 40, 30)
    key = client.post("/api/photos", content=coded(pixels)).json()["key"]
    url = f"/api/photos/{key}/snap"
    told = client.post(url, json={"box": [30, 20, 40, 40]}).json()
    assert told["found"]
    assert told["left"] is False
    hole = shapes.mask_of([told["shape"]], (80, 100))
    assert hole[30:50, 40:60].all()
    assert 400 < hole.sum() < 900
    assert {"x", "y", "w", "h", "png"} == set(told["view"])
    exact = client.post(url, json={"box": [30, 20, 40, 40], "grow": 0}).json()
    assert shapes.mask_of([exact["shape"]], (80, 100)).sum() < hole.sum()
    assert client.post(url, json={"box": [5, 60, 20, 15]}).json() == {"found": False}


def test_a_closed_photo_is_gone_and_its_memory_free(client: TestClient, key: str) -> None:
    state = state_of(client)
    fill(client, key)
    assert state.pool.used > photo_pixels().nbytes
    assert client.delete(f"/api/photos/{key}").status_code == 204
    assert state.pool.used == 0
    assert not state.photos.open
    for answer in (
        client.delete(f"/api/photos/{key}"),
        client.post(f"/api/photos/{key}/keep"),
        client.get(f"/api/photos/{key}/view"),
        client.post(f"/api/photos/{key}/fills", json={"shapes": [STROKE]}),
    ):
        assert answer.status_code == 404
        assert "open it again" in answer.json()["error"]


def test_a_photo_that_nobody_asks_about_is_forgotten(client_of: Make) -> None:
    client = client_of(idle=0.05)
    key = client.post("/api/photos", content=coded(photo_pixels())).json()["key"]
    time.sleep(0.1)
    client.post("/api/photos", content=coded(photo_pixels()))
    assert client.get(f"/api/photos/{key}/view").status_code == 404
    assert len(state_of(client).photos.open) == 1

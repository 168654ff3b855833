"""Requests that cannot be served: a status, one line that says what to do, nothing left behind."""

from __future__ import annotations

import json
import struct
import sys
import zlib
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from starlette.testclient import TestClient
from web_site import STROKE, coded, photo_pixels, state_of

from inpaint.web import live, shown

Make = Callable[..., TestClient]


def complaint(answer: Any, status: int) -> str:
    """The error's one line, if the answer is one."""
    assert answer.status_code == status, answer.text
    told = answer.json()
    assert told["status"] == status
    text: str = told["error"]
    assert text
    assert "\n" not in text
    assert "Traceback" not in answer.text
    assert 'File "' not in answer.text
    return text


@pytest.fixture(autouse=True)
def nothing_left(request: pytest.FixtureRequest) -> Iterator[None]:
    """Whatever was refused, its bytes are not counted any more and no fill is left at work."""
    client = request.getfixturevalue("client") if "client" in request.fixturenames else None
    yield
    if client is not None:
        state = state_of(client)
        held = sum(photo.size for photo in state.photos.open.values())
        assert state.pool.used == held
        assert state.line.running is None


@pytest.mark.parametrize(
    ("data", "word"),
    [
        (b"", "empty"),
        (b"hello, this is no image at all", "not an image"),
        (b"GIF89a" + b"\0" * 40, "GIF"),
        (b"\0\0\0\x18ftypheic" + b"\0" * 40, "HEIC"),
        (b"%PDF-1.7" + b"\0" * 40, "PDF"),
        (b"<html><script>alert(1)</script>" + b" " * 40, "not an image"),
    ],
)
def test_what_is_no_image_is_an_unsupported_type(
    client: TestClient, monkeypatch: pytest.MonkeyPatch, data: bytes, word: str
) -> None:
    monkeypatch.setitem(sys.modules, "pillow_heif", None)
    assert word in complaint(client.post("/api/photos", content=data), 415)
    mask = coded(photo_pixels()[..., 0])
    files = {"image": ("a", data), "mask": ("b", mask)}
    assert word in complaint(client.post("/api/fill", files=files), 415)


def test_a_damaged_image_is_told_as_such(client: TestClient) -> None:
    text = complaint(client.post("/api/photos", content=coded(photo_pixels())[:-60]), 422)
    assert "damaged or cut short" in text


def test_a_body_too_large_is_refused_by_its_length_alone(client_of: Make) -> None:
    client = client_of(max_bytes=1000)
    assert "--max-mb" in complaint(client.post("/api/photos", content=b"x" * 1001), 413)
    assert state_of(client).pool.used == 0


def test_a_body_too_large_that_tells_no_length_is_refused_on_the_way(client_of: Make) -> None:
    client = client_of(max_bytes=100_000)
    sent = 0

    def endless() -> Iterator[bytes]:
        nonlocal sent
        for _ in range(1000):
            sent += 1
            yield b"x" * 10_000

    assert complaint(client.post("/api/photos", content=endless()), 413)
    assert state_of(client).pool.used == 0


@pytest.mark.parametrize("length", ["-5", "9" * 5000])
def test_a_length_that_is_no_number_is_refused(client: TestClient, length: str) -> None:
    headers = {"content-length": length}
    assert complaint(client.post("/api/photos", content=b"x", headers=headers), 400)


def test_too_many_pixels_are_refused_before_they_take_memory(client: TestClient) -> None:
    header = struct.pack(">IIBBBBB", 60_000, 60_000, 8, 2, 0, 0, 0)

    def chunk(kind: bytes, body: bytes) -> bytes:
        return (
            struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        )

    bomb = (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"\0" * 999))
    )
    assert "3600 million" in complaint(client.post("/api/photos", content=bomb), 413)


def test_memory_that_is_full_says_so_and_is_free_again_after_closing(client_of: Make) -> None:
    client = client_of(memory=12_000)
    first = client.post("/api/photos", content=coded(photo_pixels()))
    assert first.status_code == 201
    many = [client.post("/api/photos", content=coded(photo_pixels(60, 80))) for _ in range(3)]
    for answer in many:
        assert "--memory" in complaint(answer, 503)
        assert answer.headers["retry-after"]
    client.delete(f"/api/photos/{first.json()['key']}")
    assert client.post("/api/photos", content=coded(photo_pixels())).status_code == 201


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"1", b"null", b"\xff\xfe", b"[" * 100_000])
def test_what_is_no_json_object_is_refused(client: TestClient, key: str, body: bytes) -> None:
    complaint(client.post(f"/api/photos/{key}/fills", content=body), 400)
    complaint(client.post(f"/api/photos/{key}/snap", content=body), 400)


@pytest.mark.parametrize(
    ("options", "word"),
    [
        ({"prior": "/etc/passwd"}, "unknown prior"),
        ({"prior": "../../etc"}, "unknown prior"),
        ({"prior": "."}, "unknown prior"),
        ({"prior": "faces64-gausian"}, "did you mean 'faces64-gaussian'"),
        ({"prior": 3}, "prior is 3"),
        ({"prior": ["auto"]}, "expected a text"),
        ({"class": "tree"}, "class"),
        ({"mode": "best"}, "unknown mode"),
        ({"stages": ["os"]}, "unknown stage"),
        ({"stages": ["../pipeline"]}, "unknown stage"),
        ({"stages": ["auto", "poisson"]}, "unknown stage"),
        ({"stages": "poisson"}, "stages is"),
        ({"stages": [1]}, "stages is"),
        ({"stages": ["poisson"] * 100}, "at most"),
        ({"candidates": 0}, "1 to 6"),
        ({"candidates": 7}, "1 to 6"),
        ({"candidates": True}, "1 to 6"),
        ({"candidates": 1.5}, "1 to 6"),
        ({"faces": "yes"}, "faces is 'yes', expected true or false"),
        ({"faces": 1}, "expected true or false"),
        ({"steps": -1}, "0 to 2000"),
        ({"steps": 10**9}, "0 to 2000"),
        ({"seed": -1}, "seed is -1"),
        ({"seed": 2**70}, "seed is"),
        ({"device": "cuda"}, "unknown option 'device'"),
        ("auto", "no object"),
    ],
)
def test_options_that_cannot_be_are_told(
    client: TestClient, key: str, options: Any, word: str
) -> None:
    request = {"shapes": [STROKE], "options": options}
    assert word in complaint(client.post(f"/api/photos/{key}/fills", json=request), 422)


@pytest.mark.parametrize(
    ("stack", "status"),
    [
        ([[1, 0]], 404),
        ([[0, 0]], 404),
        ([[-1, -1]], 404),
        ("x", 422),
        ([1], 422),
        ([[1]], 422),
        ([["1", "0"]], 422),
        ([[1, 0]] * 2000, 422),
        ({"a": 1}, 422),
    ],
)
def test_a_stack_that_cannot_be_is_told(
    client: TestClient, key: str, stack: Any, status: int
) -> None:
    request = {"shapes": [STROKE], "stack": stack}
    complaint(client.post(f"/api/photos/{key}/fills", json=request), status)
    for name in ("candidate", "file"):
        params = {"stack": json.dumps(stack)}
        complaint(client.get(f"/api/photos/{key}/{name}", params=params), status)


def test_other_wrong_values_are_told(client: TestClient, key: str) -> None:
    complaint(client.get(f"/api/photos/{key}/file?format=exe"), 422)
    complaint(client.get(f"/api/photos/{key}/file?stack=["), 422)
    complaint(client.get(f"/api/photos/{key}/candidate"), 422)
    complaint(client.post(f"/api/photos/{key}/snap", json={"box": [900, 900, 5, 5]}), 422)
    complaint(client.post(f"/api/photos/{key}/snap", json={"box": [1, 1, 9, 9], "grow": -1}), 422)
    complaint(client.post(f"/api/photos/{key}/fills", json={"shapes": []}), 422)
    complaint(client.put("/api/photos"), 405)


def test_a_fault_of_ours_shows_no_traceback(
    client: TestClient, key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*arguments: object) -> None:
        raise RuntimeError("secret detail")

    monkeypatch.setattr(shown, "view", broken)
    text = complaint(client.get(f"/api/photos/{key}/view"), 500)
    assert "secret" not in text


def test_a_fault_while_filling_is_an_event(
    client: TestClient, key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*arguments: object, **keywords: object) -> None:
        raise MemoryError

    monkeypatch.setattr(live, "fill", broken)
    answer = client.post(f"/api/photos/{key}/fills", json={"shapes": [STROKE]})
    event = answer.json()
    assert (event["event"], event["status"]) == ("failed", 503)
    assert "out of memory" in event["error"]
    monkeypatch.undo()
    request = {"shapes": [STROKE], "options": {"prior": "gaussian", "stages": ["none"]}}
    answer = client.post(f"/api/photos/{key}/fills", json=request)
    assert '"done"' in answer.text


def test_an_error_of_the_library_is_an_event_with_its_text(client: TestClient, key: str) -> None:
    request = {
        "shapes": [STROKE],
        "options": {"prior": "gaussian", "class": None, "stages": ["none"], "steps": 0},
    }
    assert '"done"' in client.post(f"/api/photos/{key}/fills", json=request).text
    nan = np.zeros((2, 2), np.uint8)
    files = {"image": coded(photo_pixels()), "mask": coded(nan)}
    text = complaint(client.post("/api/fill", files=files), 422)
    assert "the mask is 2x2, the image is 40x30" in text

"""Behind a real socket: those who go away, come too often, send too much; and what is left."""

from __future__ import annotations

import gc
import json
import os
import socket
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx2 as httpx
import numpy as np
import pytest
from web_site import STROKE, Served, coded, eventually, photo_pixels, serving

from inpaint.web.settings import Settings

# So many steps that only giving up can end it in time.
ENDLESS = {"prior": "vae", "stages": ["none"], "steps": 2000, "candidates": 6}
QUICK = {"prior": "gaussian", "stages": ["none"]}


def open_photo(served: Served) -> str:
    answer = httpx.post(f"{served.url}/api/photos", content=coded(photo_pixels()))
    return f"{served.url}/api/photos/{answer.json()['key']}"


def idle(served: Served) -> bool:
    return served.state.line.running is None and not served.state.line.waiting


def begin(url: str) -> Iterator[dict[str, Any]]:
    """Start a fill that would take minutes; its events until the caller stops reading."""
    request = {"shapes": [STROKE], "options": ENDLESS}
    with httpx.stream("POST", f"{url}/fills", json=request, timeout=60) as answer:
        for line in answer.iter_lines():
            yield json.loads(line)


def test_a_page_that_goes_away_stops_its_search(served: Served) -> None:
    url = open_photo(served)
    events = begin(url)
    while next(events)["event"] != "search":
        pass
    assert served.state.line.running is not None
    begun = time.monotonic()
    events.close()  # type: ignore[attr-defined]
    eventually(lambda: idle(served))
    assert time.monotonic() - begun < 10  # of minutes
    request = {"shapes": [STROKE], "options": QUICK}
    assert '"done"' in httpx.post(f"{url}/fills", json=request, timeout=60).text


def test_one_fill_a_photo_at_a_time_and_a_closed_photo_stops_its_own(served: Served) -> None:
    url = open_photo(served)
    events = begin(url)
    while next(events)["event"] != "search":
        pass
    second = httpx.post(f"{url}/fills", json={"shapes": [STROKE], "options": QUICK}, timeout=60)
    assert second.status_code == 409
    assert httpx.delete(url).status_code == 204
    assert [event["event"] for event in events][-1] == "cancelled"
    eventually(lambda: idle(served))
    assert served.state.pool.used == 0


def test_a_program_that_goes_away_frees_the_queue(served: Served) -> None:
    files = {"image": coded(photo_pixels()), "mask": coded(np.eye(30, 40, dtype=np.uint8) * 255)}
    data = {"prior": "vae", "stages": "none", "steps": "2000"}
    with pytest.raises(httpx.ReadTimeout):
        httpx.post(f"{served.url}/api/fill", files=files, data=data, timeout=1.0)
    eventually(lambda: idle(served))
    eventually(lambda: served.state.pool.used == 0)


def test_twenty_at_once_are_served_or_told_to_come_again(settings: Settings) -> None:
    with serving(replace(settings, waiting=3)) as served:
        blocking = begin(open_photo(served))
        while next(blocking)["event"] != "search":
            pass
        files = {
            "image": coded(photo_pixels()),
            "mask": coded(np.eye(30, 40, dtype=np.uint8) * 255),
        }

        def post(number: int) -> httpx.Response:
            data = {"prior": "gaussian", "stages": "none", "seed": str(number)}
            return httpx.post(f"{served.url}/api/fill", files=files, data=data, timeout=60)

        with ThreadPoolExecutor(20) as pool:
            answers = pool.map(post, range(20))
            eventually(lambda: len(served.state.line.waiting) == 3)
            time.sleep(0.5)
            blocking.close()  # type: ignore[attr-defined]
            codes = sorted(answer.status_code for answer in answers)
        assert codes == [200] * 3 + [503] * 17
        assert idle(served)
        assert httpx.get(served.url).status_code == 200


@pytest.mark.parametrize("told", [True, False])
def test_a_gigabyte_is_refused_without_being_kept(settings: Settings, told: bool) -> None:
    with serving(replace(settings, max_bytes=32 << 20)) as served:
        before = resident()
        with socket.create_connection(("127.0.0.1", served.port), timeout=30) as line:
            head = f"POST /api/photos HTTP/1.1\r\nHost: 127.0.0.1:{served.port}\r\n"
            size = f"Content-Length: {1 << 30}\r\n" if told else "Transfer-Encoding: chunked\r\n"
            line.sendall(f"{head}{size}\r\n".encode())
            chunk = b"x" * (1 << 20)
            part = chunk if told else b"100000\r\n" + chunk + b"\r\n"
            sent = 0
            answer = b""
            with suppress(OSError):  # the other side closes
                for _ in range(1 << 10):
                    line.sendall(part)
                    sent += len(chunk)
            with suppress(OSError):  # it may close so early that the answer is lost on the way
                answer = line.recv(4096)
        assert answer[:12] in (b"HTTP/1.1 413", b"")
        assert sent < 200 << 20
        assert served.state.pool.used == 0
        assert resident() - before < 120 << 20
        assert httpx.get(served.url).status_code == 200


def test_the_refusal_of_a_gigabyte_reaches_a_client_that_waits_for_it(served: Served) -> None:
    with socket.create_connection(("127.0.0.1", served.port), timeout=30) as line:
        line.sendall(
            f"POST /api/photos HTTP/1.1\r\nHost: 127.0.0.1:{served.port}\r\n"
            f"Content-Length: {1 << 30}\r\nExpect: 100-continue\r\n\r\n".encode()
        )
        answer = line.recv(65536)
    assert answer.startswith(b"HTTP/1.1 413")
    assert b"connection: close" in answer.lower()


def test_a_body_that_stalls_is_given_up(settings: Settings) -> None:
    with serving(replace(settings, patience=0.3)) as served:
        with socket.create_connection(("127.0.0.1", served.port), timeout=30) as line:
            line.sendall(
                f"POST /api/photos HTTP/1.1\r\nHost: 127.0.0.1:{served.port}\r\n"
                "Content-Length: 1000\r\n\r\nabc".encode()
            )
            assert line.recv(65536).startswith(b"HTTP/1.1 408")
        assert served.state.pool.used == 0


def test_a_client_that_breaks_off_leaves_nothing(served: Served) -> None:
    for _ in range(10):
        with socket.create_connection(("127.0.0.1", served.port), timeout=30) as line:
            line.sendall(
                f"POST /api/photos HTTP/1.1\r\nHost: 127.0.0.1:{served.port}\r\n"
                f"Content-Length: {50 << 20}\r\n\r\n".encode()
                + b"x" * (1 << 20)
            )
    eventually(lambda: served.state.pool.used == 0)
    assert httpx.get(served.url).status_code == 200


def resident() -> int:
    """Bytes of memory that this process holds."""
    gc.collect()
    pages = Path("/proc/self/statm")
    if not pages.exists():
        pytest.skip("needs /proc")
    return int(pages.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


@pytest.mark.slow
def test_memory_is_back_at_its_start_after_many_photos(served: Served) -> None:
    rng = np.random.default_rng(0)
    data = coded(rng.integers(0, 255, (1500, 2000, 3)).astype(np.uint8), "BMP")

    def visit() -> None:
        key = httpx.post(f"{served.url}/api/photos", content=data, timeout=60).json()["key"]
        url = f"{served.url}/api/photos/{key}"
        request = {"shapes": [{**STROKE, "size": 60}], "options": QUICK}
        assert '"done"' in httpx.post(f"{url}/fills", json=request, timeout=60).text
        httpx.get(f"{url}/view", timeout=60)
        httpx.get(f"{url}/file", params={"stack": "[[1,0]]"}, timeout=60)
        httpx.delete(url)

    for _ in range(3):
        visit()
    before = resident()
    for _ in range(10):
        visit()
    assert served.state.pool.used == 0
    assert resident() - before < 40 << 20  # ten photos have 90 MB


_opened: list[tuple[str, int]] = []
_watching = threading.Event()


def _audit(event: str, arguments: tuple[Any, ...]) -> None:
    if event == "open" and _watching.is_set():
        path, _, flags = arguments
        _opened.append((str(path), flags if isinstance(flags, int) else 0))


def test_nothing_is_written_and_nothing_that_a_browser_names_is_opened(
    served: Served, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    secret = tmp_path / "secret"
    secret.write_text("x")
    warm = {"shapes": [STROKE], "options": QUICK}
    httpx.post(f"{open_photo(served)}/fills", json=warm, timeout=60)  # modules are imported
    sys.addaudithook(_audit)
    _opened.clear()
    _watching.set()
    try:
        url = open_photo(served)
        httpx.post(f"{url}/fills", json=warm, timeout=60)
        httpx.get(f"{url}/file", params={"stack": "[[1,0]]", "format": "tiff"})
        large = coded(np.zeros((1200, 1200, 3), np.uint8), "BMP")  # more than parsers keep at ease
        mask = np.zeros((1200, 1200), np.uint8)
        mask[500:600, 500:600] = 255
        files = {"image": (str(secret), large), "mask": ("../../x", coded(mask))}
        data = {"prior": "gaussian", "stages": "none"}
        assert httpx.post(f"{served.url}/api/fill", files=files, data=data, timeout=60).is_success
        for prior in (str(secret), str(tmp_path), "../secret"):
            request = {"shapes": [STROKE], "options": {"prior": prior}}
            assert httpx.post(f"{url}/fills", json=request).status_code == 422
        for path in (f"/static/..%2f..%2f{secret}", f"/{secret}", f"/static/{secret}"):
            assert httpx.get(f"{served.url}{path}").status_code == 404
        httpx.delete(url)
    finally:
        _watching.clear()
    written = [path for path, flags in _opened if flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT)]
    assert written == []
    assert not [path for path, _ in _opened if "secret" in path]
    assert [path.name for path in tmp_path.iterdir()] == ["secret"]

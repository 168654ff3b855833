"""Connections that are silent, slow or too many: everybody else is still answered."""

from __future__ import annotations

import json
import logging
import socket
import time
from contextlib import ExitStack, suppress
from dataclasses import replace

import httpx2 as httpx
import numpy as np
import pytest
from web_site import STROKE, Served, coded, eventually, photo_pixels, serving

from inpaint.web.connections import MOST, MOST_AN_ADDRESS
from inpaint.web.settings import Settings


def connected(served: Served) -> socket.socket:
    return socket.create_connection(("127.0.0.1", served.port), timeout=30)


def closed(line: socket.socket) -> bool:
    """Whether the other side has closed a connection that is not read otherwise."""
    line.settimeout(0.01)
    try:
        return line.recv(1) == b""
    except TimeoutError:
        return False
    except OSError:
        return True


def test_silent_connections_lock_nobody_out(served: Served) -> None:
    with ExitStack() as stack:
        silent = [stack.enter_context(connected(served)) for _ in range(MOST + 40)]
        assert httpx.get(f"{served.url}/api/about", timeout=10).status_code == 200
        eventually(lambda: closed(silent[0]))  # the oldest made room
        assert not closed(silent[-1])


@pytest.mark.parametrize("said", [b"", b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX: "])
def test_a_connection_that_never_asks_is_closed(settings: Settings, said: bytes) -> None:
    with serving(replace(settings, head=0.5)) as served, connected(served) as line:
        line.sendall(said)
        begun = time.monotonic()
        with suppress(OSError):
            for _ in range(100):  # a header that goes on and on is no question either
                if said:
                    line.sendall(b"x")
                if closed(line):
                    break
                time.sleep(0.05)
        assert time.monotonic() - begun < 5


def test_a_second_question_on_one_connection_has_to_come_in_time_too(settings: Settings) -> None:
    with serving(replace(settings, head=0.5)) as served, connected(served) as line:
        host = f"Host: 127.0.0.1:{served.port}\r\n"
        line.sendall(f"GET /api/about HTTP/1.1\r\n{host}\r\n".encode())
        assert line.recv(100).startswith(b"HTTP/1.1 200")
        while not closed(line):
            with suppress(TimeoutError):
                line.settimeout(0.2)
                if not line.recv(65536):
                    break
                continue
            break
        line.sendall(b"GET /api/about HTTP/1.1\r\n")
        begun = time.monotonic()
        eventually(lambda: closed(line), seconds=4)  # the server below would wait for ever
        assert time.monotonic() - begun < 4


def test_a_body_that_comes_byte_by_byte_is_given_up(settings: Settings) -> None:
    with serving(replace(settings, patience=0.5)) as served, connected(served) as line:
        line.sendall(
            f"POST /api/photos HTTP/1.1\r\nHost: 127.0.0.1:{served.port}\r\n"
            "Content-Length: 1000\r\n\r\n".encode()
        )
        answer = b""
        for _ in range(100):
            with suppress(OSError):
                line.sendall(b"x")
            line.settimeout(0.1)
            with suppress(TimeoutError):
                answer = line.recv(65536)
                break
        assert answer.startswith(b"HTTP/1.1 408")
        eventually(lambda: served.state.pool.used == 0)


def test_an_answer_that_nobody_takes_is_given_up(settings: Settings) -> None:
    with serving(replace(settings, patience=0.5)) as served:
        noise = np.random.default_rng(0).integers(0, 255, (1500, 3000, 3), dtype=np.uint8)
        key = httpx.post(f"{served.url}/api/photos", content=coded(noise), timeout=60).json()["key"]
        with connected(served) as line:
            line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            line.sendall(
                f"GET /api/photos/{key}/file?format=bmp HTTP/1.1\r\n"
                f"Host: 127.0.0.1:{served.port}\r\n\r\n".encode()
            )
            time.sleep(6)
            taken = 0
            with suppress(OSError):
                while part := line.recv(1 << 20):
                    taken += len(part)
        assert 0 < taken < noise.nbytes


def test_no_address_of_a_network_takes_all_connections(settings: Settings) -> None:
    with serving(replace(settings, host="0.0.0.0")) as served, ExitStack() as stack:
        for _ in range(MOST_AN_ADDRESS):
            stack.enter_context(connected(served))
        time.sleep(0.2)
        with connected(served) as one_more:
            answer = one_more.recv(65536)
        assert answer.startswith(b"HTTP/1.1 503")
        assert b"retry-after: 5" in answer.lower()
        assert b"close some" in answer


def test_a_tab_that_closes_during_an_upload_is_no_error(
    served: Served, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.ERROR)
    for path, kind in (
        ("/api/photos", "image/png"),
        ("/api/fill", "multipart/form-data; boundary=b"),
    ):
        with connected(served) as line:
            line.sendall(
                f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1:{served.port}\r\nContent-Type: {kind}\r\n"
                f"Content-Length: {50 << 20}\r\n\r\n".encode()
                + b"--b\r\n"
                + b"x" * (1 << 20)
            )
            time.sleep(0.2)
    eventually(lambda: served.state.pool.used == 0)
    time.sleep(0.2)
    assert [record.getMessage() for record in caplog.records] == []


def test_a_large_drawing_leaves_the_quick_requests_alone(served: Served) -> None:
    picture = coded(np.zeros((6000, 6000, 3), np.uint8), "BMP")
    large = httpx.post(f"{served.url}/api/photos", content=picture, timeout=60).json()["key"]
    small = httpx.post(f"{served.url}/api/photos", content=coded(photo_pixels())).json()["key"]
    boxes = [{"kind": "box", "box": [0, 0, 5900, 6000]}] * 50
    with socket.create_connection(("127.0.0.1", served.port)) as line:
        body = json.dumps({"shapes": [*boxes, STROKE], "edge": True}).encode()
        line.sendall(
            f"POST /api/photos/{large}/fills HTTP/1.1\r\nHost: 127.0.0.1:{served.port}\r\n"
            f"Content-Length: {len(body)}\r\n\r\n".encode()
            + body
        )
        time.sleep(0.3)
        waits = []
        for _ in range(5):
            begun = time.monotonic()
            assert httpx.get(f"{served.url}/api/photos/{small}/view", timeout=60).status_code == 200
            waits.append(time.monotonic() - begun)
        assert sorted(waits)[2] < 1, waits
    eventually(lambda: served.state.line.running is None, seconds=60)

"""A server inside the test's process, behind a real socket, and what tests send to it."""

from __future__ import annotations

import io
import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import uvicorn
from PIL import Image
from starlette.testclient import TestClient

from inpaint.web.app import create_app
from inpaint.web.server import configured
from inpaint.web.settings import Settings
from inpaint.web.state import State

ORIGIN = "http://127.0.0.1:8123"
STROKE = {"kind": "stroke", "points": [[12, 10], [26, 16]], "size": 6}


def photo_pixels(height: int = 30, width: int = 40) -> np.ndarray:
    y, x = np.mgrid[:height, :width]
    return np.stack([x * 6 % 256, y * 8 % 256, (255 - x * 3 - y * 3) % 256], 2).astype(np.uint8)


def coded(pixels: np.ndarray, format: str = "PNG", **options: Any) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, format, **options)
    return stream.getvalue()


def decoded(data: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(data)))


def events_of(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


def state_of(client: TestClient) -> State:
    state: State = client.app.app.state.server  # type: ignore[attr-defined]
    return state


@dataclass
class Served:
    """A server behind a socket, and its state."""

    url: str
    port: int
    state: State


@contextmanager
def serving(settings: Settings, *, port: int = 0) -> Iterator[Served]:
    app = create_app(settings)
    server = uvicorn.Server(configured(settings, app, port=port))
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        eventually(lambda: server.started, seconds=30)
        port = server.servers[0].sockets[0].getsockname()[1]
        yield Served(f"http://127.0.0.1:{port}", port, app.app.state.server)  # type: ignore[attr-defined]
    finally:
        server.should_exit = True
        thread.join(30)
        assert not thread.is_alive()


def eventually(holds: Callable[[], bool], *, seconds: float = 20) -> None:
    """Wait until it holds; fail when it does not."""
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, "did not come about in time"
        time.sleep(0.01)

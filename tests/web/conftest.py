"""Servers for the tests: as a client's object, or behind a socket."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest
from starlette.testclient import TestClient
from web_site import ORIGIN, Served, coded, photo_pixels, serving

from inpaint.web.app import create_app
from inpaint.web.settings import Settings


@pytest.fixture(scope="session")
def settings(tiny_folders: dict[str, str]) -> Settings:
    """Tiny priors of every kind under their kinds' names."""
    return Settings(own_priors=dict(tiny_folders), patience=2.0)


@pytest.fixture
def client_of(settings: Settings) -> Iterator[Callable[..., TestClient]]:
    """``client_of(waiting=1, ...)``: a client of a server with other settings."""
    open_ones = []

    def make(**changes: Any) -> TestClient:
        client = TestClient(create_app(replace(settings, **changes)), base_url=ORIGIN)
        client.__enter__()
        open_ones.append(client)
        return client

    yield make
    for client in open_ones:
        client.__exit__(None, None, None)


@pytest.fixture
def client(client_of: Callable[..., TestClient]) -> TestClient:
    return client_of()


@pytest.fixture
def key(client: TestClient) -> str:
    """Of an open photo of 40x30 pixels."""
    answer = client.post("/api/photos", content=coded(photo_pixels()))
    assert answer.status_code == 201, answer.text
    return str(answer.json()["key"])


@pytest.fixture
def served(settings: Settings) -> Iterator[Served]:
    with serving(settings) as one:
        yield one

"""Servers for the tests: as a client's object, or behind a socket."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from browsing import CHROMIUM, FLAGS, HEIGHT, WIDTH, choose, open_file, visit
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


@pytest.fixture(scope="session")
def site(settings: Settings) -> Iterator[Served]:
    """A server for the browser, which all tests share: each opens a photo of its own."""
    with serving(settings) as one:
        yield one


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    driven = pytest.importorskip("playwright.sync_api", reason="needs Playwright (extra dev)")
    with driven.sync_playwright() as driver:
        one = driver.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield one
        one.close()


@pytest.fixture
def complaints() -> list[str]:
    """What the page's console said, and requests that went elsewhere; empty at the end."""
    return []


@pytest.fixture(scope="session")
def tab(browser: Any) -> Iterator[Any]:
    """One tab that all tests share: a tab of its own costs each a process of the browser."""
    context = browser.new_context(accept_downloads=True, reduced_motion="reduce")
    yield context.new_page()
    context.close()


@pytest.fixture
def page(tab: Any, site: Served, complaints: list[str]) -> Iterator[Any]:
    """The page, loaded as if for the first time; a complaint fails the test."""
    own = (site.url, "data:", "blob:")
    listeners = {
        "pageerror": lambda error: complaints.append(str(error)),
        "console": lambda m: complaints.append(m.text) if m.type == "error" else None,
        "request": lambda r: None if r.url.startswith(own) else complaints.append(r.url),
    }
    tab.set_viewport_size({"width": 900, "height": 640})
    for event, listener in listeners.items():
        tab.on(event, listener)
    visit(tab, site.url)
    yield tab
    assert complaints == []
    for event, listener in listeners.items():
        tab.remove_listener(event, listener)
    tab.evaluate("localStorage.clear()")
    tab.goto("about:blank")


@pytest.fixture
def pixels() -> np.ndarray:
    return photo_pixels(HEIGHT, WIDTH)


@pytest.fixture
def opened(page: Any, pixels: np.ndarray) -> Any:
    """The page with a photo, told to fill with a tiny prior."""
    open_file(page, "holiday.png", coded(pixels))
    choose(page)
    return page

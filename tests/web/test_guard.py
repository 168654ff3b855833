"""Who may ask: names, origins, and the headers of every answer."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from starlette.testclient import TestClient
from starlette.websockets import WebSocketDisconnect

from inpaint.web.guard import is_local

Make = Callable[..., TestClient]


@pytest.mark.parametrize(
    "host",
    ["127.0.0.1", "127.0.0.1:8123", "localhost", "LOCALHOST:9", "[::1]:8123", "127.8.8.8"],
)
def test_local_names_are_answered(client: TestClient, host: str) -> None:
    assert client.get("/", headers={"host": host}).status_code == 200


@pytest.mark.parametrize(
    "host",
    [
        "evil",
        "evil:8123",
        "evil.example",
        "localhost.evil.example",
        "127.0.0.1.evil.example",
        "192.168.1.5",
        "169.254.169.254",
        "",
        "[::1",
        "a b",
        "127.0.0.1@evil.example",
        "evil.com@localhost",
        "127.0.0.1/evil",
        "127.0.0.1?evil",
        "localhost#evil",
        "localhost:80:80",
        "localhost:",
        "localhost\\evil",
        "[127.0.0.1",
        "localhost:9x",
        "evil.example@127.0.0.1.nip.io",
    ],
)
def test_other_names_are_misdirected(client: TestClient, host: str) -> None:
    for path in ("/", "/api/about", "/static/main.js", "/nothing"):
        answer = client.get(path, headers={"host": host})
        assert answer.status_code == 421, path
        assert "--allow-host" in answer.json()["error"]


def test_a_server_open_to_a_network_answers_to_addresses_but_not_to_strange_names(
    client_of: Make,
) -> None:
    client = client_of(host="0.0.0.0", names=("studio.local",))
    for host, status in [
        ("192.168.1.5:8123", 200),
        ("Studio.local", 200),
        ("localhost", 200),
        ("evil.example", 421),
    ]:
        assert client.get("/", headers={"host": host}).status_code == status, host


@pytest.mark.parametrize(
    "origin",
    [
        "http://evil.example",
        "null",
        "http://127.0.0.1:9999",
        "http://localhost:8123",
        "http://127.0.0.1",
        "",
        "http://[",
        "http://127.0.0.1:8123/path",
        "http://user@127.0.0.1:8123",
        "ftp://127.0.0.1:8123",
        "127.0.0.1:8123",
    ],
)
def test_pages_of_other_origins_are_refused(client: TestClient, key: str, origin: str) -> None:
    headers = {"origin": origin}
    assert client.get("/api/about", headers=headers).status_code == 403
    assert client.post("/api/photos", content=b"x", headers=headers).status_code == 403
    assert client.post("/api/fill", content=b"x", headers=headers).status_code == 403
    assert client.delete(f"/api/photos/{key}", headers=headers).status_code == 403
    assert client.post(f"/api/photos/{key}/keep").status_code == 204


def test_the_own_page_and_programs_may_ask(client: TestClient) -> None:
    assert client.get("/api/about", headers={"origin": "http://127.0.0.1:8123"}).status_code == 200
    assert client.get("/api/about", headers={"sec-fetch-site": "same-origin"}).status_code == 200
    assert client.get("/api/about").status_code == 200


def test_other_sites_may_link_to_the_page_but_embed_nothing(client: TestClient) -> None:
    strange = {"sec-fetch-site": "cross-site"}
    followed = {**strange, "sec-fetch-mode": "navigate"}
    assert client.get("/", headers=followed).status_code == 200
    assert client.get("/", headers={**strange, "sec-fetch-mode": "no-cors"}).status_code == 403
    assert client.get("/api/about", headers=followed).status_code == 403
    assert client.get("/static/main.js", headers=strange).status_code == 403
    assert client.post("/api/photos", content=b"x", headers=followed).status_code == 403


@pytest.mark.parametrize("path", ["/", "/static/style.css", "/api/about", "/nothing", "/api/fill"])
def test_every_answer_carries_the_headers(client: TestClient, path: str) -> None:
    headers = client.get(path).headers
    policy = headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "frame-ancestors 'none'" in policy
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["cross-origin-resource-policy"] == "same-origin"
    assert headers["cache-control"] == "no-store"
    assert headers["referrer-policy"] == "no-referrer"
    assert "access-control-allow-origin" not in headers


def test_a_refusal_carries_them_too(client: TestClient) -> None:
    assert "content-security-policy" in client.get("/", headers={"host": "evil"}).headers


@pytest.mark.parametrize(
    ("host", "local"),
    [("127.0.0.1", True), ("::1", True), ("localhost", True), ("0.0.0.0", False), ("x", False)],
)
def test_which_addresses_only_this_computer_reaches(host: str, local: bool) -> None:
    assert is_local(host) is local


def test_browsers_get_a_page_for_an_error_and_its_text_is_no_markup(client: TestClient) -> None:
    answer = client.get("/", headers={"accept": "text/html", "host": "<script>alert(1)</script>"})
    assert answer.status_code == 421
    assert answer.headers["content-type"].startswith("text/html")
    assert "<script>" not in answer.text
    assert "&lt;script&gt;" in answer.text


def test_web_sockets_are_closed(client: TestClient) -> None:
    with pytest.raises(WebSocketDisconnect), client.websocket_connect("/"):
        pass

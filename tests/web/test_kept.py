"""What outlives the server: fills as bytes, put back after the photo was opened again."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from starlette.testclient import TestClient
from web_site import STROKE, coded, decoded, events_of, photo_pixels, state_of

from inpaint.images import from_array
from inpaint.images.encode import encode
from inpaint.images.picture import Picture
from inpaint.web.kept import KeptError, pack, unpack
from inpaint.web.photos import Fill

SEARCHED = {"prior": "vae", "steps": 2, "stages": ["poisson"]}


def opened(client: TestClient, data: bytes) -> str:
    answer = client.post("/api/photos", content=data)
    assert answer.status_code == 201, answer.text
    return f"/api/photos/{answer.json()['key']}"


def filled(client: TestClient, url: str, **changes: Any) -> list[dict[str, Any]]:
    request = {"shapes": [STROKE], "options": {**SEARCHED, "candidates": 3}, **changes}
    return events_of(client.post(f"{url}/fills", json=request).text)


def saved(client: TestClient, url: str, stack: list[list[int]]) -> bytes:
    answer = client.get(f"{url}/file", params={"stack": json.dumps(stack)})
    assert answer.status_code == 200, answer.text
    return answer.content


@pytest.mark.parametrize("depth", [np.uint8, np.uint16])
def test_a_fill_put_back_into_another_server_saves_the_same_bytes(
    client_of: Callable[..., TestClient], depth: type
) -> None:
    pixels = photo_pixels().astype(depth) * (1 if depth is np.uint8 else 257)
    data = encode(from_array(pixels), "PNG")
    first, second = client_of(), client_of()
    url = opened(first, data)
    filled(first, url)
    other = {"kind": "box", "box": [20, 12, 10, 10]}
    filled(first, url, shapes=[other], stack=[[1, 2]])
    before = saved(first, url, [[1, 2], [2, 1]])
    kept = [first.get(f"{url}/fills/{n}").content for n in (1, 2)]
    url = opened(second, data)
    for n in (2, 1):  # in any order
        assert second.put(f"{url}/fills/{n}", content=kept[n - 1]).status_code == 204
    assert saved(second, url, [[1, 2], [2, 1]]) == before
    again = filled(second, url, stack=[[1, 2], [2, 1]])[-1]
    assert again["fill"] == 3
    assert second.delete(url).status_code == 204
    assert state_of(second).pool.used == 0


def test_a_fill_that_is_there_is_not_replaced(client: TestClient) -> None:
    url = opened(client, coded(photo_pixels()))
    filled(client, url)
    kept = client.get(f"{url}/fills/1").content
    assert client.put(f"{url}/fills/1", content=kept).status_code == 409
    assert client.get(f"{url}/fills/2").status_code == 404
    for number in ("0", "1001", "x", "-1"):
        assert client.put(f"{url}/fills/{number}", content=kept).status_code == 422


def a_fill(picture: Picture) -> Fill:
    hole = np.zeros((picture.height, picture.width), bool)
    hole[3:9, 5:12] = True
    hole[4, 6] = False
    fill = Fill.of(hole)
    fill.values.append(fill.values_in(picture))
    return fill


def head_of(**changes: Any) -> bytes:
    data = pack(a_fill(Picture(photo_pixels())))
    head, _, rest = data.partition(b"\n")
    return json.dumps({**json.loads(head), **changes}).encode() + b"\n" + rest


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"", "no fill"),
        (b"hello", "no fill"),
        (b"[1]\n", "JSON object"),
        (b"[" * 100_000 + b"\n", "no fill"),
        (head_of(box=[30, 20, 40, 40]), "another size"),
        (head_of(box=[0, 0, -1, 5]), "expected more than 0"),
        (head_of(candidates=2), "as many as its hole has pixels"),
        (head_of(candidates=0), "candidates"),
        (head_of(candidates=1e9), "candidates"),
        (head_of(dtype="uint16"), "another photo"),
        (head_of(channels=4), "another photo"),
        (head_of(counts=None), "no text"),
        (head_of(counts="Z"), "run-length"),
        (head_of()[:-1], "as many as its hole has pixels"),
    ],
)
def test_bytes_that_are_no_fill_are_refused(client: TestClient, data: bytes, text: str) -> None:
    url = opened(client, coded(photo_pixels()))
    answer = client.put(f"{url}/fills/1", content=data)
    assert answer.status_code == 422
    assert text in answer.json()["error"]
    used = state_of(client).pool.used
    assert used == photo_pixels().nbytes


def test_packing_is_undone_by_unpacking() -> None:
    picture = Picture(photo_pixels())
    fill = a_fill(picture)
    back = unpack(pack(fill), picture)
    assert back.box == fill.box
    assert np.array_equal(back.mask, fill.mask)
    assert np.array_equal(back.values[0], fill.values[0])
    with pytest.raises(KeptError, match="another size"):
        unpack(pack(fill), Picture(photo_pixels(6, 6)))


def test_candidates_are_told_one_by_one_and_can_be_had_at_once(client: TestClient) -> None:
    url = opened(client, coded(photo_pixels()))
    events = filled(client, url)
    told = [(e["fill"], e["candidate"], e["of"]) for e in events if e["event"] == "candidate"]
    assert told == [(1, 0, 3), (1, 1, 3), (1, 2, 3)]
    kinds = [e["event"] for e in events]
    # The first one is told before the second one goes through the stages.
    assert "stage" in kinds[kinds.index("candidate") :]
    assert events[-1]["candidates"] == 3


def test_further_candidates_leave_out_what_is_there(client: TestClient) -> None:
    url = opened(client, coded(photo_pixels()))
    filled(client, url)
    events = filled(client, url, first=1)
    assert [e["candidate"] for e in events if e["event"] == "candidate"] == [0, 1]
    for k in (0, 1):
        assert saved(client, url, [[2, k]]) == saved(client, url, [[1, k + 1]])
    for first in (3, -1, 1.0, True, "1"):
        answer = client.post(f"{url}/fills", json={"shapes": [STROKE], "first": first})
        assert answer.status_code == 422


def test_candidates_that_were_told_stay_when_the_rest_fails(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    from inpaint import pipeline
    from inpaint.errors import SearchError

    complete = pipeline.complete

    def broken(*arguments: Any, on_candidate: Any, **keywords: Any) -> Any:
        def one(index: int, picture: Picture) -> None:
            if index == 1:
                raise SearchError("enough")
            on_candidate(index, picture)

        return complete(*arguments, on_candidate=one, **keywords)

    monkeypatch.setattr(pipeline, "complete", broken)
    noise = np.random.default_rng(0).integers(0, 256, (30, 40, 3)).astype(np.uint8)
    url = opened(client, coded(noise))
    events = filled(client, url)
    assert events[-1]["event"] == "failed"
    assert len([e for e in events if e["event"] == "candidate"]) == 1
    after = decoded(saved(client, url, [[1, 0]]))
    assert (after != noise).any()

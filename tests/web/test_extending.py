"""A larger canvas: another photo, whose margins are to be filled."""

from __future__ import annotations

import json
from collections.abc import Callable

import numpy as np
import pytest
from starlette.testclient import TestClient
from web_site import STROKE, coded, decoded, events_of, photo_pixels

from inpaint.web import shapes

NONE = {"prior": "gaussian", "stages": ["none"]}


def test_the_margins_are_a_hole_around_photo_and_fills(client: TestClient, key: str) -> None:
    url = f"/api/photos/{key}"
    client.post(f"{url}/fills", json={"shapes": [STROKE], "options": NONE})
    stack = [[1, 0]]
    before = decoded(client.get(f"{url}/file", params={"stack": json.dumps(stack)}).content)
    answer = client.post(f"{url}/extended", json={"margins": [4, 0, 6, 2], "stack": stack})
    assert answer.status_code == 201
    told = answer.json()
    assert (told["width"], told["height"]) == (50, 32)
    hole = shapes.mask_of([told["added"]["shape"]], (32, 50))
    assert not hole[:30, 4:44].any()
    assert hole.sum() == 50 * 32 - 40 * 30
    other = f"/api/photos/{told['key']}"
    request = {"shapes": [told["added"]["shape"]], "options": NONE}
    events = events_of(client.post(f"{other}/fills", json=request).text)
    assert events[-1]["event"] == "done"
    after = decoded(client.get(f"{other}/file", params={"stack": json.dumps(stack)}).content)
    assert np.array_equal(after[:30, 4:44], before)
    assert after[:, :4].any()


@pytest.mark.parametrize(
    "margins", [None, [1, 2, 3], [0, 0, 0, 0], [-1, 0, 0, 0], [1.5, 0, 0, 0], [True, 0, 0, 0], "1"]
)
def test_margins_that_cannot_be_are_refused(client: TestClient, key: str, margins: object) -> None:
    answer = client.post(f"/api/photos/{key}/extended", json={"margins": margins})
    assert answer.status_code == 422
    assert "margins" in answer.json()["error"]


def test_the_limit_of_pixels_holds_for_the_larger_canvas(
    client_of: Callable[..., TestClient],
) -> None:
    client = client_of(max_pixels=2000)
    key = client.post("/api/photos", content=coded(photo_pixels())).json()["key"]
    answer = client.post(f"/api/photos/{key}/extended", json={"margins": [9999, 0, 0, 9999]})
    assert answer.status_code == 413
    assert "add less" in answer.json()["error"]

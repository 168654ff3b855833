"""The description is held against the routes and against real answers."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from starlette.routing import Route
from starlette.testclient import TestClient
from web_site import STROKE, coded, events_of, photo_pixels

from inpaint.web import options
from inpaint.web.oneshot import OWN_FIELDS


@pytest.fixture
def document(client: TestClient) -> dict[str, Any]:
    told: dict[str, Any] = client.get("/openapi.json").json()
    return told


def holds(document: dict[str, Any], name: str, value: Any) -> None:
    schema = {"$ref": f"#/components/schemas/{name}", "components": document["components"]}
    Draft202012Validator(schema).validate(value)


def test_every_request_of_the_api_is_described_and_no_other(
    client: TestClient, document: dict[str, Any]
) -> None:
    routes = client.app.app.routes  # type: ignore[attr-defined]
    there = {
        (route.path, method.lower())
        for route in routes
        if isinstance(route, Route) and route.path.startswith("/api")
        for method in (route.methods or set()) - {"HEAD"}
    }
    told = {
        (path, method)
        for path, item in document["paths"].items()
        for method in item
        if method != "parameters"
    }
    assert told == there


def test_references_lead_somewhere_and_schemas_are_schemas(document: dict[str, Any]) -> None:
    text = json.dumps(document)
    names = document["components"]["schemas"]
    for name, schema in names.items():
        Draft202012Validator.check_schema(schema)
        assert f'"#/components/schemas/{name}"' in text, f"{name} is not used"
    assert set(re.findall(r'"#/components/schemas/(\w+)"', text)) <= set(names)
    assert document["openapi"] == "3.1.0"
    calls = [c for item in document["paths"].values() for k, c in item.items() if k != "parameters"]
    assert len({call["operationId"] for call in calls}) == len(calls)
    for call in calls:
        assert "421" in call["responses"]


def test_the_fields_are_those_that_are_read(document: dict[str, Any]) -> None:
    form = document["paths"]["/api/fill"]["post"]["requestBody"]["content"]["multipart/form-data"]
    assert set(form["schema"]["properties"]) == {"image", "mask", *options.NAMES, *OWN_FIELDS}
    assert set(document["components"]["schemas"]["Options"]["properties"]) == set(options.NAMES)


def test_real_answers_are_as_described(client: TestClient, document: dict[str, Any]) -> None:
    holds(document, "About", client.get("/api/about").json())
    photo = client.post("/api/photos", content=coded(photo_pixels())).json()
    holds(document, "Photo", photo)
    holds(document, "Error", client.get("/nothing").json())
    url = f"/api/photos/{photo['key']}"
    holds(document, "Snapped", client.post(f"{url}/snap", json={"box": [5, 5, 20, 20]}).json())
    extended = client.post(f"{url}/extended", json={"margins": [1, 2, 0, 0]}).json()
    holds(document, "Extended", extended)
    request = {"shapes": [STROKE], "stack": [], "options": {"prior": "gaussian", "class": None}}
    holds(document, "FillRequest", request)
    events = events_of(client.post(f"{url}/fills", json=request).text)
    for event in events:
        holds(document, "Event", event)
    holds(document, "Report", events[-1])

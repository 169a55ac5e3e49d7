"""Bad input: refused with a problem document that says what is wrong, never a 5xx."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from starlette.testclient import TestClient

HERE = {"lon": 119.70, "lat": 29.12}
KIND, ROUTINE = "hazmat-leak", "street-vending"


def refused(answer: Any, *statuses: int) -> dict[str, Any]:
    assert answer.status_code in (statuses or (400, 404, 409, 413, 422)), answer.text[:300]
    assert answer.headers["content-type"].startswith("application/problem+json")
    told: dict[str, Any] = answer.json()
    assert told["type"] not in ("", "about:blank")
    assert told["detail"]
    return told


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ('{"type": "hazmat-leak", "location": {"lon": NaN, "lat": 29}}', "lon"),
        ('{"type": "hazmat-leak", "location": {"lon": 1e999, "lat": 29}}', "lon"),
        ({"type": KIND, "location": {"lon": 29.12, "lat": 119.70}}, "swapped"),
        ({"type": KIND, "location": {"lon": 200, "lat": 29}}, "range"),
        ({"type": KIND, "location": HERE | {"datum": "MARS-1"}}, "datum"),
        ({"type": KIND, "location": HERE | {"radius_m": -1}}, "radius_m"),
        ({"type": "no-such-type", "location": HERE}, "type"),
        ({"type": KIND}, "exactly one"),
        ({"type": KIND, "location": HERE, "address": "x"}, "exactly one"),
        ({"type": KIND, "address": "nowhere at all 99"}, "not known"),
        ({"type": KIND, "location": HERE, "reported_at": "2026-01-01T00:00:00"}, "offset"),
        ({"type": ROUTINE, "location": HERE, "reported_at": "2199-01-01T00:00:00Z"}, "future"),
        ({"type": KIND, "location": HERE, "surprise": 1}, "surprise"),
        ({"type": KIND, "geometry": {"type": "Polygon", "coordinates": []}}, "geometry"),
        ({"type": KIND, "geometry": {"type": "Polygon", "coordinates": [[[119.7, 29.1], [119.71, 29.11],
                                                                         [119.71, 29.1], [119.7, 29.11],
                                                                         [119.7, 29.1]]]}}, "valid"),
        ({"type": KIND, "location": HERE, "description": "a\x00b"}, "NUL"),
    ],
)  # fmt: skip
def test_a_report_that_cannot_be_meant(web: TestClient, body: Any, words: str) -> None:
    content = body if isinstance(body, str) else json.dumps(body)
    for route in ("/incidents", "/recommendations"):
        told = refused(web.post(route, content=content, headers={"Content-Type": "application/json"}), 422)
        assert words in json.dumps(told)


def test_ten_megabytes_of_json_are_refused_before_they_are_read(web: TestClient) -> None:
    huge = json.dumps({"type": KIND, "location": HERE, "description": "x" * 10_000_000})
    refused(web.post("/incidents", content=huge, headers={"Content-Type": "application/json"}), 413)


@pytest.mark.parametrize("body", ["{", "", "null", "[]", "[" * 5000 + "]" * 5000, '"\\ud800"'])
def test_a_body_that_is_no_report(web: TestClient, body: str) -> None:
    refused(web.post("/incidents", content=body, headers={"Content-Type": "application/json"}))


@pytest.mark.parametrize(
    "path",
    ["/incidents/0", "/incidents/%00", "/incidents/" + "9" * 300, "/owners?lon=x&lat=1", "/owners?lon=nan&lat=1",
     "/owners?lon=1", "/incidents?limit=-1", "/incidents?limit=1e9", "/incidents?status=lost", "/incidents?after=x",
     "/incidents?bbox=1,2,3", "/incidents?since=yesterday", "/no-such-page"],
)  # fmt: skip
def test_an_address_that_leads_nowhere(web: TestClient, path: str) -> None:
    refused(web.get(path))


def test_a_step_of_no_case_an_unknown_step_and_an_unknown_team(web: TestClient) -> None:
    case = web.post("/incidents", json={"type": KIND, "location": HERE}).json()
    steps = f"/incidents/{case['id']}/steps"
    refused(web.post("/incidents/00000000-0000-7000-8000-000000000000/steps", json={"step": "accept"}), 404)
    assert "accept" in refused(web.post(steps, json={"step": "fly"}), 422)["detail"]
    refused(web.post(steps, json={"step": "assign", "team_id": "nobody"}), 404)
    refused(web.post(steps, json={"step": "assign", "team_id": "00000000-0000-7000-8000-000000000000"}), 404)
    told = refused(web.post(steps, json={"step": "archive"}), 409)
    assert told["parameters"]["legal"] == ["accept", "assign", "cancel"]
    refused(web.post(steps, json={"step": "on_scene", "team_id": case["id"]}), 404)


def test_openapi_has_an_example_for_every_route(web: TestClient) -> None:
    described = web.get("/openapi.json").json()
    bare = []
    for path, methods in described["paths"].items():
        for method, route in methods.items():
            told = json.dumps(route)
            schemas = json.dumps(
                [described["components"]["schemas"].get(ref.rsplit("/", 1)[-1]) for ref in _references(route)]
            )
            silent = method == "delete" and "204" in route["responses"]  # nothing goes in, nothing comes back
            if '"example' not in told + schemas and not silent:
                bare.append(f"{method.upper()} {path}")
    assert not bare


def _references(value: Any) -> list[str]:
    if isinstance(value, dict):
        here = [value["$ref"]] if isinstance(value.get("$ref"), str) else []
        return here + [ref for item in value.values() for ref in _references(item)]
    if isinstance(value, list):
        return [ref for item in value for ref in _references(item)]
    return []

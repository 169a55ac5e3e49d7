"""Addresses over HTTP: candidates, suggestions, reports by address, names."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from starlette.testclient import TestClient


@pytest.fixture(scope="module")
def example(web: TestClient) -> str:
    """An address that the demo has."""
    text: str = web.get("/screen/facts").json()["districts"][0]["address_example"]
    return text


def emergency(web: TestClient) -> str:
    plans = web.get("/response-plans").json()["items"]
    kind: str = next(plan["type"] for plan in plans if plan["urgency"] == "emergency")
    return kind


def post(web: TestClient, address: str, **headers: str) -> Any:
    return web.post("/incidents", json={"type": emergency(web), "address": address}, headers=headers)


def test_an_address_has_candidates_and_may_be_acted_on(web: TestClient, example: str) -> None:
    found = web.get("/geocode", params={"q": example}).json()
    first = found["candidates"][0]
    assert first["confidence"] >= 0.8
    assert not found["confirm"]
    owners = web.get("/owners", params={"lon": first["lon"], "lat": first["lat"]}).json()["owners"]
    assert (first["township"], first["village"]) == (owners["township"]["name"], owners["village"]["name"])


def test_a_name_that_exists_twice_is_a_question(web: TestClient) -> None:
    found = web.get("/geocode", params={"q": "桥头村"}).json()
    assert found["confirm"]
    assert found["question"]["kind"] == "which-township"
    assert set(found["question"]["options"]) >= {"东孝街道", "岭下镇"}


def test_suggestions_come_by_character_and_pinyin(web: TestClient) -> None:
    for typed in ("曹宅", "caozhai"):
        items = web.get("/geocode/suggestions", params={"q": typed}).json()["items"]
        assert "曹宅镇" in {each["name"] for each in items}, typed
    assert len(web.get("/geocode/suggestions", params={"q": "村", "limit": 3}).json()["items"]) <= 3


def test_an_emergency_at_a_doubtful_address_is_a_case_and_a_retry_gets_its_bytes(web: TestClient) -> None:
    first = post(web, "桥头村", **{"Idempotency-Key": "geocode-1"})
    assert first.status_code == 201, first.text
    asked = first.json()["address"]
    assert asked["confirm"]
    assert asked["question"] == "which-township"
    assert {"东孝街道", "岭下镇"} <= {each["township"] for each in asked["candidates"]}
    assert post(web, "桥头村", **{"Idempotency-Key": "geocode-1"}).content == first.content
    assert web.get(f"/incidents/{first.json()['id']}").json()["address"] == asked


def test_what_was_said_of_the_place_is_in_no_answer_and_no_event(web: TestClient) -> None:
    case = post(web, "曹宅镇李小龙家对面").json()
    events = web.get(f"/incidents/{case['id']}/events").text
    assert "李小龙" not in events
    assert "李小龙" not in web.get(f"/incidents/{case['id']}").text


@pytest.mark.parametrize(
    ("address", "kind"), [("义乌市佛堂镇双林路1号", "address-elsewhere"), ("qqzz 1", "unknown-address")]
)
def test_no_place_is_no_case(web: TestClient, address: str, kind: str) -> None:
    refused = post(web, address)
    assert (refused.status_code, refused.json()["type"].rsplit(":", 1)[1]) == (422, kind)
    assert refused.json()["parameters"]["address"] == address


@pytest.mark.parametrize(
    ("path", "params", "status"),
    [
        ("/geocode", {}, 422), ("/geocode", {"q": " "}, 422), ("/geocode", {"q": "路" * 501}, 422),
        ("/geocode", {"q": "a\0b"}, 422), ("/geocode", {"q": "曹宅镇", "district": "999999"}, 404),
        ("/geocode/suggestions", {"q": "a", "limit": 0}, 422), ("/geocode/suggestions", {"q": ""}, 200),
    ],
)  # fmt: skip
def test_wrong_queries_are_refused(web: TestClient, path: str, params: dict[str, Any], status: int) -> None:
    assert web.get(path, params=params).status_code == status


def test_a_name_is_confirmed_by_two_persons(web: TestClient, admin: TestClient, example: str) -> None:
    """Without sign-in the caller is the operator; the other client has a key, and is another person."""
    case = post(web, example).json()["id"]
    body = {"name": "金瓯公社旧粮仓"}
    first = web.post(f"/incidents/{case}/names", json=body, headers={"Idempotency-Key": "names-1"})
    assert first.status_code == 201, first.text
    assert first.json() == {"incident_id": case, "persons": 1, "acted_on": False}
    again = web.post(f"/incidents/{case}/names", json=body, headers={"Idempotency-Key": "names-1"})
    assert again.content == first.content
    assert admin.post(f"/incidents/{case}/names", json=body).json()["acted_on"] is True
    found = web.get("/geocode", params={"q": body["name"]}).json()
    assert not found["confirm"]
    assert found["candidates"][0]["name"] == body["name"]
    taken = post(web, body["name"]).json()
    assert body["name"] not in str(taken)

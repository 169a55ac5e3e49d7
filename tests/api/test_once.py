"""One answer per Idempotency-Key, also where something is changed or ended (DESIGN 4)."""

from __future__ import annotations

import json
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.api.toy_access import kind, toy_world
from tests.db import worlds
from tests.db.worlds import as_superuser

TEAM = next(iter(worlds.TEAM_IDS.values()))


@pytest.fixture(scope="module")
def world(cluster, tmp_path_factory):
    with toy_world(cluster, tmp_path_factory.mktemp("data")) as world:
        yield world


def count(world, what):
    with as_superuser(world.url) as connection:
        return connection.execute("select count(*) from incident_event where kind = %s", [what]).fetchone()[0]


def test_a_team_s_duty_is_changed_once(world):
    web = world.client("dispatcher")
    once = {"Idempotency-Key": "duty-1"}
    before = count(world, "duty")
    first = web.patch(f"/teams/{TEAM}", json={"on_duty": False}, headers=once)
    web.patch(f"/teams/{TEAM}", json={"on_duty": True})
    again = web.patch(f"/teams/{TEAM}", json={"on_duty": False}, headers=once)
    assert first.status_code == again.status_code == 200
    assert first.content == again.content
    assert count(world, "duty") == before + 2
    team = next(team for team in web.get("/teams").json()["items"] if team["id"] == TEAM)
    assert team["status"] == "available"  # the retry did not take it off duty again
    other = web.patch(f"/teams/{TEAM}", json={"on_duty": True}, headers=once)
    assert (other.status_code, kind(other)) == (422, "idempotency-key-reused")


def test_a_key_is_its_owner_s(world):
    """Two persons may choose the same Idempotency-Key; neither sees the other's answer."""
    body = {"type": "leak", "location": {"lon": 119.61, "lat": 29.1}}
    told = [world.client(role).post("/incidents", json=body, headers={"Idempotency-Key": "mine"}).json()["id"]
            for role in ("dispatcher", "officer", "dispatcher")]  # fmt: skip
    assert told[0] == told[2] != told[1]


def test_one_person_s_key_and_session_are_one_caller(world):
    body = {"type": "leak", "location": {"lon": 119.61, "lat": 29.1}}
    once = {"Idempotency-Key": "both ways"}
    by_key = world.client("officer").post("/incidents", json=body, headers=once)
    web = world.browser()
    csrf = web.post("/session", json={"key": world.keys["officer"]}).json()["csrf"]
    by_session = web.post("/incidents", json=body, headers=once | {"X-CSRF-Token": csrf})
    assert by_session.content == by_key.content


@pytest.mark.parametrize("what", ["report", "step", "duty"])
def test_twins_in_flight_get_one_answer(world, what):
    web = world.client("dispatcher")
    place = {"lon": 119.61, "lat": 29.1}
    method, path, body = {
        "report": ("POST", "/incidents", {"type": "leak", "location": place}),
        "step": ("POST", f"/incidents/{worlds.report(world.service)}/steps", {"step": "accept"}),
        "duty": ("PATCH", f"/teams/{TEAM}", {"on_duty": True}),
    }[what]
    kinds = {"report": "report", "step": "accept", "duty": "duty"}
    before = count(world, kinds[what])
    start = threading.Barrier(6)

    def ask(_number):
        start.wait()
        return web.request(method, path, json=body, headers={"Idempotency-Key": f"twins-{what}"})

    with ThreadPoolExecutor(6) as crowd:
        answers = list(crowd.map(ask, range(6)))
    assert {answer.status_code for answer in answers} == {201 if what == "report" else 200}
    assert len({answer.content for answer in answers}) == 1
    assert count(world, kinds[what]) == before + 1


def test_secrets_are_in_no_kept_answer(world):
    once = {"Idempotency-Key": "secret"}
    admin = world.client("admin")
    web = world.browser()
    web.post("/session", json={"key": world.keys["officer"]}, headers=once)
    code = admin.post("/pairings", json={}, headers=once).json()["code"]
    token = web.post("/devices", json={"code": code}, headers=once).json()["token"]
    reporter = admin.post(f"/incidents/{world.case}/unmask", json={"why": "x"}, headers=once).json()["reporter"]
    with as_superuser(world.url) as connection:
        kept = connection.execute("select key, convert_from(body, 'UTF8') from idempotency").fetchall()
    assert "secret" not in {key for key, _ in kept}
    for word in (code, token, web.cookies["gridsvc"], json.dumps(reporter["name"]), reporter["phone"]):
        assert not [body for _, body in kept if word in body]

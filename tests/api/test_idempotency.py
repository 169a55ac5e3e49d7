"""One answer per Idempotency-Key, also where something is changed or ended (DESIGN 4)."""

from __future__ import annotations

import json
import re
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from gridsvc.api.http.once import WITHOUT_KEY, WRITES
from gridsvc.db.grids import generations as store
from gridsvc.operations.grids import generations
from tests.api.toy_access import D, kind, toy_world
from tests.worlds import district
from tests.worlds.district import as_superuser, scalar

if TYPE_CHECKING:
    from collections.abc import Iterator

    import httpx
    from starlette.testclient import TestClient

    from gridsvc.db.cluster.embedded import EmbeddedCluster
    from tests.api.toy_access import World

TEAM = next(iter(district.TEAM_IDS.values()))


@pytest.fixture(scope="module")
def world(cluster: EmbeddedCluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with toy_world(cluster, tmp_path_factory.mktemp("data")) as world:
        yield world


def count(world: World, what: str) -> int:
    with as_superuser(world.url) as connection:
        return int(scalar(connection, "select count(*) from incident_event where kind = %s", [what]))


def test_a_team_s_duty_is_changed_once(world: World) -> None:
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


def test_a_key_is_its_owner_s(world: World) -> None:
    """Two persons may choose the same Idempotency-Key; neither sees the other's answer."""
    body = {"type": "leak", "location": {"lon": 119.61, "lat": 29.1}}
    told = [
        world.client(role).post("/incidents", json=body, headers={"Idempotency-Key": "mine"}).json()["id"]
        for role in ("dispatcher", "officer", "dispatcher")
    ]
    assert told[0] == told[2] != told[1]


def test_one_person_s_key_and_session_are_one_caller(world: World) -> None:
    body = {"type": "leak", "location": {"lon": 119.61, "lat": 29.1}}
    once = {"Idempotency-Key": "both ways"}
    by_key = world.client("officer").post("/incidents", json=body, headers=once)
    web = world.browser()
    csrf = web.post("/session", json={"key": world.keys["officer"]}).json()["csrf"]
    by_session = web.post("/incidents", json=body, headers=once | {"X-CSRF-Token": csrf})
    assert by_session.content == by_key.content


def closure(world: World, web: TestClient) -> str:
    """Close a road and return the closure's id."""
    found: str = web.post("/closures", json=CLOSURE).json()["id"]
    return found


def case(world: World, web: TestClient) -> str:
    """Report an incident and return its id."""
    return district.report(world.service)


def job(world: World, web: TestClient) -> str:
    """Ask for a job and return its id."""
    found: str = web.post("/jobs", json={"kind": "verify"}).json()["id"]
    return found


def proposal(world: World, web: TestClient) -> str:
    """Have a card proposed and return its id."""
    case = district.report(world.service)
    with as_superuser(world.url) as connection:
        made = scalar(
            connection,
            "insert into proposal (district, id, kind, incident_id, subject, proposed_at, grounds)"
            " values (%s, gen_random_uuid(), 'red-card', %s, 's', now(),"
            " jsonb_build_object('step', 'feedback', 'since', now(), 'over_s', 1.5, 'timers', 'x')) returning id",
            [D, case],
        )
        return str(made)


def draft(world: World, web: TestClient) -> int:
    """Open a draft of the grids in force and return its number."""
    return world.service.database.run(lambda connection: store.begin_draft(connection, D)).number


def planned(world: World, web: TestClient) -> int:
    """Schedule the activation of a draft and return its number."""
    number = draft(world, web)
    at = {"district": D, "at": "2199-01-01T00:00:00Z"}
    assert web.post(f"/generations/{number}/activation", json=at).status_code == 202
    return number


def newest(world: World, web: TestClient) -> int:
    """Put a draft in force and return its number."""
    return generations.activate(world.service, D, draft(world, web)).generation


CLOSURE = {
    "geometry": {"type": "LineString", "coordinates": [[119.605, 29.1], [119.615, 29.1]]}, "factor": 0.5,
    "reason": "flood",
}  # fmt: skip
PLACE = {"lon": 119.61, "lat": 29.1}
RULE = {"step": "accept", "urgency": "emergency", "warn_s": 30, "limit_s": 60, "again_s": 60}
# Every write that takes the key: what its path names, what is asked, its status, and how its effects are counted.
ONCE: dict[tuple[str, str], tuple[Any, Any, int, str]] = {
    ("POST", "/incidents"): (None, {"type": "leak", "location": PLACE}, 201, "report"),
    ("POST", "/incidents/{}/steps"): (case, {"step": "accept"}, 200, "accept"),
    ("POST", "/incidents/{}/place"): (case, {"location": PLACE | {"radius_m": 50}, "reason": "x"}, 200, "place"),
    ("POST", "/incidents/{}/owner"): (case, {"code": "A2", "reason": "by agreement"}, 200, "owner"),
    ("POST", "/incidents/{}/names"): (case, {"name": "老供销社"}, 201, "learn-name"),
    ("POST", "/teams/{}/datum"): (lambda world, web: TEAM, {"datum": "gcj02", "reason": "x"}, 200, "team-datum"),
    ("PATCH", "/teams/{}"): (lambda world, web: TEAM, {"on_duty": True}, 200, "duty"),
    ("POST", "/closures"): (None, CLOSURE, 201, "closure"),
    ("DELETE", "/closures/{}"): (closure, None, 204, "closure-ended"),
    ("POST", "/jobs"): (None, {"kind": "tidy"}, 202, "job"),
    ("POST", "/coverage/plans"): (None, {"scenario": {"model": "mclp", "p": 2}}, 202, "plan"),
    ("DELETE", "/jobs/{}"): (job, None, 200, "job-cancelled"),
    ("POST", "/proposals/{}/decision"): (proposal, {"decision": "rejected", "reason": "flood"}, 200, "decide"),
    ("POST", "/generations/{}/activation"): (draft, {"district": D}, 202, "activation"),
    ("DELETE", "/generations/{}/activation"): (planned, None, 200, "activation-cancelled"),
    ("POST", "/generations/{}/rollback"): (newest, {"district": D}, 202, "rollback"),
    ("PUT", "/timers?district=" + D): (None, {"rules": [RULE], "holidays": []}, 200, "timers"),
}  # fmt: skip


def test_every_write_takes_the_key_or_says_why_it_need_not(world: World) -> None:
    paths = world.app.openapi()["paths"]
    writes = {
        (method.upper(), path): told
        for path, methods in paths.items()
        for method, told in methods.items()
        if method in WRITES
    }
    takes = {
        route
        for route, told in writes.items()
        if any(each["name"].lower() == "idempotency-key" for each in told.get("parameters", ()))
    }
    tried = {(method, re.sub(r"{}", "{id}", path.partition("?")[0])) for method, path in ONCE}
    assert {(method, re.sub(r"{\w+}", "{id}", path)) for method, path in takes} == tried
    assert set(writes) - takes == set(WITHOUT_KEY) & set(writes)
    assert not takes & set(WITHOUT_KEY)
    for route in set(writes) - takes:
        assert len(writes[route]["x-idempotent"]) > 20


@pytest.mark.parametrize("route", ONCE, ids=" ".join)
def test_twins_in_flight_and_a_retry_get_one_answer(world: World, route: tuple[str, str]) -> None:
    method, path = route
    named, body, status, kind = ONCE[route]
    web = world.browser(world.everywhere)
    path = path.format("" if named is None else named(world, web))
    before = effects(world, kind)
    start = threading.Barrier(6)
    once = {"Idempotency-Key": f"twins-{method}-{path}"}

    def ask(_number: int) -> httpx.Response:
        start.wait()
        found: httpx.Response = web.request(method, path, json=body, headers=once)
        return found

    with ThreadPoolExecutor(6) as crowd:
        answers = list(crowd.map(ask, range(6)))
    answers.append(web.request(method, path, json=body, headers=once))
    assert {answer.status_code for answer in answers} == {status}
    assert len({answer.content for answer in answers}) == 1
    assert effects(world, kind) == before + 1
    if body is not None and "{" not in route[1]:
        other = web.request(method, path, json=body | {next(iter(body)): "x"}, headers=once)
        assert other.status_code == 422


@pytest.mark.parametrize("route", [route for route in ONCE if route[0] != "DELETE"], ids=" ".join)
def test_a_refused_write_leaves_its_key_free(world: World, route: tuple[str, str]) -> None:
    """What was refused was not answered once and for all: mended, it goes through under the same key."""
    method, path = route
    named, body, status, _ = ONCE[route]
    web = world.browser(world.everywhere)
    path = path.format("" if named is None else named(world, web))
    once = {"Idempotency-Key": f"mended-{method}-{path}"}
    assert web.request(method, path, json=body | {"nonsense": 1}, headers=once).status_code == 422
    assert web.request(method, path, json=body, headers=once).status_code == status


@pytest.mark.parametrize("route", [route for route in ONCE if route[1] != "/incidents"], ids=" ".join)
def test_a_key_that_cannot_be_one_is_refused(world: World, route: tuple[str, str]) -> None:
    method, path = route
    named, body, *_ = ONCE[route]
    web = world.browser(world.everywhere)
    path = path.format("" if named is None else named(world, web))
    for key in (" ", "k" * 256):
        assert web.request(method, path, json=body, headers={"Idempotency-Key": key}).status_code == 422


def effects(world: World, kind: str) -> int:
    """How often something happened, by its events; of jobs, which have none, by their rows."""
    rows = {
        "job": "select count(*) from job where kind = 'tidy'",
        "plan": "select count(*) from job where kind = 'cover-plan'",
        "activation": "select count(*) from job where kind = 'activate-grids'",
        "activation-cancelled": "select count(*) from due where kind = 'activate-grids' and state = 'cancelled'",
        "rollback": "select count(*) from job where kind = 'rollback-grids'",
        "job-cancelled": "select count(*) from job where state = 'cancelled'",
    }
    if kind not in rows:
        return count(world, kind)
    with as_superuser(world.url) as connection:
        return int(scalar(connection, rows[kind]))


def test_the_same_position_twice_is_one(world: World) -> None:
    web = world.client("officer")
    told = PLACE | {"at": (datetime.now(UTC) - timedelta(hours=1)).isoformat()}
    for _ in range(2):
        assert web.post(f"/teams/{TEAM}/positions", json=told).status_code == 200
    with as_superuser(world.url) as connection:
        assert scalar(connection, "select count(*) from team_position") == 1


def test_a_code_makes_one_device_also_for_twins(world: World) -> None:
    code = world.client("officer").post("/pairings", json={}).json()["code"]
    start = threading.Barrier(6)

    def pair(_number: int) -> int:
        start.wait()
        found: int = world.browser().post("/devices", json={"code": code}).status_code
        return found

    with ThreadPoolExecutor(6) as crowd:
        assert sorted(crowd.map(pair, range(6))) == [201] + [404] * 5


def test_secrets_are_in_no_kept_answer(world: World) -> None:
    once = {"Idempotency-Key": "secret"}
    admin = world.client("admin")
    web = world.browser()
    web.post("/session", json={"key": world.keys["officer"]}, headers=once)
    code = admin.post("/pairings", json={}, headers=once).json()["code"]
    token = web.post("/devices", json={"code": code}, headers=once).json()["token"]
    reporter = admin.post(f"/incidents/{world.case}/unmask", json={"why": "x"}, headers=once).json()["reporter"]
    with as_superuser(world.url) as connection:
        kept = connection.execute(
            "select key, convert_from(body, 'UTF8') from idempotency where body is not null"
        ).fetchall()
    assert "secret" not in {key for key, _ in kept}
    for word in (code, token, web.cookies["gridsvc"], json.dumps(reporter["name"]), reporter["phone"]):
        assert not [body for _, body in kept if word in body]


def test_a_retry_leaves_no_hole_in_the_numbers_of_cases(world: World) -> None:
    web = world.browser(world.everywhere)
    numbers = []
    for key in ("first", "first", "first", "second"):
        body = {"type": "leak", "location": PLACE}
        answer = web.post("/incidents", json=body, headers={"Idempotency-Key": f"hole-{key}"}).json()
        numbers.append(web.get(f"/incidents/{answer['id']}").json()["number"])
    assert numbers == [numbers[0]] * 3 + [numbers[0] + 1]

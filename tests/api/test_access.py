"""Coming in: keys, sessions, devices; what each role may; what is personal (DESIGN 7, "Who may"; R19)."""

from __future__ import annotations

import json
import time
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from gridsvc.access.scopes import Role, Scope
from gridsvc.db.session.connection import Database
from gridsvc.errors import NotFound, Unavailable
from gridsvc.operations.access import devices, keys
from gridsvc.operations.access.callers import CHECKED_EVERY_S, CallerCache
from tests.api.contract import CheckedClient
from tests.api.toy_access import SAID, Clock, D, kind, toy_world
from tests.worlds import district as worlds
from tests.worlds.district import as_superuser, scalar

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gridsvc.db.cluster.embedded import EmbeddedCluster
    from tests.api.toy_access import World


@pytest.fixture(scope="module")
def world(cluster: EmbeddedCluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with toy_world(cluster, tmp_path_factory.mktemp("data")) as world:
        yield world


@pytest.fixture
def known(world: World) -> SimpleNamespace:
    clock = Clock()
    return SimpleNamespace(callers=CallerCache(world.service, clock=clock), clock=clock)


# Without a key


@pytest.mark.parametrize("path", ["/incidents", "/teams", "/tiles", "/session", "/openapi.json", "/metrics", "/no"])
def test_nobody_gets_nothing(world: World, path: str) -> None:
    answer = world.browser().get(path)
    assert answer.status_code == 401
    assert kind(answer) == "sign-in-required"
    assert answer.headers["www-authenticate"].startswith("Bearer")


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/sign-in", "/favicon.ico"])
def test_what_is_open_is_open(world: World, path: str) -> None:
    answer = world.browser().get(path)
    assert answer.status_code == 200
    assert D not in answer.text


def test_a_browser_is_led_to_the_page_where_it_signs_in(world: World) -> None:
    answer = world.browser().get("/", headers={"Accept": "text/html,*/*"})
    assert answer.status_code == 303
    assert answer.headers["location"] == "/sign-in?next=/"
    page = world.browser().get("/sign-in")
    assert "script-src 'self'" in page.headers["content-security-policy"]
    assert "<script>" not in page.text


@pytest.mark.parametrize(
    "authorization", ["Bearer gs_x", "Bearer ", "Basic eDp5", "Bearer gs_" + "a" * 12 + "_" + "a" * 40, "Bearer \x01"]
)
def test_a_wrong_key_is_refused(world: World, authorization: str) -> None:
    answer = world.browser(Authorization=authorization).get("/teams")
    assert answer.status_code == 401
    assert kind(answer) == "key-refused"
    assert 'error="invalid_token"' in answer.headers["www-authenticate"]


def test_a_key_in_the_address_opens_nothing(world: World) -> None:
    key = world.keys["admin"]
    assert world.browser().get("/teams", params={"token": key}).status_code == 401


# What each role may


@pytest.mark.parametrize(
    ("method", "path", "body", "may"),
    [
        ("GET", "/incidents", None, set(Role)),
        ("POST", "/incidents", {"type": "leak", "location": {"lon": 119.61, "lat": 29.1}},
         {Role.OFFICER, Role.DISPATCHER, Role.SUPERVISOR, Role.ADMIN}),
        ("POST", "/incidents/{case}/steps", {"step": "assign"}, {Role.DISPATCHER, Role.ADMIN}),
        ("POST", "/incidents/{case}/steps", {"step": "archive"}, {Role.DISPATCHER, Role.SUPERVISOR, Role.ADMIN}),
        ("POST", "/incidents/{case}/unmask", {"why": "call back"},
         {Role.DISPATCHER, Role.SUPERVISOR, Role.ADMIN}),
        ("PATCH", "/teams/{team}", {"on_duty": True}, {Role.DISPATCHER, Role.ADMIN}),
        ("POST", "/teams/{team}/datum", {"datum": "wgs84"}, {Role.DISPATCHER, Role.ADMIN}),
        ("POST", "/closures", {"geometry": {"type": "Point", "coordinates": [119.6, 29.1]}, "factor": 0, "reason": "x"},
         {Role.DISPATCHER, Role.ENGINEER, Role.ADMIN}),
        ("GET", "/metrics", None, {Role.ENGINEER, Role.ADMIN}),
        ("GET", "/not/in/the/table", None, set(Role)),
    ],
)  # fmt: skip
def test_what_each_role_may(world: World, method: str, path: str, body: dict[str, Any] | None, may: set[str]) -> None:
    path = path.format(case=world.case, team=next(iter(worlds.TEAM_IDS.values())))
    for role in Role:
        answer = world.client(role).request(method, path, json=body)
        if role in may:
            assert answer.status_code not in {401, 403}, f"{role}: {answer.text}"
        else:
            assert answer.status_code == 403, f"{role}: {answer.text}"
            assert kind(answer) == "not-allowed"
            assert "admin" in answer.json()["parameters"]["may"]


def test_who_reads_what_was_said(world: World) -> None:
    for role in Role:
        told = world.client(role).get(f"/incidents/{world.case}").json()
        if role in {Role.PLANNER, Role.ENGINEER}:
            assert "reporter" not in told
            assert "description" not in told
        else:
            assert told["reporter"] == {"name": "王**", "phone": "138****5678", "address": "***", "masked": True}
            assert told["description"] == "he says that Li Si did it"


def test_nothing_personal_is_in_lists_events_or_kept_answers(world: World) -> None:
    dispatcher = world.client("dispatcher")
    body = {
        "type": "leak",
        "location": {"lon": 119.61, "lat": 29.1},
        "reporter": SAID,
        "description": "Li Si did it",
        "subject": "Li Si",
        "site": "Li Si's shop",
    }
    answer = dispatcher.post("/incidents", json=body, headers={"Idempotency-Key": "personal"})
    assert answer.status_code == 201
    case = answer.json()["id"]
    step = dispatcher.post(
        f"/incidents/{case}/steps",
        json={"step": "accept", "note": "Li Si was rude"},
        headers={"Idempotency-Key": "personal-step"},
    )
    assert step.status_code == 200
    events = dispatcher.get(f"/incidents/{case}/events").json()["items"]
    assert [item.get("note") for item in events] == [None, "Li Si was rude"]
    assert "note" not in world.client("planner").get(f"/incidents/{case}/events").json()["items"][1]
    told = [
        answer.text,
        step.text,
        dispatcher.get("/incidents", params={"limit": 1000}).text,
        dispatcher.get("/screen/cases").text,
    ]
    with as_superuser(world.url) as connection:
        tables = [
            row[0]
            for row in connection.execute(
                "select c.relname from pg_class c where c.relnamespace = 'public'::regnamespace and c.relkind = 'r'"
            )
        ]
        told += [
            f"{table}: {row[0]}"
            for table in tables
            if table not in {"incident_personal", "event_personal"}
            for row in connection.execute(f"select coalesce(string_agg(t::text, ' '), '') from {table} as t")
        ]
        told.append(
            scalar(connection, "select coalesce(string_agg(convert_from(body, 'UTF8'), ' '), '') from idempotency")
        )
    for words in ("王小明", "13812345678", "Li Si", "东湄路"):
        assert not [text for text in told if words in text], words


def test_unmasking_is_an_event_that_says_who_and_why(world: World) -> None:
    supervisor = world.client("supervisor")
    told = supervisor.post(f"/incidents/{world.case}/unmask", json={"why": "the line broke"}).json()
    assert told["reporter"] == SAID
    last = supervisor.get(f"/incidents/{world.case}/events").json()["items"][-1]
    assert (last["kind"], last["actor"], last["note"]) == ("unmask", "supervisor", "the line broke")
    assert SAID["phone"] not in json.dumps(last)


def test_numbers_in_free_words_are_masked_until_somebody_says_why(world: World) -> None:
    dispatcher = world.client("dispatcher")
    number, masked = "13899990000", "138****0000"
    body = {"type": "leak", "location": {"lon": 119.61, "lat": 29.1}, "description": f"ask {number}", "site": number}
    case = dispatcher.post("/incidents", json=body).json()["id"]
    step = {"step": "accept", "note": f"he is at {number}"}
    assert dispatcher.post(f"/incidents/{case}/steps", json=step).status_code == 200
    road = {"geometry": {"type": "Point", "coordinates": [119.61, 29.1]}, "factor": 0.5, "reason": f"ask {number}"}
    assert dispatcher.post("/closures", json=road).status_code == 201
    told = dispatcher.get(f"/incidents/{case}").json()
    assert (told["description"], told["site"]) == (f"ask {masked}", masked)
    events = dispatcher.get(f"/incidents/{case}/events")
    assert f"he is at {masked}" in events.text
    assert number not in events.text + dispatcher.get("/closures").text
    shown = world.client("supervisor").post(f"/incidents/{case}/unmask", json={"why": f"to call {number}"}).json()
    assert (shown["reporter"], shown["description"], shown["site"]) == (None, f"ask {number}", number)
    assert list(shown["notes"].values()) == [f"he is at {number}"]
    last = dispatcher.get(f"/incidents/{case}/events").json()["items"][-1]
    assert (last["kind"], last["note"]) == ("unmask", f"to call {masked}")
    assert last["data"]["fields"] == ["description", "notes", "site"]


# Browser sessions


def test_a_session_comes_and_goes(world: World) -> None:
    web = world.browser()
    begun = web.post("/session", json={"key": world.keys["dispatcher"]})
    assert begun.status_code == 201
    cookie = begun.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=strict" in cookie
    me = web.get("/session").json()
    assert (me["name"], me["role"], me["district"], me["csrf"]) == ("dispatcher", "dispatcher", D, begun.json()["csrf"])
    for headers in ({}, {"X-CSRF-Token": "0" * 36}):
        refused = web.post(f"/incidents/{world.case}/steps", json={"step": "nonsense"}, headers=headers)
        assert (refused.status_code, kind(refused)) == (403, "csrf")
    csrf = {"X-CSRF-Token": me["csrf"]}
    step = web.post(f"/incidents/{world.case}/steps", json={"step": "nonsense"}, headers=csrf)
    assert (step.status_code, kind(step)) == (422, "unknown-step")
    stolen = web.cookies["gridsvc"]
    assert web.delete("/session", headers=csrf).status_code == 204
    assert web.get("/session").status_code == 401
    assert world.browser(Cookie=f"gridsvc={stolen}").get("/session").status_code == 401


def test_over_tls_the_cookie_is_one_that_browsers_protect(world: World) -> None:
    web = CheckedClient(world.app, base_url="https://testserver", client=("10.1.1.1", 1))
    begun = web.post("/session", json={"key": world.keys["officer"]})
    assert begun.headers["set-cookie"].startswith("__Host-gridsvc=")
    assert "Secure" in begun.headers["set-cookie"]
    assert begun.headers["strict-transport-security"] == "max-age=31536000"


def test_a_device_is_paired_with_a_code_and_may_less_than_its_owner(world: World) -> None:
    code = world.client("admin").post("/pairings", json={}).json()["code"]
    device = world.browser().post("/devices", json={"code": code}).json()
    phone = world.browser(device["token"])
    assert phone.get("/session").json()["name"] == "admin"
    assert phone.get("/incidents").status_code == 200
    refused = phone.post(f"/incidents/{world.case}/steps", json={"step": "assign"})
    assert refused.status_code == 403
    assert "paired device" in refused.json()["detail"]
    again = world.browser().post("/devices", json={"code": code})
    assert (again.status_code, kind(again)) == (404, "no-pairing")


def test_a_lost_device_pairs_no_other_and_is_ended_alone(world: World) -> None:
    owner = world.client("dispatcher")
    paired = []
    for _ in range(2):
        code = owner.post("/pairings", json={}).json()["code"]
        paired.append(world.browser(world.browser().post("/devices", json={"code": code}).json()["token"]))
    lost, other = paired
    refused = lost.post("/pairings", json={})
    assert (refused.status_code, kind(refused)) == (403, "not-allowed")
    lost_id = lost.get("/session").json()["session"]
    assert lost_id in [each["id"] for each in devices.list_devices(world.service, "dispatcher")]
    assert devices.list_devices(world.service, "nobody") == []
    with pytest.raises(NotFound, match="keys devices"):
        devices.end_device(world.service, "no-such")
    assert devices.end_device(world.service, lost_id)["name"] == "dispatcher"
    assert lost_id not in [each["id"] for each in devices.list_devices(world.service)]
    time.sleep(CHECKED_EVERY_S + 0.1)
    assert lost.get("/teams").status_code == 401
    assert other.get("/teams").status_code == 200
    assert owner.get("/teams").status_code == 200
    with pytest.raises(NotFound):
        devices.end_device(world.service, lost_id)


# What a process remembers


def test_a_known_key_costs_no_question(world: World, known: SimpleNamespace) -> None:
    key = world.keys["officer"]
    assert known.callers.find(key) is None
    caller = known.callers.verify(key)
    assert (caller.name, caller.role, caller.scope) == ("officer", Role.OFFICER, Scope(D))
    assert known.callers.find(key) is caller
    known.clock.now += 0.6
    assert known.callers.find(key) is None  # what was said about it is half a second old
    assert known.callers.verify(key) is caller


def test_a_revoked_key_is_refused_within_a_second(world: World, known: SimpleNamespace) -> None:
    new = keys.add_key(world.service, "fleeting", Role.OFFICER, district=D)
    other = CallerCache(world.service, clock=known.clock)
    for each in (known.callers, other):
        found = each.verify(new.text)
        assert found is not None
        assert found.name == "fleeting"
    keys.revoke_key(world.service, "fleeting")
    known.clock.now += 0.6
    for each in (known.callers, other):
        assert each.find(new.text) is None
        assert each.verify(new.text) is None


def test_an_ended_session_is_ended_in_every_process(world: World, known: SimpleNamespace) -> None:
    new = keys.add_key(world.service, "two", Role.OFFICER, district=D)
    begun = known.callers.begin_session(new.key)
    other = CallerCache(world.service, clock=known.clock)
    found = other.verify(begun.token)
    assert found is not None
    assert found.name == "two"
    known.callers.end_session(begun.token)
    assert known.callers.verify(begun.token) is None
    known.clock.now += 0.6
    assert other.find(begun.token) is None
    assert other.verify(begun.token) is None


def test_while_the_database_is_away_those_who_are_known_stay_known(
    world: World, known: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    familiar, stranger = world.keys["officer"], world.keys["planner"]
    known.callers.verify(familiar)
    away = Unavailable("The database is unavailable.")

    def gone(*_args: object, **_named: object) -> None:
        raise away

    monkeypatch.setattr(Database, "transaction", gone)
    known.clock.now += 5
    assert known.callers.verify(familiar).name == "officer"
    with pytest.raises(Unavailable):
        known.callers.verify(stranger)


def test_sign_ins_and_refusals_are_events(world: World) -> None:
    world.browser().post("/session", json={"key": "gs_wrong"})
    world.client("planner").post(f"/incidents/{world.case}/unmask", json={"why": "x"})
    world.browser().post("/session", json={"key": world.keys["planner"]})
    with as_superuser(world.url) as connection:
        events = "select district, kind, body from incident_event where incident_id is null"
        rows = connection.execute(events).fetchall()
    kinds = {(district, kind) for district, kind, _ in rows}
    assert {(D, "key-added"), (D, "sign-in"), ("*", "sign-in-refused"), (D, "refused")} <= kinds
    refused = [json.loads(body) for _, kind, body in rows if kind == "refused"]
    assert {event["actor"] for event in refused} >= {"planner"}
    assert not any("gs_" in body or "10.0." in body for _, _, body in rows)

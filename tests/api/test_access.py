"""Coming in: keys, sessions, devices; what each role may; rates, headers, TLS (DESIGN 7, "Who may")."""

from __future__ import annotations

import json
import os
import socket
import ssl
import subprocess
import sys
import time
from types import SimpleNamespace

import httpx
import pytest
from starlette.testclient import TestClient

from gridsvc.access import Role, Scope
from gridsvc.api import rates
from gridsvc.api.app import create_app
from gridsvc.api.rates import Buckets, Rate
from gridsvc.cli.serving import Door, refuse_open_door
from gridsvc.db.connection import Database
from gridsvc.errors import InvalidInput, NotAllowed, Unavailable
from gridsvc.operations import keys
from gridsvc.operations.callers import CallerBook
from tests.db import worlds
from tests.db.worlds import as_superuser, scratch_database

D = worlds.DISTRICT
SAID = {"name": "王小明", "phone": "13812345678", "address": "东湄路1号"}


class Clock:
    def __init__(self):
        self.now = 1000.0

    def __call__(self):
        return self.now


@pytest.fixture(scope="module")
def url(cluster):
    with scratch_database(cluster) as url:
        yield url


@pytest.fixture(scope="module")
def world(url, tmp_path_factory):
    """The district on paper, with a key of every role and a case with a reporter."""
    service = worlds.open_toy(url, tmp_path_factory.mktemp("data"))
    case = worlds.report(service, reporter=SAID, description="he says that Li Si did it")
    made = {str(role): keys.add_key(service, str(role), role, district=D).text for role in Role}
    app = create_app(service)
    with TestClient(app, raise_server_exceptions=False):
        yield SimpleNamespace(service=service, app=app, case=case, keys=made)


@pytest.fixture
def book(world):
    clock = Clock()
    return SimpleNamespace(book=CallerBook(world.service, clock=clock), clock=clock)


def browser(world, key=None, **headers):
    told = {"Authorization": f"Bearer {key}"} if key else {}
    # Every test from an address of its own, so that none uses up another's tries.
    address = f"10.0.{time.monotonic_ns() // 1000 % 250}.{time.monotonic_ns() % 250}"
    return TestClient(world.app, headers=told | headers, raise_server_exceptions=False, client=(address, 1),
                      follow_redirects=False)  # fmt: skip


def client(world, role):
    return browser(world, world.keys[role])


def kind(answer):
    return answer.json()["type"].rsplit(":", 1)[-1]


# Without a key


@pytest.mark.parametrize("path", ["/incidents", "/teams", "/tiles", "/session", "/openapi.json", "/metrics", "/no"])
def test_nobody_gets_nothing(world, path):
    answer = browser(world).get(path)
    assert answer.status_code == 401
    assert kind(answer) == "sign-in-required"
    assert answer.headers["www-authenticate"].startswith("Bearer")


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/sign-in", "/favicon.ico"])
def test_what_is_open_is_open(world, path):
    answer = browser(world).get(path)
    assert answer.status_code == 200
    assert D not in answer.text


def test_a_browser_is_led_to_the_page_where_it_signs_in(world):
    answer = browser(world).get("/", headers={"Accept": "text/html,*/*"})
    assert answer.status_code == 303
    assert answer.headers["location"] == "/sign-in?next=/"
    page = browser(world).get("/sign-in")
    assert "script-src 'self'" in page.headers["content-security-policy"]
    assert "<script>" not in page.text


@pytest.mark.parametrize(
    "authorization", ["Bearer gs_x", "Bearer ", "Basic eDp5", "Bearer gs_" + "a" * 12 + "_" + "a" * 40, "Bearer \x01"]
)
def test_a_wrong_key_is_refused(world, authorization):
    answer = browser(world, Authorization=authorization).get("/teams")
    assert answer.status_code == 401
    assert kind(answer) == "key-refused"
    assert 'error="invalid_token"' in answer.headers["www-authenticate"]


def test_a_key_in_the_address_opens_nothing(world):
    key = world.keys["admin"]
    assert browser(world).get("/teams", params={"token": key}).status_code == 401
    assert browser(world).get("/osmand", params={"token": key}).status_code != 401  # the one path that takes it


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
        ("POST", "/closures", {"geometry": {"type": "Point", "coordinates": [119.6, 29.1]}, "factor": 0, "reason": "x"},
         {Role.DISPATCHER, Role.ENGINEER, Role.ADMIN}),
        ("GET", "/metrics", None, {Role.ENGINEER, Role.ADMIN}),
        ("GET", "/not/in/the/table", None, set(Role)),
    ],
)  # fmt: skip
def test_what_each_role_may(world, method, path, body, may):
    path = path.format(case=world.case, team=next(iter(worlds.TEAM_IDS.values())))
    for role in Role:
        answer = client(world, role).request(method, path, json=body)
        if role in may:
            assert answer.status_code not in {401, 403}, f"{role}: {answer.text}"
        else:
            assert answer.status_code == 403, f"{role}: {answer.text}"
            assert kind(answer) == "not-allowed"
            assert "admin" in answer.json()["may"]


def test_who_reads_what_was_said(world):
    for role in Role:
        told = client(world, role).get(f"/incidents/{world.case}").json()
        if role in {Role.PLANNER, Role.ENGINEER}:
            assert "reporter" not in told
            assert "description" not in told
        else:
            assert told["reporter"] == {"name": "王**", "phone": "138****5678", "address": "***", "masked": True}
            assert told["description"] == "he says that Li Si did it"


def test_nothing_personal_is_in_lists_events_or_kept_answers(world, url):
    dispatcher = client(world, "dispatcher")
    body = {"type": "leak", "location": {"lon": 119.61, "lat": 29.1}, "reporter": SAID, "description": "Li Si did it",
            "subject": "Li Si", "site": "Li Si's shop"}  # fmt: skip
    answer = dispatcher.post("/incidents", json=body, headers={"Idempotency-Key": "personal"})
    assert answer.status_code == 201
    case = answer.json()["id"]
    step = dispatcher.post(f"/incidents/{case}/steps", json={"step": "accept", "note": "Li Si was rude"},
                           headers={"Idempotency-Key": "personal-step"})  # fmt: skip
    assert step.status_code == 200
    events = dispatcher.get(f"/incidents/{case}/events").json()["items"]
    assert [item.get("note") for item in events] == [None, "Li Si was rude"]
    assert "note" not in client(world, "planner").get(f"/incidents/{case}/events").json()["items"][1]
    told = [answer.text, step.text, dispatcher.get("/incidents", params={"limit": 1000}).text,
            dispatcher.get("/screen/cases").text]  # fmt: skip
    with as_superuser(url) as connection:
        tables = [row[0] for row in connection.execute(
            "select c.relname from pg_class c where c.relnamespace = 'public'::regnamespace and c.relkind = 'r'")]
        told += [
            f"{table}: {row[0]}"
            for table in tables
            if table not in {"incident_personal", "event_personal"}
            for row in connection.execute(f"select coalesce(string_agg(t::text, ' '), '') from {table} as t")
        ]  # fmt: skip
        bodies = connection.execute("select string_agg(convert_from(body, 'UTF8'), ' ') from idempotency").fetchone()
        told.append(bodies[0])
    for words in ("王小明", "13812345678", "Li Si", "东湄路"):
        assert not [text for text in told if words in text], words


def test_unmasking_is_an_event_that_says_who_and_why(world):
    supervisor = client(world, "supervisor")
    told = supervisor.post(f"/incidents/{world.case}/unmask", json={"why": "the line broke"}).json()
    assert told["reporter"] == SAID
    last = supervisor.get(f"/incidents/{world.case}/events").json()["items"][-1]
    assert (last["kind"], last["actor"], last["note"]) == ("unmask", "supervisor", "the line broke")
    assert SAID["phone"] not in json.dumps(last)


# Browser sessions


def test_a_session_comes_and_goes(world):
    web = browser(world)
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
    assert browser(world, Cookie=f"gridsvc={stolen}").get("/session").status_code == 401


def test_over_tls_the_cookie_is_one_that_browsers_protect(world):
    web = TestClient(world.app, base_url="https://testserver", client=("10.1.1.1", 1))
    begun = web.post("/session", json={"key": world.keys["officer"]})
    assert begun.headers["set-cookie"].startswith("__Host-gridsvc=")
    assert "Secure" in begun.headers["set-cookie"]
    assert begun.headers["strict-transport-security"] == "max-age=31536000"


def test_a_device_is_paired_with_a_code_and_may_less_than_its_owner(world):
    code = client(world, "admin").post("/pairings", json={}).json()["code"]
    device = browser(world).post("/devices", json={"code": code}).json()
    phone = browser(world, device["token"])
    assert phone.get("/session").json()["name"] == "admin"
    assert phone.get("/incidents").status_code == 200
    refused = phone.post(f"/incidents/{world.case}/steps", json={"step": "assign"})
    assert refused.status_code == 403
    assert "paired device" in refused.json()["detail"]
    again = browser(world).post("/devices", json={"code": code})
    assert (again.status_code, kind(again)) == (404, "no-pairing")


# What a process remembers


def test_a_known_key_costs_no_question(world, book):
    key = world.keys["officer"]
    assert book.book.find(key) is None
    caller = book.book.verify(key)
    assert (caller.name, caller.role, caller.scope) == ("officer", Role.OFFICER, Scope(D))
    assert book.book.find(key) is caller
    book.clock.now += 0.6
    assert book.book.find(key) is None  # what was said about it is half a second old
    assert book.book.verify(key) is caller


def test_a_revoked_key_is_refused_within_a_second(world, book):
    new = keys.add_key(world.service, "fleeting", Role.OFFICER, district=D)
    other = CallerBook(world.service, clock=book.clock)
    for each in (book.book, other):
        assert each.verify(new.text).name == "fleeting"
    keys.revoke_key(world.service, "fleeting")
    book.clock.now += 0.6
    for each in (book.book, other):
        assert each.find(new.text) is None
        assert each.verify(new.text) is None


def test_an_ended_session_is_ended_in_every_process(world, book):
    new = keys.add_key(world.service, "two", Role.OFFICER, district=D)
    begun = book.book.begin_session(new.key)
    other = CallerBook(world.service, clock=book.clock)
    assert other.verify(begun.token).name == "two"
    book.book.end_session(begun.token)
    assert book.book.verify(begun.token) is None
    book.clock.now += 0.6
    assert other.find(begun.token) is None
    assert other.verify(begun.token) is None


def test_while_the_database_is_away_those_who_are_known_stay_known(world, book, monkeypatch):
    known, stranger = world.keys["officer"], world.keys["planner"]
    book.book.verify(known)
    away = Unavailable("The database is away.")

    def gone(*_args, **_named):
        raise away

    monkeypatch.setattr(Database, "transaction", gone)
    book.clock.now += 5
    assert book.book.verify(known).name == "officer"
    with pytest.raises(Unavailable):
        book.book.verify(stranger)


def test_sign_ins_and_refusals_are_events(world, url):
    browser(world).post("/session", json={"key": "gs_wrong"})
    client(world, "planner").post(f"/incidents/{world.case}/unmask", json={"why": "x"})
    browser(world).post("/session", json={"key": world.keys["planner"]})
    with as_superuser(url) as connection:
        events = "select district, kind, body from incident_event where incident_id is null"
        rows = connection.execute(events).fetchall()
    kinds = {(district, kind) for district, kind, _ in rows}
    assert {(D, "key-added"), (D, "sign-in"), ("*", "sign-in-refused"), (D, "refused")} <= kinds
    refused = [json.loads(body) for _, kind, body in rows if kind == "refused"]
    assert {event["actor"] for event in refused} >= {"planner"}
    assert not any("gs_" in body or "10.0." in body for _, _, body in rows)


# Rates


def test_buckets_fill_and_empty():
    clock = Clock()
    buckets = Buckets(Rate(per_s=2, burst=4), clock=clock)
    assert [buckets.take("a") for _ in range(4)] == [0, 0, 0, 0]
    assert buckets.take("a") == pytest.approx(0.5)
    assert buckets.take("b") == 0
    assert buckets.wait_s("a") == pytest.approx(0.5)
    clock.now += 0.5
    assert buckets.wait_s("a") == 0
    assert buckets.take("a") == 0
    clock.now += 1e6
    assert [buckets.take("a") == 0 for _ in range(5)] == [True] * 4 + [False]


def test_guessing_ends_after_ten_tries_and_known_callers_of_the_address_go_on(world):
    web = browser(world)
    good = {"Authorization": f"Bearer {world.keys['officer']}"}
    assert web.get("/session", headers=good).status_code == 200
    statuses = [web.get("/session", headers={"Authorization": f"Bearer gs_{n}"}).status_code for n in range(12)]
    assert statuses == [401] * 10 + [429] * 2
    for path, body in (("/session", {"key": world.keys["officer"]}), ("/devices", {"code": "x"})):
        answer = web.post(path, json=body)
        assert answer.status_code == 429
        assert 1 <= int(answer.headers["retry-after"]) <= 6
    assert web.get("/session", headers=good).status_code == 200


def test_open_routes_have_a_rate(world):
    web = browser(world)
    statuses = [web.get("/sign-in").status_code for _ in range(int(rates.STRANGER.burst) + 3)]
    assert statuses[0] == 200
    assert statuses[-1] == 429
    assert web.get("/healthz").status_code == 200


# Headers


@pytest.mark.parametrize("path", ["/", "/teams", "/incidents/x", "/nothing", "/healthz", "/sign-in", "/tiles"])
def test_every_answer_carries_the_headers(world, path):
    for web in (client(world, "admin"), browser(world)):
        headers = web.get(path).headers
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "no-referrer"
        assert "frame-ancestors 'none'" in headers["content-security-policy"]
        assert "unsafe" not in headers["content-security-policy"]
        kept = headers["cache-control"]
        assert "no-store" in kept or "private" in kept
        assert "Cookie" in headers["vary"]


# Without sign-in


def test_without_sign_in_everybody_is_the_operator_but_no_page_of_another_site(world):
    open_app = create_app(world.service, sign_in=False)
    web = TestClient(open_app, raise_server_exceptions=False)
    assert web.get("/session").json()["auth"] == "off"
    assert web.get(f"/incidents/{world.case}").status_code == 200
    step = {"json": {"step": "nonsense"}}
    path = f"/incidents/{world.case}/steps"
    assert web.post(path, **step).status_code == 422
    assert web.post(path, headers={"Origin": "http://testserver"}, **step).status_code == 422
    for headers in ({"Origin": "https://evil.example"}, {"Sec-Fetch-Site": "cross-site"}, {"Origin": "null"}):
        refused = web.post(path, headers=headers, **step)
        assert (refused.status_code, kind(refused)) == (403, "csrf")


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.4", "example.org"])
def test_no_sign_in_is_refused_beyond_this_machine(host):
    with pytest.raises(NotAllowed, match="GRIDSVC_AUTH=off"):
        refuse_open_door(host, "off")
    refuse_open_door(host, "required")
    assert Door(host, 1).is_clear
    assert not Door(host, 1, proxies="10.0.0.1").is_clear


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "localhost"])
def test_no_sign_in_is_for_this_machine(host):
    refuse_open_door(host, "off")
    assert not Door(host, 1).is_clear


# TLS


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tls")
    files = folder / "cert.pem", folder / "key.pem"
    made = subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=localhost", "-days", "2",
         "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1", "-keyout", str(files[1]), "-out", str(files[0])],
        capture_output=True,
    )  # fmt: skip
    assert made.returncode == 0, made.stderr
    return files


def test_a_certificate_that_is_none_is_refused(certificate, tmp_path):
    cert, key = certificate
    Door("0.0.0.0", 1, cert, key).check()
    assert not Door("0.0.0.0", 1, cert, key).is_clear
    for pair in ((cert, cert), (tmp_path / "missing", key)):
        with pytest.raises(InvalidInput, match="no certificate with its key"):
            Door("0.0.0.0", 1, *pair).check()


def test_serve_wants_keys_and_speaks_tls(world, url, certificate, tmp_path):
    cert, key = certificate
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("GRIDSVC_")}
    environment |= {"GRIDSVC_DATABASE_URL": url, "GRIDSVC_DATA": str(tmp_path)}
    words = ["serve", "--port", str(port), "--workers", "1", "--tls-cert", str(cert), "--tls-key", str(key)]
    with subprocess.Popen([sys.executable, "-m", "gridsvc", *words], env=environment, stderr=subprocess.PIPE) as server:
        try:
            trusted = ssl.create_default_context(cafile=str(cert))
            with httpx.Client(base_url=f"https://127.0.0.1:{port}", verify=trusted, trust_env=False) as web:
                deadline = time.monotonic() + 120
                while True:
                    try:
                        assert web.get("/healthz").status_code == 200
                        break
                    except httpx.TransportError:
                        assert server.poll() is None, server.stderr.read()
                        assert time.monotonic() < deadline
                        time.sleep(0.1)
                assert web.get("/teams").status_code == 401
                answer = web.get("/teams", headers={"Authorization": f"Bearer {world.keys['officer']}"})
                assert answer.status_code == 200
                assert len(answer.json()["items"]) == len(worlds.TEAM_IDS)
                assert "strict-transport-security" in answer.headers
        finally:
            server.terminate()

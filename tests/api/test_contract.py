"""/openapi.json is true: real answers have the declared shapes, and what is declared is there."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest
from fastapi.routing import APIRoute

from gridsvc.access.scopes import Right, Role
from gridsvc.api.app import ROUTERS
from gridsvc.api.http.once import WITHOUT_KEY
from gridsvc.api.http.openapi import FURTHER
from gridsvc.api.http.route_rights import ROUTES
from gridsvc.cases.steps import STEPS, TEAM_STEPS, right_of_step
from gridsvc.db.cases.alerts import add_proposal
from gridsvc.db.grids import generations as store
from gridsvc.operations.access import keys
from gridsvc.operations.compliance.kept import keep
from gridsvc.operations.compliance.report import Wanted, make_report
from gridsvc.operations.grids import generations
from gridsvc.operations.imports.history import remove_import
from tests.api.contract import CheckedClient, Contract
from tests.operations.imports.worlds import ROWS, load, written

if TYPE_CHECKING:
    from fastapi import FastAPI
    from starlette.testclient import TestClient

    from gridsvc.operations.runtime.service import Service

PROJECT = Path(__file__).resolve().parents[2]
PAGES = {"/", "/docs", "/sign-in", "/favicon.ico", "/assets/{digest}/{path:path}", "/screen/facts", "/screen/cases",
         "/screen/search", "/screen/officers"}  # fmt: skip
"""What the pages of the service need: no part of the public interface."""
OGC = {path for _, path in ROUTES if path.startswith("/ogc")}
"""What /ogc/api describes."""


@pytest.fixture(scope="module")
def contract(admin: CheckedClient) -> Contract:
    return admin.contract


def here(web: TestClient, urgency: str) -> tuple[str, dict[str, float]]:
    """Return a type of incident and the place of a case."""
    plans = web.get("/response-plans").json()["items"]
    place = web.get("/incidents", params={"limit": 1}).json()["items"][0]["location"]
    return next(plan["type"] for plan in plans if plan["urgency"] == urgency), {k: place[k] for k in ("lon", "lat")}


def ok(answer: Any) -> Any:
    assert answer.is_success, f"{answer.request.method} {answer.request.url}: {answer.text[:500]}"
    return answer.json() if answer.content and "json" in answer.headers["content-type"] else answer


def test_real_answers_of_every_route_have_the_declared_shape(
    admin: TestClient, app: FastAPI, contract: Contract, service: Service
) -> None:
    walk_cases(admin)
    walk_places(admin)
    walk_service(admin, service)
    walk_access(admin, app, service)
    walk_generations(admin, service)
    assert {(method, path) for method, path, _ in contract.routes()} - contract.answered == set()


def walk_cases(web: TestClient) -> None:
    kind, place = here(web, "emergency")
    report = {
        "type": kind,
        "location": place,
        "description": "smoke",
        "reporter": {"name": "王小明", "phone": "13812345678"},
    }
    ok(web.post("/recommendations", json=report))
    case = ok(web.post("/incidents", json=report, headers={"Idempotency-Key": "contract-1"}))
    waits = ok(web.post("/incidents", json={"type": kind, "location": place | {"radius_m": 400}}))
    line = [[place["lon"] - 0.02, place["lat"]], [place["lon"] + 0.02, place["lat"]]]
    ok(web.post("/incidents", json={"type": kind, "geometry": {"type": "LineString", "coordinates": line}}))
    routine, _ = here(web, "routine")
    listed = ok(web.post("/incidents", json={"type": routine, "location": place}))
    ok(web.post(f"/incidents/{listed['id']}/steps", json={"step": "assign"}))
    steps = f"/incidents/{case['id']}/steps"
    lead = case["recommendation"]["lead"]["team_id"]
    sent = ok(web.post(steps, json={"step": "assign", "note": "go"}))
    assert lead in sent["sent"]
    for step in ("acknowledge", "en_route", "on_scene"):
        ok(web.post(steps, json={"step": step, "team_id": lead}))
    ok(web.post(f"/incidents/{case['id']}/names", json={"name": "老供销社"}, headers={"Idempotency-Key": "contract-9"}))
    example = ok(web.get("/screen/facts"))["districts"][0]["address_example"]
    assert "address" in ok(web.post("/incidents", json={"type": kind, "address": example}))
    for step in ("handle", "feedback", "archive"):
        ok(web.post(steps, json={"step": step}))
    assert ok(web.get(f"/incidents/{case['id']}"))["reporter"]["masked"]
    ok(web.get(f"/incidents/{case['id']}/events"))
    ok(web.get(f"/incidents/{case['id']}/considered"))
    ok(web.get(f"/incidents/{case['id']}/move-ups"))
    ok(web.post(f"/incidents/{case['id']}/unmask", json={"why": "call back"}))
    wider = {"location": place | {"radius_m": 300}, "reason": "east of the bridge"}
    preview = {"location": wider["location"]}
    assert "place" in ok(web.post(f"/incidents/{waits['id']}/place/preview", json=preview))["changes"]
    moved = ok(web.post(f"/incidents/{waits['id']}/place", json=wider))
    code = moved["owners"]["township"]["code"]
    ok(web.post(f"/incidents/{waits['id']}/owner/preview", json={"code": code}))
    ok(web.post(f"/incidents/{waits['id']}/owner", json={"code": code, "reason": "by agreement"}))
    assert ok(web.get(f"/incidents/{waits['id']}"))["correction"]["reason"] == "by agreement"
    page = ok(web.get("/incidents", params={"limit": 30}))
    ok(web.get("/incidents", params={"limit": 30, "after": page["next"]}))
    for status in ("archived", "handling", "assigned", "cancelled"):
        ok(web.get("/incidents", params={"status": status, "limit": 1000}))


def walk_places(web: TestClient) -> None:
    _, place = here(web, "emergency")
    lon, lat = place["lon"], place["lat"]
    for more in ({}, {"radius_m": 500}, {"datum": "GCJ-02"}, {"as_of": "2199-01-01"}):
        ok(web.get("/owners", params=place | more))
    example = ok(web.get("/screen/facts"))["districts"][0]["address_example"]
    for text in (example, "桥头村", "义乌市江东街道", "nowhere at all"):
        ok(web.get("/geocode", params={"q": text}))
    ok(web.get("/geocode/suggestions", params={"q": example[:4]}))
    ok(web.post("/owners", json={"lon": [lon, -150.0], "lat": [lat, -40.0]}))
    grid = ok(web.get("/grids"))["items"][-1]
    ok(web.get(f"/grids/{grid['code']}/people", params={"on": "2026-03-01"}))
    assert ok(web.get("/generations/1/differences"))["against"] is None
    ok(web.post("/travel-times", json={"origins": [[lon, lat]], "destinations": [[lon + 0.01, lat], [lon, lat]]}))
    ok(web.get("/isochrones", params=place | {"minutes": "1,5"}))
    ok(web.get("/routes", params={"from_lon": lon, "from_lat": lat, "to_lon": lon + 0.01, "to_lat": lat + 0.01}))
    ok(web.get("/service-areas", params={"kind": "first"}))
    plan = ok(web.post("/coverage/plans", json={"scenario": {"model": "mclp", "p": 3}}))
    ok(web.get(f"/coverage/plans/{plan['id']}"))
    assert ok(web.get("/coverage/now", params={"level": "village"}))["demand"]["source"] == "history"
    point = {"type": "Point", "coordinates": web.get("/teams").json()["items"][0]["station"]}
    point["coordinates"] = [point["coordinates"]["lon"], point["coordinates"]["lat"]]
    closed = ok(web.post("/closures", json={"geometry": point, "factor": 0.5, "reason": "mud"}))
    assert closed["id"] in {each["id"] for each in ok(web.get("/closures"))["items"]}
    ok(web.delete(f"/closures/{closed['id']}"))
    layers = [layer["id"] for layer in ok(web.get("/tiles"))["items"]]
    ok(web.get(f"/tiles/{','.join(layers)}.json"))
    ok(web.get("/tiles/grids/0/0/0.mvt"))
    ok(web.get("/tiles/grids/10/852/424.mvt"))


def walk_service(web: TestClient, service: Service) -> None:
    ok(web.get("/healthz"))
    district = ok(web.get("/readyz"))["districts"][0]["code"]
    ok(web.get("/metrics"))
    asked = {"by": "township,hour", "against": "dispatched-to-lead-p90", "since": "2020-01-01", "until": "2099-01-01"}
    ok(web.get("/compliance", params=asked | {"compare": "previous", "trend": "day"}))
    digest = load(service, written(service.folder, ROWS)).answer["digest"]
    ok(web.get("/compliance", params=asked | {"imported": "true", "only": digest[:8]}))
    remove_import(service, district, digest, actor="test")
    period = {"since": "2020-01-01", "until": "2099-01-01"}
    for part in ("causes", "late", "cells"):
        ok(web.get(f"/compliance/{part}", params=period))
    report = keep(service, district, make_report(service, district, Wanted()), Wanted(), actor="test")
    assert str(report.id) in {each["id"] for each in ok(web.get("/compliance/reports"))["items"]}
    ok(web.get(f"/compliance/reports/{report.id}"))
    assert "<html" in ok(web.get(f"/compliance/reports/{report.id}/page", params={"language": "en"})).text
    team = ok(web.get("/teams"))["items"][0]
    position = {"lon": team["station"]["lon"], "lat": team["station"]["lat"]}
    ok(web.post(f"/teams/{team['id']}/positions", json=position))
    batch = [position | {"team_id": team["id"], "at": datetime.now(UTC).isoformat()}, position, {"team_id": "x"}]
    assert [each["index"] for each in ok(web.post("/positions", json=batch))["rejected"]] == [1, 2]
    ok(web.get("/osmand", params=position | {"id": team["id"], "accuracy": "8"}))
    ok(web.post("/osmand", params={"id": team["id"]}, data={"lat": "29.1", "lon": "119.6"}))
    assert ok(web.post("/osmand", json=[{"id": team["id"]}]))["rejected"]
    forwarded = {"longitude": position["lon"], "latitude": position["lat"], "fixTime": batch[0]["at"]}
    ok(web.post("/positions/traccar", json={"position": forwarded, "device": {"uniqueId": team["id"]}}))
    for datum in ("gcj02", "wgs84"):
        ok(web.post(f"/teams/{team['id']}/datum", json={"datum": datum, "reason": "a tracker of another maker"}))
    for on_duty in (False, True):
        ok(web.patch(f"/teams/{team['id']}", json={"on_duty": on_duty}))
    ok(web.get("/teams"))
    timers = ok(web.get("/timers", params={"district": district}))
    ok(web.put("/timers", params={"district": district}, json={"rules": timers["rules"]}))
    job = ok(web.post("/jobs", json={"kind": "verify"}))
    ok(web.get("/jobs"))
    ok(web.get(f"/jobs/{job['id']}"))
    ok(web.delete(f"/jobs/{job['id']}"))
    grounds = {"step": "feedback", "since": job["created_at"], "over_s": 1.5, "timers": timers["version"]}
    proposal = service.database.run(
        lambda connection: add_proposal(
            connection,
            district,
            "yellow-card",
            incident_id=None,
            subject=district,
            grounds=grounds,
            at=datetime.fromisoformat(job["created_at"]),
        )
    )
    made = ok(web.get("/proposals", params={"all": True}))["items"]
    assert made
    ok(web.post(f"/proposals/{proposal}/decision", json={"decision": "rejected", "reason": "flood"}))
    ok(web.get("/proposals", params={"all": True}))


def walk_generations(web: TestClient, service: Service) -> None:
    """A draft like the grids in force is scheduled, put in force and taken back; no job of it is run here."""
    code = ok(web.get("/generations"))["district"]
    number = service.database.run(lambda connection: store.begin_draft(connection, code)).number
    path = f"/generations/{number}/activation"
    ok(web.post(path, json={"at": "2199-01-01T00:00:00Z"}))
    assert ok(web.get("/generations"))["items"][0]["state"] == "planned"
    ok(web.delete(path))
    job = ok(web.post(path, json={}))["job"]
    assert ok(web.get("/generations"))["work"]["id"] == job["id"]
    ok(web.delete(f"/jobs/{job['id']}"))
    generations.activate(service, code, number)
    back = ok(web.post(f"/generations/{number}/rollback", json={}))
    ok(web.delete(f"/jobs/{back['job']['id']}"))
    generations.rollback(service, code)


def walk_access(web: TestClient, app: FastAPI, service: Service) -> None:
    key = keys.add_key(service, "contract officer", Role.OFFICER, district="330703").text
    browser = CheckedClient(app, raise_server_exceptions=False)
    session = ok(browser.post("/session", json={"key": key}))
    ok(browser.get("/session"))
    ok(web.get("/session"))
    csrf = {"X-CSRF-Token": session["csrf"]}
    code = ok(browser.post("/pairings", json={}, headers=csrf))["code"]
    assert ok(browser.post("/devices", json={"code": code}))["role"] == "officer"
    ok(browser.delete("/session", headers=csrf))


def test_refusals_have_the_declared_shape(admin: TestClient, app: FastAPI, contract: Contract) -> None:
    missing = uuid4()
    requests: list[tuple[str, str, dict[str, Any]]] = [
        ("GET", f"/incidents/{missing}", {}),
        ("GET", "/incidents", {"params": {"limit": 0}}),
        ("GET", "/incidents", {"params": {"after": "x" * 9000}}),
        ("POST", "/incidents", {"content": b"{"}),
        ("POST", "/incidents", {"content": b"\xff", "headers": {"Content-Type": "application/json"}}),
        ("POST", "/incidents", {"content": b"[" * 1_100_000}),
        ("POST", f"/incidents/{missing}/steps", {"json": {"step": "accept"}}),
        ("POST", "/positions", {"content": b"{}"}),
        ("GET", "/osmand", {"params": {"id": str(missing), "lat": "29", "lon": "119"}}),
        ("GET", "/osmand", {}),
        ("POST", "/osmand", {"content": b"[7]"}),
        ("POST", "/osmand", {"content": b"[" * 300_000}),
        ("POST", "/positions/traccar", {"json": {"position": {}}}),
        ("POST", "/positions", {"content": b"[" * 1_100_000}),
        ("POST", "/positions", {"json": [{}] * 5001}),
        ("GET", "/owners", {"params": {"lon": -150, "lat": -40}}),
        ("GET", "/tiles/nothing/0/0/0.mvt", {}),
        ("GET", "/tiles/grids/z/0/0.mvt", {}),
        ("DELETE", "/session", {}),
        ("POST", "/devices", {"json": {"code": "nobody"}}),
    ]
    for method, path, more in requests:
        assert admin.request(method, path, **more).is_error
    stranger = CheckedClient(app, raise_server_exceptions=False)
    for method, path, operation in contract.routes():
        answer = stranger.request(method, re.sub(r"\{\w+\}", "0", path), json={})
        asks_for_a_key = operation["security"] != [] and {} not in operation["security"]
        assert (answer.status_code == 401) == asks_for_a_key, f"{method} {path}: {answer.status_code}"


def test_a_method_that_an_address_does_not_take(admin: CheckedClient) -> None:
    for path, methods in (("/incidents", "GET, POST"), ("/closures/x", "DELETE"), ("/session", "DELETE, GET, POST")):
        refused = admin.request("PATCH", path)
        assert refused.status_code == 405
        assert refused.headers["allow"] == methods
        assert refused.json()["parameters"] == {"method": "PATCH", "known": methods.split(", ")}


def test_examples_have_the_declared_shape(contract: Contract) -> None:
    wrong = {}
    for method, path, operation in contract.routes():
        for status, declared in operation["responses"].items():
            for media_type, content in declared.get("content", {}).items():
                if media_type.endswith("json") and not status.startswith("4"):
                    found = list(contract.errors(content["schema"], content["example"]))
                    if found:
                        wrong[method, path, status] = found
    assert wrong == {}


def test_routes_and_their_tables_agree(contract: Contract) -> None:
    declared = {(method, path) for method, path, _ in contract.routes()}
    served = {
        (method, route.path)
        for router in ROUTERS
        for route in router.routes
        if isinstance(route, APIRoute)
        for method in route.methods or ()
    }
    assert set(ROUTES) == served
    assert declared <= served
    assert {path for _, path in served - declared} == PAGES | OGC
    assert set(FURTHER) <= declared
    assert set(WITHOUT_KEY) <= declared


def test_steps_and_rights_agree() -> None:

    asked = {right for right in ROUTES.values() if isinstance(right, Right)}
    asked |= {right_of_step(step, named_team=named) for step in (*STEPS, *TEAM_STEPS) for named in (True, False)}
    code = "".join(path.read_text("utf-8") for path in (PROJECT / "gridsvc").rglob("*.py") if path.name != "scopes.py")
    asked |= {Right[name] for name in re.findall(r"\bRight\.([A-Z_]+)\b", code)}
    assert asked == set(Right)


def test_the_documentation_names_no_route_that_is_not_there(contract: Contract) -> None:
    there = {(method, re.sub(r"\{[^}]*\}", "{}", path)) for method, path, _ in contract.routes()}
    there |= {(method, re.sub(r"\{[^}]*\}", "{}", path)) for method, path in ROUTES}
    named = set()
    for page in [*PROJECT.glob("README*.md"), *PROJECT.glob("docs/**/*.md")]:
        for method, path in re.findall(r"\b(GET|POST|PUT|PATCH|DELETE) (/[\w{}./-]*[\w}])", page.read_text("utf-8")):
            named.add((method, re.sub(r"\{[^}]*\}", "{}", path)))
    assert named
    assert named - there - {("GET", "/openapi.json")} == set()


def test_operation_ids_are_short_and_unique(contract: Contract) -> None:
    ids = [operation["operationId"] for _, _, operation in contract.routes()]
    assert len(ids) == len(set(ids))
    assert [each for each in ids if not re.fullmatch(r"[a-z_]{1,40}", each)] == []

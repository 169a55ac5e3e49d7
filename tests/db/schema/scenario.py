"""A day of the service in the toy district: what it sends to the database, with callers of three scopes."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID

from sqlalchemy import text
from starlette.testclient import TestClient

from gridsvc.access.scopes import Role
from gridsvc.api.app import create_app
from gridsvc.db.evidence.sealing import seal_all
from gridsvc.db.jobs import jobs
from gridsvc.db.tiles import LAYERS
from gridsvc.grids.code_lists import CodeMatch
from gridsvc.grids.levels import Level
from gridsvc.grids.naming import KnownDivision
from gridsvc.grids.posts import NewPost, Post
from gridsvc.operations.access import keys
from gridsvc.operations.cases.timers import raise_alerts
from gridsvc.operations.compliance.figures import get_compliance
from gridsvc.operations.compliance.imported import Imported
from gridsvc.operations.compliance.question import Question
from gridsvc.operations.coverage.demand import BOTH, demand_of
from gridsvc.operations.evidence.replay import replay
from gridsvc.operations.evidence.verify import verify
from gridsvc.operations.grids import people
from gridsvc.operations.grids.code_lists import Compared
from gridsvc.operations.imports.history import remove_import
from gridsvc.operations.isochrones.service_areas import AreaWatch, draw_areas
from gridsvc.operations.jobs import retention, schedule
from gridsvc.operations.jobs.jobs import Run
from gridsvc.operations.roads.calibration import calibrate
from tests.operations.imports.worlds import ROWS, load, row, written
from tests.worlds import toy
from tests.worlds.district import DISTRICT, TEAM_IDS

if TYPE_CHECKING:
    import httpx

    from gridsvc.operations.runtime.service import Service

CALLERS = {
    "dispatcher": (Role.DISPATCHER, DISTRICT, None),
    "township": (Role.DISPATCHER, DISTRICT, toy.T1),
    "everywhere": (Role.ADMIN, None, None),
}


def play(service: Service) -> None:
    """Report, order and close a case; read it in every way; seal, verify, tidy and run a job."""
    made = {name: keys.add_key(service, name, role, district=district, grid=grid).text
            for name, (role, district, grid) in CALLERS.items()}  # fmt: skip
    with TestClient(create_app(service)) as web:
        clients = {name: {"Authorization": f"Bearer {key}"} for name, key in made.items()}
        _work(web, clients["everywhere"])
        case = _work(web, clients["dispatcher"])
        for headers in clients.values():
            _look(web, headers, case)
        _administer(web, clients["everywhere"])
    _background(service, UUID(case))


def _done(response: httpx.Response) -> Any:
    assert response.status_code < 300, response.text
    return response.json() if response.content else None


def _work(web: TestClient, headers: dict[str, str]) -> str:
    place = {"lon": 119.61, "lat": 29.1001}
    team = TEAM_IDS[toy.TEAMS[0].id]
    now = datetime.now(UTC)
    _done(web.post(f"/teams/{team}/positions", json=place | {"accuracy_m": 5}, headers=headers))
    sent = [place | {"team_id": each, "at": now.isoformat()} for each in list(TEAM_IDS.values())[:3]]
    _done(web.post("/positions", json=sent, headers=headers))
    report = {"type": "leak", "location": place, "description": "smell of gas", "reporter": {"name": "Li"}}
    for _ in range(2):  # the second is a retry
        case = _done(web.post("/incidents", json=report, headers=headers | {"Idempotency-Key": "one"}))
    steps = f"/incidents/{case['id']}/steps"
    _done(web.post(steps, json={"step": "accept"}, headers=headers))
    ordered = _done(web.post(steps, json={"step": "assign"}, headers=headers | {"Idempotency-Key": "two"}))
    for each in ordered["assignments"]:
        for step in ("acknowledge", "en_route", "on_scene", "clear"):
            said = {"step": step, "team_id": each["team_id"], "note": "arrived"}
            web.post(steps, json=said, headers=headers)
    for step in ("handle", "feedback", "archive"):
        web.post(steps, json={"step": step, "note": "done"}, headers=headers)
    other = _done(web.post("/incidents", json=report | {"type": "noise"}, headers=headers))
    _done(web.post(f"/incidents/{other['id']}/steps", json={"step": "cancel", "note": "twice"}, headers=headers))
    closure = {"geometry": {"type": "Point", "coordinates": [119.65, 29.1]}, "factor": 0, "reason": "flood"}
    found = _done(web.post("/closures", json=closure, headers=headers))
    _done(web.post("/recommendations", json=report, headers=headers))
    _done(web.delete(f"/closures/{found['id']}", headers=headers))
    _done(web.patch(f"/teams/{team}", json={"on_duty": False}, headers=headers))
    _done(web.patch(f"/teams/{team}", json={"on_duty": True}, headers=headers))
    return str(case["id"])


def _look(web: TestClient, headers: dict[str, str], case: str) -> None:
    for address in (
        f"/incidents/{case}", f"/incidents/{case}/events", f"/incidents/{case}/considered", "/incidents",
        "/incidents?status=archived", "/incidents?late=true", "/incidents?waiting=true", f"/incidents?owner={toy.T1}",
        "/incidents?q=1", "/incidents?bbox=119,29,120,30", "/incidents?limit=1", "/teams", "/closures", "/proposals",
        "/service-areas", "/owners?lon=119.61&lat=29.1001", "/grids?lon=119.61&lat=29.1001",
        "/grids", "/response-plans", f"/timers?district={DISTRICT}", "/session", "/jobs", "/tiles",
        "/metrics", "/readyz",
        "/isochrones?lon=119.61&lat=29.1001&minutes=5",
        "/routes?from_lon=119.61&from_lat=29.1001&to_lon=119.63&to_lat=29.1001",
    ):  # fmt: skip
        web.get(address, headers=headers)
    for layer in LAYERS:
        for z, x, y in ((14, 13637, 6783), (9, 426, 211)):
            _done(web.get(f"/tiles/{layer}/{z}/{x}/{y}.mvt", headers=headers))
    web.post("/owners", json={"points": [[119.61, 29.1001]]}, headers=headers)
    web.post("/travel-times", json={"from": [[119.61, 29.1001]], "to": [[119.63, 29.1001]]}, headers=headers)
    web.post(f"/incidents/{case}/unmask", json={"why": "call back"}, headers=headers)


def _administer(web: TestClient, headers: dict[str, str]) -> None:
    session = web.post("/session", headers=headers)
    if session.status_code < 300:
        web.delete("/session", headers=headers)
    paired = web.post("/pairings", json={}, headers=headers)
    if paired.status_code < 300:
        web.post("/devices", json={"code": paired.json()["code"]})
    job = web.post("/jobs", json={"kind": "verify"}, headers=headers)
    if job.status_code < 300:
        web.get(f"/jobs/{job.json()['id']}", headers=headers)


def _background(service: Service, case: UUID) -> None:
    seal_all(service.database)
    draw_areas(service, DISTRICT)
    AreaWatch().look(service, 0.0)
    raise_alerts(service)
    schedule.ensure_standing(service)
    schedule.take_effect(service)
    held = service.database.run(lambda connection: jobs.claim_job(connection, "test"))
    if held is not None:
        with service.database.transaction() as connection:
            connection.execute(text("update idempotency set created_at = now() - interval '40 days' where district = "
                                    "'330703'"))  # fmt: skip
        run = Run(service, held)
        retention.run_tidy(run)
        retention.keep_positions(service.database, datetime.now(UTC) + timedelta(days=1))
        service.database.run(lambda connection: jobs.finish_job(connection, held, "done"))
    _import(service)
    _appoint(service)
    seal_all(service.database)
    assert all(report.holds for report in verify(service))
    replay(service, case)


def _appoint(service: Service) -> None:
    """Appoint two officers, let their posts follow their grid to another code."""
    first = date(2026, 1, 1)
    posts = [("", NewPost(toy.T1, Post.OFFICER, name, "13800138000", first, None)) for name in ("李四", "王五")]
    people.put_posts(service, DISTRICT, posts, source="posts.csv", actor="test")
    before, after = (KnownDivision(Level.TOWNSHIP, code, code, "") for code in (toy.T1, toy.T2))
    compared = Compared(DISTRICT, "before", "after", (), [CodeMatch("same-name", before, after)])
    people.move_posts(service, compared, day=date(2026, 7, 1), actor="test")


def _import(service: Service) -> None:
    """Load exports of another system, use them for figures, plans and calibration, and remove one."""
    for name, lines in (("calls.csv", ROWS), ("more.csv", [*ROWS, row("c9", "E1", 9)])):
        digest = load(service, written(service.folder, lines, name)).answer["digest"]
    get_compliance(service, DISTRICT, Question(by=("township",)), imported=Imported())
    with service.database.transaction() as connection:
        demand_of(connection, DISTRICT, source=BOTH)
    calibrate(service, DISTRICT, actor="test", imported=True, dry_run=True)
    remove_import(service, DISTRICT, digest, actor="test")

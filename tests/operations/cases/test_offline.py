"""The database away: owners, travel times and recommendations from memory, marked; writes 503; then back (R22)."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from fastapi.testclient import TestClient

from gridsvc.access.scopes import Caller, Role
from gridsvc.api.app import create_app
from gridsvc.cases.decide import Report
from gridsvc.db.access.keys import scope_of
from gridsvc.db.session.connection import Database
from gridsvc.errors import NotFound, Unavailable
from gridsvc.operations.cases import offline
from gridsvc.operations.cases.preview import recommend
from gridsvc.operations.places import owners
from gridsvc.operations.roads import travel_times
from tests.worlds import toy
from tests.worlds.district import DISTRICT, toy_grids

if TYPE_CHECKING:
    from gridsvc.operations.runtime.service import Service

PLACE = {"lon": 119.61, "lat": 29.1001}
REPORT = {"type": "leak", "location": PLACE}
TIMES = {"origins": [[119.61, 29.1]], "destinations": [[119.65, 29.1]]}


def client(service: Service) -> TestClient:
    return TestClient(create_app(service, sign_in=False), base_url="http://localhost", raise_server_exceptions=False)


def without_database(service: Service) -> TestClient:
    """The same process, with what it remembers, and a database that nobody answers for."""
    return client(replace(service, database=Database("postgresql://gridsvc_app@/gridsvc?host=/nowhere")))


def test_what_was_seen_is_answered_from_memory_and_says_so(service: Service) -> None:
    before = client(service)
    seen = {
        "owners": before.get("/owners", params=PLACE).json(),
        "many": before.post("/owners", json={"lon": [119.61], "lat": [29.1]}).json(),
        "recommendation": before.post("/recommendations", json=REPORT).json(),
        "times": before.post("/travel-times", json=TIMES).json(),
    }
    assert not any("degraded" in each for each in seen.values())
    away = without_database(service)
    told = {
        "owners": away.get("/owners", params=PLACE).json(),
        "many": away.post("/owners", json={"lon": [119.61], "lat": [29.1]}).json(),
        "recommendation": away.post("/recommendations", json=REPORT).json(),
        "times": away.post("/travel-times", json=TIMES).json(),
    }
    for each in told.values():
        assert each.pop("degraded") is True
        assert 0 <= each.pop("age_s") < 300
    moving = ("triggered_at", "reported_at", "due_at")
    for answer in (seen["recommendation"], told["recommendation"]):
        for name in moving:
            answer.pop(name)
    assert told == seen


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "/incidents", REPORT),
        ("POST", "/incidents/01a20c85-95e1-7e22-969f-63cda45f0508/steps", {"step": "accept"}),
        ("PATCH", "/teams/01a20c85-95e1-7e22-969f-63cda45f0508", {"on_duty": True}),
        ("POST", "/jobs", {"kind": "verify"}),
        ("GET", "/incidents", None),
        ("GET", "/readyz", None),
    ],
)
def test_what_needs_the_database_is_503_with_a_time_to_come_back(
    service: Service, method: str, path: str, body: dict[str, Any] | None
) -> None:
    got = without_database(service).request(method, path, json=body)
    assert got.status_code == 503
    assert int(got.headers["Retry-After"]) >= 1
    assert got.json()["type"] == "urn:gridsvc:problem:unavailable"


def test_what_was_never_seen_is_503_too(service: Service) -> None:
    from gridsvc.operations.runtime.service import Service

    stranger = without_database(Service(service.database, service.folder))
    assert stranger.get("/owners", params=PLACE).status_code == 503
    assert stranger.post("/recommendations", json=REPORT).status_code == 503
    assert stranger.post("/travel-times", json=TIMES).status_code == 503


def test_the_past_and_addresses_are_not_answered_from_memory(service: Service) -> None:
    client(service).post("/recommendations", json=REPORT)
    away = without_database(service)
    assert away.get("/owners", params=PLACE | {"as_of": "2026-01-01"}).status_code == 503
    assert away.post("/recommendations", json={"type": "leak", "address": "多湖街道"}).status_code == 503


def test_bad_input_is_refused_as_ever(service: Service) -> None:
    client(service).post("/recommendations", json=REPORT)
    away = without_database(service)
    assert away.post("/recommendations", json=REPORT | {"type": "no such"}).status_code == 422
    assert away.get("/owners", params={"lon": -150, "lat": -40}).status_code == 404


def test_health_and_metrics_are_there_without_the_database(service: Service) -> None:
    away = without_database(service)
    assert away.get("/healthz").status_code == 200
    assert "gridsvc_database_up 0" in away.get("/metrics").text


def test_a_failed_connection_is_not_waited_for_again_by_all(service: Service) -> None:
    import time

    from gridsvc.errors import Unavailable

    database = Database("postgresql://gridsvc_app@/gridsvc?host=/nowhere", heal=lambda: None)
    began = time.monotonic()
    for _ in range(20):
        with pytest.raises(Unavailable), database.transaction():
            pass
    assert time.monotonic() - began < 6  # one wait of 1.4 s, not twenty


def test_a_grid_that_is_known_is_owned_without_the_database(service: Service) -> None:
    for grid in toy_grids():
        place = grid.geometry.representative_point()
        client(service).get("/owners", params={"lon": place.x, "lat": place.y})
        told = without_database(service).get("/owners", params={"lon": place.x, "lat": place.y}).json()
        assert grid.code in {owner["code"] for owner in told["owners"].values()}


def test_who_sees_one_grid_is_answered_for_that_grid(service: Service) -> None:
    """The same as with the database, but for the teams that only a case of his grid would show him."""
    client(service).post("/recommendations", json=REPORT)
    with service.database.transaction() as connection:
        township = scope_of(connection, DISTRICT, toy.T1)
    limited = service.seen_by(Caller.of("x", Role.DISPATCHER, township))
    nowhere = Database("postgresql://gridsvc_app@/gridsvc?host=/nowhere").seen_by(township)
    away = replace(limited, database=nowhere)
    here, beyond = Report(type="leak", lon=PLACE["lon"], lat=PLACE["lat"]), Report(type="leak", lon=119.67, lat=29.1)
    seen, told = recommend(limited, here), recommend(away, here)
    assert told.pop("degraded") is True
    for name in ("triggered_at", "reported_at", "due_at", "age_s"):
        seen.pop(name, None)
        told.pop(name)
    assert told == seen
    whole = recommend(service, here)["recommendation"]["considered"]
    assert 0 < len(told["recommendation"]["considered"]) < len(whole)
    with pytest.raises(NotFound) as refused:
        recommend(away, beyond)
    assert refused.value.kind == "outside-scope"
    indexes, _ = offline.indexes(away, Unavailable("away"))
    mine = owners.within(township, owners.locate(indexes, PLACE["lon"], PLACE["lat"]))
    assert mine.owners[1] is not None
    assert mine.owners[1].code == toy.T1
    with pytest.raises(NotFound):
        owners.within(township, owners.locate(indexes, 119.67, 29.1))
    ends = (np.array(TIMES["origins"]), np.array(TIMES["destinations"]))
    seconds, _ = offline.travel_times(away, Unavailable("away"), *ends, profile="normal", district=None)
    assert seconds.tolist() == travel_times.travel_times(service, *ends, profile="normal", district=None).tolist()

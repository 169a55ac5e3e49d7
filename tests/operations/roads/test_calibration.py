"""Recorded trips to a range in the answer: read, fitted, put in force, refused, replayed, withdrawn."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid4

import numpy as np
import pytest
from sqlalchemy import text

from gridsvc.cases.decide import Report
from gridsvc.db.cases.bulk import add_past
from gridsvc.db.roads.trips import list_trips
from gridsvc.errors import NotFound
from gridsvc.operations.cases.preview import recommend
from gridsvc.operations.cases.report import report_incident
from gridsvc.operations.cases.steps import Step, step_incident
from gridsvc.operations.evidence.replay import replay
from gridsvc.operations.roads import calibration, networks
from tests.operations.imports.worlds import load, row, written
from tests.worlds import toy
from tests.worlds.district import DISTRICT, TEAM_IDS, as_superuser, open_toy, scratch_database, toy_road

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from gridsvc.db.cluster.embedded import EmbeddedCluster
    from gridsvc.operations.runtime.service import Service

BEGIN = datetime(2026, 1, 5, tzinfo=UTC)
SQUADRONS = ("sq-a1", "sq-a2", "sq-a3", "sq-a4")


@pytest.fixture
def url(cluster: EmbeddedCluster) -> Iterator[Any]:
    with scratch_database(cluster) as url:
        yield url


@pytest.fixture
def service(url: str, tmp_path: Path) -> Iterator[Any]:
    service = open_toy(url, tmp_path)
    yield service
    service.database.close()


def past(n: Any, *, km: float = 1.0, team: str = "sq-a1", took_s: Any = None, **more: Any) -> Any:
    """One case of the past with one team on it, four hours after the one before."""
    since = BEGIN + timedelta(hours=4 * n)
    left = since + timedelta(seconds=60)
    there = None if took_s is None else left + timedelta(seconds=took_s)
    case = uuid4()
    incident = {
        "district": DISTRICT, "id": case, "number": -n, "type": "leak", "type_name": "Leak",
        "urgency": "emergency", "response_class": "rural", "target_s": 900, "clock_policy": "received",
        "status": "triggered", "waiting": False, "drill": False,
        "geom": f"SRID=4326;POINT({119.6 + km / 100!r} 29.1001)", "rule": "interior", "owners": {},
        "lead_wanted": False, "report_event": uuid4(), "versions": {},
        "reported_at": since, "triggered_at": since,
    }  # fmt: skip
    engagement = {
        "district": DISTRICT, "id": uuid4(), "incident_id": case, "drill": False, "team_id": UUID(TEAM_IDS[team]),
        "slot": "1", "lead": True, "engaging": True, "since": since, "until": since + timedelta(hours=1),
        "en_route_at": left, "on_scene_at": there, "outcome": "cleared",
    }  # fmt: skip
    return incident | {k: v for k, v in more.items() if k in incident}, engagement | {
        k: v for k, v in more.items() if k in engagement
    }


def live_through(service: Service, pairs: Any) -> None:
    cases, engagements = zip(*pairs, strict=True)
    service.database.run(
        lambda connection: add_past(
            connection, cases=cases, engagements=engagements, personal_rows=[], events=[], notes=[]
        )
    )


def slow_past(count: Any, *, factor: Any = 1.5, seed: Any = 1, first: Any = 0) -> Any:
    """Trips that take `factor` of what the road says, a minute a kilometre, give or take a tenth."""
    draw = np.random.default_rng(seed)
    pairs = []
    for n in range(first, first + count):
        team = SQUADRONS[n % 4]
        km = float(np.round(draw.uniform(0, 16), 2))
        network_s = 60.0 * 0.9733 * abs(toy.KM[team] - km) + 8.0  # the last 11 m are walked
        pairs.append(
            past(n, km=km, team=team, took_s=round(factor * network_s * float(np.exp(draw.normal(0, 0.1))), 3))
        )
    return pairs


def a_report(km: float = 1.0, kind: str = "leak") -> Any:
    return Report(type=kind, lon=119.6 + km / 100, lat=29.1001)


def lead(answer: Any) -> Any:
    return answer["recommendation"]["lead"]


def test_without_a_calibration_the_answer_says_so(service: Service) -> None:
    told = recommend(service, a_report())
    assert (lead(told)["range"], lead(told)["range_reason"]) == (None, "no-calibration")
    assert told["versions"]["calibration"] is None


def test_recorded_trips_become_a_range(service: Service) -> None:
    live_through(service, slow_past(400))
    before = recommend(service, a_report(3.0))
    told = calibration.calibrate(service, actor="test")
    assert (told["outcome"], told["in_force"], told["trips"], told["left_out"]) == ("fitted", True, 400, {})
    assert told["before_since"] is None
    assert told["starts"] == {"station": 400}
    assert told["calibrated"]["mae_s"] < 0.4 * told["uncalibrated"]["mae_s"]
    assert told["network"] == before["versions"]["network"]
    after = recommend(service, a_report(3.0))
    assert after["versions"]["calibration"] == told["calibration"]
    one, other = lead(before), lead(after)
    # what was there before means what it meant
    keys = ("team_id", "travel_s", "response_s")
    assert [other[key] for key in keys] == [one[key] for key in keys]
    span = other["range"]
    assert span["calibration"] == told["calibration"]
    # the hour is worth nothing here, so that the time of day of this test is not either
    assert span["basis"] in {"district", "class"}
    fixed_s = other["response_s"] - other["travel_s"]
    assert span["p50_s"] == pytest.approx(fixed_s + 1.5 * other["travel_s"], rel=0.04)
    # a tenth of scatter: nine in ten within exp(1.2816 / 10), 90 % within exp(1.645 / 10)
    assert span["p90_s"] == pytest.approx(fixed_s + 1.5 * np.exp(0.128) * other["travel_s"], rel=0.06)
    assert span["p05_s"] < span["p50_s"] < span["p90_s"] < span["p95_s"]


def test_a_replay_agrees_and_names_what_was_tampered_with(service: Service, url: str) -> None:
    live_through(service, slow_past(200))
    old = json.loads(report_incident(service, a_report(), actor="test").body)["id"]
    calibration.calibrate(service, actor="test")
    new = json.loads(report_incident(service, a_report(3.0), actor="test").body)
    assert lead(new)["range"] is not None
    case = UUID(new["id"])
    step_incident(service, case, Step("assign"), actor="test")
    # everything changes: the roads, and the calibration with them
    networks.establish(service, DISTRICT, toy_road(90.0), source="faster")
    live_through(service, slow_past(300, factor=2.5, seed=2, first=200))
    second = calibration.calibrate(service, actor="test")
    assert second["in_force"]
    assert second["before"] == lead(new)["range"]["calibration"]
    for each in (UUID(old), case):
        told = replay(service, each)
        assert (told.differs, told.tampered) == ((), ())
    with as_superuser(url) as superuser:
        superuser.execute("update document set content = replace(content, '\"start_s\":', '\"start_s\":1') "
                          "where kind = 'calibration' and digest = %s", [second["before"]])  # fmt: skip
    told = replay(service, case)
    assert (told.tampered, told.differs) == (("calibration",), ())  # what was changed is not computed with


def test_a_case_from_before_ranges_is_replayed(service: Service, url: str) -> None:
    """Its event has a lead without the new fields, and its versions no calibration."""
    case = json.loads(report_incident(service, a_report(), actor="test").body)["id"]
    with as_superuser(url) as superuser:
        for gone in ('"range":null,"range_reason":"no-calibration",', '"calibration":null,'):
            changed = superuser.execute("update incident_event set body = replace(body, %s, '') where incident_id = %s "
                                        "and body like %s", [gone, case, f"%{gone}%"])  # fmt: skip
            assert changed.rowcount == 1
        superuser.execute("update incident set versions = versions - 'calibration' where id = %s", [case])
    told = replay(service, UUID(case))
    assert (told.differs, told.tampered) == ((), ())


def test_a_lead_that_is_not_free_has_no_range_and_is_replayed(service: Service) -> None:
    live_through(service, slow_past(200))
    first = json.loads(report_incident(service, a_report(0.5, "noise"), actor="test").body)
    calibration.calibrate(service, actor="test")
    with service.database.transaction() as connection:
        connection.execute(text("update team set on_duty = false where district = :d"), {"d": DISTRICT})
    told = json.loads(report_incident(service, a_report(0.5, "noise"), actor="test").body)
    assert first["urgency"] == "routine"
    if lead(told) is not None and lead(told)["travel_s"] is None:
        assert (lead(told)["range"], lead(told)["range_reason"]) == (None, "no-travel-time")
    assert replay(service, UUID(told["id"])).same


def test_what_is_no_trip_is_left_out_and_counted(service: Service) -> None:
    good = slow_past(100)
    n = 200
    odd = [
        past(n + 1, km=1.0, took_s=200, drill=True),
        past(n + 2, km=1.0),
        past(n + 3, km=1.0, took_s=0),
        past(n + 4, km=1.0, took_s=-30),
        past(n + 5, km=1.0, took_s=7300, until=BEGIN + timedelta(hours=4 * n + 24)),
        past(n + 10, km=15.0, took_s=30),
        past(n + 11, took_s=20, geom=f"SRID=4326;POINT({119.6 + toy.KM['sq-a1'] / 100!r} 29.1)"),
        # 20 minutes after it was cleared elsewhere
        past(n + 12, km=3.0, took_s=200, until=BEGIN + timedelta(hours=4 * n + 51.7)),
        past(n + 13, km=3.0, took_s=200),
        # on two cases at once, by stamps given afterwards
        past(n + 20, km=3.0, team="sq-a2", took_s=300),
        past(n + 20, km=4.0, team="sq-a2", took_s=300),
        # a routine case engages nobody
        past(n + 21, km=4.0, team="sq-a2", took_s=300, engaging=False),
    ]
    live_through(service, good + odd)
    told = calibration.calibrate(service, actor="test", dry_run=True)
    assert told["left_out"] == {
        "drill": 1, "no-stamp": 1, "not-positive": 2, "too-long": 1, "too-fast": 1, "overlap": 2, "start-unknown": 1,
        "no-distance": 1,
    }  # fmt: skip
    assert told["recorded"] == 100 + 11
    assert told["trips"] == 101


def test_a_known_position_is_where_a_trip_starts(service: Service, url: str) -> None:
    (pair,) = [past(1, km=6.0, took_s=300)]
    live_through(service, [pair])
    left = pair[1]["en_route_at"]
    with as_superuser(url) as superuser:
        superuser.execute("create table team_position_then partition of team_position for values from ('2026-01-01') "
                          "to ('2026-02-01')")  # fmt: skip
        for before_s, km, accuracy_m in ((300, 1.0, 5.0), (40, 4.0, 5.0), (10, 9.0, 900.0)):
            superuser.execute(
                "insert into team_position (district, team_id, at, geom, accuracy_m) "
                "values (%s, %s, %s, st_setsrid(st_makepoint(%s, 29.1), 4326), %s)",
                [DISTRICT, pair[1]["team_id"], left - timedelta(seconds=before_s), 119.6 + km / 100, accuracy_m],
            )
    with service.database.transaction() as connection:
        (trip,) = list_trips(connection, DISTRICT, None, None)
        assert list_trips(connection, DISTRICT, BEGIN + timedelta(days=30), None) == []
    assert trip.start_lon == pytest.approx(119.64)
    assert trip.start_lat == pytest.approx(29.1)
    assert trip.on_scene_at is not None
    assert trip.en_route_at is not None
    assert trip.on_scene_at - trip.en_route_at == timedelta(seconds=300)


def as_export(pairs: Any) -> Any:
    """Write cases of the past as the rows of another system's export."""
    local = timezone(timedelta(hours=8))
    for incident, engagement in pairs:
        lon = float(incident["geom"].partition("(")[2].split()[0])
        stamps = {"received": incident["reported_at"], "dispatched": engagement["since"],
                  "en_route": engagement["en_route_at"], "on_scene": engagement["on_scene_at"],
                  "cleared": engagement["until"]}  # fmt: skip
        told: dict[str, Any] = {name: f"{at.astimezone(local).replace(tzinfo=None)}" for name, at in stamps.items()}
        name = next(name for name, each in TEAM_IDS.items() if UUID(each) == engagement["team_id"])
        yield row(str(incident["id"]), f" {name.upper()}", 1, lon=repr(lon), class_="land", **told)


def test_imported_trips_of_known_teams_give_what_the_same_live_ones_give(service: Service, tmp_path: Path) -> None:
    """Also four trips of teams that are none of the district, three of places outside, and one of a drill."""
    pairs = slow_past(200)
    strangers = [row(f"s{n}", "E32", n + 1) for n in range(4)]
    outside = [row(f"o{n}", "sq-a1", n + 1, 900.0) for n in range(3)]
    load(service, written(tmp_path, [*as_export(pairs), *strangers, *outside, row("d", "sq-a1", 9, kind="drill")]))
    alone = calibration.calibrate(service, actor="test", dry_run=True)
    assert (alone["recorded"], alone["recorded_imported"], alone["outcome"]) == (0, 0, "too-few")
    imported = calibration.calibrate(service, actor="test", imported=True, dry_run=True)
    assert imported["starts"] == {"imported-station": 200}
    assert imported["left_out"] == {"drill": 1, "team-unknown": 4}
    assert (imported["recorded"], imported["recorded_imported"]) == (205, 205)
    live_through(service, pairs)
    live = calibration.calibrate(service, actor="test", dry_run=True)
    assert live["starts"] == {"station": 200}
    for name in ("outcome", "trips", "factors", "start_s", "hours", "level", "calibrated"):
        assert imported[name] == live[name], name


def test_a_worse_fit_is_refused_and_what_was_in_force_stays(service: Service) -> None:
    live_through(service, slow_past(200))
    first = calibration.calibrate(service, actor="test")
    # since then the road is as fast as the network says: the latest quarter shows it
    live_through(service, slow_past(80, factor=1.0, seed=3, first=200))
    told = calibration.calibrate(service, actor="test")
    assert (told["outcome"], told["in_force"], told["calibration"], told["level"]) == (
        "worse",
        False,
        None,
        "uncalibrated",
    )
    assert told["before"] == first["calibration"]
    # what is in force is judged on the trips after its own, half as long as it says
    assert told["before_since"]["trips"] == told["uncalibrated_since"]["trips"] == 80
    assert told["before_since"]["mae_s"] > 2 * told["uncalibrated_since"]["mae_s"]
    assert told["before_since"]["coverage"] < 0.2
    assert recommend(service, a_report())["versions"]["calibration"] == first["calibration"]
    # of the latest alone there are enough
    since = BEGIN + timedelta(hours=4 * 200)
    assert calibration.calibrate(service, actor="test", since=since)["recorded"] == 80
    gone = calibration.withdraw(service, actor="test")
    assert gone["before"] is not None
    assert lead(recommend(service, a_report()))["range_reason"] == "no-calibration"
    with pytest.raises(NotFound):
        calibration.withdraw(service, actor="test")
    with service.database.transaction() as connection:
        kinds = connection.scalars(text("select kind from incident_event where incident_id is null")).all()
    assert kinds.count("calibration") >= 2


def test_as_a_person_runs_it(service: Service, url: str, tmp_path: Path) -> None:
    live_through(service, slow_past(200))
    environment = {key: value for key, value in os.environ.items() if not key.startswith("GRIDSVC_")}
    environment |= {"GRIDSVC_DATABASE_URL": url, "GRIDSVC_DATA": str(tmp_path)}

    def run(*words: Any, code: Any = 0) -> Any:
        done = subprocess.run(
            [sys.executable, "-m", "gridsvc", *words], env=environment, capture_output=True, text=True
        )
        assert done.returncode == code, done.stderr
        assert "Traceback" not in done.stderr
        return done.stdout if code == 0 else done.stderr

    place = ("recommend", "--type", "leak", "119.63", "29.1001")
    assert "Range: none; no trips were recorded" in run(*place)
    tried = json.loads(run("roads", "calibrate", "--dry-run", "--json"))
    assert (tried["outcome"], tried["in_force"]) == ("fitted", False)
    shown = run("roads", "calibrate")
    assert "200 recorded trips, 200 fit for fitting" in shown
    assert "Better than the network alone" in shown
    assert tried["calibration"][:12] in shown
    assert tried["calibration"][:12] in run("roads", "show")
    words = run(*place)
    assert "Range: half by" in words
    assert tried["calibration"][:12] in words
    assert "offset" in run("roads", "calibrate", "--since", "2026-01-01", code=3)
    assert "no longer in force" in run("roads", "calibrate", "--withdraw")
    assert "Too few trips" in run("roads", "calibrate", "--since", "2026-02-01T00:00:00+08:00")


def test_what_is_in_force_is_shown(service: Service) -> None:
    with pytest.raises(NotFound, match="roads calibrate"):
        calibration.get_calibration(service)
    live_through(service, slow_past(200))
    made = calibration.calibrate(service, actor="test")
    told = calibration.get_calibration(service)
    assert (told["district"], told["version"], told["factors"]) == (DISTRICT, made["calibration"], made["factors"])
    assert told["evidence"]["calibrated"] == made["calibrated"]
    assert told["evidence"]["starts"] == {"station": 200}

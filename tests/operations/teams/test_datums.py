"""The datum of teams' positions: a shifted stream is marked and goes on, until a person decides on it (R20)."""

from __future__ import annotations

import json
import re
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid4

import numpy as np
import pytest

from gridsvc.cases.decide import Report
from gridsvc.coordinates import Datum, from_wgs84
from gridsvc.db.grids.versions import get_clock
from gridsvc.db.jobs import due, jobs
from gridsvc.db.teams import list_changed_states
from gridsvc.errors import Conflict, InvalidInput, NotFound
from gridsvc.operations.cases.preview import recommend
from gridsvc.operations.evidence.verify import verify
from gridsvc.operations.jobs import schedule
from gridsvc.operations.jobs.jobs import run_attempt
from gridsvc.operations.runtime import doctor
from gridsvc.operations.teams import datums, fleet
from gridsvc.operations.teams.positions import SentPosition, put_position, put_positions
from tests.worlds.district import DISTRICT, TEAM_IDS, as_superuser, report

if TYPE_CHECKING:
    from gridsvc.operations.runtime.service import Service

ONE, TWO = TEAM_IDS["sq-a1"], TEAM_IDS["sq-a2"]


def drive(service: Service, team: str, sent_in: Datum, *, minutes_ago: float = 0.0, named: str = "WGS-84") -> None:
    """Send what a device reports of a drive of 12 km along the district's one road: a position every 10 s."""
    now = service.database.run(get_clock) - timedelta(minutes=minutes_ago)
    lon = np.linspace(119.6, 119.72, 120)
    lat = 29.1 + np.random.default_rng(1).normal(0, 4e-5, 120)
    there = from_wgs84(lon, lat, sent_in)
    times = [now - timedelta(seconds=10 * n) for n in reversed(range(120))]
    rows = [SentPosition(team, x, y, at, named) for x, y, at in zip(*map(np.ndarray.tolist, there), times, strict=True)]
    assert put_positions(service, rows).rejected == {}


def shown(service: Service, team: str) -> dict[str, Any]:
    return next(each for each in fleet.list_fleet(service)["items"] if each["id"] == team)


def suspect_datum(service: Service, team: str) -> str | None:
    """What a decision that uses the position of a team sees."""
    with service.database.transaction() as connection:
        return list_changed_states(connection, DISTRICT, get_clock(connection))[team].suspect_datum


def events(service: Service, *kinds: str) -> list[dict[str, Any]]:
    with as_superuser(service.database.url) as connection:
        rows = connection.execute("select body from incident_event where kind = any(%s) order by id", [list(kinds)])
        return [json.loads(body) for (body,) in rows]


def findings(service: Service) -> list[dict[str, Any]]:
    return [each for each in doctor.diagnose(service.folder, lambda: service) if each["check"].startswith("positions")]


def test_a_shifted_stream_is_marked_and_an_honest_one_is_not(service: Service) -> None:
    drive(service, ONE, Datum.GCJ02)
    drive(service, TWO, Datum.WGS84)
    assert datums.check_district(service, DISTRICT) == {"shifted": 1, "fitting": 1, "unclear": len(TEAM_IDS) - 2}
    team = shown(service, ONE)
    shift = team["datum_shift"]
    assert (team["datum"], shift["declared"], shift["likely"]) == ("WGS-84", "WGS-84", "GCJ-02")
    # the road is straight, from west to east: of the shift only the part across it can be measured
    assert shift["north_m"] == pytest.approx(-311, abs=25)
    assert shift["as_declared_m"] == pytest.approx(311, abs=25)
    assert shift["best_m"] < 10
    assert shown(service, TWO)["datum_shift"] is None
    assert [each["data"]["team_id"] for each in events(service, "datum-suspected")] == [ONE]
    datums.check_district(service, DISTRICT)
    assert len(events(service, "datum-suspected")) == 1  # the same again is no news


def test_a_suspect_stream_goes_on_and_is_marked_in_what_uses_it(service: Service) -> None:
    drive(service, ONE, Datum.GCJ02)
    datums.check_district(service, DISTRICT)
    for team in fleet.list_fleet(service)["items"]:
        if team["unit"] == "bureau" and team["id"] != ONE:
            fleet.set_duty(service, UUID(team["id"]), on_duty=False, actor="test")
    answer: Any = recommend(service, Report(type="leak", lon=119.7245, lat=29.1001))
    lead = answer["recommendation"]["lead"]
    assert (lead["team_id"], lead["suspect_datum"]) == (ONE, "GCJ-02")
    assert not any("suspect_datum" in each for each in answer["recommendation"]["members"])


def test_a_decision_converts_what_arrives_from_then_on(service: Service) -> None:
    drive(service, ONE, Datum.GCJ02)
    datums.check_district(service, DISTRICT)
    before = shown(service, ONE)["position"]
    done = json.loads(datums.decide(service, UUID(ONE), "gcj02", reason="an Amap tracker", actor="Li Wei").body)
    assert (done["team_id"], done["datum"]) == (ONE, "GCJ-02")
    team = shown(service, ONE)
    assert (team["datum"], team["datum_shift"]) == ("GCJ-02", None)
    assert team["position"] == before  # the past is not written again,
    assert suspect_datum(service, ONE) == "GCJ-02"  # so that what uses it is marked until the next position
    east, north = from_wgs84(119.65, 29.11, Datum.GCJ02)
    for named, sent in (("WGS-84", (east, north)), ("GCJ-02", (east, north)), ("CGCS2000", (east, north))):
        stored = put_position(service, SentPosition(ONE, *sent, datum=named))
        assert [stored.lon, stored.lat] == pytest.approx([119.65, 29.11], abs=1e-8)
    stored = put_position(service, SentPosition(ONE, *from_wgs84(119.65, 29.11, Datum.BD09), datum="BD-09"))
    assert stored.lon == pytest.approx(119.65, abs=1e-8)  # at its word
    assert suspect_datum(service, ONE) is None
    other = put_position(service, SentPosition(TWO, 119.65, 29.11))
    assert other.lon == 119.65
    (event,) = events(service, "team-datum")
    assert (event["actor"], event["data"]["datum"], event["data"]["before"]) == ("Li Wei", "GCJ-02", "WGS-84")
    assert event["data"]["fit"]["likely"] == "GCJ-02"
    assert "Amap" not in json.dumps(event)  # the reason may be erased


def test_after_a_decision_only_what_arrived_since_is_compared(service: Service) -> None:
    drive(service, ONE, Datum.GCJ02, minutes_ago=40)
    datums.decide(service, UUID(ONE), "gcj02", actor="Li Wei")
    assert datums.check_district(service, DISTRICT) == {"unclear": len(TEAM_IDS)}
    drive(service, ONE, Datum.GCJ02)
    assert datums.check_district(service, DISTRICT)["fitting"] == 1
    assert shown(service, ONE)["datum_shift"] is None


def test_a_device_that_was_put_right_after_the_decision_is_found(service: Service) -> None:
    datums.decide(service, UUID(ONE), "gcj02", actor="Li Wei")
    drive(service, ONE, Datum.WGS84)
    assert datums.check_district(service, DISTRICT)["shifted"] == 1
    shift = shown(service, ONE)["datum_shift"]
    assert (shift["declared"], shift["likely"]) == ("GCJ-02", "WGS-84")
    assert shift["north_m"] == pytest.approx(311, abs=25)
    datums.decide(service, UUID(ONE), "WGS-84", actor="Li Wei")
    drive(service, ONE, Datum.WGS84)
    assert datums.check_district(service, DISTRICT)["fitting"] == 1


def test_a_stream_that_fits_again_is_no_longer_marked(service: Service) -> None:
    drive(service, ONE, Datum.GCJ02, minutes_ago=60 * 47)
    datums.check_district(service, DISTRICT)
    assert shown(service, ONE)["datum_shift"] is not None
    with as_superuser(service.database.url) as connection:  # those two days pass
        connection.execute("update team_position set at = at - interval '2 h'")
    assert datums.check_district(service, DISTRICT) == {"unclear": len(TEAM_IDS)}
    assert shown(service, ONE)["datum_shift"] is not None  # a team that stands still stays marked
    drive(service, ONE, Datum.WGS84)
    datums.check_district(service, DISTRICT)
    assert shown(service, ONE)["datum_shift"] is None
    assert [each["kind"] for each in events(service, "datum-suspected", "datum-fits")] == [
        "datum-suspected",
        "datum-fits",
    ]


def test_the_job_looks_at_every_district_each_hour(service: Service) -> None:
    schedule.ensure_standing(service)
    drive(service, ONE, Datum.GCJ02)
    job = service.database.run(lambda c: jobs.add_job(c, "team-datums", {}, asked_by="test"))
    held = service.database.run(lambda c: jobs.claim_job(c, "here"))
    assert held is not None
    assert run_attempt(service, job.id, held.attempt)
    with service.database.transaction() as connection:
        assert jobs.get_job(connection, job.id).result == {"shifted": 1, "unclear": len(TEAM_IDS) - 1}
        assert [each.kind for each in due.list_due(connection, kind="team-datums")] == ["team-datums"]
    assert shown(service, ONE)["datum_shift"]["likely"] == "GCJ-02"


def test_doctor_names_the_team_the_shift_and_the_cure(service: Service) -> None:
    assert findings(service) == []
    drive(service, ONE, Datum.GCJ02)
    drive(service, TWO, Datum.GCJ02)
    datums.check_district(service, DISTRICT)
    (finding,) = findings(service)
    assert finding["state"] == "bad"
    assert re.search(r"sq-a1 reports positions \d+ m east and \d+ m south of where it is", finding["found"])
    assert "1 more" in finding["found"]
    assert finding["cure"].endswith(f"gridsvc teams datum sq-a1 gcj02 --district {DISTRICT}")


def test_a_decision_is_evidence_and_an_edit_by_hand_is_found(service: Service) -> None:
    report(service)
    datums.decide(service, UUID(ONE), "gcj02", reason="an Amap tracker", actor="Li Wei")
    assert all(each.holds for each in verify(service))
    with as_superuser(service.database.url) as connection:
        connection.execute("update team set datum = 'BD-09' where id = %s", [ONE])
    assert not all(each.holds for each in verify(service))


def test_wrong_decisions_are_refused(service: Service) -> None:
    with pytest.raises(InvalidInput, match="Use WGS-84, CGCS2000, GCJ-02 or BD-09"):
        datums.decide(service, UUID(ONE), "mercator", actor="Li Wei")
    with pytest.raises(NotFound):
        datums.decide(service, uuid4(), "gcj02", actor="Li Wei")
    fleet.retire(service, UUID(ONE), actor="Li Wei")
    with pytest.raises(Conflict, match="retired"):
        datums.decide(service, UUID(ONE), "gcj02", actor="Li Wei")
    assert events(service, "team-datum") == []

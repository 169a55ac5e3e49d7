"""Clocks that are an hour off: a client's, and that of the machine on which a process of the service runs."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any
from uuid import UUID

import pytest
from sqlalchemy import text

from gridsvc.cases.decide import Report
from gridsvc.db.evidence import sealing
from gridsvc.db.session import ids
from gridsvc.errors import InvalidInput
from gridsvc.operations.cases import read
from gridsvc.operations.cases.report import report_incident
from gridsvc.operations.cases.steps import Step, step_incident
from gridsvc.operations.evidence import erasure, verify
from gridsvc.operations.evidence.replay import replay
from gridsvc.operations.runtime import doctor
from tests.faults import clock
from tests.worlds.district import as_superuser, open_toy, report, scalar, scratch_database

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from gridsvc.db.cluster.embedded import EmbeddedCluster
    from gridsvc.operations.runtime.service import Service

HOUR = timedelta(hours=1)


@pytest.fixture
def service(cluster: EmbeddedCluster, tmp_path: Path) -> Iterator[Service]:
    with scratch_database(cluster) as url:
        service = open_toy(url, tmp_path)
        yield service
        service.database.close()


def clock_of(service: Service) -> datetime:
    with service.database.transaction() as connection:
        found: datetime = connection.scalar(text("select clock_timestamp()"))
        return found


def told(service: Service, case: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = read.list_case_events(service, UUID(case))["items"]
    return found


def step(service: Service, case: str, word: str, **more: Any) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(step_incident(service, UUID(case), Step(word, **more), actor="test").body)
    return found


def chain_holds(service: Service) -> None:
    sealing.seal_all(service.database)
    assert [each.wrong for each in verify.verify(service)] == [None]


@pytest.mark.parametrize("off", [HOUR, -HOUR], ids=["ahead", "behind"])
def test_a_report_by_a_clock_an_hour_off_is_taken_and_both_clocks_are_kept(service: Service, off: timedelta) -> None:
    before = clock_of(service)
    said = before + off
    answer = json.loads(
        report_incident(service, Report(type="leak", lon=119.61, lat=29.1001, reported_at=said), actor="t").body
    )
    triggered = datetime.fromisoformat(answer["triggered_at"])
    assert before <= triggered <= clock_of(service)  # what counts is the database's
    counted = datetime.fromisoformat(answer["reported_at"])
    assert counted == (triggered if off > timedelta() else said)  # nothing was reported after it came in
    (event,) = told(service, answer["id"])
    assert datetime.fromisoformat(event["client_at"]) == said
    assert datetime.fromisoformat(event["at"]) == triggered
    chain_holds(service)


@pytest.mark.parametrize("off", [25 * HOUR, -400 * 24 * HOUR], ids=["ahead", "behind"])
def test_r10_a_report_by_an_impossible_clock_is_refused_only_for_a_routine_case(
    service: Service, off: timedelta
) -> None:
    said = clock_of(service) + off
    place: dict[str, Any] = {"lon": 119.61, "lat": 29.1001, "reported_at": said}
    with pytest.raises(InvalidInput, match="`reported_at`"):
        report_incident(service, Report(type="noise", **place), actor="t")
    answer = json.loads(report_incident(service, Report(type="leak", **place), actor="t").body)
    assert answer["reported_at"] == answer["triggered_at"]
    assert answer["unknown"] == [{"what": "reported_at", "reason": "wrong-clock"}]
    assert datetime.fromisoformat(told(service, answer["id"])[0]["client_at"]) == said
    chain_holds(service)


@pytest.mark.parametrize("off", [HOUR, -HOUR], ids=["ahead", "behind"])
def test_r10_a_step_by_a_wrong_clock_is_taken_as_of_now_for_an_emergency(service: Service, off: timedelta) -> None:
    case = report(service)
    before = clock_of(service)
    answer = step(service, case, "accept", at=before + off)
    assert before <= datetime.fromisoformat(answer["accepted_at"]) <= clock_of(service)
    event = told(service, case)[-1]
    assert event["data"]["corrected"] is True
    assert datetime.fromisoformat(event["client_at"]) == before + off
    chain_holds(service)


def test_a_step_of_a_routine_case_by_a_wrong_clock_is_refused_with_the_cure(service: Service) -> None:
    case = report(service, "noise")
    with pytest.raises(InvalidInput) as refused:
        step(service, case, "accept", at=clock_of(service) + HOUR)
    assert "leave `at` out" in refused.value.detail
    with pytest.raises(InvalidInput, match="before the case"):
        step(service, case, "accept", at=clock_of(service) - HOUR)
    assert step(service, case, "accept")["status"] == "accepted"
    chain_holds(service)


def test_a_late_stamp_is_marked_and_moves_nothing_in_the_chain(service: Service) -> None:
    """The officer's telephone had no net: his stamp is of before, its place in the chain is of now."""
    case = report(service)
    step(service, case, "accept")
    at = clock_of(service) - timedelta(microseconds=1)
    time.sleep(1.1)
    step(service, case, "cancel", at=at)
    chain_holds(service)
    events = told(service, case)
    assert [each["kind"] for each in events] == ["report", "accept", "cancel"]
    first = events[0]["position"]
    assert [each["position"] for each in events] == [first, first + 1, first + 2]
    assert events[2]["data"]["backfilled"] is True
    assert datetime.fromisoformat(events[2]["client_at"]) == at


@pytest.mark.parametrize("off", [HOUR, -HOUR], ids=["ahead", "behind"])
def test_a_process_whose_machine_is_an_hour_off_leaves_the_order_of_events_alone(
    service: Service, monkeypatch: pytest.MonkeyPatch, off: timedelta
) -> None:
    """One process reports, the other one, elsewhere, steps: what a case is told by stands in its order."""
    case = report(service)
    with monkeypatch.context() as elsewhere:
        wrong = SimpleNamespace(time_ns=lambda: time.time_ns() + off // timedelta(microseconds=1) * 1000)
        elsewhere.setattr(ids, "time", wrong)
        step(service, case, "accept")
        second = report(service)
    step(service, case, "cancel")
    step(service, second, "cancel")
    chain_holds(service)
    assert [each["kind"] for each in told(service, case)] == ["report", "accept", "cancel"]
    assert [each["kind"] for each in told(service, second)] == ["report", "cancel"]
    for event in told(service, case):
        assert abs(datetime.fromisoformat(event["at"]) - datetime.now(UTC)) < timedelta(minutes=5)


def test_a_sealer_whose_machine_is_an_hour_ahead_seals_all_the_same(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    report(service)
    wrong = SimpleNamespace(time=lambda: time.time() + 3600, monotonic=time.monotonic)
    monkeypatch.setattr(sealing, "time", wrong)
    with service.database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        assert sealing.may_seal(connection)
        term, sealed, until = sealing.Term(), 0, time.monotonic() + 10
        while sealed < 2 and time.monotonic() < until:
            sealed += sealing.seal_waiting(connection, term)
            if sealed == 1:
                report(service)
            time.sleep(0.05)
        connection.invalidate()
    monkeypatch.undo()
    chain_holds(service)
    assert sealed >= 2


def test_doctor_names_clocks_that_differ(service: Service) -> None:
    facts: Any = SimpleNamespace(now=clock_of(service))
    assert doctor._clock(facts, facts.now)["state"] == "ok"
    finding = doctor._clock(facts, facts.now + HOUR)
    assert finding["state"] == "bad"
    assert "NTP" in finding["cure"]


def test_ids_for_one_moment_sort_in_the_order_of_their_making() -> None:
    at = datetime(2026, 3, 1, 4, 41, 0, 123456, tzinfo=UTC)
    made = [ids.uuid7(at) for _ in range(20)]
    assert made == sorted(made)
    assert {each.version for each in made} == {7}
    later = ids.uuid7(at + timedelta(milliseconds=1))
    assert made[-1] < later
    # RFC 9562: the first 48 bits are the milliseconds since 1970.
    assert made[0].int >> 80 == int(at.timestamp() * 1000)


@pytest.fixture
def set_clock(service: Service) -> Iterator[Callable[[timedelta], None]]:
    """Set the database's clock for the sessions that begin afterwards."""
    with as_superuser(service.database.url) as superuser:
        clock.install_clock(superuser)

        def set_to(offset: timedelta) -> None:
            clock.set_clock(superuser, offset)
            service.database.close()

        yield set_to


def test_the_databases_clock_steps_back_and_forward_and_all_holds(
    service: Service, set_clock: Callable[[timedelta], None]
) -> None:
    running, routine = report(service), report(service, "noise")
    sent = step(service, running, "assign")["assignments"][0]["team_id"]
    begun = clock_of(service)
    set_clock(-HOUR)
    assert clock_of(service) < begun - HOUR / 2
    for word in ("acknowledge", "en_route", "on_scene"):
        step(service, running, word, team_id=UUID(sent))
    whole = report(service)
    step(service, whole, "assign")
    step(service, routine, "accept", note="desk 4")
    chain_holds(service)
    set_clock(timedelta())
    for word in ("handle", "feedback", "archive"):
        step(service, running, word, note="nothing found")
    step(service, whole, "cancel")
    erasure.erase(service, routine)
    chain_holds(service)
    for case in (running, whole, routine):
        times = [datetime.fromisoformat(each["at"]) for each in told(service, case)]
        assert times == sorted(times)
        assert replay(service, UUID(case)).same


def test_events_whose_times_go_back_hold_in_the_order_of_their_seals(service: Service) -> None:
    """As versions before wrote them: a clock that was set back between two steps, each sealed at once."""
    case = report(service)
    chain_holds(service)
    step(service, case, "accept")
    chain_holds(service)
    step(service, case, "cancel")
    with as_superuser(service.database.url) as superuser:
        superuser.execute("create temp table waiting as select * from incident_event where kind = 'cancel'")
        at = scalar(superuser, "select at - interval '1 h' from waiting")
        body = scalar(superuser, "select body from waiting").replace(
            scalar(superuser, "select body::jsonb ->> 'at' from waiting"), at.astimezone(UTC).isoformat()
        )
        superuser.execute("update incident_event set at = %s, body = %s where kind = 'cancel'", [at, body])
        superuser.execute("update incident set cancelled_at = %s", [at])
    chain_holds(service)

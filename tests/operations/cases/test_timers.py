"""Steps that take too long: warned of, escalated, proposed as cards, decided by a person, each once (R14)."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import event, text

from gridsvc.db.cases import alerts
from gridsvc.db.evidence import events
from gridsvc.db.evidence.sealing import seal_all
from gridsvc.errors import Conflict, InvalidInput, NotFound
from gridsvc.operations.cases import timers
from gridsvc.operations.cases.steps import Step, step_incident
from gridsvc.operations.evidence import verify
from tests.worlds.district import DISTRICT, as_superuser, load_toy, report

if TYPE_CHECKING:
    from gridsvc.operations.runtime.service import Service

CHINA = ZoneInfo("Asia/Shanghai")


def rules(service: Service, *given: Any) -> None:
    listed = [
        {"step": step, "urgency": urgency, "warn_s": w, "limit_s": x, "again_s": a} | more
        for step, urgency, w, x, a, more in given
    ]
    timers.put_timers(service, DISTRICT, {"rules": listed}, actor="test")


def grow_old(url: str, case: str, seconds: float) -> None:
    """Let a case have been reported so long ago, and its alerts with it, as if the clock had moved on."""
    with as_superuser(url) as superuser:
        for table, column, key in (("incident", "triggered_at", "id"), ("alert", "since", "incident_id")):
            superuser.execute(
                f"update {table} set {column} = {column} - make_interval(secs => %s) where {key} = %s", [seconds, case]
            )


def look(service: Service) -> int:
    service.cache.forget("timers-looked")
    return timers.raise_alerts(service)


def alerts_of(service: Service, case: str) -> list[dict[str, Any]]:
    with service.database.transaction() as connection:
        raised = alerts.list_alerts(connection, DISTRICT, [UUID(case)]).get(UUID(case), [])
    return [each.as_json() for each in raised]


def test_districts_without_open_cases_cost_nothing(service: Service) -> None:
    """A look of each second is one transaction, and one more for each district that has something to wait for."""
    begun: list[object] = []
    event.listen(service.database.engine, "begin", begun.append)

    def count() -> int:
        begun.clear()
        look(service)
        return len(begun)

    for code in ("330704", "330705", "330706"):
        load_toy(service, code)
    assert count() == 1
    report(service)  # of the lowest code: the districts are at one place
    look(service)  # its rules are written down once
    assert count() == 2


def test_a_case_is_warned_of_and_escalated_level_by_level(service: Service, url: str) -> None:
    rules(service, ("accept", "emergency", 30, 60, 60, {}))
    case = report(service)
    assert look(service) == 0
    grow_old(url, case, 31)
    assert look(service) == 1
    assert look(service) == 0
    grow_old(url, case, 30)
    look(service)
    grow_old(url, case, 60)
    look(service)
    found = alerts_of(service, case)
    assert [(a["kind"], a["level"]) for a in found] == [
        ("warning", "village"),
        ("escalation", "area"),
        ("escalation", "township"),
    ]
    assert {a["step"] for a in found} == {"accept"}


def test_after_a_long_silence_all_ranks_are_sounded_and_the_district_is_the_last(service: Service, url: str) -> None:
    rules(service, ("accept", "emergency", 30, 60, 60, {}))
    case = report(service)
    grow_old(url, case, 86_400)
    look(service)
    assert [a["level"] for a in alerts_of(service, case)] == ["village", "area", "township", "regional", "district"]


def test_a_step_ends_its_timer_and_begins_the_next(service: Service, url: str) -> None:
    rules(service, ("accept", "emergency", 30, 60, 60, {}), ("assign", "emergency", 30, 60, 60, {}))
    case = report(service)
    step_incident(service, UUID(case), Step("accept"), actor="test")
    grow_old(url, case, 1000)
    assert look(service) == 0


def ordered(service: Service, minutes: float) -> tuple[str, dict[str, bool]]:
    """A case that was reported so long ago and ordered now; its teams, with whether each leads."""
    case = report(service, reported_at=datetime.now(UTC) - timedelta(minutes=minutes))
    step_incident(service, UUID(case), Step("assign"), actor="test")
    with service.database.transaction() as connection:
        sent = connection.execute(
            text("select team_id::text, lead from engagement where incident_id = :c and engaging"), {"c": case}
        )
        return case, {row[0]: row[1] for row in sent}


def test_an_arrival_is_overdue_when_the_response_is_late_by_its_clock_policy(service: Service) -> None:
    """The default timers give 300 s from the order; the target of 300 s is from the report."""
    late, early = ordered(service, 6)[0], ordered(service, 2)[0]
    look(service)
    (warning, escalation) = alerts_of(service, late)
    assert (warning["rank"], escalation["rank"], escalation["step"]) == (0, 1, "on_scene")
    assert alerts_of(service, early) == []
    with service.database.transaction() as connection:
        due_at = connection.scalar(text("select due_at from incident where id = :c"), {"c": late})
    assert datetime.fromisoformat(escalation["limit_at"]) == due_at
    assert [each.wrong for each in verify.verify(service)] == [None]


def test_only_the_arrival_that_stops_the_clock_ends_the_wait_for_it(service: Service) -> None:
    case, teams = ordered(service, 6)
    member = next(team for team, lead in teams.items() if not lead)
    step_incident(service, UUID(case), Step("on_scene", UUID(member)), actor="test")
    step_incident(service, UUID(case), Step("handle"), actor="test")
    look(service)
    assert [each["step"] for each in alerts_of(service, case)] == ["on_scene", "on_scene"]
    lead = next(team for team, lead in teams.items() if lead)
    step_incident(service, UUID(case), Step("on_scene", UUID(lead)), actor="test")
    with service.database.transaction() as connection:
        (waits,) = alerts.list_awaiting(connection, DISTRICT, ["emergency"])
    assert (waits.step, waits.due_at) == ("feedback", None)


def test_a_case_that_waits_past_its_target_for_an_order_is_overdue_at_once(service: Service, url: str) -> None:
    rules(service, ("accept", "emergency", 3600, 7200, 60, {}))
    case = report(service, reported_at=datetime.now(UTC) - timedelta(minutes=6))
    look(service)
    assert [(each["rank"], each["step"]) for each in alerts_of(service, case)] == [(0, "accept"), (1, "accept")]
    grow_old(url, case, 61)
    look(service)
    assert [each["rank"] for each in alerts_of(service, case)] == [0, 1, 2]


def test_many_that_look_at_once_sound_each_alert_once(service: Service, url: str) -> None:
    rules(service, ("accept", "emergency", 30, 60, 60, {}))
    for _ in range(3):
        grow_old(url, report(service), 3600)
    with ThreadPoolExecutor(6) as crowd:
        sounded = list(crowd.map(lambda _: timers.raise_alerts(service), range(12)))
    assert sum(sounded) == 15
    with service.database.transaction() as connection:
        assert (
            connection.scalar(text("select count(*) from incident_event where kind in ('warning','escalation')")) == 15
        )


def test_alerts_are_events_of_the_chain(service: Service, url: str) -> None:
    rules(service, ("accept", "emergency", 30, 60, 60, {}))
    case = report(service)
    with service.database.transaction() as connection:
        before = timers.timers_of(service, connection, DISTRICT).version
    rules(service, ("accept", "emergency", 0.001, 0.002, 3600, {}))
    look(service)
    seal_all(service.database)
    assert [r.wrong for r in verify.verify(service)] == [None]
    with service.database.transaction() as connection:
        happened = [json.loads(b) for b, _ in events.list_incident_events(connection, DISTRICT, UUID(case))]
    escalated = [e for e in happened if e["kind"] == "escalation"]
    assert escalated[0]["data"]["timers"] != before
    assert escalated[0]["actor"] == "gridsvc"


def test_an_overdue_routine_case_gets_cards_that_wait_for_a_person(service: Service, url: str) -> None:
    rules(service, ("accept", "routine", 1, 2, 1e6, {"cards_s": [0, 10, 1e8]}))
    case = report(service, "noise")
    grow_old(url, case, 14 * 86_400)
    look(service)
    found = timers.list_proposals(service)["items"]
    assert sorted(p["kind"] for p in found) == ["orange-card", "yellow-card"]
    assert all(p["decision"] is None and p["incident_id"] == case for p in found)
    assert look(service) == 0


def test_r16_a_proposal_says_whether_its_case_is_a_drill_also_after_the_drill(service: Service, url: str) -> None:
    rules(service, ("accept", "routine", 1, 2, 1e6, {"cards_s": [0, 1e8, 1e8]}))
    drill, live = report(service, "noise", drill=True), report(service, "noise")
    for case in (drill, live):
        grow_old(url, case, 14 * 86_400)
    look(service)
    step_incident(service, UUID(drill), Step("cancel"), actor="test")
    assert {each["incident_id"]: each["drill"] for each in timers.list_proposals(service)["items"]} == {
        drill: True,
        live: False,
    }


def proposed(service: Service, url: str) -> UUID:
    rules(service, ("accept", "routine", 1, 2, 1e6, {"cards_s": [0, 1e8, 1e8]}))
    grow_old(url, report(service, "noise"), 14 * 86_400)
    look(service)
    return UUID(timers.list_proposals(service)["items"][0]["id"])


def test_a_decision_is_a_persons_and_is_made_once(service: Service, url: str) -> None:
    card = proposed(service, url)
    answer = json.loads(timers.decide(service, card, "rejected", reason="flood", actor="Wang").body)
    assert (answer["decision"], answer["decided_by"]) == ("rejected", "Wang")
    decided = timers.list_proposals(service, undecided=False)["items"]
    assert {each["id"]: each["reason"] for each in decided}[answer["id"]] == "flood"
    assert timers.list_proposals(service)["items"] == []
    assert len(timers.list_proposals(service, undecided=False)["items"]) == 1
    with pytest.raises(Conflict, match="made once"):
        timers.decide(service, card, "accepted", reason=None, actor="Li")
    with pytest.raises(Exception, match="ck_proposal_decided"), as_superuser(url) as superuser:
        superuser.execute("update proposal set decided_by = null")


def test_two_that_decide_at_once_make_one_decision(service: Service, url: str) -> None:
    card = proposed(service, url)

    def decide(n: int) -> int:
        try:
            timers.decide(service, card, "accepted", reason=None, actor=f"p{n}")
        except Conflict:
            return 0
        return 1

    with ThreadPoolExecutor(6) as crowd:
        assert sum(crowd.map(decide, range(6))) == 1
    with service.database.transaction() as connection:
        assert connection.scalar(text("select count(*) from incident_event where kind = 'decide'")) == 1


def test_what_cannot_be_decided_is_refused(service: Service, url: str) -> None:
    card = proposed(service, url)
    with pytest.raises(InvalidInput, match="no decision"):
        timers.decide(service, card, "maybe", reason=None, actor="x")
    with pytest.raises(InvalidInput, match="says why"):
        timers.decide(service, card, "rejected", reason=" ", actor="x")
    with pytest.raises(NotFound, match="no proposal"):
        timers.decide(service, UUID(int=1), "accepted", reason=None, actor="x")


def test_a_calendar_takes_the_place_of_its_years_alone_and_stays_beside_new_timers(service: Service) -> None:
    old, new = date(2031, 10, 1), date(2032, 10, 1)
    timers.put_calendar(service, DISTRICT, frozenset({old}), frozenset({date(2031, 10, 11)}), actor="test")
    rules(service, ("accept", "routine", 1, 2, 3, {}))
    timers.put_calendar(service, DISTRICT, frozenset({new}), frozenset({date(2032, 10, 9)}), actor="test")
    found = timers.get_timers(service, DISTRICT)
    assert [rule["step"] for rule in found["rules"]] == ["accept"]
    assert found["holidays"] == ["2031-10-01", "2032-10-01"]
    assert found["make_up_days"] == ["2031-10-11", "2032-10-09"]
    timers.put_calendar(service, DISTRICT, frozenset({date(2031, 5, 1)}), frozenset(), actor="test")
    found = timers.get_timers(service, DISTRICT)
    assert (found["holidays"], found["make_up_days"]) == (["2031-05-01", "2032-10-01"], ["2032-10-09"])
    with service.database.transaction() as connection:
        kept = connection.scalar(text("select count(*) from document where kind = 'timers' and source = 'test'"))
        digest = alerts.find_timers(connection, DISTRICT)
    assert kept == 4
    assert digest == found["version"]


def test_a_routine_case_does_not_grow_late_over_a_holiday(service: Service, url: str) -> None:
    """Two working hours, reported three days ago: late on working days, not where those were a holiday."""
    rules(service, ("accept", "routine", 3600, 7200, 1e6, {}))
    with service.database.transaction() as connection:
        today = connection.scalar(text("select (now() at time zone 'Asia/Shanghai')::date"))
    days = [today - timedelta(days=back) for back in range(5)]
    timers.put_calendar(service, DISTRICT, frozenset(days), frozenset(), actor="test")
    grow_old(url, report(service, "noise"), 3 * 86_400)
    assert look(service) == 0
    present = timers.get_timers(service, DISTRICT)["rules"]
    worked = [day.isoformat() for day in days if day.weekday() >= 5]
    timers.put_timers(service, DISTRICT, {"rules": present, "holidays": [], "make_up_days": worked}, actor="test")
    assert look(service) > 0

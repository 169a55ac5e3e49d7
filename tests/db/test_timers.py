"""Steps that take too long: warned of, escalated, proposed as cards, decided by a person, each once (R14)."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import text

from gridsvc.db import alerts, events
from gridsvc.db.sealing import seal_all
from gridsvc.errors import Conflict, InvalidInput, NotFound
from gridsvc.operations import auditing, timers
from gridsvc.operations.stepping import Step, step_incident
from gridsvc.response_plans import ResponseClass, Urgency
from gridsvc.response_plans.timers import TimerRule, TimerRules, default_timers, working_s
from tests.db.worlds import DISTRICT, as_superuser, open_toy, report, scratch_database

CHINA = ZoneInfo("Asia/Shanghai")


@pytest.fixture
def url(cluster):
    with scratch_database(cluster) as url:
        yield url


@pytest.fixture
def service(url, tmp_path):
    service = open_toy(url, tmp_path)
    yield service
    service.database.close()


def rules(service, *given):
    told = [{"step": step, "urgency": urgency, "warn_s": w, "limit_s": x, "again_s": a} | more
            for step, urgency, w, x, a, more in given]  # fmt: skip
    timers.put_timers(service, DISTRICT, {"rules": told}, actor="test")


def grow_old(url, case, seconds):
    """Let a case have been reported so long ago, and its alerts with it, as if the clock had moved on."""
    with as_superuser(url) as superuser:
        for table, column, key in (("incident", "triggered_at", "id"), ("alert", "since", "incident_id")):
            superuser.execute(
                f"update {table} set {column} = {column} - make_interval(secs => %s) where {key} = %s", [seconds, case]
            )


def look(service):
    service._cache.get("timers-looked", {}).clear()
    return timers.sound_alerts(service)


def told(service, case):
    with service.database.transaction() as connection:
        return alerts.list_alerts(connection, DISTRICT, [UUID(case)]).get(UUID(case), [])


def test_a_case_is_warned_of_and_escalated_level_by_level(service, url):
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
    found = told(service, case)
    assert [(a["kind"], a["level"]) for a in found] == [
        ("warning", "village"), ("escalation", "area"), ("escalation", "township"),
    ]  # fmt: skip
    assert {a["step"] for a in found} == {"accept"}


def test_after_a_long_silence_all_ranks_are_sounded_and_the_district_is_the_last(service, url):
    rules(service, ("accept", "emergency", 30, 60, 60, {}))
    case = report(service)
    grow_old(url, case, 86_400)
    look(service)
    assert [a["level"] for a in told(service, case)] == ["village", "area", "township", "regional", "district"]


def test_a_step_ends_its_timer_and_begins_the_next(service, url):
    rules(service, ("accept", "emergency", 30, 60, 60, {}), ("assign", "emergency", 30, 60, 60, {}))
    case = report(service)
    step_incident(service, UUID(case), Step("accept"), actor="test")
    grow_old(url, case, 1000)
    assert look(service) == 0


def test_many_that_look_at_once_sound_each_alert_once(service, url):
    rules(service, ("accept", "emergency", 30, 60, 60, {}))
    for _ in range(3):
        grow_old(url, report(service), 3600)
    with ThreadPoolExecutor(6) as crowd:
        sounded = list(crowd.map(lambda _: timers.sound_alerts(service), range(12)))
    assert sum(sounded) == 15
    with service.database.transaction() as connection:
        assert (
            connection.scalar(text("select count(*) from incident_event where kind in ('warning','escalation')")) == 15
        )


def test_alerts_are_events_of_the_chain(service, url):
    rules(service, ("accept", "emergency", 30, 60, 60, {}))
    case = report(service)
    with service.database.transaction() as connection:
        before = timers.timers_of(service, connection, DISTRICT).version
    rules(service, ("accept", "emergency", 0.001, 0.002, 3600, {}))
    look(service)
    seal_all(service.database)
    assert [r.wrong for r in auditing.verify(service)] == [None]
    with service.database.transaction() as connection:
        happened = [json.loads(b) for b, _ in events.list_incident_events(connection, DISTRICT, UUID(case))]
    escalated = [e for e in happened if e["kind"] == "escalation"]
    assert escalated[0]["data"]["timers"] != before
    assert escalated[0]["actor"] == "gridsvc"


def test_an_overdue_routine_case_gets_cards_that_wait_for_a_person(service, url):
    rules(service, ("accept", "routine", 1, 2, 1e6, {"cards_s": [0, 10, 1e8]}))
    case = report(service, "noise")
    grow_old(url, case, 14 * 86_400)
    look(service)
    found = timers.list_proposals(service)["items"]
    assert sorted(p["kind"] for p in found) == ["orange-card", "yellow-card"]
    assert all(p["decision"] is None and p["incident_id"] == case for p in found)
    assert look(service) == 0


def proposed(service, url):
    rules(service, ("accept", "routine", 1, 2, 1e6, {"cards_s": [0, 1e8, 1e8]}))
    grow_old(url, report(service, "noise"), 14 * 86_400)
    look(service)
    return UUID(timers.list_proposals(service)["items"][0]["id"])


def test_a_decision_is_a_persons_and_is_made_once(service, url):
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


def test_two_that_decide_at_once_make_one_decision(service, url):
    card = proposed(service, url)

    def decide(n):
        try:
            timers.decide(service, card, "accepted", reason=None, actor=f"p{n}")
        except Conflict:
            return 0
        return 1

    with ThreadPoolExecutor(6) as crowd:
        assert sum(crowd.map(decide, range(6))) == 1
    with service.database.transaction() as connection:
        assert connection.scalar(text("select count(*) from incident_event where kind = 'decide'")) == 1


def test_what_cannot_be_decided_is_refused(service, url):
    card = proposed(service, url)
    with pytest.raises(InvalidInput, match="no decision"):
        timers.decide(service, card, "maybe", reason=None, actor="x")
    with pytest.raises(InvalidInput, match="says why"):
        timers.decide(service, card, "rejected", reason=" ", actor="x")
    with pytest.raises(NotFound, match="no proposal"):
        timers.decide(service, UUID(int=1), "accepted", reason=None, actor="x")


# the rules


def test_the_most_particular_rule_counts():
    found = default_timers().find("accept", "emergency", "urban", 1)
    assert found.limit_s == 30
    assert default_timers().find("accept", "emergency", "urban", 2).limit_s == 60
    assert default_timers().find("on_scene", "emergency", "rural", 1).limit_s == 900
    assert default_timers().find("on_scene", "routine", "rural", 1) is None


def test_rules_come_back_from_their_document_with_their_version():
    again = TimerRules.from_document(default_timers().document())
    assert again.version == default_timers().version
    assert again == default_timers()


@pytest.mark.parametrize(
    "bad",
    [
        {"step": "fly"}, {"urgency": "soon"}, {"warn_s": 0}, {"warn_s": 61}, {"again_s": -1}, {"cards_s": [1]},
        {"cards_s": [3, 2, 1]}, {"limit_s": float("nan")}, {"response_class": "sea"},
    ],
    ids=str,
)  # fmt: skip
def test_rules_that_cannot_be_meant_are_refused(bad):
    good = {"step": "accept", "urgency": "emergency", "warn_s": 30, "limit_s": 60, "again_s": 60}
    with pytest.raises(InvalidInput):
        TimerRules.from_json({"rules": [good | bad]})


def test_a_rule_twice_is_refused():
    rule = TimerRule("accept", Urgency.EMERGENCY, 1, 2, 3, response_class=ResponseClass.URBAN)
    with pytest.raises(InvalidInput, match="Two timers"):
        TimerRules((rule, rule))


@pytest.mark.parametrize(
    ("since", "now", "hours"),
    [
        ("2026-03-04T10:00", "2026-03-04T12:30", 2.5),  # a Wednesday
        ("2026-03-04T08:00", "2026-03-04T20:00", 8),
        ("2026-03-04T16:00", "2026-03-05T10:00", 2),
        ("2026-03-06T16:00", "2026-03-09T10:00", 2),  # over a weekend
        ("2026-03-07T10:00", "2026-03-08T10:00", 0),
        ("2026-03-02T09:00", "2026-03-16T09:00", 80),
        ("2026-03-05T10:00", "2026-03-04T10:00", 0),
    ],
)
def test_working_time_by_hand(since, now, hours):
    begin, end = (datetime.fromisoformat(each).replace(tzinfo=CHINA) for each in (since, now))
    assert working_s(begin, end) == hours * 3600


def test_working_time_counts_no_holiday():
    begin, end = datetime(2026, 9, 30, 9, tzinfo=CHINA), datetime(2026, 10, 9, 9, tzinfo=CHINA)
    free = frozenset(date(2026, 10, day) for day in range(1, 8))
    assert working_s(begin, end, free) == 2 * 8 * 3600


def test_working_time_by_counting_minutes():
    import random

    dice = random.Random(5)
    for _ in range(20):
        begin = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(minutes=dice.randrange(60 * 24 * 30))
        end = begin + timedelta(minutes=dice.randrange(60 * 24 * 12))
        counted, at = 0, begin
        while at < end:
            here = at.astimezone(CHINA)
            counted += here.weekday() < 5 and 9 <= here.hour < 17
            at += timedelta(minutes=1)
        assert working_s(begin.astimezone(CHINA), end.astimezone(CHINA)) == counted * 60

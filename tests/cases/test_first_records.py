"""Events of the first version, as its code wrote them, are cases of today: `first/` has their canonical texts."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

import pytest

from gridsvc.cases.events import Ordered, Reported
from gridsvc.cases.model import Case, Clock, Outcome, Status
from gridsvc.cases.records import Record, read, rebuild, write
from gridsvc.cases.timing import Timeliness, evaluate
from gridsvc.dispatch import Considered, Prepared, replay
from gridsvc.evidence.chain import event_text
from gridsvc.law import Urgency
from tests.worlds import toy

FIRST = Path(__file__).parent / "first"
START = datetime(2026, 3, 4, 4, 0, tzinfo=UTC)


def at(minutes: float) -> datetime:
    return START + timedelta(minutes=minutes)


def records(name: str) -> list[Record]:
    return [Record.of(body) for body in json.loads((FIRST / f"{name}.json").read_text(encoding="utf-8"))]


def case_of(name: str, events: int | None = None) -> Case:
    """The case after so many of its events, None = after all."""
    case = rebuild(records(name)[:events])
    assert case is not None
    return case


def every_team(name: str) -> list[Considered]:
    """All teams, as a report of the first version lists them."""
    return [Considered(**each) for each in records(name)[0].data["answer"]["recommendation"]["considered"]]


def slots(case: Case) -> dict[str, tuple[float | None, Outcome | None]]:
    return {each.slot: (each.response_s, each.outcome) for each in case.engagements}


class TestWholeLife:
    """km 7: reported at -1, ordered late at 5 for 4, one declines, the lead arrives at 8, archived at 31."""

    def test_the_report(self) -> None:
        case = case_of("life", 1)
        assert (case.status, case.urgency, case.target_s, case.number) == (
            Status.TRIGGERED,
            Urgency.EMERGENCY,
            900,
            12,
        )
        assert (case.reported_at, case.triggered_at) == (at(-1), at(0))
        assert (case.source, case.external_ref, case.drill, case.synthetic) == ("12345", "A-1", False, True)
        assert (case.place.code(1), case.place.rule, case.place.owned_level) == (toy.T2, "interior", "village")
        assert [(each.number, each.age_s) for each in case.duplicates] == [(11, 180)]
        assert case.decision.versions["network"] == "roads-1"

    def test_the_recommendation_names_the_nearest_ten_lawful_teams_and_counts_the_others(self) -> None:
        shown = case_of("life", 1).decision.recommendation
        assert [each.response_s for each in shown.team] == [165, 105, 375, 195, 225]
        assert len(shown.considered) == 10
        assert shown.considered_counts == {"not-regional": 2, "other-township": 2, "skill": 1}
        assert shown.handler is not None
        assert shown.handler.rule == "area-squadron"

    def test_an_order_that_was_given_late_began_when_it_was_given(self) -> None:
        case = case_of("life", 2)
        assert (case.status, case.clocks.accepted_at, case.clocks.assigned_at) == (Status.ASSIGNED, at(4), at(4))
        assert {each.since for each in case.engagements} == {at(4)}
        assert [(each.slot, each.lead, each.engaging, each.response_s) for each in case.engagements][:2] == [
            ("1", True, True, 165),
            ("township", False, True, 105),
        ]
        event = read(records("life")[1], case_of("life", 1))
        assert isinstance(event, Ordered)
        assert event.decision is not None
        assert (event.backfilled, event.decision.event_id) == (True, UUID(int=0x6ABC))

    def test_the_steps_of_its_teams_and_its_end(self) -> None:
        case = case_of("life")
        assert (case.status, case.clocks.handled_at, case.clocks.archived_at) == (Status.ARCHIVED, at(10), at(31))
        assert slots(case) == {
            "1": (165, Outcome.CLEARED),
            "township": (105, Outcome.DECLINED),
            "brigade-emergency": (375, Outcome.ARCHIVED),
            "brigade-ecology": (195, Outcome.ARCHIVED),
            "partner-fire": (225, Outcome.ARCHIVED),
        }
        lead = next(each for each in case.engagements if each.lead)
        assert (lead.acknowledged_at, lead.on_scene_at, lead.until) == (at(5.5), at(8), at(20))
        assert evaluate(case).outcome is Timeliness.MET

    def test_its_record_is_of_the_first_rules_and_gives_the_same_team_again(self) -> None:
        decision = case_of("life", 1).decision
        assert "rules" not in decision.inputs["case"]
        ids = dict(zip(sorted(toy.KM), sorted(each.team_id for each in every_team("life")), strict=True))
        teams = [replace(team, id=ids[team.id]) for team in toy.TEAMS]
        prepared = Prepared.of(teams, toy.CATALOGUE, toy.PLANS, toy.CLOCKS)
        again = replay(prepared, {**decision.inputs, "versions": {}})
        assert [(each.slot, each.team_id, each.response_s) for each in again.team] == [
            (each.slot, each.team_id, each.response_s) for each in decision.recommendation.team
        ]
        assert again.handler == decision.recommendation.handler
        assert again.considered == decision.recommendation.considered


def test_a_drill_with_a_radius_keeps_its_shares_and_is_open_again() -> None:
    case = case_of("radius")
    assert (case.status, case.drill, case.target_s) == (Status.ACCEPTED, True, None)
    assert case.clocks.cancelled_at == at(2)
    assert (case.place.radius_m, case.place.rule, case.place.confirm) == (150, "border", True)
    assert case.place.shares is not None
    assert [each.share for each in case.place.shares] == [0.75, 0.25]
    assert (case.waiting, case.lead_wanted) == (True, False)


def test_a_line_across_regions_has_no_owner_and_waits_after_its_lead_left() -> None:
    case = case_of("line")
    assert (case.place.owners, case.place.rule, case.place.townships) == ((None,) * 4, "gap", ())
    assert (case.status, case.waiting) == (Status.ACCEPTED, True)
    assert slots(case) == {"1": (45 + 60 + 66, Outcome.WITHDRAWN)}  # sq-a4 at 12, 1.1 km from km 10.9


@pytest.mark.parametrize("name", ["life", "radius", "line"])
def test_an_event_of_the_first_version_can_be_written_as_one_of_today(name: str) -> None:
    case, today = None, []
    for record in records(name):
        event = read(record, case)
        assert event is not None
        text = event_text(
            district=record.district,
            event_id=record.id,
            incident_id=record.incident_id,
            kind=event.kind,
            actor="somebody",
            at=record.at,
            client_at=record.client_at,
            data=write(event),
        )
        today.append(Record.of(json.loads(text)))
        case = rebuild(today)
        assert isinstance(event, Reported) or case is not None
    assert rebuild(today) == case_of(name)


@pytest.mark.parametrize(
    ("policy", "start", "stop"),
    [
        ("received-to-lead-p90", "received", "lead_on_scene"),
        ("received-to-first-p90", "received", "first_on_scene"),
        ("received-to-full-p90", "received", "full_team_on_scene"),
        ("dispatched-to-lead-p90", "dispatched", "lead_on_scene"),
        ("routine-working-days", "received", "lead_on_scene"),
    ],
)
def test_the_clock_of_a_case_is_that_of_its_policys_name(policy: str, start: str, stop: str) -> None:
    report = records("life")[0]
    report.data["answer"]["clock_policy"] = policy
    case = rebuild([report])
    assert case is not None
    assert case.clock == Clock(policy, start, stop)

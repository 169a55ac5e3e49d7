"""R18: an event that is written is read back as it was, and a case that is rebuilt is the case that was."""

from __future__ import annotations

import json
from dataclasses import replace
from uuid import UUID

import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from gridsvc.cases.events import Corrected, Difference, Event, Ordered, Reported, TeamStepTaken, apply
from gridsvc.cases.model import Case, Decision, Duplicate, Place, Unknown
from gridsvc.cases.records import Record, read, rebuild, write
from gridsvc.dispatch import ResponseRange
from gridsvc.evidence.chain import event_text
from gridsvc.grids.ownership import Owner, Share
from gridsvc.law import ResponseClass
from tests.worlds.toy_cases import CASE_ID, REPORT_EVENT, at, engagement, ordered, place, random_walk, reported


def text_of(event: Event, event_id: UUID) -> str:
    """The canonical text of an event, as it is stored."""
    when = event.case.triggered_at if isinstance(event, Reported) else event.at
    return event_text(
        district="330703",
        event_id=event_id,
        incident_id=CASE_ID,
        kind=event.kind,
        actor="somebody",
        at=when,
        client_at=None,
        data=write(event),
    )


def record_of(event: Event, event_id: UUID = REPORT_EVENT) -> Record:
    return Record.of(json.loads(text_of(event, event_id)))


def event_id_of(event: Event, number: int) -> UUID:
    """A decision names the event that keeps it."""
    if isinstance(event, Ordered) and event.decision is not None:
        return event.decision.event_id
    if isinstance(event, Corrected):
        return event.case.decision.event_id
    return REPORT_EVENT if isinstance(event, Reported) else UUID(int=5000 + number)


@settings(max_examples=150, deadline=None, derandomize=True)
@given(st.integers(0, 2**32))
def test_r18_what_is_stored_gives_the_same_events_and_the_same_case(seed: int) -> None:
    case: Case | None = None
    records = []
    for number, event in enumerate(random_walk(seed)):
        records.append(record_of(event, event_id_of(event, number)))
        assert read(records[-1], case) == event
        case = apply(case, event)
        assert rebuild(records) == case
    again = [text_of(read(record, None) or pytest.fail(record.kind), record.id) for record in records]
    assert [Record.of(json.loads(text)) for text in again] == records


def test_r18_an_event_of_another_kind_changes_no_case() -> None:
    report = record_of(Reported(reported()))
    alert = replace(report, kind="alert", data={"level": "township"})
    assert read(alert, reported()) is None
    assert rebuild([alert, report, alert]) == reported()
    assert rebuild([alert]) is None


T1, T2 = Owner("330703101000", "东孝"), Owner("330703102000", "曹宅")
PLACES = {
    "exact": place(),
    "whole degrees": place(lon=120.0, lat=29.0),
    "radius": place(
        radius_m=150.0, confirm=True, rule="border",
        shares=(Share((None, T1, None, None), 0.75, "111"), Share((None, T2, None, None), 0.25)),
    ),
    "past emergencies": place(
        radius_m=150.0, confirm=True, emergencies=30,
        shares=(Share((None, T1, None, None), 0.75, "111", 0.1), Share((None, T2, None, None), 0.25, None, 0.9)),
    ),
    "line": place(
        geometry=shapely.LineString([(119.6, 29.1), (119.7, 29.15)]), rule="district", owned_level="district",
        owners=(None, None, None, None), townships=(T1.code, T2.code), confirm=False,
        shares=(Share((None, T1, None, None), 1.0), Share((None, None, None, None), 0.0)),
    ),
    "area with a hole": place(
        geometry=shapely.Point(119.6, 29.1).buffer(0.1) - shapely.Point(119.6, 29.1).buffer(0.05),
    ),
    "overlap": place(rule="overlap", defect="330703101000 and 330703102000", derived=("area",)),
    "outside": Place(119.0, 29.0, (None,) * 4, "outside", 3, ResponseClass.RURAL, None, distance_m=1234.5,
                     bearing_deg=90.0),
    "gap without a generation": Place(119.0, 29.0, (None,) * 4, "gap", None, ResponseClass.RURAL, None),
}  # fmt: skip


@pytest.mark.parametrize("where", PLACES.values(), ids=PLACES)
def test_r3_a_place_is_kept_with_all_that_was_decided_of_it(where: Place) -> None:
    case = replace(reported(), place=where)
    kept = rebuild([record_of(Reported(case))])
    assert kept == case
    assert kept is not None
    assert kept.place.ownership_json() == where.ownership_json()


def test_r18_a_report_keeps_what_was_unknown_its_duplicates_and_where_it_is_from() -> None:
    near = Duplicate(str(UUID(int=7)), 16, "leak", "assigned", 120, 340)
    case = replace(
        reported(reported_at=at(-3)),
        duplicates=(near,),
        unknown=(Unknown("travel_s", "damaged-file"),),
        drill=True,
        source="12345",
        external_ref="A-1",
        matter="bureau/卫生健康/dept-health",
    )
    assert case.reported_at == at(-3)
    assert rebuild([record_of(Reported(case))]) == case


def test_r11_a_recommendation_keeps_its_range() -> None:
    case = reported()
    found = ResponseRange(60.0, 90.0, 120.5, 130.0, "class", "ab12")
    for lead_range in (found, "no-travel-time"):
        shown = replace(case.decision.recommendation, lead_range=lead_range)
        ranged = replace(case, decision=replace(case.decision, recommendation=shown))
        assert rebuild([record_of(Reported(ranged))]) == ranged


def test_r11_an_order_keeps_why_it_differs_from_what_was_shown() -> None:
    case = reported()
    order = replace(
        ordered(case, 2, "1"),
        added=(("1", "sq-a3"),),
        corrected=True,
        missing=(Difference("1", "sq-a2", "engaged", str(UUID(int=9))), Difference("township", "town-t2", "off-duty")),
    )
    assert read(record_of(order), case) == order


def test_r16_an_order_keeps_the_drill_that_a_team_was_taken_from() -> None:
    sent = replace(engagement(10, "1", 2), preempted_from=UUID(int=44), travel_s=None, response_s=None)
    order = replace(ordered(reported(), 2, "1"), sent=(sent,))
    assert read(record_of(order), reported()) == order


def test_a_team_step_that_leaves_the_status_alone_is_read_back() -> None:
    step = TeamStepTaken("en_route", at(3), UUID(int=110), UUID(int=10), {"en_route_at": at(3)}, None, None)
    assert read(record_of(step), reported()) == step


def test_a_decision_names_the_event_that_keeps_it() -> None:
    case = rebuild([record_of(Reported(reported()), UUID(int=321))])
    assert case is not None
    assert case.decision == Decision(
        UUID(int=321), reported().decision.recommendation, reported().decision.versions, reported().decision.inputs
    )

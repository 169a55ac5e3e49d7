"""The answer about a case, field by field: an emergency at km 7, reported at 8:00, ordered at 8:02."""

from __future__ import annotations

import json
from dataclasses import replace
from uuid import UUID

import shapely

from gridsvc.cases.answer import answer_json, case_json, location_json
from gridsvc.cases.events import Corrected, Difference, Reported, apply
from gridsvc.cases.model import Case, Unknown
from gridsvc.cases.records import Record, rebuild, write
from gridsvc.cases.steps import take_step, take_team_step
from gridsvc.evidence.chain import canonical, event_text
from tests.worlds import toy
from tests.worlds.toy_cases import (
    CASE_ID,
    REPORT_EVENT,
    VERSIONS,
    at,
    decide,
    engagement,
    ordered,
    place,
    random_walk,
    reported,
    team_step,
)

EVENT = UUID(int=77)


def sent() -> Case:
    return apply(reported(), ordered(reported(), 2, "1", "township"))


def test_a_new_case_says_whose_it_is_who_goes_and_what_may_follow() -> None:
    answer = case_json(reported(source="12345", external_ref="A-1"), at(0))
    recommendation = answer.pop("recommendation")
    assert answer == {
        "id": str(CASE_ID),
        "number": 17,
        "district": "330703",
        "type": "leak",
        "type_name": "泄漏",
        "matter": None,
        "status": "triggered",
        "waiting": True,
        "lead_wanted": False,
        "timing": "open",
        "due_at": "2026-03-01T08:15:00+00:00",
        "arrived_at": None,
        "location": {"lon": 119.67, "lat": 29.1, "road": None},
        "owners": {
            "regional": {"code": toy.R1, "name": "regional"},
            "township": {"code": toy.T2, "name": "township"},
            "area": {"code": "A2", "name": "area"},
            "village": {"code": "V2", "name": "village"},
        },
        "ownership": {"rule": "interior", "generation": 3},
        "urgency": "emergency",
        "response_class": "rural",
        "target_s": 900,
        "clock_policy": "lead",
        "handler": {"team_id": "sq-a2", "unit": "bureau", "rule": "area-squadron"},
        "possible_duplicates": [],
        "recommendation_id": str(REPORT_EVENT),
        "reported_at": "2026-03-01T08:00:00+00:00",
        "triggered_at": "2026-03-01T08:00:00+00:00",
        "accepted_at": None,
        "assigned_at": None,
        "handled_at": None,
        "feedback_at": None,
        "archived_at": None,
        "cancelled_at": None,
        "source": "12345",
        "external_ref": "A-1",
        "drill": False,
        "synthetic": True,
        "unknown": [],
        "versions": VERSIONS,
        "legal_steps": ["accept", "assign", "cancel"],
        "assignments": [],
        "work_list": [],
        "alerts": [],
        "correction": None,
    }
    assert (recommendation["lead"]["team_id"], recommendation["lead_response_s"]) == ("sq-a2", 165)
    assert (recommendation["meets_target"], recommendation["team_meets_target"]) == (True, True)
    assert "handler" not in recommendation


def test_an_assignment_says_when_it_was_what_was_predicted_and_what_may_follow() -> None:
    case = team_step(sent(), 10, "en_route", 3)
    answer = case_json(case, at(4))
    assert (answer["status"], answer["waiting"], answer["work_list"]) == ("assigned", False, [])
    assert answer["assignments"][0] == {
        "team_id": str(UUID(int=10)),
        "slot": "1",
        "lead": True,
        "outside_slots": False,
        "since": "2026-03-01T08:02:00+00:00",
        "until": None,
        "acknowledged_at": None,
        "en_route_at": "2026-03-01T08:03:00+00:00",
        "on_scene_at": None,
        "outcome": None,
        "travel_s": 60.0,
        "response_s": 165.25,
        "preempted_from": None,
        "preempted_by": None,
        "legal_steps": ["on_scene", "clear", "withdraw"],
    }


def test_r13_a_routine_case_is_on_a_work_list_and_engages_nobody() -> None:
    case = reported("noise")
    order = replace(ordered(case, 2, "1"), sent=(engagement(10, "1", 2, engaging=False),))
    answer = case_json(apply(case, order), at(3))
    assert answer["assignments"] == []
    assert [each["team_id"] for each in answer["work_list"]] == [str(UUID(int=10))]
    assert (answer["timing"], answer["due_at"], answer["target_s"]) == (None, None, None)


def test_r17_timing_is_that_of_the_moment() -> None:
    assert case_json(sent(), at(15))["timing"] == "open"
    assert case_json(sent(), at(15.1))["timing"] == "late"
    arrived = case_json(team_step(sent(), 10, "on_scene", 9), at(60))
    assert (arrived["timing"], arrived["arrived_at"]) == ("met", "2026-03-01T08:09:00+00:00")


def test_r10_what_is_unknown_is_said_with_its_reason() -> None:
    case = replace(reported(), unknown=(Unknown("travel_s", "damaged-file"),))
    assert case_json(case, at(0))["unknown"] == [{"what": "travel_s", "reason": "damaged-file"}]


def test_alerts_are_shown_as_they_are_given() -> None:
    assert case_json(reported(), at(0), [{"id": "a"}])["alerts"] == [{"id": "a"}]


def test_r3_a_location_has_its_radius_or_its_line() -> None:
    assert location_json(place(radius_m=150.0)) == {"lon": 119.67, "lat": 29.1, "radius_m": 150.0}
    line = place(geometry=shapely.LineString([(119.6, 29.1), (119.7, 29.2)]))
    assert json.loads(json.dumps(location_json(line)["geometry"])) == {
        "type": "LineString",
        "coordinates": [[119.6, 29.1], [119.7, 29.2]],
    }


def test_the_answer_to_an_order_says_what_was_sent_and_where_it_differs() -> None:
    case = reported()
    order = replace(
        ordered(case, 2, "1", decision=decide(case.place, "leak", EVENT)),
        added=(("1", "sq-a3"),),
        missing=(Difference("1", "sq-a2", "engaged", "another"),),
    )
    answer = answer_json(apply(case, order), order, EVENT, at(2))
    assert answer["sent"] == [str(UUID(int=10))]
    assert answer["unfilled"] == []
    assert answer["differs"] == {
        "added": [{"slot": "1", "team_id": "sq-a3"}],
        "missing": [{"slot": "1", "team_id": "sq-a2", "reason": "engaged", "incident_id": "another"}],
    }
    assert answer["recommendation_id"] == str(EVENT)


def test_the_answer_to_a_teams_step_says_what_the_team_may_do_next() -> None:
    case = sent()
    event = take_team_step(case, case.engagements[0], "acknowledge", at=None, now=at(3))
    answer = answer_json(apply(case, event), event, EVENT, at(3))
    assert answer["legal_team_steps"] == ["en_route", "on_scene", "clear", "withdraw"]
    accepted = take_step(reported(), "accept", at=None, now=at(1))
    assert "legal_team_steps" not in answer_json(apply(reported(), accepted), accepted, EVENT, at(1))


def test_a_case_that_is_rebuilt_from_its_events_is_answered_with_the_same_bytes() -> None:
    for seed in range(20):
        case, records = None, []
        for number, event in enumerate(random_walk(seed)):
            decision = getattr(event, "decision", None)
            event_id = decision.event_id if decision else UUID(int=5000 + number)
            if isinstance(event, Reported):
                event_id = REPORT_EVENT
            if isinstance(event, Corrected):
                event_id = event.case.decision.event_id
            when = event.case.triggered_at if isinstance(event, Reported) else event.at
            text = event_text(
                district="330703",
                event_id=event_id,
                incident_id=CASE_ID,
                kind=event.kind,
                actor="somebody",
                at=when,
                client_at=None,
                data=write(event),
            )
            records.append(Record.of(json.loads(text)))
            case = apply(case, event)
        again = rebuild(records)
        assert case is not None
        assert again is not None
        assert canonical(case_json(again, at(500))) == canonical(case_json(case, at(500)))

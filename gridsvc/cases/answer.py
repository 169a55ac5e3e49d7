"""A case as the HTTP interface shows it: one function from the type to plain JSON values."""

from __future__ import annotations

from typing import TYPE_CHECKING

import shapely

from gridsvc.cases.events import Corrected, Ordered, TeamStepTaken
from gridsvc.cases.model import CLOCKS
from gridsvc.cases.records import differs_json
from gridsvc.cases.steps import legal_steps, legal_team_steps
from gridsvc.cases.timing import evaluate

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import datetime
    from uuid import UUID

    from gridsvc.cases.events import Event
    from gridsvc.cases.expected import Expected
    from gridsvc.cases.model import Case, Engagement, Place
    from gridsvc.json_types import Json, JsonObject


def case_json(case: Case, now: datetime, alerts: Sequence[dict[str, Json]] = ()) -> dict[str, Json]:
    """Return the answer about a case at a time; the same case and time give the same bytes.

    `alerts`: those that were raised until then, as the interface shows them.
    """
    decision, timing = case.decision, evaluate(case)
    recommendation = decision.recommendation
    outcome = timing.at(now)
    return {
        "id": str(case.id),
        "number": case.number,
        "district": case.district,
        "type": case.type,
        "type_name": case.type_name,
        "matter": case.matter,
        "status": str(case.status),
        "waiting": case.waiting,
        "lead_wanted": case.lead_wanted,
        "timing": None if outcome is None else str(outcome),
        "due_at": _text(timing.due_at),
        "arrived_at": _text(timing.arrived_at),
        "location": location_json(case.place) | {"road": decision.inputs.get("road")},
        "owners": case.place.owners_json(),
        "ownership": case.place.ownership_json(),
        "urgency": str(case.urgency),
        "response_class": str(case.place.response_class),
        "target_s": case.target_s,
        "clock_policy": case.clock.policy,
        "handler": None if recommendation.handler is None else recommendation.handler.as_json(),
        "possible_duplicates": [each.as_json() for each in case.duplicates],
        "recommendation": recommendation.as_json(),
        "recommendation_id": str(decision.event_id),
        "reported_at": case.reported_at.isoformat(),
        "triggered_at": case.triggered_at.isoformat(),
        **{clock: _text(getattr(case.clocks, clock)) for clock in CLOCKS},
        "source": case.source,
        "external_ref": case.external_ref,
        "drill": case.drill,
        "synthetic": case.synthetic,
        "unknown": [each.as_json() for each in case.unknown],
        "versions": dict(decision.versions),
        "legal_steps": legal_steps(case.status),
        "assignments": [_assignment_json(each) for each in case.engagements if each.engaging],
        "work_list": [_assignment_json(each) for each in case.engagements if not each.engaging],
        "alerts": list(alerts),
        "correction": None if case.correction is None else case.correction.as_json(),
    } | ({} if case.place.address is None else {"address": case.place.address.as_json()})


def location_json(place: Place) -> dict[str, Json]:
    """Return `location` of the interface: the point, its radius, and the line or area as GeoJSON."""
    value: dict[str, Json] = {"lon": place.lon, "lat": place.lat}
    if place.radius_m:
        value["radius_m"] = place.radius_m
    if place.geometry is not None:
        value["geometry"] = shapely.geometry.mapping(place.geometry)
    return value


def _assignment_json(each: Engagement) -> dict[str, Json]:
    clocks = ("since", "until", "acknowledged_at", "en_route_at", "on_scene_at")
    return {
        "team_id": str(each.team_id),
        "slot": each.slot,
        "lead": each.lead,
        "outside_slots": each.outside_slots,
        **{clock: _text(getattr(each, clock)) for clock in clocks},
        "outcome": None if each.outcome is None else str(each.outcome),
        "travel_s": each.travel_s,
        "response_s": each.response_s,
        "preempted_from": None if each.preempted_from is None else str(each.preempted_from),
        "preempted_by": None if each.preempted_by is None else str(each.preempted_by),
        "legal_steps": legal_team_steps(each),
    }


def _text(at: datetime | None) -> str | None:
    return None if at is None else at.isoformat()


def answer_json(
    case: Case, event: Event, event_id: UUID, now: datetime, alerts: Sequence[dict[str, Json]] = ()
) -> dict[str, Json]:
    """Return the answer to the request that made an event: the case after it, and the facts of the event."""
    value = case_json(case, now, alerts)
    match event:
        case Ordered():
            decision = event.decision
            return value | {
                "recommendation_id": str(event_id),
                "sent": [str(each.team_id) for each in event.sent],
                "unfilled": [] if decision is None else [each.as_json() for each in decision.recommendation.unfilled],
                "differs": differs_json(event),
            }
        case Corrected():
            return value | _correction_json(case, event)
        case TeamStepTaken():
            return value | {"legal_team_steps": legal_team_steps(case.engagement(event.engagement_id))}
        case _:
            return value


def _correction_json(case: Case, event: Corrected) -> dict[str, Json]:
    """Return what a correction replaced, and how the teams on the case differ from those that belong there now."""
    was, wanted = event.was, {each.team_id for each in case.decision.recommendation.team}
    there = {str(each.team_id) for each in case.live}
    # a team that a person sent outside the slots was never there by law
    wrong = [each for each in case.live if str(each.team_id) not in wanted and not each.outside_slots]
    missing = [each for each in case.decision.recommendation.team if there and each.team_id not in there]
    return {
        "before": {
            "location": location_json(was),
            "owners": was.owners_json(),
            "ownership": was.ownership_json(),
            "response_class": str(was.response_class),
            "target_s": event.was_target_s,
        },
        "teams_wrong": [{"team_id": str(each.team_id), "slot": each.slot} for each in wrong],
        "teams_missing": [{"team_id": each.team_id, "slot": each.slot} for each in missing],
    }


_TEAM_BEFORE = (
    "lead", "members", "lead_response_s", "full_team_response_s", "meets_target", "team_meets_target"
)  # fmt: skip
CHANGES: Mapping[str, Callable[[JsonObject], Json]] = {
    "place": lambda answer: {key: value for key, value in answer["location"].items() if key != "road"},
    "owners": lambda answer: answer["owners"],
    "response_class": lambda answer: answer["response_class"],
    "target_s": lambda answer: answer["target_s"],
    "handler": lambda answer: (answer["handler"] or {}).get("team_id"),
    "lead": lambda answer: (answer["recommendation"]["lead"] or {}).get("team_id"),
    "members": lambda answer: sorted(each["team_id"] for each in answer["recommendation"]["members"]),
    "meets_target": lambda answer: answer["recommendation"]["meets_target"],
    "team_meets_target": lambda answer: answer["recommendation"]["team_meets_target"],
}
"""What a correction can change of an answer, and where it is in it."""


def preview_json(before: JsonObject, after: JsonObject, expected: Expected) -> JsonObject:
    """Return the preview of a correction: the answer that it would have, and what is another by it.

    Parameters
    ----------
    before, after
        The answer about the case as it is, and the one to the correction, as their reader may see them.
    """
    hidden = after["ownership"]["rule"] == "outside-scope"
    words = ("place", "owners") if hidden else tuple(CHANGES)
    shown = {key: before[key] for key in ("timing", "due_at", "handler")}
    team = {key: before["recommendation"][key] for key in _TEAM_BEFORE}
    return after | {
        "before": after["before"] | shown | {"recommendation": team},
        # what only the correction itself has; the case keeps its own until then
        "recommendation_id": before["recommendation_id"],
        "correction": before["correction"],
        "changes": [word for word in words if CHANGES[word](before) != CHANGES[word](after)],
        "expected": expected.as_json(),
    }

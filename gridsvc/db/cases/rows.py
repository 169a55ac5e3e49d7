"""A case as rows: `incident` holds what lists and constraints need, the report's event all that was decided.

Both directions are here. A row is derived from the case after its last event, so that a verification compares rows
with `case_row` and `engagement_row` of the case that its events lead to.
"""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import shapely

from gridsvc.cases.model import CLOCKS, STAMPS, Clocks, Engagement, Outcome, Status, in_order
from gridsvc.cases.records import Record, as_decided
from gridsvc.cases.timing import evaluate

if TYPE_CHECKING:
    from collections.abc import Sequence
    from uuid import UUID

    from gridsvc.cases.model import Case

INCIDENT = (
    "district", "id", "number", "type", "type_name", "matter", "urgency", "response_class", "target_s", "clock_policy",
    "status", "waiting", "lead_wanted", "timing", "due_at", "arrived_at", "first_on_scene_at", "drill", "geom",
    "extent", "radius_m", "regional", "township", "area", "village", "owners", "rule", "generation", "handler",
    "source", "external_ref", "versions", "report_event", "reported_at", "triggered_at", *CLOCKS,
)  # fmt: skip
"""The columns of `incident`."""

CHANGING = ("status", "waiting", "lead_wanted", "timing", "due_at", "arrived_at", "first_on_scene_at", *CLOCKS)
"""The columns that steps change; a correction may change more."""

ENGAGEMENT = (
    "id", "team_id", "slot", "lead", "engaging", "travel_s", "response_s", "since",
    *STAMPS, "outcome", "preempted_from", "preempted_by",
)  # fmt: skip
"""The columns of `engagement` that are fields of an engagement."""

ENGAGEMENT_ROW = ("district", "incident_id", "drill", *ENGAGEMENT)
"""The columns of `engagement`. `drill` is the case's: which teams a drill has is asked at each report."""


def changing_columns(case: Case) -> dict[str, Any]:
    """Return the values of CHANGING."""
    timing = evaluate(case)
    return {
        "status": str(case.status),
        "waiting": case.waiting,
        "lead_wanted": case.lead_wanted,
        "timing": None if timing.outcome is None else str(timing.outcome),
        "due_at": timing.due_at,
        "arrived_at": timing.arrived_at,
        "first_on_scene_at": min((e.on_scene_at for e in case.engagements if e.on_scene_at is not None), default=None),
        **{clock: getattr(case.clocks, clock) for clock in CLOCKS},
    }


def case_row(case: Case) -> dict[str, Any]:
    """Return the row of a case; geometries as EWKT, `owners` and `versions` as JSON text."""
    place, handler = case.place, case.decision.recommendation.handler
    regional, township, area, village = (place.code(level) for level in range(4))
    return {
        "district": case.district,
        "id": case.id,
        "number": case.number,
        "type": case.type,
        "type_name": case.type_name,
        "matter": case.matter,
        "urgency": str(case.urgency),
        "response_class": str(place.response_class),
        "target_s": case.target_s,
        "clock_policy": case.clock.policy,
        "drill": case.drill,
        "geom": f"SRID=4326;POINT({place.lon!r} {place.lat!r})",
        "extent": None if place.geometry is None else f"SRID=4326;{place.geometry.wkt}",
        "radius_m": place.radius_m,
        "regional": regional,
        "township": township,
        "area": area,
        "village": village,
        "owners": json.dumps(place.owners_json(), ensure_ascii=False),
        "rule": place.rule,
        "generation": place.generation,
        "handler": None if handler is None else handler.team_id,
        "source": case.source,
        "external_ref": case.external_ref,
        "versions": json.dumps(dict(case.decision.versions)),
        "report_event": case.decision.event_id,
        "reported_at": case.reported_at,
        "triggered_at": case.triggered_at,
        **changing_columns(case),
    }


def engagement_row(case: Case, each: Engagement) -> dict[str, Any]:
    """Return the row of an engagement."""
    row = {name: getattr(each, name) for name in ENGAGEMENT}
    outcome = None if each.outcome is None else str(each.outcome)
    return {"district": case.district, "incident_id": case.id, "drill": case.drill, **row, "outcome": outcome}


def changed_columns(before: Case, after: Case) -> dict[str, Any]:
    """Return the columns whose values differ between two states of a case, with those of the later one."""
    columns = changing_columns if before.decision is after.decision else case_row
    known = columns(before)
    return {column: value for column, value in columns(after).items() if value != known[column]}


STATE = ("status", "st_asbinary(extent)", *CLOCKS)
"""What is read of a case's row beside the event of its report."""


def read_case(state: Sequence[Any], report: str, engagements: Sequence[Engagement]) -> Case:
    """Return a case from STATE of its row, its engagements, and the text of the event that decided it last.

    That is the report's, or of its last correction: `report_event` of the row.
    """
    case = as_decided(Record.of(json.loads(report)))
    status, extent, *clocks = state
    if case.place.geometry is None and extent is not None:  # a report of the first version: only the row has it
        case = replace(case, place=replace(case.place, geometry=shapely.from_wkb(bytes(extent))))
    return replace(case, status=Status(status), clocks=Clocks(*clocks), engagements=in_order(tuple(engagements)))


def read_engagement(row: Sequence[Any]) -> Engagement:
    """Return an engagement from the values of ENGAGEMENT."""
    values = dict(zip(ENGAGEMENT, row, strict=True))
    outcome = values["outcome"]
    return Engagement(**values | {"outcome": None if outcome is None else Outcome(outcome)})


def new_engagements(before: Case, after: Case) -> list[Engagement]:
    """Return the engagements that only the later state has."""
    known = {each.id for each in before.engagements}
    return [each for each in after.engagements if each.id not in known]


def changed_engagements(before: Case, after: Case) -> list[Engagement]:
    """Return the engagements that both states have and that differ."""
    known: dict[UUID, Engagement] = {each.id: each for each in before.engagements}
    return [each for each in after.engagements if each.id in known and known[each.id] != each]

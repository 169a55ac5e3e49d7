"""Events as they are stored: plain JSON values in the `data` of an event's canonical text (R18).

`write` and `read` are each other's inverse. Data that `write` makes has `format` 2; data without it was written by the
first version, whose events `first_records` reads.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING
from uuid import UUID

from gridsvc.cases import first_records
from gridsvc.cases.events import (
    CORRECTIONS,
    Corrected,
    Difference,
    Ordered,
    Preempted,
    Reported,
    StepTaken,
    TeamStepTaken,
    apply,
)
from gridsvc.cases.model import (
    Case,
    Clock,
    Correction,
    Decision,
    Duplicate,
    Engagement,
    Outcome,
    Status,
    Unknown,
)
from gridsvc.cases.place_records import place_json, read_place
from gridsvc.cases.steps import STEPS, TEAM_STEPS
from gridsvc.dispatch import CaseFacts, Handler, Recommendation
from gridsvc.law import Urgency

if TYPE_CHECKING:
    from collections.abc import Iterable

    from gridsvc.cases.events import Event
    from gridsvc.json_types import JsonObject

FORMAT = 2
KINDS = frozenset({"report", "preempt", *CORRECTIONS, *STEPS, *TEAM_STEPS})
"""The kinds of events that change a case; others (alerts, proposals, unmasking) only belong to it."""


@dataclass(frozen=True, slots=True)
class Record:
    """An event of a case, read from its canonical text: ids, the times of both clocks, its data and who acted."""

    district: str
    id: UUID
    incident_id: UUID
    kind: str
    at: datetime
    client_at: datetime | None
    data: JsonObject
    actor: str = ""

    @classmethod
    def of(cls, body: JsonObject) -> Record:
        """Return the record of an event's parsed canonical text."""
        client_at = body["client_at"]
        return cls(
            body["district"],
            UUID(body["id"]),
            UUID(body["incident_id"]),
            body["kind"],
            datetime.fromisoformat(body["at"]),
            None if client_at is None else datetime.fromisoformat(client_at),
            body["data"],
            body.get("actor", ""),
        )


def rebuild(records: Iterable[Record]) -> Case | None:
    """Return the case that its records lead to, in their order; None where no report is among them."""
    case: Case | None = None
    for record in records:
        event = read(record, case)
        if event is not None and (case is not None or record.kind == "report"):
            case = apply(case, event)
    return case


def as_decided(record: Record) -> Case:
    """Return the case in its first state, as its report or a correction decided it.

    Raises
    ------
    ValueError
        For a record of another kind.
    """
    if record.kind not in {"report", *CORRECTIONS}:
        raise ValueError(f"event {record.id} of kind {record.kind} decides no case")
    event = read(record, None)
    assert isinstance(event, Reported | Corrected)
    return event.case


def write(event: Event) -> JsonObject:
    """Return the data of an event."""
    match event:
        case Reported():
            return {"format": FORMAT, "case": _case_json(event.case), "decision": _decision_json(event.case.decision)}
        case Ordered():
            return _order_json(event)
        case StepTaken():
            value = _step_json(event)
            return value if event.ends is None else value | {"ends": str(event.ends)}
        case TeamStepTaken():
            value = _step_json(event) | {"engagement_id": str(event.engagement_id), "team_id": str(event.team_id)}
            return value if event.ends is None else value | {"ends": str(event.ends)}
        case Preempted():
            return {
                "format": FORMAT,
                "status": str(event.status),
                "engagement_id": str(event.engagement_id),
                "team_id": str(event.team_id),
                "by": str(event.by),
            }
        case Corrected():
            return {
                "format": FORMAT,
                "case": _case_json(event.case),
                "triggered_at": event.case.triggered_at.isoformat(),
                "decision": _decision_json(event.case.decision),
                "before": {"place": place_json(event.was), "target_s": event.was_target_s},
            }


def read(record: Record, case: Case | None) -> Event | None:
    """Return the event of a record that follows the state `case`; None for one that changes no case."""
    if record.kind not in KINDS:
        return None
    if record.data.get("format") != FORMAT:
        return first_records.read(record, case)
    data = record.data
    if record.kind == "report":
        return Reported(_read_case(record, record.at))
    if record.kind in CORRECTIONS:
        return _read_correction(record)
    if record.kind == "assign":
        return _read_order(record)
    if record.kind == "preempt":
        return Preempted(
            record.at, UUID(data["engagement_id"]), UUID(data["team_id"]), UUID(data["by"]), Status(data["status"])
        )
    stamps = {clock: datetime.fromisoformat(at) for clock, at in data["stamps"].items()}
    ends = None if "ends" not in data else Outcome(data["ends"])
    backfilled, corrected = data.get("backfilled", False), data.get("corrected", False)
    if record.kind in STEPS:
        return StepTaken(record.kind, record.at, Status(data["status"]), stamps, ends, backfilled, corrected)
    return TeamStepTaken(
        record.kind,
        record.at,
        UUID(data["engagement_id"]),
        UUID(data["team_id"]),
        stamps,
        ends,
        Status(data["status"]) if "status" in data else None,
        backfilled,
        corrected,
    )


def _step_json(event: Ordered | StepTaken | TeamStepTaken) -> JsonObject:
    value: JsonObject = {"format": FORMAT, "stamps": {clock: at.isoformat() for clock, at in event.stamps.items()}}
    if event.status is not None:
        value["status"] = str(event.status)
    if event.backfilled:
        value["backfilled"] = True
    if event.corrected:
        value["corrected"] = True
    return value


def _order_json(event: Ordered) -> JsonObject:
    value = _step_json(event) | {"engagements": [_engagement_json(each) for each in event.sent]}
    if event.decision is not None:
        value["decision"] = _decision_json(event.decision)
    return value | {"differs": differs_json(event)}


def differs_json(event: Ordered) -> JsonObject:
    """Return `differs` of the interface: how the order differs from the recommendation shown."""
    return {
        "added": [{"slot": slot, "team_id": team_id} for slot, team_id in event.added],
        "missing": [
            {"slot": each.slot, "team_id": each.team_id, "reason": each.reason, "incident_id": each.incident_id}
            for each in event.missing
        ],
    }


def _read_order(record: Record) -> Ordered:
    data = record.data
    differs = data["differs"]
    return Ordered(
        at=record.at,
        status=Status(data["status"]),
        stamps={clock: datetime.fromisoformat(at) for clock, at in data["stamps"].items()},
        sent=tuple(_read_engagement(each) for each in data["engagements"]),
        decision=_read_decision(record.id, data["decision"]) if "decision" in data else None,
        added=tuple((each["slot"], each["team_id"]) for each in differs["added"]),
        missing=tuple(Difference(**each) for each in differs["missing"]),
        backfilled=data.get("backfilled", False),
        corrected=data.get("corrected", False),
    )


def _engagement_json(each: Engagement) -> JsonObject:
    """Return an engagement as an order begins it: it has no other stamp yet."""
    value: JsonObject = {
        "id": str(each.id),
        "team_id": str(each.team_id),
        "slot": each.slot,
        "lead": each.lead,
        "engaging": each.engaging,
        "travel_s": each.travel_s,
        "response_s": each.response_s,
        "since": each.since.isoformat(),
    }
    if each.preempted_from is not None:
        value["preempted_from"] = str(each.preempted_from)
    return value


def _read_engagement(value: JsonObject) -> Engagement:
    origin = value.get("preempted_from")
    return Engagement(
        UUID(value["id"]),
        UUID(value["team_id"]),
        value["slot"],
        value["lead"],
        value["engaging"],
        value["travel_s"],
        value["response_s"],
        datetime.fromisoformat(value["since"]),
        preempted_from=None if origin is None else UUID(origin),
    )


def _decision_json(decision: Decision) -> JsonObject:
    recommendation = decision.recommendation
    return {
        "recommendation": recommendation.as_json(),
        "urgency": str(recommendation.urgency),
        "handler": None if recommendation.handler is None else recommendation.handler.as_json(),
        "versions": dict(decision.versions),
        "inputs": dict(decision.inputs),
    }


def _read_decision(event_id: UUID, value: JsonObject) -> Decision:
    handler = value["handler"]
    recommendation = Recommendation.from_json(
        value["recommendation"],
        facts=CaseFacts.from_json(value["inputs"]["case"]),
        urgency=Urgency(value["urgency"]),
        handler=None if handler is None else Handler(**handler),
    )
    return Decision(event_id, recommendation, value["versions"], value["inputs"])


def _case_json(case: Case) -> JsonObject:
    value: JsonObject = {
        "number": case.number,
        "type": case.type,
        "type_name": case.type_name,
        "urgency": str(case.urgency),
        "place": place_json(case.place),
        "target_s": case.target_s,
        "clock": {"policy": case.clock.policy, "start": case.clock.start, "stop": case.clock.stop},
        "reported_at": case.reported_at.isoformat(),
        "matter": case.matter,
        "drill": case.drill,
        "synthetic": case.synthetic,
        "source": case.source,
        "external_ref": case.external_ref,
    }
    if case.duplicates:
        value["duplicates"] = [each.as_json() for each in case.duplicates]
    if case.unknown:
        value["unknown"] = [each.as_json() for each in case.unknown]
    return value


def _read_correction(record: Record) -> Corrected:
    before = record.data["before"]
    case = replace(
        _read_case(record, datetime.fromisoformat(record.data["triggered_at"])),
        correction=Correction(record.kind, record.actor, record.at, record.id),
    )
    return Corrected(record.kind, record.at, case, read_place(before["place"]), before["target_s"])


def _read_case(record: Record, triggered_at: datetime) -> Case:
    value = record.data["case"]
    return Case(
        district=record.district,
        id=record.incident_id,
        number=value["number"],
        type=value["type"],
        type_name=value["type_name"],
        urgency=Urgency(value["urgency"]),
        place=read_place(value["place"]),
        target_s=value["target_s"],
        clock=Clock(**value["clock"]),
        decision=_read_decision(record.id, record.data["decision"]),
        reported_at=datetime.fromisoformat(value["reported_at"]),
        triggered_at=triggered_at,
        matter=value["matter"],
        drill=value["drill"],
        synthetic=value["synthetic"],
        source=value["source"],
        external_ref=value["external_ref"],
        duplicates=tuple(Duplicate(**each) for each in value.get("duplicates", ())),
        unknown=tuple(Unknown(**each) for each in value.get("unknown", ())),
    )

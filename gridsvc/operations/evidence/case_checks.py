"""A case's rows compared with its events: the row itself, engagements, personal data, notes, alerts and proposals."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID

from gridsvc.cases.records import rebuild
from gridsvc.db.cases.personal import FIELDS
from gridsvc.db.evidence.case_rows import iterate_cases, list_bodies_by_position, list_proposals_without_case
from gridsvc.operations.evidence.rebuild import differences, in_order_of_time, read_records
from gridsvc.operations.evidence.row_checks import is_proven

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from sqlalchemy import Connection

    from gridsvc.cases.records import Record
    from gridsvc.db.evidence.case_rows import CaseRows
    from gridsvc.operations.evidence.chain_walk import Proven
    from gridsvc.operations.evidence.faults import Faults

_MOST_COLUMNS = 5
_DECIDED_WITHIN = timedelta(minutes=1)
"""Events of decisions before this version have no `decided_at`; the row's was read from the clock a moment later."""


def check_cases(connection: Connection, code: str, proven: Proven, faults: Faults) -> int:
    """Compare every case with its events; return how many agree."""
    agreeing = 0
    try:
        for rows in iterate_cases(connection, code):
            found = list(case_faults(connection, code, rows, proven))
            for words in found:
                faults.add(words)
            agreeing += not found
    except ValueError as error:
        faults.add(f"the cases behind the {agreeing} that agree cannot be compared: {error}")
    for each in list_proposals_without_case(connection, code):
        faults.add(f"proposal {each} names no case")
    return agreeing


def case_faults(connection: Connection, code: str, rows: CaseRows, proven: Proven) -> Iterator[str]:
    """Yield what does not agree with the events of a case, in the order of their times or else in that of their seals.

    Both are the same unless the clock was set back between two events. The first needs no look at the seals.
    """
    try:
        found = list(_faults_in(in_order_of_time(read_records(rows.bodies)), rows, proven))
        if found:
            found = list(_faults_in(read_records(list_bodies_by_position(connection, code, rows.id)), rows, proven))
        yield from found
    except (KeyError, ValueError, TypeError, AttributeError) as error:
        yield f"the events of case {rows.id} cannot be read: {error}"


def _faults_in(records: Sequence[Record], rows: CaseRows, proven: Proven) -> Iterator[str]:
    """Yield what does not agree with the events of a case in this order."""
    yield from _state_faults(rows, records)
    for check in (_personal_faults, _note_faults, _alert_faults, _proposal_faults):
        yield from (f"case {rows.id}: {words}" for words in check(rows, records, proven))


def _state_faults(rows: CaseRows, records: Sequence[Record]) -> list[str]:
    """Return how a case's row and engagements differ from its events in this order."""
    try:
        case = rebuild(records)
    except (KeyError, ValueError, TypeError, AttributeError) as error:
        return [f"the events of case {rows.id} cannot follow each other: {error}"]
    if case is None:
        return [f"case {rows.id} has a row and no report among its events"]
    if rows.row is None:
        return [f"case {rows.id} has events and no row"]
    found = differences(case, rows)
    return [f"case {rows.id} differs from its events in: {', '.join(found[:_MOST_COLUMNS])}"] if found else []


def _personal_faults(rows: CaseRows, records: Sequence[Record], proven: Proven) -> Iterator[str]:
    said: dict[str, str] = next((each.data.get("said", {}) for each in records if each.kind == "report"), {})
    row = rows.personal
    if row is None:
        if said and not any(each.kind == "erase" for each in records):
            yield "the personal data of its report are gone, and were not erased"
        return
    for field in FIELDS:
        value, digest = row[field], said.get(field)
        if value is None and digest is None and said:
            continue
        if value is None and digest is not None:
            yield f"the {field} of its report is gone, and was not erased"
        elif not is_proven("incident_personal", str(rows.id), row, digest, value, proven):
            yield f"the {field} of its report differs from the digest in its event, or has none"


def _note_faults(rows: CaseRows, records: Sequence[Record], proven: Proven) -> Iterator[str]:
    noted: dict[str, str] = {}
    erased = set(proven.erased)
    for each in records:
        if each.kind == "erase":
            erased |= set(noted)
        elif "note_digest" in each.data:
            noted[str(each.id)] = each.data["note_digest"]
    found = set()
    for row in rows.notes:
        name = str(row["event_id"])
        found.add(name)
        if not is_proven("event_personal", name, row, noted.get(name), row["note"], proven):
            yield f"the note of event {name} differs from the digest in its event, or has none"
    for name in sorted(set(noted) - found - erased):
        yield f"the note of event {name} is gone, and was not erased"


def _alert_faults(rows: CaseRows, records: Sequence[Record], _proven: Proven) -> Iterator[str]:
    """Compare alerts with the events that were written with them; whole rows, since an event has every column."""
    expected: dict[object, dict[str, Any]] = {}
    for each in records:
        if each.kind in {"warning", "escalation"}:
            since = datetime.fromisoformat(each.data["since"])
            row = {
                "district": each.district,
                "incident_id": each.incident_id,
                "step": each.data["step"],
                "since": since,
                "rank": each.data["rank"],
                "limit_at": since + timedelta(seconds=each.data["limit_s"]),
                "at": each.at,
                "level": each.data["level"],
                "owner": each.data["owner"],
                "timers": each.data["timers"],
            }
            expected[row["step"], since, row["rank"]] = row
    stored = {(row["step"], row["since"], row["rank"]): row for row in rows.alerts}
    yield from _compare("alert", expected, stored)


def _proposal_faults(rows: CaseRows, records: Sequence[Record], _proven: Proven) -> Iterator[str]:
    expected: dict[object, dict[str, Any]] = {}
    decided: dict[object, datetime] = {}
    for each in records:
        if each.kind == "propose":
            expected[UUID(each.data["proposal_id"])] = {
                "district": each.district,
                "id": UUID(each.data["proposal_id"]),
                "kind": each.data["kind"],
                "incident_id": each.incident_id,
                "subject": each.data["subject"],
                "grounds": each.data["grounds"],
                "proposed_at": each.at,
                "decision": None,
                "decided_by": None,
                "decided_at": None,
                "decided_event": None,
            }
        elif each.kind == "decide":
            proposal_id, said = UUID(each.data["proposal_id"]), each.data.get("decided_at")
            expected[proposal_id] |= {
                "decision": each.data["decision"],
                "decided_by": each.actor,
                "decided_at": None if said is None else datetime.fromisoformat(said),
                "decided_event": each.id,
            }
            if said is None:
                decided[proposal_id] = each.at
    stored: dict[object, dict[str, Any]] = {row["id"]: dict(row) for row in rows.proposals}
    for key, at in decided.items():
        if key in stored and stored[key]["decided_at"] and at <= stored[key]["decided_at"] < at + _DECIDED_WITHIN:
            expected[key]["decided_at"] = stored[key]["decided_at"]
    yield from _compare("proposal", expected, stored)


def _compare(
    what: str, expected: Mapping[Any, Mapping[str, Any]], stored: Mapping[Any, Mapping[str, Any]]
) -> Iterator[str]:
    for key in expected.keys() - stored.keys():
        yield f"{what} {_name(key)} is gone"
    for key in stored.keys() - expected.keys():
        yield f"{what} {_name(key)} has no event"
    for key in expected.keys() & stored.keys():
        if other := [name for name, value in expected[key].items() if stored[key][name] != value]:
            yield f"{what} {_name(key)} differs from its event in: {', '.join(other)}"


def _name(key: object) -> str:
    return " ".join(str(part) for part in key) if isinstance(key, tuple) else str(key)

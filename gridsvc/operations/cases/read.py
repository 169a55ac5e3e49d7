"""Cases as they are now: one, a list of them, and what happened to each."""

from __future__ import annotations

import base64
import binascii
import json
from datetime import datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

from gridsvc.access.scopes import Right, mask_numbers, mask_reporter
from gridsvc.cases.model import legal_steps, legal_team_steps
from gridsvc.db.cases import alerts, engagements, incidents, personal
from gridsvc.db.evidence import events
from gridsvc.db.grids.versions import get_versions
from gridsvc.errors import InvalidInput, NotFound
from gridsvc.operations.cases.redaction import sieve

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Connection

    from gridsvc.db.cases.engagements import Engagement
    from gridsvc.db.cases.incidents import CaseFilter, StoredCase
    from gridsvc.operations.runtime.service import Service

LONGEST_PAGE = 1000


def get_case(service: Service, incident_id: UUID) -> dict[str, Any]:
    """Return a case as it is now, with what was said at its report where the caller may read it.

    The reporter is masked; `unmask` shows him. NotFound for a case that is unknown or out of scope.
    """
    with service.database.transaction() as connection:
        case = get_stored(connection, incident_id)
        told = case_json(connection, case)
        if service.caller.may(Right.READ_TEXTS):
            said = personal.find_personal(connection, case.district, case.id)
            told |= {name: words and mask_numbers(words) for name, words in said.items() if name != "reporter"}
            told["reporter"] = said["reporter"] and mask_reporter(said["reporter"])
        return sieve(connection).case(told)


def get_stored(connection: Connection, incident_id: UUID, *, lock: bool = False) -> StoredCase:
    """Return a case that is there for the caller, else NotFound."""
    case = incidents.find_incident(connection, incident_id, lock=lock)
    if case is None:
        raise NotFound(f"There is no case {incident_id}.", kind="no-incident")
    return case


def unmask(service: Service, incident_id: UUID, *, why: str) -> dict[str, Any]:
    """Return who reported a case and what was said of it, in full, and write the event that says who looked and why.

    The answer has {incident_id, reporter, description, subject, site, notes: {event id: note}}. NotFound where nothing
    was said, or all of it was erased.
    """
    service.caller.need(Right.UNMASK)

    def work(connection: Connection) -> dict[str, Any]:
        case = get_stored(connection, incident_id)
        now = get_versions(connection, case.district).now
        said = personal.find_personal(connection, case.district, case.id)
        notes = personal.list_notes(connection, case.district, case.id)
        shown = sorted(name for name, words in (said | {"notes": notes}).items() if words)
        if not shown:
            raise NotFound("Nothing was said of this case, or it was erased.", kind="nothing-said")
        data = {"fields": shown, "reporter": sorted(said["reporter"] or ())}
        personal.append_noted(connection, case.district, "unmask", note=why, actor=service.caller.name, at=now,
                              data=data, incident_id=case.id)  # fmt: skip
        return {"incident_id": str(case.id)} | said | {"notes": notes}

    return service.database.run(work)


def case_json(connection: Connection, case: StoredCase, on_case: Sequence[Engagement] | None = None) -> dict[str, Any]:
    """Return a case as the interface has it: the answer at its report, brought up to now.

    `on_case`: its engagements, in their order, where they are known already.
    """
    sounded = alerts.list_alerts(connection, case.district, [case.id]).get(case.id, [])
    if on_case is None:
        on_case = engagements.list_engagements(connection, case.district, [case.id])
    return _joined(case, on_case, sounded)


def list_cases(service: Service, wanted: CaseFilter, *, limit: int, after: str | None) -> dict[str, Any]:
    """Return {items, next}: cases newest first; `next` is the cursor of the following page, None at the end."""
    if not 1 <= limit <= LONGEST_PAGE:
        raise InvalidInput(f"`limit` is {limit}; give 1 to {LONGEST_PAGE}.")
    cursor = None if after is None else _read_cursor(after)
    with service.database.transaction() as connection:
        found = incidents.list_incidents(connection, wanted, limit=limit + 1, after=cursor)
        page = found[:limit]
        on_page: dict[UUID, list[Engagement]] = {case.id: [] for case in page}
        sounded: dict[UUID, list[dict[str, Any]]] = {}
        for code in {case.district for case in page}:
            ids = [case.id for case in page if case.district == code]
            for engagement in engagements.list_engagements(connection, code, ids):
                on_page[engagement.incident_id].append(engagement)
            sounded |= alerts.list_alerts(connection, code, ids)
        sift = sieve(connection)
        items = [sift.case(_joined(case, on_page[case.id], sounded.get(case.id, []))) for case in page]
    more = len(found) > limit
    return {"items": items, "next": _cursor(page[-1].triggered_at, page[-1].id) if more else None}


def list_case_events(service: Service, incident_id: UUID) -> dict[str, Any]:
    """Return {items}: every event of a case, oldest first, with its sealed position (None = not sealed yet)."""
    with service.database.transaction() as connection:
        case = get_stored(connection, incident_id)
        rows = events.list_incident_events(connection, case.district, incident_id)
        notes: dict[str, str] = {}
        if service.caller.may(Right.READ_TEXTS):
            notes = personal.list_notes(connection, case.district, incident_id)
            notes = {event: mask_numbers(note) for event, note in notes.items()}
        sift = sieve(connection)
        items = [sift.event(json.loads(body)) | {"position": position} for body, position in rows]
    return {"items": [item | {"note": notes[item["id"]]} if item["id"] in notes else item for item in items]}


def _joined(case: StoredCase, on_case: Sequence[Engagement], sounded: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Join a case with its teams (those that it engages, those that have it on their work list only) and alerts."""
    stamps = {clock: None if at is None else at.isoformat() for clock, at in case.clocks.items()}
    return case.details | stamps | {
        "number": case.number,
        "status": str(case.status),
        "waiting": case.waiting,
        "legal_steps": list(legal_steps(case.status)),
        "assignments": [_assignment(engagement) for engagement in on_case if engagement.engaging],
        "work_list": [_assignment(engagement) for engagement in on_case if not engagement.engaging],
        "alerts": list(sounded),
    }  # fmt: skip


def _assignment(engagement: Engagement) -> dict[str, Any]:
    state = engagement.state
    clocks = ("since", "until", "acknowledged_at", "en_route_at", "on_scene_at")
    stamps = {clock: None if (at := getattr(state, clock)) is None else at.isoformat() for clock in clocks}
    return {
        "team_id": str(engagement.team_id),
        "slot": engagement.slot,
        "lead": engagement.lead,
        **stamps,
        "outcome": state.outcome,
        "travel_s": engagement.travel_s,
        "response_s": engagement.response_s,
        "legal_steps": list(legal_team_steps(state)),
    }


def _cursor(at: datetime, last: UUID) -> str:
    return base64.urlsafe_b64encode(f"{at.isoformat()} {last}".encode()).decode().rstrip("=")


def _read_cursor(cursor: str) -> tuple[datetime, UUID]:
    try:
        at, last = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode().split(" ")
        return datetime.fromisoformat(at), UUID(last)
    except (ValueError, binascii.Error):
        raise InvalidInput("`after` is no cursor of this list. Use `next` of the page before, unchanged.") from None

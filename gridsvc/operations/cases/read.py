"""Cases as they are now: one, a list of them, and what happened to each."""

from __future__ import annotations

import base64
import binascii
import json
from datetime import datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

from gridsvc.access.scopes import Right, mask_numbers, mask_reporter
from gridsvc.cases.answer import case_json
from gridsvc.cases.model import CLOSED
from gridsvc.db.cases import alerts, engagements, incidents, pages, personal
from gridsvc.db.evidence import events
from gridsvc.db.grids.versions import get_clock, get_versions
from gridsvc.errors import InvalidInput, NotFound
from gridsvc.evidence.chain import whole
from gridsvc.operations.cases.persons import persons_of_answer
from gridsvc.operations.cases.redaction import redaction

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from sqlalchemy import Connection

    from gridsvc.cases.model import Case
    from gridsvc.db.cases.filters import CaseFilter
    from gridsvc.json_types import Json
    from gridsvc.operations.runtime.service import Service

LONGEST_PAGE = 1000


def get_case(service: Service, incident_id: UUID) -> dict[str, Json]:
    """Return a case as it is now, with the personal data of its report where the caller may read it.

    The reporter is masked; `unmask` shows them. NotFound for a case that is unknown or out of scope.
    """
    with service.database.transaction() as connection:
        case = get_stored(connection, incident_id)
        answer = _answers(connection, [case])[0]
        if service.caller.may(Right.READ_TEXTS):
            texts = personal.find_personal(connection, case.district, case.id)
            answer |= {name: text and mask_numbers(text) for name, text in texts.items() if name != "reporter"}
            answer["reporter"] = texts["reporter"] and mask_reporter(texts["reporter"])
            if case.correction is not None:
                reason = personal.find_note(connection, case.district, case.correction.event_id)
                answer["correction"] |= {"reason": reason and mask_numbers(reason)}
        answer = redaction(connection).case(answer)
        return persons_of_answer(connection, answer).in_answer(answer, get_clock(connection))


def get_stored(connection: Connection, incident_id: UUID, *, lock: bool = False) -> Case:
    """Return a case that exists for the caller, else NotFound."""
    case = incidents.find_case(connection, incident_id, lock=lock)
    if case is None:
        raise no_case(incident_id)
    return case


def no_case(incident_id: UUID) -> NotFound:
    """Return the refusal for a case that does not exist for the caller."""
    return NotFound(f"There is no case {incident_id}.", kind="no-incident", incident_id=str(incident_id))


def unmask(service: Service, incident_id: UUID, *, why: str) -> dict[str, Json]:
    """Return the personal data of a case in full, and write the event that names the reader and the reason.

    The answer has {incident_id, reporter, description, subject, site, notes: {event id: note}}. NotFound where there
    are none, or all of them were erased.
    """
    service.caller.need(Right.UNMASK)

    def work(connection: Connection) -> dict[str, Json]:
        case = get_stored(connection, incident_id)
        now = get_versions(connection, case.district).now
        texts = personal.find_personal(connection, case.district, case.id)
        notes = personal.list_notes(connection, case.district, case.id)
        shown = sorted(name for name, text in (texts | {"notes": notes}).items() if text)
        if not shown:
            raise NotFound("This case has no reporter, description or notes, or they were erased.", kind="nothing-said")
        data = {"fields": shown, "reporter": sorted(texts["reporter"] or ())}
        personal.append_noted(
            connection,
            case.district,
            "unmask",
            note=why,
            actor=service.caller.name,
            at=now,
            data=data,
            incident_id=case.id,
        )
        return {"incident_id": str(case.id)} | texts | {"notes": notes}

    return service.database.run(work)


def list_cases(service: Service, wanted: CaseFilter, *, limit: int, after: str | None) -> dict[str, Json]:
    """Return {items, next}: rows of cases newest first; `next` is the cursor of the following page, None at the end.

    A row has the names of a case, without its recommendation and history; its `assignments` are the teams that are on
    it now.
    """
    if not 1 <= limit <= LONGEST_PAGE:
        raise InvalidInput(
            f"`limit` is {limit}; give 1 to {LONGEST_PAGE}.", field="limit", limit=limit, largest=LONGEST_PAGE
        )
    cursor = None if after is None else read_cursor(after)

    def read(connection: Connection) -> dict[str, Json]:
        found = pages.newest(connection, wanted.condition(connection), limit=limit + 1, after=cursor)
        page = found[:limit]
        present = [row for row in page if row["status"] not in CLOSED]
        districts = {row["district"] for row in present}
        live = engagements.list_live(connection, sorted(districts), [row["id"] for row in present])
        items = [_row_json(row, live.get(row["id"], ())) for row in page]
        more = len(found) > limit
        return {"items": items, "next": write_cursor(page[-1]["triggered_at"], page[-1]["id"]) if more else None}

    return service.database.read(read)


def _row_json(row: Mapping[str, Any], live: Iterable[tuple[UUID, str, bool, datetime]]) -> dict[str, Json]:
    """Return a row of a list, with the names that a case has."""
    value = {key: field.isoformat() if isinstance(field, datetime) else field for key, field in row.items()}
    location = {key: value.pop(key) for key in ("lon", "lat", "radius_m")}
    if not location["radius_m"]:
        del location["radius_m"]
    sent = [
        {"team_id": str(team), "slot": slot, "lead": lead, "since": since.isoformat(), "until": None}
        for team, slot, lead, since in live
    ]
    ownership = {key: value.pop(key) for key in ("rule", "generation")}
    return value | {"id": str(row["id"]), "location": location, "ownership": ownership, "assignments": sent}


def _answers(connection: Connection, cases: Sequence[Case]) -> list[dict[str, Json]]:
    """Return the answers about cases as they are now, with their alerts."""
    raised: dict[UUID, list[alerts.Alert]] = {}
    for code in {case.district for case in cases}:
        raised |= alerts.list_alerts(connection, code, [case.id for case in cases if case.district == code])
    now = get_clock(connection)
    return [whole(case_json(case, now, [each.as_json() for each in raised.get(case.id, ())])) for case in cases]


def list_case_events(service: Service, incident_id: UUID) -> dict[str, Json]:
    """Return {items}: every event of a case, oldest first, with its sealed position.

    The position is None while the event is not sealed, and for a caller of one grid: it counts the district's events.
    """
    with service.database.transaction() as connection:
        case = get_stored(connection, incident_id)
        rows = events.list_incident_events(connection, case.district, incident_id)
        notes: dict[str, str] = {}
        if service.caller.may(Right.READ_TEXTS):
            notes = personal.list_notes(connection, case.district, incident_id)
            notes = {event: mask_numbers(note) for event, note in notes.items()}
        redact = redaction(connection)
        shown = service.caller.scope.grid is None
        items = [redact.event(json.loads(body)) | {"position": position if shown else None} for body, position in rows]
    return {"items": [item | {"note": notes[item["id"]]} if item["id"] in notes else item for item in items]}


def write_cursor(at: datetime, last: UUID) -> str:
    """Return the cursor of the page behind a case."""
    return base64.urlsafe_b64encode(f"{at.isoformat()} {last}".encode()).decode().rstrip("=")


def read_cursor(cursor: str) -> tuple[datetime, UUID]:
    """Return the case behind which a page begins; InvalidInput for a text that is no cursor."""
    try:
        at, last = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode().split(" ")
        return datetime.fromisoformat(at), UUID(last)
    except (ValueError, binascii.Error):
        raise InvalidInput("`after` is no cursor of this list. Use `next` of the page before, unchanged.") from None

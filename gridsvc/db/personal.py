"""Personal data: in tables of its own, with a digest in the event, and gone when the law says so.

Nothing else in the database holds it. A digest is SHA-256 over a random salt and the data; with the row the salt goes,
and what the event keeps is worth nothing any more, while the chain over the events stays as it is.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import delete, func, insert, select, text

from gridsvc import audit
from gridsvc.access import phone_digits
from gridsvc.db import events
from gridsvc.db.access_tables import event_personal, incident_personal

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime
    from uuid import UUID

    from sqlalchemy import Connection

FIELDS = ("reporter", "description", "subject", "site")


@dataclass(frozen=True, slots=True)
class PersonalRow:
    """What was said at a report, as a row of `incident_personal`, and its digests for the event."""

    row: dict[str, Any]
    digests: dict[str, str]


def personal_row(district: str, incident_id: UUID, said: Mapping[str, Any]) -> PersonalRow | None:
    """Return the row of what was said (`FIELDS`; absent, None and empty are nothing); None where nothing was."""
    given = {name: said[name] for name in FIELDS if said.get(name)}
    if not given:
        return None
    salt = os.urandom(16)
    digests = {name: audit.personal_digest(salt, value) for name, value in given.items()}
    row = {"district": district, "incident_id": incident_id, "salt": salt} | dict.fromkeys(FIELDS) | given
    return PersonalRow(row, digests)


def add_personal(connection: Connection, rows: Sequence[dict[str, Any]]) -> None:
    """Write rows of `personal_row`, after their cases."""
    if rows:
        connection.execute(insert(incident_personal), list(rows))


def find_personal(connection: Connection, district: str, incident_id: UUID) -> dict[str, Any]:
    """Return what was said at the report of a case: FIELDS, None where nothing was said or it was erased."""
    query = select(*(incident_personal.c[name] for name in FIELDS)).where(
        incident_personal.c.district == district, incident_personal.c.incident_id == incident_id
    )
    row = connection.execute(query).one_or_none()
    return dict.fromkeys(FIELDS) if row is None else dict(zip(FIELDS, row, strict=True))


def noted_row(
    district: str, kind: str, *, note: str | None, data: dict[str, Any], incident_id: UUID | None = None, **facts: Any
) -> tuple[dict[str, Any], dict[str, Any] | None]:
    """Return an event (`events.event_row`) and, apart, its free words; the event has their `note_digest`."""
    if not note:
        return events.event_row(district, kind, data=data, incident_id=incident_id, **facts), None
    salt = os.urandom(16)
    data = data | {"note_digest": audit.personal_digest(salt, note)}
    event = events.event_row(district, kind, data=data, incident_id=incident_id, **facts)
    return event, {
        "district": district, "event_id": event["id"], "incident_id": incident_id, "note": note, "salt": salt
    }  # fmt: skip


def append_noted(
    connection: Connection,
    district: str,
    kind: str,
    *,
    note: str | None,
    actor: str,
    at: datetime,
    data: dict[str, Any],
    incident_id: UUID | None = None,
    client_at: datetime | None = None,
) -> None:
    """Write one event whose free words lie apart, in the transaction of its change."""
    event, apart = noted_row(
        district, kind, note=note, actor=actor, at=at, data=data, incident_id=incident_id, client_at=client_at
    )
    events.append_events(connection, [event])
    add_notes(connection, [apart] if apart else [])


def add_notes(connection: Connection, rows: Sequence[dict[str, Any]]) -> None:
    """Write the free words of events (`noted_row`), after their events."""
    if rows:
        connection.execute(insert(event_personal), list(rows))


def list_notes(connection: Connection, district: str, incident_id: UUID) -> dict[str, str]:
    """Return {event id: note} of a case."""
    query = select(event_personal.c.event_id, event_personal.c.note).where(
        event_personal.c.district == district, event_personal.c.incident_id == incident_id
    )
    return {str(event_id): note for event_id, note in connection.execute(query)}


_by_reporter = text(
    """
    select district, incident_id from incident_personal
    where lower(reporter ->> 'name') = lower(:words) or lower(subject) = lower(:words)
       or (:digits <> '' and regexp_replace(regexp_replace(reporter ->> 'phone', '[^0-9]', '', 'g'),
                                            '^(00)?86(1[0-9]{10})$', '\\2') = :digits)
    order by district, incident_id
    """
)
_by_case = text(
    "select district, id from incident where cast(id as text) = lower(:words) or cast(number as text) = :words "
    "order by district, id"
)


def list_subject_cases(connection: Connection, subject: str) -> list[tuple[str, UUID]]:
    """Return (district, case) of everything kept on a subject: a phone number, a full name, or a case.

    A phone number is compared by its digits, a name whole and without regard to case.
    """
    words = subject.strip()
    digits = phone_digits(words)
    is_phone = len(digits) >= 5 and not any(letter.isalpha() for letter in words)
    said = connection.execute(_by_reporter, {"words": words, "digits": digits if is_phone else ""}).all()
    named = connection.execute(_by_case, {"words": words}).all()
    return sorted({(row[0], row[1]) for row in (*said, *named)})


def count_case(connection: Connection, district: str, incident_id: UUID) -> int:
    """Return how many rows hold what was said at the report and in the notes of a case."""
    return sum(
        connection.scalar(select(func.count()).where(table.c.district == district, table.c.incident_id == incident_id))
        or 0
        for table in (incident_personal, event_personal)
    )


def erase_case(connection: Connection, district: str, incident_id: UUID) -> int:
    """Delete what was said at the report and in the notes of a case; return how many rows went."""
    gone = 0
    for table in (incident_personal, event_personal):
        done = connection.execute(delete(table).where(table.c.district == district, table.c.incident_id == incident_id))
        gone += done.rowcount
    return gone

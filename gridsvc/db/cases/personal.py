"""Personal data: in separate tables, with a digest in the event, and erased when the law requires it.

Nothing else in the database holds it. A digest is SHA-256 over a random salt and the data; with the row the salt goes,
and what the event keeps is worth nothing any more, while the chain over the events stays as it is.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import insert, select

from gridsvc.db.evidence import events
from gridsvc.db.schema.access import closure_personal, event_personal, incident_personal
from gridsvc.evidence import chain

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime
    from uuid import UUID

    from sqlalchemy import Connection


FIELDS = ("reporter", "description", "subject", "site")


@dataclass(frozen=True, slots=True)
class PersonalRow:
    """The personal data of a report as a row of `incident_personal`, and their digests for its event."""

    row: dict[str, Any]
    digests: dict[str, str]


def personal_row(district: str, incident_id: UUID, texts: Mapping[str, Any]) -> PersonalRow | None:
    """Return the row of the personal data (`FIELDS`; absent, None and empty mean no value); None without any value."""
    given = {name: texts[name] for name in FIELDS if texts.get(name)}
    if not given:
        return None
    salt = os.urandom(16)
    digests = {name: chain.personal_digest(salt, value) for name, value in given.items()}
    row = {"district": district, "incident_id": incident_id, "salt": salt} | dict.fromkeys(FIELDS) | given
    return PersonalRow(row, digests)


def add_personal(connection: Connection, rows: Sequence[dict[str, Any]]) -> None:
    """Write rows of `personal_row`, after their cases."""
    if rows:
        connection.execute(insert(incident_personal), list(rows))


def find_personal(connection: Connection, district: str, incident_id: UUID) -> dict[str, Any]:
    """Return the personal data of a case's report: FIELDS, each None where it was not given or was erased."""
    query = select(*(incident_personal.c[name] for name in FIELDS)).where(
        incident_personal.c.district == district, incident_personal.c.incident_id == incident_id
    )
    row = connection.execute(query).one_or_none()
    return dict.fromkeys(FIELDS) if row is None else dict(zip(FIELDS, row, strict=True))


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
) -> UUID:
    """Write an event whose note is stored in a separate table, in the transaction of its change; return its id."""
    event, noted = events.noted_row(district, kind, note=note, actor=actor, at=at, data=data, incident_id=incident_id)
    events.append_events(connection, [event])
    add_notes(connection, [noted] if noted else [])
    event_id: UUID = event["id"]
    return event_id


def add_notes(connection: Connection, rows: Sequence[dict[str, Any]]) -> None:
    """Write the notes of events (`events.noted_row`), after their events."""
    if rows:
        connection.execute(insert(event_personal), list(rows))


def list_notes(connection: Connection, district: str, incident_id: UUID) -> dict[str, str]:
    """Return {event id: note} of a case."""
    query = select(event_personal.c.event_id, event_personal.c.note).where(
        event_personal.c.district == district, event_personal.c.incident_id == incident_id
    )
    return {str(event_id): note for event_id, note in connection.execute(query)}


def find_note(connection: Connection, district: str, event_id: UUID) -> str | None:
    """Return the note of an event; None where it has none, or it was erased."""
    query = select(event_personal.c.note).where(
        event_personal.c.district == district, event_personal.c.event_id == event_id
    )
    note: str | None = connection.scalar(query)
    return note


def list_notes_without_case(connection: Connection, district: str) -> list[dict[str, Any]]:
    """Return the rows of the notes of events of no case."""
    query = select(event_personal).where(event_personal.c.district == district, event_personal.c.incident_id.is_(None))
    return [dict(row) for row in connection.execute(query).mappings()]


def list_closure_reasons(connection: Connection, district: str) -> list[dict[str, Any]]:
    """Return the rows of the reasons of closures."""
    query = select(closure_personal).where(closure_personal.c.district == district)
    return [dict(row) for row in connection.execute(query).mappings()]


def add_closure_reason(connection: Connection, district: str, closure_id: UUID, reason: str) -> str:
    """Write the reason of a closure to a separate table; return the digest for its event."""
    salt = os.urandom(16)
    row = {"district": district, "closure_id": closure_id, "reason": reason, "salt": salt}
    connection.execute(insert(closure_personal).values(row))
    return chain.personal_digest(salt, reason)

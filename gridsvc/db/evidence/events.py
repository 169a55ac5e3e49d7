"""Events: appended in the transaction of their change, sealed later by one sealer, so that no writer waits."""

from __future__ import annotations

import json
import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import bindparam, func, select, text

from gridsvc.db.schema.cases import event_seal, incident_event
from gridsvc.db.session.fast_statements import fetch_all, fetch_one, insert_into
from gridsvc.db.session.ids import uuid7
from gridsvc.evidence import chain

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime
    from uuid import UUID

    from sqlalchemy import Connection

    from gridsvc.json_types import Json

EVENT = ("district", "id", "incident_id", "kind", "at", "body")
WRITTEN = f"written as ({insert_into('incident_event', EVENT)})"
MARKED = insert_into("event_unsealed", ("district", "event_id"))
"""An event and its unsealed mark as parts of one statement; their values are `event_values`."""

# One statement writes the event and its unsealed mark.
_append = text(
    "with written as (insert into incident_event (district, id, incident_id, kind, at, body) "
    "values (:district, :id, :incident_id, :kind, :at, :body)) "
    "insert into event_unsealed (district, event_id) values (:district, :id)"
).bindparams(bindparam("id"), bindparam("incident_id"))


def append_event(
    connection: Connection,
    district: str,
    kind: str,
    *,
    actor: str,
    at: datetime,
    data: dict[str, Any],
    incident_id: UUID | None = None,
    client_at: datetime | None = None,
) -> UUID:
    """Write one event in the transaction of its change and return its id."""
    row = event_row(district, kind, actor=actor, at=at, data=data, incident_id=incident_id, client_at=client_at)
    append_events(connection, [row])
    event_id: UUID = row["id"]
    return event_id


def event_values(row: dict[str, Any]) -> list[Any]:
    """Return the values of WRITTEN and MARKED for an event."""
    return [*(row[name] for name in EVENT), row["district"], row["id"]]


def event_row(
    district: str,
    kind: str,
    *,
    actor: str,
    at: datetime,
    data: dict[str, Any],
    incident_id: UUID | None = None,
    client_at: datetime | None = None,
    event_id: UUID | None = None,
) -> dict[str, Any]:
    """Return an event as a row with its canonical text; `event_id` where the data name the event itself.

    Its id sorts by `at`, the database's clock: the events of a case stay in order, even where the clocks of the
    machines that wrote them differ.
    """
    event_id = event_id or uuid7(at)
    body = chain.event_text(
        district=district,
        event_id=event_id,
        incident_id=incident_id,
        kind=kind,
        actor=actor,
        at=at,
        client_at=client_at,
        data=data,
    )
    return {"district": district, "id": event_id, "incident_id": incident_id, "kind": kind, "at": at, "body": body}


def noted_row(
    district: str, kind: str, *, note: str | None, data: dict[str, Any], incident_id: UUID | None = None, **facts: Json
) -> tuple[dict[str, Any], dict[str, Any] | None]:
    """Return an event (`event_row`) and the row of its note, which may be erased: the event has only its digest."""
    if not note:
        return event_row(district, kind, data=data, incident_id=incident_id, **facts), None
    salt = os.urandom(16)
    data = data | {"note_digest": chain.personal_digest(salt, note)}
    event = event_row(district, kind, data=data, incident_id=incident_id, **facts)
    return event, {
        "district": district,
        "event_id": event["id"],
        "incident_id": incident_id,
        "note": note,
        "salt": salt,
    }


def append_events(connection: Connection, rows: Sequence[dict[str, Any]]) -> None:
    """Write many events (`event_row`) at once."""
    if len(rows) == 1:
        fetch_all(connection, f"with {WRITTEN} {MARKED}", event_values(rows[0]))
    elif rows:
        connection.execute(_append, list(rows))


def has_events(connection: Connection, district: str) -> bool:
    """Whether a district has a chain, or an event that waits for its place in it."""
    query = select(incident_event.c.id).where(incident_event.c.district == district).limit(1)
    return connection.scalar(query) is not None


def find_body(connection: Connection, district: str, incident_id: UUID, event_id: UUID) -> dict[str, Any] | None:
    """Return the parsed canonical text of one event of a case; None where the case has no such event."""
    query = "select body from incident_event where district = %s and id = %s and incident_id = %s"
    row = fetch_one(connection, query, (district, event_id, incident_id))
    found: dict[str, Any] | None = None if row is None else json.loads(row[0])
    return found


def list_incident_events(connection: Connection, district: str, incident_id: UUID) -> list[tuple[str, int | None]]:
    """Return (canonical text, sealed position or None) of every event of a case, in their order."""
    query = (
        select(incident_event.c.body, event_seal.c.position)
        .outerjoin(
            event_seal,
            (event_seal.c.district == incident_event.c.district) & (event_seal.c.event_id == incident_event.c.id),
        )
        .where(incident_event.c.district == district, incident_event.c.incident_id == incident_id)
        .order_by(incident_event.c.at, incident_event.c.id)
    )
    return [(body, position) for body, position in connection.execute(query)]


@dataclass(frozen=True, slots=True)
class SealedEvent:
    """A row of a chain with its event; `body` (UTF-8) None = the event is gone.

    `incident_id`, `kind` and `at` are the event's columns, which must say what its body says.
    """

    position: int
    hash: bytes
    event_id: UUID
    body: bytes | None
    incident_id: UUID | None
    kind: str
    at: datetime


_FETCHED = 500
_CHAIN = """
    select s.position, s.hash, s.event_id, convert_to(e.body, 'UTF8'), e.incident_id, e.kind, e.at
    from event_seal s
    left join incident_event e on e.district = s.district and e.id = s.event_id
    where s.district = %s
    order by s.position
"""


def iterate_chain(connection: Connection, district: str) -> Iterator[SealedEvent]:
    """Yield a district's chain from its beginning, streamed; past SQLAlchemy and in binary, for speed.

    The next rows are fetched while those before are looked at: the database and the reader work side by side.
    """
    driver = connection.connection.driver_connection
    assert driver is not None
    with (
        driver.cursor(name=f"chain_{district.replace('*', 'all')}", binary=True) as cursor,
        ThreadPoolExecutor(1) as ahead,
    ):
        cursor.execute(_CHAIN, [district])
        fetched = ahead.submit(cursor.fetchmany, _FETCHED)
        while rows := fetched.result():
            fetched = ahead.submit(cursor.fetchmany, _FETCHED)
            for row in rows:
                yield SealedEvent(*row)


_WAITING = """
    select e.id, e.kind, convert_to(e.body, 'UTF8') from event_unsealed u
    join incident_event e on e.district = u.district and e.id = u.event_id
    where u.district = %s and e.incident_id is null order by u.written, u.event_id
"""


def list_unsealed_without_case(connection: Connection, district: str) -> list[tuple[UUID, str, bytes]]:
    """Return (id, kind, canonical text) of the events of no case that wait for their seal, in their order."""
    return [(each, kind, body) for each, kind, body in fetch_all(connection, _WAITING, (district,))]


def count_chain(connection: Connection, district: str) -> int:
    """Return the last position of a district's chain, 0 where it has none."""
    query = select(func.coalesce(func.max(event_seal.c.position), 0)).where(event_seal.c.district == district)
    return int(connection.execute(query).scalar_one())


def list_chains(connection: Connection) -> list[str]:
    """Return the codes of all districts that have events or seals, also of those that are no longer there."""
    query = text(
        "select district from event_seal group by district union select district from incident_event group by district"
    )
    return sorted(connection.scalars(query))


def list_marks_without_event(connection: Connection, district: str) -> list[UUID]:
    """Return events that wait for a seal and are not there: they were removed before they had one."""
    query = text(
        "select u.event_id from event_unsealed u left join incident_event e on e.district = u.district "
        "and e.id = u.event_id where u.district = :district and e.id is null order by 1"
    )
    return list(connection.scalars(query, {"district": district}))


def count_unsealed(connection: Connection, district: str) -> tuple[int, float]:
    """Return how many events wait for their seal, and for how many seconds the oldest has."""
    query = text(
        "select count(*), coalesce(extract(epoch from clock_timestamp() - min(e.at)), 0) from event_unsealed u "
        "join incident_event e on e.district = u.district and e.id = u.event_id where u.district = :district"
    )
    count, oldest_s = connection.execute(query, {"district": district}).one()
    return count, max(0.0, float(oldest_s))


def list_unchained(connection: Connection, district: str) -> list[UUID]:
    """Return events that are neither sealed nor waiting to be: their mark was removed."""
    query = text(
        "select e.id from incident_event e "
        "left join event_seal s on s.district = e.district and s.event_id = e.id "
        "left join event_unsealed u on u.district = e.district and u.event_id = e.id "
        "where e.district = :district and s.event_id is null and u.event_id is null order by e.id"
    )
    return list(connection.scalars(query, {"district": district}))

"""Every case with all its rows and events, streamed in parallel: what a verification compares."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from heapq import merge
from itertools import groupby
from typing import TYPE_CHECKING, Any

import psycopg

from gridsvc.db.cases.rows import ENGAGEMENT_ROW, INCIDENT
from gridsvc.db.schema.access import event_personal, incident_personal
from gridsvc.db.schema.jobs import alert, proposal
from gridsvc.db.session.fast_statements import fetch_all

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from uuid import UUID

    from sqlalchemy import Connection, Table

_COLUMNS = ", ".join(
    f"st_asbinary(i.{name}) as {name}" if name in {"geom", "extent"} else f"i.{name}" for name in INCIDENT
)


def _columns(table: Table) -> str:
    return ", ".join(f'"{column.name}"' for column in table.columns)


_OF_CASE = "where district = %s and incident_id is not null"
_QUERIES = {
    "incident": (f"select i.id as incident_id, {_COLUMNS} from incident i where i.district = %s", "i.id"),
    "engagement": (f"select {', '.join(ENGAGEMENT_ROW)} from engagement where district = %s", "incident_id"),
    "incident_event": (f"select incident_id, id, body from incident_event {_OF_CASE}", "incident_id"),
    "incident_personal": (f"select {_columns(incident_personal)} from incident_personal where district = %s",
                          "incident_id"),
    "event_personal": (f"select {_columns(event_personal)} from event_personal {_OF_CASE}", "incident_id"),
    "alert": (f"select {_columns(alert)} from alert where district = %s", "incident_id"),
    "proposal": (f"select {_columns(proposal)} from proposal {_OF_CASE}", "incident_id"),
}  # fmt: skip
"""By table: the rows of a district, and the column that has their case."""
_SECOND = {"engagement": ", id", "incident_event": ", id"}


@dataclass(frozen=True, slots=True)
class CaseRows:
    """All rows of a case, by column; `row` None = the case's own row is gone.

    Geometries are WKB; `bodies` are the texts of its events, in the order of their ids.
    """

    id: UUID
    row: dict[str, Any] | None
    engagements: dict[UUID, dict[str, Any]]
    bodies: list[str]
    personal: dict[str, Any] | None
    notes: list[dict[str, Any]]
    alerts: list[dict[str, Any]]
    proposals: list[dict[str, Any]]


def iterate_cases(connection: Connection, district: str) -> Iterator[CaseRows]:
    """Yield every case of which there is any row, in the order of the ids.

    Raises
    ------
    ValueError
        For a value that cannot be read, as a time after the year 9999.
    """
    streams = [_stream(connection, table, district) for table in _QUERIES]
    try:
        for key, group in groupby(merge(*streams, key=lambda each: each[0]), lambda each: each[0]):
            yield _case_rows(key, group)
    except psycopg.DataError as error:
        raise ValueError(f"a value cannot be read: {error}") from error


def find_case_rows(connection: Connection, district: str, incident_id: UUID) -> CaseRows:
    """Return all rows of one case."""
    driver = connection.connection.driver_connection
    assert driver is not None
    found: list[tuple[UUID, str, dict[str, Any]]] = []
    for table, (query, key) in _QUERIES.items():
        with driver.cursor(binary=True) as cursor:
            cursor.execute(f"{query} and {key} = %s order by {key}{_SECOND.get(table, '')}", [district, incident_id])
            names = [column.name for column in cursor.description or ()]
            found += [(incident_id, table, dict(zip(names, row, strict=True))) for row in cursor]
    return _case_rows(incident_id, found)


_SEALED = """
    select e.body from incident_event e
    left join event_seal s on s.district = e.district and s.event_id = e.id
    where e.district = %s and e.incident_id = %s order by s.position nulls last, e.id
"""


def list_bodies_by_position(connection: Connection, district: str, incident_id: UUID) -> list[str]:
    """Return the texts of a case's events in the order of their seals, those without a seal last."""
    return [row[0] for row in fetch_all(connection, _SEALED, (district, incident_id))]


def list_proposals_without_case(connection: Connection, district: str) -> list[UUID]:
    """Return the proposals that name no case; the service makes none."""
    query = "select id from proposal where district = %s and incident_id is null order by id"
    return [row[0] for row in fetch_all(connection, query, (district,))]


def _case_rows(key: UUID, group: Iterable[tuple[UUID, str, dict[str, Any]]]) -> CaseRows:
    rows: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for _, table, row in group:
        rows[table].append(row)
    return CaseRows(
        key,
        rows["incident"][0] if rows["incident"] else None,
        {row["id"]: row for row in rows["engagement"]},
        [row["body"] for row in rows["incident_event"]],
        rows["incident_personal"][0] if rows["incident_personal"] else None,
        rows["event_personal"],
        rows["alert"],
        rows["proposal"],
    )


def _stream(connection: Connection, table: str, district: str) -> Iterator[tuple[UUID, str, dict[str, Any]]]:
    query, key = _QUERIES[table]
    driver = connection.connection.driver_connection
    assert driver is not None
    with driver.cursor(name=f"cases_{table}", binary=True) as cursor:
        cursor.itersize = 1000
        cursor.execute(f"{query} order by {key}{_SECOND.get(table, '')}", [district])
        names = [column.name for column in cursor.description or ()]
        at = names.index("incident_id")
        for row in cursor:
            yield row[at], table, dict(zip(names, row, strict=True))

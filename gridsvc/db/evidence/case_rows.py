"""Every case with its engagements and events, streamed in parallel: what a verification compares."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from gridsvc.db.cases.rows import ENGAGEMENT_ROW, INCIDENT

if TYPE_CHECKING:
    from collections.abc import Iterator
    from uuid import UUID

    from sqlalchemy import Connection

_COLUMNS = ", ".join(
    f"st_asbinary(i.{name}) as {name}" if name in {"geom", "extent"} else f"i.{name}" for name in INCIDENT
)
_CASES = f"select {_COLUMNS} from incident i where i.district = %s"
_EVENTS = "select incident_id, body from incident_event where district = %s and incident_id is not null"
_ENGAGEMENTS = f"select {', '.join(ENGAGEMENT_ROW)} from engagement where district = %s"


@dataclass(frozen=True, slots=True)
class CaseRows:
    """A case's row by column, its engagements by id and column, and the texts of its events; row None = it is gone.

    Geometries are WKB.
    """

    id: UUID
    row: dict[str, Any] | None
    engagements: dict[UUID, dict[str, Any]]
    bodies: list[str]


def iterate_cases(connection: Connection, district: str) -> Iterator[CaseRows]:
    """Yield every case that has a row or an event, in the order of the ids."""
    cases = _rows(connection, "cases", f"{_CASES} order by i.id", district, "id")
    events = _rows(connection, "case_events", f"{_EVENTS} order by incident_id, id", district, "incident_id")
    engagements = _rows(connection, "engagements", f"{_ENGAGEMENTS} order by incident_id, id", district, "incident_id")
    case, event, engagement = next(cases, None), next(events, None), next(engagements, None)
    while case is not None or event is not None or engagement is not None:
        key = min(each[0] for each in (case, event, engagement) if each is not None)
        row = None
        if case is not None and case[0] == key:
            row, case = case[1], next(cases, None)
        bodies = []
        while event is not None and event[0] == key:
            bodies.append(event[1]["body"])
            event = next(events, None)
        live: dict[UUID, dict[str, Any]] = {}
        while engagement is not None and engagement[0] == key:
            live[engagement[1]["id"]] = engagement[1]
            engagement = next(engagements, None)
        yield CaseRows(key, row, live, bodies)


def find_case_rows(connection: Connection, district: str, incident_id: UUID) -> CaseRows:
    """Return the rows and events of one case."""

    def rows(query: str, key: str) -> list[dict[str, Any]]:
        driver = connection.connection.driver_connection
        assert driver is not None
        with driver.cursor(binary=True) as cursor:
            cursor.execute(f"{query} and {key} = %s", [district, incident_id])
            names = [column.name for column in cursor.description or ()]
            return [dict(zip(names, row, strict=True)) for row in cursor]

    case = rows(_CASES, "i.id")
    engagements = {row["id"]: row for row in rows(_ENGAGEMENTS, "incident_id")}
    return CaseRows(
        incident_id, case[0] if case else None, engagements, [row["body"] for row in rows(_EVENTS, "incident_id")]
    )


def _rows(
    connection: Connection, name: str, query: str, district: str, key: str
) -> Iterator[tuple[UUID, dict[str, Any]]]:
    driver = connection.connection.driver_connection
    assert driver is not None
    with driver.cursor(name=name, binary=True) as cursor:
        cursor.itersize = 1000
        cursor.execute(query, [district])
        names = [column.name for column in cursor.description or ()]
        for row in cursor:
            values = dict(zip(names, row, strict=True))
            yield values[key], values

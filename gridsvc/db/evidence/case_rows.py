"""Every case with its engagements and events, streamed side by side: what a verification compares."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator
    from uuid import UUID

    from sqlalchemy import Connection

_CASES = """
    select i.id, i.number, i.type, i.urgency, i.response_class, i.target_s, i.clock_policy, i.status, i.waiting,
           i.drill, st_x(i.geom) as lon, st_y(i.geom) as lat, i.regional, i.township, i.area, i.village, i.rule,
           i.generation, i.handler, i.details, i.versions, i.reported_at, i.triggered_at, i.accepted_at, i.assigned_at,
           i.handled_at, i.feedback_at, i.archived_at, i.cancelled_at
    from incident i where i.district = %s order by i.id
"""
_EVENTS = """
    select incident_id, body from incident_event where district = %s and incident_id is not null
    order by incident_id, id
"""
_ENGAGEMENTS = """
    select incident_id, id, team_id, slot, lead, since, until, acknowledged_at, en_route_at, on_scene_at, outcome
    from engagement where district = %s order by incident_id, id
"""


@dataclass(frozen=True, slots=True)
class CaseRows:
    """A case's row by column, its engagements by id and column, and the texts of its events; row None = it is gone."""

    id: UUID
    row: dict[str, Any] | None
    engagements: dict[UUID, dict[str, Any]]
    bodies: list[str]


def iterate_cases(connection: Connection, district: str) -> Iterator[CaseRows]:
    """Yield every case that has a row or an event, in the order of the ids."""
    cases = _rows(connection, "cases", _CASES, district, "id")
    events = _rows(connection, "case_events", _EVENTS, district, "incident_id")
    engagements = _rows(connection, "engagements", _ENGAGEMENTS, district, "incident_id")
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

"""One case, and the open cases near a place. Lists are in `pages` and `queue`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from gridsvc.db.cases.engagements import list_engagements
from gridsvc.db.cases.rows import STATE, read_case
from gridsvc.db.schema.cases import OPEN
from gridsvc.db.session.district_of import in_scope
from gridsvc.db.session.fast_statements import fetch_all, fetch_one

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime
    from uuid import UUID

    from sqlalchemy import Connection

    from gridsvc.cases.model import Case
    from gridsvc.db.session.pipeline import Statement

_STATE = ", ".join(STATE)
_FIND = f"""
    select incident.district, {_STATE}, event.body
    from incident join incident_event as event
      on event.district = incident.district and event.id = incident.report_event
    where incident.id = %s and """
_LOCK = "select 1 from incident where id = %s and {} for no key update"
_PRESENT = "select id from incident where id = any(%s) and "


def case_statement(connection: Connection, incident_id: UUID) -> Statement:
    """Return the statement that reads a case by its id.

    Its row: the district, then what `read_case` takes, without the engagements.
    """
    condition, values = in_scope(connection, "incident.district")
    return _FIND + condition, (incident_id, *values)


def lock_statement(connection: Connection, incident_id: UUID) -> Statement:
    """Return the statement that locks a case until the transaction ends; it goes before `case_statement`.

    Who waited for the lock reads the case by a statement that begins after the wait: a correction may have come first,
    and with it the event that the row names.
    """
    condition, values = in_scope(connection)
    return _LOCK.format(condition), (incident_id, *values)


def find_case(connection: Connection, incident_id: UUID, *, lock: bool = False) -> Case | None:
    """Return a case of any district; `lock` keeps others from changing it until the transaction ends."""
    if lock:
        fetch_all(connection, *lock_statement(connection, incident_id))
    row = fetch_one(connection, *case_statement(connection, incident_id))
    if row is None:
        return None
    district, *state, report = row
    return read_case(state, report, list_engagements(connection, district, [incident_id])[incident_id])


def list_present(connection: Connection, ids: Sequence[UUID]) -> set[UUID]:
    """Return those of the cases that exist for the caller of the transaction."""
    condition, values = in_scope(connection)
    return {each for (each,) in fetch_all(connection, _PRESENT + condition, (list(ids), *values))}


@dataclass(frozen=True, slots=True)
class NearCase:
    """An open case near a new one."""

    id: UUID
    number: int
    type: str
    status: str
    lon: float
    lat: float
    triggered_at: datetime


_NEAR = f"""
    select id, number, type, status, st_x(geom), st_y(geom), triggered_at
    from incident
    where district = %s and {OPEN} and not drill
      and geom && st_makeenvelope(%s, %s, %s, %s, 4326)
      and type = any(%s) and triggered_at > %s
    order by triggered_at desc
    limit %s
"""


@dataclass(frozen=True, slots=True)
class NearQuery:
    """Which open cases are near: of certain types, in a box (west, south, east, north), since a time, newest first."""

    district: str
    box: tuple[float, float, float, float]
    types: tuple[str, ...]
    since: datetime
    limit: int

    def statement(self) -> Statement:
        """Return the statement whose rows make `NearCase`."""
        return _NEAR, (self.district, *self.box, list(self.types), self.since, self.limit)


def list_near(connection: Connection, wanted: NearQuery) -> list[NearCase]:
    """Return open cases near a new one."""
    return [NearCase(*row) for row in fetch_all(connection, *wanted.statement())]

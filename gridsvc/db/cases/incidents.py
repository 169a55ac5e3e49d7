"""Cases: one of them, and lists."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import func, literal_column, or_, select, text

from gridsvc.db.cases.engagements import list_engagements
from gridsvc.db.cases.rows import STATE, read_case
from gridsvc.db.schema.cases import incident, incident_event
from gridsvc.db.session.fast_statements import fetch_all, fetch_one

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime
    from uuid import UUID

    from sqlalchemy import Connection, Select

    from gridsvc.cases.model import Case, Engagement

_STATE = ", ".join(STATE)
_FIND = f"""
    select incident.district, {_STATE}, event.body
    from incident join incident_event as event
      on event.district = incident.district and event.id = incident.report_event
    where incident.id = %s and incident.district in (select code from district)
"""


def find_case(connection: Connection, incident_id: UUID, *, lock: bool = False) -> Case | None:
    """Return a case of any district; `lock` keeps others from changing it until the transaction ends."""
    row = fetch_one(connection, _FIND + (" for no key update of incident" if lock else ""), (incident_id,))
    if row is None:
        return None
    district, *state, report = row
    return read_case(state, report, list_engagements(connection, district, [incident_id])[incident_id])


def list_present(connection: Connection, ids: Sequence[UUID]) -> set[UUID]:
    """Return those of the cases that exist for the caller of the transaction."""
    return set(connection.scalars(select(incident.c.id).where(incident.c.id.in_(ids))))


@dataclass(frozen=True, slots=True)
class CaseFilter:
    """What a list of cases is asked for; None = everything."""

    district: str | None = None
    statuses: tuple[str, ...] | None = None
    owner: str | None = None
    response_class: str | None = None
    since: datetime | None = None
    bbox: tuple[float, float, float, float] | None = None
    late: bool | None = None
    waiting: bool | None = None
    number: int | None = None


_select = select(
    *(incident.c[name] for name in ("district", "id", "triggered_at")),
    *(literal_column(f"incident.{column}") if "(" not in column else literal_column(column) for column in STATE),
    incident_event.c.body,
).join_from(
    incident,
    incident_event,
    (incident_event.c.district == incident.c.district) & (incident_event.c.id == incident.c.report_event),
)


def list_cases(
    connection: Connection, wanted: CaseFilter, *, limit: int, after: tuple[datetime, UUID] | None
) -> list[Case]:
    """Return cases, newest first, from behind the cursor `after` (triggered_at, id)."""
    query = _filtered(wanted).order_by(incident.c.triggered_at.desc(), incident.c.id.desc()).limit(limit)
    if after is not None:
        at, last = after
        query = query.where(text("(incident.triggered_at, incident.id) < (:at, :last)")).params(at=at, last=last)
    rows = connection.execute(query).all()
    ids: dict[str, list[UUID]] = {}
    for row in rows:
        ids.setdefault(row[0], []).append(row[1])
    on_case: dict[UUID, list[Engagement]] = {}
    for district, cases in ids.items():
        on_case |= list_engagements(connection, district, cases)
    return [read_case(row[3:-1], row[-1], on_case[row[1]]) for row in rows]


# `timing` is what `cases.timing.evaluate` found at the last event; an open case is late once it is due.
_late = "(incident.timing = 'late' or (incident.timing = 'open' and incident.due_at < clock_timestamp()))"
_in_time = (
    "(incident.timing is null or incident.timing = 'met' or (incident.timing = 'open'"
    " and not coalesce(incident.due_at < clock_timestamp(), false)))"
)


def _filtered(wanted: CaseFilter) -> Select[Any]:
    query = _select
    if wanted.district is not None:
        query = query.where(incident.c.district == wanted.district)
    if wanted.number is not None:
        query = query.where(incident.c.number == wanted.number)
    if wanted.statuses is not None:
        query = query.where(incident.c.status.in_(wanted.statuses))
    if wanted.owner is not None:
        levels = (incident.c.regional, incident.c.township, incident.c.area, incident.c.village)
        query = query.where(or_(*(level == wanted.owner for level in levels)))
    if wanted.response_class is not None:
        query = query.where(incident.c.response_class == wanted.response_class)
    if wanted.since is not None:
        query = query.where(incident.c.triggered_at >= wanted.since)
    if wanted.bbox is not None:
        box = func.ST_MakeEnvelope(*wanted.bbox, 4326)
        # Behind row level security only && may use the index; the other decides to the last digit.
        query = query.where(incident.c.geom.op("&&")(box), func.ST_Intersects(incident.c.geom, box))
    if wanted.waiting is not None:
        query = query.where(incident.c.waiting == wanted.waiting)
    if wanted.late is not None:
        query = query.where(text(_late if wanted.late else _in_time))
    return query


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


_NEAR = """
    select id, number, type, status, st_x(geom), st_y(geom), triggered_at
    from incident
    where district = %s and status not in ('archived', 'cancelled') and not drill
      and geom && st_makeenvelope(%s, %s, %s, %s, 4326)
      and type = any(%s) and triggered_at > %s
    order by triggered_at desc
    limit %s
"""


def list_near(
    connection: Connection,
    district: str,
    box: tuple[float, float, float, float],
    types: Sequence[str],
    since: datetime,
    limit: int,
) -> list[NearCase]:
    """Return open cases of certain types in a box (west, south, east, north) since a time, newest first."""
    rows = fetch_all(connection, _NEAR, (district, *box, list(types), since, limit))
    return [NearCase(*row) for row in rows]

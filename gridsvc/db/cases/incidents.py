"""Cases: written once, then changed step by step; read alone or as a list."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC
from typing import TYPE_CHECKING, Any

from sqlalchemy import func, literal_column, or_, select, text

from gridsvc.cases.model import CaseState, Status
from gridsvc.db.schema.cases import incident
from gridsvc.db.session.fast_statements import fetch_all, fetch_one

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime
    from uuid import UUID

    from sqlalchemy import Connection, Select

CLOCKS = ("accepted_at", "assigned_at", "handled_at", "feedback_at", "archived_at", "cancelled_at")


@dataclass(frozen=True, slots=True)
class StoredCase:
    """A case as it lies in the database. `details` is the answer that was given at its report."""

    district: str
    id: UUID
    number: int
    type: str
    urgency: str
    response_class: str | None
    target_s: int | None
    status: Status
    waiting: bool
    drill: bool
    lon: float
    lat: float
    generation: int | None
    details: dict[str, Any]
    reported_at: datetime
    triggered_at: datetime
    clocks: dict[str, datetime | None]

    def changed(self, status: Status, *, waiting: bool, stamps: Mapping[str, datetime]) -> StoredCase:
        """Return the case after a step, as it will be read again."""
        clocks = self.clocks | {clock: at.astimezone(UTC) for clock, at in stamps.items()}
        return replace(self, status=status, waiting=waiting, clocks=clocks)

    def state(self, live: int) -> CaseState:
        """Return what the step rules need; `live` counts engagements that have not ended."""
        return CaseState(
            self.status, self.triggered_at, self.clocks["accepted_at"], self.clocks["assigned_at"],
            self.clocks["handled_at"], live,
        )  # fmt: skip


_COLUMNS = (
    "district", "id", "number", "type", "urgency", "response_class", "target_s", "status", "waiting", "drill",
    "st_x(geom)", "st_y(geom)", "generation", "details", "reported_at", "triggered_at", *CLOCKS,
)  # fmt: skip
_columns: list[Any] = [literal_column(column) for column in _COLUMNS]
_select = select(*_columns).select_from(incident)
_FIND = f"select {', '.join(_COLUMNS)} from incident where id = %s and district in (select code from district)"


def _stored(row: Sequence[Any]) -> StoredCase:
    values: list[Any] = [*row[:16], dict(zip(CLOCKS, row[16:], strict=True))]
    values[7] = Status(values[7])
    return StoredCase(*values)


def find_incident(connection: Connection, incident_id: UUID, *, lock: bool = False) -> StoredCase | None:
    """Return a case of any district; `lock` keeps others from changing it until the transaction ends."""
    row = fetch_one(connection, _FIND + (" for no key update of incident" if lock else ""), (incident_id,))
    return None if row is None else _stored(row)


def list_present(connection: Connection, incident_ids: Sequence[UUID]) -> set[UUID]:
    """Return those of the cases that are there for the caller of the transaction."""
    return set(connection.scalars(select(incident.c.id).where(incident.c.id.in_(incident_ids))))


def read_extent(connection: Connection, district: str, incident_id: UUID) -> bytes | None:
    """Return the line or area that a case stands for, as WKB; None for a point."""
    query = select(func.ST_AsBinary(incident.c.extent)).where(
        incident.c.district == district, incident.c.id == incident_id
    )
    found = connection.scalar(query)
    return None if found is None else bytes(found)


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


def list_incidents(
    connection: Connection, wanted: CaseFilter, *, limit: int, after: tuple[datetime, UUID] | None
) -> list[StoredCase]:
    """Return cases, newest first, from behind the cursor `after` (triggered_at, id)."""
    query = _filtered(wanted).order_by(incident.c.triggered_at.desc(), incident.c.id.desc()).limit(limit)
    if after is not None:
        at, last = after
        query = query.where(text("(incident.triggered_at, incident.id) < (:at, :last)")).params(at=at, last=last)
    return [_stored(row) for row in connection.execute(query)]


# Late: the first team was, or would by now be, on the scene after the target; routine cases have none.
_late = (
    "incident.target_s is not null and coalesce((select min(e.on_scene_at) from engagement e "
    "where e.district = incident.district and e.incident_id = incident.id), "
    "incident.cancelled_at, incident.archived_at, clock_timestamp()) "
    "> incident.reported_at + make_interval(secs => incident.target_s)"
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
        query = query.where(text(_late if wanted.late else f"not ({_late})"))
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

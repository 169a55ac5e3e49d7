"""Closures in the database: never forgotten, so that an answer of the past can be worked out again."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import shapely
from geoalchemy2.shape import from_shape
from sqlalchemy import case, func, or_, select, update
from sqlalchemy.dialects.postgresql import insert

from gridsvc.db.cases import personal
from gridsvc.db.evidence import row_digests
from gridsvc.db.schema.access import closure_personal
from gridsvc.db.schema.tables import closure
from gridsvc.db.session.district_of import in_scope
from gridsvc.db.session.fast_statements import fetch_one
from gridsvc.db.session.ids import uuid7
from gridsvc.roads.search.closures import Closure

if TYPE_CHECKING:
    from collections.abc import Sequence
    from uuid import UUID

    from shapely.geometry.base import BaseGeometry
    from sqlalchemy import Connection

_EARLIEST, _LATEST = datetime(1001, 1, 1, tzinfo=UTC), datetime(9000, 1, 1, tzinfo=UTC)


def add_closure(
    connection: Connection,
    district: str,
    geometry: BaseGeometry,
    *,
    factor: float,
    profiles: Sequence[str],
    since: datetime,
    until: datetime | None,
    reason: str,
) -> tuple[UUID, str]:
    """Insert a closure, and its reason in a separate table; return the id and the digest of the reason."""
    number = uuid7()
    row = {
        "district": district,
        "id": number,
        "geom": from_shape(geometry, srid=4326),
        "factor": factor,
        "profiles": list(profiles),
        "from": since,
        "until": until,
    }
    connection.execute(insert(closure).values(row))
    row_digests.mark(connection, "closure", district, number)
    return number, personal.add_closure_reason(connection, district, number, reason)


def delete_closure(connection: Connection, district: str, number: UUID) -> bool:
    """End a closure now; False where there is none that is not deleted already."""
    known = (closure.c.district == district, closure.c.id == number, closure.c.deleted_at.is_(None))
    ended = connection.execute(update(closure).where(*known).values(deleted_at=func.clock_timestamp())).rowcount > 0
    if ended:
        row_digests.mark(connection, "closure", district, number)
    return ended


def find_district_of_closure(connection: Connection, number: UUID) -> str | None:
    """Return the district of a closure."""
    condition, values = in_scope(connection)
    row = fetch_one(connection, f"select district from closure where id = %s and {condition}", (number, *values))
    return None if row is None else row[0]


def list_closures(connection: Connection, district: str, *, known_at: datetime | None = None) -> list[Closure]:
    """Return the closures that are not deleted (or were not at a time), also those that begin later, by id.

    Versions before stored any time. One that Python cannot represent is read as what it means: no end, or always since.
    """
    columns = (
        closure.c.id,
        func.ST_AsBinary(closure.c.geom),
        closure.c.factor,
        closure.c.profiles,
        func.greatest(closure.c["from"], _EARLIEST),
        case((closure.c.until <= _LATEST, closure.c.until)),
        closure_personal.c.reason,
    )
    said = closure.outerjoin(closure_personal)
    query = select(*columns).select_from(said).where(closure.c.district == district).order_by(closure.c.id)
    if known_at is None:
        query = query.where(closure.c.deleted_at.is_(None))
    else:
        alive = or_(closure.c.deleted_at.is_(None), closure.c.deleted_at > known_at)
        query = query.where(closure.c.created_at <= known_at, alive)
    return [
        Closure(str(number), shapely.from_wkb(bytes(shape)), factor, tuple(profiles), since, until, reason)
        for number, shape, factor, profiles, since, until, reason in connection.execute(query)
    ]

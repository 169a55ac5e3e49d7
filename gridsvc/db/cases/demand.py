"""Emergencies of the past as demand: what, where, and at which hour of the day."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from gridsvc.db.session.fast_statements import fetch_all

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy import Connection

_EMERGENCIES = """
    select i.type, i.response_class, st_x(i.geom), st_y(i.geom),
           cast(extract(hour from i.reported_at at time zone d.time_zone) as int)
    from incident as i join district as d on d.code = i.district
    where i.district = %(district)s and not i.drill and i.urgency = 'emergency' and i.status <> 'cancelled'
    and (%(since)s::timestamptz is null or i.reported_at >= %(since)s)
    and (%(until)s::timestamptz is null or i.reported_at < %(until)s)
    order by i.reported_at, i.id
"""


class PastCase(NamedTuple):
    """One emergency; `hour` is local, 0 to 23."""

    type: str
    response_class: str | None
    lon: float
    lat: float
    hour: int


def list_emergencies(
    connection: Connection, district: str, since: datetime | None, until: datetime | None
) -> list[PastCase]:
    """Return the emergencies that were reported from `since` until before `until`, without drills, oldest first."""
    rows = fetch_all(connection, _EMERGENCIES, {"district": district, "since": since, "until": until})
    return [PastCase(*row) for row in rows]

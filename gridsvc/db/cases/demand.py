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

# Of these only cases whose position is in the district. A case that a live one names as its reference is the same call.
_IMPORTED = """
    select coalesce(c.type, ''), coalesce(c.response_class, c.place_class), c.lon, c.lat,
           cast(extract(hour from c.received_at at time zone d.time_zone) as int)
    from imported_case as c join district as d on d.code = c.district
    where c.district = %(district)s and not c.drill and c.emergency and not c.cancelled and c.place = 'located'
    and c.received_at is not null
    and (%(since)s::timestamptz is null or c.received_at >= %(since)s)
    and (%(until)s::timestamptz is null or c.received_at < %(until)s)
    and (not %(without_live)s or not exists (
        select from incident as i where i.district = c.district and i.external_ref = c.case_id and not i.drill))
    order by c.received_at, c.file, c."row"
"""


_STEP_DEG = 0.0005
"""Emergencies in a cell of so many degrees, about 50 m, are one place."""

_PLACES = f"""
    select avg(lon), avg(lat), count(*) from (
        select * from ({_EMERGENCIES}) as live (type, class, lon, lat, hour)
        union all select * from ({_IMPORTED}) as imported (type, class, lon, lat, hour)
    ) as each group by floor(lon / {_STEP_DEG}), floor(lat / {_STEP_DEG}) order by 1, 2
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


def list_imported_emergencies(
    connection: Connection, district: str, since: datetime | None, until: datetime | None, *, without_live: bool
) -> list[PastCase]:
    """Return the emergencies of other systems that lie in the district, as `list_emergencies` does.

    Their class is what the file says, else that of the place. `without_live`: without those that a live case names as
    its external reference. A case without a type has the type ''.
    """
    values = {"district": district, "since": since, "until": until, "without_live": without_live}
    return [PastCase(*row) for row in fetch_all(connection, _IMPORTED, values)]


def list_emergency_places(connection: Connection, district: str, until: datetime) -> list[tuple[float, float, int]]:
    """Return (lon, lat, how many) of the emergencies before `until`, live and imported; a call that is both once."""
    values = {"district": district, "since": None, "until": until, "without_live": True}
    return [(lon, lat, count) for lon, lat, count in fetch_all(connection, _PLACES, values)]

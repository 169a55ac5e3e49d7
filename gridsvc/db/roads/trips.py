"""Recorded trips: from en route to on scene, where the team stood, where it went."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import text

from gridsvc.db.session.fast_statements import fetch_all

if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID

    from sqlalchemy import Connection


@dataclass(frozen=True, slots=True)
class RecordedTrip:
    """One engagement of a team as a trip; all stamps aware, None = not stamped.

    lon, lat: of the case. start_lon, start_lat: where the team was when it left, None = no position of then is kept.
    earlier_until: when the last of its engagements before ended; next_since: when the one after began. imported: of
    another system; `incident_id` is then `file/row`, and team_id None where no team, or no single one, has the name.
    """

    incident_id: UUID | str
    team_id: UUID | None
    en_route_at: datetime | None
    on_scene_at: datetime | None
    lon: float
    lat: float
    response_class: str | None
    drill: bool
    earlier_until: datetime | None
    next_since: datetime | None
    start_lon: float | None
    start_lat: float | None
    imported: bool = False


# The window covers all engagements of a team, also those that the span leaves out. A position counts up to two
# minutes before leaving, when it is accurate to a block.
_trips = text(
    """
    with every as (
        select e.*,
               max(coalesce(e.until, 'infinity')) over (
                   partition by e.team_id order by e.since, e.id
                   rows between unbounded preceding and 1 preceding
               ) as earlier_until,
               lead(e.since) over (partition by e.team_id order by e.since, e.id) as next_since
        from engagement as e
        where e.district = :district and e.engaging
    )
    select e.incident_id, e.team_id, e.en_route_at, e.on_scene_at, st_x(i.geom), st_y(i.geom),
           i.response_class, i.drill,
           case when e.earlier_until = 'infinity' then e.on_scene_at else e.earlier_until end, e.next_since,
           st_x(p.geom), st_y(p.geom)
    from every as e
    join incident as i on i.district = e.district and i.id = e.incident_id
    left join lateral (
        select q.geom
        from team_position as q
        where q.district = e.district and q.team_id = e.team_id
          and q.at between e.en_route_at - interval '2 min' and e.en_route_at
          and coalesce(q.accuracy_m, 0) <= 100
        order by q.at desc
        limit 1
    ) as p on true
    where e.since >= coalesce(:since, '-infinity'::timestamptz) and e.since < coalesce(:until, 'infinity'::timestamptz)
    order by e.since, e.id
    """
)


def list_trips(
    connection: Connection, district: str, since: datetime | None, until: datetime | None
) -> list[RecordedTrip]:
    """Return every engagement of an emergency that began in the span, oldest first; what is no trip is not left out."""
    rows = connection.execute(_trips, {"district": district, "since": since, "until": until})
    return [RecordedTrip(*row) for row in rows]


# A team is known by its name or id; two teams of one name are none. Where no export says when a team was free again, it
# was on the case at least until it arrived.
_IMPORTED = """
    with names as (
        select lower(btrim(name)) as word, (array_agg(id))[1] as id from team where district = %(district)s
        group by 1 having count(*) = 1
        union select id::text, id from team where district = %(district)s
    ),
    every as (
        select t.*, coalesce(t.since, t.en_route_at, t.on_scene_at) as begun,
               max(coalesce(t.until, t.on_scene_at, t.en_route_at, t.since)) over (
                   partition by t.team order by coalesce(t.since, t.en_route_at, t.on_scene_at), t.file, t.n
                   rows between unbounded preceding and 1 preceding
               ) as earlier_until,
               lead(coalesce(t.since, t.en_route_at, t.on_scene_at)) over (
                   partition by t.team order by coalesce(t.since, t.en_route_at, t.on_scene_at), t.file, t.n
               ) as next_since
        from imported_team as t where t.district = %(district)s and t.team is not null
    )
    select e.file::text || '/' || e.case_row::text, names.id, e.en_route_at, e.on_scene_at, c.lon, c.lat,
           coalesce(c.response_class, c.place_class), c.drill, e.earlier_until, e.next_since, null, null, true
    from every as e
    join imported_case as c on c.district = e.district and c.file = e.file and c."row" = e.case_row
    left join names on names.word = lower(btrim(e.team))
    where c.emergency and c.place = 'located'
    and (%(since)s::timestamptz is null or e.begun >= %(since)s)
    and (%(until)s::timestamptz is null or e.begun < %(until)s)
    order by e.begun, e.file, e.n
"""


def list_imported_trips(
    connection: Connection, district: str, since: datetime | None, until: datetime | None
) -> list[RecordedTrip]:
    """Return what `list_trips` does of imported emergencies whose position is in the district."""
    values = {"district": district, "since": since, "until": until}
    return [RecordedTrip(*row) for row in fetch_all(connection, _IMPORTED, values)]

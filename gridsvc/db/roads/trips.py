"""Recorded trips: from en route to on scene, where the team stood, where it went."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import text

if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID

    from sqlalchemy import Connection


@dataclass(frozen=True, slots=True)
class RecordedTrip:
    """One engagement of a team as a trip; all stamps aware, None = not stamped.

    lon, lat: of the case. start_lon, start_lat: where the team was when it left, None = no position of then is kept.
    earlier_until: when the last of its engagements before ended; next_since: when the one after began.
    """

    incident_id: UUID
    team_id: UUID
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

"""Late cases with all that was recorded of them, and what was predicted for every emergency."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from gridsvc.db.cases.engagements import list_engagements
from gridsvc.db.cases.rows import STATE, read_case
from gridsvc.db.session.fast_statements import fetch_all

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy import Connection

    from gridsvc.cases.model import Case

_PIECE = 500
_WITHIN = """
    i.district = %(district)s and not i.drill and i.urgency = 'emergency'
    and (%(since)s::timestamptz is null or i.reported_at >= %(since)s)
    and (%(until)s::timestamptz is null or i.reported_at < %(until)s)
"""
# A position counts up to a minute from the stamp, when it is accurate to a block.
_LATE = f"""
    select i.id, p.off_place_m, {", ".join(STATE)}, event.body
    from incident as i
    join incident_event as event on event.district = i.district and event.id = i.report_event
    left join lateral (
        select st_distance(q.geom::geography, i.geom::geography) as off_place_m
        from engagement as e
        join team_position as q on q.district = e.district and q.team_id = e.team_id
          and q.at between e.on_scene_at - interval '1 min' and e.on_scene_at + interval '1 min'
          and coalesce(q.accuracy_m, 0) <= 100
        where e.district = i.district and e.incident_id = i.id and e.engaging and e.on_scene_at = i.arrived_at
        order by abs(extract(epoch from q.at - e.on_scene_at)) limit 1
    ) as p on true
    where {_WITHIN} and i.timing = 'late' and i.arrived_at is not null
    order by i.reported_at, i.id
"""
_COUNT = f"select count(*) from incident as i where {_WITHIN} and i.timing = 'late' and i.arrived_at is not null"
_PREDICTED = f"""
    select i.id::text, i.reported_at, i.response_class, i.target_s, f.since, f.team_id::text,
           e.team_id::text, e.since, e.on_scene_at, r.shown -> 'lead', r.shown -> 'considered'
    from incident as i
    join incident_event as event on event.district = i.district and event.id = i.report_event
    cross join lateral (select event.body::jsonb #> '{{data,decision,recommendation}}' as shown) as r
    left join lateral (
        select * from engagement as e
        where e.district = i.district and e.incident_id = i.id and e.lead and e.engaging
        order by e.since, e.id limit 1
    ) as f on true
    left join lateral (
        select * from engagement as e
        where e.district = i.district and e.incident_id = i.id and e.lead and e.engaging and e.on_scene_at is not null
        order by e.on_scene_at, e.id limit 1
    ) as e on true
    where {_WITHIN} and i.status <> 'cancelled'
    order by i.reported_at, i.id
"""


class LateRow(NamedTuple):
    """A late case, and how far from its place the team stood that stopped the clock, None = no position is stored."""

    case: Case
    off_place_m: float | None


def count_late(connection: Connection, district: str, since: datetime | None, until: datetime | None) -> int:
    """Return how many cases `list_late` returns."""
    found: int = fetch_all(connection, _COUNT, {"district": district, "since": since, "until": until})[0][0]
    return found


def list_late(connection: Connection, district: str, since: datetime | None, until: datetime | None) -> list[LateRow]:
    """Return the emergencies that were reported from `since` until before `until` and reached late, oldest first."""
    rows = fetch_all(connection, _LATE, {"district": district, "since": since, "until": until})
    found = []
    for start in range(0, len(rows), _PIECE):
        piece = rows[start : start + _PIECE]
        engaged = list_engagements(connection, district, [row[0] for row in piece])
        for number, off_place_m, *state, report in piece:
            found.append(LateRow(read_case(state, report, engaged[number]), off_place_m))
    return found


class PredictedRow(NamedTuple):
    """What was predicted at the report of an emergency, which lead was sent first, and which arrived first.

    `lead` and `considered` as in the recommendation that the report's event has.
    """

    case_id: str
    reported_at: datetime
    response_class: str
    target_s: int | None
    first_since: datetime | None
    first_team_id: str | None
    team_id: str | None
    since: datetime | None
    on_scene_at: datetime | None
    lead: dict[str, Any] | None
    considered: list[dict[str, Any]] | None


def list_predicted(
    connection: Connection, district: str, since: datetime | None, until: datetime | None
) -> list[PredictedRow]:
    """Return the emergencies that were reported from `since` until before `until`, oldest first."""
    rows = fetch_all(connection, _PREDICTED, {"district": district, "since": since, "until": until})
    return [PredictedRow(*row) for row in rows]

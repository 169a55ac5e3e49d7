"""Cases as the command screen's list and map need them: few columns, one query, every open case and the last closed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import text

if TYPE_CHECKING:
    from sqlalchemy import Connection

OPEN_SHOWN = 2000
CLOSED_SHOWN = 200

# Owners are read from the answer that was given at the report: an open case keeps them.
_cases = text("""
    with shown as (
        (select * from incident where status not in ('archived', 'cancelled')
         order by triggered_at desc, id desc limit :open_shown)
        union all
        (select * from incident where status in ('archived', 'cancelled')
         order by triggered_at desc, id desc limit :closed_shown))
    select i.id, i.number, i.type, i.urgency, i.response_class, i.status, i.waiting, i.drill,
           ST_X(i.geom), ST_Y(i.geom),
           i.reported_at, i.target_s, coalesce(i.archived_at, i.cancelled_at),
           i.details -> 'owners' -> 'township' ->> 'name', i.details -> 'owners' -> 'village' ->> 'name',
           i.details -> 'ownership' ->> 'rule',
           e.arrived_at, e.moving_at, e.teams
    from shown as i
    left join lateral (
        select min(e.on_scene_at) as arrived_at, min(e.en_route_at) as moving_at,
               array_agg(e.team_id order by e.lead desc, e.since) filter (where e.until is null) as teams
        from engagement e where e.district = i.district and e.incident_id = i.id) as e on true
    order by i.triggered_at desc, i.id desc""")


def list_screen_cases(connection: Connection) -> list[dict[str, Any]]:
    """Return the cases as JSON values, newest first; `teams` are those that are on it now, the lead first.

    `late` is not among them: whoever shows a case compares `reported_at` + `target_s` with `arrived_at` or the clock.
    """
    rows = connection.execute(_cases, {"open_shown": OPEN_SHOWN, "closed_shown": CLOSED_SHOWN})
    return [
        {
            "id": str(row[0]),
            "number": row[1],
            "type": row[2],
            "urgency": row[3],
            "response_class": row[4],
            "status": row[5],
            "waiting": row[6],
            "drill": row[7],
            "lon": round(row[8], 6),
            "lat": round(row[9], 6),
            "reported_at": row[10].isoformat(),
            "target_s": row[11],
            "closed_at": row[12].isoformat() if row[12] else None,
            "township": row[13],
            "village": row[14],
            "rule": row[15],
            "arrived_at": row[16].isoformat() if row[16] else None,
            "moving_at": row[17].isoformat() if row[17] else None,
            "teams": [str(team) for team in row[18] or ()],
        }
        for row in rows
    ]

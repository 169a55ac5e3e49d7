"""The queue of open cases, as the list and the map of the command screen need it; and the closed cases in its form."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gridsvc.db.cases import pages
from gridsvc.db.cases.alerts import AWAITED_STEP
from gridsvc.db.cases.pages import IS_OPEN, TIMING
from gridsvc.db.session.fast_statements import fetch_all

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy import Connection

    from gridsvc.db.cases.pages import Condition, Cursor

OPEN_SHOWN = 2000
PAGE = 100
CLOSED_COUNTED = 1000
"""Closed cases are counted up to this number."""

# One condition a list: its rows and its count are the same cases. Open drills are in a list of their own (R16).
LISTS = {
    "open": "not drill",
    "waiting": "not drill and waiting",
    "late": "not drill and (timing = 'late' or due_at < now())",
    "drills": "drill",
}
ALL = "true"

# The names of a case in every list of the screen, in SQL over `incident as i`.
_SHOWN = {
    name: f"i.{name}"
    for name in (
        "id", "number", "type", "urgency", "response_class", "status", "waiting", "drill", "reported_at",
        "triggered_at", "target_s", "rule", "lead_wanted", "arrived_at",
    )
} | {
    "timing": TIMING,
    "lon": "st_x(i.geom)",
    "lat": "st_y(i.geom)",
    "township": "i.owners -> 'township' ->> 'name'",
    "village": "i.owners -> 'village' ->> 'name'",
    "closed_at": "greatest(i.archived_at, i.cancelled_at)",
}  # fmt: skip

_SELECTED = ", ".join(f"{sql} as {name}" for name, sql in _SHOWN.items())
# While the response is open its target counts; afterwards, and without a target, the limit of the present step.
_QUEUE = f"""
    with shown as materialized (
        select i.district, {_SELECTED}, i.timing = 'open' as awaited, i.due_at as target_at, i.owners,
               {AWAITED_STEP} as step
        from incident as i where {IS_OPEN} and {{condition}}
    ), alerted as (
        select s.id, min(a.limit_at) as limit_at,
               jsonb_agg(jsonb_build_object('step', a.step, 'rank', a.rank, 'since', a.since, 'limit_at', a.limit_at,
                         'at', a.at, 'level', a.level, 'owner', a.owner,
                         'owner_name', s.owners -> a.level ->> 'name', 'district', s.district,
                         'owners', (select jsonb_object_agg(key, value ->> 'code') from jsonb_each(s.owners)))
                         order by a.since, a.rank) as alerts
        from shown as s join alert as a on a.district = s.district and a.incident_id = s.id and a.step = s.step
        group by s.id
    ), engaged as (
        select s.id, min(e.en_route_at) as moving_at, array_agg(e.team_id order by e.lead desc, e.since) as teams
        from shown as s join engagement as e on e.district = s.district and e.incident_id = s.id and e.until is null
        group by s.id
    ), queue as (
        select {", ".join(f"s.{name}" for name in _SHOWN)}, e.moving_at, e.teams, a.alerts,
               case when s.awaited then s.target_at else a.limit_at end as due_at
        from shown as s left join alerted as a using (id) left join engaged as e using (id)
    )
    select {{counts}}, q.*
    from (select 1) as one left join lateral (
        select * from queue where {{listed}} order by due_at, triggered_at desc, id desc limit %(limit)s offset %(skip)s
    ) as q on true
"""
_COUNTS = ", ".join(f"(select count(*) from queue where {met}) as n_{name}" for name, met in LISTS.items())
_NAMES = (*_SHOWN, "moving_at", "teams", "alerts", "due_at")


def list_queue(
    connection: Connection, condition: Condition, listed: str = ALL, *, limit: int, skip: int = 0
) -> tuple[list[dict[str, Any]], dict[str, int]]:
    """Return open cases as JSON values, the longest overdue first, and how many each of LISTS holds.

    `condition` narrows rows and counts, `listed` (of LISTS, or ALL) the rows. `teams` are those that are on the case
    now, the lead first; `alerts` those of the step that it waits for, each with the case's district and owners.
    """
    values = dict(condition.values) | {"limit": limit, "skip": skip, "district": condition.district}
    met = [*condition.both, *(condition.open or ())]
    if condition.narrow:
        met.append(f"({' or '.join(condition.narrow)})")
    if condition.district is not None:
        met.append("i.district = %(district)s")
    query = _QUEUE.format(condition=" and ".join(met) or "true", counts=_COUNTS, listed=listed)
    rows = fetch_all(connection, query, values, planned_for_values=True)
    counts = dict(zip(LISTS, rows[0], strict=False))
    items = [dict(zip(_NAMES, row[len(LISTS) :], strict=True)) for row in rows]
    return [_as_json(item) for item in items if item["id"] is not None], counts


def list_closed(
    connection: Connection, condition: Condition, *, after: Cursor | None
) -> tuple[list[dict[str, Any]], Cursor | None]:
    """Return a page of closed cases in the form of the queue, the newest first, and the cursor of the page after it."""
    found = pages.newest(connection, condition, limit=PAGE + 1, after=after, columns=_SHOWN)
    page = found[:PAGE]
    behind = (page[-1]["triggered_at"], page[-1]["id"]) if len(found) > PAGE else None
    absent = {"moving_at": None, "teams": None, "alerts": None, "due_at": None}
    return [_as_json(row | absent) for row in page], behind


def _as_json(row: Mapping[str, Any]) -> dict[str, Any]:
    value = dict(row) | {
        "id": str(row["id"]),
        "lon": round(row["lon"], 6),
        "lat": round(row["lat"], 6),
        "teams": [str(team) for team in row["teams"] or ()],
        "alerts": row["alerts"] or [],
    }
    return {
        key: field.isoformat() if field is not None and key.endswith("_at") else field for key, field in value.items()
    }

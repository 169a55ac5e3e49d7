"""The cases of a period as columns, for figures over many cases: fetched in pieces, never as a row of Python each."""

from __future__ import annotations

from itertools import count
from typing import TYPE_CHECKING, Any

from gridsvc.db.schema.cases import CLOSED, OPEN
from gridsvc.db.session.scope import whole_district
from gridsvc.grids.levels import LEVEL_KEYS

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime

    from sqlalchemy import Connection

_FETCHED = 20_000
_cursor = count()


def _us(column: str) -> str:
    """Return a time in SQL as microseconds since 1970, the least bigint where it is null."""
    return f"coalesce((extract(epoch from {column}) * 1000000)::bigint, -9223372036854775808)"


CASE_TIMES = (
    "reported_at", "triggered_at", "accepted_at", "assigned_at", "handled_at", "feedback_at", "archived_at",
    "cancelled_at",
)  # fmt: skip
TEAM_TIMES = ("since", "acknowledged_at", "en_route_at", "on_scene_at", "until")

_WITHIN = """
    i.district = %(district)s and (%(since)s::timestamptz is null or i.reported_at >= %(since)s)
    and (%(until)s::timestamptz is null or i.reported_at < %(until)s)
"""
# The same call again: a source sent its reference before. The first case that was not cancelled counts.
_CASES = f"""
    with repeated as materialized (
        select id from (
            select id, row_number() over (partition by source, external_ref, drill
                                          order by status = 'cancelled', triggered_at, id) as n
            from incident where district = %(district)s and external_ref is not null
        ) as sent where n > 1
    )
    select i.id::text, i.number, {", ".join(_us(f"i.{name}") for name in CASE_TIMES)},
           i.status not in ('archived', 'cancelled'), i.status = 'cancelled',
           i.id in (select id from repeated), i.drill, i.urgency = 'emergency',
           coalesce(i.target_s, -1), st_x(i.geom), st_y(i.geom), i.clock_policy, i.versions ->> 'clock_policies',
           i.response_class, i.type, i.regional, i.township, i.area, i.village, i.timing
    from incident as i where {_WITHIN} order by i.id
"""
_TEAMS = f"""
    select e.incident_id::text, e.team_id::text, e.slot, e.lead,
           {", ".join(_us(f"e.{name}") for name in TEAM_TIMES)},
           e.outcome, coalesce(e.travel_s, 'NaN'), coalesce(e.response_s, 'NaN')
    from incident as i
    join engagement as e on e.district = i.district and e.incident_id = i.id
    where {_WITHIN} and e.engaging order by e.id
"""
_NAMES = """
    select distinct on (level, code) level, code, name from grid
    where district = %s order by level, code, generation desc
"""
# The newest case of each type, by the indexes of open and of closed cases.
_TYPE_NAMES = f"""
    select t.type, i.type_name
    from unnest(%(types)s::text[]) as t (type)
    cross join lateral (
        (select type_name, triggered_at from incident
         where district = %(district)s and type = t.type and {OPEN} order by triggered_at desc limit 1)
        union all
        (select type_name, triggered_at from incident
         where district = %(district)s and type = t.type and {CLOSED} order by triggered_at desc limit 1)
        order by triggered_at desc limit 1
    ) as i
"""
_TEAMS_OF = "select id::text, unit, name from team where district = %s"


def list_case_columns(
    connection: Connection, district: str, since: datetime | None, until: datetime | None
) -> Iterator[list[tuple[Any, ...]]]:
    """Yield the columns of the cases that were reported from `since` until before `until`, a piece of rows at a time.

    In a piece: id, number, CASE_TIMES in microseconds, open, cancelled, duplicate, drill, emergency, target_s (-1 =
    none), lon, lat, clock policy and the version of the clock rules, class, type, the four owners, and timing.
    """
    return _pieces(connection, _CASES, {"district": district, "since": since, "until": until})


def list_team_columns(
    connection: Connection, district: str, since: datetime | None, until: datetime | None
) -> Iterator[list[tuple[Any, ...]]]:
    """Yield the columns of the teams that were engaged on those cases, a piece of rows at a time.

    In a piece: id of the case, id of the team, slot, lead, TEAM_TIMES in microseconds, outcome, and the seconds
    of travel and of response as predicted, NaN = unknown.
    """
    return _pieces(connection, _TEAMS, {"district": district, "since": since, "until": until})


def list_grid_names(connection: Connection, district: str) -> dict[str, dict[str, str]]:
    """Return the newest name of every grid that the caller sees: {level: {code: name}}."""
    found: dict[str, dict[str, str]] = {level: {} for level in LEVEL_KEYS}
    for level, code, name in connection.exec_driver_sql(_NAMES, (district,)):
        found[LEVEL_KEYS[level - 1]][code] = name
    return found


def list_team_units(connection: Connection, district: str) -> list[tuple[str, str, str]]:
    """Return (id, unit, name) of every team that there ever was."""
    with whole_district(connection):  # a team from elsewhere is seen on a case of the caller's grid
        return [(team, unit, name) for team, unit, name in connection.exec_driver_sql(_TEAMS_OF, (district,))]


def list_type_names(connection: Connection, district: str, types: Sequence[str]) -> dict[str, str]:
    """Return what some types of cases were called at the newest case of each that the caller sees."""
    values = {"district": district, "types": list(types)}
    return {row[0]: row[1] for row in connection.exec_driver_sql(_TYPE_NAMES, values)}


def _pieces(connection: Connection, query: str, values: dict[str, Any]) -> Iterator[list[tuple[Any, ...]]]:
    driver = connection.connection.driver_connection
    assert driver is not None
    with driver.cursor(name=f"columns_{next(_cursor)}", binary=True) as cursor:
        cursor.execute(query, values)
        while rows := cursor.fetchmany(_FETCHED):
            yield list(zip(*rows, strict=True))

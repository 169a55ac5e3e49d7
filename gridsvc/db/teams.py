"""Stations, teams, their last positions and what holds them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import UUID

from sqlalchemy import select, text
from sqlalchemy.dialects.postgresql import insert

from gridsvc.db.evidence import row_digests
from gridsvc.db.grids.versions import bump
from gridsvc.db.places.versions import bump_sources
from gridsvc.db.schema.tables import station, team
from gridsvc.db.session.district_of import in_scope
from gridsvc.db.session.fast_statements import fetch_all, fetch_one
from gridsvc.teams.model import AVAILABLE, Team, TeamState, TeamStatus

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime

    from sqlalchemy import Connection

    from gridsvc.db.cases.ground import OfCase
    from gridsvc.db.session.pipeline import Statement
    from gridsvc.teams.model import Station


def point(lon: float, lat: float) -> str:
    """Return a place as EWKT, lon/lat WGS-84."""
    return f"SRID=4326;POINT({lon!r} {lat!r})"


def put_stations(connection: Connection, district: str, stations: Iterable[Station]) -> None:
    """Insert new stations and update known ones; the others stay."""
    rows = [
        {
            "district": district,
            "id": s.id,
            "name": s.name,
            "kind": s.kind,
            "derived": s.derived,
            "geom": point(s.lon, s.lat),
        }
        for s in stations
    ]
    if rows:
        new = insert(station)
        changed = {key: new.excluded[key] for key in ("name", "kind", "derived", "geom")}
        connection.execute(new.on_conflict_do_update(index_elements=["district", "id"], set_=changed), rows)
        row_digests.mark(connection, "station", district)
        bump_sources(connection, district)


def replace_teams(
    connection: Connection,
    district: str,
    stations: Iterable[Station],
    teams: Sequence[Team],
    station_of: Mapping[str, str],
) -> None:
    """Put a roster in force: new teams are inserted, known ones updated, and teams that it leaves out are retired.

    `station_of` maps a team's id to the id of its station. Team ids are UUIDs as text.
    """
    put_stations(connection, district, stations)
    retire_all = text(
        "update team set on_duty = false, retired_at = coalesce(retired_at, clock_timestamp()) where district = :d"
    )
    connection.execute(retire_all, {"d": district})
    rows = [
        {
            "district": district,
            "id": UUID(t.id),
            "name": t.name,
            "unit": t.unit,
            "station": station_of.get(t.id),
            "on_duty": True,
            "roster": t.as_json(),
            "retired_at": None,
        }
        for t in teams
    ]
    if rows:
        new = insert(team)
        changed = {key: new.excluded[key] for key in ("name", "unit", "station", "on_duty", "roster", "retired_at")}
        connection.execute(new.on_conflict_do_update(index_elements=["district", "id"], set_=changed), rows)
    row_digests.mark(connection, "team", district)
    bump(connection, district, "teams")


def list_roster(connection: Connection, district: str) -> list[Team]:
    """Return the teams of a district, on duty or not, in the order of their ids; a retired team is not among them."""
    query = select(team.c.roster).where(team.c.district == district, team.c.retired_at.is_(None)).order_by(team.c.id)
    return [Team.from_json(roster) for roster in connection.scalars(query)]


_STATES = """
    select t.id::text, t.on_duty, e.incident_id::text, e.drill, st_x(l.geom), st_y(l.geom),
           cast(extract(epoch from %s::timestamptz - l.at) as double precision), l.datum_fit ->> 'likely'
    from team as t
    left join engagement as e
      on e.district = t.district and e.team_id = t.id and e.until is null and e.engaging
    left join team_last as l on l.district = t.district and l.team_id = t.id
    where t.district = %s and t.retired_at is null
    order by t.id
"""


def list_states(connection: Connection, district: str, now: datetime) -> list[tuple[str, TeamState]]:
    """Return (team id, state) of every team, in the order of `list_roster`."""
    return [(row[0], _state(*row[1:])) for row in fetch_all(connection, _STATES, (now, district))]


_CHANGED = """
    with live as materialized (
        select team_id, incident_id, drill from engagement where district = {district} and until is null and engaging
    ), last as materialized (
        select team_id, geom, at, datum_fit ->> 'likely' as suspect_datum from team_last where district = {district}
    ), off as materialized (
        select id as team_id from team where district = {district} and not on_duty
            and (retired_at is null or id in (select team_id from live union all select team_id from last))
    )
    select coalesce(live.team_id, last.team_id, off.team_id)::text, off.team_id is null, live.incident_id::text,
           live.drill, st_x(last.geom), st_y(last.geom),
           cast(extract(epoch from coalesce(%s::timestamptz, clock_timestamp()) - last.at) as double precision),
           last.suspect_datum
    from live full join last on last.team_id = live.team_id
    full join off on off.team_id = coalesce(live.team_id, last.team_id)
"""
_CHANGED_IN = _CHANGED.format(district="%s")


def changed_statement(district: str, now: datetime | None = None) -> Statement:
    """Return the statement whose rows are the states of the teams that are not simply free at their stations.

    What a decision reads, so that it does not read the whole fleet: who is engaged, off duty, or elsewhere. A retired
    team is off duty, and is left out where it has neither a case nor a position. `now`: the moment that positions have
    their age at, None = when the statement runs. The rows are for `read_changed`.
    """
    return _CHANGED_IN, (district, district, district, now)


def changed_near_case_statement(of_case: OfCase) -> Statement:
    """Return `changed_statement` of the district of a case, now."""
    district, value = of_case
    return _CHANGED.format(district=district), (value, value, value, None)


def read_changed(rows: Iterable[tuple[Any, ...]]) -> dict[str, TeamState]:
    """Return the states of `changed_statement` by team id."""
    return {row[0]: _state(*row[1:]) for row in rows}


def list_changed_states(connection: Connection, district: str, now: datetime) -> dict[str, TeamState]:
    """Return the state of each team that is not simply free at its station, by id (`changed_statement`)."""
    return read_changed(fetch_all(connection, *changed_statement(district, now)))


# As _STATES for a moment that has passed. Duty is what the last event before it said; without one, what it is now.
_STATES_AT = """
    select t.id::text,
           coalesce((select (v.body::jsonb -> 'data' ->> 'on_duty')::boolean from incident_event as v
                     where v.district = t.district and v.kind = 'duty' and v.at <= %(at)s
                       and v.body like '%%' || t.id::text || '%%'
                     order by v.at desc, v.id desc limit 1), t.on_duty),
           e.incident_id::text, e.drill, st_x(l.geom), st_y(l.geom),
           cast(extract(epoch from %(at)s::timestamptz - l.at) as double precision)
    from team as t
    left join engagement as e
      on e.district = t.district and e.team_id = t.id and e.engaging
     and e.since < %(at)s and (e.until is null or e.until > %(at)s)
    left join lateral (select p.geom, p.at from team_position as p
                       where p.district = t.district and p.team_id = t.id and p.received_at <= %(at)s
                       order by p.at desc limit 1) as l on true
    where t.district = %(district)s
    order by t.id
"""


def list_states_at(connection: Connection, district: str, at: datetime) -> list[tuple[str, TeamState]]:
    """Return (team id, state) of every team as it was at a moment, from engagements, duties and positions."""
    rows = fetch_all(connection, _STATES_AT, {"district": district, "at": at})
    return [(row[0], _state(*row[1:])) for row in rows]


def _state(
    on_duty: bool,
    incident_id: str | None,
    drill: bool | None,
    lon: float | None,
    lat: float | None,
    age_s: float | None,
    suspect_datum: str | None = None,
) -> TeamState:
    if on_duty and incident_id is None and lon is None:
        return AVAILABLE
    status = TeamStatus.AVAILABLE if on_duty else TeamStatus.OFF_DUTY
    if incident_id is not None:
        status = TeamStatus.ENGAGED
    return TeamState(
        status=status,
        incident_id=incident_id,
        on_drill=bool(drill),
        lon=lon,
        lat=lat,
        position_age_s=None if age_s is None else max(0.0, age_s),
        suspect_datum=suspect_datum,
    )


def set_duty(connection: Connection, district: str, team_id: UUID, *, on_duty: bool) -> bool:
    """Put a team on or off duty; return False if there is no such team, or if it is retired."""
    done = connection.execute(
        text("update team set on_duty = :on where district = :d and id = :id and retired_at is null"),
        {"on": on_duty, "d": district, "id": team_id},
    )
    row_digests.mark(connection, "team", district, team_id)
    return done.rowcount == 1


def retire(connection: Connection, district: str, team_id: UUID) -> bool:
    """Take a team off duty and out of the roster; return False if it is retired already or does not exist."""
    done = connection.execute(
        text(
            "update team set on_duty = false, retired_at = clock_timestamp() "
            "where district = :d and id = :id and retired_at is null"
        ),
        {"d": district, "id": team_id},
    )
    if done.rowcount == 1:
        row_digests.mark(connection, "team", district, team_id)
        bump(connection, district, "teams")
    return done.rowcount == 1


_LOCK = "select 1 from team where district = %s and id = any(%s) order by id for no key update"


def lock_teams(connection: Connection, district: str, team_ids: Sequence[UUID]) -> None:
    """Lock the rows of teams until the transaction ends, in id order, so no deadlock."""
    fetch_all(connection, _LOCK, (district, list(team_ids)))


_TAKE = """
    select t.id from team as t
    where t.district = %s and t.id = any(%s) and t.on_duty
      and not exists (select from engagement as e
                      where e.district = t.district and e.team_id = t.id and e.until is null and e.engaging
                        and (%s or not e.drill))
    order by t.id for no key update of t skip locked
"""


def take_teams(connection: Connection, district: str, team_ids: Sequence[UUID], *, drill: bool) -> set[str]:
    """Lock the teams that are free and not locked by another order; return their ids.

    A live case (`drill` False) may also take teams from drills. Does not wait for locks, so it may be called
    repeatedly.
    """
    return {str(row[0]) for row in fetch_all(connection, _TAKE, (district, list(team_ids), drill))}


def list_ids(connection: Connection) -> list[str]:
    """Return the ids of the teams that are there for the caller of the transaction."""
    condition, values = in_scope(connection)
    return [str(row[0]) for row in fetch_all(connection, f"select id from team where {condition}", values)]


def find_district(connection: Connection, team_id: UUID) -> str | None:
    """Return the district of a team, None for an unknown one."""
    condition, values = in_scope(connection)
    row = fetch_one(connection, f"select district from team where id = %s and {condition}", (team_id, *values))
    return None if row is None else row[0]

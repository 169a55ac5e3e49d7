"""Positions of teams: the last one of each, which decisions read, and their history, a partition a day."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from gridsvc.db.session.district_of import in_scope
from gridsvc.db.session.fast_statements import fetch_all

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime
    from uuid import UUID

    from sqlalchemy import Connection

    from gridsvc.teams.positions import Position


class Sender(NamedTuple):
    """A team that reports positions: its district, and the datum that a person decided for them; None: WGS-84."""

    district: str
    datum: str | None


_SENDERS = "select id, district, datum from team where id = any(%s) and "


def read_senders(connection: Connection, team_ids: Iterable[UUID]) -> dict[UUID, Sender]:
    """Return the teams that exist for the caller, by id."""
    condition, values = in_scope(connection)
    rows = fetch_all(connection, _SENDERS + condition, (list(team_ids), *values))
    return {team_id: Sender(district, datum) for team_id, district, datum in rows}


_NOW = "select clock_timestamp(), set_config('synchronous_commit', 'off', true)"


def begin_positions(connection: Connection) -> datetime:
    """Return the database's clock, and let the commit of this transaction not wait for the disk.

    A position is no evidence: to lose those of the last moment in a crash of the database costs less than a flush for
    each request. Nothing else may be written in such a transaction.
    """
    now: datetime = fetch_all(connection, _NOW)[0][0]
    return now


# One order of keys for all requests, so no deadlock. Only rows that are new may move the last position.
_PUT = """
    with sent as (
        select u.district, u.team_id, u.at, st_setsrid(st_point(u.lon, u.lat), 4326) as geom, u.accuracy_m, u.device_at
        from unnest(%(district)s::text[], %(team_id)s::uuid[], %(at)s::timestamptz[], %(lon)s::float8[],
                    %(lat)s::float8[], %(accuracy_m)s::float8[], %(device_at)s::timestamptz[])
             as u (district, team_id, at, lon, lat, accuracy_m, device_at)
    ), new as (
        insert into team_position (district, team_id, at, received_at, geom, accuracy_m, device_at)
        select district, team_id, at, %(now)s::timestamptz, geom, accuracy_m, device_at from sent
        where true
        order by district, team_id, at
        on conflict do nothing
        returning district, team_id, at, received_at, geom, accuracy_m
    ), last as (
        insert into team_last (district, team_id, geom, accuracy_m, at, received_at)
        select distinct on (district, team_id) district, team_id, geom, accuracy_m, at, received_at from new
        order by district, team_id, at desc
        on conflict (district, team_id) do update
        set geom = excluded.geom, accuracy_m = excluded.accuracy_m, at = excluded.at,
            received_at = excluded.received_at,
            datum_fit = case when team_last.datum_fit ? 'decided' then null else team_last.datum_fit end
        where team_last.at < excluded.at
        returning team_id
    )
    select count(*) from new
"""

# A time that was corrected differs at each attempt, so a repetition within a day is known by the device's time. Without
# a corrected time the statement does not name the history, whose partitions would all be planned and locked.
_PUT_CORRECTED = _PUT.replace(
    "where true",
    """where device_at is null or not exists (
            select from team_position as p
            where p.district = sent.district and p.team_id = sent.team_id and p.device_at = sent.device_at
              and p.at > %(now)s::timestamptz - interval '1 day'
        )""",
)


def put_positions(
    connection: Connection, positions: Sequence[Position], senders: Mapping[UUID, Sender], now: datetime
) -> int:
    """Store positions and return how many are new: the newest of a team becomes its last one, if none is newer.

    One that has the team and the time of an earlier one is a repetition, and the earlier one stays.
    """
    rows = {
        "district": [senders[each.team_id].district for each in positions],
        "team_id": [each.team_id for each in positions],
        "at": [each.at for each in positions],
        "lon": [each.lon for each in positions],
        "lat": [each.lat for each in positions],
        "accuracy_m": [each.accuracy_m for each in positions],
        "device_at": [each.device_at for each in positions],
    }
    statement = _PUT if all(each.device_at is None for each in positions) else _PUT_CORRECTED
    count: int = fetch_all(connection, statement, rows | {"now": now})[0][0]
    return count

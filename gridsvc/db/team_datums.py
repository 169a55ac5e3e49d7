"""The datum of teams' positions: what a person decided, what the roads speak for, and the positions that say so."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from psycopg.types.json import Jsonb

from gridsvc.coordinates import Datum
from gridsvc.db.evidence import row_digests
from gridsvc.db.session.fast_statements import fetch_all, fetch_one

if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID

    from numpy.typing import NDArray
    from sqlalchemy import Connection


@dataclass(frozen=True, slots=True)
class TeamDatum:
    """The datum of a team's positions and since when it was decided (None: never, it is WGS-84); `fit` as stored."""

    team_id: UUID
    name: str
    datum: Datum
    since: datetime | None
    fit: dict[str, Any] | None


@dataclass(frozen=True, slots=True)
class Track:
    """Positions of a team as arrays (n,), the oldest first: seconds since 1970, degrees WGS-84, accuracy or NaN."""

    at_s: NDArray[np.float64]
    lon: NDArray[np.float64]
    lat: NDArray[np.float64]
    accuracy_m: NDArray[np.float64]


_DATUMS = """
    select t.id, t.name, coalesce(t.datum, 'WGS-84'), t.datum_at,
           case when l.datum_fit ? 'decided' then null else l.datum_fit end
    from team as t left join team_last as l on l.district = t.district and l.team_id = t.id
    where t.district = %s and t.retired_at is null
"""


def list_datums(connection: Connection, district: str) -> list[TeamDatum]:
    """Return the datum of every team of a district, in the order of their names."""
    rows = fetch_all(connection, _DATUMS + " order by t.name, t.id", (district,))
    return [TeamDatum(team, name, Datum(datum), since, fit) for team, name, datum, since, fit in rows]


def lock_datum(connection: Connection, district: str, team_id: UUID) -> TeamDatum | None:
    """Return the datum of a team, whose row is locked until the transaction ends; None for a retired team."""
    row = fetch_one(connection, _DATUMS + " and t.id = %s for no key update of t", (district, team_id))
    return None if row is None else TeamDatum(row[0], row[1], Datum(row[2]), row[3], row[4])


_SUSPECTS = """
    select t.district, t.name, l.datum_fit
    from team_last as l join team as t on t.district = l.district and t.id = l.team_id
    where l.datum_fit is not null and not l.datum_fit ? 'decided' and t.retired_at is null
    order by t.district, t.name, t.id
"""


def list_suspects(connection: Connection) -> list[tuple[str, str, dict[str, Any]]]:
    """Return (district, name, fit) of the teams whose positions are on roads in another datum only."""
    return [(district, name, fit) for district, name, fit in fetch_all(connection, _SUSPECTS)]


# now() instead of the clock, so that days before are not looked at.
_TRACK = """
    select extract(epoch from at)::float8, st_x(geom), st_y(geom), coalesce(accuracy_m, 'NaN'::float8)
    from team_position
    where district = %s and team_id = %s and at > now() - make_interval(hours => %s)
      and received_at >= coalesce(%s::timestamptz, '-infinity')
    order by at desc limit %s
"""


def read_track(
    connection: Connection, district: str, team_id: UUID, *, hours: int, since: datetime | None, most: int
) -> Track:
    """Return the newest positions of a team: of the last hours, and received since a moment."""
    rows = fetch_all(connection, _TRACK, (district, team_id, hours, since, most))
    values = np.array(rows[::-1], np.float64).reshape(-1, 4)
    return Track(values[:, 0], values[:, 1], values[:, 2], values[:, 3])


_SET = """
    update team set datum = %s, datum_at = clock_timestamp() where district = %s and id = %s returning datum_at
"""

# The last position was stored as it came before: decisions that use it stay marked until the next one arrives.
_DECIDED = """
    update team_last set datum_fit = datum_fit || '{"decided": true}'
    where district = %s and team_id = %s and datum_fit is not null
"""


def set_datum(connection: Connection, district: str, team_id: UUID, datum: Datum) -> datetime:
    """Write the datum of a team's positions from now on, and return the moment."""
    at: datetime = fetch_all(connection, _SET, (datum.value, district, team_id))[0][0]
    fetch_all(connection, _DECIDED, (district, team_id))
    row_digests.mark(connection, "team", district, team_id)
    return at


_PUT_FIT = "update team_last set datum_fit = %s where district = %s and team_id = %s"


def put_fit(connection: Connection, district: str, team_id: UUID, fit: dict[str, Any] | None) -> None:
    """Write how the positions of a team fit the roads; None: nothing speaks for another datum."""
    fetch_all(connection, _PUT_FIT, (None if fit is None else Jsonb(fit), district, team_id))
